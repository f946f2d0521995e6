//! How long picture and sound are by their packets, where a file does not say, or counts what an encoder put around the sound.

use ffmpeg_next::{
    Error, Packet,
    codec::{
        Id,
        packet::{Ref, side_data::Type},
    },
    ffi,
    format::{context::Input, stream::Stream},
    media,
};

use super::{audio::MOST_BROKEN_PACKETS, decode, input, probe};

/// Seconds; `None` where it is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lengths {
    pub whole: Option<f64>,
    pub picture: Option<f64>,
    pub sound: Option<f64>,
}

/// Containers whose word for how long their sound is includes what the encoder put before it and after it, or is a guess.
const INEXACT: [&str; 5] = ["mp3", "ogg", "aac", MATROSKA, "mpegts"];
const MATROSKA: &str = "matroska";
/// Larger files are not read through to be exact, bytes: of sound alone, and where pictures lie between. Those that tell nothing are,
/// whatever their size: without a length they cannot be planned.
const MOST_SOUND: i64 = 512 << 20;
const MOST_PICTURES: i64 = 64 << 20;
const MOV: &str = "mov";
/// A Matroska file that begins later than this may count what comes before it, or not: it is measured, microseconds.
const LATE_US: i64 = 20_000;
/// A sound that ends earlier than the file says by more than this is one that is cut short, seconds.
const CUT_SHORT_S: f64 = 0.5;

/// What a file tells, made better by its packets.
pub fn exact(input: Input, container: &str, told: Lengths) -> Lengths {
    // SAFETY: the context and its input live as long as the borrow.
    let size = unsafe { ffi::avio_size((*input.as_ptr()).pb) };
    let has_picture = probe::best_video(&input).is_some();
    // Of Matroska only Opus, which it tells the padding of, is as long as its packets say.
    let is_inexact = INEXACT.contains(&container) && (container != MATROSKA || holds_opus(&input));
    match told.whole {
        None => unknown(input, container),
        Some(_) if container == MATROSKA && input::origin_us(&input) > LATE_US => unknown(input, container),
        Some(_) if has_picture && container == MOV => with_last_pictures(input, container, told),
        Some(_) if has_picture && is_inexact && container == MATROSKA && size <= MOST_PICTURES => {
            Lengths { sound: sound_end(input, container, told.sound.or(told.whole)).or(told.sound), ..told }
        }
        Some(_) if !has_picture && is_inexact && size <= MOST_SOUND => {
            let exact = sound_end(input, container, told.sound.or(told.whole));
            Lengths { whole: exact.or(told.whole), sound: exact.or(told.sound), ..told }
        }
        Some(_) => told,
    }
}

/// MP4 tells how long its pictures are decoded: those that are seen in another order and last unevenly may end later.
fn with_last_pictures(mut input: Input, container: &str, told: Lengths) -> Lengths {
    /// Less than this is rounding, frames.
    const LATER: f64 = 1.5;
    let Some(end) = told.picture.or(told.whole) else { return told };
    let mut track = [Track::of(probe::best_video(&input))];
    let origin_us = input::origin_us(&input);
    decode::seek(&mut input, origin_us, end);
    read_through(&mut input, &mut track, container);
    let later = track[0].as_ref().and_then(|track| track.end(container).filter(|later| later - end > LATER * track.usual_s));
    match later {
        Some(later) => Lengths { picture: Some(later), whole: told.whole.map(|whole| whole.max(later)), ..told },
        None => told,
    }
}

/// Of a file that was written as it was made, to a pipe or by a browser's recorder, and says nothing.
fn unknown(mut input: Input, container: &str) -> Lengths {
    let mut tracks = [Track::of(probe::best_video(&input)), Track::of(best_sound(&input))];
    read_through(&mut input, &mut tracks, container);
    let [picture, sound] = tracks.map(|track| track.and_then(|track| track.end(container)));
    Lengths { whole: picture.into_iter().chain(sound).reduce(f64::max), picture, sound }
}

/// Where the sound ends, from its packets and what of them is not to be heard; `None` where `told` is exact, or the file is cut short.
fn sound_end(mut input: Input, container: &str, told: Option<f64>) -> Option<f64> {
    // SAFETY: the context lives as long as the borrow.
    let told_by = unsafe { (*input.as_ptr()).duration_estimation_method };
    let mut track = [Track::of(best_sound(&input))];
    read_through(&mut input, &mut track, container);
    let [Some(track)] = track else { return None };
    let exact = track.end(container)?;
    let is_better = container != MATROSKA || track.is_padded;
    let is_a_guess = told_by == ffi::AVDurationEstimationMethod::AVFMT_DURATION_FROM_BITRATE;
    let is_whole = is_a_guess || told.is_none_or(|told| told - exact < CUT_SHORT_S);
    (is_better && is_whole).then_some(exact)
}

fn holds_opus(input: &Input) -> bool {
    best_sound(input).is_some_and(|stream| stream.parameters().id() == Id::OPUS)
}

fn best_sound(input: &Input) -> Option<Stream<'_>> {
    input.streams().best(media::Type::Audio)
}

/// A stream, and what its packets were found to be.
struct Track {
    index: usize,
    base: ffmpeg_next::Rational,
    /// Samples a second; of a picture 1.
    rate: f64,
    /// What a packet takes that does not say, seconds.
    usual_s: f64,
    /// At its start, not to be heard, seconds.
    padding_s: f64,
    /// Where the last ends.
    end_s: f64,
    /// All of them together, without what is left out at their ends.
    length_s: f64,
    /// Some of them say what is left out.
    is_padded: bool,
}

impl Track {
    fn of(stream: Option<Stream<'_>>) -> Option<Self> {
        let stream = stream?;
        let parameters = stream.parameters();
        // SAFETY: plain numbers of parameters that are borrowed.
        let (rate, padding) = unsafe {
            let parameters = parameters.as_ptr();
            (f64::from((*parameters).sample_rate.max(1)), f64::from((*parameters).initial_padding.max(0)))
        };
        let is_picture = parameters.medium() == media::Type::Video;
        let usual_s = if is_picture { 1.0 / probe::frame_rate(&stream) } else { 0.0 };
        let (index, base, padding_s) = (stream.index(), stream.time_base(), padding / rate);
        Some(Self { index, base, rate, usual_s, padding_s, end_s: 0.0, length_s: 0.0, is_padded: false })
    }

    /// Where it ends, seconds from the file's start; `None` where it holds nothing.
    fn end(&self, container: &str) -> Option<f64> {
        // Matroska rounds times to milliseconds: what follows without a gap from the start on is as long as it says.
        const ROUNDING_S: f64 = 0.004;
        let heard_s = self.length_s - self.padding_s;
        let is_whole = container == MATROSKA && self.is_padded && (heard_s - self.end_s).abs() < ROUNDING_S;
        Some(if is_whole { heard_s } else { self.end_s }).filter(|end| *end > 0.0)
    }

    fn take(&mut self, packet: &Packet, container: &str, origin_s: f64) {
        // SAFETY: a plain number of a packet that is borrowed.
        let is_seen = unsafe { (*packet.as_ptr()).flags } & ffi::AV_PKT_FLAG_DISCARD == 0;
        let Some(pts) = packet.pts().filter(|_| is_seen) else { return };
        let length = Some(input::seconds(packet.duration(), self.base)).filter(|length| *length > 0.0).unwrap_or(self.usual_s);
        // Ten bytes: samples to leave out at the start and at the end, and why (FFmpeg's AV_PKT_DATA_SKIP_SAMPLES).
        // Of Ogg the packet is told to be shorter already.
        let skips = packet.side_data().find(|data| data.kind() == Type::SkipSamples && container != "ogg");
        let number = |data: &[u8], at: usize| Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?));
        let left_out = f64::from(skips.as_ref().and_then(|data| number(data.data(), 4)).unwrap_or(0)) / self.rate;
        self.is_padded |= skips.is_some();
        self.end_s = self.end_s.max(input::seconds(pts, self.base) - origin_s + length - left_out);
        self.length_s += length - left_out;
    }
}

/// Shows all packets of some streams to them.
fn read_through(input: &mut Input, tracks: &mut [Option<Track>], container: &str) {
    let origin_s = input::origin_us(input) as f64 / 1e6;
    let wanted: Vec<usize> = tracks.iter().flatten().map(|track| track.index).collect();
    input::keep_only(input, &wanted);
    let (mut packet, mut broken) = (Packet::empty(), 0);
    loop {
        match packet.read(input) {
            Ok(()) => {}
            Err(Error::InvalidData) if broken < MOST_BROKEN_PACKETS => {
                broken += 1;
                continue;
            }
            Err(_) => return,
        }
        if let Some(track) = tracks.iter_mut().flatten().find(|track| track.index == packet.stream()) {
            track.take(&packet, container, origin_s);
        }
    }
}
