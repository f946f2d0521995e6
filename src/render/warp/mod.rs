//! Draws a sprite where its pose says: at any place, size and angle, between pixels too. Where it is drawn larger than it is, samples
//! are interpolated between their four neighbours; where smaller, each is the mean of what its pixel covers, so that nothing beats or
//! flickers as it moves; at its own size both are the same. Edges are as opaque as the share of the pixel that they cover.

mod turned;

use super::{
    blend,
    plan::Pose,
    reduced::{Kept, Reduced},
    sprite::{Rows, SampleOf},
};
use crate::{
    domain::geometry::Rect,
    media::{Form, Picture, Sample},
};

/// Draws a picture at an opacity, 0…1.
pub fn draw<R: Rows>(canvas: &mut Picture<R::Form>, picture: &R, pose: &Pose, opacity: f64) {
    if is_seen(pose, opacity) {
        match Reduced::factors(picture, pose) {
            (1, 1) => put_whole(canvas, picture, pose, opacity),
            factors => put_whole(canvas, &Reduced::of(picture, factors), pose, opacity),
        }
    }
}

/// The same of a picture that is drawn often: `kept` is what was made of it the last time.
pub fn draw_again<R: Rows>(canvas: &mut Picture<R::Form>, picture: &R, kept: &mut Kept<R::Form>, pose: &Pose, opacity: f64) {
    if is_seen(pose, opacity) {
        match Reduced::factors(picture, pose) {
            (1, 1) => put_whole(canvas, picture, pose, opacity),
            factors => {
                let reduced =
                    kept.take_if(|kept| kept.factors == factors).unwrap_or_else(|| Box::new(Reduced::of(picture, factors)));
                put_whole(canvas, &**kept.insert(reduced), pose, opacity);
            }
        }
    }
}

/// Whether anything is to be seen of what is drawn so, wherever it lies.
pub fn is_seen(pose: &Pose, opacity: f64) -> bool {
    opacity > 0.0 && !pose.window.is_empty() && !pose.sprite.is_empty()
}

fn put_whole<R: Rows>(canvas: &mut Picture<R::Form>, sprite: &R, pose: &Pose, opacity: f64) {
    for plane in 0..3 {
        let on = Plane::of(canvas, sprite, pose, plane);
        if pose.angle == 0.0 { upright(canvas, sprite, &on, opacity) } else { turned::draw(canvas, sprite, pose, &on, opacity) }
    }
}

/// The rectangles of a pose in the pixels of one plane.
struct Plane {
    plane: usize,
    /// How many pixels of the canvas one of the plane is.
    step: f64,
    width: usize,
    height: usize,
    window: Rect,
    corner: f64,
    /// Pixels of the sprite's plane, and whether it is flipped, across and down.
    across: Axis,
    down: Axis,
}

/// From a place on the canvas to one on the sprite, one way.
#[derive(Clone, Copy)]
struct Axis {
    start: f64,
    length: f64,
    /// What lies there, in pixels of the sprite, and how many it takes.
    extent: f64,
    pixels: usize,
    flip: bool,
}

/// A pixel of a sprite, and how much of it and of the two after it is seen in one of the canvas, in 256ths. Those past the last are it.
#[derive(Clone, Copy)]
struct Taps {
    first: usize,
    weights: [u16; 3],
}

impl Taps {
    /// The weights of pixels of which a stretch begins within the first and is so long, up to two.
    fn spread(start: f64, length: f64) -> [u16; 3] {
        // Up to a pixel's end, of what is seen: rounded so that all is 256.
        let until = |end: f64| ((end - start).min(length) / length * 256.0).round() as u16;
        [until(1.0), until(2.0) - until(1.0), until(3.0) - until(2.0)]
    }

    /// The pixel that is seen alone.
    fn whole(&self) -> Option<usize> {
        let step = self.weights.iter().position(|weight| *weight == 256)?;
        Some(self.first + step)
    }

    /// The sum of what is seen, of pixels up to the last.
    #[inline(always)]
    fn weigh(&self, last: usize, value: impl Fn(usize) -> u32) -> u32 {
        let seen = self.weights.iter().enumerate().filter(|(_, weight)| **weight > 0);
        seen.map(|(step, weight)| value((self.first + step).min(last)) * u32::from(*weight)).sum()
    }
}

impl Axis {
    /// How many pixels of the sprite one of the canvas covers: more than two only of a sprite that is tiny.
    fn reach(&self) -> f64 {
        (self.extent / self.length).min(2.0)
    }

    fn at(&self, place: f64) -> Taps {
        let share = (place - self.start) / self.length;
        let share = if self.flip { 1.0 - share } else { share };
        let last = self.pixels as f64 - 1.0;
        let from = (share * self.extent - 0.5).clamp(0.0, last);
        let reach = self.reach();
        if reach > 1.0 { self.covered(from + 0.5, reach) } else { self.between(from) }
    }

    /// The pixel to the left of a place, and the one to the right.
    fn between(&self, from: f64) -> Taps {
        let fixed = (from * 256.0).round() as usize;
        // One pixel has no neighbour.
        let first = (fixed >> 8).min(self.pixels.saturating_sub(2));
        let share = (fixed - (first << 8)) as u16;
        Taps { first, weights: [256 - share, share, 0] }
    }

    /// What lies around a place, as far as it reaches.
    fn covered(&self, middle: f64, reach: f64) -> Taps {
        let last = self.pixels - 1;
        let from = middle - reach / 2.0;
        let lowest = from.floor();
        let first = (lowest.max(0.0) as usize).min(last.saturating_sub(2));
        let mut weights = [0; 3];
        for (step, weight) in Taps::spread(from - lowest, reach).into_iter().enumerate() {
            let pixel = lowest + step as f64;
            weights[(pixel.max(0.0) as usize).min(last) - first] += weight;
        }
        Taps { first, weights }
    }
}

impl Plane {
    fn of<R: Rows>(canvas: &Picture<R::Form>, sprite: &R, pose: &Pose, plane: usize) -> Self {
        let step = f64::from(1u8 << R::Form::shift(plane));
        let rect = |rect: &Rect| rect.scaled(1.0 / step, (0.0, 0.0));
        let placed = rect(&pose.sprite);
        let extent = sprite.plane_size(plane);
        let (pixels, rows) = (sprite.plane_width(plane), sprite.plane_height(plane));
        Self {
            plane,
            step,
            width: canvas.plane_width(plane),
            height: canvas.plane_height(plane),
            window: rect(&pose.window),
            corner: pose.corner / step,
            across: Axis { start: placed.x, length: placed.width, extent: extent.0, pixels, flip: pose.flip.0 },
            down: Axis { start: placed.y, length: placed.height, extent: extent.1, pixels: rows, flip: pose.flip.1 },
        }
    }

    /// How much of the pixel around a place lies within the window, 0…1: by its distance from the window's edge.
    fn coverage(&self, x: f64, y: f64) -> f64 {
        let window = &self.window;
        let (half_width, half_height) = (window.width / 2.0, window.height / 2.0);
        let corner = self.corner.min(half_width).min(half_height);
        let dx = (x - window.x - half_width).abs() - (half_width - corner);
        let dy = (y - window.y - half_height).abs() - (half_height - corner);
        if corner > 0.0 && dx > 0.0 && dy > 0.0 {
            return (corner - dx.hypot(dy) + 0.5).clamp(0.0, 1.0);
        }
        let inside = |distance: f64| (corner - distance + 0.5).clamp(0.0, 1.0);
        inside(dx) * inside(dy)
    }
}

/// How much of each of `count` pixels lies between two edges, in 256ths.
fn covered(start: f64, end: f64, first: usize, count: usize) -> Vec<u32> {
    let share = |pixel: usize| {
        let left = pixel as f64;
        ((end.min(left + 1.0) - start.max(left)).clamp(0.0, 1.0) * 256.0).round() as u32
    };
    (first..first + count).map(share).collect()
}

/// Rows and columns of the sprite are those of the canvas: what belongs to a column is worked out once.
fn upright<R: Rows>(canvas: &mut Picture<R::Form>, sprite: &R, on: &Plane, opacity: f64) {
    let whole = |edge: f64, most: usize| edge.clamp(0.0, most as f64) as usize;
    let (left, right) = (whole(on.window.x.floor(), on.width), whole(on.window.right().ceil(), on.width));
    let (top, bottom) = (whole(on.window.y.floor(), on.height), whole(on.window.bottom().ceil(), on.height));
    if left >= right || top >= bottom {
        return;
    }
    let columns: Vec<Taps> = (left..right).map(|x| on.across.at(x as f64 + 0.5)).collect();
    let straight = straight(&columns);
    let is_smaller = on.across.reach() > 1.0;
    let edges = covered(on.window.x, on.window.right(), left, right - left);
    let rows = covered(on.window.y, on.window.bottom(), top, bottom - top);
    let blank = vec![SampleOf::<R>::default(); right - left];
    let (mut between, mut line, mut alpha) = (Vec::new(), blank.clone(), blank);
    let across = |between: &[Wide<R>], out: &mut [SampleOf<R>]| {
        if is_smaller { mean(between, &columns, out) } else { lerp(between, &columns, out) }
    };
    let mut bring = |rows: [&[SampleOf<R>]; 3], taps: &Taps, out: &mut [SampleOf<R>]| match (straight, taps.whole()) {
        // Pixel by pixel.
        (Some(first), Some(row)) => out.copy_from_slice(&rows[row - taps.first][first..][..out.len()]),
        _ => {
            join(rows, taps.weights, &mut between);
            across(&between, out);
        }
    };
    for y in top..bottom {
        let taps = on.down.at(y as f64 + 0.5);
        let last = on.down.pixels - 1;
        let row = |step: usize| (taps.first + step).min(last);
        bring([0, 1, 2].map(|step| sprite.row(on.plane, row(step))), &taps, &mut line);
        let has_alpha = match [0, 1, 2].map(|step| sprite.alpha_row(on.plane, row(step))) {
            [Some(one), Some(two), Some(three)] => {
                bring([one, two, three], &taps, &mut alpha);
                true
            }
            _ => false,
        };
        let below = &mut canvas.row_mut(on.plane, y)[left..right];
        let row_weight = opacity * f64::from(rows[y - top]) / 256.0;
        let middle = y as f64 + 0.5;
        let rounded =
            on.corner > 0.0 && (middle < on.window.y + on.corner + 1.0 || middle > on.window.bottom() - on.corner - 1.0);
        if rounded {
            for x in 0..below.len() {
                let weight = blend::weight(opacity * on.coverage((left + x) as f64 + 0.5, middle));
                put(&mut below[x..=x], &line[x..=x], has_alpha.then_some(&alpha[x..=x]), weight);
            }
            continue;
        }
        let inner = edges.iter().position(|edge| *edge == 256).unwrap_or(edges.len());
        let outer = edges.iter().rposition(|edge| *edge == 256).map_or(inner, |last| last + 1);
        put(&mut below[inner..outer], &line[inner..outer], has_alpha.then_some(&alpha[inner..outer]), blend::weight(row_weight));
        for x in (0..inner).chain(outer..edges.len()) {
            let weight = blend::weight(row_weight * f64::from(edges[x]) / 256.0);
            put(&mut below[x..=x], &line[x..=x], has_alpha.then_some(&alpha[x..=x]), weight);
        }
    }
}

/// Where columns begin that are pixels one after the other.
fn straight(columns: &[Taps]) -> Option<usize> {
    let first = columns.first()?.whole()?;
    columns.iter().enumerate().all(|(step, taps)| taps.whole() == Some(first + step)).then_some(first)
}

/// What rows of samples become before they are divided by 256.
type Wide<R> = <SampleOf<R> as Sample>::Wide;

/// One row of several of the sprite, and twice its last pixel more, for who has no neighbour.
fn join<S: Sample>(rows: [&[S]; 3], weights: [u16; 3], out: &mut Vec<S::Wide>) {
    let [one, two, three] = weights.map(S::Wide::from);
    out.clear();
    let pairs = rows[0].iter().zip(rows[1]);
    match weights[2] {
        0 => out.extend(pairs.map(|(&a, &b)| S::Wide::from(a) * one + S::Wide::from(b) * two)),
        _ => out.extend(
            pairs.zip(rows[2]).map(|((&a, &b), &c)| S::Wide::from(a) * one + S::Wide::from(b) * two + S::Wide::from(c) * three),
        ),
    }
    if let Some(&last) = out.last() {
        out.extend([last, last]);
    }
}

/// A row at the columns' places, each of two pixels.
fn lerp<S: Sample>(row: &[S::Wide], columns: &[Taps], out: &mut [S]) {
    for (out, Taps { first, weights }) in out.iter_mut().zip(columns) {
        let pair = &row[*first..*first + 2];
        *out = rounded(pair[0].into() * u32::from(weights[0]) + pair[1].into() * u32::from(weights[1]));
    }
}

/// The same, each of three.
fn mean<S: Sample>(row: &[S::Wide], columns: &[Taps], out: &mut [S]) {
    for (out, Taps { first, weights: [one, two, three] }) in out.iter_mut().zip(columns) {
        let part = &row[*first..*first + 3];
        *out = rounded(part[0].into() * u32::from(*one) + part[1].into() * u32::from(*two) + part[2].into() * u32::from(*three));
    }
}

/// From 256ths of 256ths.
#[inline(always)]
fn rounded<S: Sample>(sum: u32) -> S {
    S::of(((sum + (1 << 15)) >> 16) as i32)
}

/// Blends samples, premultiplied where they have alpha.
fn put<S: Sample>(below: &mut [S], above: &[S], alpha: Option<&[S]>, weight: u32) {
    match alpha {
        Some(alpha) => blend::over_row(below, above, alpha, weight),
        None if weight >= 256 => below.copy_from_slice(above),
        None => blend::mix_row(below, above, weight),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::paint::Color;
    use crate::{
        media::Yuv420,
        render::sprite::{Sprite, yuv},
    };
    use image::RgbaImage;

    fn pose(sprite: Rect) -> Pose {
        Pose { sprite, window: sprite, corner: 0.0, pivot: (0.0, 0.0), angle: 0.0, flip: (false, false) }
    }

    fn black(width: u32, height: u32) -> Picture<Yuv420> {
        let mut canvas = Picture::new(width, height).unwrap();
        canvas.fill(yuv::<Yuv420>(Color::BLACK));
        canvas
    }

    fn white(width: u32, height: u32) -> Sprite<Yuv420> {
        Sprite::of(&RgbaImage::from_pixel(width, height, image::Rgba([255; 4])))
    }

    /// Luma of a ramp from left to right and top to bottom.
    fn ramp(width: u32, height: u32) -> Sprite<Yuv420> {
        Sprite::of(&RgbaImage::from_fn(width, height, |x, y| {
            let grey = (x * 8 + y * 2) as u8;
            image::Rgba([grey, grey, grey, 255])
        }))
    }

    #[test]
    fn in_its_own_place_and_size_a_sprite_is_copied() {
        let (mut canvas, sprite) = (black(32, 32), ramp(16, 16));
        draw(&mut canvas, &sprite, &pose(Rect { x: 4.0, y: 6.0, width: 16.0, height: 16.0 }), 1.0);
        for plane in 0..3 {
            let half = usize::from(plane > 0);
            for y in 0..16 >> half {
                let (x0, y0) = (4 >> half, 6 >> half);
                assert_eq!(&canvas.row(plane, y0 + y)[x0..x0 + (16 >> half)], sprite.row(plane, y), "{plane} {y}");
            }
        }
    }

    #[test]
    fn an_edge_between_pixels_covers_its_share() {
        let mut canvas = black(16, 16);
        draw(&mut canvas, &white(8, 8), &pose(Rect { x: 2.25, y: 2.0, width: 8.0, height: 8.0 }), 1.0);
        let row = canvas.row(0, 5);
        // 16 to 235: three quarters of the first pixel, a quarter of the last.
        assert_eq!((row[1], row[2], row[3], row[9], row[10], row[11]), (16, 180, 235, 235, 71, 16));
    }

    #[test]
    fn a_move_of_half_a_pixel_is_the_mean_of_neighbours() {
        let (mut canvas, sprite) = (black(32, 32), ramp(16, 16));
        draw(&mut canvas, &sprite, &pose(Rect { x: 4.5, y: 4.0, width: 16.0, height: 16.0 }), 1.0);
        for x in 1..15 {
            let mean = (f64::from(sprite.row(0, 3)[x - 1]) + f64::from(sprite.row(0, 3)[x])) / 2.0;
            assert!((f64::from(canvas.row(0, 7)[4 + x]) - mean).abs() <= 1.0, "{x}");
        }
    }

    #[test]
    fn four_quarter_turns_are_exact() {
        let sprite = ramp(16, 16);
        // A quarter turn clockwise takes (x, y) to (15 - y, x).
        for (angle, (x, y)) in [(90.0f64, (12, 3)), (180.0, (12, 12)), (270.0, (3, 12))] {
            let mut canvas = black(16, 16);
            let place = Rect { x: 0.0, y: 0.0, width: 16.0, height: 16.0 };
            draw(&mut canvas, &sprite, &Pose { angle: angle.to_radians(), pivot: (8.0, 8.0), ..pose(place) }, 1.0);
            let found = i32::from(canvas.row(0, y)[x]);
            assert!((found - i32::from(sprite.row(0, 3)[3])).abs() <= 1, "{angle}: {found}");
        }
    }

    #[test]
    fn what_is_drawn_smaller_is_the_mean_of_what_each_pixel_covers() {
        // From each pixel's edges, exactly: a ramp is a ramp, and of stripes there is the same light everywhere.
        let stripes = Sprite::<Yuv420>::of(&RgbaImage::from_fn(64, 64, |x, _| {
            let grey = if x % 2 == 0 { 0 } else { 255 };
            image::Rgba([grey, grey, grey, 255])
        }));
        for width in [57.3, 48.0, 40.9, 33.0, 32.0, 31.0, 20.0, 16.0] {
            let mut canvas = black(64, 64);
            draw(&mut canvas, &stripes, &pose(Rect { x: 0.0, y: 0.0, width, height: 64.0 }), 1.0);
            let row = canvas.row(0, 30);
            let light: f64 = row.iter().map(|value| f64::from(*value) - 16.0).sum();
            let expected = width * 219.0 / 2.0;
            assert!((light - expected).abs() < expected * 0.02, "{width}: {light}, not {expected}");
            let reach = 64.0 / width;
            let contrast = row[2..width as usize - 2].windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap();
            // Of a box as wide as two stripes nothing is left of them; between neighbours alone it would be all of 219 here and there.
            assert!(f64::from(contrast) <= 219.0 * (2.0 / reach - 1.0).clamp(0.0, 0.9) + 12.0, "{width}: {contrast}");
        }
    }

    #[test]
    fn a_tiny_sprite_has_no_neighbours() {
        for (width, height) in [(2, 2), (2, 8), (8, 2), (4, 4)] {
            for edge in [0.3, 1.0, 1.7, 2.0, 9.0] {
                for angle in [0.0, 0.7] {
                    let mut canvas = black(16, 16);
                    let place = Rect { x: 3.0, y: 3.0, width: edge, height: edge };
                    draw(&mut canvas, &white(width, height), &Pose { angle, pivot: (4.0, 4.0), ..pose(place) }, 1.0);
                    // As much light as its area, whatever it is made of; an edge may count a pixel more or less when it is turned.
                    let light: f64 = (0..16).flat_map(|y| canvas.row(0, y)).map(|value| f64::from(*value) - 16.0).sum();
                    let slack = if angle == 0.0 { 0.02 } else { 4.0 * edge };
                    assert!((light / 219.0 - edge * edge).abs() <= slack, "{width}×{height} at {edge}, {angle}: {light}");
                }
            }
        }
    }

    #[test]
    fn flips_and_round_corners() {
        let (mut canvas, sprite) = (black(16, 16), ramp(16, 16));
        let place = Rect { x: 0.0, y: 0.0, width: 16.0, height: 16.0 };
        draw(&mut canvas, &sprite, &Pose { flip: (true, true), ..pose(place) }, 1.0);
        assert_eq!(canvas.row(0, 0)[0], sprite.row(0, 15)[15]);
        let mut canvas = black(16, 16);
        draw(&mut canvas, &white(16, 16), &Pose { corner: 8.0, ..pose(place) }, 1.0);
        assert_eq!((canvas.row(0, 0)[0], canvas.row(0, 8)[8]), (16, 235));
        assert!(canvas.row(0, 8)[0] > 230);
    }
}
