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
}

/// A row, and what of its document all elements have.
pub struct Row {
    row: Arc<element::Model>,
    kind: composition::ElementType,
    timing: composition::Timing,
}

impl Element {
    pub fn of(row: Arc<element::Model>) -> Result<Self> {
        let spec = composition::Element::deserialize(&row.spec).map_err(unreadable)?;
        let kind = spec.element_type();
        let composition::Element { timing, content } = spec;
        let row = Row { row, kind, timing };
        Ok(match content {
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
        })
    }
}

/// An element's type: the fields that all have, those that visible ones or playing ones have, and its own.
macro_rules! element_object {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* } { $($own:tt)* }) => {
        $(#[$doc])*
        pub struct $name { row: Row, $($field: $type),* }

        #[Object]
        impl $name {
            /// Its id, el_…
            pub async fn id(&self) -> ID {
                self.row.row.id.as_str().into()
            }

            /// The job that it belongs to.
            #[graphql(complexity = "200 * child_complexity + 1")]
            async fn job(&self, context: &Context<'_>) -> Result<Job> {
                let id = &self.row.row.job_id;
                let row = loaders(context)?.job(id).await?;
                row.map(Job).ok_or_else(|| failed(Error::NotFound { what: "job", id: id.clone() }))
            }

            /// Its kind.
            #[graphql(name = "type")]
            async fn element_type(&self) -> ElementType {
                self.row.kind.into()
            }

            /// For people.
            async fn name(&self) -> Option<String> {
                self.row.timing.name.clone()
            }

            /// Unique and dense within its job, from 0.
            async fn position(&self) -> i32 {
                self.row.row.position
            }

            /// Higher ones lie on top.
            async fn track(&self) -> i32 {
                self.row.timing.track.unwrap_or(self.row.row.position)
            }

            /// Seconds; of one that follows another, known once their media are, and 0 before.
            async fn start(&self) -> f64 {
                self.row.timing.start.or(self.row.row.start).unwrap_or(0.0)
            }

            /// Seconds; null: as long as its media, or to the end.
            async fn length(&self) -> Option<f64> {
                self.row.timing.length
            }

            /// Where its work stands.
            async fn status(&self) -> ElementStatus {
                // The table's check admits no other word.
                composition::ElementStatus::parse(&self.row.row.status).unwrap_or(composition::ElementStatus::Pending).into()
            }

            /// 0–100.
            async fn progress(&self) -> f64 {
                self.row.row.progress
            }

            /// Why it failed.
            async fn error(&self) -> Option<String> {
                self.row.row.error.clone()
            }

            /// Its file on the worker. For WORKER and ADMIN.
            async fn local_path(&self, context: &Context<'_>) -> Result<Option<String>> {
                let may = session(context)?.caller().may_act_as(Role::Worker);
                Ok(self.row.row.local_path.clone().filter(|_| may))
            }

            /// Its processed file there. For WORKER and ADMIN.
            async fn processed_path(&self, context: &Context<'_>) -> Result<Option<String>> {
                let may = session(context)?.caller().may_act_as(Role::Worker);
                Ok(self.row.row.processed_path.clone().filter(|_| may))
            }

            /// What its source was found to hold.
            async fn media(&self) -> Option<MediaInfo> {
                let info: Option<media::MediaInfo> = self.row.row.media.clone().and_then(|media| serde_json::from_value(media).ok());
                info.map(MediaInfo::from)
            }

            /// What the client keeps with it.
            async fn metadata(&self) -> serde_json::Value {
                self.row.timing.metadata.clone()
            }

            /// When it was added.
            async fn created_at(&self) -> DateTime {
                DateTime(Timestamp(self.row.row.created_at))
            }

            /// When it changed last.
            async fn updated_at(&self) -> DateTime {
                DateTime(Timestamp(self.row.row.updated_at))
            }

            $($own)*
        }
    };
}

/// The fields of visible elements and of playing ones, spelled out once; the derive needs them in the type's own block.
macro_rules! visible_object {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* } { $($own:tt)* }) => {
        element_object! { $(#[$doc])* $name { visual: composition::Visual, $($field: $type),* } {
    /// Where its anchor lies, from the left.
    async fn x(&self) -> Length {
        Length(self.visual.x)
    }

    /// Where its anchor lies, from the top.
    async fn y(&self) -> Length {
        Length(self.visual.y)
    }

    /// Of its box.
    async fn width(&self) -> Length {
        Length(self.visual.width)
    }

    /// Of its box.
    async fn height(&self) -> Length {
        Length(self.visual.height)
    }

    /// The point of its box that lies at x and y.
    async fn anchor(&self) -> Anchor {
        self.visual.anchor.into()
    }

    /// How it fills its box.
    async fn fit(&self) -> Fit {
        self.visual.fit.into()
    }

    /// 0…1.
    async fn opacity(&self) -> f64 {
        self.visual.opacity
    }

    /// Degrees clockwise, about the anchor.
    async fn rotation(&self) -> f64 {
        self.visual.rotation
    }

    /// Left becomes right.
    async fn flip_x(&self) -> bool {
        self.visual.flip_x
    }

    /// Up becomes down.
    async fn flip_y(&self) -> bool {
        self.visual.flip_y
    }

    /// Of the picture's corners.
    async fn corner_radius(&self) -> Length {
        Length(self.visual.corner_radius)
    }

    /// What is cut off the source.
    async fn crop(&self) -> Crop {
        self.visual.crop.into()
    }

    /// What moves while it shows.
    async fn keyframes(&self) -> Vec<Keyframe> {
        self.visual.keyframes.iter().copied().map(Into::into).collect()
    }

    /// In the order in which they are done.
    async fn effects(&self) -> Vec<Effect> {
        self.visual.effects.iter().copied().map(Into::into).collect()
    }

    /// How it comes.
    async fn transition_in(&self) -> Option<Transition> {
        self.visual.transition_in.map(Transition::from)
    }

    /// How it goes.
    async fn transition_out(&self) -> Option<Transition> {
        self.visual.transition_out.map(Transition::from)
    }

            $($own)*
        } }
    };
}

/// The fields of words, likewise.
macro_rules! styled_object {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* } { $($own:tt)* }) => {
        visible_object! { $(#[$doc])* $name { $($field: $type,)* text: composition::Text } {
    /// The font's family.
    async fn font_family(&self) -> &str {
        &self.text.family
    }

    /// The font's size.
    async fn font_size(&self) -> Length {
        Length(self.text.font_size)
    }

    /// 100…900.
    async fn weight(&self) -> i32 {
        self.text.weight.into()
    }

    /// Slanted.
    async fn italic(&self) -> bool {
        self.text.italic
    }

    /// The words' colour.
    async fn color(&self) -> Color {
        Color(self.text.color)
    }

    /// How lines lie in the box.
    async fn align(&self) -> TextAlign {
        self.text.align.into()
    }

    /// How the lines together lie in the box.
    async fn vertical_align(&self) -> VerticalAlign {
        self.text.vertical_align.into()
    }

    /// A factor of the font's size.
    async fn line_height(&self) -> f64 {
        self.text.line_height
    }

    /// The box behind the words.
    async fn background(&self) -> Option<TextBackground> {
        self.text.background.map(Into::into)
    }

    /// The outline.
    async fn stroke(&self) -> Option<Stroke> {
        self.text.stroke.map(Into::into)
    }

    /// The soft copy below the words.
    async fn shadow(&self) -> Option<Shadow> {
        self.text.shadow.map(Into::into)
    }

    /// Beyond what the font has between letters.
    async fn letter_spacing(&self) -> Option<Length> {
        self.text.letter_spacing.map(Length)
    }

    /// What does not fit into them ends in an ellipsis.
    async fn max_lines(&self) -> Option<i32> {
        self.text.max_lines.map(|lines| lines as i32)
    }

            $($own)*
        } }
    };
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
