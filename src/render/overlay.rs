//! A still with alpha in the canvas's own form: made once, blended every frame.

use image::RgbaImage;

use super::{blend, plan::Area};
use crate::{domain::paint::Color, media::Picture};

/// Planar YUV 4:2:0 premultiplied by its alpha, BT.709 limited range, and where on the canvas it lies.
pub struct Overlay {
    area: Area,
    /// Y, Cb, Cr.
    planes: [Vec<u8>; 3],
    /// Alpha at the size of luma, and averaged at that of chroma.
    alphas: [Vec<u8>; 2],
    /// The columns of each luma row between its first and last visible pixel; empty for a clear row.
    spans: Vec<(usize, usize)>,
    pub opaque: bool,
}

impl Overlay {
    /// From an image of straight alpha as large as `area`.
    pub fn new(image: &RgbaImage, area: Area) -> Self {
        let (width, height) = (area.width, area.height);
        let mut overlay = Self {
            area,
            planes: [vec![0; width * height], vec![0; width * height / 4], vec![0; width * height / 4]],
            alphas: [vec![0; width * height], vec![0; width * height / 4]],
            spans: vec![(0, 0); height],
            opaque: image.pixels().all(|pixel| pixel.0[3] == 255),
        };
        for y in (0..height).step_by(2) {
            for x in (0..width).step_by(2) {
                overlay.set_block(image, x, y);
            }
        }
        for y in 0..height {
            let row = &overlay.alphas[0][y * width..][..width];
            let first = row.iter().position(|alpha| *alpha > 0);
            let last = row.iter().rposition(|alpha| *alpha > 0);
            overlay.spans[y] = first.zip(last).map_or((0, 0), |(first, last)| (first, last + 1));
        }
        overlay
    }

    /// Two by two pixels: four of luma, one of chroma.
    fn set_block(&mut self, image: &RgbaImage, x: usize, y: usize) {
        let width = self.area.width;
        let mut mean = [0f32; 4];
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let [r, g, b, alpha] = image.get_pixel((x + dx) as u32, (y + dy) as u32).0.map(f32::from);
            let share = alpha / 255.0;
            let pixel = [r * share, g * share, b * share, alpha];
            let at = (y + dy) * width + x + dx;
            self.planes[0][at] = yuv_of_premultiplied(pixel)[0];
            self.alphas[0][at] = alpha as u8;
            for (sum, value) in mean.iter_mut().zip(pixel) {
                *sum += value / 4.0;
            }
        }
        let at = y / 2 * (width / 2) + x / 2;
        let [_, cb, cr] = yuv_of_premultiplied(mean);
        (self.planes[1][at], self.planes[2][at]) = (cb, cr);
        self.alphas[1][at] = mean[3].round() as u8;
    }

    /// Puts it on the canvas, at an opacity in 256ths.
    pub fn draw(&self, canvas: &mut Picture, weight: u32) {
        for y in 0..self.area.height {
            self.draw_row(canvas, 0, y, self.spans[y], weight);
        }
        for y in 0..self.area.height / 2 {
            let (upper, lower) = (self.spans[y * 2], self.spans[y * 2 + 1]);
            let span = union(upper, lower);
            for plane in 1..3 {
                self.draw_row(canvas, plane, y, (span.0 / 2, span.1.div_ceil(2)), weight);
            }
        }
    }

    fn draw_row(&self, canvas: &mut Picture, plane: usize, y: usize, (from, to): (usize, usize), weight: u32) {
        if from >= to {
            return;
        }
        let half = usize::from(plane > 0);
        let width = self.area.width >> half;
        let (x0, y0) = (self.area.x >> half, self.area.y >> half);
        let above = &self.planes[plane][y * width..][from..to];
        let alpha = &self.alphas[half][y * width..][from..to];
        let below = &mut canvas.row_mut(plane, y0 + y)[x0 + from..x0 + to];
        if self.opaque { blend::mix_row(below, above, weight) } else { blend::over_row(below, above, alpha, weight) }
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
    [y, cb, cr].map(|value| value.round().clamp(0.0, 255.0) as u8)
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
        Overlay::new(&image, Area { x: 2, y: 2, width: 4, height: 4 }).draw(&mut canvas, 256);
        let luma = i32::from(canvas.row(0, 3)[3]);
        assert!((luma - 126).abs() <= 1, "{luma}");
        assert_eq!(canvas.row(0, 3)[1], 16);
        assert!((i32::from(canvas.row(1, 1)[1]) - 128).abs() <= 1);
    }
}
