//! Changes of colours by a matrix over red, green and blue, each 0…1 before and after, of pictures in YUV.

use super::sprite::{Raster, SampleOf};
use crate::{
    domain::look::Effect,
    media::{
        Form, Sample,
        bt709::{CHROMA, CHROMA_RANGE, LUMA, LUMA_RANGE},
    },
};

/// Rows of red, green and blue, and what is added; all 0…1.
type RgbMatrix = [[f64; 4]; 3];

/// What one effect makes of colours, or several that follow each other.
#[derive(Debug, Clone, Copy)]
pub struct Colors(RgbMatrix);

impl Colors {
    /// As the CSS filters of these names (W3C Filter Effects 1, 12); saturation and grey by the weights of BT.709. `None` of what
    /// changes no colours.
    pub fn of(effect: &Effect) -> Option<Self> {
        let diagonal = |factor: f64, add: f64| [[factor, 0.0, 0.0, add], [0.0, factor, 0.0, add], [0.0, 0.0, factor, add]];
        let from_grey = |factor: f64| {
            let mut matrix = [[0.0; 4]; 3];
            for (row, out) in matrix.iter_mut().enumerate() {
                for column in 0..3 {
                    out[column] = LUMA[column] * (1.0 - factor) + if row == column { factor } else { 0.0 };
                }
            }
            matrix
        };
        Some(Self(match *effect {
            Effect::Brightness(factor) => diagonal(factor, 0.0),
            Effect::Contrast(factor) => diagonal(factor, 0.5 * (1.0 - factor)),
            Effect::Saturation(factor) => from_grey(factor),
            Effect::Grayscale(share) => from_grey(1.0 - share),
            Effect::Negate(true) => diagonal(-1.0, 1.0),
            Effect::Sepia(share) => {
                let sepia = [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]];
                let mut matrix = diagonal(1.0 - share, 0.0);
                for (out, row) in matrix.iter_mut().zip(sepia) {
                    out.iter_mut().zip(row).for_each(|(out, value)| *out += value * share);
                }
                matrix
            }
            Effect::Hue(degrees) => {
                let (sin, cos) = degrees.to_radians().sin_cos();
                let turn = [[-0.213, -0.715, 0.928], [0.143, 0.140, -0.283], [-0.787, 0.715, 0.072]];
                let grey = from_grey(cos);
                let mut matrix = grey;
                for (out, row) in matrix.iter_mut().zip(turn) {
                    out.iter_mut().zip(row).for_each(|(out, value)| *out += value * sin);
                }
                matrix
            }
            _ => return None,
        }))
    }

    /// The same, changed further; `None` where colours between the two would lie beyond those there are, and stop at their edge.
    pub fn then(&self, after: &Self) -> Option<Self> {
        (!self.exceeds()).then(|| Self(product(&after.0, &self.0)))
    }

    /// Whether it makes of some colour one that there is not.
    pub fn exceeds(&self) -> bool {
        const NOTHING: f64 = 1e-9;
        let ends = |[factors @ .., add]: &[f64; 4]| {
            let sum = |sign: f64| factors.iter().filter(|factor| **factor * sign > 0.0).sum::<f64>();
            (add + sum(-1.0), add + sum(1.0))
        };
        self.0.iter().map(ends).any(|(least, most)| least < -NOTHING || most > 1.0 + NOTHING)
    }

    pub fn apply(&self, picture: &mut impl Raster) {
        let change = if self.exceeds() { Change::held(&self.0) } else { Change::whole(&self.0) };
        let mut block = Block::of(picture);
        for y in 0..picture.plane_height(1) {
            block.read(picture, y);
            change.apply(&mut block);
            block.write(picture, y);
        }
    }
}

/// `after` of `before`.
fn product(after: &RgbMatrix, before: &RgbMatrix) -> RgbMatrix {
    let mut out = [[0.0; 4]; 3];
    for (out, after) in out.iter_mut().zip(after) {
        for column in 0..4 {
            out[column] = (0..3).map(|k| after[k] * before[k][column]).sum::<f64>() + if column == 3 { after[3] } else { 0.0 };
        }
    }
    out
}

/// Red, green and blue of Y, Cb and Cr as they are stored.
fn loaded() -> RgbMatrix {
    let (blue, red) = (CHROMA[0] / CHROMA_RANGE, CHROMA[1] / CHROMA_RANGE);
    let green = (-LUMA[2] * blue / LUMA[1], -LUMA[0] * red / LUMA[1]);
    let row = |cb: f64, cr: f64| [1.0 / LUMA_RANGE, cb, cr, -16.0 / LUMA_RANGE - 128.0 * (cb + cr)];
    [row(0.0, red), row(green.0, green.1), row(blue, 0.0)]
}

/// Y, Cb and Cr as they are stored, of red, green and blue.
fn stored() -> RgbMatrix {
    let row = |weights: [f64; 3], divisor: f64, of: usize| {
        let share = |column: usize| (if column == of { 1.0 } else { 0.0 } - weights[column]) / divisor * CHROMA_RANGE;
        [share(0), share(1), share(2), 128.0]
    };
    let [red, green, blue] = LUMA.map(|weight| weight * LUMA_RANGE);
    [[red, green, blue, 16.0], row(LUMA, CHROMA[0], 2), row(LUMA, CHROMA[1], 0)]
}

/// Of three values by three, and by how opaque they are.
type Weights = [[f32; 4]; 3];

/// What is done to values as they are stored.
enum Change {
    /// No colour leaves those there are: Y, Cb and Cr of Y, Cb and Cr.
    Whole(Weights),
    /// Colours are held within those there are, pixel by pixel; a pixel may lie beyond them before, where others share its Cb and Cr, and
    /// stays as far.
    Held {
        /// Red, green and blue of stored values, before it and after it…
        loaded: Weights,
        changed: Weights,
        /// …and what is stored of those.
        stored: Weights,
    },
}

impl Change {
    fn whole(rgb: &RgbMatrix) -> Self {
        Self::Whole(narrow(&product(&stored(), &product(rgb, &loaded()))))
    }

    fn held(rgb: &RgbMatrix) -> Self {
        Self::Held { loaded: narrow(&loaded()), changed: narrow(&product(rgb, &loaded())), stored: narrow(&stored()) }
    }

    fn apply(&self, block: &mut Block) {
        match self {
            Self::Whole(matrix) => block.change(matrix),
            Self::Held { loaded, changed, stored } => {
                let colors = [0, 1, 2].map(|color| block.held(&loaded[color], &changed[color]));
                block.store(stored, &colors);
            }
        }
    }
}

fn narrow(matrix: &RgbMatrix) -> Weights {
    matrix.map(|row| row.map(|value| value as f32))
}

/// The pixels that have a row of Cb and Cr in common, row by row, as large as those of 8 bits. They are premultiplied, and what is added
/// to them goes by how opaque they are, 0…1.
struct Block {
    luma: Vec<Line>,
    chroma: [Vec<f32>; 2],
    shares: Vec<f32>,
}

#[derive(Clone)]
struct Line {
    values: Vec<f32>,
    shares: Vec<f32>,
    /// How much more opaque each is than what it shares its Cb and Cr with.
    beside: Vec<f32>,
}

impl Block {
    fn of<R: Raster>(picture: &R) -> Self {
        let (width, across) = (picture.plane_width(0), picture.plane_width(1));
        let line = Line { values: vec![0.0; width], shares: vec![1.0; width], beside: vec![1.0; width] };
        Self { luma: vec![line; 1 << R::Form::SHARED], chroma: [vec![0.0; across], vec![0.0; across]], shares: vec![1.0; across] }
    }

    fn read<R: Raster>(&mut self, picture: &R, y: usize) {
        let shared = self.luma.len();
        for (plane, values) in self.chroma.iter_mut().enumerate() {
            read(picture.row(plane + 1, y), values, 1.0 / finer::<SampleOf<R>>());
        }
        let alphas = |plane: usize, y: usize| picture.alpha_row(plane, y);
        if let Some(alpha) = alphas(1, y) {
            read(alpha, &mut self.shares, 1.0 / SampleOf::<R>::MAX.float());
        }
        for (row, line) in (shared * y..).zip(&mut self.luma) {
            read(picture.row(0, row), &mut line.values, 1.0 / finer::<SampleOf<R>>());
            let Some(alpha) = alphas(0, row) else { continue };
            read(alpha, &mut line.shares, 1.0 / SampleOf::<R>::MAX.float());
            let of_chroma = line.shares.chunks_exact(shared).zip(&self.shares);
            for (beside, (own, all)) in line.beside.chunks_exact_mut(shared).zip(of_chroma) {
                beside.iter_mut().zip(own).for_each(|(out, own)| *out = if *all > 0.0 { own / all } else { 1.0 });
            }
        }
    }

    fn write<R: Raster>(&self, picture: &mut R, y: usize) {
        for (row, line) in (self.luma.len() * y..).zip(&self.luma) {
            write(&line.values, picture.row_mut(0, row));
        }
        for (plane, values) in self.chroma.iter().enumerate() {
            write(values, picture.row_mut(plane + 1, y));
        }
    }

    /// What Cb and Cr, and what is added, come to.
    fn of_chroma(&self, [_, of_blue, of_red, add]: &[f32; 4]) -> Vec<f32> {
        let [blue, red] = &self.chroma;
        let values = blue.iter().zip(red).zip(&self.shares);
        values.map(|((blue, red), share)| blue * of_blue + red * of_red + share * add).collect()
    }

    /// Y, Cb and Cr of themselves: of Cb and Cr by the mean of the pixels that share them.
    fn change(&mut self, matrix: &Weights) {
        let [of_luma, of_blue, of_red] = matrix.each_ref().map(|row| self.of_chroma(row));
        let means = mean(self.luma.iter().map(|line| &line.values[..]));
        for line in &mut self.luma {
            let beside = spread(&of_luma, line);
            for ((value, more), share) in line.values.iter_mut().zip(beside).zip(&line.shares) {
                *value = (*value * matrix[0][0] + more).max(16.0 * share).min(235.0 * share);
            }
        }
        for (row, (values, of_chroma)) in matrix[1..].iter().zip(self.chroma.iter_mut().zip([of_blue, of_red])) {
            for (((value, mean), more), share) in values.iter_mut().zip(&means).zip(of_chroma).zip(&self.shares) {
                *value = (mean * row[0] + more).max(16.0 * share).min(240.0 * share);
            }
        }
    }

    /// Red, green or blue after a change, row by row: within 0…1, or as far beyond as it was.
    fn held(&self, loaded: &[f32; 4], changed: &[f32; 4]) -> Vec<Vec<f32>> {
        let [before, after] = [loaded, changed].map(|row| self.of_chroma(row));
        let line = |line: &Line| {
            let (mut out, before) = (spread(&after, line), spread(&before, line));
            for (((out, before), value), share) in out.iter_mut().zip(before).zip(&line.values).zip(&line.shares) {
                let (was, is) = (value * loaded[0] + before, value * changed[0] + *out);
                *out = is.max(was.min(0.0)).min(was.max(*share));
            }
            out
        };
        self.luma.iter().map(line).collect()
    }

    /// Y, Cb and Cr of red, green and blue.
    fn store(&mut self, stored: &Weights, colors: &[Vec<Vec<f32>>; 3]) {
        let [reds, greens, blues] = colors;
        let put = |out: &mut [f32], [red, green, blue]: [&[f32]; 3], shares: &[f32], row: &[f32; 4]| {
            for ((((out, red), green), blue), share) in out.iter_mut().zip(red).zip(green).zip(blue).zip(shares) {
                *out = red * row[0] + green * row[1] + blue * row[2] + share * row[3];
            }
        };
        for (line, ((red, green), blue)) in self.luma.iter_mut().zip(reds.iter().zip(greens).zip(blues)) {
            put(&mut line.values, [red, green, blue], &line.shares, &stored[0]);
        }
        let means = colors.each_ref().map(|rows| mean(rows.iter().map(|row| &row[..])));
        for (values, row) in self.chroma.iter_mut().zip(&stored[1..]) {
            put(values, means.each_ref().map(|mean| &mean[..]), &self.shares, row);
        }
    }
}

/// How many times as large values are as those of 8 bits.
fn finer<S: Sample>() -> f32 {
    (1 << S::FINER) as f32
}

fn read<S: Sample>(row: &[S], out: &mut [f32], share: f32) {
    out.iter_mut().zip(row).for_each(|(out, value)| *out = value.float() * share);
}

fn write<S: Sample>(values: &[f32], out: &mut [S]) {
    out.iter_mut().zip(values).for_each(|(out, value)| *out = S::rounded(value * finer::<S>()));
}

/// The mean of the pixels of rows that share Cb and Cr: none do, or two by two.
fn mean<'a>(mut rows: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    let first = rows.next().unwrap_or_default();
    let Some(second) = rows.next() else { return first.to_vec() };
    let pairs = first.chunks_exact(2).zip(second.chunks_exact(2));
    pairs.map(|(above, below)| (above[0] + above[1] + below[0] + below[1]) * 0.25).collect()
}

/// For each pixel of a row what is shared, as premultiplied as that pixel is.
fn spread(of_chroma: &[f32], line: &Line) -> Vec<f32> {
    let mut out = line.beside.clone();
    if out.len() == of_chroma.len() {
        out.iter_mut().zip(of_chroma).for_each(|(out, value)| *out *= value);
        return out;
    }
    for (pair, value) in out.chunks_exact_mut(2).zip(of_chroma) {
        pair[0] *= value;
        pair[1] *= value;
    }
    out
}
