//! Colours as a [`Picture`](super::Picture) stores them: ITU-R BT.709-6, limited range, the numbers as large as of 8 bits.

/// What red, green and blue add to luma (3.2).
pub const LUMA: [f64; 3] = [0.2126, 0.7152, 0.0722];
/// Divisors of B-Y and R-Y (3.3).
pub const CHROMA: [f64; 2] = [1.8556, 1.5748];
/// From black to white, and of Cb and Cr, as they are stored (3.5).
pub const LUMA_RANGE: f64 = 219.0;
pub const CHROMA_RANGE: f64 = 224.0;

const WEIGHTS: [f32; 3] = [LUMA[0] as f32, LUMA[1] as f32, LUMA[2] as f32];
/// Of Cb and Cr to B-Y and R-Y.
const STEPS: [f32; 2] = [(CHROMA[0] / CHROMA_RANGE) as f32, (CHROMA[1] / CHROMA_RANGE) as f32];

/// Y, Cb and Cr of red, green and blue, 0…1 and premultiplied by alpha, which is 0…1 too.
pub fn stored([red, green, blue]: [f32; 3], alpha: f32) -> [f32; 3] {
    let luma = WEIGHTS[0] * red + WEIGHTS[1] * green + WEIGHTS[2] * blue;
    let middle = 128.0 * alpha;
    [16.0 * alpha + luma * LUMA_RANGE as f32, middle + (blue - luma) / STEPS[0], middle + (red - luma) / STEPS[1]]
}

/// Red, green and blue, 0…1 as far as there are such colours, of Y, Cb and Cr of what is opaque.
pub fn colors([y, cb, cr]: [f32; 3]) -> [f32; 3] {
    let luma = (y - 16.0) / LUMA_RANGE as f32;
    let (red, blue) = (luma + (cr - 128.0) * STEPS[1], luma + (cb - 128.0) * STEPS[0]);
    [red, (luma - WEIGHTS[0] * red - WEIGHTS[2] * blue) / WEIGHTS[1], blue]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_is_the_same() {
        let numbers = [100.0, 90.0, 150.0];
        let back = stored(colors(numbers), 1.0);
        assert!(numbers.iter().zip(back).all(|(a, b)| (a - b).abs() < 1e-3), "{back:?}");
    }
}
