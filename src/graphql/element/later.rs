//! What the contract can say of an element and this version does not render yet: read, and answered with its path.

use async_graphql::InputObject;

use super::{input::ElementInput, words::MediaSourceInput};

/// Timed words. Not yet.
#[derive(InputObject)]
pub struct SubtitlesInput {
    /// SRT, WebVTT or ASS.
    pub source: Option<MediaSourceInput>,
    /// Or the words themselves.
    pub cues: Option<Vec<CueInput>>,
}

/// Words and their time.
#[derive(InputObject)]
pub struct CueInput {
    /// Seconds.
    pub start: f64,
    /// Seconds.
    pub end: f64,
    /// The words.
    pub text: String,
}

/// Elements placed, timed and moved as one. Not yet.
#[derive(InputObject)]
pub struct CompositionInput {
    /// What it is made of.
    pub elements: Vec<ElementInput>,
}
