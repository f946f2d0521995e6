//! The rules of jobs.

use super::{Checker, composition, too_many_elements};
use crate::domain::{
    error::ViolationCode,
    job::{JobPatch, NewJob, limits},
    output::Output,
    storage::lies_within,
};

/// Checks all of a new job; `at` is the path of its input.
pub fn new_job(check: &mut Checker, at: &str, new: &NewJob) {
    name(check, at, new.name.as_deref());
    check.range(format_args!("{at}.priority"), new.priority, limits::PRIORITY);
    check.range(format_args!("{at}.maxAttempts"), new.max_attempts, limits::MAX_ATTEMPTS);
    check.json_bytes(format_args!("{at}.metadata"), &new.metadata, limits::METADATA_BYTES);
    if let Some(key) = &new.idempotency_key {
        check.chars(format_args!("{at}.idempotencyKey"), key, limits::IDEMPOTENCY_KEY_CHARS);
        if key.is_empty() {
            check.breach(format_args!("{at}.idempotencyKey"), ViolationCode::Required, "must not be empty");
        }
    }
    outputs(check, &format!("{at}.outputs"), &new.outputs);
    let path = format!("{at}.elements");
    // Of too many, which was told before, none are here.
    if new.submit && new.elements.is_empty() && !check.names(&path) {
        check.breach(&path, ViolationCode::Required, "must have at least one element, or submit must be false");
    }
    if !too_many_elements(check, &path, super::count(&new.elements)) {
        composition(check, &path, &new.elements, ends_by(&new.outputs));
    }
}

/// Checks what a job is to be changed to; `at` is the path of the patch.
pub fn job_patch(check: &mut Checker, at: &str, patch: &JobPatch) {
    name(check, at, patch.name.as_ref().and_then(|name| name.as_deref()));
    if let Some(priority) = patch.priority {
        check.range(format_args!("{at}.priority"), priority, limits::PRIORITY);
    }
    if let Some(metadata) = &patch.metadata {
        check.json_bytes(format_args!("{at}.metadata"), metadata, limits::METADATA_BYTES);
    }
    if let Some(outputs) = &patch.outputs {
        self::outputs(check, &format!("{at}.outputs"), outputs);
    }
}

fn name(check: &mut Checker, at: &str, name: Option<&str>) {
    if let Some(name) = name {
        check.chars(format_args!("{at}.name"), name, limits::NAME_CHARS);
    }
}

/// Checks a job's outputs; `at` is the path of the list.
pub fn outputs(check: &mut Checker, at: &str, outputs: &[Output]) {
    match outputs.len() {
        1..=limits::OUTPUTS => {}
        0 => check.breach(at, ViolationCode::Required, "must have at least one output"),
        count => {
            let message = format!("must have at most {} outputs, and has {count}", limits::OUTPUTS);
            return check.breach(at, ViolationCode::TooMany, message);
        }
    }
    for (index, output) in outputs.iter().enumerate() {
        super::output(check, &format!("{at}[{index}]"), output);
        let clashes = |(other, key): (&Output, &String)| {
            let is_below = |other: &String| lies_within(key, other) || lies_within(other, key);
            other.bucket == output.bucket && other.key.as_ref().is_some_and(is_below)
        };
        if output.key.as_ref().is_some_and(|key| outputs[..index].iter().any(|other| clashes((other, key)))) {
            let rule = "must not be the key of another output of the job, nor lie below it or above it";
            check.breach(format_args!("{at}[{index}].key"), ViolationCode::Inconsistent, rule);
        }
    }
}

/// When the composition ends for all outputs, seconds; `None` where one of them has no duration of its own.
pub fn ends_by(outputs: &[Output]) -> Option<f64> {
    let durations: Option<Vec<f64>> = outputs.iter().map(|output| output.duration).collect();
    durations?.into_iter().reduce(f64::max)
}
