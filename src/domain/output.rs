//! What a render makes: container, size, rate, quality; and frame rates as the fractions they are.

use serde::{Deserialize, Serialize};

use super::paint::Color;

/// A frame rate as a fraction: 30000/1001 for what is written 29.97.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRate {
    pub numerator: i32,
    pub denominator: i32,
}

impl FrameRate {
    /// The fraction that a decimal means: 23.976, 29.97, 47.952, 59.94 and 119.88 are NTSC's, others are taken
    /// to three decimals.
    pub fn from_decimal(value: f64) -> Self {
        let ntsc = [24, 30, 48, 60, 120].into_iter().find(|rate| (value - f64::from(*rate) * 1000.0 / 1001.0).abs() < 0.005);
        match ntsc {
            Some(rate) => Self { numerator: rate * 1000, denominator: 1001 },
            None => Self::reduced((value * 1000.0).round() as i32, 1000),
        }
    }

    fn reduced(numerator: i32, denominator: i32) -> Self {
        let (mut a, mut b) = (numerator, denominator);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Self { numerator: numerator / a.max(1), denominator: denominator / a.max(1) }
    }

    pub fn as_f64(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    /// The frame that a player shows at a time, which may be rounded to milliseconds.
    pub fn frame_showing(self, seconds: f64) -> i64 {
        ((seconds + 0.0005) * self.as_f64() + 1e-6).floor() as i64
    }

    /// The frame whose start lies nearest to `seconds`.
    pub fn frame_at(self, seconds: f64) -> i64 {
        (seconds * self.as_f64()).round() as i64
    }

    /// When `frame` starts, seconds.
    pub fn seconds(self, frame: i64) -> f64 {
        frame as f64 * f64::from(self.denominator) / f64::from(self.numerator)
    }

    /// The audio sample at `rate` a second that sounds when `frame` starts, by integers: no drift however long.
    pub fn sample_at(self, frame: i64, rate: u32) -> i64 {
        let scaled = i128::from(frame) * i128::from(self.denominator) * i128::from(rate);
        let numerator = i128::from(self.numerator);
        ((scaled + numerator / 2) / numerator) as i64
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Quality {
    Draft,
    Low,
    Medium,
    High,
    Lossless,
}

/// The container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Format {
    #[default]
    Mp4,
    Webm,
    Mov,
    Gif,
    Png,
    Jpeg,
    Mp3,
    Wav,
}

/// The picture's codec, where the container leaves a choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum VideoCodec {
    #[default]
    H264,
    H265,
    Vp9,
    Av1,
    Prores,
}

/// A part of a composition, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TimeRange {
    pub start: f64,
    pub length: f64,
}

/// The field that says where a part of the composition begins.
pub const RANGE_START: &str = "range.start";

/// One file to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    #[serde(default)]
    pub format: Format,
    pub width: u32,
    pub height: u32,
    pub frame_rate: FrameRate,
    /// Of a format that has codecs.
    #[serde(default)]
    pub video_codec: VideoCodec,
    pub quality: Quality,
    /// The codec's constant rate factor, in place of the quality's own.
    pub crf: Option<i32>,
    /// Bits a second.
    pub video_bitrate: Option<i64>,
    pub audio_bitrate: Option<i64>,
    pub background: Color,
    /// Seconds; `None`: to the end of the last element.
    pub duration: Option<f64>,
    /// `None`: all of it; of a still the frame at its start.
    #[serde(default)]
    pub range: Option<TimeRange>,
    /// When the picture is that a poster shows, seconds of the composition.
    #[serde(default)]
    pub poster_at: Option<f64>,
    /// The object that it becomes; `None`: one in the job's own folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The bucket that it goes to; `None`: the service's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
}

impl Format {
    /// The codecs that it holds, the usual one first; none where there is no choice.
    pub fn video_codecs(self) -> &'static [VideoCodec] {
        match self {
            Format::Mp4 => &[VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1],
            Format::Webm => &[VideoCodec::Vp9, VideoCodec::Av1],
            Format::Mov => &[VideoCodec::H264, VideoCodec::H265, VideoCodec::Prores],
            Format::Gif | Format::Png | Format::Jpeg | Format::Mp3 | Format::Wav => &[],
        }
    }

    pub fn is_still(self) -> bool {
        matches!(self, Format::Png | Format::Jpeg)
    }

    pub fn is_sound_alone(self) -> bool {
        matches!(self, Format::Mp3 | Format::Wav)
    }

    pub fn has_sound(self) -> bool {
        !self.is_still() && self != Format::Gif
    }

    /// The ending of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Mp4 => "mp4",
            Format::Webm => "webm",
            Format::Mov => "mov",
            Format::Gif => "gif",
            Format::Png => "png",
            Format::Jpeg => "jpg",
            Format::Mp3 => "mp3",
            Format::Wav => "wav",
        }
    }

    /// IANA's name.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Mp4 => "video/mp4",
            Format::Webm => "video/webm",
            Format::Mov => "video/quicktime",
            Format::Gif => "image/gif",
            Format::Png => "image/png",
            Format::Jpeg => "image/jpeg",
            Format::Mp3 => "audio/mpeg",
            Format::Wav => "audio/wav",
        }
    }
}

impl VideoCodec {
    pub fn as_str(self) -> &'static str {
        match self {
            VideoCodec::H264 => "h264",
            VideoCodec::H265 => "hevc",
            VideoCodec::Vp9 => "vp9",
            VideoCodec::Av1 => "av1",
            VideoCodec::Prores => "prores",
        }
    }
}

impl Output {
    /// What its length is a whole number of: pictures, or of sound alone samples.
    pub fn clock(&self) -> FrameRate {
        const SAMPLES: FrameRate = FrameRate { numerator: 48_000, denominator: 1 };
        if self.format.is_sound_alone() { SAMPLES } else { self.frame_rate }
    }

    /// The largest constant rate factor; `None` where there is none, nor a bit rate.
    pub fn most_crf(&self) -> Option<i32> {
        match (self.format, self.video_codec) {
            (Format::Gif | Format::Png | Format::Jpeg | Format::Mp3 | Format::Wav, _) | (_, VideoCodec::Prores) => None,
            (_, VideoCodec::H264 | VideoCodec::H265) => Some(51),
            (_, VideoCodec::Vp9 | VideoCodec::Av1) => Some(63),
        }
    }

    /// Whether what nothing covers is to be seen through: the background is not opaque, and the file can say so.
    pub fn keeps_alpha(&self) -> bool {
        let can = match self.format {
            Format::Webm => self.video_codec == VideoCodec::Vp9,
            Format::Mov => self.video_codec == VideoCodec::Prores,
            Format::Png | Format::Gif => true,
            Format::Mp4 | Format::Jpeg | Format::Mp3 | Format::Wav => false,
        };
        can && self.background.alpha < 255
    }

    /// Those that have a picture of a moment: the first whose own duration is not over, and where that has none of its own, so that it
    /// may end with the last element, the first that surely lasts so long. Where all are over, the first that has pictures.
    pub fn showing(outputs: &[Self], seconds: f64) -> Vec<&Self> {
        let pictured = || outputs.iter().filter(|output| !output.format.is_sound_alone());
        let first = pictured().find(|output| output.duration.is_none_or(|end| seconds < end)).or_else(|| pictured().next());
        let sure = pictured().find(|output| output.duration.is_some_and(|end| seconds < end));
        let sure = sure.filter(|_| first.is_some_and(|first| first.duration.is_none()));
        first.into_iter().chain(sure).collect()
    }

    /// The picture of this output at a moment, as a JPEG.
    pub fn still_at(&self, seconds: f64) -> Self {
        let range = Some(TimeRange { start: seconds, length: self.frame_rate.seconds(1) });
        let quality = if self.quality == Quality::Lossless { Quality::High } else { self.quality };
        Self { format: Format::Jpeg, range, quality, poster_at: None, key: None, bucket: None, ..self.clone() }
    }

    /// The poster that is asked for beside it.
    pub fn poster(&self) -> Option<Self> {
        self.poster_at.map(|seconds| self.poster_of(seconds))
    }

    /// The picture of a moment, or the last where that is past the end: what says so is that it is a poster.
    pub fn poster_of(&self, seconds: f64) -> Self {
        Self { poster_at: Some(seconds), ..self.still_at(seconds) }
    }

    /// FFmpeg's name of the picture's codec; `None` where there is no picture.
    pub fn video_codec_name(&self) -> Option<&'static str> {
        match self.format {
            Format::Mp4 | Format::Webm | Format::Mov => Some(self.video_codec.as_str()),
            Format::Gif => Some("gif"),
            Format::Png => Some("png"),
            Format::Jpeg => Some("mjpeg"),
            Format::Mp3 | Format::Wav => None,
        }
    }

    /// FFmpeg's name of the sound's codec; `None` where the format has no sound.
    pub fn audio_codec_name(&self) -> Option<&'static str> {
        match self.format {
            Format::Mov if self.video_codec == VideoCodec::Prores => Some("pcm_s16le"),
            Format::Mp4 | Format::Mov => Some("aac"),
            Format::Webm => Some("opus"),
            Format::Mp3 => Some("mp3"),
            Format::Wav => Some("pcm_s16le"),
            Format::Gif | Format::Png | Format::Jpeg => None,
        }
    }
}

#[cfg(test)]
impl Output {
    /// An MP4 of some size and rate, as it is where nothing else is said.
    pub fn plain(width: u32, height: u32, rate: i32) -> Self {
        Self {
            format: Format::Mp4,
            video_codec: VideoCodec::H264,
            range: None,
            poster_at: None,
            width,
            height,
            frame_rate: FrameRate { numerator: rate, denominator: 1 },
            quality: Quality::Medium,
            crf: None,
            video_bitrate: None,
            audio_bitrate: None,
            background: Color::BLACK,
            duration: None,
            key: None,
            bucket: None,
        }
    }
}

/// A finished file, as a job keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenderedFile {
    pub bucket: String,
    pub key: String,
    pub etag: Option<String>,
    pub checksum_sha256: String,
    pub size: i64,
    pub duration: f64,
    pub width: u32,
    pub height: u32,
    pub frame_rate: f64,
    pub frames: i64,
    pub container: String,
    pub video_codec: Option<String>,
    pub audio_codec: Option<String>,
    /// Seconds of output per second of wall time.
    pub render_speed: f64,
    pub rendered_segments: i64,
    pub reused_segments: i64,
    #[serde(default)]
    pub poster_key: Option<String>,
}

/// Bounds on an output.
pub mod limits {
    use std::ops::RangeInclusive;

    pub const SIZE: RangeInclusive<i64> = 16..=7680;
    /// Pixels of a picture: those of the largest level of H.264, H.265 and AV1 (6.2 of each). No encoder is tried with more.
    pub const PIXELS: i64 = 35_651_584;
    /// Of H.265, where one edge is shorter than 32: the longest edge of the levels that may be coded in blocks of 16 (4.1: the root of
    /// eight times 2,228,224; ITU-T H.265, A.4).
    pub const H265_NARROW: u32 = 4_222;
    pub const FRAME_RATE: RangeInclusive<f64> = 1.0..=120.0;
    pub const CRF: RangeInclusive<i32> = 0..=63;
    /// GIF counts time in hundredths, and players slow down what is faster.
    pub const GIF_FRAME_RATE: f64 = 50.0;
    pub const VIDEO_BITRATE: RangeInclusive<i64> = 10_000..=500_000_000;
    pub const AUDIO_BITRATE: RangeInclusive<i64> = 8_000..=512_000;
    /// Of MP3 at 48 kHz (ISO/IEC 11172-3, layer III).
    pub const MP3_BITRATE: RangeInclusive<i64> = 32_000..=320_000;
    /// The longest composition, seconds: 6 hours.
    pub const DURATION: f64 = 6.0 * 3600.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_by_the_first_output_that_may_and_else_by_one_that_surely_lasts() {
        let lasting = |duration| Output { duration, ..Output::plain(64, 64, 25) };
        let sound = Output { format: Format::Wav, ..lasting(None) };
        let outputs = [sound, lasting(Some(1.0)), lasting(None), lasting(Some(3.0))];
        let shown =
            |outputs: &[Output], at| Output::showing(outputs, at).iter().map(|output| output.duration).collect::<Vec<_>>();
        assert_eq!(shown(&outputs, 0.5), [Some(1.0)]);
        assert_eq!(shown(&outputs, 2.0), [None, Some(3.0)]);
        assert_eq!(shown(&outputs, 4.0), [None]);
        assert_eq!(shown(&outputs[..2], 4.0), [Some(1.0)], "which tells that the moment is past its end");
        assert_eq!(shown(&outputs[..1], 0.0), []);
    }

    #[test]
    fn decimals_mean_ntsc_fractions_where_they_look_like_them() {
        let fraction = |value| {
            let rate = FrameRate::from_decimal(value);
            (rate.numerator, rate.denominator)
        };
        assert_eq!(fraction(29.97), (30_000, 1001));
        assert_eq!(fraction(23.976), (24_000, 1001));
        assert_eq!(fraction(59.94), (60_000, 1001));
        assert_eq!(fraction(30.0), (30, 1));
        assert_eq!(fraction(12.5), (25, 2));
    }

    proptest::proptest! {
        #![proptest_config(crate::domain::always_the_same_cases())]

        #[test]
        fn frames_times_and_samples_agree_however_far(per_second in 1..=120, ntsc: bool, frame in 0..6 * 3_600 * 120i64, share in 0.0..1.0) {
            let rate = FrameRate::from_decimal(f64::from(per_second) * if ntsc { 1000.0 / 1001.0 } else { 1.0 });
            let (start, next) = (rate.seconds(frame), rate.seconds(frame + 1));
            proptest::prop_assert_eq!((rate.frame_at(start), rate.frame_showing(start)), (frame, frame));
            // All the while until the next, but for the half of a millisecond by which times are rounded.
            let within = start + (next - start - 0.000_6) * share;
            proptest::prop_assert_eq!(rate.frame_showing(within), frame);
            let (sample, exact) = (rate.sample_at(frame, 48_000), start * 48_000.0);
            proptest::prop_assert!((sample as f64 - exact).abs() <= 0.5 + 1e-3, "{} for {}", sample, exact);
            proptest::prop_assert!(rate.sample_at(frame + 1, 48_000) > sample);
        }
    }

    #[test]
    fn an_hour_of_ntsc_loses_no_sample() {
        let rate = FrameRate::from_decimal(29.97);
        let frame = 30_000 * 3_600 / 1001;
        let exact = frame as f64 * 1001.0 / 30_000.0 * 48_000.0;
        assert!((rate.sample_at(frame, 48_000) as f64 - exact).abs() <= 0.5);
    }
}
