//! A composition within another: composed on a canvas of its own, whose clear places are found by composing it twice, on black
//! and on white (Smith and Blinn, "Blue Screen Matting", SIGGRAPH 1996): what differs shows the ground.

use super::{
    RenderError,
    ahead::CpuCount,
    clip::Shown,
    compositor::Compositor,
    effects::Effects,
    plan::{Layer, Plan},
    prepare::Ready,
    sprite::{Raster, Sprite},
};
use crate::{
    domain::paint::Color,
    media::{MediaError, Picture, Smoothness},
};

/// Composes one, frame after frame. Lives on one thread.
pub struct Nested<'a> {
    ready: &'a Ready<'a>,
    compositor: Compositor<'a>,
    on_black: Picture,
    /// Where something is to be seen through.
    clear: Option<(Picture, Sprite)>,
    effects: Option<Effects>,
    shown: Option<i64>,
}

impl<'a> Nested<'a> {
    pub fn new(
        ready: &'a Ready<'a>,
        effects: Option<Effects>,
        smoothness: Smoothness,
        decoding: CpuCount,
    ) -> Result<Self, MediaError> {
        let (width, height) = (ready.plan.width, ready.plan.height);
        let clear = match ready.plan.is_opaque() {
            true => None,
            false => Some((Picture::new(width, height)?, Sprite::clear(width as usize, height as usize))),
        };
        let compositor = Compositor::new(ready, smoothness, decoding);
        Ok(Self { ready, compositor, on_black: Picture::new(width, height)?, clear, effects, shown: None })
    }

    /// The picture of a frame of its own; their numbers only go forward.
    pub fn at(&mut self, number: i64) -> Result<Shown<'_>, RenderError> {
        let number = number.clamp(0, self.ready.plan.frames - 1);
        if self.shown != Some(number) {
            self.shown = Some(number);
            self.compositor.compose_on(number, Color::BLACK, &mut self.on_black)?;
            if let Some((on_white, sprite)) = &mut self.clear {
                self.compositor.compose_on(number, Color::WHITE, on_white)?;
                matte(&self.on_black, on_white, sprite);
            }
            match (&self.effects, &mut self.clear) {
                (Some(effects), Some((_, sprite))) => effects.apply(sprite),
                (Some(effects), None) => effects.apply(&mut self.on_black),
                (None, _) => {}
            }
        }
        Ok(match &self.clear {
            Some((_, sprite)) => Shown::Keyed(sprite),
            None => Shown::Opaque(&self.on_black),
        })
    }
}

/// The frame of a nested composition that is seen at a time of the outer one.
pub fn frame_of(plan: &Plan, layer: &Layer, seconds: f64) -> i64 {
    plan.rate.frame_at(seconds) - layer.first
}

/// From black, which is 16, to white, which is 235.
pub const LUMA: i32 = 219;

/// How much of the ground is seen, of [`LUMA`], by what luma is on black and on white.
pub fn through(on_black: u8, on_white: u8) -> i32 {
    (i32::from(on_white) - i32::from(on_black)).clamp(0, LUMA)
}

/// What is to be seen on both grounds alike, premultiplied by how much of it.
pub fn matte(on_black: &Picture, on_white: &Picture, sprite: &mut Sprite) {
    let (width, height) = (sprite.width(), sprite.height());
    let (planes, Some(alphas)) = sprite.parts_mut() else { return };
    for y in 0..height {
        let (black, white) = (on_black.row(0, y), on_white.row(0, y));
        let out = y * width..(y + 1) * width;
        let pixels = planes[0][out.clone()].iter_mut().zip(&mut alphas[0][out]);
        for ((value, alpha), (black, white)) in pixels.zip(black.iter().zip(white)) {
            let through = through(*black, *white);
            *alpha = (255 - (through * 255 + LUMA / 2) / LUMA) as u8;
            *value = (i32::from(*black) - (16 * through + LUMA / 2) / LUMA).max(0) as u8;
        }
    }
    let half = width / 2;
    for y in 0..height / 2 {
        for x in 0..half {
            let at = |dx: usize, dy: usize| u32::from(alphas[0][(2 * y + dy) * width + 2 * x + dx]);
            let alpha = (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1) + 2) / 4;
            alphas[1][y * half + x] = alpha as u8;
            let ground = (128 * (255 - alpha as i32) + 127) / 255;
            for (plane, out) in planes.iter_mut().enumerate().skip(1) {
                out[y * half + x] = (i32::from(on_black.row(plane, y)[x]) - ground).max(0) as u8;
            }
        }
    }
    sprite.look_at_spans();
}
