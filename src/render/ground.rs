//! What frames are composed on: the output's background; or, where that is not opaque and the file can say so, nothing.

use super::{RenderError, compositor::Compositor, nested, plan::Plan, sprite};
use crate::{
    domain::paint::Color,
    media::{Form, MediaError, Picture, Sample},
};

/// The ground of one run of frames. Lives on one thread.
pub enum Ground<F: Form> {
    Opaque,
    /// Frames have alpha: each is composed on black and on white ([`nested`] says why), and then put on the background.
    Clear {
        background: Color,
        on_white: Picture<F>,
    },
}

impl<F: Form> Ground<F> {
    pub fn of(plan: &Plan, keeps_alpha: bool) -> Result<Self, MediaError> {
        match keeps_alpha {
            false => Ok(Ground::Opaque),
            true => Ok(Ground::Clear { background: plan.background, on_white: Picture::new(plan.width, plan.height)? }),
        }
    }

    /// A canvas for it.
    pub fn canvas(&self, plan: &Plan) -> Result<Picture<F>, MediaError> {
        match self {
            Ground::Opaque => Picture::new(plan.width, plan.height),
            Ground::Clear { .. } => Picture::with_alpha(plan.width, plan.height),
        }
    }

    /// Draws frame `number` on a canvas of any content. Numbers only go forward.
    pub fn compose(&mut self, compositor: &mut Compositor<F>, number: i64, canvas: &mut Picture<F>) -> Result<(), RenderError> {
        match self {
            Ground::Opaque => compositor.compose(number, canvas),
            Ground::Clear { background, on_white } => {
                compositor.compose_on(number, Color::BLACK, canvas)?;
                compositor.compose_on(number, Color::WHITE, on_white)?;
                see_through(canvas, on_white, *background);
                Ok(())
            }
        }
    }
}

/// Makes what was composed on black what lies on a background that is not opaque, with alpha, not premultiplied.
fn see_through<F: Form>(canvas: &mut Picture<F>, on_white: &Picture<F>, background: Color) {
    let below = sprite::yuv::<F>(background).map(Sample::float);
    let ground_alpha = f32::from(background.alpha) / 255.0;
    let opaque = F::Sample::MAX.float();
    let (width, shared) = (canvas.width(), 1 << F::SHARED);
    let black = sprite::yuv::<F>(Color::BLACK).map(Sample::float);
    // How much of the ground is seen, of each pixel of luma, as many rows at a time as share Cb and Cr.
    let mut seen = vec![vec![0.0f32; width]; shared];
    for y in 0..canvas.plane_height(1) {
        for (row, seen) in seen.iter_mut().enumerate() {
            let y = shared * y + row;
            let grounds = canvas.row(0, y).iter().zip(on_white.row(0, y));
            for (seen, (black, white)) in seen.iter_mut().zip(grounds) {
                *seen = nested::through(*black, *white) as f32 / nested::luma::<F::Sample>() as f32;
            }
            for (value, seen) in canvas.row_mut(0, y).iter_mut().zip(&*seen) {
                *value = straight(*value, *seen, black[0], below[0], ground_alpha);
            }
            for (alpha, seen) in canvas.row_mut(3, y).iter_mut().zip(&*seen) {
                *alpha = F::Sample::rounded(opaque * (1.0 - seen * (1.0 - ground_alpha)));
            }
        }
        for plane in [1, 2] {
            for (x, value) in canvas.row_mut(plane, y).iter_mut().enumerate() {
                let sum: f32 = seen.iter().flat_map(|row| &row[shared * x..shared * (x + 1)]).sum();
                *value = straight(*value, sum / (shared * shared) as f32, black[plane], below[plane], ground_alpha);
            }
        }
    }
}

/// A value without the black through which it was seen, over a background, and without its alpha.
fn straight<S: Sample>(on_black: S, seen: f32, black: f32, below: f32, ground_alpha: f32) -> S {
    let alpha = 1.0 - seen * (1.0 - ground_alpha);
    if alpha < 0.5 / S::MAX.float() {
        return S::rounded(black);
    }
    let premultiplied = on_black.float() - black * seen + below * ground_alpha * seen;
    S::rounded((premultiplied / alpha).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Yuv420;

    #[test]
    fn half_of_red_on_nothing_is_red_of_half() {
        let red = sprite::yuv::<Yuv420>(Color { red: 255, green: 0, blue: 0, alpha: 255 });
        let (black, white) = (sprite::yuv::<Yuv420>(Color::BLACK), sprite::yuv::<Yuv420>(Color::WHITE));
        let half = |ground: [u8; 3]| [0, 1, 2].map(|at| ((u16::from(red[at]) + u16::from(ground[at])) / 2) as u8);
        let mut canvas = Picture::<Yuv420>::with_alpha(16, 16).unwrap();
        let mut on_white = Picture::new(16, 16).unwrap();
        canvas.fill(half(black));
        on_white.fill(half(white));
        see_through(&mut canvas, &on_white, Color { red: 0, green: 0, blue: 0, alpha: 0 });
        let got = [0, 1, 2].map(|plane| canvas.row(plane, 3)[3]);
        assert!(got.iter().zip(red).all(|(got, red)| got.abs_diff(red) <= 2), "{got:?} {red:?}");
        assert!(canvas.row(3, 3)[3].abs_diff(128) <= 1);
    }

    #[test]
    fn a_background_that_is_half_clear_lies_below() {
        let (black, white) = (sprite::yuv::<Yuv420>(Color::BLACK), sprite::yuv::<Yuv420>(Color::WHITE));
        let mut canvas = Picture::<Yuv420>::with_alpha(16, 16).unwrap();
        let mut on_white = Picture::new(16, 16).unwrap();
        canvas.fill(black);
        on_white.fill(white);
        let background = Color { red: 0, green: 0, blue: 255, alpha: 128 };
        see_through(&mut canvas, &on_white, background);
        assert_eq!([0, 1, 2].map(|plane| canvas.row(plane, 3)[3]), sprite::yuv::<Yuv420>(background));
        assert_eq!(canvas.row(3, 3)[3], 128);
    }
}
