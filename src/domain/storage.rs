//! What is done to the object store, as it is logged.

use serde::{Deserialize, Serialize};

/// What the keys of jobs' own objects begin with.
pub const JOBS: &str = "jobs/";
/// What the keys of uploads begin with.
pub const UPLOADS: &str = "uploads/";

/// Whether a key lies where the service keeps its own objects, or would take that place: a store may keep objects as files of
/// folders, where nothing lies below an object.
pub fn is_own(key: &str) -> bool {
    lies_within(key, JOBS.trim_end_matches('/')) || lies_within(key, UPLOADS.trim_end_matches('/'))
}

/// Whether a key is another, or lies below it.
pub fn lies_within(key: &str, other: &str) -> bool {
    key.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The kind of a storage operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperationKind {
    Upload,
    Download,
    Delete,
    /// Looking at objects: HEAD, listing.
    Access,
}

impl OperationKind {
    pub const ALL: [OperationKind; 4] =
        [OperationKind::Upload, OperationKind::Download, OperationKind::Delete, OperationKind::Access];

    pub fn as_str(self) -> &'static str {
        match self {
            OperationKind::Upload => "UPLOAD",
            OperationKind::Download => "DOWNLOAD",
            OperationKind::Delete => "DELETE",
            OperationKind::Access => "ACCESS",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
