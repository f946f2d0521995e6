//! The forms in which pictures are composed: what is known of them when the code is compiled, so that the loops over their values
//! are as quick as if there were one alone.

use std::{
    fmt::Debug,
    ops::{Add, Mul, Shr, Sub},
};

use ffmpeg_next::format::Pixel;

/// A value of a plane: of 8 bits, or of 10 in 16.
pub trait Sample: bytemuck::Pod + Ord + Default + Debug + Send + Sync + Into<i32> + Into<f32> {
    /// Holds a value multiplied by 256, or by another value, and half of one more.
    type Wide: Copy
        + From<Self>
        + From<u16>
        + Into<u32>
        + Add<Output = Self::Wide>
        + Sub<Output = Self::Wide>
        + Mul<Output = Self::Wide>
        + Shr<u32, Output = Self::Wide>;
    const BITS: u32;
    /// How many times as large values are as those of 8 bits, as a power of two.
    const FINER: u32 = Self::BITS - 8;
    /// The largest, which of alpha is opaque.
    const MAX: Self;

    #[inline(always)]
    fn int(self) -> i32 {
        self.into()
    }

    #[inline(always)]
    fn float(self) -> f32 {
        self.into()
    }

    /// What is known to be no larger than the largest.
    fn narrow(wide: Self::Wide) -> Self;

    /// What is too small is 0, and what is too large the largest.
    fn of(value: i32) -> Self;

    /// A fraction goes to the nearest, and what is beyond the ends to them.
    fn rounded(value: f32) -> Self;

    /// A sum, or the largest value where that is less.
    fn plus(self, other: Self) -> Self;

    /// As a share of the largest: × `factor` / largest, rounded, without a division.
    #[inline(always)]
    fn scaled(self, factor: Self) -> Self {
        let product = Self::Wide::from(self) * Self::Wide::from(factor) + Self::Wide::from(1u16 << (Self::BITS - 1));
        Self::narrow((product + (product >> Self::BITS)) >> Self::BITS)
    }
}

impl Sample for u8 {
    type Wide = u16;
    const BITS: u32 = 8;
    const MAX: u8 = 255;

    #[inline(always)]
    fn narrow(wide: u16) -> u8 {
        wide as u8
    }

    #[inline(always)]
    fn of(value: i32) -> u8 {
        value.clamp(0, 255) as u8
    }

    #[inline(always)]
    fn rounded(value: f32) -> u8 {
        // A cast holds itself within 0 and 255; rounding by a call would cost more.
        (value + 0.5) as u8
    }

    #[inline(always)]
    fn plus(self, other: u8) -> u8 {
        self.saturating_add(other)
    }
}

impl Sample for u16 {
    type Wide = u32;
    const BITS: u32 = 10;
    const MAX: u16 = 1023;

    #[inline(always)]
    fn narrow(wide: u32) -> u16 {
        wide as u16
    }

    #[inline(always)]
    fn of(value: i32) -> u16 {
        value.clamp(0, 1023) as u16
    }

    #[inline(always)]
    fn rounded(value: f32) -> u16 {
        ((value + 0.5) as u16).min(1023)
    }

    #[inline(always)]
    fn plus(self, other: u16) -> u16 {
        (self + other).min(1023)
    }
}

/// Planar YUV, BT.709, limited range, in one of our forms.
pub trait Form: Copy + Debug + Send + Sync + 'static {
    type Sample: Sample;
    /// How many pixels have one Cb and Cr in common, across and down, as a power of two.
    const SHARED: usize;
    /// What FFmpeg calls it, and with alpha.
    const PIXEL: Pixel;
    const CLEAR: Pixel;
    /// The same values with alpha and a Cb and Cr for each pixel: to be premultiplied in.
    const UNSHARED: Pixel;
    /// Of 10 bits with as many Cb and Cr: what more light comes in.
    const BRIGHT: Pixel;

    /// By how much a plane is smaller than the picture, as a power of two: luma (0) and alpha (3) are as large as it is.
    #[inline(always)]
    fn shift(plane: usize) -> usize {
        if plane == 0 || plane == 3 { 0 } else { Self::SHARED }
    }
}

/// 4:2:0 of 8 bits: what most files hold, and the quickest.
#[derive(Debug, Clone, Copy)]
pub struct Yuv420;

/// 4:4:4 of 10 bits, the lower byte first as all machines that we know have it: for what is to lose neither the edges of colours
/// nor their steps.
#[derive(Debug, Clone, Copy)]
pub struct Yuv444Ten;

impl Form for Yuv420 {
    type Sample = u8;
    const SHARED: usize = 1;
    const PIXEL: Pixel = Pixel::YUV420P;
    const CLEAR: Pixel = Pixel::YUVA420P;
    const UNSHARED: Pixel = Pixel::YUVA444P;
    const BRIGHT: Pixel = Pixel::YUV420P10LE;
}

impl Form for Yuv444Ten {
    type Sample = u16;
    const SHARED: usize = 0;
    const PIXEL: Pixel = Pixel::YUV444P10LE;
    const CLEAR: Pixel = Pixel::YUVA444P10LE;
    const UNSHARED: Pixel = Pixel::YUVA444P10LE;
    const BRIGHT: Pixel = Pixel::YUV444P10LE;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_rounds_like_the_exact_quotient() {
        for value in 0..=255u8 {
            for factor in 0..=255u8 {
                let exact = (f64::from(value) * f64::from(factor) / 255.0).round() as u8;
                assert_eq!(value.scaled(factor), exact);
            }
        }
        for value in 0..=1023u16 {
            for factor in 0..=1023u16 {
                let exact = (f64::from(value) * f64::from(factor) / 1023.0).round() as u16;
                assert_eq!(value.scaled(factor), exact);
            }
        }
    }
}
