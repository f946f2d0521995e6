//! The rules of outputs.

use super::{Checker, LONGEST};
use crate::domain::{
    error::ViolationCode,
    output::{self, Output},
};

/// Checks an output; `at` is its path, such as `input.outputs[0]`.
pub fn output(check: &mut Checker, at: &str, output: &Output) {
    edge(check, format!("{at}.width"), i64::from(output.width));
    edge(check, format!("{at}.height"), i64::from(output.height));
    check.range(format!("{at}.frameRate"), output.frame_rate.as_f64(), output::limits::FRAME_RATE);
    if let Some(crf) = output.crf {
        check.range(format!("{at}.crf"), i32::from(crf), output::limits::CRF);
    }
    if let Some(bitrate) = output.video_bitrate {
        check.range(format!("{at}.videoBitrate"), bitrate, output::limits::VIDEO_BITRATE);
    }
    if let Some(bitrate) = output.audio_bitrate {
        check.range(format!("{at}.audioBitrate"), bitrate, output::limits::AUDIO_BITRATE);
    }
    if let Some(duration) = output.duration {
        check.above_zero(format!("{at}.duration"), duration, LONGEST);
    }
}

/// An output's edge: even, within bounds.
fn edge(check: &mut Checker, at: String, pixels: i64) {
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
    fn edges_are_even_and_bounded() {
        for (pixels, good) in
            [(0, false), (15, false), (16, true), (17, false), (7680, true), (7682, false), (100_000, false), (-2, false)]
        {
            let mut check = Checker::default();
            edge(&mut check, "width".into(), pixels);
            assert_eq!(check.finish().is_empty(), good, "{pixels}");
        }
    }
}
