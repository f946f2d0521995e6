//! The words of compositions: enums, and the small objects that go in and come out alike.

use async_graphql::{Enum, ID, InputObject, OneofObject, SimpleObject};

use crate::{
    domain::{composition, easing, geometry, look, motion, transition},
    graphql::scalars::{Color, Length, Url},
};

/// The kinds of element.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "composition::ElementType")]
pub enum ElementType {
    /// A clip, with its sound.
    Video,
    /// A still.
    Image,
    /// Sound alone.
    Audio,
    /// Words.
    Text,
    /// A drawn shape.
    Shape,
    /// Timed words.
    Subtitles,
    /// Elements of its own.
    Composition,
}

/// Where an element's work stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "composition::ElementStatus")]
pub enum ElementStatus {
    /// Nothing is done yet.
    Pending,
    /// Its source is fetched.
    Downloading,
    /// Its source is there.
    Downloaded,
    /// It is rendered.
    Processing,
    /// It is in the result.
    Ready,
    /// It is why the job failed.
    Failed,
}

/// How a source fills its box.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "geometry::Fit")]
pub enum Fit {
    /// Fills it; what reaches beyond is not shown.
    Cover,
    /// Lies within it, whole.
    Contain,
    /// Contained, over its own blurred copy.
    ContainBlur,
    /// Fills it, stretched.
    Fill,
    /// Keeps its own size.
    None,
    /// Lies within it, never enlarged.
    ScaleDown,
}

/// The point of the element's box that lies at its x and y.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "geometry::Anchor")]
pub enum Anchor {
    /// The upper left corner.
    TopLeft,
    /// The middle of the upper edge.
    Top,
    /// The upper right corner.
    TopRight,
    /// The middle of the left edge.
    Left,
    /// The middle.
    Center,
    /// The middle of the right edge.
    Right,
    /// The lower left corner.
    BottomLeft,
    /// The middle of the lower edge.
    Bottom,
    /// The lower right corner.
    BottomRight,
}

/// How one picture gives way to another. Wipes and slides move as FFmpeg's xfade of that name.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "transition::TransitionType")]
pub enum TransitionType {
    /// One becomes the other.
    Fade,
    /// Grain by grain.
    Dissolve,
    /// The edge moves to the left.
    WipeLeft,
    /// The edge moves to the right.
    WipeRight,
    /// The edge moves up.
    WipeUp,
    /// The edge moves down.
    WipeDown,
    /// Both move to the left.
    SlideLeft,
    /// Both move to the right.
    SlideRight,
    /// Both move up.
    SlideUp,
    /// Both move down.
    SlideDown,
    /// A circle grows.
    CircleOpen,
    /// A circle shrinks.
    CircleClose,
    /// A hand goes round.
    Radial,
    /// Into the picture.
    Zoom,
    /// Through large pixels.
    Pixelize,
    /// Through black.
    FadeBlack,
    /// Through white.
    FadeWhite,
}

/// How a value moves from 0 to 1: Robert Penner's curves; CUBIC_IN is t³.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "easing::Easing")]
pub enum Easing {
    /// Steadily.
    Linear,
    /// Not until the end.
    Hold,
    /// Slow at first.
    EaseIn,
    /// Slow at last.
    EaseOut,
    /// Slow at both ends.
    EaseInOut,
    /// A sine's.
    SineIn,
    /// A sine's.
    SineOut,
    /// A sine's.
    SineInOut,
    /// t².
    QuadIn,
    /// t².
    QuadOut,
    /// t².
    QuadInOut,
    /// t³.
    CubicIn,
    /// t³.
    CubicOut,
    /// t³.
    CubicInOut,
    /// t⁴.
    QuartIn,
    /// t⁴.
    QuartOut,
    /// t⁴.
    QuartInOut,
    /// t⁵.
    QuintIn,
    /// t⁵.
    QuintOut,
    /// t⁵.
    QuintInOut,
    /// A power of two's.
    ExpoIn,
    /// A power of two's.
    ExpoOut,
    /// A power of two's.
    ExpoInOut,
    /// A quarter circle's.
    CircIn,
    /// A quarter circle's.
    CircOut,
    /// A quarter circle's.
    CircInOut,
    /// Draws back first.
    BackIn,
    /// Goes beyond at last.
    BackOut,
    /// Draws back, and goes beyond.
    BackInOut,
    /// Swings.
    ElasticIn,
    /// Swings.
    ElasticOut,
    /// Swings.
    ElasticInOut,
    /// Bounces.
    BounceIn,
    /// Bounces.
    BounceOut,
    /// Bounces.
    BounceInOut,
}

/// How lines lie in their box.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "composition::Align")]
pub enum TextAlign {
    /// At its left.
    Left,
    /// In its middle.
    Center,
    /// At its right.
    Right,
    /// From edge to edge.
    Justify,
}

/// How the lines together lie in their box.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "composition::VerticalAlign")]
pub enum VerticalAlign {
    /// At its top.
    Top,
    /// In its middle.
    Middle,
    /// At its bottom.
    Bottom,
}

/// What moves with keyframes.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "motion::Property")]
pub enum KeyframeProperty {
    /// Pixels.
    X,
    /// Pixels.
    Y,
    /// Pixels.
    Width,
    /// Pixels.
    Height,
    /// A factor.
    Scale,
    /// Degrees.
    Rotation,
    /// 0…1.
    Opacity,
    /// A factor.
    Volume,
}

/// How an element comes or goes.
#[derive(InputObject, SimpleObject, Clone)]
#[graphql(input_name = "TransitionInput")]
pub struct Transition {
    /// What it looks like. Between two elements it happens within the box that holds both; those that slide do so over all the
    /// canvas.
    #[graphql(name = "type", default_with = "TransitionType::Fade")]
    pub kind: TransitionType,
    /// Seconds.
    #[graphql(default = 0.5)]
    pub duration: f64,
    /// How it moves. What overshoots, BACK and ELASTIC, stays at its ends.
    #[graphql(default_with = "Easing::EaseInOut")]
    pub easing: Easing,
}

impl From<transition::Transition> for Transition {
    fn from(transition: transition::Transition) -> Self {
        Self { kind: transition.kind.into(), duration: transition.duration, easing: transition.easing.into() }
    }
}

impl From<Transition> for transition::Transition {
    fn from(transition: Transition) -> Self {
        Self { kind: transition.kind.into(), duration: transition.duration, easing: transition.easing.into() }
    }
}

/// Shapes.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "look::ShapeKind")]
pub enum ShapeKind {
    /// Four corners, rounded by cornerRadius.
    Rectangle,
    /// Round.
    Ellipse,
    /// A rectangle from one colour to another.
    Gradient,
}

/// A filled box behind words.
#[derive(InputObject, SimpleObject, Clone)]
#[graphql(input_name = "TextBackgroundInput")]
pub struct TextBackground {
    /// Its colour.
    pub color: Color,
    /// How far it reaches beyond the words; 100% is the height of the canvas.
    #[graphql(default_with = "Length(geometry::Length::Pixels(0.0))")]
    pub padding: Length,
    /// Of its corners; 100% is the height of the canvas.
    pub corner_radius: Option<Length>,
}

impl From<composition::TextBackground> for TextBackground {
    fn from(background: composition::TextBackground) -> Self {
        Self {
            color: Color(background.color),
            padding: Length(background.padding),
            corner_radius: Some(Length(background.corner_radius)),
        }
    }
}

impl From<TextBackground> for composition::TextBackground {
    fn from(background: TextBackground) -> Self {
        let corner_radius = background.corner_radius.map_or(geometry::Length::Pixels(0.0), |radius| radius.0);
        Self { color: background.color.0, padding: background.padding.0, corner_radius }
    }
}

/// Where bytes come from.
#[derive(OneofObject)]
pub enum MediaSourceInput {
    /// An http or https address.
    Url(Url),
    /// An upload.
    Asset(ID),
    /// An object in the service's store.
    Object(S3ObjectInput),
}

/// An object in the store.
#[derive(InputObject, Clone)]
pub struct S3ObjectInput {
    /// Only the service's own, yet.
    pub bucket: Option<String>,
    /// Its key.
    pub key: String,
}

impl From<MediaSourceInput> for composition::Source {
    fn from(source: MediaSourceInput) -> Self {
        match source {
            MediaSourceInput::Url(url) => composition::Source::Url(url.0),
            MediaSourceInput::Asset(id) => composition::Source::Asset(id.0),
            MediaSourceInput::Object(object) => composition::Source::Object { bucket: object.bucket, key: object.key },
        }
    }
}

/// Where bytes come from; one of the three is given.
#[derive(SimpleObject, Default)]
pub struct MediaSource {
    /// An http or https address.
    pub url: Option<Url>,
    /// An upload.
    pub asset: Option<ID>,
    /// An object in the service's store.
    pub object: Option<S3Object>,
}

/// An object in the store.
#[derive(SimpleObject)]
pub struct S3Object {
    /// Null: the service's own.
    pub bucket: Option<String>,
    /// Its key.
    pub key: String,
}

impl From<&composition::Source> for MediaSource {
    fn from(source: &composition::Source) -> Self {
        match source.clone() {
            composition::Source::Url(url) => Self { url: Some(Url(url)), ..Self::default() },
            composition::Source::Asset(id) => Self { asset: Some(id.into()), ..Self::default() },
            composition::Source::Object { bucket, key } => Self { object: Some(S3Object { bucket, key }), ..Self::default() },
            // No request can name one.
            composition::Source::File(_) => Self::default(),
        }
    }
}
