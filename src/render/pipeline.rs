//! The render itself: frames are composed on one thread, sound is mixed and encoded on another, and this one
//! encodes the pictures and writes the file. The channels between are bounded, so that memory does not grow
//! with the length of the video.

use std::{
    path::Path,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
    time::Duration,
};

use super::{
    RenderError,
    ahead::{CpuCount, thread_cpu},
    compositor::Compositor,
    encoding,
    mixer::Mixer,
    prepare::Ready,
    still,
};
use crate::{
    domain::output::{Format, Output, Quality},
    media::{AudioEncoder, Encoded, MediaError, Muxer, Palette, PaletteMaker, Picture, Smoothness, VideoEncoder},
};

/// Frames that may wait for the encoder.
const FRAMES_AHEAD: usize = 4;
/// Packets of sound that may wait for the picture: some seconds.
const SOUND_AHEAD: usize = 256;
/// Frames that a GIF's palette is chosen from.
const PALETTE_FRAMES: i64 = 50;

/// What was made, and what composing it cost.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    pub frames: i64,
    pub has_sound: bool,
    /// CPU time of decoding, composing and mixing.
    pub composition_cpu: Duration,
}

/// Told of the render's progress.
pub trait Watcher {
    /// `frames` of the picture are encoded.
    fn encoded(&mut self, frames: i64);
}

/// A frame on its way to the encoder, and back to be drawn again.
struct Frames {
    ready: Receiver<(i64, Picture)>,
    used: SyncSender<Picture>,
}

/// What the threads tell each other beside frames and packets.
#[derive(Default)]
struct Shared {
    /// One has failed: the others need not go on.
    failed: AtomicBool,
    /// CPU time of composing and of mixing, nanoseconds.
    composing_ns: AtomicU64,
    mixing_ns: AtomicU64,
}

impl Shared {
    fn watch<T>(&self, result: Result<T, RenderError>) -> Result<T, RenderError> {
        self.failed.fetch_or(result.is_err(), Relaxed);
        result
    }

    fn has_failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    fn composition_cpu(&self) -> Duration {
        Duration::from_nanos(self.composing_ns.load(Relaxed) + self.mixing_ns.load(Relaxed))
    }
}

/// Renders into a file.
pub fn render(ready: &Ready, output: &Output, path: &Path, watcher: &mut dyn Watcher) -> Result<Made, RenderError> {
    if output.format.is_still() {
        return still(ready, output, path, watcher);
    }
    let mut mixer = Mixer::new(ready).filter(|_| output.format.has_sound());
    let mut audio = mixer
        .as_ref()
        .and_then(|_| encoding::audio(output))
        .map(|settings| AudioEncoder::open(&settings))
        .transpose()
        .map_err(RenderError::whole)?;
    let has_sound = audio.is_some();
    if output.format.is_sound_alone() {
        return sound_alone(&mut mixer, &mut audio, ready, output, path, watcher);
    }
    let palette = (output.format == Format::Gif).then(|| palette(ready, output)).transpose()?;
    let mut video = VideoEncoder::open(&encoding::video(output, palette)).map_err(RenderError::whole)?;
    let container = encoding::container(output.format);
    let mut muxer = Muxer::create(path, container, Some(&video), audio.as_ref()).map_err(RenderError::whole)?;
    let (frame_out, frame_in) = mpsc::sync_channel(FRAMES_AHEAD);
    let (used_out, used_in) = mpsc::sync_channel(FRAMES_AHEAD * 2);
    let (sound_out, sound_in) = mpsc::sync_channel(SOUND_AHEAD);

    let shared = Shared::default();
    thread::scope(|scope| {
        let composing = scope.spawn(|| shared.watch(compose(ready, output, &shared, frame_out, used_in)));
        let sounding = scope.spawn(|| match (&mut mixer, &mut audio) {
            (Some(mixer), Some(encoder)) => shared.watch(sound(mixer, encoder, &shared, sound_out)),
            _ => Ok(()),
        });
        let frames = Frames { ready: frame_in, used: used_out };
        let encoded = encode(&mut video, &mut muxer, frames, sound_in, watcher);
        // The threads' own errors come first: a channel that closed early is only their consequence.
        composing.join().map_err(|_| panicked())??;
        sounding.join().map_err(|_| panicked())??;
        let frames = encoded.map_err(RenderError::whole)?;
        muxer.finish().map_err(RenderError::whole)?;
        Ok(Made { frames, has_sound, composition_cpu: shared.composition_cpu() })
    })
}

fn panicked() -> RenderError {
    RenderError::whole(MediaError::Output("a render thread panicked".into()))
}

/// The one frame of a still.
fn still(ready: &Ready, output: &Output, path: &Path, watcher: &mut dyn Watcher) -> Result<Made, RenderError> {
    let mut canvas = Picture::new(ready.plan.width, ready.plan.height).map_err(RenderError::whole)?;
    let (before, decoding) = (thread_cpu(), CpuCount::default());
    Compositor::new(ready, smoothness(output.quality), decoding.clone()).compose(ready.plan.first, &mut canvas)?;
    let composition_cpu = thread_cpu().saturating_sub(before) + decoding.get();
    still::write(&canvas, output, path).map_err(RenderError::whole)?;
    watcher.encoded(1);
    Ok(Made { frames: 1, has_sound: false, composition_cpu })
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
    let mut muxer = Muxer::create(path, encoding::container(output.format), None, Some(encoder)).map_err(RenderError::whole)?;
    let (out, packets) = mpsc::sync_channel(SOUND_AHEAD);
    let shared = Shared::default();
    thread::scope(|scope| {
        let sounding = scope.spawn(|| shared.watch(sound(mixer, encoder, &shared, out)));
        let written = packets.into_iter().try_for_each(|packet| {
            let frame = (packet.decode_at() * ready.plan.rate.as_f64()) as i64;
            watcher.encoded(frame.clamp(0, ready.plan.length()));
            muxer.write_audio(packet)
        });
        sounding.join().map_err(|_| panicked())??;
        written.map_err(RenderError::whole)?;
        muxer.finish().map_err(RenderError::whole)?;
        Ok(Made { frames: ready.plan.length(), has_sound: true, composition_cpu: shared.composition_cpu() })
    })
}

/// The colours of a GIF, from frames all over it.
fn palette(ready: &Ready, output: &Output) -> Result<Palette, RenderError> {
    let plan = ready.plan;
    let mut compositor = Compositor::new(ready, smoothness(output.quality), CpuCount::default());
    let mut canvas = Picture::new(plan.width, plan.height).map_err(RenderError::whole)?;
    let mut maker = PaletteMaker::default();
    for number in (plan.first..plan.end).step_by((plan.length() / PALETTE_FRAMES).max(1) as usize) {
        compositor.compose(number, &mut canvas)?;
        maker.add(&canvas).map_err(RenderError::whole)?;
    }
    Ok(maker.finish())
}

fn smoothness(quality: Quality) -> Smoothness {
    match quality {
        Quality::Draft => Smoothness::Bilinear,
        Quality::Low | Quality::Medium => Smoothness::Bicubic,
        Quality::High | Quality::Lossless => Smoothness::Exact,
    }
}

fn compose(
    ready: &Ready,
    output: &Output,
    shared: &Shared,
    frames: SyncSender<(i64, Picture)>,
    used: Receiver<Picture>,
) -> Result<(), RenderError> {
    let plan = ready.plan;
    let decoding = CpuCount::default();
    let mut compositor = Compositor::new(ready, smoothness(output.quality), decoding.clone());
    for number in plan.first..plan.end {
        let mut canvas = match reused(&used) {
            Some(canvas) => canvas,
            None => Picture::new(plan.width, plan.height).map_err(RenderError::whole)?,
        };
        compositor.compose(number, &mut canvas)?;
        shared.composing_ns.store((thread_cpu() + decoding.get()).as_nanos() as u64, Relaxed);
        if shared.has_failed() || frames.send((number - plan.first, canvas)).is_err() {
            break; // Another thread has failed, and says why.
        }
    }
    Ok(())
}

/// A picture that the encoder has done with, if there is one.
fn reused(used: &Receiver<Picture>) -> Option<Picture> {
    used.try_recv().ok().and_then(|mut picture| picture.is_sole_owner().then_some(picture))
}

fn sound(
    mixer: &mut Mixer,
    encoder: &mut AudioEncoder,
    shared: &Shared,
    packets: SyncSender<Encoded>,
) -> Result<(), RenderError> {
    let block = encoder.block();
    let (mut left, mut right) = (vec![0.0; block], vec![0.0; block]);
    loop {
        let before = thread_cpu();
        let count = mixer.mix(&mut left, &mut right)?;
        shared.mixing_ns.fetch_add(thread_cpu().saturating_sub(before).as_nanos() as u64, Relaxed);
        let last = count < block || shared.has_failed();
        let mut encoded = match count {
            0 => Vec::new(),
            _ => encoder.encode(&left[..count], &right[..count]).map_err(RenderError::whole)?,
        };
        if last {
            encoded.extend(encoder.finish().map_err(RenderError::whole)?);
        }
        for packet in encoded {
            if packets.send(packet).is_err() {
                return Ok(());
            }
        }
        if last {
            return Ok(());
        }
    }
}

fn encode(
    encoder: &mut VideoEncoder,
    muxer: &mut Muxer,
    frames: Frames,
    sound: Receiver<Encoded>,
    watcher: &mut dyn Watcher,
) -> Result<i64, MediaError> {
    let mut sound = sound.into_iter().peekable();
    let mut count = 0;
    for (number, mut picture) in frames.ready {
        for packet in encoder.encode(&mut picture, number)? {
            write(muxer, packet, &mut sound)?;
        }
        // A full channel means that enough pictures are about; this one is freed.
        let _ = frames.used.try_send(picture);
        count = number + 1;
        watcher.encoded(count);
    }
    for packet in encoder.finish()? {
        write(muxer, packet, &mut sound)?;
    }
    sound.try_for_each(|packet| muxer.write_audio(packet))?;
    Ok(count)
}

/// Writes a packet of the picture after the sound that comes before it.
fn write(
    muxer: &mut Muxer,
    picture: Encoded,
    sound: &mut std::iter::Peekable<mpsc::IntoIter<Encoded>>,
) -> Result<(), MediaError> {
    let at = picture.decode_at();
    while let Some(packet) = sound.next_if(|packet| packet.decode_at() <= at) {
        muxer.write_audio(packet)?;
    }
    muxer.write_video(picture)
}
