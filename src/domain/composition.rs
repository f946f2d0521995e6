//! A composition: elements on tracks, with timing, placement and sound.
//!
//! Times are seconds on the composition's clock. These types hold only what this version renders; what the
//! contract knows beyond it is refused, by name, where a request is read.
//!
#![doc = include_str!("foreign_words.md")]

use std::{fmt::Display, sync::Arc};

use serde::{Deserialize, Serialize};

pub use super::element::{ElementStatus, ElementType};
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
    #[serde(default = "no_metadata", skip_serializing_if = "is_no_metadata")]
    pub metadata: serde_json::Value,
}

/// What an element shows or plays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Content {
    Video {
        playback: Playback,
        #[serde(default, skip_serializing_if = "says_nothing")]
        visual: Visual,
        #[serde(default, skip_serializing_if = "says_nothing")]
        chroma_key: Option<ChromaKey>,
    },
    Image {
        source: Source,
        #[serde(default, skip_serializing_if = "says_nothing")]
        visual: Visual,
    },
    Audio {
        playback: Playback,
    },
    Text {
        text: Text,
        #[serde(default, skip_serializing_if = "says_nothing")]
        visual: Visual,
    },
    Shape {
        shape: Shape,
        #[serde(default, skip_serializing_if = "says_nothing")]
        visual: Visual,
    },
    /// Words of their own times; those of a source are read from it.
    Subtitles {
        #[serde(default, skip_serializing_if = "says_nothing")]
        source: Option<Source>,
        #[serde(default, skip_serializing_if = "says_nothing")]
        cues: Arc<[Cue]>,
        #[serde(default, skip_serializing_if = "says_nothing")]
        style: Text,
        #[serde(default, skip_serializing_if = "says_nothing")]
        visual: Visual,
    },
    /// Elements of its own, placed, timed and moved as one; its box is their canvas.
    Composition {
        elements: Vec<Element>,
        #[serde(default, skip_serializing_if = "says_nothing")]
        visual: Visual,
    },
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

impl Source {
    /// Whether it lies on this machine.
    pub fn is_here(&self) -> bool {
        matches!(self, Source::File(_))
    }
}

/// Which part of a medium plays, how fast and how loud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Playback {
    pub source: Source,
    /// Seconds into the source.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub trim_start: f64,
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub trim_end: Option<f64>,
    /// A factor; the pitch stays.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub speed: f64,
    /// Again from its start when it has ended.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub repeat: bool,
    /// From its end to its start.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub reverse: bool,
    /// A factor, 0…4.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub volume: f64,
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub fade_in: f64,
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub fade_out: f64,
    #[serde(default, skip_serializing_if = "says_nothing")]
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
    #[serde(skip_serializing_if = "is_half")]
    pub x: Length,
    #[serde(skip_serializing_if = "is_half")]
    pub y: Length,
    #[serde(skip_serializing_if = "is_whole")]
    pub width: Length,
    #[serde(skip_serializing_if = "is_whole")]
    pub height: Length,
    #[serde(skip_serializing_if = "says_nothing")]
    pub anchor: Anchor,
    #[serde(skip_serializing_if = "says_nothing")]
    pub fit: Fit,
    #[serde(skip_serializing_if = "is_one")]
    pub opacity: f64,
    /// Degrees clockwise, about the anchor.
    #[serde(skip_serializing_if = "says_nothing")]
    pub rotation: f64,
    #[serde(skip_serializing_if = "says_nothing")]
    pub flip_x: bool,
    #[serde(skip_serializing_if = "says_nothing")]
    pub flip_y: bool,
    /// Of the picture's corners; 100% is the shorter edge of the element's box.
    #[serde(skip_serializing_if = "says_nothing")]
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

/// Whether a field is as it would be read where it is not there: then it is not written, and rows of the database are small.
/// What is usual is thereby part of what is stored: a change of it would change elements that are there.
pub(super) fn says_nothing<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn one() -> f64 {
    1.0
}

fn is_one(factor: &f64) -> bool {
    *factor == 1.0
}

fn is_half(length: &Length) -> bool {
    *length == Length::Percent(50.0)
}

fn is_whole(length: &Length) -> bool {
    *length == Length::Percent(100.0)
}

fn no_metadata() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

fn is_no_metadata(metadata: &serde_json::Value) -> bool {
    metadata.is_null() || *metadata == no_metadata()
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

    /// The place of one of its fields in what describes it: `video.trimStart`.
    pub fn place(&self, field: impl Display) -> String {
        format!("{}.{field}", self.element_type().field())
    }

    /// The place where the source is named of one that lies within it, and within that, by their indexes.
    pub fn place_of_source(&self, within: &[usize]) -> String {
        match within.split_first() {
            Some((&index, further)) => {
                let inner = self.elements().get(index).map(|inner| inner.place_of_source(further));
                Self::place_below(index, inner.as_deref())
            }
            None => self.place("source"),
        }
    }

    /// The place of an element within a composition.
    pub fn place_within(index: usize) -> String {
        format!("{}.elements[{index}]", ElementType::Composition.field())
    }

    /// The place of what is at some place of such an element, or of all of it.
    pub fn place_below(index: usize, place: Option<&str>) -> String {
        let outer = Self::place_within(index);
        place.map_or(outer.clone(), |place| format!("{outer}.{place}"))
    }

    /// Tables of colours, and their places.
    pub fn tables(&self) -> impl Iterator<Item = (String, &Source)> {
        let effects = self.visual().into_iter().flat_map(|visual| &visual.effects).enumerate();
        effects.filter_map(|(index, effect)| Some((self.place(format_args!("effects[{index}].lut")), effect.table()?)))
    }

    /// Every file that it takes to render it: its own source, fonts, colour tables, and those of the elements within it; each
    /// with its place.
    pub fn sources(&self) -> Vec<(String, &Source)> {
        let own = self.source().map(|source| (self.place("source"), source));
        let font = self.style().and_then(|style| style.font.as_ref()).map(|font| (self.place("font"), font));
        let within = self.elements().iter().enumerate().flat_map(|(index, element)| {
            element.sources().into_iter().map(move |(place, source)| (Self::place_below(index, Some(&place)), source))
        });
        own.into_iter().chain(font).chain(self.tables()).chain(within).collect()
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

    pub fn visual_mut(&mut self) -> Option<&mut Visual> {
        match &mut self.content {
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

    /// Whether its source's sound, where that has one, is heard at some moment.
    pub fn is_heard(&self) -> bool {
        let loud = |playback: &Playback| playback.volume > 0.0 || !self.volume_keyframes().is_empty();
        self.playback().is_some_and(|playback| !playback.muted && loud(playback))
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
            anchor: Anchor::default(),
            fit: Fit::default(),
            opacity: 1.0,
            rotation: 0.0,
            flip_x: false,
            flip_y: false,
            corner_radius: Length::default(),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: serde_json::Value) -> Element {
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn what_is_usual_is_not_written() {
        for written in [
            json!({ "length": 1.0, "content": { "type": "TEXT", "text": { "text": "a" } } }),
            json!({ "content": { "type": "VIDEO", "playback": { "source": { "asset": "b" } } } }),
            json!({ "content": { "type": "SUBTITLES" } }),
        ] {
            assert_eq!(serde_json::to_value(read(written.clone())).unwrap(), written);
        }
    }

    /// Rows are of many years: these values may not change.
    #[test]
    fn what_is_not_written_means_what_it_always_did() {
        let visual = json!({ "x": "50%", "y": "50%", "width": "100%", "height": "100%", "anchor": "CENTER", "fit": "COVER",
            "opacity": 1.0, "corner_radius": "0" });
        let text = json!({ "text": "a", "family": "Inter", "font_size": "5%", "weight": 400, "color": "#FFFFFFFF",
            "align": "CENTER", "vertical_align": "MIDDLE", "line_height": 1.2 });
        let playback = json!({ "source": { "asset": "b" }, "trim_start": 0.0, "speed": 1.0, "volume": 1.0, "fade_in": 0.0,
            "fade_out": 0.0, "muted": false });
        let said = json!({ "metadata": {}, "content": { "type": "TEXT", "text": text, "visual": visual } });
        assert_eq!(read(said), read(json!({ "content": { "type": "TEXT", "text": { "text": "a" } } })));
        let said = json!({ "metadata": {}, "content": { "type": "VIDEO", "playback": playback, "visual": visual } });
        assert_eq!(read(said), read(json!({ "content": { "type": "VIDEO", "playback": { "source": { "asset": "b" } } } })));
    }
}
