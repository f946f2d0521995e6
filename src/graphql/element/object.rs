//! Elements as clients see them: what their inputs took, and how their work stands.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object};
use serde::Deserialize;

use super::{
    look::{ChromaKey, Crop, Cue, Effect, Gradient, Keyframe, Shadow, Stroke},
    words::{
        Anchor, ElementStatus, ElementType, Fit, MediaSource, ShapeKind, TextAlign, TextBackground, Transition, VerticalAlign,
    },
};
use crate::{
    domain::{
        caller::Role,
        clock::Timestamp,
        composition::{self, Content},
        look, media, subtitles,
    },
    entities::element,
    graphql::{
        error::{Result, failed, unreadable},
        job::Job,
        loaders::{loaders, session},
        media::MediaInfo,
        scalars::{Color, DateTime, Length},
    },
    services::Error,
};

/// One thing that is seen or heard.
#[derive(Interface)]
#[allow(clippy::duplicated_attributes, clippy::enum_variant_names)] // The derive's own form, and the schema's names.
#[graphql(
    field(name = "id", ty = "ID", desc = "Its id, el_…"),
    field(name = "job", ty = "Job", desc = "The job that it belongs to."),
    field(name = "type", method = "element_type", ty = "ElementType", desc = "Its kind."),
    field(name = "name", ty = "Option<String>", desc = "For people."),
    field(name = "position", ty = "i32", desc = "Unique and dense within its job, from 0."),
    field(name = "track", ty = "i32", desc = "Higher ones lie on top."),
    field(name = "start", ty = "f64", desc = "Seconds; of one that follows another, known once their media are, and 0 before."),
    field(name = "length", ty = "Option<f64>", desc = "Seconds; null: as long as its media, or to the end."),
    field(name = "status", ty = "ElementStatus", desc = "Where its work stands."),
    field(name = "progress", ty = "f64", desc = "0–100."),
    field(name = "error", ty = "Option<String>", desc = "Why it failed."),
    field(name = "local_path", ty = "Option<String>", desc = "Its file on the worker. For WORKER and ADMIN."),
    field(name = "processed_path", ty = "Option<String>", desc = "Its processed file there. For WORKER and ADMIN."),
    field(name = "media", ty = "Option<MediaInfo>", desc = "What its source was found to hold."),
    field(name = "metadata", ty = "serde_json::Value", desc = "What the client keeps with it."),
    field(name = "created_at", ty = "DateTime", desc = "When it was added."),
    field(name = "updated_at", ty = "DateTime", desc = "When it changed last.")
)]
pub enum Element {
    VideoElement(VideoElement),
    ImageElement(ImageElement),
    AudioElement(AudioElement),
    TextElement(TextElement),
    ShapeElement(ShapeElement),
    SubtitlesElement(SubtitlesElement),
    CompositionElement(CompositionElement),
}

/// A row, and what of its document all elements have.
pub struct Row {
    row: Arc<element::Model>,
    kind: composition::ElementType,
    timing: composition::Timing,
    /// Of an element within another, whose row it is.
    within: Option<Within>,
}

struct Within {
    id: String,
    position: i32,
}

impl Row {
    fn id(&self) -> &str {
        self.within.as_ref().map_or(&self.row.id, |within| &within.id)
    }

    fn position(&self) -> i32 {
        self.within.as_ref().map_or(self.row.position, |within| within.position)
    }

    fn start(&self) -> f64 {
        self.timing.start.or(self.row.start.filter(|_| self.within.is_none())).unwrap_or(0.0)
    }

    fn media(&self) -> Option<&serde_json::Value> {
        self.row.media.as_ref().filter(|_| self.within.is_none())
    }
}

impl Element {
    pub fn of(row: Arc<element::Model>) -> Result<Self> {
        let spec = composition::Element::deserialize(&row.spec).map_err(unreadable)?;
        Ok(Self::described(row, spec, None))
    }

    /// Of a row that was made of this very element.
    pub fn made(row: element::Model, spec: composition::Element) -> Self {
        Self::described(Arc::new(row), spec, None)
    }

    fn described(row: Arc<element::Model>, spec: composition::Element, within: Option<Within>) -> Self {
        let kind = spec.element_type();
        let composition::Element { timing, content } = spec;
        let row = Row { row, kind, timing, within };
        match content {
            Content::Video { playback, visual, chroma_key } => {
                Element::VideoElement(VideoElement { row, playback, visual, chroma_key })
            }
            Content::Image { source, visual } => Element::ImageElement(ImageElement { row, source, visual }),
            Content::Audio { playback } => Element::AudioElement(AudioElement { row, playback }),
            Content::Text { text, visual } => Element::TextElement(TextElement { row, text, visual }),
            Content::Subtitles { source, cues, style, visual } => {
                Element::SubtitlesElement(SubtitlesElement { row, source, cues, text: style, visual })
            }
            Content::Shape { shape, visual } => Element::ShapeElement(ShapeElement { row, shape, visual }),
            Content::Composition { elements, visual } => {
                Element::CompositionElement(CompositionElement { row, elements, visual })
            }
        }
    }
}

visible_object! {
    /// A clip, with its sound.
    VideoElement { playback: composition::Playback, chroma_key: Option<look::ChromaKey> } {
    /// Its file.
    async fn source(&self) -> MediaSource {
        (&self.playback.source).into()
    }

    /// Seconds into the source.
    async fn trim_start(&self) -> f64 {
        self.playback.trim_start
    }

    /// Seconds into the source; null: to its end.
    async fn trim_end(&self) -> Option<f64> {
        self.playback.trim_end
    }

    /// How fast it plays.
    async fn speed(&self) -> f64 {
        self.playback.speed
    }

    /// Again from its start when it has ended.
    #[graphql(name = "loop")]
    async fn repeat(&self) -> bool {
        self.playback.repeat
    }

    /// A factor, 0…4.
    async fn volume(&self) -> f64 {
        self.playback.volume
    }

    /// Seconds.
    async fn fade_in(&self) -> f64 {
        self.playback.fade_in
    }

    /// Seconds.
    async fn fade_out(&self) -> f64 {
        self.playback.fade_out
    }

    /// Not heard.
    async fn muted(&self) -> bool {
        self.playback.muted
    }

    /// From its end to its start.
    async fn reverse(&self) -> bool {
        self.playback.reverse
    }

    /// The colour that is seen through.
    async fn chroma_key(&self) -> Option<ChromaKey> {
        self.chroma_key.map(Into::into)
    }
    }
}

visible_object! {
    /// A still.
    ImageElement { source: composition::Source } {
    /// Its file.
    async fn source(&self) -> MediaSource {
        (&self.source).into()
    }
    }
}

element_object! {
    /// Sound alone.
    AudioElement { playback: composition::Playback } {
    /// Its file.
    async fn source(&self) -> MediaSource {
        (&self.playback.source).into()
    }

    /// Seconds into the source.
    async fn trim_start(&self) -> f64 {
        self.playback.trim_start
    }

    /// Seconds into the source; null: to its end.
    async fn trim_end(&self) -> Option<f64> {
        self.playback.trim_end
    }

    /// How fast it plays.
    async fn speed(&self) -> f64 {
        self.playback.speed
    }

    /// Again from its start when it has ended.
    #[graphql(name = "loop")]
    async fn repeat(&self) -> bool {
        self.playback.repeat
    }

    /// A factor, 0…4.
    async fn volume(&self) -> f64 {
        self.playback.volume
    }

    /// Seconds.
    async fn fade_in(&self) -> f64 {
        self.playback.fade_in
    }

    /// Seconds.
    async fn fade_out(&self) -> f64 {
        self.playback.fade_out
    }

    /// Not heard.
    async fn muted(&self) -> bool {
        self.playback.muted
    }

    /// Whether it is brought to one loudness.
    async fn normalize(&self) -> bool {
        self.playback.loudness.is_some()
    }

    /// The loudness that it is brought to, LUFS.
    async fn loudness(&self) -> Option<f64> {
        self.playback.loudness
    }

    /// Lower while others sound.
    async fn duck_under(&self) -> bool {
        self.playback.duck_under
    }

    /// What moves while it sounds.
    async fn keyframes(&self) -> Vec<Keyframe> {
        self.playback.keyframes.iter().copied().map(Into::into).collect()
    }
    }
}

styled_object! {
    /// Words.
    TextElement {} {
    /// The words.
    async fn text(&self) -> &str {
        &self.text.text
    }
    }
}

styled_object! {
    /// Timed words.
    SubtitlesElement { source: Option<composition::Source>, cues: Vec<subtitles::Cue> } {
    /// The file that holds the words; null where they are given.
    async fn source(&self) -> Option<MediaSource> {
        self.source.as_ref().map(Into::into)
    }

    /// The words that are given; none where a file holds them.
    async fn cues(&self) -> Vec<Cue> {
        self.cues.iter().cloned().map(Into::into).collect()
    }
    }
}

visible_object! {
    /// A drawn shape.
    ShapeElement { shape: look::Shape } {
    /// RECTANGLE, ELLIPSE or GRADIENT.
    async fn shape(&self) -> ShapeKind {
        self.shape.kind.into()
    }

    /// What it is filled with.
    async fn fill(&self) -> Option<Color> {
        self.shape.fill.map(Color)
    }

    /// What it is filled with, in place of one colour.
    async fn gradient(&self) -> Option<Gradient> {
        self.shape.gradient.map(Into::into)
    }

    /// The outline.
    async fn stroke(&self) -> Option<Stroke> {
        self.shape.stroke.map(Into::into)
    }
    }
}

visible_object! {
    /// Elements of its own, placed, timed and moved as one.
    CompositionElement { elements: Vec<composition::Element> } {
    /// What it is made of, in order of position. Their ids are their places in it, and their state is its own.
    #[graphql(complexity = 10)]
    async fn elements(&self) -> Vec<Element> {
        let within = |position: usize| Within { id: format!("{}.{position}", self.row.id()), position: position as i32 };
        let elements = self.elements.iter().cloned().enumerate();
        elements.map(|(position, element)| Element::described(self.row.row.clone(), element, Some(within(position)))).collect()
    }
    }
}
