//! One picture gives way to another, within an area of the canvas: the formulas of FFmpeg's xfade (libavfilter/vf_xfade.c),
//! whose progress runs from 1 to 0 where ours runs from 0 to 1. The zoom is smooth between pixels, wipes have edges as sharp as
//! the pixels allow, and grains are of our own noise.

use super::{blend, plan::Area, sprite};
use crate::{
    domain::{geometry::Rect, paint::Color, transition::TransitionType},
    media::{Form, Picture, Sample},
};

/// Makes `after`, which shows the picture that comes, what is to be seen when `share` (0…1) of the way is gone from `before`.
/// Both are alike outside of the scene's area.
/// `middle` is what a fade through a colour has in the middle, where that is not the colour alone.
pub fn blend<F: Form>(
    kind: TransitionType,
    before: &Picture<F>,
    after: &mut Picture<F>,
    middle: Option<&Picture<F>>,
    scene: &Scene,
    share: f64,
) {
    let Scene { place, area } = scene;
    if let Some(color) = kind.color() {
        return through(color, middle, before, after, area, share);
    }
    match kind {
        TransitionType::Zoom => zoom(before, after, scene, share),
        TransitionType::Pixelize => pixelize(before, after, scene, share),
        _ => masked(&Mask { kind, share, place: *place }, before, after, area),
    }
}

/// Whether what it shows of a place is what lies elsewhere.
pub fn moves_pixels(kind: TransitionType) -> bool {
    matches!(kind, TransitionType::Zoom | TransitionType::Pixelize)
}

/// Where a transition happens.
#[derive(Clone, Copy)]
pub struct Scene {
    /// What it is measured by, in pixels of the canvas, and may reach beyond that.
    pub place: Rect,
    /// What of it lies on the canvas: nothing else changes.
    pub area: Area,
}

/// The rows of an area on one plane.
#[derive(Clone, Copy)]
struct Window {
    plane: usize,
    /// How many pixels of the canvas one of the plane is.
    step: f64,
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

fn windows<F: Form>(area: &Area) -> [Window; 3] {
    [0, 1, 2].map(|plane| {
        let shift = F::shift(plane);
        let [x, y, width, height] = [area.x, area.y, area.width, area.height].map(|pixels| pixels >> shift);
        Window { plane, step: f64::from(1u8 << shift), x, y, width, height }
    })
}

impl Window {
    fn of<'a, F: Form>(&self, picture: &'a Picture<F>, y: usize) -> &'a [F::Sample] {
        &picture.row(self.plane, self.y + y)[self.x..self.x + self.width]
    }

    fn of_mut<'a, F: Form>(&self, picture: &'a mut Picture<F>, y: usize) -> &'a mut [F::Sample] {
        &mut picture.row_mut(self.plane, self.y + y)[self.x..self.x + self.width]
    }
}

/// How much of the coming picture each pixel shows.
struct Mask {
    kind: TransitionType,
    share: f64,
    place: Rect,
}

impl Mask {
    /// Weights, in 256ths, of a row of pixels that are `step` wide; the middle of the first lies there on the canvas.
    fn row(&self, first: (f64, f64), step: f64, weights: &mut [u16]) {
        let share = self.share;
        let (x, y) = (first.0 - self.place.x, first.1 - self.place.y);
        let put = |weights: &mut [u16], weight: &dyn Fn(f64) -> f64| {
            for (at, out) in weights.iter_mut().enumerate() {
                *out = (weight(x + at as f64 * step).clamp(0.0, 1.0) * 256.0).round() as u16;
            }
        };
        let sharp = |distance: f64| distance / step + 0.5;
        let Rect { width, height, .. } = self.place;
        let (x0, y0) = (width / 2.0, height / 2.0);
        match self.kind {
            TransitionType::WipeLeft => put(weights, &|x| sharp(x - width * (1.0 - share))),
            TransitionType::WipeRight => put(weights, &|x| sharp(width * share - x)),
            TransitionType::WipeUp => weights.fill(whole(sharp(y - height * (1.0 - share)))),
            TransitionType::WipeDown => weights.fill(whole(sharp(height * share - y))),
            TransitionType::CircleOpen => {
                let (radius, grown) = (x0.hypot(y0), (0.5 - share) * 3.0);
                put(weights, &|x| 1.0 - smooth(0.0, 1.0, (x - x0).hypot(y - y0) / radius + grown));
            }
            TransitionType::CircleClose => {
                let (radius, grown) = (x0.hypot(y0), (share - 0.5) * 3.0);
                put(weights, &|x| smooth(0.0, 1.0, (x - x0).hypot(y - y0) / radius + grown));
            }
            TransitionType::Radial => {
                let turned = (0.5 - share) * std::f64::consts::PI * 2.5;
                put(weights, &|x| smooth(0.0, 1.0, (x - x0).atan2(y - y0) - turned));
            }
            TransitionType::Dissolve => put(weights, &|x| grains((x, y), step, share)),
            _ => weights.fill(whole(share)),
        }
    }
}

fn whole(share: f64) -> u16 {
    (share.clamp(0.0, 1.0) * 256.0).round() as u16
}

/// The usual smoothstep.
fn smooth(from: f64, to: f64, value: f64) -> f64 {
    let share = ((value - from) / (to - from)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// How many grains of a pixel's show: each is one of luma, and does once its own threshold is reached.
fn grains((x, y): (f64, f64), step: f64, share: f64) -> f64 {
    let first = |middle: f64| (middle - step / 2.0).floor().max(0.0) as u32;
    let places = (0..step as u32).flat_map(|down| (0..step as u32).map(move |across| (across, down)));
    let shown = places.filter(|(across, down)| noise(first(x) + across, first(y) + down) < share).count();
    shown as f64 / (step * step)
}

/// A number in 0…1 for each pixel, always the same: a hash of its place (Wellons, "Prospecting for Hash Functions").
fn noise(x: u32, y: u32) -> f64 {
    let mut hash = x.wrapping_mul(0x9e37_79b9) ^ y.wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x7feb_352d);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x846c_a68b);
    f64::from((hash ^ (hash >> 16)) >> 8) / f64::from(1u32 << 24)
}

fn masked<F: Form>(mask: &Mask, before: &Picture<F>, after: &mut Picture<F>, area: &Area) {
    for window in windows::<F>(area) {
        let step = window.step;
        let mut weights = vec![0; window.width];
        for y in 0..window.height {
            let first = [window.x, window.y + y].map(|at| (at as f64 + 0.5) * step);
            mask.row(first.into(), step, &mut weights);
            let old = window.of(before, y);
            for ((new, &old), &weight) in window.of_mut(after, y).iter_mut().zip(old).zip(&weights) {
                *new = blend::mix(old, *new, weight);
            }
        }
    }
}

/// Into the middle of the one, out of which the other comes.
fn zoom<F: Form>(before: &Picture<F>, after: &mut Picture<F>, Scene { place, area }: &Scene, share: f64) {
    let (zoom, weight) = (smooth(0.5, 1.0, 1.0 - share), blend::weight(smooth(0.0, 0.5, 1.0 - share)));
    for window in windows::<F>(area) {
        let middle = [(place.middle().0, window.x), (place.middle().1, window.y)]
            .map(|(middle, corner)| middle / window.step - corner as f64);
        let columns: Vec<Between> = (0..window.width).map(|x| Between::zoomed(x, window.width, middle[0], zoom)).collect();
        let mut line = vec![F::Sample::default(); window.width];
        for y in 0..window.height {
            let row = Between::zoomed(y, window.height, middle[1], zoom);
            let [above, below] = [row.first, row.second].map(|y| window.of(before, y));
            for (out, column) in line.iter_mut().zip(&columns) {
                let [above, below] = [above, below].map(|row| column.of(row[column.first].int(), row[column.second].int()));
                *out = F::Sample::of((row.of(above, below) + HALF) >> (2 * Between::BITS));
            }
            blend::mix_row(window.of_mut(after, y), &line, weight);
        }
    }
}

/// Half of what two weights weigh together.
const HALF: i32 = 1 << (2 * Between::BITS - 1);

/// A place between the middles of two pixels.
struct Between {
    first: usize,
    second: usize,
    /// Of the second, in so many bits.
    weight: i32,
}

impl Between {
    const BITS: u32 = 8;

    /// Where a pixel of `size` is taken from, of which the share `zoom` about a middle is to fill all.
    fn zoomed(at: usize, size: usize, middle: f64, zoom: f64) -> Self {
        let place = ((at as f64 + 0.5 - middle) * zoom + middle - 0.5).clamp(0.0, size as f64 - 1.0);
        let first = place as usize;
        let weight = ((place - first as f64) * f64::from(1 << Self::BITS)).round() as i32;
        Self { first, second: (first + 1).min(size - 1), weight }
    }

    /// Both values by their weights, with [`Self::BITS`] more bits.
    fn of(&self, first: i32, second: i32) -> i32 {
        first * ((1 << Self::BITS) - self.weight) + second * self.weight
    }
}

/// Larger and larger pixels, then smaller and smaller.
fn pixelize<F: Form>(before: &Picture<F>, after: &mut Picture<F>, Scene { place, area }: &Scene, share: f64) {
    let size = ((share.min(1.0 - share) * 50.0).ceil() / 50.0) * 2.0 * place.width.min(place.height) / 20.0;
    let weight = blend::weight(share);
    for window in windows::<F>(area) {
        let size = size / window.step;
        // Within a row or column of the window, of which so much of the place lies before it.
        let middle = |at: usize, before: f64, most: usize| match size > 1.0 {
            true => ((((at as f64 + before) / size).floor() + 0.5) * size - before).clamp(0.0, most as f64 - 1.0) as usize,
            false => at,
        };
        let left = window.x as f64 - place.x / window.step;
        let top = window.y as f64 - place.y / window.step;
        let columns: Vec<usize> = (0..window.width).map(|x| middle(x, left, window.width)).collect();
        // The middles' rows of both, mixed, before any of them is written over.
        let mixed: Vec<Vec<F::Sample>> = (0..window.height)
            .map(|y| {
                let y = middle(y, top, window.height);
                let mut row = window.of(before, y).to_vec();
                blend::mix_row(&mut row, window.of(after, y), weight);
                columns.iter().map(|&x| row[x]).collect()
            })
            .collect();
        for (y, row) in mixed.iter().enumerate() {
            window.of_mut(after, y).copy_from_slice(row);
        }
    }
}

/// Out of the one into a colour, or a picture in its place, and out of that into the other.
fn through<F: Form>(
    color: Color,
    middle: Option<&Picture<F>>,
    before: &Picture<F>,
    after: &mut Picture<F>,
    area: &Area,
    share: f64,
) {
    const PHASE: f64 = 0.2;
    let rest = 1.0 - share;
    let (old, new) = (smooth(1.0 - PHASE, 1.0, rest), smooth(PHASE, 1.0, rest));
    // mix(mix(before, colour, old), mix(colour, after, new), rest)
    let weights = [rest * old, share * (1.0 - new)];
    let [old, new, between] =
        [weights[0], weights[1], 1.0 - weights[0] - weights[1]].map(|weight| (weight * 65_536.0).round() as i32);
    let color = sprite::yuv::<F>(color);
    for window in windows::<F>(area) {
        let plain = vec![color[window.plane]; window.width];
        for y in 0..window.height {
            let others = window.of(before, y).iter().zip(middle.map_or(&plain[..], |middle| window.of(middle, y)));
            for (out, (before, middle)) in window.of_mut(after, y).iter_mut().zip(others) {
                let sum = before.int() * old + out.int() * new + middle.int() * between;
                *out = F::Sample::of((sum + (1 << 15)) >> 16);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Yuv420;
    use crate::{domain::paint::Color, render::sprite};

    const SCENE: Scene =
        Scene { place: Rect { x: 0.0, y: 0.0, width: 64.0, height: 32.0 }, area: Area { x: 0, y: 0, width: 64, height: 32 } };

    fn plain(value: u8) -> Picture<Yuv420> {
        let mut picture = Picture::new(64, 32).unwrap();
        picture.fill([value, 128, 128]);
        picture
    }

    fn shown(kind: TransitionType, share: f64) -> Picture<Yuv420> {
        let mut after = plain(200);
        blend(kind, &plain(50), &mut after, None, &SCENE, share);
        after
    }

    #[test]
    fn the_zoom_is_smooth_between_pixels() {
        let mut ramp = plain(0);
        for y in 0..32 {
            ramp.row_mut(0, y).iter_mut().enumerate().for_each(|(x, value)| *value = 20 + 3 * x as u8);
        }
        // Near its start the picture that goes is all that is seen, and larger and larger.
        let rows = [0.05, 0.1, 0.15, 0.2].map(|share| {
            let mut after = plain(200);
            blend(TransitionType::Zoom, &ramp, &mut after, None, &SCENE, share);
            after.row(0, 16).to_vec()
        });
        for row in &rows {
            let steps = row.windows(2).map(|pair| i32::from(pair[1]) - i32::from(pair[0]));
            assert!(steps.clone().all(|step| (0..=3).contains(&step)), "{row:?}");
        }
        assert!(rows.windows(2).all(|pair| pair[0][0] < pair[1][0] && pair[0][63] > pair[1][63]), "{rows:?}");
    }

    const ALL: [TransitionType; 13] = [
        TransitionType::Fade,
        TransitionType::Dissolve,
        TransitionType::WipeLeft,
        TransitionType::WipeRight,
        TransitionType::WipeUp,
        TransitionType::WipeDown,
        TransitionType::CircleOpen,
        TransitionType::CircleClose,
        TransitionType::Radial,
        TransitionType::Zoom,
        TransitionType::Pixelize,
        TransitionType::FadeBlack,
        TransitionType::FadeWhite,
    ];

    #[test]
    fn each_begins_with_the_one_and_ends_with_the_other() {
        for kind in ALL {
            for y in [0, 13, 31] {
                for x in [0, 20, 63] {
                    assert!(shown(kind, 0.0).row(0, y)[x].abs_diff(50) <= 1, "{kind:?} {x} {y}");
                    assert!(shown(kind, 1.0).row(0, y)[x].abs_diff(200) <= 1, "{kind:?} {x} {y}");
                }
            }
        }
    }

    #[test]
    fn wipes_move_as_their_names_say() {
        // At a quarter of the way, the corner pixel or row that shows the coming picture.
        for (kind, there, not_yet) in [
            (TransitionType::WipeLeft, (63, 16), (0, 16)),
            (TransitionType::WipeRight, (0, 16), (63, 16)),
            (TransitionType::WipeUp, (32, 31), (32, 0)),
            (TransitionType::WipeDown, (32, 0), (32, 31)),
        ] {
            let picture = shown(kind, 0.25);
            assert_eq!((picture.row(0, there.1)[there.0], picture.row(0, not_yet.1)[not_yet.0]), (200, 50), "{kind:?}");
        }
        let row = shown(TransitionType::WipeRight, 0.5);
        assert_eq!((row.row(0, 0)[31], row.row(0, 0)[32]), (200, 50));
    }

    #[test]
    fn a_circle_opens_in_the_middle_and_closes_towards_it() {
        let open = shown(TransitionType::CircleOpen, 0.5);
        assert!(open.row(0, 16)[32] > 195 && open.row(0, 0)[0] < 55);
        let close = shown(TransitionType::CircleClose, 0.5);
        assert!(close.row(0, 16)[32] < 55 && close.row(0, 0)[0] > 195);
    }

    #[test]
    fn what_is_partly_off_the_canvas_changes_as_all_of_it() {
        // Its right half is seen, and the middle lies at the left.
        let half = Scene { place: Rect { x: -64.0, y: 0.0, width: 128.0, height: 32.0 }, ..SCENE };
        let shown = |kind, share| {
            let mut after = plain(200);
            blend(kind, &plain(50), &mut after, None, &half, share);
            after.row(0, 16).to_vec()
        };
        let open = shown(TransitionType::CircleOpen, 0.5);
        assert!(open[0] > 195 && open[63] < 60, "{open:?}");
        let wiped = shown(TransitionType::WipeRight, 0.75);
        assert_eq!((wiped[31], wiped[32]), (200, 50));
        let large = shown(TransitionType::Pixelize, 0.5);
        assert!(large.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn half_of_the_grains_have_come_halfway() {
        let picture = shown(TransitionType::Dissolve, 0.5);
        let come: usize = (0..32).map(|y| picture.row(0, y).iter().filter(|value| **value == 200).count()).sum();
        assert!((900..=1_150).contains(&come), "{come} of 2048");
    }

    #[test]
    fn grains_that_share_a_colour_have_that_of_as_many_as_show() {
        let plain = |color: Color| {
            let mut picture = Picture::<Yuv420>::new(64, 32).unwrap();
            picture.fill(sprite::yuv::<Yuv420>(color));
            picture
        };
        let (white, red) = (plain(Color::WHITE), plain(Color { red: 255, green: 0, blue: 0, alpha: 255 }));
        let mut picture = plain(Color { red: 255, green: 0, blue: 0, alpha: 255 });
        blend(TransitionType::Dissolve, &white, &mut picture, None, &SCENE, 0.5);
        for (y, x) in (0..16).flat_map(|y| (0..32).map(move |x| (y, x))) {
            let places = [(0, 0), (0, 1), (1, 0), (1, 1)];
            let come = places.iter().filter(|(down, across)| picture.row(0, y * 2 + down)[x * 2 + across] == red.row(0, 0)[0]);
            let share = come.count() as f64 / 4.0;
            let [from, to] = [&white, &red].map(|picture| f64::from(picture.row(2, 0)[0]));
            let expected = from + (to - from) * share;
            assert!((f64::from(picture.row(2, y)[x]) - expected).abs() <= 1.0, "{x} {y}");
        }
    }

    #[test]
    fn through_a_colour_is_that_colour_after_a_fifth() {
        assert!(shown(TransitionType::FadeBlack, 0.2).row(0, 9)[9] < 30);
        assert!(shown(TransitionType::FadeWhite, 0.2).row(0, 9)[9] > 225);
    }
}
