//! What parent and child say to each other.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Limits;
use crate::{
    domain::{
        error::JobFailure,
        inspection::Inspected,
        media::MediaInfo,
        timeline::{ProcessingStep, Usage},
    },
    render::Composition,
};

/// What a task is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aim {
    /// To make the files.
    #[default]
    Render,
    /// To say what would be made of the first output; partly, where some sources are away or it is not all of a job, what is wrong with
    /// what is here.
    Inspect { partly: bool },
    /// To say what the sources hold, each of any kind.
    Probe,
}

/// What the child is to do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Task {
    pub aim: Aim,
    pub composition: Composition,
    /// The files to write, one for each output.
    pub paths: Vec<String>,
    /// Where encoded parts are kept for another time; `None`: nowhere.
    pub shelf: Option<String>,
    /// Hashes of the sources, by path.
    pub digests: HashMap<String, String>,
    /// The width at which stills are written, pixels; `None`: as they are composed.
    pub still_width: Option<u32>,
    pub limits: Limits,
}

/// What the child tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    StepStarted {
        step: ProcessingStep,
    },
    StepCompleted {
        step: ProcessingStep,
        usage: Usage,
        /// An object: what else is to be told of it.
        details: serde_json::Value,
    },
    /// An element's source was looked into.
    Media {
        element_id: String,
        media: MediaInfo,
    },
    /// The length of the whole, seconds, and when each element starts, by its id.
    Planned {
        duration: f64,
        starts: Vec<(String, f64)>,
    },
    /// At most five times a second. `fraction` is of the picture, 0…1.
    Progress {
        fraction: f64,
        frames_per_second: f64,
    },
    /// What would be made.
    Inspected {
        inspected: Inspected,
    },
    /// All files are made, in the order of the outputs.
    Done {
        made: Vec<MadeFile>,
    },
    Failed {
        failure: JobFailure,
    },
}

/// A finished file, before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MadeFile {
    /// 0 of sound alone, as is the height.
    pub width: u32,
    pub height: u32,
    pub frames: i64,
    pub frame_rate: f64,
    pub has_sound: bool,
    pub rendered_segments: i64,
    pub reused_segments: i64,
}
