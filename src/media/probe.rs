//! What a file holds, without decoding it.

use std::{ffi::CStr, fs::File, io::Read, path::Path};

use ffmpeg_next::{
    Rational,
    codec::packet::side_data::Type,
    ffi,
    format::{
        context::Input,
        stream::{Disposition, Stream},
    },
    media,
};
use serde::{Deserialize, Serialize};

use super::{
    MediaError, Turn, VideoDecoder, input,
    lengths::{self, Lengths},
    scale,
};

/// A file's container, length, and first picture and sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MediaProbe {
    /// FFmpeg's name of the container, the first of its aliases.
    pub container: String,
    /// Seconds, measured where the file does not say; `None` where it holds nothing that has a length.
    pub duration: Option<f64>,
    pub video: Option<VideoInfo>,
    pub audio: Option<AudioInfo>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoInfo {
    pub codec: String,
    /// Whether there is a decoder for it.
    pub decodable: bool,
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
    /// When this stream ends, seconds from the file's start; `None` where only the container's is known.
    pub duration: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioInfo {
    pub codec: String,
    /// Whether there is a decoder for it.
    pub decodable: bool,
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
    let origin_us = input::origin_us(&input);
    let mut video = best_video(&input).map(|stream| video_info(&stream, origin_us)).transpose()?;
    if let (Some(video), Some(stream)) = (&mut video, best_video(&input)) {
        video.peak = peak(path, &stream);
    }
    let mut audio = input.streams().best(media::Type::Audio).and_then(|stream| audio_info(&stream, origin_us));
    if video.is_none() && audio.is_none() {
        return Err(MediaError::Unsupported("the file holds neither picture nor sound".into()));
    }
    let container = input.format().name().split(',').next().unwrap_or_default().to_owned();
    if container == "wav" && is_cut_short(path) {
        return Err(MediaError::Corrupt("the file is cut short: its head tells of more sound than there is".into()));
    }
    let told = Lengths {
        whole: Some(input.duration()).filter(|us| *us != ffi::AV_NOPTS_VALUE && *us > 0).map(|us| us as f64 / 1e6),
        picture: video.as_ref().and_then(|video| video.duration),
        sound: audio.as_ref().and_then(|audio| audio.duration),
    };
    let exact = lengths::exact(input, &container, told);
    if let Some(video) = &mut video {
        video.duration = exact.picture;
    }
    if let Some(audio) = &mut audio {
        audio.duration = exact.sound;
    }
    Ok(MediaProbe { container, duration: exact.whole, video, audio })
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

fn video_info(stream: &Stream, origin_us: i64) -> Result<VideoInfo, MediaError> {
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
        decodable: input::allowed_decoder(parameters.id(), has_alpha(stream)).is_ok(),
        width: width as u32,
        height: height as u32,
        pixel_aspect,
        turn: turn(stream),
        frame_rate: frame_rate(stream),
        peak: None,
        alpha: has_alpha(stream),
        duration: duration(stream, origin_us),
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

fn audio_info(stream: &Stream, origin_us: i64) -> Option<AudioInfo> {
    let parameters = stream.parameters();
    // SAFETY: plain numbers of parameters that are borrowed.
    let (rate, channels) = unsafe { ((*parameters.as_ptr()).sample_rate, (*parameters.as_ptr()).ch_layout.nb_channels) };
    (rate > 0 && channels > 0).then(|| AudioInfo {
        codec: parameters.id().name().to_owned(),
        decodable: input::allowed_decoder(parameters.id(), false).is_ok(),
        sample_rate: rate as u32,
        channels: channels as u32,
        duration: duration(stream, origin_us),
    })
}

/// When it ends, seconds from the start of a file that begins at `origin_us`.
fn duration(stream: &Stream, origin_us: i64) -> Option<f64> {
    let known = |time: i64| Some(time).filter(|time| *time != ffi::AV_NOPTS_VALUE);
    let seconds = |time: i64| input::seconds(time, stream.time_base());
    if let Some(duration) = known(stream.duration()).filter(|duration| *duration > 0) {
        let late = known(stream.start_time()).map_or(0.0, |start| seconds(start) - origin_us as f64 / 1e6);
        return Some(seconds(duration) + late.max(0.0));
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
    stream.side_data().find(|data| data.kind() == Type::DisplayMatrix && data.data().len() >= 36).map_or(Turn::None, |data| {
        turn_of(std::array::from_fn(|at| i32::from_ne_bytes(std::array::from_fn(|byte| data.data()[at * 4 + byte]))))
    })
}

/// Of a display matrix, which is `a b u c d v x y w`: a point goes to `(a·x + c·y, b·x + d·y)`.
fn turn_of(mut matrix: [i32; 9]) -> Turn {
    let [a, b, _, c, d, ..] = matrix.map(i64::from);
    let is_mirrored = a * d - b * c < 0;
    if is_mirrored {
        // What is left of it after left and right have changed places.
        (matrix[0], matrix[1]) = (matrix[0].saturating_neg(), matrix[1].saturating_neg());
    }
    // SAFETY: the matrix is nine 32-bit numbers.
    let counter_clockwise = unsafe { ffi::av_display_rotation_get(matrix.as_ptr()) };
    let turn = Turn::from_clockwise_degrees(-counter_clockwise);
    if is_mirrored { turn.mirrored() } else { turn }
}
