//! Tables of colours, in the form .cube (Adobe, "Cube LUT Specification" 1.0), and what they make of pictures in YUV.

use super::sprite::{Raster, SampleOf};
use crate::media::{Form, Sample, bt709};

/// The largest file, bytes.
pub const MOST_BYTES: u64 = 32 << 20;
/// The most steps of a table of three dimensions, and of one.
const MOST_STEPS: [usize; 2] = [256, 65_536];
/// Steps of the table over stored Y, Cb and Cr that is made of it: one each 4 of 256.
const STEPS: usize = 65;
const STEP: f32 = 4.0;

/// Red, green and blue, 0…1.
type Rgb = [f32; 3];

/// What a file says.
struct Cube {
    steps: usize,
    /// One table for all channels, of three dimensions, red fastest; or one of one dimension for each.
    is_solid: bool,
    low: Rgb,
    high: Rgb,
    values: Vec<Rgb>,
}

/// Colours for colours: stored Y, Cb and Cr as they are after the table, at steps of all three.
pub struct Table {
    values: Vec<[f32; 3]>,
}

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let cube = Cube::parse(text)?;
        let mut values = Vec::with_capacity(STEPS * STEPS * STEPS);
        for cr in 0..STEPS {
            for cb in 0..STEPS {
                for y in 0..STEPS {
                    let rgb = bt709::colors([y, cb, cr].map(|step| step as f32 * STEP));
                    values.push(yuv_of(cube.at(rgb.map(|value| value.clamp(0.0, 1.0)))));
                }
            }
        }
        Ok(Self { values })
    }

    /// Changes a picture's colours; those of clear pixels count as much as they are seen.
    pub fn apply<R: Raster>(&self, picture: &mut R) {
        let (across, shift, shared) = (picture.plane_width(1), R::Form::SHARED, 1 << R::Form::SHARED);
        let opaque = vec![SampleOf::<R>::MAX; picture.width()];
        for y in 0..picture.plane_height(1) {
            let chroma: Vec<[SampleOf<R>; 2]> = (0..across).map(|x| [picture.row(1, y)[x], picture.row(2, y)[x]]).collect();
            let shares = picture.alpha_row(1, y).unwrap_or(&opaque[..across]).to_vec();
            let mut sums = vec![0i32; across];
            let mut line = vec![[SampleOf::<R>::default(); 3]; picture.width()];
            for row in shared * y..shared * (y + 1) {
                let alpha = picture.alpha_row(0, row).unwrap_or(&opaque).to_vec();
                for (x, (out, luma)) in line.iter_mut().zip(picture.row(0, row)).enumerate() {
                    let at = x >> shift;
                    sums[at] += luma.int();
                    let [cb, cr] = unmixed(chroma[at], shares[at]);
                    let [before] = unmixed([*luma], alpha[x]);
                    *out = self.at([before, cb, cr]).map(|value| mixed(value, alpha[x]));
                }
                for (out, [value, ..]) in picture.row_mut(0, row).iter_mut().zip(&line) {
                    *out = *value;
                }
            }
            // Where nothing is shared, the line has Cb and Cr too.
            for (x, out) in line[..across].iter_mut().enumerate().filter(|_| shift > 0) {
                let [cb, cr] = unmixed(chroma[x], shares[x]);
                let [luma] = unmixed([SampleOf::<R>::of(sums[x] >> (2 * shift))], shares[x]);
                *out = self.at([luma, cb, cr]).map(|value| mixed(value, shares[x]));
            }
            for plane in [1, 2] {
                for (out, values) in picture.row_mut(plane, y).iter_mut().zip(&line) {
                    *out = values[plane];
                }
            }
        }
    }

    /// Between the eight values around it.
    fn at(&self, stored: [f32; 3]) -> [f32; 3] {
        let place = stored.map(|value| (value / STEP).clamp(0.0, (STEPS - 1) as f32));
        let low = place.map(|place| (place as usize).min(STEPS - 2));
        between(place, low, |[y, cb, cr]| self.values[(cr * STEPS + cb) * STEPS + y])
    }
}

/// Of values that are premultiplied by alpha, the values, as large as those of 8 bits.
fn unmixed<S: Sample, const N: usize>(values: [S; N], alpha: S) -> [f32; N] {
    let [alpha, opaque] = [alpha, S::MAX].map(Sample::float);
    if alpha == 0.0 {
        return [0.0; N];
    }
    let scale = 1.0 / (1 << S::FINER) as f32;
    values.map(|value| value.float() * opaque / alpha * scale)
}

fn mixed<S: Sample>(value: f32, alpha: S) -> S {
    let [alpha, opaque] = [alpha, S::MAX].map(Sample::float);
    S::rounded(value * (1 << S::FINER) as f32 * alpha / opaque)
}

/// Trilinear: the mean of the corners of a cell, each by how near it is.
fn between(place: [f32; 3], low: [usize; 3], value: impl Fn([usize; 3]) -> [f32; 3]) -> [f32; 3] {
    let share = [0, 1, 2].map(|axis| place[axis] - low[axis] as f32);
    let mut out = [0.0; 3];
    for corner in 0..8 {
        let bit = |axis: usize| corner >> axis & 1;
        let weight: f32 = [0, 1, 2].map(|axis| if bit(axis) == 1 { share[axis] } else { 1.0 - share[axis] }).iter().product();
        if weight > 0.0 {
            let found = value([0, 1, 2].map(|axis| low[axis] + bit(axis)));
            out.iter_mut().zip(found).for_each(|(out, value)| *out += value * weight);
        }
    }
    out
}

impl Cube {
    fn parse(text: &str) -> Result<Self, String> {
        let mut cube = Self { steps: 0, is_solid: true, low: [0.0; 3], high: [1.0; 3], values: Vec::new() };
        for (number, line) in
            text.trim_start_matches('\u{feff}').lines().enumerate().map(|(index, line)| (index + 1, line.trim()))
        {
            let mut words = line.split_whitespace();
            let Some(first) = words.next().filter(|word| !word.starts_with('#')) else { continue };
            let wrong = |what: &str| format!("line {number} {what}");
            match first {
                "TITLE" => {}
                "LUT_3D_SIZE" | "LUT_1D_SIZE" => {
                    let (is_solid, most) = (first == "LUT_3D_SIZE", MOST_STEPS[usize::from(first == "LUT_1D_SIZE")]);
                    let steps = words.next().and_then(|word| word.parse().ok()).filter(|steps| (2..=most).contains(steps));
                    (cube.is_solid, cube.steps) =
                        (is_solid, steps.ok_or_else(|| wrong(&format!("must give a size from 2 to {most}")))?);
                }
                "DOMAIN_MIN" => cube.low = numbers(words).ok_or_else(|| wrong("must have three numbers"))?,
                "DOMAIN_MAX" => cube.high = numbers(words).ok_or_else(|| wrong("must have three numbers"))?,
                // As DaVinci Resolve says it, of all channels.
                "LUT_3D_INPUT_RANGE" | "LUT_1D_INPUT_RANGE" => {
                    let mut range = words.map(|word| word.parse::<f32>().ok().filter(|number| number.is_finite()));
                    let both = range.next().flatten().zip(range.next().flatten());
                    let (low, high) = both.ok_or_else(|| wrong("must have two numbers"))?;
                    (cube.low, cube.high) = ([low; 3], [high; 3]);
                }
                _ if first.starts_with(|c: char| c.is_ascii_alphabetic()) && first.parse::<f32>().is_err() => {} // A word of a later version.
                _ => {
                    let value = numbers(line.split_whitespace()).ok_or_else(|| wrong("must have three numbers"))?;
                    cube.values.push(value);
                    if cube.steps > 0 && cube.values.len() > cube.wanted() {
                        return Err(format!("more than the {} colours of its size follow", cube.wanted()));
                    }
                }
            }
        }
        let spans = cube.low.iter().zip(cube.high).all(|(low, high)| *low < high);
        match cube.steps {
            0 => Err("no LUT_3D_SIZE or LUT_1D_SIZE is given".into()),
            _ if !spans => Err("the least input must be less than the most".into()),
            _ if cube.values.len() != cube.wanted() => {
                Err(format!("{} colours must follow, and {} do", cube.wanted(), cube.values.len()))
            }
            _ => Ok(cube),
        }
    }

    fn wanted(&self) -> usize {
        if self.is_solid { self.steps.pow(3) } else { self.steps }
    }

    fn at(&self, rgb: Rgb) -> Rgb {
        let most = (self.steps - 1) as f32;
        let place = [0, 1, 2].map(|channel| {
            let share = (rgb[channel] - self.low[channel]) / (self.high[channel] - self.low[channel]);
            share.clamp(0.0, 1.0) * most
        });
        let low = place.map(|place| (place as usize).min(self.steps - 2));
        if self.is_solid {
            return between(place, low, |[r, g, b]| self.values[(b * self.steps + g) * self.steps + r]);
        }
        [0, 1, 2].map(|channel| {
            let share = place[channel] - low[channel] as f32;
            self.values[low[channel]][channel] * (1.0 - share) + self.values[low[channel] + 1][channel] * share
        })
    }
}

fn numbers<'a>(words: impl Iterator<Item = &'a str>) -> Option<Rgb> {
    let found: Vec<f32> = words.map_while(|word| word.parse().ok()).filter(|value: &f32| value.is_finite()).collect();
    found.try_into().ok()
}

/// As stored, held within what has a meaning there.
fn yuv_of(rgb: Rgb) -> [f32; 3] {
    let [y, cb, cr] = bt709::stored(rgb, 1.0);
    [y.clamp(16.0, 235.0), cb.clamp(16.0, 240.0), cr.clamp(16.0, 240.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_three_dimensions_is_read_red_first() {
        let text = "TITLE \"t\"\n# c\nLUT_3D_SIZE 2\n0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n";
        let cube = Cube::parse(text).unwrap();
        assert_eq!(cube.at([0.25, 0.5, 1.0]), [0.25, 0.5, 1.0]);
    }

    #[test]
    fn a_table_of_one_dimension_has_a_curve_a_channel() {
        let cube = Cube::parse("LUT_1D_SIZE 3\nDOMAIN_MAX 2 2 2\n0 1 0\n0.5 0.5 0\n1 0 0\n").unwrap();
        assert_eq!(cube.at([0.5, 1.0, 1.0]), [0.25, 0.5, 0.0]);
        let ranged = Cube::parse("LUT_1D_SIZE 3\nLUT_1D_INPUT_RANGE 0 2\n0 1 0\n0.5 0.5 0\n1 0 0\n").unwrap();
        assert_eq!(ranged.at([0.5, 1.0, 1.0]), [0.25, 0.5, 0.0]);
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        let refused = |text: &str| Table::parse(text).err().unwrap();
        assert!(refused("").contains("LUT_3D_SIZE"));
        assert!(refused("LUT_3D_SIZE 1").contains("line 1"));
        assert!(refused("LUT_3D_SIZE 2\n0 0\n").contains("line 2"));
        assert!(refused("LUT_3D_SIZE 2\n0 0 nan\n").contains("line 2"));
        assert!(refused("LUT_1D_SIZE 2\n0 0 0\n").contains("2 colours"));
        assert!(refused("LUT_1D_SIZE 2\n0 0 0\n0 0 0\n0 0 0\n").contains("more than"));
        assert!(refused("LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE 1\n").contains("line 2"));
        assert!(refused("LUT_1D_SIZE 2\nDOMAIN_MIN 1 1 1\n0 0 0\n0 0 0\n").contains("least input"));
    }
}
