//! The rules of an input that need nothing but the input: every breach is found, each with its path.

use std::ops::RangeInclusive;

use super::{
    composition::{Content, Element, FONT_FAMILIES, Playback, Source, Text, Timing, Transition, Visual},
    error::{Violation, ViolationCode},
    geometry::Length,
    id::AssetId,
    job::{self, JobPatch, NewJob},
    output::{self, Output},
};

/// The longest time that an input may name, seconds.
const LONGEST: f64 = output::limits::DURATION;
const TEXT_CHARS: usize = 5_000;
const ELEMENT_METADATA_BYTES: usize = 16 * 1024;

/// The most breaches that one answer names.
const MOST_BREACHES: usize = 100;
/// The longest path that an answer names, bytes.
const PATH_BYTES: usize = 500;

/// Collects breaches under a path; of very many the first.
#[derive(Debug, Default)]
pub struct Checker {
    found: Vec<Violation>,
}

impl Checker {
    pub fn breach(&mut self, path: impl Into<String>, code: ViolationCode, message: impl Into<String>) {
        if !self.is_full() {
            let mut path = path.into();
            if path.len() > PATH_BYTES {
                path.truncate(path.floor_char_boundary(PATH_BYTES));
                path.push('…');
            }
            self.found.push(Violation { path, code, message: message.into() });
        }
    }

    /// Whether further breaches are not noted: what is looked for can be left.
    pub fn is_full(&self) -> bool {
        self.found.len() >= MOST_BREACHES
    }

    pub fn not_yet(&mut self, path: impl Into<String>, what: &str) {
        self.breach(path, ViolationCode::NotYetSupported, format!("{what} is not supported by this version yet"));
    }

    pub fn range<T: PartialOrd + std::fmt::Display>(&mut self, path: impl Into<String>, value: T, range: RangeInclusive<T>) {
        // Written so that NaN, which compares with nothing, is a breach.
        if !range.contains(&value) {
            let message = format!("must be from {} to {}", range.start(), range.end());
            self.breach(path, ViolationCode::OutOfRange, message);
        }
    }

    pub fn above_zero(&mut self, path: impl Into<String>, value: f64, most: f64) {
        if !(value > 0.0 && value <= most) {
            self.breach(path, ViolationCode::OutOfRange, format!("must be greater than 0 and at most {most}"));
        }
    }

    pub fn chars(&mut self, path: impl Into<String>, value: &str, most: usize) {
        if value.chars().count() > most {
            self.breach(path, ViolationCode::TooLong, format!("must have at most {most} characters"));
        }
    }

    pub fn json_bytes(&mut self, path: impl Into<String>, value: &serde_json::Value, most: usize) {
        if value.to_string().len() > most {
            self.breach(path, ViolationCode::TooLong, format!("must have at most {most} bytes as JSON"));
        }
    }

    pub fn extend(&mut self, violations: Vec<Violation>) {
        let room = MOST_BREACHES.saturating_sub(self.found.len());
        self.found.extend(violations.into_iter().take(room));
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub fn finish(self) -> Vec<Violation> {
        self.found
    }

    pub fn into_result<T>(self, value: T) -> Result<T, Vec<Violation>> {
        if self.found.is_empty() { Ok(value) } else { Err(self.found) }
    }
}

/// Checks all of a new job; `at` is the path of its input.
pub fn new_job(check: &mut Checker, at: &str, new: &NewJob) {
    name(check, at, new.name.as_deref());
    check.range(format!("{at}.priority"), new.priority, job::limits::PRIORITY);
    check.range(format!("{at}.maxAttempts"), new.max_attempts, job::limits::MAX_ATTEMPTS);
    check.json_bytes(format!("{at}.metadata"), &new.metadata, job::limits::METADATA_BYTES);
    if let Some(key) = &new.idempotency_key {
        check.chars(format!("{at}.idempotencyKey"), key, job::limits::IDEMPOTENCY_KEY_CHARS);
        if key.is_empty() {
            check.breach(format!("{at}.idempotencyKey"), ViolationCode::Required, "must not be empty");
        }
    }
    outputs(check, at, &new.outputs);
    let path = format!("{at}.elements");
    if new.submit && new.elements.is_empty() {
        check.breach(&path, ViolationCode::Required, "must have at least one element, or submit must be false");
    }
    if !too_many_elements(check, &path, new.elements.len()) {
        composition(check, &path, &new.elements, new.outputs.first().and_then(|output| output.duration));
    }
}

/// Checks what a job is to be changed to; `at` is the path of the patch.
pub fn job_patch(check: &mut Checker, at: &str, patch: &JobPatch) {
    name(check, at, patch.name.as_ref().and_then(|name| name.as_deref()));
    if let Some(priority) = patch.priority {
        check.range(format!("{at}.priority"), priority, job::limits::PRIORITY);
    }
    if let Some(metadata) = &patch.metadata {
        check.json_bytes(format!("{at}.metadata"), metadata, job::limits::METADATA_BYTES);
    }
    if let Some(outputs) = &patch.outputs {
        self::outputs(check, at, outputs);
    }
}

fn name(check: &mut Checker, at: &str, name: Option<&str>) {
    if let Some(name) = name {
        check.chars(format!("{at}.name"), name, job::limits::NAME_CHARS);
    }
}

fn outputs(check: &mut Checker, at: &str, outputs: &[Output]) {
    match outputs.len() {
        1 => {}
        0 => check.breach(format!("{at}.outputs"), ViolationCode::Required, "must have at least one output"),
        _ => check.not_yet(format!("{at}.outputs"), "more than one output"),
    }
    for (index, output) in outputs.iter().enumerate() {
        self::output(check, &format!("{at}.outputs[{index}]"), output);
    }
}

/// Checks the elements of one job against each other and the output's duration.
pub fn composition(check: &mut Checker, path: &str, elements: &[Element], duration: Option<f64>) {
    for (index, element) in elements.iter().enumerate() {
        let at = format!("{path}[{index}].{}", element.element_type().field());
        self::element(check, &at, element);
        past_the_end(check, &at, element, duration);
    }
}

/// Checks that an element starts before the composition's end, where that is said.
pub fn past_the_end(check: &mut Checker, at: &str, element: &Element, duration: Option<f64>) {
    let (Some(start), Some(duration)) = (element.timing.start, duration) else { return };
    if start >= duration {
        check.breach(
            format!("{at}.start"),
            ViolationCode::Inconsistent,
            format!("must be before the end of the composition, at {duration} s"),
        );
    }
}

pub fn too_many_elements(check: &mut Checker, path: &str, count: usize) -> bool {
    let too_many = count > job::limits::ELEMENTS;
    if too_many {
        let message = format!("must have at most {} elements, and has {count}", job::limits::ELEMENTS);
        check.breach(path, ViolationCode::TooMany, message);
    }
    too_many
}

/// Checks one element by itself; `at` is the path of its typed input, such as `input.elements[0].video`.
pub fn element(check: &mut Checker, at: &str, element: &Element) {
    timing(check, at, &element.timing);
    if let Some(source) = element.source() {
        self::source(check, &format!("{at}.source"), source);
    }
    if let Some(visual) = element.visual() {
        self::visual(check, at, visual);
    }
    if let Some(playback) = element.playback() {
        self::playback(check, at, playback);
    }
    if let Content::Text { text, .. } = &element.content {
        self::text(check, at, text);
    }
}

fn timing(check: &mut Checker, at: &str, timing: &Timing) {
    if let Some(start) = timing.start {
        check.range(format!("{at}.start"), start, 0.0..=LONGEST);
    }
    if let Some(length) = timing.length {
        check.above_zero(format!("{at}.length"), length, LONGEST);
    }
    if let Some(track) = timing.track {
        check.range(format!("{at}.track"), track, -1_000..=1_000);
    }
    if let Some(name) = &timing.name {
        check.chars(format!("{at}.name"), name, job::limits::NAME_CHARS);
    }
    check.json_bytes(format!("{at}.metadata"), &timing.metadata, ELEMENT_METADATA_BYTES);
}

fn source(check: &mut Checker, at: &str, source: &Source) {
    match source {
        Source::Url(text) => {
            check.chars(format!("{at}.url"), text, 2_048);
            let parsed = url::Url::parse(text);
            if !parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
                check.breach(format!("{at}.url"), ViolationCode::InvalidFormat, "must be an absolute http or https address");
            }
        }
        Source::Asset(id) => {
            if id.parse::<AssetId>().is_err() {
                check.breach(format!("{at}.asset"), ViolationCode::InvalidFormat, "must be the id of an upload, ast_…");
            }
        }
        Source::Object { key, .. } => object_key(check, &format!("{at}.object.key"), key),
        Source::File(_) => {}
    }
}

/// The rules of an object's key.
fn object_key(check: &mut Checker, at: &str, key: &str) {
    let clean = |part: &str| !part.is_empty() && part != "." && part != "..";
    let printable = key.chars().all(|c| !c.is_control() && c != '\\');
    if key.is_empty() || key.len() > 150 || !printable || !key.split('/').all(clean) {
        let rule = "must be a path of 1 to 150 bytes without control characters, backslashes, empty parts, \".\" or \"..\"";
        check.breach(at, ViolationCode::InvalidFormat, rule);
    }
}

fn visual(check: &mut Checker, at: &str, visual: &Visual) {
    place(check, &format!("{at}.x"), visual.x);
    place(check, &format!("{at}.y"), visual.y);
    extent(check, &format!("{at}.width"), visual.width);
    extent(check, &format!("{at}.height"), visual.height);
    check.range(format!("{at}.opacity"), visual.opacity, 0.0..=1.0);
    transition(check, &format!("{at}.transitionIn"), visual.transition_in);
    transition(check, &format!("{at}.transitionOut"), visual.transition_out);
}

fn place(check: &mut Checker, at: &str, length: Length) {
    match length {
        Length::Pixels(pixels) => check.range(at, pixels, -20_000.0..=20_000.0),
        Length::Percent(percent) => check.range(at, percent, -1_000.0..=1_000.0),
    }
}

fn extent(check: &mut Checker, at: &str, length: Length) {
    match length {
        Length::Pixels(pixels) => check.range(at, pixels, 1.0..=16_384.0),
        Length::Percent(percent) => check.above_zero(at, percent, 1_000.0),
    }
}

fn transition(check: &mut Checker, at: &str, transition: Option<Transition>) {
    if let Some(transition) = transition {
        check.above_zero(format!("{at}.duration"), transition.duration, 60.0);
    }
}

fn playback(check: &mut Checker, at: &str, playback: &Playback) {
    check.range(format!("{at}.trimStart"), playback.trim_start, 0.0..=LONGEST);
    if let Some(end) = playback.trim_end {
        check.range(format!("{at}.trimEnd"), end, 0.0..=LONGEST);
        if end <= playback.trim_start {
            check.breach(format!("{at}.trimEnd"), ViolationCode::Inconsistent, "must be greater than trimStart");
        }
    }
    check.range(format!("{at}.volume"), playback.volume, 0.0..=4.0);
    check.range(format!("{at}.fadeIn"), playback.fade_in, 0.0..=LONGEST);
    check.range(format!("{at}.fadeOut"), playback.fade_out, 0.0..=LONGEST);
}

fn text(check: &mut Checker, at: &str, text: &Text) {
    if text.text.trim().is_empty() {
        check.breach(format!("{at}.text"), ViolationCode::Required, "must not be empty");
    }
    check.chars(format!("{at}.text"), &text.text, TEXT_CHARS);
    if !FONT_FAMILIES.iter().any(|family| family.eq_ignore_ascii_case(&text.family)) {
        let known = FONT_FAMILIES.join(", ");
        check.breach(
            format!("{at}.font.family"),
            ViolationCode::NotYetSupported,
            format!("this version has the families: {known}"),
        );
    }
    match text.font_size {
        Length::Pixels(pixels) => check.range(format!("{at}.fontSize"), pixels, 1.0..=2_000.0),
        Length::Percent(percent) => check.above_zero(format!("{at}.fontSize"), percent, 100.0),
    }
    check.range(format!("{at}.weight"), text.weight, 100..=900);
    check.range(format!("{at}.lineHeight"), text.line_height, 0.5..=5.0);
    if let Some(background) = &text.background {
        match background.padding {
            Length::Pixels(pixels) => check.range(format!("{at}.background.padding"), pixels, 0.0..=1_000.0),
            Length::Percent(percent) => check.range(format!("{at}.background.padding"), percent, 0.0..=50.0),
        }
    }
}

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
    fn nan_is_a_breach_of_every_range() {
        let mut check = Checker::default();
        check.range("a", f64::NAN, 0.0..=1.0);
        check.above_zero("b", f64::NAN, 1.0);
        assert_eq!(check.finish().len(), 2);
    }

    #[test]
    fn keys_that_climb_are_refused() {
        for key in ["", "/", "a//b", "../a", "a/../b", "a/.", "a\nb", "a\\b", "/a"] {
            let mut check = Checker::default();
            object_key(&mut check, "key", key);
            assert_eq!(check.finish().len(), 1, "{key:?}");
        }
        let mut check = Checker::default();
        object_key(&mut check, "key", "films/2026/täglich.mp4");
        assert!(check.finish().is_empty());
    }

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
