//! A job's states and the steps between them, and the bounds of what a client may ask of one.

use serde::{Deserialize, Serialize};

use super::{composition::Element, output::Output};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobStatus {
    Draft,
    Queued,
    Processing,
    Completed,
    Failed,
    Cancelled,
}

impl JobStatus {
    pub const ALL: [JobStatus; 6] = [
        JobStatus::Draft,
        JobStatus::Queued,
        JobStatus::Processing,
        JobStatus::Completed,
        JobStatus::Failed,
        JobStatus::Cancelled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            JobStatus::Draft => "DRAFT",
            JobStatus::Queued => "QUEUED",
            JobStatus::Processing => "PROCESSING",
            JobStatus::Completed => "COMPLETED",
            JobStatus::Failed => "FAILED",
            JobStatus::Cancelled => "CANCELLED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// A state that the job leaves only when a client asks for it again (`retryJob`).
    pub fn is_final(self) -> bool {
        matches!(self, JobStatus::Completed | JobStatus::Failed | JobStatus::Cancelled)
    }

    pub fn can_become(self, next: JobStatus) -> bool {
        use JobStatus::*;
        matches!(
            (self, next),
            (Draft, Queued | Cancelled)
                | (Queued, Processing | Cancelled)
                | (Processing, Queued | Completed | Failed | Cancelled)
                | (Failed | Cancelled, Queued)
        )
    }
}

/// A job as it is asked for.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub name: Option<String>,
    pub outputs: Vec<Output>,
    pub elements: Vec<Element>,
    /// Queue it at once; otherwise it is a draft.
    pub submit: bool,
    pub priority: i32,
    pub max_attempts: i32,
    pub metadata: serde_json::Value,
    pub idempotency_key: Option<String>,
    /// Of the whole input, where there is a key: tells a repetition from another use of it.
    pub request_hash: Option<String>,
}

/// What of a job may be another; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct JobPatch {
    /// `Some(None)`: no name any more.
    pub name: Option<Option<String>>,
    pub metadata: Option<serde_json::Value>,
    pub priority: Option<i32>,
    /// While it is a draft.
    pub outputs: Option<Vec<Output>>,
}

/// A name as it is searched in: in lower case, as Unicode has it, but for the sigma that ends a word, which a part of the name
/// would have where the whole has not.
pub fn search_name(name: &str) -> String {
    name.to_lowercase().replace('ς', "σ")
}

/// Bounds on a job's own fields; each is named in the error that its breach gives.
pub mod limits {
    pub const NAME_CHARS: usize = 255;
    pub const IDEMPOTENCY_KEY_CHARS: usize = 255;
    pub const METADATA_BYTES: usize = 64 * 1024;
    pub const PRIORITY: std::ops::RangeInclusive<i32> = -100..=100;
    pub const MAX_ATTEMPTS: std::ops::RangeInclusive<i32> = 1..=10;
    pub const ELEMENTS: usize = 500;
    pub const OUTPUTS: usize = 10;
    /// Jobs of one `createJobs`.
    pub const BULK: usize = 1_000;
    /// The loss of a worker that fails a job: process deaths have a budget of their own.
    pub const RESCUES: i32 = 3;
}

#[cfg(test)]
mod tests {
    use super::JobStatus::*;
    use super::*;

    #[test]
    fn no_final_state_is_left_but_for_a_retry() {
        for from in JobStatus::ALL.into_iter().filter(|s| s.is_final()) {
            for to in JobStatus::ALL {
                let retry = to == Queued && from != Completed;
                assert_eq!(from.can_become(to), retry, "{from:?} → {to:?}");
            }
        }
    }

    #[test]
    fn a_name_survives_its_text() {
        assert!(JobStatus::ALL.into_iter().all(|s| JobStatus::parse(s.as_str()) == Some(s)));
        assert_eq!(JobStatus::parse("queued"), None);
    }
}
