//! How elements look and move: the small objects that go in and come out alike.

use async_graphql::{InputObject, OneofObject, SimpleObject};

use super::words::{Anchor, Easing, KeyframeProperty, MediaSource, MediaSourceInput};
use crate::{
    domain::{composition, look, motion, subtitles},
    graphql::scalars::{Color, Length},
};

/// An outline: of words around them, of a shape half of it within.
#[derive(InputObject, SimpleObject, Clone)]
#[graphql(input_name = "StrokeInput")]
pub struct Stroke {
    /// Its colour.
    pub color: Color,
    /// How broad it is.
    pub width: Length,
}

/// A shadow.
#[derive(InputObject, SimpleObject, Clone)]
#[graphql(input_name = "ShadowInput")]
pub struct Shadow {
    /// Its colour.
    pub color: Color,
    /// To the right.
    pub x: Length,
    /// Down.
    pub y: Length,
    /// How soft it is: the standard deviation.
    pub blur: Length,
}

/// What is cut off a source, in fractions of it from each edge.
#[derive(InputObject, SimpleObject, Clone)]
#[graphql(input_name = "CropInput")]
pub struct Crop {
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
#[derive(InputObject, SimpleObject, Clone)]
#[graphql(input_name = "ChromaKeyInput")]
pub struct ChromaKey {
    /// The colour.
    pub color: Color,
    /// Colours as near to it as this are clear: 0…1, a share of the largest distance that two can have; 0.15 where it is
    /// not given. It is that of Cb and Cr, in which what is much darker lies nearer to grey; greys are told from each other by their
    /// light.
    pub similarity: Option<f64>,
    /// How far beyond that it takes to be opaque, 0…1; 0.05 where it is not given.
    pub blend: Option<f64>,
}

/// A value at a time.
#[derive(InputObject, SimpleObject, Clone)]
#[graphql(input_name = "KeyframeInput")]
pub struct Keyframe {
    /// Of what.
    pub property: KeyframeProperty,
    /// Seconds from the element's start.
    pub at: f64,
    /// X, Y, WIDTH and HEIGHT in pixels, SCALE and VOLUME factors, ROTATION degrees, OPACITY 0…1.
    pub value: f64,
    /// How it moves on from here to the next keyframe of the property.
    #[graphql(default_with = "Easing::Linear")]
    pub easing: Easing,
}

/// An effect: exactly one of these.
#[derive(OneofObject)]
pub enum EffectInput {
    /// The standard deviation, in pixels of the canvas.
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
    /// 0…5; 1 doubles the difference from the blurred picture.
    Sharpen(f64),
    /// 0…1: how dark the corners become.
    Vignette(f64),
    /// Degrees.
    Hue(f64),
    /// A slow move over the picture, with what all other effects make of it.
    KenBurns(KenBurns),
    /// A table of colours: a file of the form .cube, of one or three dimensions.
    Lut(MediaSourceInput),
}

/// An effect; one of these is given.
#[derive(SimpleObject, Default)]
pub struct Effect {
    /// The standard deviation, in pixels of the canvas.
    pub blur: Option<f64>,
    /// A factor.
    pub brightness: Option<f64>,
    /// A factor.
    pub contrast: Option<f64>,
    /// A factor.
    pub saturation: Option<f64>,
    /// 0…1.
    pub grayscale: Option<f64>,
    /// 0…1.
    pub sepia: Option<f64>,
    /// Whether.
    pub negate: Option<bool>,
    /// 0…5.
    pub sharpen: Option<f64>,
    /// 0…1.
    pub vignette: Option<f64>,
    /// Degrees.
    pub hue: Option<f64>,
    /// A slow move over the picture, with what all other effects make of it.
    pub ken_burns: Option<KenBurns>,
    /// A table of colours.
    pub lut: Option<MediaSource>,
}

/// A slow move over a picture while it shows.
#[derive(InputObject, SimpleObject, Clone)]
#[graphql(input_name = "KenBurnsInput")]
pub struct KenBurns {
    /// The size at first.
    #[graphql(default = 1.0)]
    pub from_scale: f64,
    /// The size at last.
    #[graphql(default = 1.2)]
    pub to_scale: f64,
    /// The part that stays in place at first.
    #[graphql(default_with = "Anchor::Center")]
    pub from_anchor: Anchor,
    /// The part that stays in place at last.
    #[graphql(default_with = "Anchor::Center")]
    pub to_anchor: Anchor,
}

/// From one colour to another.
#[derive(InputObject, SimpleObject, Clone)]
#[graphql(input_name = "GradientInput")]
pub struct Gradient {
    /// The first colour.
    pub from: Color,
    /// The last colour.
    pub to: Color,
    /// Degrees clockwise: 0 goes from left to right, 90 from top to bottom.
    #[graphql(default = 0.0)]
    pub angle: f64,
}

/// Words and their time.
#[derive(InputObject, SimpleObject, Clone)]
#[graphql(input_name = "CueInput")]
pub struct Cue {
    /// Seconds from the element's start.
    pub start: f64,
    /// Seconds from the element's start.
    pub end: f64,
    /// The words; line breaks count.
    pub text: String,
}

/// Keyframes as the domain has them.
pub fn keyframes(keyframes: Option<Vec<Keyframe>>) -> Vec<motion::Keyframe> {
    keyframes.unwrap_or_default().into_iter().map(Into::into).collect()
}

/// The effects as the domain has them.
pub fn effects(effects: Option<Vec<EffectInput>>) -> Vec<look::Effect> {
    let read = |effect| match effect {
        EffectInput::Blur(pixels) => look::Effect::Blur(pixels),
        EffectInput::Brightness(factor) => look::Effect::Brightness(factor),
        EffectInput::Contrast(factor) => look::Effect::Contrast(factor),
        EffectInput::Saturation(factor) => look::Effect::Saturation(factor),
        EffectInput::Grayscale(share) => look::Effect::Grayscale(share),
        EffectInput::Sepia(share) => look::Effect::Sepia(share),
        EffectInput::Negate(negate) => look::Effect::Negate(negate),
        EffectInput::Sharpen(share) => look::Effect::Sharpen(share),
        EffectInput::Vignette(share) => look::Effect::Vignette(share),
        EffectInput::Hue(degrees) => look::Effect::Hue(degrees),
        EffectInput::KenBurns(ken_burns) => look::Effect::KenBurns(ken_burns.into()),
        EffectInput::Lut(source) => look::Effect::Lut(source.into()),
    };
    effects.unwrap_or_default().into_iter().map(read).collect()
}

impl From<look::Effect> for Effect {
    fn from(effect: look::Effect) -> Self {
        let none = Effect::default();
        match effect {
            look::Effect::Blur(pixels) => Effect { blur: Some(pixels), ..none },
            look::Effect::Brightness(factor) => Effect { brightness: Some(factor), ..none },
            look::Effect::Contrast(factor) => Effect { contrast: Some(factor), ..none },
            look::Effect::Saturation(factor) => Effect { saturation: Some(factor), ..none },
            look::Effect::Grayscale(share) => Effect { grayscale: Some(share), ..none },
            look::Effect::Sepia(share) => Effect { sepia: Some(share), ..none },
            look::Effect::Negate(negate) => Effect { negate: Some(negate), ..none },
            look::Effect::Sharpen(share) => Effect { sharpen: Some(share), ..none },
            look::Effect::Vignette(share) => Effect { vignette: Some(share), ..none },
            look::Effect::Hue(degrees) => Effect { hue: Some(degrees), ..none },
            look::Effect::KenBurns(ken_burns) => Effect { ken_burns: Some(ken_burns.into()), ..none },
            look::Effect::Lut(source) => Effect { lut: Some((&source).into()), ..none },
        }
    }
}

/// What both sides of the wall have alike.
macro_rules! alike {
    ($($ours:ty = $domain:ty { $($field:ident),* };)*) => {
        $(
            impl From<$ours> for $domain {
                fn from(value: $ours) -> Self {
                    Self { $($field: value.$field.into()),* }
                }
            }

            impl From<$domain> for $ours {
                fn from(value: $domain) -> Self {
                    Self { $($field: value.$field.into()),* }
                }
            }
        )*
    };
}

alike! {
    Stroke = look::Stroke { color, width };
    Shadow = composition::Shadow { color, x, y, blur };
    Crop = look::Crop { left, top, right, bottom };
    Keyframe = motion::Keyframe { property, at, value, easing };
    KenBurns = motion::KenBurns { from_scale, to_scale, from_anchor, to_anchor };
    Gradient = look::Gradient { from, to, angle };
    Cue = subtitles::Cue { start, end, text };
}

impl From<ChromaKey> for look::ChromaKey {
    fn from(key: ChromaKey) -> Self {
        Self { color: key.color.0, similarity: key.similarity.unwrap_or(0.15), blend: key.blend.unwrap_or(0.05) }
    }
}

impl From<look::ChromaKey> for ChromaKey {
    fn from(key: look::ChromaKey) -> Self {
        Self { color: Color(key.color), similarity: Some(key.similarity), blend: Some(key.blend) }
    }
}
