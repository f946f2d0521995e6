//! The rules of outputs.

use std::fmt::Display;

use super::{Checker, LONGEST, element::object_key};
use crate::domain::{
    error::ViolationCode,
    output::{self, Format, Output, Quality, VideoCodec},
    storage::{JOBS, UPLOADS, is_own},
};

/// Checks an output; `at` is its path, such as `input.outputs[0]`.
pub fn output(check: &mut Checker, at: &str, output: &Output) {
    edge(check, format_args!("{at}.width"), i64::from(output.width));
    edge(check, format_args!("{at}.height"), i64::from(output.height));
    if i64::from(output.width) * i64::from(output.height) > output::limits::PIXELS {
        let rule = format!("must be smaller: width times height is at most {}", output::limits::PIXELS);
        check.breach(format_args!("{at}.height"), ViolationCode::OutOfRange, rule);
    }
    check.range(format_args!("{at}.frameRate"), output.frame_rate.as_f64(), output::limits::FRAME_RATE);
    codec(check, at, output);
    rates(check, at, output);
    if output.format == Format::Gif && output.frame_rate.as_f64() > output::limits::GIF_FRAME_RATE {
        let rule = format!("must be at most {} for a GIF", output::limits::GIF_FRAME_RATE);
        check.breach(format_args!("{at}.frameRate"), ViolationCode::OutOfRange, rule);
    }
    if let Some(range) = output.range {
        check.range(format_args!("{at}.range.start"), range.start, 0.0..=LONGEST);
        check.above_zero(format_args!("{at}.range.length"), range.length, LONGEST);
        if output.duration.is_some_and(|duration| range.start >= duration) {
            let rule = "must be before the end of the composition";
            check.breach(format_args!("{at}.range.start"), ViolationCode::Inconsistent, rule);
        }
    }
    if let Some(at_s) = output.poster_at {
        poster(check, format_args!("{at}.posterAt"), output, at_s);
    }
    if let Some(key) = &output.key {
        own_key(check, format_args!("{at}.key"), key);
    }
    if let Some(duration) = output.duration {
        check.above_zero(format_args!("{at}.duration"), duration, LONGEST);
    }
}

/// Checks that a result may go where it is to; `allowed` are the buckets that results may go to.
pub fn bucket(check: &mut Checker, at: &str, output: &Output, allowed: &[String]) {
    if let Some(bucket) = output.bucket.as_ref().filter(|bucket| !allowed.contains(bucket)) {
        let rule = format!("must be the service's own bucket or one that its REELGRAPH_OUTPUT_BUCKETS names, and is {bucket:?}");
        check.breach(format_args!("{at}.bucket"), ViolationCode::Inconsistent, rule);
    }
}

/// A key that the client chooses.
fn own_key(check: &mut Checker, at: impl Display, key: &str) {
    object_key(check, &at, key);
    if is_own(key) {
        let rule = format!("must not be in {JOBS} or {UPLOADS}, nor their names, where the service keeps its own objects");
        check.breach(at, ViolationCode::InvalidFormat, rule);
    }
}

fn poster(check: &mut Checker, at: impl Display, output: &Output, seconds: f64) {
    check.range(&at, seconds, 0.0..=LONGEST);
    if output.format.is_sound_alone() {
        check.breach(&at, ViolationCode::Inconsistent, "must not be given for sound alone");
    }
    if output.duration.is_some_and(|duration| seconds >= duration) {
        check.breach(&at, ViolationCode::Inconsistent, "must be before the end of the composition");
    }
}

fn codec(check: &mut Checker, at: &str, output: &Output) {
    let codecs = output.format.video_codecs();
    if !codecs.is_empty() && !codecs.contains(&output.video_codec) {
        let rule = format!("must be one that a {} file holds", output.format.extension());
        check.breach(format_args!("{at}.videoCodec"), ViolationCode::Inconsistent, rule);
    }
    let codec = (!codecs.is_empty()).then_some(output.video_codec);
    if codec == Some(VideoCodec::Av1) && output.width.min(output.height) < 64 {
        let edge = if output.width < 64 { "width" } else { "height" };
        check.breach(format_args!("{at}.{edge}"), ViolationCode::OutOfRange, "must be at least 64 for AV1");
    }
    let (shorter, longer) = (output.width.min(output.height), output.width.max(output.height));
    if codec == Some(VideoCodec::H265) && shorter < 32 && longer > output::limits::H265_NARROW {
        let edge = if output.width < 32 { "width" } else { "height" };
        let rule = format!("must be at least 32 for H265 where the other edge is longer than {}", output::limits::H265_NARROW);
        check.breach(format_args!("{at}.{edge}"), ViolationCode::OutOfRange, rule);
    }
    if output.quality == Quality::Lossless {
        let lossy = matches!(codec, Some(VideoCodec::Av1 | VideoCodec::Prores))
            || matches!(output.format, Format::Gif | Format::Jpeg | Format::Mp3);
        if lossy {
            let rule = "must not be LOSSLESS for what is never so: AV1, PRORES, GIF, JPEG and MP3";
            check.breach(format_args!("{at}.quality"), ViolationCode::Inconsistent, rule);
        }
    }
}

/// What a file is compressed to: of one kind, and only where it is compressed by it.
fn rates(check: &mut Checker, at: &str, output: &Output) {
    const NO_PICTURE_RATES: &str = "must not be given for what is not compressed by it: PRORES, GIF, PNG, JPEG, MP3 and WAV";
    const NO_SOUND_RATES: &str = "must not be given for what is not compressed by it: WAV, MOV of PRORES, GIF, PNG and JPEG";
    let lossless = output.quality == Quality::Lossless;
    let together = "must not be given together with LOSSLESS";
    let most_crf = output.most_crf();
    if let Some(crf) = output.crf {
        let at = format_args!("{at}.crf");
        check.range(at, crf, 0..=most_crf.unwrap_or(*output::limits::CRF.end()));
        if most_crf.is_none() {
            check.breach(at, ViolationCode::Inconsistent, NO_PICTURE_RATES);
        } else if lossless {
            check.breach(at, ViolationCode::Inconsistent, together);
        } else if output.video_bitrate.is_some() {
            check.breach(at, ViolationCode::Inconsistent, "must not be given together with videoBitrate");
        }
    }
    if let Some(bitrate) = output.video_bitrate {
        let at = format_args!("{at}.videoBitrate");
        check.range(at, bitrate, output::limits::VIDEO_BITRATE);
        if most_crf.is_none() {
            check.breach(at, ViolationCode::Inconsistent, NO_PICTURE_RATES);
        } else if lossless {
            check.breach(at, ViolationCode::Inconsistent, together);
        }
    }
    if let Some(bitrate) = output.audio_bitrate {
        let at = format_args!("{at}.audioBitrate");
        let is_mp3 = output.audio_codec_name() == Some("mp3");
        check.range(at, bitrate, if is_mp3 { output::limits::MP3_BITRATE } else { output::limits::AUDIO_BITRATE });
        if !matches!(output.audio_codec_name(), Some("aac" | "opus" | "mp3")) {
            check.breach(at, ViolationCode::Inconsistent, NO_SOUND_RATES);
        }
    }
}

/// An output's edge: even, within bounds.
fn edge(check: &mut Checker, at: impl Display, pixels: i64) {
    let limits = output::limits::SIZE;
    if !limits.contains(&pixels) || pixels % 2 != 0 {
        check.breach(
            at,
            ViolationCode::OutOfRange,
            format!("must be an even number from {} to {}", limits.start(), limits.end()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_picture_is_larger_than_its_codec_takes() {
        let broken = |width: u32, height: u32, video_codec: VideoCodec| {
            let mut check = Checker::default();
            output(&mut check, "output", &Output { width, height, video_codec, ..Output::plain(64, 64, 25) });
            check.finish().first().map(|breach| breach.path.clone())
        };
        use VideoCodec::{Av1, H264, H265};
        for (width, height, codec, path) in [
            (7680, 4320, Av1, None),
            (5900, 5900, H264, None),
            (6000, 6000, Av1, Some("output.height")),
            (7680, 7680, H264, Some("output.height")),
            (16, 4222, H265, None),
            (16, 4320, H265, Some("output.width")),
            (7680, 30, H265, Some("output.height")),
            (32, 7680, H265, None),
            (16, 7680, H264, None),
            (7680, 62, Av1, Some("output.height")),
        ] {
            assert_eq!(broken(width, height, codec).as_deref(), path, "{width}×{height} of {codec:?}");
        }
    }

    #[test]
    fn edges_are_even_and_bounded() {
        for (pixels, good) in
            [(0, false), (15, false), (16, true), (17, false), (7680, true), (7682, false), (100_000, false), (-2, false)]
        {
            let mut check = Checker::default();
            edge(&mut check, "width", pixels);
            assert_eq!(check.finish().is_empty(), good, "{pixels}");
        }
    }
}
