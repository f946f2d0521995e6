//! Thousands of media broken in all ways, each looked into and, where that goes well, rendered: every one gets a verdict, none
//! hangs, and none takes more than the process that looks into it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use reelgraph::{
    domain::{
        composition::{Content, Element, Playback, Source, Timing, Visual},
        error::{ErrorCode, JobFailure},
        media::MediaInfo,
        output::Format,
    },
    render::{
        Composition, PlacedElement,
        process::{Aim, Limits, Report, Running, Task},
    },
};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::{
    decoded::ffmpeg,
    support::{made, process::program},
};

/// Of each medium; and where all begins, so that each run sees the same files.
const MUTANTS: u64 = 110;
const SEED: u64 = 20_260_101;
/// Far beyond what any of them needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Numbers without an end, the same each time (Vigna's splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Most faults that matter lie in the head of a file.
    fn place(&mut self, bytes: &[u8]) -> usize {
        let end = if self.below(2) == 0 { bytes.len().min(512) } else { bytes.len() };
        self.below(end)
    }
}

/// One of the ways in which files break: bits that turn, ends and middles that are lost, parts that come twice or from elsewhere,
/// numbers that are as large as they can be.
fn mutate(seed: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    match numbers.below(7) {
        0 => (0..=numbers.below(64)).for_each(|_| {
            let at = numbers.place(&bytes);
            bytes[at] ^= 1 << numbers.below(8);
        }),
        1 => bytes.truncate(numbers.below(seed.len())),
        2 => {
            let (at, length) = (numbers.place(&bytes), numbers.below(256));
            bytes.drain(at..(at + length).min(seed.len()));
        }
        3 => {
            let (at, length) = (numbers.place(&bytes), numbers.below(4_096));
            let part = bytes[at..(at + length).min(seed.len())].to_vec();
            bytes.splice(at..at, part);
        }
        4 => {
            let (at, length) = (numbers.place(&bytes), numbers.below(512));
            let (from, end) = (numbers.below(other.len()), (at + length).min(bytes.len()));
            let part: Vec<u8> = other[from..].iter().copied().take(end - at).collect();
            bytes[at..at + part.len()].copy_from_slice(&part);
        }
        5 => (0..=numbers.below(8)).for_each(|_| {
            let at = numbers.place(&bytes).min(bytes.len().saturating_sub(4));
            let value = [u32::MAX, 0, 0x7fff_ffff, 0x8000_0000, 1, 0xffff][numbers.below(6)];
            let four = if numbers.below(2) == 0 { value.to_be_bytes() } else { value.to_le_bytes() };
            bytes[at..at + 4].copy_from_slice(&four);
        }),
        _ => {
            let (at, length) = (numbers.place(&bytes), numbers.below(2_048));
            let end = (at + length).min(bytes.len());
            bytes[at..end].fill(numbers.next() as u8);
        }
    }
    bytes
}

/// A short medium of each container and codec that is read.
fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let picture = ["-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=0.6"];
    let both = [&picture[..], &["-f", "lavfi", "-i", "sine=d=0.6"]].concat();
    let sound = ["-f", "lavfi", "-i", "sine=d=0.4"];
    let odd = ["-f", "lavfi", "-i", "testsrc2=s=35x27:r=10:d=0.6"];
    let pq = ["-pix_fmt", "yuv420p10le", "-color_trc", "smpte2084", "-color_primaries", "bt2020", "-colorspace", "bt2020nc"];
    let hdr = [&["-c:v", "libx265", "-x265-params", "log-level=none:max-cll=1000,400"], &pq[..]].concat();
    let cases: [(&str, &[&str], &[&str]); 19] = [
        ("a.mp4", &both, &["-c:v", "libx264", "-g", "4"]),
        ("b.mp4", &picture, &hdr),
        ("c.mp4", &picture, &["-c:v", "libsvtav1", "-preset", "12"]),
        ("d.webm", &both, &["-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime"]),
        ("e.webm", &picture, &["-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0"]),
        ("f.mov", &picture, &["-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"]),
        ("g.ts", &both, &["-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-c:a", "mp2"]),
        ("h.avi", &both, &["-c:v", "mpeg4", "-c:a", "mp3"]),
        ("i.gif", &picture, &[]),
        ("j.mkv", &both, &["-c:v", "libx264", "-c:a", "libvorbis"]),
        ("k.mov", &odd, &["-c:v", "mjpeg"]),
        ("s.mp4", &odd, &["-c:v", "libx264", "-pix_fmt", "yuv444p"]),
        ("l.mp3", &sound, &[]),
        ("m.wav", &sound, &[]),
        ("n.flac", &sound, &[]),
        ("o.ogg", &sound, &["-c:a", "libopus"]),
        ("p.m4a", &sound, &["-c:a", "aac"]),
        ("q.jpg", &picture, &["-frames:v", "1"]),
        ("r.webp", &picture, &["-frames:v", "1"]),
    ];
    let make = |(name, input, encoder): (&str, &[&str], &[&str])| {
        let path = folder.join(name);
        ffmpeg(&[input, encoder, &[path.to_string_lossy().as_ref()]].concat());
        std::fs::read(path).unwrap()
    };
    cases.into_iter().map(make).chain([made::logo(48, 32)]).collect()
}

fn limits() -> Limits {
    Limits { memory: 4 << 30, cpu_s: 20, file: 64 << 20 }
}

/// What a child says of a task, in the end.
async fn told(folder: &Path, task: &Task) -> Result<Option<MediaInfo>, JobFailure> {
    let mut running = Running::start(&program(), folder, task).await?;
    let mut found = None;
    loop {
        match running.next().await? {
            Report::Media { media, .. } => found = Some(media),
            Report::Failed { failure } => return Err(failure),
            Report::Done { .. } => return Ok(found),
            _ => {}
        }
    }
}

/// The verdict on a file: that of looking into it, or else of a render.
async fn verdict(folder: &Path, file: &Path) -> Result<(), JobFailure> {
    let source = Source::File(file.to_string_lossy().into_owned());
    let task = |content, aim| {
        let element = Element { timing: Timing { length: Some(0.3), ..Timing::default() }, content };
        let elements = vec![PlacedElement { id: "mutant".into(), element }];
        let paths = vec![file.with_extension("made").to_string_lossy().into_owned()];
        Task { aim, composition: Composition { elements, outputs: Vec::new() }, paths, limits: limits(), ..Task::default() }
    };
    let playback = Playback::of(source.clone());
    let found = told(folder, &task(Content::Audio { playback: playback.clone() }, Aim::Probe)).await?.unwrap_or_default();
    let (mut format, rate) = (Format::Mp4, json!({ "numerator": 10, "denominator": 1 }));
    let visual = Visual::default();
    let content = match (found.video_codec.is_some(), found.width.is_some()) {
        (true, _) => Content::Video { playback, visual, chroma_key: None },
        (false, true) => Content::Image { source, visual },
        (false, false) => {
            format = Format::Wav;
            Content::Audio { playback }
        }
    };
    let mut render = task(content, Aim::Render);
    let output =
        json!({ "format": format, "width": 64, "height": 48, "frame_rate": rate, "quality": "MEDIUM", "background": "#000" });
    render.composition.outputs = vec![serde_json::from_value(output).unwrap()];
    told(folder, &render).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_broken_has_a_verdict() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let seeds = seeds(folder.path());
    let mut numbers = Numbers(SEED);
    let places = Arc::new(Semaphore::new(3));
    let mut verdicts = tokio::task::JoinSet::new();
    for (index, seed) in seeds.iter().enumerate() {
        for number in 0..MUTANTS {
            let other = &seeds[numbers.below(seeds.len())];
            // The first of each is whole: what renders nothing proves nothing.
            let bytes = if number == 0 { seed.clone() } else { mutate(seed, other, &mut numbers) };
            let (folder, places) = (folder.clone(), places.clone());
            verdicts.spawn(async move {
                let _place = places.acquire_owned().await;
                let file: PathBuf = folder.path().join(format!("{index}-{number}"));
                std::fs::write(&file, bytes).unwrap();
                let verdict = tokio::time::timeout(PATIENCE, verdict(folder.path(), &file)).await;
                let _ = std::fs::remove_file(file.with_extension("made"));
                let _ = std::fs::remove_file(&file);
                (index, number, verdict)
            });
        }
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(done) = verdicts.join_next().await {
        let (index, number, verdict) = done.unwrap();
        let verdict = verdict.unwrap_or_else(|_| panic!("{index}-{number} hangs"));
        let name = match verdict {
            Ok(()) => "rendered".to_owned(),
            Err(failure) if number == 0 => panic!("{index} as it was made: {failure:?}"),
            Err(failure) => {
                let expected = [ErrorCode::CorruptMedia, ErrorCode::UnsupportedFormat, ErrorCode::ResourceLimit];
                assert!(expected.contains(&failure.code), "{index}-{number}: {failure:?}");
                // Contained it would be, but it would be a hole.
                assert!(!failure.message.contains("crashed"), "{index}-{number}: {failure:?}");
                failure.code.as_str().to_owned()
            }
        };
        *counts.entry(name).or_default() += 1;
    }
    println!("{counts:?}");
    assert_eq!(counts.values().sum::<usize>(), seeds.len() * MUTANTS as usize);
}
