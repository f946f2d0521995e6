//! How words look.

use serde::{Deserialize, Serialize};

use super::{
    composition::{FONT_FAMILY, Source, says_nothing},
    geometry::Length,
    look::Stroke,
    paint::Color,
};

/// Words, and how they are set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Text {
    #[serde(skip_serializing_if = "says_nothing")]
    pub text: String,
    #[serde(skip_serializing_if = "is_own_family")]
    pub family: String,
    /// A file in place of the family.
    #[serde(skip_serializing_if = "says_nothing")]
    pub font: Option<Source>,
    #[serde(skip_serializing_if = "is_usual_size")]
    pub font_size: Length,
    /// 100…900.
    #[serde(skip_serializing_if = "is_regular")]
    pub weight: u16,
    #[serde(skip_serializing_if = "says_nothing")]
    pub italic: bool,
    #[serde(skip_serializing_if = "is_white")]
    pub color: Color,
    #[serde(skip_serializing_if = "says_nothing")]
    pub stroke: Option<Stroke>,
    #[serde(skip_serializing_if = "says_nothing")]
    pub shadow: Option<Shadow>,
    #[serde(skip_serializing_if = "says_nothing")]
    pub align: Align,
    #[serde(skip_serializing_if = "says_nothing")]
    pub vertical_align: VerticalAlign,
    /// A factor of the font's size.
    #[serde(skip_serializing_if = "is_usual_height")]
    pub line_height: f64,
    #[serde(skip_serializing_if = "says_nothing")]
    pub background: Option<TextBackground>,
    /// Beyond what the font has between letters.
    #[serde(skip_serializing_if = "says_nothing")]
    pub letter_spacing: Option<Length>,
    /// What does not fit into them ends in an ellipsis.
    #[serde(skip_serializing_if = "says_nothing")]
    pub max_lines: Option<u32>,
}

/// A filled box behind the words.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TextBackground {
    pub color: Color,
    pub padding: Length,
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub corner_radius: Length,
}

/// A soft copy of the words below them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shadow {
    pub color: Color,
    pub x: Length,
    pub y: Length,
    /// The standard deviation.
    pub blur: Length,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Align {
    Left,
    #[default]
    Center,
    Right,
    Justify,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum VerticalAlign {
    Top,
    #[default]
    Middle,
    Bottom,
}

impl Default for Text {
    /// No words, white, in the middle of their box.
    fn default() -> Self {
        Self {
            text: String::new(),
            family: FONT_FAMILY.to_owned(),
            font: None,
            font_size: USUAL_SIZE,
            weight: REGULAR,
            italic: false,
            color: Color::WHITE,
            stroke: None,
            shadow: None,
            align: Align::default(),
            vertical_align: VerticalAlign::default(),
            line_height: USUAL_HEIGHT,
            background: None,
            letter_spacing: None,
            max_lines: None,
        }
    }
}

const USUAL_SIZE: Length = Length::Percent(5.0);
const REGULAR: u16 = 400;
const USUAL_HEIGHT: f64 = 1.2;

fn is_own_family(family: &str) -> bool {
    family == FONT_FAMILY
}

fn is_usual_size(size: &Length) -> bool {
    *size == USUAL_SIZE
}

fn is_regular(weight: &u16) -> bool {
    *weight == REGULAR
}

fn is_white(color: &Color) -> bool {
    *color == Color::WHITE
}

fn is_usual_height(height: &f64) -> bool {
    *height == USUAL_HEIGHT
}
