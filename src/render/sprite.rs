//! Pictures that are put on the canvas, in the canvas's own form: made once, drawn every frame.

use image::RgbaImage;

use super::{blend, plan::Area};
use crate::{domain::paint::Color, media::Picture};

/// Planar YUV 4:2:0, BT.709 limited range, perhaps with alpha, by which it is then premultiplied. Plane 0 is luma, 1 and 2 are
/// Cb and Cr at half the size.
pub trait Raster {
    fn width(&self) -> usize;
    fn height(&self) -> usize;
    fn row(&self, plane: usize, y: usize) -> &[u8];
    fn row_mut(&mut self, plane: usize, y: usize) -> &mut [u8];
    /// Alpha at the size of luma (0) or chroma (1); `None` where all is opaque.
    fn alpha_row(&self, half: usize, y: usize) -> Option<&[u8]>;
    /// The whole of alpha, to be changed, with its width; `None` where all is opaque. Then [`Self::alpha_changed`].
    fn alpha_mut(&mut self, half: usize) -> Option<(&mut [u8], usize)>;
    fn alpha_changed(&mut self);
}

impl Raster for Picture {
    fn width(&self) -> usize {
        Picture::width(self)
    }

    fn height(&self) -> usize {
        Picture::height(self)
    }

    fn row(&self, plane: usize, y: usize) -> &[u8] {
        Picture::row(self, plane, y)
    }

    fn row_mut(&mut self, plane: usize, y: usize) -> &mut [u8] {
        Picture::row_mut(self, plane, y)
    }

    fn alpha_row(&self, _: usize, _: usize) -> Option<&[u8]> {
        None
    }

    fn alpha_mut(&mut self, _: usize) -> Option<(&mut [u8], usize)> {
        None
    }

    fn alpha_changed(&mut self) {}
}

/// A picture of ours; its edges are even.
pub struct Sprite {
    width: usize,
    height: usize,
    planes: [Vec<u8>; 3],
    alphas: Option<[Vec<u8>; 2]>,
    /// The columns of each luma row between its first and last visible pixel; empty for a clear row.
    spans: Vec<(usize, usize)>,
}

impl Raster for Sprite {
    fn width(&self) -> usize {
        self.width
    }

    fn height(&self) -> usize {
        self.height
    }

    fn row(&self, plane: usize, y: usize) -> &[u8] {
        let width = self.width >> usize::from(plane > 0);
        &self.planes[plane][y * width..][..width]
    }

    fn row_mut(&mut self, plane: usize, y: usize) -> &mut [u8] {
        let width = self.width >> usize::from(plane > 0);
        &mut self.planes[plane][y * width..][..width]
    }

    fn alpha_row(&self, half: usize, y: usize) -> Option<&[u8]> {
        let width = self.width >> half;
        self.alphas.as_ref().map(|alphas| &alphas[half][y * width..][..width])
    }

    fn alpha_mut(&mut self, half: usize) -> Option<(&mut [u8], usize)> {
        let width = self.width >> half;
        self.alphas.as_mut().map(|alphas| (alphas[half].as_mut_slice(), width))
    }

    fn alpha_changed(&mut self) {
        self.look_at_spans();
    }
}

impl Sprite {
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
        for y in (0..height).step_by(2) {
            for x in (0..width).step_by(2) {
                sprite.set_block(image, x, y);
            }
        }
        sprite.look();
        sprite
    }

    /// Nothing to be seen, yet.
    pub fn clear(width: usize, height: usize) -> Self {
        let (luma, chroma) = (width * height, width * height / 4);
        Self {
            width,
            height,
            planes: [vec![0; luma], vec![0; chroma], vec![0; chroma]],
            alphas: Some([vec![0; luma], vec![0; chroma]]),
            spans: vec![(0, 0); height],
        }
    }

    /// Luma's alpha, chroma's alpha and the planes, to be written; then [`Self::look`] again.
    pub fn parts_mut(&mut self) -> (&mut [Vec<u8>; 3], Option<&mut [Vec<u8>; 2]>) {
        (&mut self.planes, self.alphas.as_mut())
    }

    /// Looks where there is something to be seen, after a change of alpha.
    pub fn look(&mut self) {
        let opaque = self.alphas.as_ref().is_none_or(|alphas| alphas[0].iter().all(|alpha| *alpha == 255));
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
        for (y, span) in self.spans.iter_mut().enumerate() {
            let row = &alphas[0][y * self.width..][..self.width];
            let first = row.iter().position(|alpha| *alpha > 0);
            let last = row.iter().rposition(|alpha| *alpha > 0);
            *span = first.zip(last).map_or((0, 0), |(first, last)| (first, last + 1));
        }
    }

    /// Becomes a picture of its own size that is premultiplied by `alpha`, which lies row by row.
    pub fn take(&mut self, picture: &Picture, alpha: &[u8]) {
        let (width, half) = (self.width, self.width / 2);
        for plane in 0..3 {
            for y in 0..picture.plane_height(plane) {
                self.row_mut(plane, y).copy_from_slice(picture.row(plane, y));
            }
        }
        let Some([luma, chroma]) = &mut self.alphas else { return };
        luma.copy_from_slice(alpha);
        for (at, mean) in chroma.iter_mut().enumerate() {
            let corner = at / half * 2 * width + at % half * 2;
            let four = [0, 1, width, width + 1].map(|further| u16::from(alpha[corner + further]));
            *mean = ((four.iter().sum::<u16>() + 2) / 4) as u8;
        }
        self.look_at_spans();
    }

    /// Two by two pixels: four of luma, one of chroma.
    fn set_block(&mut self, image: &RgbaImage, x: usize, y: usize) {
        let Some(alphas) = &mut self.alphas else { return };
        let mut mean = [0f32; 4];
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let [r, g, b, alpha] = image.get_pixel((x + dx) as u32, (y + dy) as u32).0.map(f32::from);
            let share = alpha / 255.0;
            let pixel = [r * share, g * share, b * share, alpha];
            let at = (y + dy) * self.width + x + dx;
            self.planes[0][at] = yuv_of_premultiplied(pixel)[0];
            alphas[0][at] = alpha as u8;
            for (sum, value) in mean.iter_mut().zip(pixel) {
                *sum += value / 4.0;
            }
        }
        let at = y / 2 * (self.width / 2) + x / 2;
        let [_, cb, cr] = yuv_of_premultiplied(mean);
        (self.planes[1][at], self.planes[2][at]) = (cb, cr);
        alphas[1][at] = mean[3].round() as u8;
    }

    /// Puts it on the canvas with its corner at an even pixel, within which it lies whole, at an opacity in 256ths.
    pub fn put(&self, canvas: &mut Picture, corner: (usize, usize), weight: u32) {
        for y in 0..self.height {
            self.put_row(canvas, corner, 0, y, self.spans[y], weight);
        }
        for y in 0..self.height / 2 {
            let span = union(self.spans[y * 2], self.spans[y * 2 + 1]);
            for plane in 1..3 {
                self.put_row(canvas, corner, plane, y, (span.0 / 2, span.1.div_ceil(2)), weight);
            }
        }
    }

    fn put_row(&self, canvas: &mut Picture, (x, y0): (usize, usize), plane: usize, y: usize, span: (usize, usize), weight: u32) {
        let (from, to) = span;
        if from >= to {
            return;
        }
        let half = usize::from(plane > 0);
        let above = &self.row(plane, y)[from..to];
        let below = &mut canvas.row_mut(plane, (y0 >> half) + y)[(x >> half) + from..(x >> half) + to];
        match self.alpha_row(half, y) {
            Some(alpha) => blend::over_row(below, above, &alpha[from..to], weight),
            None => blend::mix_row(below, above, weight),
        }
    }
}

/// Copies or mixes a picture into its area of the canvas.
pub fn put(canvas: &mut Picture, picture: &Picture, shown: &Area, weight: u32) {
    for plane in 0..3 {
        let half = usize::from(plane > 0);
        let (x, y) = (shown.x >> half, shown.y >> half);
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

/// BT.709, limited range (ITU-R BT.709-6, 3.2 to 3.5), of a colour premultiplied by its alpha; all 0…255.
fn yuv_of_premultiplied([r, g, b, alpha]: [f32; 4]) -> [u8; 3] {
    let luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let y = 16.0 / 255.0 * alpha + luma * 219.0 / 255.0;
    let cb = 128.0 / 255.0 * alpha + (b - luma) / 1.8556 * 224.0 / 255.0;
    let cr = 128.0 / 255.0 * alpha + (r - luma) / 1.5748 * 224.0 / 255.0;
    // A cast holds itself within 0 and 255; rounding by a call would cost more than all before.
    [y, cb, cr].map(|value| (value + 0.5) as u8)
}

/// An opaque colour's Y, Cb and Cr.
pub fn yuv(color: Color) -> [u8; 3] {
    yuv_of_premultiplied([f32::from(color.red), f32::from(color.green), f32::from(color.blue), 255.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primaries_are_those_of_bt709() {
        let rgb = |red, green, blue| yuv(Color { red, green, blue, alpha: 255 });
        assert_eq!(rgb(0, 0, 0), [16, 128, 128]);
        assert_eq!(rgb(255, 255, 255), [235, 128, 128]);
        assert_eq!(rgb(255, 0, 0), [63, 102, 240]);
        assert_eq!(rgb(0, 255, 0), [173, 42, 26]);
        assert_eq!(rgb(0, 0, 255), [32, 240, 118]);
    }

    #[test]
    fn a_half_clear_still_leaves_half_of_what_is_below() {
        let mut canvas = Picture::new(16, 16).unwrap();
        canvas.fill(yuv(Color::BLACK));
        let image = RgbaImage::from_pixel(4, 4, image::Rgba([255, 255, 255, 128]));
        Sprite::of(&image).put(&mut canvas, (2, 2), 256);
        let luma = i32::from(canvas.row(0, 3)[3]);
        assert!((luma - 126).abs() <= 1, "{luma}");
        assert_eq!(canvas.row(0, 3)[1], 16);
        assert!((i32::from(canvas.row(1, 1)[1]) - 128).abs() <= 1);
    }

    #[test]
    fn an_odd_image_gets_a_clear_edge() {
        let sprite = Sprite::of(&RgbaImage::from_pixel(3, 1, image::Rgba([255, 255, 255, 255])));
        assert_eq!((sprite.width(), sprite.height()), (4, 2));
        assert_eq!(sprite.alpha_row(0, 0).unwrap(), [255, 255, 255, 0]);
        assert_eq!(sprite.alpha_row(0, 1).unwrap(), [0; 4]);
    }
}
