//! Pictures that are put on the canvas, in the canvas's own form: made once, drawn every frame.

use image::RgbaImage;

use super::{blend, plan::Area};
use crate::{
    domain::paint::Color,
    media::{Form, Picture, Sample, bt709},
};

/// Planar YUV, BT.709 limited range, perhaps with alpha, by which it is then premultiplied. Plane 0 is luma, 1 and 2 are
/// Cb and Cr, as large as the form has them.
pub trait Rows {
    type Form: Form;

    /// Pixels across in a plane.
    fn plane_width(&self, plane: usize) -> usize;
    /// Rows in a plane.
    fn plane_height(&self, plane: usize) -> usize;
    fn row(&self, plane: usize, y: usize) -> &[SampleOf<Self>];
    /// Alpha of what a plane's row holds; `None` where all is opaque.
    fn alpha_row(&self, plane: usize, y: usize) -> Option<&[SampleOf<Self>]>;

    /// The part of a plane that holds something, pixels across and down.
    fn plane_size(&self, plane: usize) -> (f64, f64) {
        (self.plane_width(plane) as f64, self.plane_height(plane) as f64)
    }
}

/// The same, to be changed.
pub trait Raster: Rows {
    fn width(&self) -> usize;
    fn height(&self) -> usize;
    fn row_mut(&mut self, plane: usize, y: usize) -> &mut [SampleOf<Self>];
    /// The whole of alpha of luma (0) or of Cb and Cr (1), to be changed, with its width; `None` where all is opaque. Then
    /// [`Self::alpha_changed`].
    fn alpha_mut(&mut self, plane: usize) -> Option<(&mut [SampleOf<Self>], usize)>;
    fn alpha_changed(&mut self);
}

/// The first pixels of a picture whose own edges are even.
pub struct Within<'a, R> {
    pub rows: &'a R,
    /// How many, across and down; the last may be a part of one.
    pub extent: (f64, f64),
}

impl<R: Rows> Rows for Within<'_, R> {
    type Form = R::Form;

    fn plane_width(&self, plane: usize) -> usize {
        self.rows.plane_width(plane)
    }

    fn plane_height(&self, plane: usize) -> usize {
        self.rows.plane_height(plane)
    }

    fn row(&self, plane: usize, y: usize) -> &[SampleOf<Self>] {
        self.rows.row(plane, y)
    }

    fn alpha_row(&self, plane: usize, y: usize) -> Option<&[SampleOf<Self>]> {
        self.rows.alpha_row(plane, y)
    }

    fn plane_size(&self, plane: usize) -> (f64, f64) {
        let share = f64::from(1u8 << R::Form::shift(plane));
        (self.extent.0 / share, self.extent.1 / share)
    }
}

/// What a raster's planes hold.
pub type SampleOf<R> = <<R as Rows>::Form as Form>::Sample;

impl<F: Form> Rows for Picture<F> {
    type Form = F;

    fn plane_width(&self, plane: usize) -> usize {
        Picture::plane_width(self, plane)
    }

    fn plane_height(&self, plane: usize) -> usize {
        Picture::plane_height(self, plane)
    }

    fn row(&self, plane: usize, y: usize) -> &[F::Sample] {
        Picture::row(self, plane, y)
    }

    fn alpha_row(&self, _: usize, _: usize) -> Option<&[F::Sample]> {
        None
    }
}

impl<F: Form> Raster for Picture<F> {
    fn width(&self) -> usize {
        Picture::width(self)
    }

    fn height(&self) -> usize {
        Picture::height(self)
    }

    fn row_mut(&mut self, plane: usize, y: usize) -> &mut [F::Sample] {
        Picture::row_mut(self, plane, y)
    }

    fn alpha_mut(&mut self, _: usize) -> Option<(&mut [F::Sample], usize)> {
        None
    }

    fn alpha_changed(&mut self) {}
}

type Planes<F, const COUNT: usize> = [Vec<<F as Form>::Sample>; COUNT];

/// A picture of ours; its edges are even.
pub struct Sprite<F: Form> {
    width: usize,
    height: usize,
    planes: Planes<F, 3>,
    /// Of luma; and of Cb and Cr, where those are smaller.
    alphas: Option<Planes<F, 2>>,
    /// The columns of each luma row between its first and last visible pixel; empty for a clear row.
    spans: Vec<(usize, usize)>,
}

impl<F: Form> Rows for Sprite<F> {
    type Form = F;

    fn plane_width(&self, plane: usize) -> usize {
        self.width >> F::shift(plane)
    }

    fn plane_height(&self, plane: usize) -> usize {
        self.height >> F::shift(plane)
    }

    fn row(&self, plane: usize, y: usize) -> &[F::Sample] {
        let width = self.plane_width(plane);
        &self.planes[plane][y * width..][..width]
    }

    fn alpha_row(&self, plane: usize, y: usize) -> Option<&[F::Sample]> {
        let width = self.plane_width(plane);
        self.alphas.as_ref().map(|alphas| &alphas[plane.min(F::SHARED)][y * width..][..width])
    }
}

impl<F: Form> Raster for Sprite<F> {
    fn width(&self) -> usize {
        self.width
    }

    fn height(&self) -> usize {
        self.height
    }

    fn row_mut(&mut self, plane: usize, y: usize) -> &mut [F::Sample] {
        let width = self.plane_width(plane);
        &mut self.planes[plane][y * width..][..width]
    }

    fn alpha_mut(&mut self, plane: usize) -> Option<(&mut [F::Sample], usize)> {
        let width = self.plane_width(plane);
        self.alphas.as_mut().map(|alphas| (alphas[plane.min(F::SHARED)].as_mut_slice(), width))
    }

    fn alpha_changed(&mut self) {
        self.look_at_spans();
    }
}

impl<F: Form> Sprite<F> {
    /// From an image of straight alpha; odd edges get a clear pixel more.
    pub fn of(image: &RgbaImage) -> Self {
        let (width, height) = (image.width().next_multiple_of(2) as usize, image.height().next_multiple_of(2) as usize);
        let padded;
        let image = if (width, height) == (image.width() as usize, image.height() as usize) {
            image
        } else {
            let mut larger = RgbaImage::new(width as u32, height as u32);
            image::imageops::replace(&mut larger, image, 0, 0);
            padded = larger;
            &padded
        };
        let mut sprite = Self::clear(width, height);
        for y in (0..height).step_by(1 << F::SHARED) {
            for x in (0..width).step_by(1 << F::SHARED) {
                sprite.set_block(image, x, y);
            }
        }
        sprite.look();
        sprite
    }

    /// Nothing to be seen, yet.
    pub fn clear(width: usize, height: usize) -> Self {
        let plane = |shift: usize| vec![F::Sample::default(); (width >> shift) * (height >> shift)];
        Self {
            width,
            height,
            planes: [plane(0), plane(F::SHARED), plane(F::SHARED)],
            alphas: Some([plane(0), if F::SHARED == 0 { Vec::new() } else { plane(F::SHARED) }]),
            spans: vec![(0, 0); height],
        }
    }

    /// The planes, and alpha of luma and, where those are smaller, of Cb and Cr; to be written, then [`Self::look`] again.
    pub fn parts_mut(&mut self) -> (&mut Planes<F, 3>, Option<&mut Planes<F, 2>>) {
        (&mut self.planes, self.alphas.as_mut())
    }

    /// Looks where there is something to be seen, after a change of alpha.
    pub fn look(&mut self) {
        let opaque = self.alphas.as_ref().is_none_or(|alphas| alphas[0].iter().all(|alpha| *alpha == F::Sample::MAX));
        if opaque {
            self.alphas = None;
            self.spans.fill((0, self.width));
        } else {
            self.look_at_spans();
        }
    }

    /// The same, where alpha is to stay, whatever it is.
    pub fn look_at_spans(&mut self) {
        let Some(alphas) = &self.alphas else { return };
        let clear = vec![F::Sample::default(); self.width];
        for (row, span) in alphas[0].chunks_exact(self.width).zip(&mut self.spans) {
            let is_seen = |alpha: &F::Sample| *alpha > F::Sample::default();
            // Whole rows are compared quickly.
            let ends = (row != clear).then(|| row.iter().position(is_seen).zip(row.iter().rposition(is_seen))).flatten();
            *span = ends.map_or((0, 0), |(first, last)| (first, last + 1));
        }
    }

    /// Becomes a picture of its own size that is premultiplied by `alpha`, which lies row by row.
    pub fn take(&mut self, picture: &Picture<F>, alpha: &[F::Sample]) {
        for plane in 0..3 {
            for y in 0..picture.plane_height(plane) {
                self.row_mut(plane, y).copy_from_slice(picture.row(plane, y));
            }
        }
        if let Some([luma, _]) = &mut self.alphas {
            luma.copy_from_slice(alpha);
            self.share_alpha();
        }
    }

    /// Becomes a colour in its shape.
    pub fn paint(&mut self, color: Color) {
        let color = yuv::<F>(color);
        let Some(alphas) = &self.alphas else { return };
        for (plane, values) in self.planes.iter_mut().enumerate() {
            for (value, alpha) in values.iter_mut().zip(&alphas[plane.min(F::SHARED)]) {
                *value = color[plane].scaled(*alpha);
            }
        }
    }

    /// Makes alpha of Cb and Cr the mean of luma's, after a change of that.
    pub fn share_alpha(&mut self) {
        let (width, across) = (self.width, self.plane_width(1));
        if let Some([luma, chroma]) = &mut self.alphas {
            for (alphas, rows) in chroma.chunks_exact_mut(across).zip(luma.chunks_exact(width * 2)) {
                let (upper, lower) = rows.split_at(width);
                for (alpha, (upper, lower)) in alphas.iter_mut().zip(upper.chunks_exact(2).zip(lower.chunks_exact(2))) {
                    let sum = upper[0].int() + upper[1].int() + lower[0].int() + lower[1].int();
                    *alpha = F::Sample::of((sum + 2) / 4);
                }
            }
        }
        self.look_at_spans();
    }

    /// Makes what the first pixels show, so many across and down, go on to its edges, which nothing is drawn on: those share Cb and Cr
    /// with what is seen.
    pub fn go_on_beyond(&mut self, extent: (f64, f64)) {
        let (across, down) = (extent.0.ceil() as usize, extent.1.ceil() as usize);
        let Some(alphas) = self.alphas.as_mut().filter(|_| across < self.width || down < self.height) else { return };
        let before = alphas[1].clone();
        let [luma, cb, cr] = &mut self.planes;
        let of_pixels = if F::SHARED == 0 { vec![luma, cb, cr, &mut alphas[0]] } else { vec![luma, &mut alphas[0]] };
        for plane in of_pixels {
            plane.chunks_exact_mut(self.width).for_each(|row| row.copy_within(across - 1..across, self.width - 1));
            plane.copy_within((down - 1) * self.width..down * self.width, (self.height - 1) * self.width);
        }
        self.share_alpha();
        let Some([_, after]) = &self.alphas else { return };
        for plane in &mut self.planes[1..] {
            // None of what is seen is left with less than its own.
            for (value, (before, after)) in
                plane.iter_mut().zip(before.iter().zip(after)).filter(|(_, (before, after))| before < after)
            {
                let before = before.int().max(1);
                *value = F::Sample::of(((*value).int() * after.int() + before / 2) / before);
            }
        }
    }

    /// The pixels that have Cb and Cr in common.
    fn set_block(&mut self, image: &RgbaImage, x: usize, y: usize) {
        let Some(alphas) = &mut self.alphas else { return };
        let of_chroma = (y >> F::SHARED) * (self.width >> F::SHARED) + (x >> F::SHARED);
        let opaque = F::Sample::MAX.float();
        let alpha_of = |alpha: f32| F::Sample::rounded(alpha * (opaque / 255.0));
        let mut mean = [0f32; 4];
        let mut pixel_at = |dx: usize, dy: usize| {
            let [r, g, b, alpha] = image.get_pixel((x + dx) as u32, (y + dy) as u32).0.map(f32::from);
            let share = alpha / 255.0;
            let pixel = [r * share, g * share, b * share, alpha];
            let at = (y + dy) * self.width + x + dx;
            let yuv = yuv_of_premultiplied::<F>(pixel);
            self.planes[0][at] = yuv[0];
            alphas[0][at] = alpha_of(alpha);
            mean.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value / 4.0);
            yuv
        };
        let mut yuv = pixel_at(0, 0);
        if F::SHARED > 0 {
            for (dx, dy) in [(1, 0), (0, 1), (1, 1)] {
                pixel_at(dx, dy);
            }
            yuv = yuv_of_premultiplied::<F>(mean);
            alphas[1][of_chroma] = alpha_of(mean[3]);
        }
        [self.planes[1][of_chroma], self.planes[2][of_chroma]] = [yuv[1], yuv[2]];
    }

    /// Puts it on the canvas with its corner at an even pixel, within which it lies whole, at an opacity in 256ths.
    pub fn put(&self, canvas: &mut Picture<F>, corner: (usize, usize), weight: u32) {
        for y in 0..self.height {
            self.put_row(canvas, corner, 0, y, self.spans[y], weight);
        }
        for y in 0..self.plane_height(1) {
            let rows = (y << F::SHARED)..(y + 1) << F::SHARED;
            let span = self.spans[rows].iter().copied().reduce(union).unwrap_or((0, 0));
            for plane in 1..3 {
                self.put_row(canvas, corner, plane, y, (span.0 >> F::SHARED, span.1.div_ceil(1 << F::SHARED)), weight);
            }
        }
    }

    fn put_row(
        &self,
        canvas: &mut Picture<F>,
        (x, y0): (usize, usize),
        plane: usize,
        y: usize,
        (from, to): (usize, usize),
        weight: u32,
    ) {
        if from >= to {
            return;
        }
        let shift = F::shift(plane);
        let above = &self.row(plane, y)[from..to];
        let below = &mut canvas.row_mut(plane, (y0 >> shift) + y)[(x >> shift) + from..(x >> shift) + to];
        match self.alpha_row(plane, y) {
            Some(alpha) => blend::over_row(below, above, &alpha[from..to], weight),
            None => blend::mix_row(below, above, weight),
        }
    }
}

/// Copies or mixes a picture into its area of the canvas.
pub fn put<F: Form>(canvas: &mut Picture<F>, picture: &Picture<F>, shown: &Area, weight: u32) {
    for plane in 0..3 {
        let shift = F::shift(plane);
        let (x, y) = (shown.x >> shift, shown.y >> shift);
        for row in 0..picture.plane_height(plane) {
            let above = picture.row(plane, row);
            let below = &mut canvas.row_mut(plane, y + row)[x..x + above.len()];
            if weight >= 256 { below.copy_from_slice(above) } else { blend::mix_row(below, above, weight) }
        }
    }
}

fn union(a: (usize, usize), b: (usize, usize)) -> (usize, usize) {
    match (a.0 < a.1, b.0 < b.1) {
        (true, true) => (a.0.min(b.0), a.1.max(b.1)),
        (true, false) => a,
        _ => b,
    }
}

/// Of a colour premultiplied by its alpha; all 0…255.
fn yuv_of_premultiplied<F: Form>(color: [f32; 4]) -> [F::Sample; 3] {
    let [red, green, blue, alpha] = color.map(|value| value / 255.0);
    bt709::stored([red, green, blue], alpha).map(|value| F::Sample::rounded(value * (1 << F::Sample::FINER) as f32))
}

/// An opaque colour's Y, Cb and Cr.
pub fn yuv<F: Form>(color: Color) -> [F::Sample; 3] {
    yuv_of_premultiplied::<F>([f32::from(color.red), f32::from(color.green), f32::from(color.blue), 255.0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Yuv420;

    #[test]
    fn the_primaries_are_those_of_bt709() {
        let rgb = |red, green, blue| yuv::<Yuv420>(Color { red, green, blue, alpha: 255 });
        assert_eq!(rgb(0, 0, 0), [16, 128, 128]);
        assert_eq!(rgb(255, 255, 255), [235, 128, 128]);
        assert_eq!(rgb(255, 0, 0), [63, 102, 240]);
        assert_eq!(rgb(0, 255, 0), [173, 42, 26]);
        assert_eq!(rgb(0, 0, 255), [32, 240, 118]);
    }

    #[test]
    fn a_half_clear_still_leaves_half_of_what_is_below() {
        let mut canvas = Picture::<Yuv420>::new(16, 16).unwrap();
        canvas.fill(yuv::<Yuv420>(Color::BLACK));
        let image = RgbaImage::from_pixel(4, 4, image::Rgba([255, 255, 255, 128]));
        Sprite::<Yuv420>::of(&image).put(&mut canvas, (2, 2), 256);
        let luma = i32::from(canvas.row(0, 3)[3]);
        assert!((luma - 126).abs() <= 1, "{luma}");
        assert_eq!(canvas.row(0, 3)[1], 16);
        assert!((i32::from(canvas.row(1, 1)[1]) - 128).abs() <= 1);
    }

    #[test]
    fn an_odd_image_gets_a_clear_edge() {
        let sprite = Sprite::<Yuv420>::of(&RgbaImage::from_pixel(3, 1, image::Rgba([255, 255, 255, 255])));
        assert_eq!((sprite.width(), sprite.height()), (4, 2));
        assert_eq!(sprite.alpha_row(0, 0).unwrap(), [255, 255, 255, 0]);
        assert_eq!(sprite.alpha_row(0, 1).unwrap(), [0; 4]);
    }
}
