//! What a file holds, without decoding it.

use std::{ffi::CStr, fs::File, io::Read, path::Path};

use ffmpeg_next::{
    Packet, Rational,
    codec::packet::side_data::Type,
    ffi,
    format::{
        context::Input,
        stream::{Disposition, Stream},
    },
    media,
};
use serde::{Deserialize, Serialize};

use super::{MediaError, Turn, VideoDecoder, input, scale};

/// A file's container, length, and first picture and sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MediaProbe {
    /// FFmpeg's name of the container, the first of its aliases.
    pub container: String,
    /// Seconds; `None` where the file does not say.
    pub duration: Option<f64>,
    pub video: Option<VideoInfo>,
    pub audio: Option<AudioInfo>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoInfo {
    pub codec: String,
    /// Of the stored picture, before rotation and pixel aspect.
    pub width: u32,
    pub height: u32,
    /// Width of a pixel over its height.
    pub pixel_aspect: f64,
    pub turn: Turn,
    pub frame_rate: f64,
    /// Of one in PQ, the brightest that it holds, cd/m², where it says so.
    pub peak: Option<u32>,
    /// Whether something may be seen through it.
    pub alpha: bool,
    /// Of this stream; `None` where only the container's is known.
    pub duration: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioInfo {
    pub codec: String,
    pub sample_rate: u32,
    pub channels: u32,
    pub duration: Option<f64>,
}

impl VideoInfo {
    /// The size as it is to be seen: pixels square, turned upright.
    pub fn display_size(&self) -> (f64, f64) {
        let width = f64::from(self.width) * self.pixel_aspect;
        let height = f64::from(self.height);
        if self.turn.swaps_axes() { (height, width) } else { (width, height) }
    }
}

/// Opens a file and says what it holds.
pub fn probe(path: &Path) -> Result<MediaProbe, MediaError> {
    let input = input::open(path)?;
    let mut video = best_video(&input).map(|stream| video_info(&stream)).transpose()?;
    if let (Some(video), Some(stream)) = (&mut video, best_video(&input)) {
        video.peak = peak(path, &stream);
    }
    let mut audio = input.streams().best(media::Type::Audio).and_then(|stream| audio_info(&stream));
    if video.is_none() && audio.is_none() {
        return Err(MediaError::Unsupported("the file holds neither picture nor sound".into()));
    }
    let container = input.format().name().split(',').next().unwrap_or_default().to_owned();
    if container == "wav" && is_cut_short(path) {
        return Err(MediaError::Corrupt("the file is cut short: its head tells of more sound than there is".into()));
    }
    let mut duration = Some(input.duration()).filter(|us| *us != ffi::AV_NOPTS_VALUE && *us > 0).map(|us| us as f64 / 1e6);
    if let (None, Some(audio)) = (&video, &mut audio) {
        let exact = sound_end(input, &container, audio.duration.or(duration));
        audio.duration = exact.or(audio.duration);
        duration = exact.or(duration);
    }
    Ok(MediaProbe { container, duration, video, audio })
}

/// Containers whose word for how long their sound is includes what the encoder put before it and after it, or is a guess.
const INEXACT: [&str; 5] = ["mp3", "ogg", "aac", "matroska", "mpegts"];
/// Larger files are not read through for it, bytes.
const MOST_READ: i64 = 512 << 20;
/// A sound that ends earlier than the file says by more than this is one that is cut short, seconds.
const CUT_SHORT_S: f64 = 0.5;

/// Where the sound of a file of sound alone ends, seconds, from its packets and what of them is not to be heard; `None` where
/// `told` is exact, or the file is cut short.
fn sound_end(mut input: Input, container: &str, told: Option<f64>) -> Option<f64> {
    // SAFETY: the context and its input live as long as the borrow.
    let (size, told_by) = unsafe { (ffi::avio_size((*input.as_ptr()).pb), (*input.as_ptr()).duration_estimation_method) };
    if !INEXACT.contains(&container) || size > MOST_READ {
        return None;
    }
    let stream = input.streams().best(media::Type::Audio)?;
    let (index, time_base) = (stream.index(), stream.time_base());
    // SAFETY: plain numbers of parameters that are borrowed.
    let (rate, padding) = unsafe {
        let parameters = stream.parameters();
        (f64::from((*parameters.as_ptr()).sample_rate.max(1)), f64::from((*parameters.as_ptr()).initial_padding))
    };
    let origin_s = input::origin_us(&input) as f64 / 1e6;
    input::keep_only(&mut input, index);
    let (mut packet, mut end, mut heard, mut is_padded) = (Packet::empty(), 0.0f64, 0.0f64, false);
    while packet.read(&mut input).is_ok() {
        let Some(pts) = packet.pts().filter(|_| packet.stream() == index) else { continue };
        let length = input::seconds(packet.duration(), time_base);
        // Ten bytes: samples to leave out at the start and at the end, and why (FFmpeg's AV_PKT_DATA_SKIP_SAMPLES).
        // Of Ogg the packet is told to be shorter already.
        let skips = packet.side_data().find(|data| data.kind() == Type::SkipSamples && container != "ogg");
        let number = |data: &[u8], at: usize| Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?));
        let left_out = |at: usize| f64::from(skips.as_ref().and_then(|data| number(data.data(), at)).unwrap_or(0)) / rate;
        is_padded |= skips.is_some();
        end = end.max(input::seconds(pts, time_base) + length - left_out(4));
        heard += length - left_out(4);
    }
    // Matroska rounds the times of packets, and only those of Opus, which it tells the padding of, are as long as it says.
    let rounds = container == "matroska";
    let exact = Some(if rounds { heard - padding / rate } else { end - origin_s }).filter(|seconds| *seconds > 0.0)?;
    let is_better = !rounds || is_padded;
    let is_a_guess = told_by == ffi::AVDurationEstimationMethod::AVFMT_DURATION_FROM_BITRATE;
    let is_whole = is_a_guess || told.is_none_or(|told| told - exact < CUT_SHORT_S);
    (is_better && is_whole).then_some(exact)
}

/// Whether a file has fewer bytes than the head of its RIFF form says; who wrote it to a pipe could not know, and wrote the most.
fn is_cut_short(path: &Path) -> bool {
    const UNKNOWN: u32 = 0x7fff_0000;
    let told = |mut file: File| -> std::io::Result<bool> {
        let mut head = [0u8; 8];
        file.read_exact(&mut head)?;
        let bytes = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        Ok(head.starts_with(b"RIFF") && bytes < UNKNOWN && u64::from(bytes) > file.metadata()?.len())
    };
    File::open(path).and_then(told).unwrap_or(false)
}

/// The picture of a file; a cover in a music file is none.
pub(super) fn best_video(input: &Input) -> Option<Stream<'_>> {
    input.streams().best(media::Type::Video).filter(|stream| !stream.disposition().contains(Disposition::ATTACHED_PIC))
}

fn video_info(stream: &Stream) -> Result<VideoInfo, MediaError> {
    let parameters = stream.parameters();
    // SAFETY: plain numbers of parameters and a stream that are borrowed.
    let (width, height, aspect) = unsafe {
        let (parameters, stream) = (parameters.as_ptr(), stream.as_ptr());
        let aspect = [(*stream).sample_aspect_ratio, (*parameters).sample_aspect_ratio];
        ((*parameters).width, (*parameters).height, aspect)
    };
    if width <= 0 || height <= 0 {
        // Of what nothing here decodes, nobody finds the size.
        input::allowed_decoder(parameters.id(), false)?;
        return Err(MediaError::Corrupt("the picture has no size".into()));
    }
    if i64::from(width) * i64::from(height) > input::MAX_PIXELS {
        return Err(MediaError::TooLarge(format!("the picture of {width}×{height} is larger than the limit of 8192×4608")));
    }
    let pixel_aspect = aspect
        .into_iter()
        .find(|aspect| aspect.num > 0 && aspect.den > 0)
        .map(|aspect| f64::from(aspect.num) / f64::from(aspect.den))
        .filter(|aspect| (0.1..=10.0).contains(aspect))
        .unwrap_or(1.0);
    Ok(VideoInfo {
        codec: parameters.id().name().to_owned(),
        width: width as u32,
        height: height as u32,
        pixel_aspect,
        turn: turn(stream),
        frame_rate: frame_rate(stream),
        peak: None,
        alpha: has_alpha(stream),
        duration: duration(stream),
    })
}

/// What the container says, or else the first picture; all pictures are shown by it, whichever of them say it again.
fn peak(path: &Path, stream: &Stream) -> Option<u32> {
    const PQ: i32 = 16;
    // SAFETY: read as a number: the file may hold one that the enum has not.
    let curve = unsafe { std::ptr::addr_of!((*stream.parameters().as_ptr()).color_trc).cast::<i32>().read() };
    if curve != PQ {
        return None;
    }
    let told = |kind: Type| stream.side_data().find(|data| data.kind() == kind).map(|data| data.data().to_vec());
    let told = scale::told_peak(told(Type::ContentLightLevel).as_deref(), told(Type::MasteringDisplayMetadata).as_deref());
    // A picture that cannot be decoded is told of when it is to be seen.
    told.or_else(|| VideoDecoder::open(path, 0.0).ok()?.next_picture().ok()??.told_peak())
}

fn audio_info(stream: &Stream) -> Option<AudioInfo> {
    let parameters = stream.parameters();
    // SAFETY: plain numbers of parameters that are borrowed.
    let (rate, channels) = unsafe { ((*parameters.as_ptr()).sample_rate, (*parameters.as_ptr()).ch_layout.nb_channels) };
    (rate > 0 && channels > 0).then(|| AudioInfo {
        codec: parameters.id().name().to_owned(),
        sample_rate: rate as u32,
        channels: channels as u32,
        duration: duration(stream),
    })
}

fn duration(stream: &Stream) -> Option<f64> {
    let known = stream.duration() != ffi::AV_NOPTS_VALUE && stream.duration() > 0;
    if known {
        return Some(input::seconds(stream.duration(), stream.time_base()));
    }
    // Matroska says it in a tag of each track, "00:00:10.023000000".
    let tag = tag(stream, c"DURATION")?;
    let mut parts = tag.split(':').map(|part| part.trim().parse::<f64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    Some(hours * 3600.0 + minutes * 60.0 + seconds).filter(|seconds| seconds.is_finite() && *seconds > 0.0)
}

/// A tag of a stream; a file may hold any bytes there.
fn tag(stream: &Stream, name: &CStr) -> Option<String> {
    // SAFETY: the dictionary and what it holds live as long as the stream that is borrowed.
    unsafe {
        let entry = ffi::av_dict_get((*stream.as_ptr()).metadata, name.as_ptr(), std::ptr::null(), 0);
        (!entry.is_null()).then(|| CStr::from_ptr((*entry).value).to_string_lossy().into_owned())
    }
}

/// On average; 25 where the file does not say.
pub(super) fn frame_rate(stream: &Stream) -> f64 {
    decimal(stream.avg_frame_rate()).or_else(|| decimal(stream.rate())).unwrap_or(25.0)
}

/// By its pixel format, or, of VP8 and VP9, by the tag that WebM has for it: there alpha is a stream beside the picture's own.
pub(super) fn has_alpha(stream: &Stream) -> bool {
    // SAFETY: a plain number of parameters that are borrowed, and a constant of FFmpeg's, or null.
    let format = unsafe {
        let number = std::ptr::addr_of!((*stream.parameters().as_ptr()).format).read();
        let known = (0..ffi::AVPixelFormat::AV_PIX_FMT_NB as i32).contains(&number);
        known.then(|| ffi::av_pix_fmt_desc_get(std::mem::transmute::<i32, ffi::AVPixelFormat>(number)).as_ref()).flatten()
    };
    let by_format = format.is_some_and(|format| format.flags & ffi::AV_PIX_FMT_FLAG_ALPHA as u64 != 0);
    by_format || tag(stream, c"alpha_mode").is_some_and(|mode| mode.trim() == "1")
}

fn decimal(rate: Rational) -> Option<f64> {
    (rate.numerator() > 0 && rate.denominator() > 0).then(|| f64::from(rate)).filter(|rate| *rate <= 1_000.0)
}

fn turn(stream: &Stream) -> Turn {
    stream
        .side_data()
        .find(|data| data.kind() == Type::DisplayMatrix && data.data().len() >= 36)
        // SAFETY: the matrix is nine 32-bit numbers, and the data holds at least as many bytes.
        .map(|data| unsafe { ffi::av_display_rotation_get(data.data().as_ptr().cast::<i32>()) })
        .map_or(Turn::None, |counter_clockwise| Turn::from_clockwise_degrees(-counter_clockwise))
}
