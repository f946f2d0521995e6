//! What happened to a job, as the events table keeps it.

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    job::JobStatus,
    timeline::{ProcessingStep, StepStatus},
};

/// What an event tells of; each kind is a stream of its own to a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    JobStatus,
    Timeline,
    /// Something else of the job is another now: its elements, its name. For caches; no subscriber is told.
    Changed,
    /// The job is gone: its last event.
    Deleted,
}

impl EventKind {
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::JobStatus => "job_status",
            EventKind::Timeline => "timeline",
            EventKind::Changed => "changed",
            EventKind::Deleted => "deleted",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let all = [EventKind::JobStatus, EventKind::Timeline, EventKind::Changed, EventKind::Deleted];
        all.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The job as it stood when the event was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusChange {
    pub status: JobStatus,
    pub previous: Option<JobStatus>,
    pub progress: f64,
    pub step: Option<ProcessingStep>,
    pub message: Option<String>,
}

/// A step as it stood when the event was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepState {
    pub id: String,
    pub job_id: String,
    pub step: ProcessingStep,
    pub attempt: i32,
    pub status: StepStatus,
    pub progress: f64,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    pub cpu_ms: Option<f64>,
    pub peak_memory: Option<i64>,
    pub bytes_read: Option<i64>,
    pub bytes_written: Option<i64>,
    pub frames_per_second: Option<f64>,
    pub error: Option<String>,
    pub details: serde_json::Value,
}

impl StepState {
    /// Wall time of a finished step, milliseconds.
    pub fn duration_ms(&self) -> Option<f64> {
        Some(self.completed_at?.ms_since(self.started_at?))
    }
}
