//! What a job makes: what was asked for, and what came of it.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};

use super::object::presigned;
use crate::{
    domain::{
        self,
        error::ViolationCode,
        output::{FrameRate, RenderedFile},
        validation::{self, Checker},
    },
    graphql::{
        error::Result,
        scalars::{Color, Long, Url},
    },
};

/// The container.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "domain::output::Format")]
pub enum OutputFormat {
    /// H264, H265 or AV1, and AAC; playable while it downloads.
    #[graphql(name = "MP4")]
    Mp4,
    /// VP9 or AV1, and Opus.
    Webm,
    /// QuickTime: H264 or H265 and AAC, or PRORES and uncompressed sound.
    Mov,
    /// An animated GIF, of colours chosen for the whole of it; at most 50 frames a second.
    Gif,
    /// The frame at the range's start, or at 0.
    Png,
    /// The frame at the range's start, or at 0.
    Jpeg,
    /// Sound alone.
    #[graphql(name = "MP3")]
    Mp3,
    /// Sound alone, uncompressed: 16 bits, 48 kHz.
    Wav,
}

/// The picture's codec.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "domain::output::VideoCodec")]
pub enum VideoCodec {
    /// H.264, by x264.
    #[graphql(name = "H264")]
    H264,
    /// H.265, by x265.
    #[graphql(name = "H265")]
    H265,
    /// VP9, by libvpx.
    #[graphql(name = "VP9")]
    Vp9,
    /// AV1, by SVT-AV1.
    #[graphql(name = "AV1")]
    Av1,
    /// ProRes 422, of 10 bits.
    Prores,
}

/// How much care is taken, and how many bits.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "domain::output::Quality")]
pub enum Quality {
    /// To look at: fast and rough.
    Draft,
    /// Small files.
    Low,
    /// For most uses.
    Medium,
    /// Hard to tell from the sources.
    High,
    /// Each pixel as it was composed; large, and not all players show it.
    Lossless,
}

/// Sizes by name.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum ResolutionPreset {
    /// 854×480.
    Sd,
    /// 1280×720.
    Hd,
    /// 1920×1080.
    FullHd,
    /// 3840×2160.
    Uhd,
    /// 1080×1080.
    #[graphql(name = "SQUARE_1080")]
    Square1080,
    /// 1080×1920.
    #[graphql(name = "PORTRAIT_1080")]
    Portrait1080,
}

impl ResolutionPreset {
    fn size(self) -> (i32, i32) {
        match self {
            ResolutionPreset::Sd => (854, 480),
            ResolutionPreset::Hd => (1280, 720),
            ResolutionPreset::FullHd => (1920, 1080),
            ResolutionPreset::Uhd => (3840, 2160),
            ResolutionPreset::Square1080 => (1080, 1080),
            ResolutionPreset::Portrait1080 => (1080, 1920),
        }
    }
}

/// A part of the composition.
#[derive(InputObject)]
pub struct TimeRangeInput {
    /// Seconds.
    start: f64,
    /// Seconds.
    length: f64,
}

/// A file to make.
#[derive(InputObject)]
pub struct OutputInput {
    /// Its container.
    #[graphql(default_with = "OutputFormat::Mp4")]
    format: OutputFormat,
    /// Its size by name; or width and height. 1280×720 where nothing is given.
    resolution: Option<ResolutionPreset>,
    /// Pixels, even, 16…7680.
    width: Option<i32>,
    /// Pixels, even, 16…7680.
    height: Option<i32>,
    /// 1…120; 23.976, 29.97 and 59.94 mean the NTSC fractions.
    #[graphql(default = 30.0)]
    frame_rate: f64,
    /// The picture's codec; H264 for MP4 and MOV, VP9 for WEBM.
    video_codec: Option<VideoCodec>,
    /// How much care, and how many bits.
    #[graphql(default_with = "Quality::Medium")]
    quality: Quality,
    /// In place of the quality's own: 0…51 for H264 and H265, 0…63 for VP9 and AV1, refused for others; lower is better.
    crf: Option<i32>,
    /// In place of the quality and of `crf`, for the same codecs: bits a second on average. VP9 may take a third more.
    video_bitrate: Option<Long>,
    /// Bits a second, of MP3 from 32000 to 320000, else from 8000 to 512000; 160000 where it is not given. Refused where sound is not
    /// compressed, or there is none.
    audio_bitrate: Option<i32>,
    /// What shows where nothing lies. One that is not opaque stays so in WEBM of VP9, MOV of PRORES, GIF and PNG.
    #[graphql(default_with = "Color(domain::paint::Color::BLACK)")]
    background: Color,
    /// Seconds; to the end of the last element where it is not given. What would last longer ends with it, as if that were its
    /// length: its transition out and a slow move are done by then. `range` is a part of what lasts longer.
    duration: Option<f64>,
    /// Render only this part.
    range: Option<TimeRangeInput>,
    /// A still of this moment, seconds of the composition, beside the result; past its end, of its last frame.
    poster_at: Option<f64>,
    /// The object that the result becomes, in place of one that is there; where it is not given, one of the job's own.
    key: Option<String>,
    /// The bucket that the result goes to: the service's own, or one that its setting REELGRAPH_OUTPUT_BUCKETS names.
    bucket: Option<String>,
}

impl OutputInput {
    /// As the domain has it, where results may go to these `buckets`, of which the first is the service's own.
    pub fn into_domain(self, check: &mut Checker, at: &str, buckets: &[String]) -> domain::output::Output {
        let (width, height) = self.size(check, at);
        let format = domain::output::Format::from(self.format);
        if self.video_codec.is_some() && format.video_codecs().is_empty() {
            let rule = "must not be given where there is none to choose: GIF, PNG, JPEG, MP3 and WAV";
            check.breach(format_args!("{at}.videoCodec"), ViolationCode::Inconsistent, rule);
        }
        let usual = format.video_codecs().first().copied().unwrap_or_default();
        let output = domain::output::Output {
            format,
            width,
            height,
            video_codec: self.video_codec.map_or(usual, Into::into),
            frame_rate: FrameRate::from_decimal(self.frame_rate.clamp(0.0, 10_000.0)),
            quality: self.quality.into(),
            crf: self.crf,
            video_bitrate: self.video_bitrate.map(|bits| bits.0),
            audio_bitrate: self.audio_bitrate.map(i64::from),
            background: self.background.0,
            duration: self.duration,
            range: self.range.map(|range| domain::output::TimeRange { start: range.start, length: range.length }),
            poster_at: self.poster_at,
            key: self.key,
            bucket: self.bucket.filter(|bucket| Some(bucket) != buckets.first()),
        };
        validation::bucket(check, at, &output, buckets);
        output
    }

    fn size(&self, check: &mut Checker, at: &str) -> (u32, u32) {
        let (width, height) = match (self.resolution, self.width, self.height) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                let rule = "must not be given together with width or height";
                check.breach(format!("{at}.resolution"), ViolationCode::Inconsistent, rule);
                (1280, 720)
            }
            (Some(preset), None, None) => preset.size(),
            (None, Some(width), Some(height)) => (width, height),
            (None, None, None) => (1280, 720),
            (None, width, _) => {
                let missing = if width.is_some() { "height" } else { "width" };
                let rule = "must be given together with the other";
                check.breach(format!("{at}.{missing}"), ViolationCode::Required, rule);
                (1280, 720)
            }
        };
        (width.max(0) as u32, height.max(0) as u32)
    }
}

/// A file that was asked for, defaults filled in.
#[derive(SimpleObject)]
pub struct Output {
    /// Its container.
    format: OutputFormat,
    /// Pixels.
    width: i32,
    /// Pixels.
    height: i32,
    /// Frames a second.
    frame_rate: f64,
    /// The picture's codec; null where the format leaves no choice.
    video_codec: Option<VideoCodec>,
    /// How much care, and how many bits.
    quality: Quality,
    /// In place of the quality's own.
    crf: Option<i32>,
    /// Bits a second.
    video_bitrate: Option<Long>,
    /// Bits a second.
    audio_bitrate: Option<i32>,
    /// What shows where nothing lies.
    background: Color,
    /// Seconds; null: to the end of the last element.
    duration: Option<f64>,
    /// The part that is rendered; null: all of it.
    range: Option<TimeRange>,
    /// The moment of its poster, seconds; null: it has none.
    poster_at: Option<f64>,
    /// The object that it becomes; null: one of the job's own.
    key: Option<String>,
    /// The bucket that it goes to; null: the service's own.
    bucket: Option<String>,
}

/// A part of the composition.
#[derive(SimpleObject)]
pub struct TimeRange {
    /// Seconds.
    start: f64,
    /// Seconds.
    length: f64,
}

impl From<domain::output::Output> for Output {
    fn from(output: domain::output::Output) -> Self {
        Self {
            format: output.format.into(),
            width: output.width as i32,
            height: output.height as i32,
            frame_rate: output.frame_rate.as_f64(),
            video_codec: (!output.format.video_codecs().is_empty()).then(|| output.video_codec.into()),
            quality: output.quality.into(),
            crf: output.crf,
            video_bitrate: output.video_bitrate.map(Long),
            audio_bitrate: output.audio_bitrate.map(|bits| bits as i32),
            background: Color(output.background),
            duration: output.duration,
            range: output.range.map(|range| TimeRange { start: range.start, length: range.length }),
            poster_at: output.poster_at,
            key: output.key,
            bucket: output.bucket,
        }
    }
}

/// A finished file.
pub struct RenderResult(pub RenderedFile);

#[Object]
impl RenderResult {
    /// A presigned address to read it from.
    async fn url(
        &self,
        context: &Context<'_>,
        #[graphql(default = 3600, desc = "For how long, seconds; at most a week.")] expires_in: i32,
    ) -> Result<Url> {
        presigned(context, Some(&self.0.bucket), &self.0.key, expires_in).await
    }

    /// The bucket that it lies in.
    async fn bucket(&self) -> &str {
        &self.0.bucket
    }

    /// Its key.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// The store's tag of its content.
    async fn etag(&self) -> Option<&str> {
        self.0.etag.as_deref()
    }

    /// SHA-256 of its bytes, hexadecimal.
    async fn checksum_sha256(&self) -> &str {
        &self.0.checksum_sha256
    }

    /// Bytes.
    async fn size(&self) -> Long {
        Long(self.0.size)
    }

    /// Seconds.
    async fn duration(&self) -> f64 {
        self.0.duration
    }

    /// Pixels; 0 of sound alone.
    async fn width(&self) -> i32 {
        self.0.width as i32
    }

    /// Pixels; 0 of sound alone.
    async fn height(&self) -> i32 {
        self.0.height as i32
    }

    /// Frames a second; of sound alone samples.
    async fn frame_rate(&self) -> f64 {
        self.0.frame_rate
    }

    /// How many frames; of sound alone samples.
    async fn frames(&self) -> Long {
        Long(self.0.frames)
    }

    /// The container.
    async fn container(&self) -> &str {
        &self.0.container
    }

    /// The picture's codec.
    async fn video_codec(&self) -> Option<&str> {
        self.0.video_codec.as_deref()
    }

    /// The sound's codec; null where there is no sound.
    async fn audio_codec(&self) -> Option<&str> {
        self.0.audio_codec.as_deref()
    }

    /// Seconds of output per second of wall time.
    async fn render_speed(&self) -> f64 {
        self.0.render_speed
    }

    /// A presigned address of its poster, a JPEG; null where none was asked for.
    async fn poster(
        &self,
        context: &Context<'_>,
        #[graphql(default = 3600, desc = "For how long, seconds; at most a week.")] expires_in: i32,
    ) -> Result<Option<Url>> {
        match &self.0.poster_key {
            Some(key) => presigned(context, None, key, expires_in).await.map(Some),
            None => Ok(None),
        }
    }

    /// Parts that were taken from an earlier render.
    async fn reused_segments(&self) -> i32 {
        self.0.reused_segments as i32
    }

    /// Parts that were rendered.
    async fn rendered_segments(&self) -> i32 {
        self.0.rendered_segments as i32
    }
}
