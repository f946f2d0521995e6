//! The render itself: the picture is made in segments ([`super::runs`]) or found where it was kept ([`super::shelf`]), sound is
//! mixed and encoded on another thread, and this one writes the file. The channels between are bounded, so that memory does not
//! grow with the length of the video.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
        mpsc::{self, SyncSender},
    },
    thread,
    time::Duration,
};

use super::{
    RenderError,
    ahead::{CpuCount, thread_cpu},
    compositor::Compositor,
    copied::{CopiedSound, Copies},
    encoding,
    ground::Ground,
    mixer::Mixer,
    pictures::{Parts, Pictures, Place},
    prepare::Ready,
    runs,
    shelf::Shelf,
    still,
};
use crate::{
    domain::output::{Format, Output, Quality},
    media::{AudioEncoder, Encoded, MediaError, Muxer, Palette, PaletteMaker, Parcel, Smoothness, VideoEncoder},
};

/// Packets of sound that may wait for the picture: some seconds.
const SOUND_AHEAD: usize = 256;
/// Frames that a GIF's palette is chosen from.
const PALETTE_FRAMES: i64 = 50;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// The most of a sound that is kept, bytes: some hours.
const MOST_KEPT_SOUND: usize = 128 << 20;

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

/// What was made, and what composing it cost.
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
    /// `frames` of the picture are encoded.
    fn encoded(&mut self, frames: i64);
}

/// What the threads tell each other beside frames and packets.
#[derive(Default)]
pub struct Shared {
    /// One has failed: the others need not go on.
    failed: AtomicBool,
    encoded: AtomicI64,
    /// The segment that is written next, by index.
    next: Mutex<usize>,
    moved_on: Condvar,
    /// CPU time of composing and of mixing, nanoseconds.
    composition_ns: AtomicU64,
}

impl Shared {
    pub fn fail(&self) {
        self.failed.store(true, Relaxed);
        self.moved_on.notify_all();
    }

    /// Waits until a segment is at most so many ahead of the one that is written next, or something has failed: those that are
    /// made and cannot be written yet are held in memory.
    pub fn wait_for(&self, index: usize, ahead: usize) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        while index > *next + ahead && !self.has_failed() {
            // A wake-up may come just before the wait: nobody waits for long.
            let waited = self.moved_on.wait_timeout(next, TELL_EVERY).unwrap_or_else(PoisonError::into_inner);
            next = waited.0;
        }
    }

    pub fn wrote(&self, index: usize) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = index + 1;
        self.moved_on.notify_all();
    }

    pub fn has_failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    pub fn add_composing(&self, time: Duration) {
        self.composition_ns.fetch_add(time.as_nanos() as u64, Relaxed);
    }

    pub fn add_encoded(&self, frames: i64) {
        self.encoded.fetch_add(frames, Relaxed);
    }

    /// Frames that are encoded.
    pub fn encoded(&self) -> i64 {
        self.encoded.load(Relaxed)
    }

    fn composition_cpu(&self) -> Duration {
        Duration::from_nanos(self.composition_ns.load(Relaxed))
    }
}

/// Renders into a file.
pub fn render(
    ready: &Ready,
    output: &Output,
    path: &Path,
    means: &Means,
    watcher: &mut dyn Watcher,
) -> Result<Made, RenderError> {
    if output.format.is_still() {
        return still(ready, output, path, means, watcher);
    }
    let mut mixer = Mixer::new(ready).filter(|_| output.format.has_sound());
    let audio = mixer.as_ref().and_then(|_| encoding::audio(output)).map(|settings| AudioEncoder::open(&settings));
    let mut audio = audio.transpose().map_err(RenderError::whole)?;
    let has_sound = audio.is_some();
    if output.format.is_sound_alone() {
        return sound_alone(&mut mixer, &mut audio, ready, output, path, watcher);
    }
    let palette = (output.format == Format::Gif).then(|| palette(ready, output)).transpose()?;
    let mut settings = encoding::video(output, palette);
    let copies = Copies::find(ready, output);
    if let Some(id) = copies.free_id() {
        settings.options.push(("x264-params", format!("sps-id={id}")));
    }
    let mut video = VideoEncoder::open(&settings).map_err(RenderError::whole)?;
    let head = video.head();
    let parts = Parts::of(ready.plan, output, copies, &mut video);
    let container = encoding::container(output.format);
    // Beside a picture that is encoded whole, encoding the sound costs next to nothing.
    let sound = (parts.delay.is_some() && has_sound).then(|| CopiedSound::find(ready, output)).flatten();
    let (sound, track) = sound.unzip();
    let track = track.or_else(|| audio.as_ref().map(AudioEncoder::track));
    let muxer = Muxer::create(path, container, Some(&video), track.as_ref()).map_err(RenderError::whole)?;
    let pictures = Pictures::of(ready, output, &settings, parts, &Place { head: &head, path }, means);
    drop(video);
    let shared = Shared::default();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let runs = if means.runs == 0 { runs::at_once(&settings, cores, means.memory) } else { means.runs };
    let (work, reused) = (pictures.work(runs, &shared), pictures.reused());
    let (sound_out, sound_in) = mpsc::sync_channel(SOUND_AHEAD);
    let sound_key = pictures.making.as_ref().map(|making| making.of_sound(&format!("{:?}", encoding::audio(output))));
    thread::scope(|scope| {
        let sounding = scope.spawn(|| match (&sound, &mut mixer, &mut audio) {
            (Some(sound), ..) => {
                let sounded = sound.read(&mut |packet| sound_out.send(packet).is_ok());
                sounded.map_err(RenderError::whole).inspect_err(|_| shared.fail())
            }
            (None, Some(mixer), Some(encoder)) => {
                let kept = sound_key.as_deref().zip(means.shelf.map(|(shelf, _)| shelf));
                let sounded = kept_sound(kept, mixer, encoder, &shared, sound_out);
                sounded.inspect_err(|_| shared.fail())
            }
            _ => Ok(()),
        });
        let (done_out, done) = mpsc::channel();
        for _ in 0..runs {
            let (work, done_out) = (&work, done_out.clone());
            scope.spawn(move || work.through(scope, &done_out));
        }
        drop(done_out);
        let written = pictures.write(muxer, &done, sound_in, &shared, watcher).inspect_err(|_| shared.fail());
        drop(done);
        // The sound's own error comes first: a channel that closed early is only its consequence.
        sounding.join().map_err(|_| panicked())??;
        written
    })?;
    Ok(Made {
        frames: ready.plan.length(),
        has_sound,
        composition_cpu: shared.composition_cpu(),
        rendered: pictures.to_be_made() as i64,
        reused,
    })
}

pub fn panicked() -> RenderError {
    RenderError::whole(MediaError::Output("a render thread panicked".into()))
}

/// The one frame of a still.
fn still(ready: &Ready, output: &Output, path: &Path, means: &Means, watcher: &mut dyn Watcher) -> Result<Made, RenderError> {
    let mut ground = Ground::of(ready.plan, output.keeps_alpha()).map_err(RenderError::whole)?;
    let mut canvas = ground.canvas(ready.plan).map_err(RenderError::whole)?;
    let (before, decoding) = (thread_cpu(), CpuCount::default());
    let mut compositor = Compositor::new(ready, smoothness(output.quality), decoding.clone());
    ground.compose(&mut compositor, ready.plan.first, &mut canvas)?;
    let composition_cpu = thread_cpu().saturating_sub(before) + decoding.get();
    still::write(&canvas, output, means.still_width, path).map_err(RenderError::whole)?;
    watcher.encoded(1);
    Ok(Made { frames: 1, has_sound: false, composition_cpu, rendered: 1, reused: 0 })
}

/// Sound without a picture.
fn sound_alone(
    mixer: &mut Option<Mixer>,
    audio: &mut Option<AudioEncoder>,
    ready: &Ready,
    output: &Output,
    path: &Path,
    watcher: &mut dyn Watcher,
) -> Result<Made, RenderError> {
    let (Some(mixer), Some(encoder)) = (mixer, audio) else {
        return Err(RenderError::whole(MediaError::Unsupported("nothing in the composition sounds".into())));
    };
    let mut muxer =
        Muxer::create(path, encoding::container(output.format), None, Some(&encoder.track())).map_err(RenderError::whole)?;
    let (out, packets) = mpsc::sync_channel(SOUND_AHEAD);
    let shared = Shared::default();
    thread::scope(|scope| {
        let shared = &shared;
        let sounding = scope.spawn(move || sound(mixer, encoder, shared, &mut |packet| out.send(packet).is_ok()));
        let written = packets.into_iter().try_for_each(|packet| {
            let frame = (packet.decode_at() * ready.plan.rate.as_f64()) as i64;
            watcher.encoded(frame.clamp(0, ready.plan.length()));
            muxer.write_audio(packet)
        });
        sounding.join().map_err(|_| panicked())??;
        written.map_err(RenderError::whole)?;
        muxer.finish().map_err(RenderError::whole)?;
        let composition_cpu = shared.composition_cpu();
        Ok(Made { frames: ready.plan.length(), has_sound: true, composition_cpu, rendered: 1, reused: 0 })
    })
}

/// The colours of a GIF, from frames all over it.
fn palette(ready: &Ready, output: &Output) -> Result<Palette, RenderError> {
    let plan = ready.plan;
    let mut compositor = Compositor::new(ready, smoothness(output.quality), CpuCount::default());
    let mut ground = Ground::of(plan, output.keeps_alpha()).map_err(RenderError::whole)?;
    let mut canvas = ground.canvas(plan).map_err(RenderError::whole)?;
    let mut maker = PaletteMaker::default();
    for number in (plan.first..plan.end).step_by((plan.length() / PALETTE_FRAMES).max(1) as usize) {
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

/// The sound as it was kept, or made and kept.
fn kept_sound(
    kept: Option<(&str, &Shelf)>,
    mixer: &mut Mixer,
    encoder: &mut AudioEncoder,
    shared: &Shared,
    packets: SyncSender<Encoded>,
) -> Result<(), RenderError> {
    let Some((key, shelf)) = kept else { return sound(mixer, encoder, shared, &mut |packet| packets.send(packet).is_ok()) };
    let head = encoder.head();
    if let Some(parcel) = shelf.take(key, &head) {
        // Who no longer takes them has failed.
        let _ = parcel.packets.into_iter().try_for_each(|packet| packets.send(packet));
        return Ok(());
    }
    let (mut all, mut bytes, mut told) = (Vec::new(), 0, true);
    sound(mixer, encoder, shared, &mut |packet| {
        bytes += packet.size();
        if bytes <= MOST_KEPT_SOUND {
            all.push(packet.clone());
        } else {
            all = Vec::new();
        }
        told = packets.send(packet).is_ok();
        told
    })?;
    if told && bytes <= MOST_KEPT_SOUND && !shared.has_failed() {
        shelf.put(key, &Parcel { head, packets: all });
    }
    Ok(())
}

/// Mixes and encodes; `packet` is given each packet, and says whether to go on.
fn sound(
    mixer: &mut Mixer,
    encoder: &mut AudioEncoder,
    shared: &Shared,
    take: &mut dyn FnMut(Encoded) -> bool,
) -> Result<(), RenderError> {
    let block = encoder.block();
    let (mut left, mut right) = (vec![0.0; block], vec![0.0; block]);
    loop {
        let before = thread_cpu();
        let count = mixer.mix(&mut left, &mut right)?;
        shared.add_composing(thread_cpu().saturating_sub(before));
        let last = count < block || shared.has_failed();
        let mut encoded = match count {
            0 => Vec::new(),
            _ => encoder.encode(&left[..count], &right[..count]).map_err(RenderError::whole)?,
        };
        if last {
            encoded.extend(encoder.finish().map_err(RenderError::whole)?);
        }
        if !encoded.into_iter().all(&mut *take) || last {
            return Ok(());
        }
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
        let understood = prepare::understand(&composition, &mut |_, _| {}).unwrap();
        let made = [1, 3].map(|runs| {
            let path = folder.path().join(runs.to_string());
            let means = Means { runs, ..Means::default() };
            let made = render(&understood.ready(0), &composition.outputs[0], &path, &means, &mut Nobody).unwrap();
            assert_eq!((made.frames, made.rendered, made.reused), (300, 3, 0));
            std::fs::read(path).unwrap()
        });
        assert!(made[0] == made[1]);
    }
}
