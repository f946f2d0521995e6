//! How words look.

use serde::{Deserialize, Serialize};

use super::{
    composition::{Source, says_nothing},
    geometry::Length,
    look::Stroke,
    paint::Color,
};

/// Words, and how they are set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Text {
    pub text: String,
    pub family: String,
    /// A file in place of the family.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub font: Option<Source>,
    pub font_size: Length,
    /// 100…900.
    pub weight: u16,
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub italic: bool,
    pub color: Color,
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub stroke: Option<Stroke>,
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub shadow: Option<Shadow>,
    pub align: Align,
    pub vertical_align: VerticalAlign,
    /// A factor of the font's size.
    pub line_height: f64,
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub background: Option<TextBackground>,
    /// Beyond what the font has between letters.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub letter_spacing: Option<Length>,
    /// What does not fit into them ends in an ellipsis.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub max_lines: Option<u32>,
}

/// A filled box behind the words.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TextBackground {
    pub color: Color,
    pub padding: Length,
    #[serde(default = "none")]
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

fn none() -> Length {
    Length::Pixels(0.0)
}
