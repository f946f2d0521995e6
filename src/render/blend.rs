//! The inner loops: rows of bytes put over rows of bytes. Plain enough for the compiler to vectorise.

/// Opacity in 256ths: 0 shows nothing, 256 all.
pub fn weight(opacity: f64) -> u32 {
    (opacity.clamp(0.0, 1.0) * 256.0).round() as u32
}

/// `below` becomes the mean of `below` and `above`, which counts `weight` 256ths.
pub fn mix_row(below: &mut [u8], above: &[u8], weight: u32) {
    let weight = weight.min(256) as u16;
    let rest = 256 - weight;
    for (below, &above) in below.iter_mut().zip(above) {
        // At most 256 × 255 + 128, which 16 bits hold.
        *below = ((u16::from(*below) * rest + u16::from(above) * weight + 128) >> 8) as u8;
    }
}

/// Puts a row with alpha over `below`. `above` is premultiplied by `alpha`; `weight` scales both.
pub fn over_row(below: &mut [u8], above: &[u8], alpha: &[u8], weight: u32) {
    if weight >= 256 {
        for ((below, &above), &alpha) in below.iter_mut().zip(above).zip(alpha) {
            *below = above.saturating_add(scaled(*below, 255 - alpha));
        }
        return;
    }
    let weight = weight as u16;
    for ((below, &above), &alpha) in below.iter_mut().zip(above).zip(alpha) {
        let above = ((u16::from(above) * weight + 128) >> 8) as u8;
        let alpha = ((u16::from(alpha) * weight + 128) >> 8) as u8;
        *below = above.saturating_add(scaled(*below, 255 - alpha));
    }
}

/// `value` × `factor` / 255, rounded, without a division.
fn scaled(value: u8, factor: u8) -> u8 {
    let product = u16::from(value) * u16::from(factor) + 128;
    ((product + (product >> 8)) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_rounds_like_the_exact_quotient() {
        for value in 0..=255u8 {
            for factor in 0..=255u8 {
                let exact = (f64::from(value) * f64::from(factor) / 255.0).round() as u8;
                assert_eq!(scaled(value, factor), exact);
            }
        }
    }

    #[test]
    fn mixing_goes_from_one_row_to_the_other() {
        let mut row = [0, 100, 255];
        mix_row(&mut row, &[255, 200, 0], 0);
        assert_eq!(row, [0, 100, 255]);
        mix_row(&mut row, &[255, 200, 0], 128);
        assert_eq!(row, [128, 150, 128]);
        mix_row(&mut row, &[255, 200, 0], 256);
        assert_eq!(row, [255, 200, 0]);
    }

    #[test]
    fn what_is_opaque_replaces_and_what_is_clear_leaves() {
        let mut row = [10, 20, 30];
        over_row(&mut row, &[200, 0, 100], &[255, 0, 128], 256);
        assert_eq!(row, [200, 20, 115]);
        let mut row = [10, 20, 30];
        over_row(&mut row, &[200, 0, 100], &[255, 0, 128], 0);
        assert_eq!(row, [10, 20, 30]);
    }
}
