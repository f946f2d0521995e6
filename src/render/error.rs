//! Why a render ends early, in the words that a job's error uses.

use crate::{
    domain::error::{ErrorCode, JobFailure},
    media::MediaError,
};

/// A failure and the element it belongs to, by index, and what of that, as far as it is known.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct RenderError {
    pub element: Option<usize>,
    pub place: Option<String>,
    pub error: MediaError,
}

impl RenderError {
    pub fn of(element: usize) -> impl Fn(MediaError) -> Self {
        move |error| Self { element: Some(element), place: None, error }
    }

    pub fn whole(error: MediaError) -> Self {
        Self { element: None, place: None, error }
    }

    pub fn in_place(self, place: &str) -> Self {
        Self { place: Some(place.to_owned()), ..self }
    }

    /// As a job keeps it; `ids` are those of the elements.
    pub fn into_failure(self, ids: &[String]) -> JobFailure {
        let mut failure = failure(&self.error);
        failure.place = self.place;
        match self.element.and_then(|index| ids.get(index)) {
            Some(id) => failure.of_element(id.clone()),
            None => failure,
        }
    }
}

/// What a medium's error is in a job's words, of an element that is yet to be told.
pub fn failure(error: &MediaError) -> JobFailure {
    let message = error.to_string();
    match error {
        MediaError::Unsupported(_) => JobFailure::new(ErrorCode::UnsupportedFormat, message)
            .suggest("use a plain file such as MP4, WebM, MOV, MP3, WAV, PNG, JPEG or WebP"),
        MediaError::Corrupt(_) => JobFailure::new(ErrorCode::CorruptMedia, message)
            .suggest("open the source elsewhere to see what is wrong with it, and export or upload it again"),
        MediaError::TooLarge(_) => JobFailure::new(ErrorCode::ResourceLimit, message).suggest("use a smaller source"),
        MediaError::DiskFull => JobFailure::new(ErrorCode::StorageFull, message),
        MediaError::Output(_) => JobFailure::new(ErrorCode::Internal, message),
    }
}
