//! Whole pixels of the canvas.

use crate::domain::geometry::Rect;

/// A rectangle of whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

impl Area {
    pub fn contains(&self, other: &Area) -> bool {
        self.x <= other.x
            && self.y <= other.y
            && self.x + self.width >= other.x + other.width
            && self.y + self.height >= other.y + other.height
    }

    /// Whether it begins and ends at even pixels: so Cb and Cr do, where two pixels by two have one in common.
    pub fn is_even(&self) -> bool {
        [self.x, self.y, self.width, self.height].iter().all(|edge| edge.is_multiple_of(2))
    }

    /// The even pixels nearest to a rectangle, within a canvas; `None` where nothing is left.
    pub fn nearest(rect: &Rect, width: u32, height: u32) -> Option<Self> {
        Self::even(rect, width, height, f64::round, f64::round)
    }

    /// All the even pixels that a rectangle touches, within a canvas.
    pub fn around(rect: &Rect, width: u32, height: u32) -> Option<Self> {
        Self::even(rect, width, height, f64::floor, f64::ceil)
    }

    fn even(rect: &Rect, width: u32, height: u32, low: fn(f64) -> f64, high: fn(f64) -> f64) -> Option<Self> {
        let edge =
            |edge: f64, round: fn(f64) -> f64, most: u32| (round(edge / 2.0) as i64 * 2).clamp(0, i64::from(most)) as usize;
        let (x, right) = (edge(rect.x, low, width), edge(rect.right(), high, width));
        let (y, bottom) = (edge(rect.y, low, height), edge(rect.bottom(), high, height));
        (x < right && y < bottom).then(|| Self { x, y, width: right - x, height: bottom - y })
    }

    pub fn rect(&self) -> Rect {
        Rect { x: self.x as f64, y: self.y as f64, width: self.width as f64, height: self.height as f64 }
    }

    /// The smallest that holds both.
    pub fn union(&self, other: &Area) -> Area {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = (self.x + self.width).max(other.x + other.width);
        let bottom = (self.y + self.height).max(other.y + other.height);
        Area { x, y, width: right - x, height: bottom - y }
    }
}
