//! What the contract can say of an element and this version does not render yet: read, and answered with its path.

use async_graphql::{Enum, InputObject, OneofObject};

use super::{
    input::ElementInput,
    words::{Anchor, Easing, KeyframeProperty, MediaSourceInput},
};
use crate::graphql::scalars::{Color, Length};

/// An outline.
#[derive(InputObject)]
pub struct StrokeInput {
    /// Its colour.
    pub color: Color,
    /// How broad it is.
    pub width: Length,
}

/// A shadow.
#[derive(InputObject)]
pub struct ShadowInput {
    /// Its colour.
    pub color: Color,
    /// To the right.
    pub x: Length,
    /// Down.
    pub y: Length,
    /// How soft it is.
    pub blur: Length,
}

/// A part of a source, in fractions from each edge.
#[derive(InputObject)]
pub struct CropInput {
    /// From the left.
    #[graphql(default = 0.0)]
    pub left: f64,
    /// From the top.
    #[graphql(default = 0.0)]
    pub top: f64,
    /// From the right.
    #[graphql(default = 0.0)]
    pub right: f64,
    /// From the bottom.
    #[graphql(default = 0.0)]
    pub bottom: f64,
}

/// A colour that is to be seen through.
#[derive(InputObject)]
pub struct ChromaKeyInput {
    /// The colour.
    pub color: Color,
    /// How near to it, 0…1.
    pub similarity: Option<f64>,
    /// How soft, 0…1.
    pub blend: Option<f64>,
}

/// A value at a time.
#[derive(InputObject)]
pub struct KeyframeInput {
    /// Of what.
    pub property: KeyframeProperty,
    /// Seconds from the element's start.
    pub at: f64,
    /// The value then.
    pub value: f64,
    /// How it moves on from there.
    #[graphql(default_with = "Easing::Linear")]
    pub easing: Easing,
}

/// An effect: exactly one of these.
#[derive(OneofObject)]
pub enum EffectInput {
    /// Pixels.
    Blur(f64),
    /// A factor.
    Brightness(f64),
    /// A factor.
    Contrast(f64),
    /// A factor.
    Saturation(f64),
    /// 0…1.
    Grayscale(f64),
    /// 0…1.
    Sepia(f64),
    /// Whether.
    Negate(bool),
    /// How much.
    Sharpen(f64),
    /// How much.
    Vignette(f64),
    /// Degrees.
    Hue(f64),
    /// A slow move over a still.
    KenBurns(KenBurnsInput),
    /// A colour table.
    Lut(MediaSourceInput),
}

/// A slow move over a still.
#[derive(InputObject)]
pub struct KenBurnsInput {
    /// The size at first.
    #[graphql(default = 1.0)]
    pub from_scale: f64,
    /// The size at last.
    #[graphql(default = 1.2)]
    pub to_scale: f64,
    /// The part at first.
    #[graphql(default_with = "Anchor::Center")]
    pub from_anchor: Anchor,
    /// The part at last.
    #[graphql(default_with = "Anchor::Center")]
    pub to_anchor: Anchor,
}

/// A drawn shape. Not yet.
#[derive(InputObject)]
pub struct ShapeInput {
    /// RECTANGLE, ELLIPSE or GRADIENT.
    pub shape: ShapeKind,
    /// What it is filled with.
    pub fill: Option<Color>,
    /// Its outline.
    pub stroke: Option<StrokeInput>,
}

/// Shapes.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum ShapeKind {
    /// Four corners.
    Rectangle,
    /// Round.
    Ellipse,
    /// From one colour to another.
    Gradient,
}

/// Timed words. Not yet.
#[derive(InputObject)]
pub struct SubtitlesInput {
    /// SRT, WebVTT or ASS.
    pub source: Option<MediaSourceInput>,
    /// Or the words themselves.
    pub cues: Option<Vec<CueInput>>,
}

/// Words and their time.
#[derive(InputObject)]
pub struct CueInput {
    /// Seconds.
    pub start: f64,
    /// Seconds.
    pub end: f64,
    /// The words.
    pub text: String,
}

/// Elements placed, timed and moved as one. Not yet.
#[derive(InputObject)]
pub struct CompositionInput {
    /// What it is made of.
    pub elements: Vec<ElementInput>,
}
