//! The Gaussian blur; pixels beyond an edge are as those at it.
//!
//! A narrow one is convolved. A wide one is three boxes whose edges count for a share, so that their variance is the Gaussian's exactly
//! (Gwosdek, Grewenig, Bruhn and Weickert, "Theoretical Foundations of Gaussian Convolution by Extended Box Filtering", 2011): it costs
//! the same however wide it is.

use crate::media::Sample;

/// Standard deviations across and down, pixels.
pub type Sigma = (f64, f64);

/// Narrower ones are convolved: three rounded boxes would be coarse.
const NARROW: f64 = 2.0;
/// Narrower ones change no value of eight bits.
const NONE: f64 = 0.05;
/// Of narrower ones the Gaussian between pixels counts, which its values at them do not tell: the neighbours alone have its variance.
const WITHIN_A_PIXEL: f64 = 0.6;
/// Of weights: all is so much.
const WHOLE: u32 = 1 << 16;

/// Blurs rows of `width` values.
pub fn blur_plane<S: Sample>(pixels: &mut [S], width: usize, rows: usize, (across, down): Sigma) {
    let mut turned = vec![S::default(); pixels.len()];
    lines(pixels, width, across);
    transpose(pixels, width, &mut turned);
    lines(&mut turned, rows, down);
    transpose(&turned, rows, pixels);
}

fn lines<S: Sample>(pixels: &mut [S], length: usize, sigma: f64) {
    if length == 0 || sigma < NONE {
        return;
    }
    if sigma < NARROW {
        let weights = weights(sigma);
        let (mut padded, mut sums) = (Vec::new(), vec![0; length]);
        pixels.chunks_exact_mut(length).for_each(|line| convolve(line, &weights, &mut padded, &mut sums));
    } else {
        let window = Window::of(sigma, length);
        let mut source = Vec::new();
        for line in pixels.chunks_exact_mut(length) {
            (0..Window::PASSES).for_each(|_| window.pass(line, &mut source));
        }
    }
}

/// From the middle outwards, up to three standard deviations.
fn weights(sigma: f64) -> Vec<u32> {
    let reach = (3.0 * sigma).ceil() as usize;
    let values: Vec<f64> = if sigma < WITHIN_A_PIXEL {
        vec![1.0 - sigma * sigma, sigma * sigma / 2.0]
    } else {
        (0..=reach).map(|at| (-0.5 * (at as f64 / sigma).powi(2)).exp()).collect()
    };
    let sum = values[0] + 2.0 * values[1..].iter().sum::<f64>();
    let mut weights: Vec<u32> = values.iter().map(|value| (value / sum * f64::from(WHOLE)).round() as u32).collect();
    weights[0] = WHOLE - 2 * weights[1..].iter().sum::<u32>();
    weights
}

fn convolve<S: Sample>(line: &mut [S], weights: &[u32], padded: &mut Vec<u32>, sums: &mut [u32]) {
    let (reach, length) = (weights.len() - 1, line.len());
    let value = |value: &S| value.int() as u32;
    padded.clear();
    padded.extend(std::iter::repeat_n(value(&line[0]), reach));
    padded.extend(line.iter().map(value));
    padded.extend(std::iter::repeat_n(value(&line[length - 1]), reach));
    sums.fill(WHOLE / 2);
    for (at, weight) in weights.iter().enumerate() {
        let before = &padded[reach - at..][..length];
        let after = &padded[reach + at..][..length];
        let twice = if at == 0 { 0 } else { *weight };
        for ((sum, before), after) in sums.iter_mut().zip(before).zip(after) {
            *sum += before * weight + after * twice;
        }
    }
    for (out, sum) in line.iter_mut().zip(sums) {
        *out = S::of((*sum / WHOLE) as i32);
    }
}

/// A box and what lies at its edges.
struct Window {
    radius: isize,
    /// Of each within, and of the two beyond, in parts of [`Self::ALL`].
    within: u64,
    edge: u64,
}

impl Window {
    const PASSES: usize = 3;
    const ALL: f64 = (1u64 << 32) as f64;

    /// For lines of some length.
    fn of(sigma: f64, length: usize) -> Self {
        let variance = sigma * sigma / Self::PASSES as f64;
        let radius = (0.5 * (12.0 * variance + 1.0).sqrt() - 0.5).floor();
        let share = (2.0 * radius + 1.0) * (radius * (radius + 1.0) - 3.0 * variance)
            / (6.0 * (variance - (radius + 1.0) * (radius + 1.0)));
        // Beyond some lengths of the line there is only more of its ends.
        let most = (length * 4) as f64;
        let (radius, share) = if radius < most { (radius, share) } else { (most, 0.0) };
        let within = Self::ALL / (2.0 * radius + 1.0 + 2.0 * share);
        Self { radius: radius as isize, within: within.round() as u64, edge: (within * share).round() as u64 }
    }

    fn pass<S: Sample>(&self, line: &mut [S], source: &mut Vec<S>) {
        source.clear();
        source.extend_from_slice(line);
        let last = line.len() - 1;
        let radius = self.radius;
        let at = |index: isize| source[index.clamp(0, last as isize) as usize].int() as u64;
        let mut sum: u64 = (-radius..=radius).map(at).sum();
        for (x, out) in line.iter_mut().enumerate() {
            let (before, after) = (at(x as isize - radius - 1), at(x as isize + radius + 1));
            let all = sum * self.within + (before + after) * self.edge;
            *out = S::of(((all + (1 << 31)) >> 32) as i32);
            sum = sum + after - at(x as isize - radius);
        }
    }
}

/// In tiles, so that both sides stay in the cache.
fn transpose<S: Sample>(from: &[S], width: usize, to: &mut [S]) {
    const TILE: usize = 32;
    let rows = from.len() / width;
    for y0 in (0..rows).step_by(TILE) {
        for x0 in (0..width).step_by(TILE) {
            for y in y0..(y0 + TILE).min(rows) {
                for x in x0..(x0 + TILE).min(width) {
                    to[x * rows + y] = from[y * width + x];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blur_spreads_a_point_as_the_gaussian_does_and_keeps_the_mean() {
        for sigma in [0.3, 0.5, 0.8, 1.3, 1.9, 2.0, 2.7, 4.0, 9.5] {
            // A step, whose differences are the spread of a point: in ten bits.
            let mut line: Vec<u16> = (0..160).map(|x| if x < 80 { 0 } else { 1_000 }).collect();
            lines(&mut line, 160, sigma);
            let spread: Vec<f64> = line.windows(2).map(|pair| f64::from(pair[1]) - f64::from(pair[0])).collect();
            let (sum, middle) = (spread.iter().sum::<f64>(), 79.0);
            let variance = spread.iter().zip(0..).map(|(part, x)| part * (f64::from(x) - middle).powi(2)).sum::<f64>() / sum;
            assert_eq!(sum, 1_000.0);
            assert!((variance.sqrt() - sigma).abs() < 0.05 * sigma.max(1.0), "{sigma}: {}", variance.sqrt());
        }
    }

    #[test]
    fn across_and_down_are_blurred_by_themselves() {
        let mut pixels: Vec<u8> = (0..64 * 64).map(|at| if at % 64 < 32 { 0 } else { 200 }).collect();
        let before = pixels.clone();
        blur_plane(&mut pixels, 64, 64, (0.0, 5.0));
        assert_eq!(pixels, before, "nothing changes downwards");
        blur_plane(&mut pixels, 64, 64, (5.0, 0.0));
        assert!(pixels[10 * 64 + 30].abs_diff(75) < 6, "{}", pixels[10 * 64 + 30]);
    }

    #[test]
    fn a_line_shorter_than_the_blur_is_its_mean() {
        let mut pixels = vec![0u8, 100];
        blur_plane(&mut pixels, 2, 1, (60.0, 60.0));
        assert!(pixels.iter().all(|value| value.abs_diff(50) < 8), "{pixels:?}");
    }
}
