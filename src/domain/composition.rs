//! A composition: elements on tracks, with timing, placement and sound.
//!
//! Times are seconds on the composition's clock. These types hold only what this version renders; what the
//! contract knows beyond it is refused, by name, where a request is read.
//!
#![doc = include_str!("foreign_words.md")]

use serde::{Deserialize, Serialize};

pub use super::words::{Align, Shadow, Text, TextBackground, VerticalAlign};
use super::{
    geometry::{Anchor, Fit, Length},
    look::{ChromaKey, Crop, Effect, Shape},
    motion::{self, KenBurns, Keyframe, Property},
    subtitles::Cue,
    transition::Transition,
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
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub start: Option<f64>,
    /// `None`: as long as its media, or to the end of the composition.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub length: Option<f64>,
    /// `None`: the element's position, so that later elements lie on top.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub track: Option<i32>,
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub name: Option<String>,
    #[serde(default)]
    pub metadata: serde_json::Value,
}

/// What an element shows or plays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Content {
    Video {
        playback: Playback,
        visual: Visual,
        #[serde(default)]
        chroma_key: Option<ChromaKey>,
    },
    Image {
        source: Source,
        visual: Visual,
    },
    Audio {
        playback: Playback,
    },
    Text {
        text: Text,
        visual: Visual,
    },
    Shape {
        shape: Shape,
        visual: Visual,
    },
    /// Words of their own times; those of a source are read from it.
    Subtitles {
        source: Option<Source>,
        cues: Vec<Cue>,
        style: Text,
        visual: Visual,
    },
    /// Elements of its own, placed, timed and moved as one; its box is their canvas.
    Composition {
        elements: Vec<Element>,
        visual: Visual,
    },
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

/// Which part of a medium plays, how fast and how loud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Playback {
    pub source: Source,
    /// Seconds into the source.
    pub trim_start: f64,
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub trim_end: Option<f64>,
    /// A factor; the pitch stays.
    #[serde(default = "one")]
    pub speed: f64,
    /// Again from its start when it has ended.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub repeat: bool,
    /// From its end to its start.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub reverse: bool,
    /// A factor, 0…4.
    pub volume: f64,
    pub fade_in: f64,
    pub fade_out: f64,
    pub muted: bool,
    /// Brought to this loudness before its volume, LUFS (EBU R 128).
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub loudness: Option<f64>,
    /// Lower while others sound.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub duck_under: bool,
    /// Of the volume.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub keyframes: Vec<Keyframe>,
}

/// Where an element lies, how it appears and how it moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Visual {
    pub x: Length,
    pub y: Length,
    pub width: Length,
    pub height: Length,
    pub anchor: Anchor,
    pub fit: Fit,
    pub opacity: f64,
    /// Degrees clockwise, about the anchor.
    #[serde(skip_serializing_if = "says_nothing")]
    pub rotation: f64,
    #[serde(skip_serializing_if = "says_nothing")]
    pub flip_x: bool,
    #[serde(skip_serializing_if = "says_nothing")]
    pub flip_y: bool,
    /// Of the picture's corners; 100% is the shorter edge of the element's box.
    pub corner_radius: Length,
    #[serde(skip_serializing_if = "says_nothing")]
    pub crop: Crop,
    #[serde(skip_serializing_if = "says_nothing")]
    pub transition_in: Option<Transition>,
    #[serde(skip_serializing_if = "says_nothing")]
    pub transition_out: Option<Transition>,
    /// In the client's order.
    #[serde(skip_serializing_if = "says_nothing")]
    pub keyframes: Vec<Keyframe>,
    #[serde(skip_serializing_if = "says_nothing")]
    pub effects: Vec<Effect>,
}

/// Whether a field is as it would be read where it is not there: then it is not written. Elements are read far more often than
/// they are written.
pub(super) fn says_nothing<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn one() -> f64 {
    1.0
}

/// The family that the service carries itself.
pub const FONT_FAMILY: &str = "Inter";

impl Element {
    pub fn element_type(&self) -> ElementType {
        match self.content {
            Content::Video { .. } => ElementType::Video,
            Content::Image { .. } => ElementType::Image,
            Content::Audio { .. } => ElementType::Audio,
            Content::Text { .. } => ElementType::Text,
            Content::Shape { .. } => ElementType::Shape,
            Content::Subtitles { .. } => ElementType::Subtitles,
            Content::Composition { .. } => ElementType::Composition,
        }
    }

    /// What it plays, shows or reads, where it has one.
    pub fn source(&self) -> Option<&Source> {
        match &self.content {
            Content::Video { playback, .. } | Content::Audio { playback } => Some(&playback.source),
            Content::Image { source, .. } => Some(source),
            Content::Subtitles { source, .. } => source.as_ref(),
            Content::Text { .. } | Content::Shape { .. } | Content::Composition { .. } => None,
        }
    }

    /// Every file that it takes to render it: its own source, fonts, colour tables, and those of the elements within it.
    pub fn sources(&self) -> Vec<&Source> {
        let font = self.style().and_then(|style| style.font.as_ref());
        let tables = self.visual().into_iter().flat_map(|visual| &visual.effects).filter_map(Effect::table);
        let within = self.elements().iter().flat_map(Element::sources);
        self.source().into_iter().chain(font).chain(tables).chain(within).collect()
    }

    /// The same, to be put in place of each.
    pub fn sources_mut(&mut self) -> Vec<&mut Source> {
        fn tables(visual: &mut Visual) -> impl Iterator<Item = &mut Source> {
            visual.effects.iter_mut().filter_map(Effect::table_mut)
        }
        match &mut self.content {
            Content::Audio { playback } => vec![&mut playback.source],
            Content::Video { playback, visual, .. } => std::iter::once(&mut playback.source).chain(tables(visual)).collect(),
            Content::Image { source, visual } => std::iter::once(source).chain(tables(visual)).collect(),
            Content::Text { text, visual } => text.font.iter_mut().chain(tables(visual)).collect(),
            Content::Subtitles { source, style, visual, .. } => {
                source.iter_mut().chain(&mut style.font).chain(tables(visual)).collect()
            }
            Content::Shape { visual, .. } => tables(visual).collect(),
            Content::Composition { elements, visual } => {
                elements.iter_mut().flat_map(Element::sources_mut).chain(tables(visual)).collect()
            }
        }
    }

    /// The elements within it.
    pub fn elements(&self) -> &[Element] {
        match &self.content {
            Content::Composition { elements, .. } => elements,
            _ => &[],
        }
    }

    /// How its words look.
    pub fn style(&self) -> Option<&Text> {
        match &self.content {
            Content::Text { text, .. } => Some(text),
            Content::Subtitles { style, .. } => Some(style),
            _ => None,
        }
    }

    pub fn visual(&self) -> Option<&Visual> {
        match &self.content {
            Content::Video { visual, .. }
            | Content::Image { visual, .. }
            | Content::Text { visual, .. }
            | Content::Shape { visual, .. }
            | Content::Subtitles { visual, .. }
            | Content::Composition { visual, .. } => Some(visual),
            Content::Audio { .. } => None,
        }
    }

    /// The words of subtitles.
    pub fn cues(&self) -> Option<&[Cue]> {
        match &self.content {
            Content::Subtitles { cues, .. } => Some(cues),
            _ => None,
        }
    }

    /// The keyframes of its volume, in order of time.
    pub fn volume_keyframes(&self) -> Vec<Keyframe> {
        let all = self.visual().map(|visual| &visual.keyframes).or(self.playback().map(|playback| &playback.keyframes));
        let volume = |keyframe: &&Keyframe| keyframe.property == Property::Volume;
        let mut keyframes: Vec<Keyframe> = all.into_iter().flatten().filter(volume).copied().collect();
        motion::sort(&mut keyframes);
        keyframes
    }

    pub fn playback(&self) -> Option<&Playback> {
        match &self.content {
            Content::Video { playback, .. } | Content::Audio { playback } => Some(playback),
            _ => None,
        }
    }
}

impl Playback {
    /// All of a source, as it is.
    pub fn of(source: Source) -> Self {
        Self {
            source,
            trim_start: 0.0,
            trim_end: None,
            speed: 1.0,
            repeat: false,
            reverse: false,
            volume: 1.0,
            fade_in: 0.0,
            fade_out: 0.0,
            muted: false,
            loudness: None,
            duck_under: false,
            keyframes: Vec::new(),
        }
    }

    /// How much of a source of `media` seconds is left by the trims, seconds of the source; `None` where nothing is.
    pub fn trimmed(&self, media: f64) -> Option<f64> {
        let length = self.trim_end.map_or(media, |end| end.min(media)) - self.trim_start;
        (length > 0.0).then_some(length)
    }
}

impl Default for Visual {
    /// All of the canvas.
    fn default() -> Self {
        Self {
            x: Length::Percent(50.0),
            y: Length::Percent(50.0),
            width: Length::Percent(100.0),
            height: Length::Percent(100.0),
            anchor: Anchor::Center,
            fit: Fit::Cover,
            opacity: 1.0,
            rotation: 0.0,
            flip_x: false,
            flip_y: false,
            corner_radius: Length::Pixels(0.0),
            crop: Crop::default(),
            transition_in: None,
            transition_out: None,
            keyframes: Vec::new(),
            effects: Vec::new(),
        }
    }
}

impl Visual {
    /// The slow move over the picture, if there is one.
    pub fn ken_burns(&self) -> Option<KenBurns> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::KenBurns(ken_burns) => Some(*ken_burns),
            _ => None,
        })
    }

    /// A keyframed value, seconds after the element's start; the keyframes must be in order of time.
    pub fn moved(&self, property: Property, at: f64) -> Option<f64> {
        motion::value(&self.keyframes, property, at)
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
