//! CONTAIN_BLUR: a picture lies whole within a box, over its own blurred copy that fills it.

use super::{
    effects, nested,
    plan::{Area, Part, Pose},
    sprite::{self, Raster, Sprite},
    warp,
};
use crate::{
    domain::{
        geometry::{self, Fit, Rect},
        look::Crop,
    },
    media::{Decoded, Excerpt, Form, MediaError, Picture, Scaler, Smoothness, Source},
};

/// The copy is this many times smaller than the box while it is blurred: nobody sees it sharp.
pub const SMALLER: u32 = 8;

/// The blur's standard deviation in a box, pixels: 2 % of its height, and one pixel of the small copy at the least.
pub fn sigma(height: u32) -> f64 {
    (0.02 * f64::from(height)).max(SMALLER.into())
}

/// Draws the pictures of one clip.
pub struct Backdrop<F: Form> {
    /// `None` where it is too narrow to be seen.
    front: Option<Front<F>>,
    whole: Excerpt,
    back: Scaler<F>,
    part: Excerpt,
    small: Picture<F>,
    /// Of the small copy.
    sigma: (f64, f64),
}

/// The picture itself.
struct Front<F: Form> {
    /// Where it lies in the box.
    inner: Area,
    scaler: Scaler<F>,
    contained: Picture<F>,
}

/// Where a source of `size` lies whole within a box, and the part of it that fills the box.
pub fn places(size: (f64, f64), (width, height): (u32, u32)) -> (Option<Area>, Part) {
    let bounds = Rect::of_size(f64::from(width), f64::from(height));
    let inner = Area::nearest(&geometry::fit(Fit::Contain, size, &bounds), width, height);
    let outer = geometry::fit(Fit::Cover, size, &bounds);
    let across = |x: f64| (x - outer.x) / outer.width;
    let down = |y: f64| (y - outer.y) / outer.height;
    (inner, (across(0.0), down(0.0), across(bounds.width), down(bounds.height)))
}

impl<F: Form> Backdrop<F> {
    pub fn new(source: (f64, f64), crop: Crop, size: (u32, u32), from: Source) -> Result<Self, MediaError> {
        let (inner, part) = places(crop.of(source), size);
        let small = [size.0, size.1].map(|edge| (edge / SMALLER).next_multiple_of(2).max(16));
        let of_small = |small: u32, edge: u32| sigma(size.1) * f64::from(small) / f64::from(edge);
        let front = |inner: Area| {
            let (width, height) = (inner.width as u32, inner.height as u32);
            let scaler = Scaler::new(width, height, from, Smoothness::Bicubic);
            Ok::<_, MediaError>(Front { inner, scaler, contained: Picture::new(width, height)? })
        };
        let within = crop.unfold((0.0, 0.0, 1.0, 1.0));
        Ok(Self {
            front: inner.map(front).transpose()?,
            whole: Excerpt { part: within, within },
            back: Scaler::new(small[0], small[1], from, Smoothness::Bilinear),
            part: Excerpt { part: crop.unfold(part), within },
            small: Picture::new(small[0], small[1])?,
            sigma: (of_small(small[0], size.0), of_small(small[1], size.1)),
        })
    }

    pub fn draw(&mut self, decoded: &Decoded, out: &mut Picture<F>) -> Result<(), MediaError> {
        self.back.scale(decoded, &self.part, &mut self.small)?;
        effects::blur(&mut self.small, self.sigma);
        warp::draw(out, &self.small, &Pose::filling(out.width(), out.height()), 1.0);
        if let Some(Front { inner, scaler, contained }) = &mut self.front {
            scaler.scale(decoded, &self.whole, contained)?;
            sprite::put(out, contained, inner, 256);
        }
        Ok(())
    }

    /// The same of pictures with alpha: found as what is to be seen of a composition.
    pub fn draw_clear(&mut self, decoded: &Decoded, out: &mut Sprite<F>) -> Result<(), MediaError> {
        let mut back = Sprite::clear(self.small.width(), self.small.height());
        let alpha = self.back.scale_clear(decoded, &self.part, &mut self.small)?;
        back.take(&self.small, alpha);
        effects::blur(&mut back, self.sigma);
        let mut front = None;
        if let Some(Front { inner, scaler, contained }) = &mut self.front {
            let alpha = scaler.scale_clear(decoded, &self.whole, contained)?;
            let sprite = front.insert((Sprite::clear(inner.width, inner.height), (inner.x, inner.y)));
            sprite.0.take(contained, alpha);
        }
        let (width, height) = (out.width(), out.height());
        *out = nested::shape(|ground| {
            let mut canvas = Picture::new(width as u32, height as u32)?;
            canvas.fill(sprite::yuv::<F>(ground));
            warp::draw(&mut canvas, &back, &Pose::filling(width, height), 1.0);
            if let Some((front, corner)) = &front {
                front.put(&mut canvas, *corner, 256);
            }
            Ok::<_, MediaError>(canvas)
        })?;
        Ok(())
    }
}
