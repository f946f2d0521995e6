//! What is drawn for an element's box: an image, and where on the canvas it lies.

use image::RgbaImage;
use tiny_skia::{
    BlendMode, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, PathSegment, Pixmap, PixmapPaint, Point,
    PremultipliedColorU8, Stroke, Transform,
};

use super::{blur::blur_plane, plan::Area};
use crate::domain::{
    composition::Shadow,
    geometry::{Length, Rect},
    paint::Color,
};

/// The longest edge of a drawing, pixels.
const MAX_EDGE: f64 = 8_192.0;

/// An image of straight alpha.
pub struct Drawing {
    pub image: RgbaImage,
    /// Where it lies, in pixels of the canvas; larger or smaller than the image where it was drawn for another scale.
    pub rect: Rect,
}

/// Where a drawing may lie.
#[derive(Clone, Copy, Default)]
pub struct Room<'a> {
    /// Beyond this nothing of it is seen.
    pub within: Option<&'a Rect>,
    /// What is kept clear around it, for effects that spread it.
    pub margin: f64,
}

/// Paper for a part of the canvas, drawn on at some scale.
pub struct Paper {
    pub pixels: Pixmap,
    /// Of the canvas's pixels; even, and whole pixels of the paper.
    origin: (f64, f64),
    scale: f64,
}

impl Paper {
    /// For all of a rectangle, in pixels of the canvas: `within` some bounds, or as far as it is not absurdly large.
    pub fn around(rect: &Rect, scale: f64, within: Option<&Rect>) -> Option<Self> {
        let rect = within.map_or(*rect, |bounds| rect.intersection(bounds));
        if rect.is_empty() {
            return None;
        }
        let scale = scale.min(MAX_EDGE / rect.width.max(rect.height).max(1.0));
        let origin = ((rect.x / 2.0).floor() * 2.0, (rect.y / 2.0).floor() * 2.0);
        let edge = |end: f64, start: f64| ((end - start) * scale).ceil().clamp(1.0, MAX_EDGE + 2.0) as u32;
        let pixels = Pixmap::new(edge(rect.right(), origin.0), edge(rect.bottom(), origin.1))?;
        Some(Self { pixels, origin, scale })
    }

    /// From the canvas's pixels to the paper's.
    pub fn transform(&self) -> Transform {
        let scale = self.scale as f32;
        Transform::from_translate(-self.origin.0 as f32, -self.origin.1 as f32).post_scale(scale, scale)
    }

    /// How large one of the canvas's pixels is here.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    pub fn fill(&mut self, path: &Path, paint: &Paint) {
        self.pixels.fill_path(path, paint, FillRule::Winding, self.transform(), None);
    }

    /// Draws the outlines of paths as one: where they lie over each other, what is clear is so once. `hollow`: but not within them.
    pub fn stroke(&mut self, paths: &[Path], color: Color, width: f64, hollow: bool) {
        let Some(mut outlines) = Pixmap::new(self.pixels.width(), self.pixels.height()) else { return };
        let opaque = paint(Color { alpha: 255, ..color });
        let stroke = Stroke { width: width as f32, line_join: LineJoin::Round, line_cap: LineCap::Round, ..Stroke::default() };
        for path in paths.iter().flat_map(|path| unhollow(path, width as f32)) {
            outlines.stroke_path(&path, &opaque, &stroke, self.transform(), None);
        }
        let without = Paint { blend_mode: BlendMode::DestinationOut, ..opaque.clone() };
        for path in paths.iter().filter(|_| hollow) {
            outlines.fill_path(path, &without, FillRule::Winding, self.transform(), None);
        }
        let clear = PixmapPaint { opacity: f32::from(color.alpha) / 255.0, ..PixmapPaint::default() };
        self.pixels.draw_pixmap(0, 0, outlines.as_ref(), &clear, Transform::identity(), None);
    }

    /// Whether a point is on it or within so many pixels of it.
    pub fn is_near(&self, (x, y): (i32, i32), reach: f32) -> bool {
        let near = |at: i32, edge: u32| (-reach..=edge as f32 + reach).contains(&(at as f32));
        near(x, self.pixels.width()) && near(y, self.pixels.height())
    }

    /// Puts a pixel of straight alpha over the paper's.
    pub fn put(&mut self, x: i32, y: i32, [red, green, blue, alpha]: [u8; 4]) {
        let (width, height) = (self.pixels.width() as i32, self.pixels.height() as i32);
        if alpha == 0 || !(0..width).contains(&x) || !(0..height).contains(&y) {
            return;
        }
        let below = &mut self.pixels.pixels_mut()[(y * width + x) as usize];
        let (share, rest) = (u32::from(alpha), 255 - u32::from(alpha));
        let over = |above: u8, below: u8| ((u32::from(above) * share + u32::from(below) * rest + 127) / 255) as u8;
        let covered = over(255, below.alpha());
        let mixed = [over(red, below.red()), over(green, below.green()), over(blue, below.blue())];
        // No part exceeds what is covered but by rounding.
        let [red, green, blue] = mixed.map(|value| value.min(covered));
        if let Some(pixel) = PremultipliedColorU8::from_rgba(red, green, blue, covered) {
            *below = pixel;
        }
    }

    /// Puts the soft copy of a shape, at the same scale, onto it.
    pub fn cast(&mut self, shadow: &Shadow, canvas_height: f64, shape: &Self) {
        let (width, height) = (shape.pixels.width() as usize, shape.pixels.height() as usize);
        let mut alpha: Vec<u8> = shape.pixels.pixels().iter().map(|pixel| pixel.alpha()).collect();
        let sigma = shadow.blur.resolve(canvas_height) * self.scale;
        if sigma > 0.3 {
            blur_plane(&mut alpha, width, height, (sigma, sigma));
        }
        let by = |length: Length| (length.resolve(canvas_height) * self.scale).round() as i32;
        let apart = |one: f64, other: f64| ((one - other) * self.scale).round() as i32;
        let dx = by(shadow.x) + apart(shape.origin.0, self.origin.0);
        let dy = by(shadow.y) + apart(shape.origin.1, self.origin.1);
        for (at, coverage) in alpha.iter().enumerate().filter(|(_, coverage)| **coverage > 0) {
            let (x, y) = ((at % width) as i32 + dx, (at / width) as i32 + dy);
            self.put(x, y, covered(*coverage, shadow.color));
        }
    }

    /// The part of it that has anything in it, and a margin, in pixels of the canvas; `None` where nothing has. At the canvas's
    /// own scale its corner is an even pixel.
    pub fn finish(self, margin: f64) -> Option<Drawing> {
        let (width, height) = (self.pixels.width(), self.pixels.height());
        let seen = self.pixels.pixels().iter().enumerate().filter(|(_, pixel)| pixel.alpha() > 0);
        let (left, top, right, bottom) = seen.fold((width, height, 0, 0), |(left, top, right, bottom), (at, _)| {
            let (x, y) = (at as u32 % width, at as u32 / width);
            (left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1))
        });
        if left >= right {
            return None;
        }
        let margin = (margin * self.scale).ceil() as u32;
        let (left, top) = (left.saturating_sub(margin) & !1, top.saturating_sub(margin) & !1);
        let (right, bottom) = ((right + margin).min(width), (bottom + margin).min(height));
        let image = RgbaImage::from_fn(right - left, bottom - top, |x, y| {
            let at = (y + top) * width + x + left;
            let color = self.pixels.pixels()[at as usize].demultiply();
            image::Rgba([color.red(), color.green(), color.blue(), color.alpha()])
        });
        let on_canvas = |pixels: u32| f64::from(pixels) / self.scale;
        let rect = Rect {
            x: self.origin.0 + on_canvas(left),
            y: self.origin.1 + on_canvas(top),
            // The sprite's edges are even.
            width: on_canvas(image.width().next_multiple_of(2)),
            height: on_canvas(image.height().next_multiple_of(2)),
        };
        Some(Drawing { image, rect })
    }
}

impl Drawing {
    /// Whether its pixels are those of the canvas: what is very large is drawn smaller.
    pub fn is_to_scale(&self) -> bool {
        let drawn = [self.image.width(), self.image.height()].map(|edge| f64::from(edge.next_multiple_of(2)));
        drawn == [self.rect.width, self.rect.height]
    }

    /// What of a drawing at the canvas's own scale lies on the canvas, and its corner there.
    pub fn on_canvas(self, width: u32, height: u32) -> Option<(RgbaImage, (usize, usize))> {
        let area = Area::around(&self.rect, width, height)?;
        let whole = area.rect() == self.rect;
        let corner = (area.x, area.y);
        if whole {
            return Some((self.image, corner));
        }
        let mut part = RgbaImage::new(area.width as u32, area.height as u32);
        let (x, y) = (self.rect.x - area.x as f64, self.rect.y - area.y as f64);
        image::imageops::replace(&mut part, &self.image, x as i64, y as i64);
        Some((part, corner))
    }
}

/// Paths whose outlines of a width are those of a path, without the hole that one has which is wider than the path itself: its inner
/// edge comes out on the other side, and takes away what lies between. Of lines that are each by themselves none does.
fn unhollow(path: &Path, width: f32) -> Vec<Path> {
    let mut paths = Vec::new();
    let mut contour = PathBuilder::new();
    for segment in path.segments() {
        match segment {
            PathSegment::MoveTo(to) => {
                paths.extend(std::mem::take(&mut contour).finish());
                contour.move_to(to.x, to.y);
            }
            PathSegment::LineTo(to) => contour.line_to(to.x, to.y),
            PathSegment::QuadTo(by, to) => contour.quad_to(by.x, by.y, to.x, to.y),
            PathSegment::CubicTo(first, second, to) => contour.cubic_to(first.x, first.y, second.x, second.y, to.x, to.y),
            PathSegment::Close => contour.close(),
        }
    }
    paths.extend(contour.finish());
    let is_narrow = |path: &Path| path.bounds().width().min(path.bounds().height()) < width;
    let lines = |path: Path| if is_narrow(&path) { apart(&path) } else { Some(path) };
    paths.into_iter().filter_map(lines).collect()
}

/// One contour as lines that are each by themselves.
fn apart(path: &Path) -> Option<Path> {
    /// Lines of a curve: of one of some pixels enough.
    const LINES: usize = 12;
    let mut out = PathBuilder::new();
    let (mut start, mut at) = (Point::zero(), Point::zero());
    let mut line = |from: &mut Point, to: Point| {
        out.move_to(from.x, from.y);
        out.line_to(to.x, to.y);
        *from = to;
    };
    let mix = |points: &[Point], weights: &[f32]| {
        let sum = |of: fn(&Point) -> f32| points.iter().zip(weights).map(|(point, weight)| of(point) * weight).sum::<f32>();
        Point::from_xy(sum(|point| point.x), sum(|point| point.y))
    };
    let shares = || (1..=LINES).map(|index| index as f32 / LINES as f32).map(|share| (1.0 - share, share));
    for segment in path.segments() {
        let from = at;
        match segment {
            PathSegment::MoveTo(to) => (start, at) = (to, to),
            PathSegment::LineTo(to) => line(&mut at, to),
            PathSegment::QuadTo(by, to) => {
                shares().for_each(|(a, b)| line(&mut at, mix(&[from, by, to], &[a * a, 2.0 * a * b, b * b])));
            }
            PathSegment::CubicTo(first, second, to) => shares().for_each(|(a, b)| {
                let weights = [a * a * a, 3.0 * a * a * b, 3.0 * a * b * b, b * b * b];
                line(&mut at, mix(&[from, first, second, to], &weights));
            }),
            PathSegment::Close => line(&mut at, start),
        }
    }
    out.finish()
}

/// A pixel in a colour, as far as it is covered.
pub fn covered(coverage: u8, color: Color) -> [u8; 4] {
    let alpha = (u16::from(coverage) * u16::from(color.alpha) + 127) / 255;
    [color.red, color.green, color.blue, alpha as u8]
}

/// A colour to draw with.
pub fn paint<'a>(color: Color) -> Paint<'a> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(color.red, color.green, color.blue, color.alpha);
    paint
}

/// A rectangle with round corners.
pub fn rounded(rect: &Rect, radius: f64) -> Option<Path> {
    let (left, top, right, bottom) = (rect.x as f32, rect.y as f32, rect.right() as f32, rect.bottom() as f32);
    let whole = tiny_skia::Rect::from_ltrb(left, top, right, bottom)?;
    let radius = radius.min(rect.width / 2.0).min(rect.height / 2.0) as f32;
    if radius <= 0.0 {
        return Some(PathBuilder::from_rect(whole));
    }
    // The cubic's nearest to a quarter of a circle.
    let pull = radius * (1.0 - 0.552_284_8);
    let mut path = PathBuilder::new();
    path.move_to(left + radius, top);
    path.line_to(right - radius, top);
    path.cubic_to(right - pull, top, right, top + pull, right, top + radius);
    path.line_to(right, bottom - radius);
    path.cubic_to(right, bottom - pull, right - pull, bottom, right - radius, bottom);
    path.line_to(left + radius, bottom);
    path.cubic_to(left + pull, bottom, left, bottom - pull, left, bottom - radius);
    path.line_to(left, top + radius);
    path.cubic_to(left, top + pull, left + pull, top, left + radius, top);
    path.close();
    path.finish()
}
