//! Which frames of a composition an output wants.

use crate::domain::{
    error::{ErrorCode, JobFailure},
    output::{FrameRate, Output, RANGE_START},
    schedule::Unplaceable,
};

/// The frames of an output.
pub(super) fn of(output: &Output, frames: i64) -> Result<(i64, i64), Unplaceable> {
    let Some(range) = output.range else { return Ok((0, frames)) };
    if output.format.is_still() {
        return still(output, range.start, frames);
    }
    let rate = output.clock();
    let first = within(rate.frame_at(range.start), range.start, rate, frames);
    if first >= frames {
        let message = format!("the output's range starts at {} s, past the end of the composition", range.start);
        let failure = JobFailure::new(ErrorCode::BadUserInput, message).suggest("give a range within the composition");
        return Err(Unplaceable::of_output(RANGE_START, failure));
    }
    let end = rate.frame_at(range.start + range.length).clamp(first + 1, frames);
    Ok((first, end))
}

/// Of a moment that is not past the end, no later frame than the last, which may not be the nearest.
fn within(frame: i64, seconds: f64, rate: FrameRate, frames: i64) -> i64 {
    if seconds < rate.seconds(frames) { frame.min(frames - 1) } else { frame }
}

/// The frame that shows at a moment; a poster past the end is the last.
fn still(output: &Output, seconds: f64, frames: i64) -> Result<(i64, i64), Unplaceable> {
    let rate = output.clock();
    let mut first = within(rate.frame_showing(seconds), seconds, rate, frames);
    if output.poster_at.is_some() {
        first = first.min(frames - 1);
    }
    if first >= frames {
        let message = format!("there is no picture at {seconds} s, past the end of the composition");
        let failure = JobFailure::new(ErrorCode::BadUserInput, message).suggest("give a time of the composition");
        return Err(Unplaceable::of_output(RANGE_START, failure));
    }
    Ok((first, first + 1))
}
