//! A composition: elements on tracks, with timing, placement and sound.
//!
//! Times are seconds on the composition's clock. These types hold only what this version renders; what the
//! contract knows beyond it is refused, by name, where a request is read.

use serde::{Deserialize, Serialize};

use super::{
    easing::Easing,
    geometry::{Anchor, Fit, Length},
    paint::Color,
};

/// One thing that is seen or heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Element {
    #[serde(flatten)]
    pub timing: Timing,
    pub content: Content,
}

/// When an element plays, and on which track.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// `None`: where the element before it on its track ends, else 0.
    pub start: Option<f64>,
    /// `None`: as long as its media, or to the end of the composition.
    pub length: Option<f64>,
    /// `None`: the element's position, so that later elements lie on top.
    pub track: Option<i32>,
    pub name: Option<String>,
    #[serde(default)]
    pub metadata: serde_json::Value,
}

/// What an element shows or plays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Content {
    Video { playback: Playback, visual: Visual },
    Image { source: Source, visual: Visual },
    Audio { playback: Playback },
    Text { text: Text, visual: Visual },
}

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

/// Where the bytes of a medium come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// http or https.
    Url(String),
    /// An upload of this tenant.
    Asset(String),
    /// An object in the service's store.
    Object { bucket: Option<String>, key: String },
    /// A file of this machine: only for `reelgraph render`, never from a request.
    File(String),
}

/// Which part of a medium plays, and how loud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Playback {
    pub source: Source,
    /// Seconds into the source.
    pub trim_start: f64,
    pub trim_end: Option<f64>,
    /// A factor, 0…4.
    pub volume: f64,
    pub fade_in: f64,
    pub fade_out: f64,
    pub muted: bool,
}

/// Where an element lies and how it appears.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Visual {
    pub x: Length,
    pub y: Length,
    pub width: Length,
    pub height: Length,
    pub anchor: Anchor,
    pub fit: Fit,
    pub opacity: f64,
    pub transition_in: Option<Transition>,
    pub transition_out: Option<Transition>,
}

/// A fade into or out of an element.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    pub duration: f64,
    pub easing: Easing,
}

/// Words, and how they are set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Text {
    pub text: String,
    pub family: String,
    pub font_size: Length,
    /// 100…900.
    pub weight: u16,
    pub color: Color,
    pub align: Align,
    pub vertical_align: VerticalAlign,
    /// A factor of the font's size.
    pub line_height: f64,
    pub background: Option<TextBackground>,
}

/// A filled box behind the words.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TextBackground {
    pub color: Color,
    pub padding: Length,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Align {
    Left,
    Center,
    Right,
    Justify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum VerticalAlign {
    Top,
    Middle,
    Bottom,
}

/// The families that the service carries itself.
pub const FONT_FAMILIES: [&str; 1] = ["Inter"];

impl Element {
    pub fn element_type(&self) -> ElementType {
        match self.content {
            Content::Video { .. } => ElementType::Video,
            Content::Image { .. } => ElementType::Image,
            Content::Audio { .. } => ElementType::Audio,
            Content::Text { .. } => ElementType::Text,
        }
    }

    pub fn source(&self) -> Option<&Source> {
        match &self.content {
            Content::Video { playback, .. } | Content::Audio { playback } => Some(&playback.source),
            Content::Image { source, .. } => Some(source),
            Content::Text { .. } => None,
        }
    }

    pub fn source_mut(&mut self) -> Option<&mut Source> {
        match &mut self.content {
            Content::Video { playback, .. } | Content::Audio { playback } => Some(&mut playback.source),
            Content::Image { source, .. } => Some(source),
            Content::Text { .. } => None,
        }
    }

    pub fn visual(&self) -> Option<&Visual> {
        match &self.content {
            Content::Video { visual, .. } | Content::Image { visual, .. } | Content::Text { visual, .. } => Some(visual),
            Content::Audio { .. } => None,
        }
    }

    pub fn playback(&self) -> Option<&Playback> {
        match &self.content {
            Content::Video { playback, .. } | Content::Audio { playback } => Some(playback),
            _ => None,
        }
    }
}

impl Playback {
    /// How long the trimmed part of a source of `media` seconds plays; `None` where nothing is left.
    pub fn trimmed(&self, media: f64) -> Option<f64> {
        let length = self.trim_end.map_or(media, |end| end.min(media)) - self.trim_start;
        (length > 0.0).then_some(length)
    }
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
