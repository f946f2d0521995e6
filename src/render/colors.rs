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
        if self.exceeds() {
            Held::of(&self.0).apply(picture);
        } else {
            YuvMatrix::of(&self.0).apply(picture);
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

/// A change whose colours are held within those there are, pixel by pixel; a pixel may lie beyond them before, where others share its Cb
/// and Cr, and stays as far.
struct Held {
    /// Red, green and blue of stored values, before it and after it…
    loaded: [[f32; 4]; 3],
    changed: [[f32; 4]; 3],
    /// …and what is stored of those. All as large as those of 8 bits; what is added goes by alpha.
    stored: [[f32; 4]; 3],
}

impl Held {
    fn of(rgb: &RgbMatrix) -> Self {
        let narrow = |matrix: RgbMatrix| matrix.map(|row| row.map(|value| value as f32));
        Self { loaded: narrow(loaded()), changed: narrow(product(rgb, &loaded())), stored: narrow(stored()) }
    }

    fn apply<R: Raster>(&self, picture: &mut R) {
        let (across, shift, shared) = (picture.plane_width(1), R::Form::SHARED, 1 << R::Form::SHARED);
        let opaque = vec![SampleOf::<R>::MAX; picture.width()];
        let mean = 1.0 / (shared * shared) as f32;
        for y in 0..picture.plane_height(1) {
            let shares: Vec<f32> = picture.alpha_row(1, y).unwrap_or(&opaque[..across]).iter().map(share).collect();
            let chroma = picture.row(1, y).iter().zip(picture.row(2, y)).zip(&shares);
            let of_both = |((cb, cr), share): ((_, _), &f32)| {
                [&self.loaded, &self.changed].map(|matrix| of_chroma(matrix, eight_bits(cb), eight_bits(cr), *share))
            };
            let chroma: Vec<[[f32; 3]; 2]> = chroma.map(of_both).collect();
            let mut sums = vec![[0f32; 3]; across];
            for row in shared * y..shared * (y + 1) {
                let alphas = picture.alpha_row(0, row).unwrap_or(&opaque).to_vec();
                for (x, (value, alpha)) in picture.row_mut(0, row).iter_mut().zip(&alphas).enumerate() {
                    let (at, share) = (x >> shift, share(alpha));
                    // As premultiplied as the pixel is.
                    let own = if share == shares[at] || shares[at] == 0.0 { 1.0 } else { share / shares[at] };
                    let luma = eight_bits(value);
                    let [before, after] = &chroma[at];
                    let rgb = [0, 1, 2].map(|color| {
                        let was = luma * self.loaded[color][0] + before[color] * own;
                        let is = luma * self.changed[color][0] + after[color] * own;
                        is.max(was.min(0.0)).min(was.max(share))
                    });
                    *value = self.stored(0, rgb, share);
                    sums[at].iter_mut().zip(rgb).for_each(|(sum, value)| *sum += value);
                }
            }
            for plane in 1..3 {
                for ((out, sum), share) in picture.row_mut(plane, y).iter_mut().zip(&sums).zip(&shares) {
                    *out = self.stored(plane, sum.map(|value| value * mean), *share);
                }
            }
        }
    }

    #[inline(always)]
    fn stored<S: Sample>(&self, plane: usize, [red, green, blue]: [f32; 3], share: f32) -> S {
        let [of_red, of_green, of_blue, add] = self.stored[plane];
        S::rounded((red * of_red + green * of_green + blue * of_blue + add * share) * (1 << S::FINER) as f32)
    }
}

/// What Cb and Cr, and what is added, make of red, green and blue.
fn of_chroma(matrix: &[[f32; 4]; 3], cb: f32, cr: f32, share: f32) -> [f32; 3] {
    matrix.map(|[_, of_cb, of_cr, add]| cb * of_cb + cr * of_cr + add * share)
}

/// How opaque alpha is, 0…1.
#[inline(always)]
fn share<S: Sample>(alpha: &S) -> f32 {
    alpha.float() * (1.0 / S::MAX.float())
}

/// A value as large as one of 8 bits.
#[inline(always)]
fn eight_bits<S: Sample>(value: &S) -> f32 {
    value.float() * (1.0 / (1 << S::FINER) as f32)
}

/// A change that no colour leaves, by one matrix over Y, Cb and Cr as they are stored, in 65536ths; what is added goes by alpha.
struct YuvMatrix([[i32; 4]; 3]);

impl YuvMatrix {
    fn of(rgb: &RgbMatrix) -> Self {
        let whole = product(&stored(), &product(rgb, &loaded()));
        // Bounded, so that no sum is too large for its 32 bits.
        let fixed = |value: f64, most: f64| (value.clamp(-most, most) * 65_536.0).round() as i32;
        Self(whole.map(|[y, cb, cr, add]| [fixed(y, 20.0), fixed(cb, 20.0), fixed(cr, 20.0), fixed(add, 8_000.0)]))
    }

    fn apply<R: Raster>(&self, picture: &mut R) {
        let (across, shift, shared) = (picture.plane_width(1), R::Form::SHARED, 1 << R::Form::SHARED);
        let opaque = vec![SampleOf::<R>::MAX; picture.width()];
        for y in 0..picture.plane_height(1) {
            let (cb, cr) = (picture.row(1, y).to_vec(), picture.row(2, y).to_vec());
            let mut sums = vec![0i32; across];
            for row in shared * y..shared * (y + 1) {
                for (sum, values) in sums.iter_mut().zip(picture.row(0, row).chunks_exact(shared)) {
                    *sum += values.iter().map(|value| value.int()).sum::<i32>();
                }
            }
            let half = (1 << (2 * shift)) >> 1;
            let shares = picture.alpha_row(1, y).unwrap_or(&opaque[..across]).to_vec();
            let means: Vec<_> = sums.iter().map(|sum| SampleOf::<R>::of((sum + half) >> (2 * shift))).collect();
            for row in shared * y..shared * (y + 1) {
                let alpha = picture.alpha_row(0, row).unwrap_or(&opaque).to_vec();
                for (x, value) in picture.row_mut(0, row).iter_mut().enumerate() {
                    let [cb, cr] = [&cb, &cr].map(|chroma| of_pixel(chroma[x >> shift], shares[x >> shift], alpha[x]));
                    *value = self.value(0, [*value, cb, cr], alpha[x], (16, 235));
                }
            }
            for plane in 1..3 {
                for (x, value) in picture.row_mut(plane, y).iter_mut().enumerate() {
                    *value = self.value(plane, [means[x], cb[x], cr[x]], shares[x], (16, 240));
                }
            }
        }
    }

    /// Finer values go with coarser factors, so that no sum is too large here either.
    #[inline(always)]
    fn value<S: Sample>(&self, row: usize, stored: [S; 3], alpha: S, (low, high): (i32, i32)) -> S {
        let (factors, alpha, most) = (&self.0[row], alpha.int(), S::MAX.int());
        let sum: i32 = stored.iter().zip(factors).map(|(value, factor)| (*value).int() * (factor >> S::FINER)).sum();
        let added = (i64::from(factors[3]) * i64::from(alpha) / i64::from(most)) as i32;
        let bits = 16 - S::FINER;
        let value = (sum + added + (1 << (bits - 1))) >> bits;
        let bound = |value: i32| (value << S::FINER) * alpha / most;
        S::of(value.clamp(bound(low), bound(high)))
    }
}

/// Cb or Cr that several pixels share, as premultiplied by the alpha of one of them as it is by theirs.
#[inline(always)]
fn of_pixel<S: Sample>(value: S, shared: S, alpha: S) -> S {
    if alpha == shared || shared == S::default() {
        return value;
    }
    S::of((value.int() * alpha.int() + shared.int() / 2) / shared.int())
}
