//! Lengths, anchors, fits and rectangles on the canvas: x to the right, y down, in pixels.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A distance: pixels, or a share of the canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    Pixels(f64),
    Percent(f64),
}

/// Text or a number that is no length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of pixels such as 120, or a percentage such as \"50%\"")]
pub struct InvalidLength;

impl Length {
    /// In pixels, where 100% is `whole`.
    pub fn resolve(self, whole: f64) -> f64 {
        match self {
            Length::Pixels(pixels) => pixels,
            Length::Percent(percent) => whole * percent / 100.0,
        }
    }

    pub fn pixels(value: f64) -> Result<Self, InvalidLength> {
        if value.is_finite() { Ok(Length::Pixels(value)) } else { Err(InvalidLength) }
    }
}

impl Default for Length {
    /// None.
    fn default() -> Self {
        Length::Pixels(0.0)
    }
}

impl FromStr for Length {
    type Err = InvalidLength;

    fn from_str(text: &str) -> Result<Self, InvalidLength> {
        let number = |s: &str| s.trim().parse::<f64>().ok().filter(|v| v.is_finite()).ok_or(InvalidLength);
        match text.trim().strip_suffix('%') {
            Some(percent) => number(percent).map(Length::Percent),
            None => number(text.trim().trim_end_matches("px")).map(Length::Pixels),
        }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Length::Pixels(pixels) => write!(f, "{pixels}"),
            Length::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Serialize for Length {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How a source fills its box.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Fit {
    #[default]
    Cover,
    Contain,
    ContainBlur,
    Fill,
    None,
    ScaleDown,
}

/// The point of an element's box that lies at its x and y.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Anchor {
    TopLeft,
    Top,
    TopRight,
    Left,
    #[default]
    Center,
    Right,
    BottomLeft,
    Bottom,
    BottomRight,
}

impl Anchor {
    /// Its place within the box: 0 is left and top, 1 right and bottom.
    pub fn fraction(self) -> (f64, f64) {
        let column = self as i32 % 3;
        let row = self as i32 / 3;
        (f64::from(column) / 2.0, f64::from(row) / 2.0)
    }
}

/// A rectangle, its edges between pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    pub fn of_size(width: f64, height: f64) -> Self {
        Self { x: 0.0, y: 0.0, width, height }
    }

    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    pub fn middle(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    pub fn is_empty(&self) -> bool {
        self.width <= 0.0 || self.height <= 0.0
    }

    /// So much larger on each side.
    pub fn grown(&self, by: f64) -> Rect {
        Rect { x: self.x - by, y: self.y - by, width: self.width + 2.0 * by, height: self.height + 2.0 * by }
    }

    /// Where it lies when what held it moves from one rectangle to another.
    pub fn mapped(&self, from: &Rect, to: &Rect) -> Rect {
        let (across, down) = (to.width / from.width, to.height / from.height);
        Rect {
            x: to.x + (self.x - from.x) * across,
            y: to.y + (self.y - from.y) * down,
            width: self.width * across,
            height: self.height * down,
        }
    }

    pub fn intersection(&self, other: &Rect) -> Rect {
        let x = self.x.max(other.x);
        let y = self.y.max(other.y);
        Rect { x, y, width: self.right().min(other.right()) - x, height: self.bottom().min(other.bottom()) - y }
    }

    /// The smallest that holds both.
    pub fn union(&self, other: &Rect) -> Rect {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        Rect { x, y, width: self.right().max(other.right()) - x, height: self.bottom().max(other.bottom()) - y }
    }

    /// Where it lies when a box is turned about, left for right, upper for lower.
    pub fn mirrored(&self, within: &Rect, (across, down): (bool, bool)) -> Rect {
        let x = if across { within.x + within.right() - self.right() } else { self.x };
        let y = if down { within.y + within.bottom() - self.bottom() } else { self.y };
        Rect { x, y, ..*self }
    }

    pub fn contains(&self, other: &Rect) -> bool {
        self.x <= other.x && self.y <= other.y && self.right() >= other.right() && self.bottom() >= other.bottom()
    }

    /// Larger by a factor, about a point that stays.
    pub fn scaled(&self, factor: f64, (x, y): (f64, f64)) -> Rect {
        Rect {
            x: x + (self.x - x) * factor,
            y: y + (self.y - y) * factor,
            width: self.width * factor,
            height: self.height * factor,
        }
    }

    pub fn moved(&self, (x, y): (f64, f64)) -> Rect {
        Rect { x: self.x + x, y: self.y + y, ..*self }
    }

    /// A box of `size` inside `self`, centred.
    fn centred(&self, width: f64, height: f64) -> Rect {
        Rect { x: self.x + (self.width - width) / 2.0, y: self.y + (self.height - height) / 2.0, width, height }
    }
}

/// Where a whole source of `source` pixels lands when it is fitted into `bounds`; with COVER and NONE it may
/// reach beyond them, and what does so is not shown.
pub fn fit(kind: Fit, source: (f64, f64), bounds: &Rect) -> Rect {
    let (width, height) = source;
    let (across, down) = (bounds.width / width, bounds.height / height);
    let scale = match kind {
        Fit::Fill => return *bounds,
        Fit::Cover => across.max(down),
        Fit::Contain | Fit::ContainBlur => across.min(down),
        Fit::ScaleDown => across.min(down).min(1.0),
        Fit::None => 1.0,
    };
    bounds.centred(width * scale, height * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Rect = Rect { x: 100.0, y: 0.0, width: 200.0, height: 100.0 };

    #[test]
    fn each_fit_places_a_square_as_its_name_says() {
        let square = (50.0, 50.0);
        assert_eq!(fit(Fit::Cover, square, &BOX), Rect { x: 100.0, y: -50.0, width: 200.0, height: 200.0 });
        assert_eq!(fit(Fit::Contain, square, &BOX), Rect { x: 150.0, y: 0.0, width: 100.0, height: 100.0 });
        assert_eq!(fit(Fit::Fill, square, &BOX), BOX);
        assert_eq!(fit(Fit::None, square, &BOX), Rect { x: 175.0, y: 25.0, width: 50.0, height: 50.0 });
        assert_eq!(fit(Fit::ScaleDown, square, &BOX), fit(Fit::None, square, &BOX));
        assert_eq!(fit(Fit::ScaleDown, (500.0, 500.0), &BOX), fit(Fit::Contain, (500.0, 500.0), &BOX));
    }

    #[test]
    fn lengths_are_pixels_or_percent() {
        assert_eq!("50%".parse(), Ok(Length::Percent(50.0)));
        assert_eq!("-12.5".parse(), Ok(Length::Pixels(-12.5)));
        assert_eq!("12px".parse(), Ok(Length::Pixels(12.0)));
        for text in ["", "%", "NaN", "inf", "1e400", "five", "50%%"] {
            assert_eq!(text.parse::<Length>(), Err(InvalidLength), "{text}");
        }
    }

    #[test]
    fn anchors_know_their_corner() {
        assert_eq!(Anchor::TopLeft.fraction(), (0.0, 0.0));
        assert_eq!(Anchor::Center.fraction(), (0.5, 0.5));
        assert_eq!(Anchor::BottomRight.fraction(), (1.0, 1.0));
        assert_eq!(Anchor::Right.fraction(), (1.0, 0.5));
    }
}
