//! A sprite that is turned: each row of the canvas goes slantwise through it. What its edges and corners are part of is found pixel by
//! pixel; all between, where each pixel is seen whole and has all its neighbours, lies at even steps on the sprite.

use std::ops::Range;

use super::{Axis, Plane, Taps, put, rounded};
use crate::{
    domain::geometry::Rect,
    media::{Form, Picture, Sample},
    render::{
        blend,
        plan::Pose,
        sprite::{Rows, SampleOf},
    },
};

/// Bits of a fraction of a pixel, of which a weight is the first eight.
const FRACTION: u32 = 32;

pub fn draw<R: Rows>(canvas: &mut Picture<R::Form>, sprite: &R, pose: &Pose, on: &Plane, opacity: f64) {
    let source = Source::of(sprite, on);
    let (mut line, mut alpha) = (vec![SampleOf::<R>::default(); on.width], vec![SampleOf::<R>::default(); on.width]);
    for y in 0..on.height {
        let row = Row::of(on, pose, y);
        let outer = row.touches(on);
        if outer.is_empty() {
            continue;
        }
        let inner = row.within(on, &source, &outer);
        let below = canvas.row_mut(on.plane, y);
        for x in (outer.start..inner.start).chain(inner.end..outer.end) {
            row.pixel(on, &source, x, opacity, &mut below[x..=x]);
        }
        if !inner.is_empty() {
            let (line, alpha) = (&mut line[..inner.len()], &mut alpha[..inner.len()]);
            source.along(&row, inner.start, &source.rows, line);
            let alpha = source.alphas.as_ref().map(|rows| {
                source.along(&row, inner.start, rows, alpha);
                &*alpha
            });
            put(&mut below[inner], line, alpha, blend::weight(opacity));
        }
    }
}

/// A plane of a sprite, and how it is sampled.
struct Source<'a, S> {
    rows: Vec<&'a [S]>,
    alphas: Option<Vec<&'a [S]>>,
    ways: [Way; 2],
    /// How many of its pixels are part of one of the canvas, each way.
    taps: usize,
}

/// From the canvas's pixels before they are turned to the first of a sprite's that is part of one, one way.
struct Way {
    start: f64,
    slope: f64,
    /// Of three pixels.
    weights: Box<Weights>,
}

/// The weights of pixels, by where in the first of them what is seen begins, in 256ths of it.
type Weights = [[u32; 3]; 256];

impl Way {
    fn of(axis: &Axis) -> Self {
        let (reach, slope) = (axis.reach(), axis.extent / axis.length);
        let (start, slope) = if axis.flip { (axis.extent, -slope) } else { (0.0, slope) };
        let offset = if reach > 1.0 { reach / 2.0 } else { 0.5 };
        let weights = Box::new(std::array::from_fn(|share| match reach > 1.0 {
            true => Taps::spread(share as f64 / 256.0, reach).map(u32::from),
            false => [256 - share as u32, share as u32, 0],
        }));
        Self { start: start - axis.start * slope - offset, slope, weights }
    }

    fn at(&self, place: f64) -> f64 {
        self.start + self.slope * place
    }
}

impl<'a, S: Sample> Source<'a, S> {
    fn of<R: Rows>(sprite: &'a R, on: &Plane) -> Self
    where
        R::Form: Form<Sample = S>,
    {
        let rows = 0..on.down.pixels;
        let is_smaller = on.across.reach() > 1.0 || on.down.reach() > 1.0;
        Self {
            rows: rows.clone().map(|y| sprite.row(on.plane, y)).collect(),
            alphas: rows.map(|y| sprite.alpha_row(on.plane, y)).collect(),
            ways: [Way::of(&on.across), Way::of(&on.down)],
            taps: if is_smaller { 3 } else { 2 },
        }
    }

    /// Samples from pixel `x` of a row of the canvas on.
    fn along(&self, row: &Row, x: usize, rows: &[&[S]], out: &mut [S]) {
        let fixed = |value: f64| (value * (1u64 << FRACTION) as f64) as i64;
        let (u, v) = row.at(x);
        // Half a weight more, so that it is the nearest.
        let start = [self.ways[0].at(u), self.ways[1].at(v)].map(|place| fixed(place + 1.0 / 512.0));
        let step = [self.ways[0].slope * row.step.0, self.ways[1].slope * row.step.1].map(fixed);
        let places = (0..out.len() as i64).map(|further| [start[0] + further * step[0], start[1] + further * step[1]]);
        if self.taps == 2 {
            lerp(rows, places, out)
        } else {
            mean(rows, places, [&self.ways[0].weights, &self.ways[1].weights], out)
        }
    }
}

/// The whole pixels of a place, and its share of the next in 256ths.
#[inline(always)]
fn split(place: i64) -> (usize, u8) {
    ((place >> FRACTION) as usize, (place >> (FRACTION - 8)) as u8)
}

/// Each of two pixels by two.
fn lerp<S: Sample>(rows: &[&[S]], places: impl Iterator<Item = [i64; 2]>, out: &mut [S]) {
    for (out, place) in out.iter_mut().zip(places) {
        let [(x, across), (y, down)] = place.map(split);
        let (across, down) = (u32::from(across), u32::from(down));
        let along = |[one, two]: [S; 2]| one.int() as u32 * (256 - across) + two.int() as u32 * across;
        if let Some([upper, lower]) = around(rows, x, y) {
            *out = rounded(along(upper) * (256 - down) + along(lower) * down);
        }
    }
}

/// Each of three pixels by three.
fn mean<S: Sample>(rows: &[&[S]], places: impl Iterator<Item = [i64; 2]>, weights: [&Weights; 2], out: &mut [S]) {
    for (out, place) in out.iter_mut().zip(places) {
        let [(x, across), (y, down)] = place.map(split);
        let weigh = |[one, two, three]: [u32; 3], weights: [u32; 3]| one * weights[0] + two * weights[1] + three * weights[2];
        let (across, down) = (weights[0][usize::from(across)], weights[1][usize::from(down)]);
        if let Some(pixels) = around::<S, 3>(rows, x, y) {
            *out = rounded(weigh(pixels.map(|row| weigh(row.map(|value| value.int() as u32), across)), down));
        }
    }
}

/// Some pixels across and down from one on; there are always so many.
#[inline(always)]
fn around<S: Sample, const TAPS: usize>(rows: &[&[S]], x: usize, y: usize) -> Option<[[S; TAPS]; TAPS]> {
    let mut pixels = [[S::default(); TAPS]; TAPS];
    for (pixels, row) in pixels.iter_mut().zip(rows.get(y..)?.first_chunk::<TAPS>()?) {
        *pixels = *row.get(x..)?.first_chunk()?;
    }
    Some(pixels)
}

/// Where the middles of the pixels of one of the canvas's rows lie before they are turned.
struct Row {
    first: (f64, f64),
    step: (f64, f64),
}

impl Row {
    fn of(on: &Plane, pose: &Pose, y: usize) -> Self {
        let (sin, cos) = pose.angle.sin_cos();
        let pivot = (pose.pivot.0 / on.step, pose.pivot.1 / on.step);
        let (dx, dy) = (0.5 - pivot.0, y as f64 + 0.5 - pivot.1);
        Self { first: (pivot.0 + dx * cos + dy * sin, pivot.1 - dx * sin + dy * cos), step: (cos, -sin) }
    }

    fn at(&self, x: usize) -> (f64, f64) {
        (self.first.0 + x as f64 * self.step.0, self.first.1 + x as f64 * self.step.1)
    }

    /// The pixels of it that may be part of what is seen.
    fn touches(&self, on: &Plane) -> Range<usize> {
        let Rect { x, y, width, height } = on.window;
        let across = self.between(self.first.0, self.step.0, x - 0.5, x + width + 0.5);
        let down = self.between(self.first.1, self.step.1, y - 0.5, y + height + 0.5);
        // One more on each side is looked at rather than one missed.
        let (start, end) = (across.0.max(down.0).floor(), across.1.min(down.1).ceil() + 1.0);
        let most = on.width as f64;
        if start < end { start.clamp(0.0, most) as usize..end.clamp(0.0, most) as usize } else { 0..0 }
    }

    /// Of these, those that are seen whole and lie among the sprite's pixels: one stretch, the longest where corners are round.
    fn within<S>(&self, on: &Plane, source: &Source<S>, outer: &Range<usize>) -> Range<usize> {
        let window = &on.window;
        let (middle_x, middle_y) = (window.x + window.width / 2.0, window.y + window.height / 2.0);
        let (half_width, half_height) = (window.width / 2.0, window.height / 2.0);
        let corner = on.corner.min(half_width).min(half_height).max(0.5);
        let tap = |way: &Way, first: f64, step: f64, pixels: usize| {
            self.between(way.at(first), way.slope * step, 0.0, pixels as f64 - source.taps as f64 - 1.0 / 128.0)
        };
        let taps = [
            tap(&source.ways[0], self.first.0, self.step.0, on.across.pixels),
            tap(&source.ways[1], self.first.1, self.step.1, on.down.pixels),
        ];
        let whole = |half_width: f64, half_height: f64| {
            let across = self.between(self.first.0, self.step.0, middle_x - half_width, middle_x + half_width);
            let down = self.between(self.first.1, self.step.1, middle_y - half_height, middle_y + half_height);
            let stretches = [across, down, taps[0], taps[1]];
            let start = stretches.iter().fold(outer.start as f64, |start, stretch| start.max((stretch.0 + 1e-6).ceil()));
            let end = stretches.iter().fold(outer.end as f64, |end, stretch| end.min((stretch.1 - 1e-6).floor() + 1.0));
            if start < end { start as usize..end as usize } else { outer.start..outer.start }
        };
        let (upright, lying) = (whole(half_width - corner, half_height - 0.5), whole(half_width - 0.5, half_height - corner));
        if upright.len() > lying.len() { upright } else { lying }
    }

    /// From where to where what begins somewhere and goes on by steps is no less than `low` and no more than `high`.
    fn between(&self, first: f64, step: f64, low: f64, high: f64) -> (f64, f64) {
        const NONE: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);
        const ALL: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
        if low > high {
            return NONE;
        }
        if step.abs() < 1e-12 {
            return if (low..=high).contains(&first) { ALL } else { NONE };
        }
        let (one, other) = ((low - first) / step, (high - first) / step);
        (one.min(other), one.max(other))
    }

    /// One pixel by itself.
    fn pixel<S: Sample>(&self, on: &Plane, source: &Source<S>, x: usize, opacity: f64, below: &mut [S]) {
        let (u, v) = self.at(x);
        let weight = blend::weight(opacity * on.coverage(u, v));
        if weight > 0 {
            let place = Place { x: on.across.at(u), y: on.down.at(v), last: (on.across.pixels - 1, on.down.pixels - 1) };
            let alpha = source.alphas.as_ref().map(|rows| [place.sample(rows)]);
            put(below, &[place.sample(&source.rows)], alpha.as_ref().map(|alpha| &alpha[..]), weight);
        }
    }
}

/// Pixels of a plane, across and down.
struct Place {
    x: Taps,
    y: Taps,
    last: (usize, usize),
}

impl Place {
    fn sample<S: Sample>(&self, rows: &[&[S]]) -> S {
        rounded(self.y.weigh(self.last.1, |y| self.x.weigh(self.last.0, |x| rows[y][x].int() as u32)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::paint::Color,
        media::Yuv420,
        render::sprite::{self, Sprite},
    };
    use image::RgbaImage;

    /// Waves, at most four of luma from one pixel to the next; half clear from some row on.
    fn waves(width: u32, height: u32, alpha: u8) -> Sprite<Yuv420> {
        Sprite::of(&RgbaImage::from_fn(width, height, |x, y| {
            let wave = |at: u32, period: f64| 127.5 + 120.0 * (f64::from(at) / period).sin();
            image::Rgba([
                wave(x, 30.0) as u8,
                wave(y, 41.0) as u8,
                wave(x + y, 53.0) as u8,
                if y > height / 2 { alpha } else { 255 },
            ])
        }))
    }

    /// The same, each pixel by itself.
    fn by_itself(canvas: &mut Picture<Yuv420>, sprite: &Sprite<Yuv420>, pose: &Pose, opacity: f64) {
        for plane in 0..3 {
            let on = Plane::of(canvas, sprite, pose, plane);
            let source = Source::of(sprite, &on);
            for y in 0..on.height {
                let row = Row::of(&on, pose, y);
                for x in 0..on.width {
                    row.pixel(&on, &source, x, opacity, &mut canvas.row_mut(plane, y)[x..=x]);
                }
            }
        }
    }

    #[test]
    fn a_row_at_once_is_as_each_pixel_by_itself() {
        let canvas = || {
            let mut canvas = Picture::<Yuv420>::new(160, 120).unwrap();
            canvas.fill(sprite::yuv::<Yuv420>(Color::WHITE));
            canvas
        };
        let mut drawn = 0;
        for (index, (width, height, alpha)) in [(96, 64, 255), (96, 64, 128), (6, 120, 255), (2, 2, 128)].into_iter().enumerate()
        {
            let sprite = waves(width, height, alpha);
            for scale in [0.55, 0.8, 1.0, 1.7, 6.0] {
                for degrees in [0.5, 30.0, 45.0, 90.0, 135.0, 180.0, 271.5, -60.0] {
                    for (corner, flip, inset) in
                        [(0.0, (false, false), 0.0), (20.0, (true, false), 0.0), (0.0, (false, true), 0.2)]
                    {
                        let place = Rect { x: 31.3, y: 22.7, width: f64::from(width) * scale, height: f64::from(height) * scale };
                        let (across, down) = (place.width * inset, place.height * inset);
                        let window = Rect {
                            x: place.x + across,
                            y: place.y + down,
                            width: place.width - 2.0 * across,
                            height: place.height - 2.0 * down,
                        };
                        let angle = f64::to_radians(degrees);
                        let pose = Pose { sprite: place, window, corner, pivot: (80.0, 60.0), angle, flip };
                        let (mut expected, mut found) = (canvas(), canvas());
                        by_itself(&mut expected, &sprite, &pose, 0.8);
                        super::super::draw(&mut found, &sprite, &pose, 0.8);
                        for (plane, y) in (0..3).flat_map(|plane| (0..found.plane_height(plane)).map(move |y| (plane, y))) {
                            for (x, (one, other)) in found.row(plane, y).iter().zip(expected.row(plane, y)).enumerate() {
                                let told = || {
                                    format!("{index} × {scale}, {degrees}°, {corner}: plane {plane}, {x} {y}: {one}, not {other}")
                                };
                                assert!(one.abs_diff(*other) <= 1, "{}", told());
                                drawn += usize::from(*one != 235 && plane == 0);
                            }
                        }
                    }
                }
            }
        }
        assert!(drawn > 1_000_000, "{drawn}");
    }
}
