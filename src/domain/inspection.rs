//! What is known of a composition before it is rendered: how long it is, what its parts take, and what its author may not mean.

use serde::{Deserialize, Serialize};

use super::error::JobFailure;

/// What looking into a composition's sources came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Inspected {
    Good(Inspection),
    /// Not all of it could be looked into in time, or a render would fail.
    Partly {
        /// What it would fail with.
        problems: Vec<JobFailure>,
        warnings: Vec<Warning>,
    },
}

impl Inspected {
    /// What a render would fail with, and nothing else.
    pub fn bad(problems: Vec<JobFailure>) -> Self {
        Inspected::Partly { problems, warnings: Vec::new() }
    }

    /// There was no time to find anything.
    pub fn unseen() -> Self {
        Inspected::Partly { problems: Vec::new(), warnings: vec![Warning::not_inspected(None, None)] }
    }
}

/// A composition whose sources were looked into.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// Of the whole, seconds; of the longest output where they differ.
    pub duration: f64,
    /// Of its first output.
    pub frames: i64,
    pub intervals: Vec<PlannedInterval>,
    pub warnings: Vec<Warning>,
}

/// A run of frames that shows the same layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedInterval {
    /// Seconds.
    pub start: f64,
    pub end: f64,
    pub way: Way,
    /// The elements that are seen, by index, the lowest first.
    pub elements: Vec<usize>,
}

/// What an interval takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// Nothing shows but the background.
    Empty,
    /// One clip is already what the output asks for: its packets are copied.
    Copy,
    /// One clip fills the canvas: decoded, scaled and encoded.
    Pass,
    /// Layers are put upon each other.
    Compose,
}

/// What is not as its author may have meant it, and no reason to fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    pub code: WarningCode,
    /// The element, by the id that it was given; `None`: the whole.
    pub element_id: Option<String>,
    /// What in that is meant, such as an element within it: `composition.elements[1]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    pub message: String,
}

impl Warning {
    /// For what was not looked into: a source by its place; `None`: the whole.
    pub fn not_inspected(element_id: Option<String>, place: Option<String>) -> Self {
        let what = if place.is_some() { "source" } else { "sources" };
        let message = format!("the {what} could not be looked into in time; the job may still be good");
        Self { code: WarningCode::NotInspected, element_id, place, message }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WarningCode {
    /// No font has a glyph for a character.
    MissingGlyph,
    /// A font's family is not there.
    MissingFont,
    /// A source is shown larger than it is.
    Enlarged,
    /// A transition is longer than there is time for it.
    TransitionCut,
    /// Nothing of an element is seen or heard, as where it is shorter than half a frame or begins after the end.
    Unused,
    /// The format has sound, and nothing sounds.
    Silent,
    /// The background is not opaque, and the format cannot say so.
    NoAlpha,
    /// The sources were not looked into.
    NotInspected,
}
