//! Elements as clients see them: what their inputs took, and how their work stands.

use std::sync::{Arc, OnceLock};

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

/// A row, and what of its document all elements have; the rest is read when it is asked for.
pub struct Row {
    row: Arc<element::Model>,
    kind: composition::ElementType,
    timing: composition::Timing,
    element: OnceLock<composition::Element>,
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

/// What an element of its type has. A document that says otherwise is none of ours.
impl Row {
    fn element(&self) -> Result<&composition::Element> {
        match self.element.get() {
            Some(element) => Ok(element),
            None => {
                let element = composition::Element::deserialize(&self.row.spec).map_err(unreadable)?;
                Ok(self.element.get_or_init(|| element))
            }
        }
    }

    fn visual(&self) -> Result<&composition::Visual> {
        self.element()?.visual().ok_or_else(of_another_type)
    }

    fn playback(&self) -> Result<&composition::Playback> {
        self.element()?.playback().ok_or_else(of_another_type)
    }

    fn style(&self) -> Result<&composition::Text> {
        self.element()?.style().ok_or_else(of_another_type)
    }

    fn source(&self) -> Result<&composition::Source> {
        self.element()?.source().ok_or_else(of_another_type)
    }

    fn cues(&self) -> Result<&[subtitles::Cue]> {
        self.element()?.cues().ok_or_else(of_another_type)
    }

    fn shape(&self) -> Result<&look::Shape> {
        match &self.element()?.content {
            Content::Shape { shape, .. } => Ok(shape),
            _ => Err(of_another_type()),
        }
    }

    fn chroma_key(&self) -> Result<Option<look::ChromaKey>> {
        match &self.element()?.content {
            Content::Video { chroma_key, .. } => Ok(*chroma_key),
            _ => Err(of_another_type()),
        }
    }
}

fn of_another_type() -> async_graphql::Error {
    failed(Error::internal("an element's document is of another type than its row"))
}

impl Element {
    pub fn of(row: Arc<element::Model>) -> Result<Self> {
        let kind = composition::ElementType::parse(&row.element_type).ok_or_else(of_another_type)?;
        let timing = composition::Timing::deserialize(&row.spec).map_err(unreadable)?;
        Ok(Self::described(Row { row, kind, timing, element: OnceLock::new(), within: None }))
    }

    /// Of a row that was made of this very element.
    pub fn made(row: element::Model, element: composition::Element) -> Self {
        Self::part_of(Arc::new(row), element, None)
    }

    fn part_of(row: Arc<element::Model>, element: composition::Element, within: Option<Within>) -> Self {
        let (kind, timing) = (element.element_type(), element.timing.clone());
        Self::described(Row { row, kind, timing, element: element.into(), within })
    }

    fn described(row: Row) -> Self {
        use composition::ElementType;
        match row.kind {
            ElementType::Video => Element::VideoElement(VideoElement { row }),
            ElementType::Image => Element::ImageElement(ImageElement { row }),
            ElementType::Audio => Element::AudioElement(AudioElement { row }),
            ElementType::Text => Element::TextElement(TextElement { row }),
            ElementType::Shape => Element::ShapeElement(ShapeElement { row }),
            ElementType::Subtitles => Element::SubtitlesElement(SubtitlesElement { row }),
            ElementType::Composition => Element::CompositionElement(CompositionElement { row }),
        }
    }
}

playing_object! {
    visible_object;
    /// A clip, with its sound.
    VideoElement {
    /// From its end to its start.
    async fn reverse(&self) -> Result<bool> {
        Ok(self.row.playback()?.reverse)
    }

    /// The colour that is seen through.
    async fn chroma_key(&self) -> Result<Option<ChromaKey>> {
        Ok(self.row.chroma_key()?.map(Into::into))
    }
    }
}

visible_object! {
    /// A still.
    ImageElement {
    /// Its file.
    async fn source(&self) -> Result<MediaSource> {
        Ok(self.row.source()?.into())
    }
    }
}

playing_object! {
    element_object;
    /// Sound alone.
    AudioElement {
    /// Whether it is brought to one loudness.
    async fn normalize(&self) -> Result<bool> {
        Ok(self.row.playback()?.loudness.is_some())
    }

    /// The loudness that it is brought to, LUFS.
    async fn loudness(&self) -> Result<Option<f64>> {
        Ok(self.row.playback()?.loudness)
    }

    /// Lower while others sound.
    async fn duck_under(&self) -> Result<bool> {
        Ok(self.row.playback()?.duck_under)
    }

    /// What moves while it sounds.
    async fn keyframes(&self) -> Result<Vec<Keyframe>> {
        Ok(self.row.playback()?.keyframes.iter().copied().map(Into::into).collect())
    }
    }
}

styled_object! {
    /// Words.
    TextElement {
    /// The words.
    async fn text(&self) -> Result<&str> {
        Ok(&self.row.style()?.text)
    }
    }
}

styled_object! {
    /// Timed words.
    SubtitlesElement {
    /// The file that holds the words; null where they are given.
    async fn source(&self) -> Result<Option<MediaSource>> {
        Ok(self.row.element()?.source().map(Into::into))
    }

    /// The words that are given; none where a file holds them.
    async fn cues(&self) -> Result<Vec<Cue>> {
        Ok(self.row.cues()?.iter().cloned().map(Into::into).collect())
    }
    }
}

visible_object! {
    /// A drawn shape.
    ShapeElement {
    /// RECTANGLE, ELLIPSE or GRADIENT.
    async fn shape(&self) -> Result<ShapeKind> {
        Ok(self.row.shape()?.kind.into())
    }

    /// What it is filled with.
    async fn fill(&self) -> Result<Option<Color>> {
        Ok(self.row.shape()?.fill.map(Color))
    }

    /// What it is filled with, in place of one colour.
    async fn gradient(&self) -> Result<Option<Gradient>> {
        Ok(self.row.shape()?.gradient.map(Into::into))
    }

    /// The outline.
    async fn stroke(&self) -> Result<Option<Stroke>> {
        Ok(self.row.shape()?.stroke.map(Into::into))
    }
    }
}

visible_object! {
    /// Elements of its own, placed, timed and moved as one.
    CompositionElement {
    /// What it is made of, in order of position. Their ids are their places in it, and their state is its own.
    #[graphql(complexity = 10)]
    async fn elements(&self) -> Result<Vec<Element>> {
        let within = |position: usize| Within { id: format!("{}.{position}", self.row.id()), position: position as i32 };
        let elements = self.row.element()?.elements().iter().cloned().enumerate();
        let part = |(position, element)| Element::part_of(self.row.row.clone(), element, Some(within(position)));
        Ok(elements.map(part).collect())
    }
    }
}
