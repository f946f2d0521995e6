//! The rules of an input that need nothing but the input: every breach is found, each with its path.

mod element;
mod job;
mod output;

use std::{fmt::Display, ops::RangeInclusive};

use super::{
    error::{Violation, ViolationCode},
    geometry::Length,
};

pub use element::{COMPOSITION_DEPTH, composition, count, element, past_the_end, source, too_many_elements};
pub use job::{ends_by, job_patch, new_job, outputs};
pub use output::{bucket, output};

/// The longest time that an input may name, seconds.
const LONGEST: f64 = super::output::limits::DURATION;

/// The most breaches that one answer names.
const MOST_BREACHES: usize = 100;
/// The longest path that an answer names, bytes.
const PATH_BYTES: usize = 500;

/// Collects breaches under a path; of very many the first.
#[derive(Debug, Default)]
pub struct Checker {
    found: Vec<Violation>,
}

/// Objects and lists within each other, of a document that is kept. What reads JSON again stops at 128, and documents lie within
/// others.
const MOST_LEVELS: usize = 64;

/// Whether a document has more levels than that.
fn is_deep(value: &serde_json::Value) -> bool {
    fn fits(value: &serde_json::Value, left: usize) -> bool {
        match (value, left) {
            (serde_json::Value::Array(_) | serde_json::Value::Object(_), 0) => false,
            (serde_json::Value::Array(items), _) => items.iter().all(|item| fits(item, left - 1)),
            (serde_json::Value::Object(members), _) => members.values().all(|member| fits(member, left - 1)),
            _ => true,
        }
    }
    !fits(value, MOST_LEVELS)
}

impl Checker {
    /// Notes a breach. Paths are written out only then: most checks find nothing.
    pub fn breach(&mut self, path: impl Display, code: ViolationCode, message: impl Into<String>) {
        if !self.is_full() {
            let mut path = path.to_string();
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

    /// Whether there is a breach at a path.
    pub fn names(&self, path: &str) -> bool {
        self.found.iter().any(|violation| violation.path == path)
    }

    pub fn not_yet(&mut self, path: impl Display, what: &str) {
        self.breach(path, ViolationCode::NotYetSupported, format!("{what} is not supported by this version yet"));
    }

    pub fn range<T: PartialOrd + Display>(&mut self, path: impl Display, value: T, range: RangeInclusive<T>) {
        // Written so that NaN, which compares with nothing, is a breach.
        if !range.contains(&value) {
            let message = format!("must be from {} to {}", range.start(), range.end());
            self.breach(path, ViolationCode::OutOfRange, message);
        }
    }

    /// Checks a length, which is of another range in pixels than in percent.
    pub fn length(&mut self, path: impl Display, length: Length, pixels: RangeInclusive<f64>, percent: RangeInclusive<f64>) {
        let (value, range, unit, sign) = match length {
            Length::Pixels(value) => (value, pixels, " pixels", ""),
            Length::Percent(value) => (value, percent, "", "%"),
        };
        if !range.contains(&value) {
            let message = format!("must be from {}{sign} to {}{sign}{unit}", range.start(), range.end());
            self.breach(path, ViolationCode::OutOfRange, message);
        }
    }

    pub fn above_zero(&mut self, path: impl Display, value: f64, most: f64) {
        if !(value > 0.0 && value <= most) {
            self.breach(path, ViolationCode::OutOfRange, format!("must be greater than 0 and at most {most}"));
        }
    }

    pub fn chars(&mut self, path: impl Display, value: &str, most: usize) {
        if value.chars().count() > most {
            self.breach(path, ViolationCode::TooLong, format!("must have at most {most} characters"));
        }
    }

    /// A document that is kept: of a size, and no deeper than can be read again.
    pub fn json_bytes(&mut self, path: impl Display, value: &serde_json::Value, most: usize) {
        if is_deep(value) {
            self.breach(path, ViolationCode::TooMany, format!("must nest at most {MOST_LEVELS} levels deep"));
        } else if value.to_string().len() > most {
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
    fn a_length_is_told_its_range_in_its_own_unit() {
        for (length, message) in [
            (Length::Pixels(0.0), "must be from 1 to 16384 pixels"),
            (Length::Percent(0.0), "must be from 0.01% to 1000%"),
            (Length::Percent(f64::NAN), "must be from 0.01% to 1000%"),
        ] {
            let mut check = Checker::default();
            check.length("width", length, 1.0..=16_384.0, 0.01..=1_000.0);
            check.length("width", Length::Pixels(1_000.5), 1.0..=16_384.0, 0.01..=1_000.0);
            let told: Vec<String> = check.finish().into_iter().map(|violation| violation.message).collect();
            assert_eq!(told, [message]);
        }
    }
}
