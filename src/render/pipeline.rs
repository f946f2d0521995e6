//! The render itself: the picture is made in segments ([`super::runs`]) or found where it was kept ([`super::shelf`]), the sound
//! beside it ([`super::sounding`]), and a thread of each file writes it ([`super::pictures`]). Files of the same pictures are made
//! together: what is decoded and composed goes to an encoder of each. The channels between are bounded, so that memory does not
//! grow with the length of the video.

use std::{
    collections::HashMap,
    path::Path,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use super::{
    RenderError,
    ahead::{CpuCount, thread_cpu},
    compositor::Compositor,
    copied::Copies,
    encoding,
    ground::Ground,
    pictures::{self, Parts, Pictures, Place},
    plan::Plan,
    prepare::Ready,
    runs,
    shared::Shared,
    shelf::Shelf,
    sounding::Sound,
    still,
};
use crate::{
    domain::output::{Format, Output, Quality},
    media::{Form, MediaError, Muxer, Palette, PaletteMaker, Smoothness, VideoEncoder, VideoSettings, Yuv420, Yuv444Ten},
};

/// Packets of sound that may wait for the picture: some seconds.
const SOUND_AHEAD: usize = 256;
/// Frames that a GIF's palette is chosen from.
const PALETTE_FRAMES: i64 = 50;
/// Further apart than this they are each composed from near it on, seconds.
const PALETTE_FAR_S: f64 = 5.0;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// What a render may use beside its sources.
#[derive(Default)]
pub struct Means<'a> {
    /// Where parts are kept, and the hashes of the sources by which they are found.
    pub shelf: Option<(&'a Shelf, &'a HashMap<String, String>)>,
    /// How many runs go on at once, whatever the machine; 0: as many as it has room for.
    pub runs: usize,
    /// The width at which stills are written; `None`: as they are composed.
    pub still_width: Option<u32>,
    /// Bytes that all of it may take; 0: any number.
    pub memory: u64,
}

/// A file to be made.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub output: &'a Output,
    pub path: &'a Path,
}

/// What was made, and what composing it cost; of files that are made together the first bears the cost.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    pub frames: i64,
    pub has_sound: bool,
    /// CPU time of decoding, composing and mixing.
    pub composition_cpu: Duration,
    /// Segments that were encoded, and that were found.
    pub rendered: i64,
    pub reused: i64,
}

/// Told of the render's progress.
pub trait Watcher {
    /// `frames` of the pictures of all files that are made together are encoded.
    fn encoded(&mut self, frames: i64);
}

/// Which outputs are made together, by index: those of one plan whose pictures are alike and are cut into segments, as far as so
/// many bytes of memory last; 0: any number.
pub fn together(plans: &[Plan], outputs: &[Output], memory: u64) -> Vec<Vec<usize>> {
    let alike = |one: usize, other: usize| {
        let [a, b] = [&outputs[one], &outputs[other]];
        let looks =
            |output: &Output| (smoothness(output.quality), output.keeps_alpha(), encoding::video(output, None).storage.is_fine());
        encoding::is_cut(a) && encoding::is_cut(b) && looks(a) == looks(b) && plans[one] == plans[other]
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for index in 0..outputs.len() {
        let bytes = |index: usize| runs::bytes(&encoding::video(&outputs[index], None));
        let fits = |group: &[usize]| {
            memory == 0 || group.iter().map(|one| bytes(*one)).sum::<u64>() + bytes(index) <= runs::share(memory)
        };
        match groups.iter_mut().find(|group| fits(group) && alike(group[0], index)) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// Renders into files whose pictures are the same, as [`together`] finds them; what was made of each, in their order.
pub fn render(ready: &Ready, targets: &[Target], means: &Means, watcher: &mut dyn Watcher) -> Result<Vec<Made>, RenderError> {
    if let [Target { output, path }] = targets {
        if output.format.is_still() {
            return Ok(vec![still(ready, output, path, means, watcher)?]);
        }
        if output.format.is_sound_alone() {
            return Ok(vec![sound_alone(ready, output, path, watcher)?]);
        }
    }
    let copies: Vec<Copies> = targets.iter().map(|target| Copies::find(ready, target.output)).collect();
    if targets.len() > 1 && copies.iter().any(|copies| !copies.parts.is_empty()) {
        // What is copied is cut elsewhere than what is not.
        return one_by_one(ready, targets, means, watcher);
    }
    let mut files = Vec::with_capacity(targets.len());
    for (target, copies) in targets.iter().zip(copies) {
        files.push(File::open(ready, target, copies, watcher)?);
    }
    // All of them are in one form.
    match files.iter().any(|file| file.settings.storage.is_fine()) {
        true => make::<Yuv444Ten>(ready, files, means, watcher),
        false => make::<Yuv420>(ready, files, means, watcher),
    }
}

fn one_by_one(ready: &Ready, targets: &[Target], means: &Means, watcher: &mut dyn Watcher) -> Result<Vec<Made>, RenderError> {
    let mut made = Vec::with_capacity(targets.len());
    for target in targets {
        let mut after = After { watcher, frames: made.len() as i64 * ready.plan.length() };
        made.extend(render(ready, std::slice::from_ref(target), means, &mut after)?);
    }
    Ok(made)
}

/// Tells of frames after others.
struct After<'a> {
    watcher: &'a mut dyn Watcher,
    frames: i64,
}

impl Watcher for After<'_> {
    fn encoded(&mut self, frames: i64) {
        self.watcher.encoded(self.frames + frames);
    }
}

/// A file that is open, and what comes into it.
struct File<'a> {
    target: &'a Target<'a>,
    settings: VideoSettings,
    /// The parameter sets of its encoder.
    head: Vec<u8>,
    parts: Parts,
    sound: Sound,
    muxer: Muxer,
}

impl<'a> File<'a> {
    fn open(ready: &Ready, target: &'a Target, copies: Copies, watcher: &mut dyn Watcher) -> Result<Self, RenderError> {
        let Target { output, path } = *target;
        let palette = (output.format == Format::Gif).then(|| palette(ready, output, watcher)).transpose()?;
        let mut settings = encoding::video(output, palette);
        if let Some(id) = copies.free_id() {
            settings.add_x264(&format!("sps-id={id}"));
        }
        let mut video = VideoEncoder::open(&settings).map_err(RenderError::whole)?;
        let head = video.head();
        let parts = Parts::of(ready.plan, output, copies, &mut video);
        // Beside a picture that is encoded whole, encoding the sound costs next to nothing.
        let (sound, track) = Sound::of(ready, output, parts.delay.is_some())?;
        let muxer = Muxer::create(path, encoding::container(output.format), Some(&video), track.as_ref());
        Ok(Self { target, settings, head, parts, sound, muxer: muxer.map_err(RenderError::whole)? })
    }
}

/// Makes files whose segments are the same.
fn make<F: Form>(ready: &Ready, files: Vec<File>, means: &Means, watcher: &mut dyn Watcher) -> Result<Vec<Made>, RenderError> {
    let count = files.len();
    let shared = Shared::new(count);
    let (mut own, mut moving) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for File { target, settings, head, parts, sound, muxer } in files {
        own.push((target, settings, head));
        moving.push((parts, sound, muxer));
    }
    let (mut pictures, mut streams) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for ((target, settings, head), (parts, sound, muxer)) in own.iter().zip(moving) {
        let place = Place { head, path: target.path };
        pictures.push(Pictures::of(ready, target.output, settings, parts, &place, means));
        streams.push((sound, muxer));
    }
    let has_sound: Vec<bool> = streams.iter().map(|(sound, _)| sound.is_there()).collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    // They are composed once for all files.
    let nested = ready.plan.nested_pixels.div_ceil(count as u64);
    let at_once = own.iter().map(|(_, settings, _)| runs::at_once(settings, nested, cores, means.memory / count as u64));
    let runs = if means.runs == 0 { at_once.min().unwrap_or(1) } else { means.runs };
    let work = pictures::work(&pictures, runs, &shared);
    thread::scope(|scope| {
        let (ended_out, ended) = mpsc::channel::<()>();
        let mut done_out = Vec::with_capacity(count);
        for (number, ((sound, muxer), picture)) in streams.into_iter().zip(&pictures).enumerate() {
            let (out, done) = mpsc::channel();
            done_out.push(out);
            let (sound_out, sound_in) = mpsc::sync_channel(SOUND_AHEAD);
            let (shared, ended_out) = (&shared, ended_out.clone());
            scope.spawn(move || {
                let mut sound = sound;
                let key = picture.key_of_sound();
                let kept = key.as_deref().zip(means.shelf.map(|(shelf, _)| shelf));
                shared.watch(|| sound.send(kept, shared, sound_out));
            });
            scope.spawn(move || {
                shared.watch(|| picture.write(number, muxer, &done, sound_in, shared));
                drop(ended_out);
            });
        }
        for _ in 0..runs {
            let (work, done_out, shared) = (&work, done_out.clone(), &shared);
            scope.spawn(move || shared.watch(|| work.through::<F>(scope, &done_out)));
        }
        drop((done_out, ended_out));
        follow(&ended, &shared, watcher);
    });
    let composition_cpu = shared.composition_cpu();
    shared.into_outcome()?;
    let made = |(number, picture): (usize, &Pictures)| Made {
        frames: ready.plan.length(),
        has_sound: has_sound[number],
        composition_cpu: if number == 0 { composition_cpu } else { Duration::ZERO },
        rendered: picture.to_be_made() as i64,
        reused: picture.reused(),
    };
    Ok(pictures.iter().enumerate().map(made).collect())
}

/// Tells of progress until all files have ended. Only where there is some: who hears nothing for long takes it that nothing moves
/// any more.
fn follow(ended: &Receiver<()>, shared: &Shared, watcher: &mut dyn Watcher) {
    let mut told = 0;
    while ended.recv_timeout(TELL_EVERY) == Err(RecvTimeoutError::Timeout) {
        let signs = shared.signs();
        if signs != told {
            told = signs;
            watcher.encoded(shared.frames());
        }
    }
}

/// The one frame of a still.
fn still(ready: &Ready, output: &Output, path: &Path, means: &Means, watcher: &mut dyn Watcher) -> Result<Made, RenderError> {
    let mut ground = Ground::<Yuv444Ten>::of(ready.plan, output.keeps_alpha()).map_err(RenderError::whole)?;
    let mut canvas = ground.canvas(ready.plan).map_err(RenderError::whole)?;
    let (before, decoding) = (thread_cpu(), CpuCount::default());
    let mut compositor = Compositor::new(ready, smoothness(output.quality), decoding.clone());
    ground.compose(&mut compositor, ready.plan.first, &mut canvas)?;
    let composition_cpu = thread_cpu().saturating_sub(before) + decoding.get();
    still::write(&canvas, output, means.still_width, path).map_err(RenderError::whole)?;
    watcher.encoded(1);
    Ok(Made { frames: 1, has_sound: false, composition_cpu, rendered: 1, reused: 0 })
}

/// In how many steps a file's progress is told: its pictures, or seconds of sound alone.
pub fn steps(plan: &Plan, output: &Output) -> i64 {
    if output.format.is_sound_alone() { plan.rate.seconds(plan.length()).ceil() as i64 } else { plan.length() }
}

/// Sound without a picture.
fn sound_alone(ready: &Ready, output: &Output, path: &Path, watcher: &mut dyn Watcher) -> Result<Made, RenderError> {
    let (mut sound, track) = Sound::of(ready, output, false)?;
    let Some(track) = track else {
        return Err(RenderError::whole(MediaError::Unsupported("nothing in the composition sounds".into())));
    };
    let mut muxer = Muxer::create(path, encoding::container(output.format), None, Some(&track)).map_err(RenderError::whole)?;
    let (out, packets) = mpsc::sync_channel(SOUND_AHEAD);
    let shared = Shared::new(1);
    thread::scope(|scope| {
        let shared = &shared;
        scope.spawn(move || shared.watch(|| sound.send(None, shared, out)));
        let (mut told, mut signs, mut written) = (0, shared.signs(), Ok(()));
        while written.is_ok() {
            match packets.recv_timeout(TELL_EVERY) {
                Ok(packet) => {
                    told = (packet.decode_at() as i64).clamp(0, steps(ready.plan, output));
                    watcher.encoded(told);
                    written = muxer.write_audio(packet);
                }
                // Its loudness is being measured.
                Err(RecvTimeoutError::Timeout) if shared.signs() != signs => {
                    signs = shared.signs();
                    watcher.encoded(told);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        drop(packets);
        written.and_then(|()| muxer.finish()).unwrap_or_else(|error| shared.fail(RenderError::whole(error)));
    });
    let composition_cpu = shared.composition_cpu();
    shared.into_outcome()?;
    Ok(Made { frames: ready.plan.length(), has_sound: true, composition_cpu, rendered: 1, reused: 0 })
}

/// The colours of a GIF, from frames all over it.
fn palette(ready: &Ready, output: &Output, watcher: &mut dyn Watcher) -> Result<Palette, RenderError> {
    let plan = ready.plan;
    let new = || Compositor::new(ready, smoothness(output.quality), CpuCount::default());
    let mut compositor = new();
    let mut ground = Ground::<Yuv444Ten>::of(plan, output.keeps_alpha()).map_err(RenderError::whole)?;
    let mut canvas = ground.canvas(plan).map_err(RenderError::whole)?;
    let mut maker = PaletteMaker::default();
    let step = (plan.length() / PALETTE_FRAMES).max(1);
    for number in (plan.first..plan.end).step_by(step as usize) {
        // A decoder goes through all that is between, another begins near what it is to show.
        if plan.rate.seconds(step) > PALETTE_FAR_S {
            compositor = new();
        }
        // Nothing of the file, but a sign that it goes on.
        watcher.encoded(0);
        ground.compose(&mut compositor, number, &mut canvas)?;
        maker.add(&canvas).map_err(RenderError::whole)?;
    }
    Ok(maker.finish())
}

pub fn smoothness(quality: Quality) -> Smoothness {
    match quality {
        Quality::Draft => Smoothness::Bilinear,
        Quality::Low | Quality::Medium => Smoothness::Bicubic,
        Quality::High | Quality::Lossless => Smoothness::Exact,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            composition::{Content, Element, Timing, Visual},
            look::{Shape, ShapeKind},
            motion::{Keyframe, Property},
            output::VideoCodec,
            paint::Color,
        },
        render::{Composition, PlacedElement, prepare},
    };

    struct Nobody;

    impl Watcher for Nobody {
        fn encoded(&mut self, _: i64) {}
    }

    /// A rectangle that goes across for 12 s.
    fn moving() -> Composition {
        let easing = crate::domain::easing::Easing::Linear;
        let key = |at, value| Keyframe { property: Property::X, at, value, easing };
        let keyframes = vec![key(0.0, 0.0), key(12.0, 160.0)];
        let visual = Visual { width: crate::domain::geometry::Length::Pixels(40.0), keyframes, ..Visual::default() };
        let shape = Shape { kind: ShapeKind::Rectangle, fill: Some(Color::WHITE), gradient: None, stroke: None };
        let timing = Timing { length: Some(12.0), ..Timing::default() };
        let element = Element { timing, content: Content::Shape { shape, visual } };
        Composition { elements: vec![PlacedElement { id: "a".into(), element }], outputs: vec![Output::plain(160, 90, 25)] }
    }

    #[test]
    fn however_many_runs_the_bytes_are_the_same() {
        crate::media::init().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let composition = moving();
        let understood = prepare::understand(&composition, &mut |_, _| Vec::new()).unwrap();
        let made = [1, 3].map(|runs| {
            let path = folder.path().join(runs.to_string());
            let means = Means { runs, ..Means::default() };
            let target = Target { output: &composition.outputs[0], path: &path };
            let made = render(&understood.ready(0), &[target], &means, &mut Nobody).unwrap();
            assert_eq!((made[0].frames, made[0].rendered, made[0].reused), (300, 4, 0));
            std::fs::read(path).unwrap()
        });
        assert!(made[0] == made[1]);
    }

    /// Three files of one picture.
    fn of_three_files() -> Composition {
        let plain = Output::plain(160, 90, 25);
        let small = Output { crf: Some(40), ..plain.clone() };
        let webm = Output { format: Format::Webm, video_codec: VideoCodec::Vp9, crf: Some(50), ..plain.clone() };
        Composition { outputs: vec![plain, small, webm], ..moving() }
    }

    #[test]
    fn what_is_made_together_is_as_what_is_made_alone() {
        crate::media::init().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let composition = of_three_files();
        let understood = prepare::understand(&composition, &mut |_, _| Vec::new()).unwrap();
        assert_eq!(together(&understood.plans, &composition.outputs, 0), [[0, 1, 2]]);
        let path = |kind: &str, index: usize| folder.path().join(format!("{kind}-{index}"));
        let paths: Vec<_> = (0..3).map(|index| path("together", index)).collect();
        let target = |(output, path)| Target { output, path };
        let targets: Vec<Target> =
            composition.outputs.iter().zip(paths.iter().map(std::path::PathBuf::as_path)).map(target).collect();
        let made = render(&understood.ready(0), &targets, &Means::default(), &mut Nobody).unwrap();
        assert_eq!(made.iter().map(|made| made.rendered).collect::<Vec<_>>(), [4, 4, 4]);
        for (index, output) in composition.outputs.iter().enumerate() {
            let alone = path("alone", index);
            render(&understood.ready(index), &[Target { output, path: &alone }], &Means::default(), &mut Nobody).unwrap();
            assert!(std::fs::read(&paths[index]).unwrap() == std::fs::read(alone).unwrap(), "{output:?}");
        }
    }

    #[test]
    fn what_looks_otherwise_is_made_by_itself() {
        crate::media::init().unwrap();
        let mut composition = of_three_files();
        let plain = composition.outputs[0].clone();
        composition.outputs.extend([
            Output { quality: Quality::High, ..plain.clone() },
            Output { width: 320, ..plain.clone() },
            Output { format: Format::Gif, ..plain.clone() },
            Output { format: Format::Mov, video_codec: VideoCodec::Prores, ..plain.clone() },
            plain,
        ]);
        let understood = prepare::understand(&composition, &mut |_, _| Vec::new()).unwrap();
        let groups = together(&understood.plans, &composition.outputs, 0);
        assert_eq!(groups, [vec![0, 1, 2, 7], vec![3], vec![4], vec![5], vec![6]]);
        let narrow = together(&understood.plans[..3], &composition.outputs[..3], 2 * 2 * 160 * 90 * 3 / 2 * 400);
        assert_eq!(narrow, [vec![0, 1], vec![2]], "as there is memory for two");
    }

    #[test]
    fn where_one_file_cannot_be_written_all_end() {
        crate::media::init().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let composition = of_three_files();
        let understood = prepare::understand(&composition, &mut |_, _| Vec::new()).unwrap();
        let good = folder.path().join("good");
        let targets = [&good, Path::new("/dev/full")];
        let targets: Vec<Target> =
            composition.outputs[1..].iter().zip(targets).map(|(output, path)| Target { output, path }).collect();
        let failed = render(&understood.ready(1), &targets, &Means::default(), &mut Nobody).unwrap_err();
        assert_eq!(failed.error, MediaError::DiskFull);
    }
}
