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
    let rows = pose.bounds();
    let whole = |edge: f64| (edge / on.step).clamp(0.0, on.height as f64) as usize;
    let turn = pose.angle.sin_cos();
    for y in whole(rows.y - 2.0 * on.step)..whole(rows.bottom() + 2.0 * on.step) {
        let row = Row::of(on, pose, turn, y);
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
    /// Across and down, where three pixels each way are part of one of the canvas; else two are.
    weights: Option<[Box<Weights>; 2]>,
}

/// From the canvas's pixels before they are turned to the first of a sprite's that is part of one, one way.
struct Way {
    start: f64,
    slope: f64,
}

/// The weights of three pixels, by where in the first of them what is seen begins, in 256ths of it.
type Weights = [[u32; 3]; 256];

impl Way {
    fn of(axis: &Axis) -> Self {
        let (reach, slope) = (axis.reach(), axis.extent / axis.length);
        let (start, slope) = if axis.flip { (axis.extent, -slope) } else { (0.0, slope) };
        let offset = if reach > 1.0 { reach / 2.0 } else { 0.5 };
        Self { start: start - axis.start * slope - offset, slope }
    }

    fn at(&self, place: f64) -> f64 {
        self.start + self.slope * place
    }
}

fn weights(axis: &Axis) -> Box<Weights> {
    let reach = axis.reach();
    Box::new(std::array::from_fn(|share| match reach > 1.0 {
        true => Taps::spread(share as f64 / 256.0, reach).map(u32::from),
        false => [256 - share as u32, share as u32, 0],
    }))
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
            weights: is_smaller.then(|| [weights(&on.across), weights(&on.down)]),
        }
    }

    /// How many of its pixels are part of one of the canvas, each way.
    fn taps(&self) -> usize {
        if self.weights.is_some() { 3 } else { 2 }
    }

    /// Samples from pixel `x` of a row of the canvas on.
    fn along(&self, row: &Row, x: usize, rows: &[&[S]], out: &mut [S]) {
        let fixed = |value: f64| (value * (1u64 << FRACTION) as f64) as i64;
        let (u, v) = row.at(x);
        // Half a weight more, so that it is the nearest.
        let start = [self.ways[0].at(u), self.ways[1].at(v)].map(|place| fixed(place + 1.0 / 512.0));
        let step = [self.ways[0].slope * row.step.0, self.ways[1].slope * row.step.1].map(fixed);
        let places = (0..out.len() as i64).map(|further| [start[0] + further * step[0], start[1] + further * step[1]]);
        match &self.weights {
            Some(weights) => mean(rows, places, weights, out),
            None => lerp(rows, places, out),
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
fn mean<S: Sample>(rows: &[&[S]], places: impl Iterator<Item = [i64; 2]>, weights: &[Box<Weights>; 2], out: &mut [S]) {
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
    fn of(on: &Plane, pose: &Pose, (sin, cos): (f64, f64), y: usize) -> Self {
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
    fn within<S: Sample>(&self, on: &Plane, source: &Source<S>, outer: &Range<usize>) -> Range<usize> {
        let window = &on.window;
        let (middle_x, middle_y) = window.middle();
        let (half_width, half_height) = (window.width / 2.0, window.height / 2.0);
        let corner = on.corner.min(half_width).min(half_height).max(0.5);
        let tap = |way: &Way, first: f64, step: f64, pixels: usize| {
            self.between(way.at(first), way.slope * step, 0.0, (pixels + 1) as f64 - source.taps() as f64 - 1.0 / 128.0)
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
        media::{Yuv420, Yuv444Ten},
        render::{
            reduced::Reduced,
            sprite::{self, Sprite},
        },
    };
    use image::RgbaImage;

    /// Waves; half clear from some row on.
    fn waves<F: Form>(width: u32, height: u32, alpha: u8) -> Sprite<F> {
        Sprite::of(&RgbaImage::from_fn(width, height, |x, y| {
            let wave = |at: u32, period: f64| (127.5 + 120.0 * (f64::from(at) / period).sin()) as u8;
            image::Rgba([wave(x, 30.0), wave(y, 41.0), wave(x + y, 53.0), if y > height / 2 { alpha } else { 255 }])
        }))
    }

    /// Draws it on white, all at once and each pixel by itself; by how much a pixel differs at most, and how many were drawn, and of
    /// these not by themselves.
    fn both<R: Rows>(sprite: &R, pose: &Pose) -> (i32, usize, usize) {
        let [mut at_once, mut by_itself] = [(); 2].map(|()| {
            let mut canvas = Picture::<R::Form>::new(160, 120).unwrap();
            canvas.fill(sprite::yuv::<R::Form>(Color::WHITE));
            canvas
        });
        let (mut most, mut touched, mut in_rows) = (0, 0, 0);
        for plane in 0..3 {
            let on = Plane::of(&by_itself, sprite, pose, plane);
            let source = Source::of(sprite, &on);
            draw(&mut at_once, sprite, pose, &on, 0.8);
            for y in 0..on.height {
                let row = Row::of(&on, pose, pose.angle.sin_cos(), y);
                let outer = row.touches(&on);
                touched += outer.len();
                in_rows += row.within(&on, &source, &outer).len();
                for x in 0..on.width {
                    row.pixel(&on, &source, x, 0.8, &mut by_itself.row_mut(plane, y)[x..=x]);
                }
                let pairs = at_once.row(plane, y).iter().zip(by_itself.row(plane, y));
                most = pairs.map(|(one, other)| (one.int() - other.int()).abs()).fold(most, i32::max);
            }
        }
        (most, touched, in_rows)
    }

    fn poses(width: u32, height: u32, scales: &[f64]) -> Vec<Pose> {
        let mut poses = Vec::new();
        for (&scale, degrees) in
            scales.iter().flat_map(|scale| [0.5, 30.0, 45.0, 90.0, 135.0, 180.0, -60.0].map(|turn| (scale, turn)))
        {
            for (corner, flip, inset) in [(0.0, (false, false), 0.0), (20.0, (true, false), 0.0), (0.0, (false, true), 0.2)] {
                let sprite = Rect { x: 31.3, y: 22.7, width: f64::from(width) * scale, height: f64::from(height) * scale };
                let window = sprite.scaled(1.0 - 2.0 * inset, sprite.middle());
                poses.push(Pose { sprite, window, corner, pivot: (80.0, 60.0), angle: f64::to_radians(degrees), flip });
            }
        }
        poses
    }

    #[test]
    fn a_row_at_once_is_as_each_pixel_by_itself() {
        // With how much of what is drawn is not drawn pixel by pixel: the tiny have little but edges.
        for (width, height, alpha, share) in [(96, 64, 255, 0.75), (96, 64, 128, 0.75), (6, 120, 255, 0.25), (2, 2, 128, 0.05)] {
            let (mut touched, mut in_rows) = (0, 0);
            for pose in poses(width, height, &[0.55, 0.8, 1.0, 1.7, 6.0]) {
                let (most, all, inner) = both(&waves::<Yuv420>(width, height, alpha), &pose);
                assert!(most <= 1, "{width}×{height}, {most}: {pose:?}");
                (touched, in_rows) = (touched + all, in_rows + inner);
                let (most, ..) = both(&waves::<Yuv444Ten>(width, height, alpha), &pose);
                assert!(most <= 4, "{width}×{height} of 10 bits, {most}: {pose:?}");
            }
            assert!(in_rows as f64 > touched as f64 * share, "{width}×{height}: {in_rows} of {touched}");
        }
    }

    #[test]
    fn a_reduced_picture_whose_last_pixels_are_of_less_is_drawn_so_too() {
        let large = waves::<Yuv420>(202, 150, 128);
        for pose in poses(202, 150, &[0.2, 0.45]) {
            let reduced = Reduced::of(&large, Reduced::factors(&large, &pose));
            assert!(reduced.factors.0 > 1);
            let (most, ..) = both(&reduced, &pose);
            assert!(most <= 1, "{most}: {pose:?}");
        }
    }
}
