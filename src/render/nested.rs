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
    reduced::Kept,
    sprite::{self, Raster, Sprite},
};
use crate::{
    domain::paint::Color,
    media::{Form, MediaError, Picture, Sample, Smoothness},
};

/// Composes one, frame after frame. Lives on one thread.
pub struct Nested<'a, F: Form> {
    ready: &'a Ready<'a>,
    compositor: Compositor<'a, F>,
    on_black: Picture<F>,
    /// Where something is to be seen through.
    clear: Option<(Picture<F>, Sprite<F>)>,
    effects: Option<Effects>,
    shown: Option<i64>,
    /// What was made of the picture that is shown to draw it smaller.
    reduced: Kept<F>,
}

impl<'a, F: Form> Nested<'a, F> {
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
        Ok(Self { ready, compositor, on_black: Picture::new(width, height)?, clear, effects, shown: None, reduced: None })
    }

    /// The picture of a frame of its own, and what is kept beside it; their numbers only go forward.
    pub fn at(&mut self, number: i64) -> Result<(Shown<'_, F>, &mut Kept<F>), RenderError> {
        let number = number.clamp(0, self.ready.plan.frames - 1);
        let before = self.shown.replace(number);
        let is_shown = before == Some(number) || before == Some(number - 1) && self.ready.repeats(number);
        if !is_shown {
            self.reduced = None;
            self.compositor.compose_on(number, Color::BLACK, &mut self.on_black)?;
            if let Some((on_white, sprite)) = &mut self.clear {
                self.compositor.compose_on(number, Color::WHITE, on_white)?;
                matte(&self.on_black, on_white, sprite);
                sprite.go_on_beyond(self.ready.plan.extent);
            }
            match (&self.effects, &mut self.clear) {
                (Some(effects), Some((_, sprite))) => effects.apply(sprite),
                (Some(effects), None) => effects.apply(&mut self.on_black),
                (None, _) => {}
            }
        }
        let shown = match &self.clear {
            Some((_, sprite)) => Shown::Keyed(sprite),
            None => Shown::Opaque(&self.on_black),
        };
        Ok((shown, &mut self.reduced))
    }
}

/// The frame of a nested composition that is seen at a time of the outer one.
pub fn frame_of(plan: &Plan, layer: &Layer, seconds: f64) -> i64 {
    plan.rate.frame_at(seconds) - layer.first
}

/// From black, which is 16 in 8 bits, to white, which is 235.
pub fn luma<S: Sample>() -> i32 {
    219 << S::FINER
}

/// How much of the ground is seen, of [`luma`], by what luma is on black and on white.
pub fn through<S: Sample>(on_black: S, on_white: S) -> i32 {
    (on_white.int() - on_black.int()).clamp(0, luma::<S>())
}

/// What is drawn by itself, whatever the ground: `on` draws it on one.
pub fn shape<F: Form, E>(mut on: impl FnMut(Color) -> Result<Picture<F>, E>) -> Result<Sprite<F>, E> {
    let (on_black, on_white) = (on(Color::BLACK)?, on(Color::WHITE)?);
    let mut shape = Sprite::clear(on_black.width(), on_black.height());
    matte(&on_black, &on_white, &mut shape);
    Ok(shape)
}

/// What is to be seen on both grounds alike, premultiplied by how much of it.
pub fn matte<F: Form>(on_black: &Picture<F>, on_white: &Picture<F>, sprite: &mut Sprite<F>) {
    let (width, opaque) = (sprite.width(), F::Sample::MAX.int());
    let [grounds, whites] = [Color::BLACK, Color::WHITE].map(sprite::yuv::<F>);
    let [ground, grey, _] = grounds.map(Sample::int);
    let luma = luma::<F::Sample>();
    // Most rows of most show nothing but the ground.
    let empty = [grounds[0], whites[0]].map(|ground| vec![ground; width]);
    let (planes, Some(alphas)) = sprite.parts_mut() else { return };
    let rows = planes[0].chunks_exact_mut(width).zip(alphas[0].chunks_exact_mut(width));
    for (y, (values, alphas)) in rows.enumerate() {
        let (black, white) = (on_black.row(0, y), on_white.row(0, y));
        if black == empty[0] && white == empty[1] {
            values.fill(F::Sample::default());
            alphas.fill(F::Sample::default());
            continue;
        }
        for ((value, alpha), (black, white)) in values.iter_mut().zip(alphas).zip(black.iter().zip(white)) {
            let through = through(*black, *white);
            *alpha = F::Sample::of(opaque - (through * opaque + luma / 2) / luma);
            *value = F::Sample::of((*black).int() - (ground * through + luma / 2) / luma);
        }
    }
    sprite.share_alpha();
    let (planes, Some(alphas)) = sprite.parts_mut() else { return };
    for plane in [1, 2] {
        let across = on_black.plane_width(plane);
        let rows = planes[plane].chunks_exact_mut(across).zip(alphas[F::SHARED].chunks_exact(across));
        for (y, (out, alpha)) in rows.enumerate() {
            for ((out, alpha), black) in out.iter_mut().zip(alpha).zip(on_black.row(plane, y)) {
                let ground = (grey * (opaque - (*alpha).int()) + opaque / 2) / opaque;
                *out = F::Sample::of((*black).int() - ground);
            }
        }
    }
}
