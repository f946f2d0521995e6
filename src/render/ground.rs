//! What frames are composed on: the output's background; or, where that is not opaque and the file can say so, nothing.

use super::{RenderError, compositor::Compositor, nested, plan::Plan, sprite};
use crate::{
    domain::paint::Color,
    media::{MediaError, Picture},
};

/// The ground of one run of frames. Lives on one thread.
pub enum Ground {
    Opaque,
    /// Frames have alpha: each is composed on black and on white ([`nested`] says why), and then put on the background.
    Clear {
        background: Color,
        on_white: Picture,
    },
}

impl Ground {
    pub fn of(plan: &Plan, keeps_alpha: bool) -> Result<Self, MediaError> {
        match keeps_alpha {
            false => Ok(Ground::Opaque),
            true => Ok(Ground::Clear { background: plan.background, on_white: Picture::new(plan.width, plan.height)? }),
        }
    }

    /// A canvas for it.
    pub fn canvas(&self, plan: &Plan) -> Result<Picture, MediaError> {
        match self {
            Ground::Opaque => Picture::new(plan.width, plan.height),
            Ground::Clear { .. } => Picture::with_alpha(plan.width, plan.height),
        }
    }

    /// Draws frame `number` on a canvas of any content. Numbers only go forward.
    pub fn compose(&mut self, compositor: &mut Compositor, number: i64, canvas: &mut Picture) -> Result<(), RenderError> {
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
fn see_through(canvas: &mut Picture, on_white: &Picture, background: Color) {
    let below = sprite::yuv(background).map(f32::from);
    let ground_alpha = f32::from(background.alpha) / 255.0;
    let width = canvas.width();
    // How much of the ground is seen, of each pixel of luma, two rows at a time.
    let mut seen = [vec![0.0f32; width], vec![0.0f32; width]];
    for y in 0..canvas.height() / 2 {
        for (row, seen) in seen.iter_mut().enumerate() {
            let y = 2 * y + row;
            let grounds = canvas.row(0, y).iter().zip(on_white.row(0, y));
            for (seen, (black, white)) in seen.iter_mut().zip(grounds) {
                *seen = nested::through(*black, *white) as f32 / nested::LUMA as f32;
            }
            for (value, seen) in canvas.row_mut(0, y).iter_mut().zip(&*seen) {
                *value = straight(*value, *seen, 16.0, below[0], ground_alpha);
            }
            for (alpha, seen) in canvas.row_mut(3, y).iter_mut().zip(&*seen) {
                *alpha = (255.0 * (1.0 - seen * (1.0 - ground_alpha))).round() as u8;
            }
        }
        for plane in [1, 2] {
            for (x, value) in canvas.row_mut(plane, y).iter_mut().enumerate() {
                let mean = (seen[0][2 * x] + seen[0][2 * x + 1] + seen[1][2 * x] + seen[1][2 * x + 1]) / 4.0;
                *value = straight(*value, mean, 128.0, below[plane], ground_alpha);
            }
        }
    }
}

/// A value without the black through which it was seen, over a background, and without its alpha.
fn straight(on_black: u8, seen: f32, black: f32, below: f32, ground_alpha: f32) -> u8 {
    let alpha = 1.0 - seen * (1.0 - ground_alpha);
    if alpha < 0.5 / 255.0 {
        return black as u8;
    }
    let premultiplied = f32::from(on_black) - black * seen + below * ground_alpha * seen;
    (premultiplied / alpha).round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_red_on_nothing_is_red_of_half() {
        let red = sprite::yuv(Color { red: 255, green: 0, blue: 0, alpha: 255 });
        let (black, white) = (sprite::yuv(Color::BLACK), sprite::yuv(Color::WHITE));
        let half = |ground: [u8; 3]| [0, 1, 2].map(|at| ((u16::from(red[at]) + u16::from(ground[at])) / 2) as u8);
        let mut canvas = Picture::with_alpha(16, 16).unwrap();
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
        let (black, white) = (sprite::yuv(Color::BLACK), sprite::yuv(Color::WHITE));
        let mut canvas = Picture::with_alpha(16, 16).unwrap();
        let mut on_white = Picture::new(16, 16).unwrap();
        canvas.fill(black);
        on_white.fill(white);
        let background = Color { red: 0, green: 0, blue: 255, alpha: 128 };
        see_through(&mut canvas, &on_white, background);
        assert_eq!([0, 1, 2].map(|plane| canvas.row(plane, 3)[3]), sprite::yuv(background));
        assert_eq!(canvas.row(3, 3)[3], 128);
    }
}
