//! The kinds of element, and where the work on one stands.

use serde::{Deserialize, Serialize};

/// The kinds of element that the contract knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ElementType {
    Video,
    Image,
    Audio,
    Text,
    Shape,
    Subtitles,
    Composition,
}

/// Where the work on an element stands, in the order in which it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ElementStatus {
    Pending,
    Downloading,
    Downloaded,
    Processing,
    Ready,
    Failed,
}

impl ElementStatus {
    pub const ALL: [ElementStatus; 6] = [
        ElementStatus::Pending,
        ElementStatus::Downloading,
        ElementStatus::Downloaded,
        ElementStatus::Processing,
        ElementStatus::Ready,
        ElementStatus::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ElementStatus::Pending => "PENDING",
            ElementStatus::Downloading => "DOWNLOADING",
            ElementStatus::Downloaded => "DOWNLOADED",
            ElementStatus::Processing => "PROCESSING",
            ElementStatus::Ready => "READY",
            ElementStatus::Failed => "FAILED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Within an attempt the work goes on, or fails; it never goes back.
    pub fn can_become(self, next: ElementStatus) -> bool {
        next == self || (next > self && self < ElementStatus::Ready)
    }
}

impl ElementType {
    pub const ALL: [ElementType; 7] = [
        ElementType::Video,
        ElementType::Image,
        ElementType::Audio,
        ElementType::Text,
        ElementType::Shape,
        ElementType::Subtitles,
        ElementType::Composition,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ElementType::Video => "VIDEO",
            ElementType::Image => "IMAGE",
            ElementType::Audio => "AUDIO",
            ElementType::Text => "TEXT",
            ElementType::Shape => "SHAPE",
            ElementType::Subtitles => "SUBTITLES",
            ElementType::Composition => "COMPOSITION",
        }
    }

    /// The name of its field in the input: `video`, `image`…
    pub fn field(self) -> &'static str {
        match self {
            ElementType::Video => "video",
            ElementType::Image => "image",
            ElementType::Audio => "audio",
            ElementType::Text => "text",
            ElementType::Shape => "shape",
            ElementType::Subtitles => "subtitles",
            ElementType::Composition => "composition",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
