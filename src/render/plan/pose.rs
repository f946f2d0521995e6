//! Where a layer lies at a moment: rectangles before it is turned, and how far it is turned.

use super::{
    Plan,
    layer::{Figure, Layer, Stage},
    rest,
};
use crate::domain::{
    composition::Visual,
    geometry::{self, Fit, Rect},
    look::Crop,
    motion::Property,
};

/// Where a sprite is put. Pixels of the canvas; the rectangles are those before it is turned about the pivot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Where the whole sprite lies.
    pub sprite: Rect,
    /// What of it is seen: nothing outside.
    pub window: Rect,
    /// The radius of the window's corners.
    pub corner: f64,
    pub pivot: (f64, f64),
    /// Radians clockwise.
    pub angle: f64,
    /// Left for right, upper for lower.
    pub flip: (bool, bool),
}

/// What was drawn for a box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrawnFor {
    pub bounds: Rect,
    /// Where it lies, with all that reaches beyond the box.
    pub rect: Rect,
}

/// What a transition adds to a pose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// In canvases.
    pub by: (f64, f64),
    /// About the middle of what is seen.
    pub scale: f64,
}

impl Shift {
    pub const NONE: Shift = Shift { by: (0.0, 0.0), scale: 1.0 };
}

impl Pose {
    /// All of a picture of some size.
    pub fn filling(width: usize, height: usize) -> Self {
        Self::at_rest(Rect::of_size(width as f64, height as f64))
    }

    /// All of a picture, upright.
    pub fn at_rest(whole: Rect) -> Self {
        Self { sprite: whole, window: whole, corner: 0.0, pivot: (0.0, 0.0), angle: 0.0, flip: (false, false) }
    }

    /// The same from another corner of the canvas.
    pub fn moved(self, by: (f64, f64)) -> Self {
        let pivot = (self.pivot.0 + by.0, self.pivot.1 + by.1);
        Self { sprite: self.sprite.moved(by), window: self.window.moved(by), pivot, ..self }
    }

    /// Without what lies beyond a canvas of odd size, where it would share Cb and Cr with the last pixels: but what reaches the end of
    /// the canvas goes on to that of its picture. What is turned or round, as it is.
    pub fn within(self, plan: &Plan) -> Self {
        let (canvas, picture) = (plan.canvas(), plan.picture());
        if canvas == picture || self.angle != 0.0 || self.corner != 0.0 {
            return self;
        }
        let end = |window: f64, canvas: f64, picture: f64| if window + 1e-6 >= canvas { picture } else { window };
        let Rect { x, y, .. } = self.window;
        let (right, bottom) = (self.window.right(), self.window.bottom());
        let begins = x + 1e-6 < canvas.right() && y + 1e-6 < canvas.bottom();
        let (right, bottom) = (end(right, canvas.right(), picture.right()), end(bottom, canvas.bottom(), picture.bottom()));
        let window = if begins { Rect { x, y, width: right - x, height: bottom - y } } else { Rect::of_size(0.0, 0.0) };
        Self { window, ..self }
    }

    /// Of a sprite that is whole where the pose is for what a crop leaves of it: the same is seen.
    pub fn uncropped(self, crop: &Crop) -> Self {
        // What is seen is flipped with what the crop leaves out.
        let ordered = |flip: bool, (low, high): (f64, f64)| if flip { (high, low) } else { (low, high) };
        let (left, _) = ordered(self.flip.0, (crop.left, crop.right));
        let (top, _) = ordered(self.flip.1, (crop.top, crop.bottom));
        let Rect { x, y, width, height } = self.sprite;
        let (across, down) = (width / (1.0 - crop.left - crop.right), height / (1.0 - crop.top - crop.bottom));
        let sprite = Rect { x: x - left * across, y: y - top * down, width: across, height: down };
        Self { sprite, window: self.window.intersection(&self.sprite), ..self }
    }

    /// The smallest upright rectangle around all that is seen.
    pub fn bounds(&self) -> Rect {
        let (sin, cos) = self.angle.sin_cos();
        let window = &self.window;
        let (x, y) = window.middle();
        let middle = (x - self.pivot.0, y - self.pivot.1);
        let (x, y) = (self.pivot.0 + middle.0 * cos - middle.1 * sin, self.pivot.1 + middle.0 * sin + middle.1 * cos);
        let width = (window.width * cos).abs() + (window.height * sin).abs();
        let height = (window.width * sin).abs() + (window.height * cos).abs();
        Rect { x: x - width / 2.0, y: y - height / 2.0, width, height }
    }
}

impl Layer {
    /// Its pose at a time of the composition. `drawn` is where what was drawn for its box lies.
    pub fn pose(&self, canvas: &Rect, seconds: f64, drawn: Option<DrawnFor>, shift: Shift) -> Pose {
        let visual = &self.visual;
        let at = seconds - self.origin_s;
        let (bounds, pivot) = bounds_at(visual, canvas, at);
        let mut sprite = match self.figure {
            Figure::Fitted(_) if visual.fit == Fit::ContainBlur => bounds,
            Figure::Fitted(size) => geometry::fit(visual.fit, size, &bounds),
            Figure::Drawn => {
                let drawn = drawn.map_or(bounds, |drawn| drawn.rect.mapped(&drawn.bounds, &bounds));
                drawn.mirrored(&bounds, (visual.flip_x, visual.flip_y))
            }
        };
        let mut window = match self.figure {
            Figure::Fitted(_) => sprite.intersection(&bounds),
            Figure::Drawn => sprite,
        };
        if let Some(ken_burns) = visual.ken_burns() {
            let (scale, (across, down)) = ken_burns.at((seconds - self.start_s) / (self.end_s - self.start_s));
            // What is drawn may reach beyond its box, and lies anywhere in it.
            let frame = if self.figure == Figure::Drawn { bounds.union(&sprite) } else { window };
            sprite = sprite.scaled(scale, (frame.x + frame.width * across, frame.y + frame.height * down));
            window = frame.intersection(&sprite);
        }
        let scale = visual.moved(Property::Scale, at).unwrap_or(1.0);
        let middle = window.middle();
        let by = (shift.by.0 * canvas.width, shift.by.1 * canvas.height);
        let place = |rect: Rect| rect.scaled(scale, pivot).scaled(shift.scale, middle).moved(by);
        let edge = bounds.width.min(bounds.height);
        let pose = Pose {
            sprite: place(sprite),
            window: place(window),
            corner: match self.figure {
                Figure::Fitted(_) => visual.corner_radius.resolve(edge) * scale * shift.scale,
                // Drawn round.
                Figure::Drawn => 0.0,
            },
            pivot: (pivot.0 + by.0, pivot.1 + by.1),
            angle: visual.moved(Property::Rotation, at).unwrap_or(visual.rotation).to_radians(),
            flip: (visual.flip_x, visual.flip_y),
        };
        let turns = pose.angle / std::f64::consts::FRAC_PI_2;
        let is_square = matches!(self.stage, Stage::Moving { stays: true, .. }) && (turns - turns.round()).abs() < 1e-9;
        let is_fitted = matches!(self.figure, Figure::Fitted(_)) && shift == Shift::NONE;
        Some(pose).filter(|_| is_square && is_fitted).and_then(|pose| rest::squared(&pose, &bounds)).unwrap_or(pose)
    }
}

impl Layer {
    /// The box that words or a shape are drawn for: where it rests, and as large as it is at the time. It is not stretched from one size
    /// to another.
    pub fn drawn_bounds(&self, canvas: &Rect, seconds: f64) -> Rect {
        let rest = bounds_at_rest(&self.visual, canvas);
        if !self.resizes() {
            return rest;
        }
        let (now, _) = bounds_at(&self.visual, canvas, seconds - self.origin_s);
        let (across, down) = self.visual.anchor.fraction();
        let (x, y) = (rest.x + (rest.width - now.width) * across, rest.y + (rest.height - now.height) * down);
        Rect { x, y, ..now }
    }

    /// Whether the box itself changes its size.
    pub fn resizes(&self) -> bool {
        let is_size = |property| matches!(property, Property::Width | Property::Height);
        self.figure == Figure::Drawn && self.visual.keyframes.iter().any(|keyframe| is_size(keyframe.property))
    }

    /// How much larger than its box its picture ever is.
    pub(super) fn enlargement_at(&self, canvas: &Rect, seconds: f64) -> f64 {
        let sprite = self.pose(canvas, seconds, None, Shift::NONE).sprite;
        sprite.width / bounds_at(&self.visual, canvas, seconds - self.origin_s).0.width
    }
}

/// An element's box where no keyframe has moved it.
pub fn bounds_at_rest(visual: &Visual, canvas: &Rect) -> Rect {
    let place = (visual.x.resolve(canvas.width), visual.y.resolve(canvas.height));
    anchored(visual, place, (visual.width.resolve(canvas.width), visual.height.resolve(canvas.height)))
}

/// An element's box at a time from its start, and where its anchor lies.
fn bounds_at(visual: &Visual, canvas: &Rect, at: f64) -> (Rect, (f64, f64)) {
    let moved = |property, rest| visual.moved(property, at).unwrap_or(rest);
    let place = (moved(Property::X, visual.x.resolve(canvas.width)), moved(Property::Y, visual.y.resolve(canvas.height)));
    let size = (
        moved(Property::Width, visual.width.resolve(canvas.width)),
        moved(Property::Height, visual.height.resolve(canvas.height)),
    );
    (anchored(visual, place, size), place)
}

fn anchored(visual: &Visual, (x, y): (f64, f64), (width, height): (f64, f64)) -> Rect {
    let (across, down) = visual.anchor.fraction();
    Rect { x: x - width * across, y: y - height * down, width, height }
}
