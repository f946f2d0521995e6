//! How an element looks beyond its place: the part of it that shows, effects, what is seen through, and drawn shapes.

use serde::{Deserialize, Serialize};

use super::{composition::Source, geometry::Length, motion::KenBurns, paint::Color};

/// To be counted up with every change of what is drawn, mixed or encoded: what was kept before is then not found.
pub const EDITION: u32 = 30;

/// What is cut off a source, in fractions of it from each edge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Crop {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

/// A change of an element's picture. Factors leave it as it is at 1, shares at 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// The standard deviation, in pixels of the canvas.
    Blur(f64),
    /// A factor.
    Brightness(f64),
    /// A factor of the distance from middle grey.
    Contrast(f64),
    /// A factor.
    Saturation(f64),
    /// A share.
    Grayscale(f64),
    /// A share.
    Sepia(f64),
    Negate(bool),
    /// A share of the difference from the blurred picture.
    Sharpen(f64),
    /// A share of darkness in the corners.
    Vignette(f64),
    /// Degrees.
    Hue(f64),
    KenBurns(KenBurns),
    /// A table of colours, in the form .cube.
    Lut(Source),
}

/// How wide the differences are that sharpening raises: the standard deviation of the blur that they are found by, pixels of the canvas.
pub const SHARPEN_SIGMA: f64 = 1.5;

impl Effect {
    /// From how far away pixels count for what it makes of one, pixels of the canvas; without end where it goes by the pixel's place
    /// in the whole.
    pub fn reach(&self) -> f64 {
        /// Of a Gaussian all but 0.3 % lies within so many standard deviations.
        const DEVIATIONS: f64 = 3.0;
        match self {
            Effect::Blur(sigma) => sigma * DEVIATIONS,
            Effect::Sharpen(_) => SHARPEN_SIGMA * DEVIATIONS,
            Effect::Vignette(_) => f64::INFINITY,
            _ => 0.0,
        }
    }

    /// The file of a table of colours.
    pub fn table(&self) -> Option<&Source> {
        match self {
            Effect::Lut(source) => Some(source),
            _ => None,
        }
    }

    pub fn table_mut(&mut self) -> Option<&mut Source> {
        match self {
            Effect::Lut(source) => Some(source),
            _ => None,
        }
    }
}

/// A colour that is seen through.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChromaKey {
    pub color: Color,
    /// Colours as near as this are clear: a share of the largest distance that two can have.
    pub similarity: f64,
    /// Beyond that, how far it takes to be opaque; likewise.
    pub blend: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ShapeKind {
    Rectangle,
    Ellipse,
    Gradient,
}

/// An outline: of words around them, of a shape half of it within.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stroke {
    pub color: Color,
    pub width: Length,
}

/// From one colour to another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gradient {
    pub from: Color,
    pub to: Color,
    /// Degrees clockwise: 0 goes from left to right, 90 from top to bottom.
    pub angle: f64,
}

/// A drawn shape that fills its element's box.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    pub kind: ShapeKind,
    pub fill: Option<Color>,
    pub gradient: Option<Gradient>,
    pub stroke: Option<Stroke>,
}

impl Crop {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The size of what is left of a source.
    pub fn of(&self, (width, height): (f64, f64)) -> (f64, f64) {
        (width * (1.0 - self.left - self.right), height * (1.0 - self.top - self.bottom))
    }

    /// Fractions (left, top, right, bottom) of what is left, as fractions of the whole source.
    pub fn unfold(&self, (left, top, right, bottom): (f64, f64, f64, f64)) -> (f64, f64, f64, f64) {
        let (width, height) = self.of((1.0, 1.0));
        (self.left + left * width, self.top + top * height, self.left + right * width, self.top + bottom * height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_of_a_part_are_fractions_of_the_whole() {
        let crop = Crop { left: 0.5, top: 0.0, right: 0.0, bottom: 0.2 };
        assert_eq!(crop.of((100.0, 50.0)), (50.0, 40.0));
        assert_eq!(crop.unfold((0.0, 0.5, 1.0, 1.0)), (0.5, 0.4, 1.0, 0.8));
    }
}
