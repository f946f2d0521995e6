//! The seven steps of an attempt, in their order.

use serde::{Deserialize, Serialize};

/// A step of the work on a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProcessingStep {
    Validation,
    Download,
    Processing,
    Composition,
    Encoding,
    Upload,
    Cleanup,
}

impl ProcessingStep {
    pub const ALL: [ProcessingStep; 7] = [
        ProcessingStep::Validation,
        ProcessingStep::Download,
        ProcessingStep::Processing,
        ProcessingStep::Composition,
        ProcessingStep::Encoding,
        ProcessingStep::Upload,
        ProcessingStep::Cleanup,
    ];

    /// Its place among the seven, from 1.
    pub fn order(self) -> i32 {
        self as i32 + 1
    }

    pub fn as_str(self) -> &'static str {
        match self {
            ProcessingStep::Validation => "VALIDATION",
            ProcessingStep::Download => "DOWNLOAD",
            ProcessingStep::Processing => "PROCESSING",
            ProcessingStep::Composition => "COMPOSITION",
            ProcessingStep::Encoding => "ENCODING",
            ProcessingStep::Upload => "UPLOAD",
            ProcessingStep::Cleanup => "CLEANUP",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StepStatus {
    Pending,
    Running,
    Completed,
    Failed,
    Skipped,
}

impl StepStatus {
    pub const ALL: [StepStatus; 5] =
        [StepStatus::Pending, StepStatus::Running, StepStatus::Completed, StepStatus::Failed, StepStatus::Skipped];

    pub fn as_str(self) -> &'static str {
        match self {
            StepStatus::Pending => "PENDING",
            StepStatus::Running => "RUNNING",
            StepStatus::Completed => "COMPLETED",
            StepStatus::Failed => "FAILED",
            StepStatus::Skipped => "SKIPPED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What a step cost, as the operating system counted it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time of the step's own threads, user and system.
    pub cpu_ms: f64,
    /// Peak resident set of the process that did the step, bytes.
    pub peak_memory: i64,
    pub bytes_read: Option<i64>,
    pub bytes_written: Option<i64>,
    pub frames_per_second: Option<f64>,
}
