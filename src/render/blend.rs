//! The inner loops: rows put over rows. Plain enough for the compiler to vectorise.

use crate::media::Sample;

/// Opacity in 256ths: 0 shows nothing, 256 all.
pub fn weight(opacity: f64) -> u32 {
    (opacity.clamp(0.0, 1.0) * 256.0).round() as u32
}

/// `below` becomes the mean of `below` and `above`, which counts `weight` 256ths.
pub fn mix_row<S: Sample>(below: &mut [S], above: &[S], weight: u32) {
    let weight = weight.min(256) as u16;
    for (below, &above) in below.iter_mut().zip(above) {
        *below = mix(*below, above, weight);
    }
}

/// The mean of two values, of which the second counts `weight` 256ths.
#[inline(always)]
pub fn mix<S: Sample>(below: S, above: S, weight: u16) -> S {
    let [weight, rest, half] = [weight, 256 - weight, 128].map(S::Wide::from);
    S::narrow((S::Wide::from(below) * rest + S::Wide::from(above) * weight + half) >> 8)
}

/// Puts a row with alpha over `below`. `above` is premultiplied by `alpha`; `weight` scales both.
pub fn over_row<S: Sample>(below: &mut [S], above: &[S], alpha: &[S], weight: u32) {
    if weight >= 256 {
        for ((below, &above), &alpha) in below.iter_mut().zip(above).zip(alpha) {
            *below = above.plus(below.scaled(rest(alpha)));
        }
        return;
    }
    let [weight, half] = [weight as u16, 128].map(S::Wide::from);
    let less = |value: S| S::narrow((S::Wide::from(value) * weight + half) >> 8);
    for ((below, &above), &alpha) in below.iter_mut().zip(above).zip(alpha) {
        *below = less(above).plus(below.scaled(rest(less(alpha))));
    }
}

/// How much is seen through what has some alpha.
#[inline(always)]
fn rest<S: Sample>(alpha: S) -> S {
    S::narrow(S::Wide::from(S::MAX) - S::Wide::from(alpha))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixing_goes_from_one_row_to_the_other() {
        let mut row = [0u8, 100, 255];
        mix_row(&mut row, &[255, 200, 0], 0);
        assert_eq!(row, [0, 100, 255]);
        mix_row(&mut row, &[255, 200, 0], 128);
        assert_eq!(row, [128, 150, 128]);
        mix_row(&mut row, &[255, 200, 0], 256);
        assert_eq!(row, [255, 200, 0]);
    }

    #[test]
    fn what_is_opaque_replaces_and_what_is_clear_leaves() {
        let mut row = [10u8, 20, 30];
        over_row(&mut row, &[200, 0, 100], &[255, 0, 128], 256);
        assert_eq!(row, [200, 20, 115]);
        let mut row = [10u8, 20, 30];
        over_row(&mut row, &[200, 0, 100], &[255, 0, 128], 0);
        assert_eq!(row, [10, 20, 30]);
        let mut row = [40u16, 80, 120];
        over_row(&mut row, &[800, 0, 400], &[1023, 0, 512], 256);
        assert_eq!(row, [800, 80, 460]);
    }
}
