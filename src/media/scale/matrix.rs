//! From the luma and colour differences of one standard to those of BT.709, value by value: libswscale would go by red, green and
//! blue of 8 bits, and a grey would come out tinted.

use ffmpeg_next::{ffi, format::Pixel, frame::Video as Frame};

use crate::media::{
    Sample,
    bt709::{CHROMA, CHROMA_RANGE, LUMA, LUMA_RANGE},
};

/// What is added of Cb and Cr, each less its middle, to luma, and what becomes Cb and Cr; 65536ths. A grey stays as it is.
#[derive(Debug, PartialEq)]
pub struct Change {
    luma: [i32; 2],
    blue: [i32; 2],
    red: [i32; 2],
}

impl Change {
    /// From a matrix as libswscale names it, of pictures of a form; `None` where nothing is to be done: it is ours already, or they
    /// are not by luma.
    pub fn from(matrix: i32, form: Pixel) -> Option<Self> {
        // SAFETY: a constant of FFmpeg's, or null.
        let flags = unsafe { ffi::av_pix_fmt_desc_get(form.into()).as_ref() }.map_or(0, |description| description.flags);
        let is_rgb = flags & (ffi::AV_PIX_FMT_FLAG_RGB | ffi::AV_PIX_FMT_FLAG_PAL) as u64 != 0;
        // ITU-R BT.601-7, 2.5.1; 47 CFR 73.682 (FCC); SMPTE 240M; ITU-R BT.2020-2, table 4.
        let theirs = match matrix {
            ffi::SWS_CS_ITU601 => (0.299, 0.114),
            ffi::SWS_CS_FCC => (0.30, 0.11),
            ffi::SWS_CS_SMPTE240M => (0.212, 0.087),
            ffi::SWS_CS_BT2020 => (0.2627, 0.0593),
            _ => return None,
        };
        (!is_rgb).then(|| Self::between(theirs))
    }

    fn between((kr, kb): (f64, f64)) -> Self {
        let [our_red, our_green, our_blue] = LUMA;
        // What one of Cb, or of Cr, means of red, green and blue, where luma is 0.
        let of = |cb: f64, cr: f64| {
            let (red, blue) = (2.0 * (1.0 - kr) * cr, 2.0 * (1.0 - kb) * cb);
            let green = -(kr * red + kb * blue) / (1.0 - kr - kb);
            let luma = our_red * red + our_green * green + our_blue * blue;
            [luma * LUMA_RANGE / CHROMA_RANGE, (blue - luma) / CHROMA[0], (red - luma) / CHROMA[1]]
        };
        let (by_blue, by_red) = (of(1.0, 0.0), of(0.0, 1.0));
        let fixed = |at: usize| [by_blue[at], by_red[at]].map(|share| (share * 65_536.0).round() as i32);
        Self { luma: fixed(0), blue: fixed(1), red: fixed(2) }
    }

    /// Changes planes of YUV in limited range, of which Cb and Cr are smaller by a power of two.
    pub fn apply<S: Sample>(&self, frame: &mut Frame, shared: usize) {
        let width = frame.width() as usize;
        let (across, down) = (width >> shared, frame.height() as usize >> shared);
        let middle = 128 << S::FINER;
        for y in 0..down {
            let differences = [1, 2].map(|plane| {
                let row = &row::<S>(frame, plane, y)[..across];
                row.iter().map(|value| value.int() - middle).collect::<Vec<i32>>()
            });
            let [blue, red] = &differences;
            let sum = |shares: &[i32; 2], at: usize| (shares[0] * blue[at] + shares[1] * red[at] + (1 << 15)) >> 16;
            for row_of_these in y << shared..(y + 1) << shared {
                for (x, value) in row::<S>(frame, 0, row_of_these)[..width].iter_mut().enumerate() {
                    *value = S::of(value.int() + sum(&self.luma, x >> shared));
                }
            }
            for (plane, shares) in [(1, &self.blue), (2, &self.red)] {
                for (at, value) in row::<S>(frame, plane, y)[..across].iter_mut().enumerate() {
                    *value = S::of(middle + sum(shares, at));
                }
            }
        }
    }
}

fn row<S: Sample>(frame: &mut Frame, plane: usize, y: usize) -> &mut [S] {
    let stride = frame.stride(plane);
    bytemuck::cast_slice_mut(&mut frame.data_mut(plane)[y * stride..(y + 1) * stride])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_stay_what_they_are_and_greys_as_they_were() {
        let change = Change::from(ffi::SWS_CS_ITU601, Pixel::YUV420P).unwrap();
        // Red of BT.601 is 81, 90, 240, and of BT.709 63, 102, 240 (ITU-R BT.601-7 and BT.709-6, by their formulas).
        for (stored, wanted) in
            [([81, 90, 240], [63, 102, 240]), ([100, 128, 128], [100, 128, 128]), ([235, 128, 128], [235, 128, 128])]
        {
            let mut frame = Frame::new(Pixel::YUV420P, 16, 16);
            for (plane, value) in stored.into_iter().enumerate() {
                frame.data_mut(plane).fill(value);
            }
            change.apply::<u8>(&mut frame, 1);
            let got = [0, 1, 2].map(|plane| frame.data(plane)[frame.stride(plane) * 3 + 3]);
            assert!(got.iter().zip(wanted).all(|(got, wanted): (&u8, u8)| got.abs_diff(wanted) <= 1), "{got:?}, not {wanted:?}");
            assert!(stored[1] != 128 || got == wanted, "{got:?}");
            // Of 10 bits.
            let mut frame = Frame::new(Pixel::YUV444P10LE, 16, 16);
            for (plane, value) in stored.into_iter().enumerate() {
                bytemuck::cast_slice_mut::<u8, u16>(frame.data_mut(plane)).fill(u16::from(value) * 4);
            }
            change.apply::<u16>(&mut frame, 0);
            let got = [0, 1, 2].map(|plane| row::<u16>(&mut frame, plane, 3)[3]);
            assert!(got.iter().zip(wanted).all(|(got, wanted)| got.abs_diff(u16::from(wanted) * 4) <= 6), "{got:?}");
        }
    }

    #[test]
    fn what_is_ours_or_is_no_luma_is_left() {
        assert_eq!(Change::from(ffi::SWS_CS_ITU709, Pixel::YUV420P), None);
        assert_eq!(Change::from(ffi::SWS_CS_ITU601, Pixel::RGBA), None);
    }
}
