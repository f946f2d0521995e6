//! What goes wrong with the store, by what the caller will do.

use super::{room::NoRoom, saving::Unsaved};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageErrorKind {
    /// No such object.
    NotFound,
    /// The store refuses, and will again.
    Rejected,
    /// Out of reach or failing; later it may work.
    Unavailable,
    /// No room, here or there.
    Full,
    /// The object is larger than there is room for.
    TooLarge,
}

/// A failed call, with the cause for the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct StorageError {
    pub kind: StorageErrorKind,
    pub message: String,
}

impl StorageError {
    pub fn new(kind: StorageErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A call of the SDK that failed.
    pub(super) fn of_call<E>(error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let kind = match (error.code(), status) {
            (Some("NoSuchKey" | "NotFound" | "NoSuchBucket"), _) | (_, Some(404)) => StorageErrorKind::NotFound,
            (_, Some(507)) => StorageErrorKind::Full,
            (_, Some(400..=499)) => StorageErrorKind::Rejected,
            _ => StorageErrorKind::Unavailable,
        };
        Self::new(kind, format!("{}", DisplayErrorContext(&error)))
    }

    /// A file of this machine that failed.
    pub fn of_file(error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StorageErrorKind::Full,
            _ => StorageErrorKind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<Unsaved> for StorageError {
    fn from(unsaved: Unsaved) -> Self {
        match unsaved {
            Unsaved::NoRoom(error) => error.into(),
            Unsaved::Io(error) => Self::of_file(error),
        }
    }
}

impl From<NoRoom> for StorageError {
    fn from(error: NoRoom) -> Self {
        Self::new(StorageErrorKind::TooLarge, error.to_string())
    }
}
