//! One pass from a decoded picture to ours: crop, size, pixel format, matrix and range at once.

use ffmpeg_next::{
    ffi,
    format::Pixel,
    software::scaling::{Context, Flags},
};

use super::{Decoded, MediaError, Picture, Turn, orient};

/// The part of a decoded picture that is wanted, in its own pixels; made even, to lie on whole chroma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Crop {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

/// How much care scaling takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Smoothness {
    Bilinear,
    Bicubic,
    /// Bicubic, each value rounded as it should be and not as is quickest.
    Exact,
}

/// Scales the pictures of one stream and turns them upright; is set up anew where the stream changes its size
/// or format. Lives on one thread.
pub struct Scaler {
    width: u32,
    height: u32,
    turn: Turn,
    smoothness: Smoothness,
    /// Scaled but not yet turned.
    lying: Option<Picture>,
    context: Option<(Setup, Context)>,
}

/// What a context was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Setup {
    format: Pixel,
    crop: Crop,
    matrix: i32,
    full_range: bool,
}

impl Scaler {
    /// For pictures of `width` by `height` when they stand upright.
    pub fn new(width: u32, height: u32, turn: Turn, smoothness: Smoothness) -> Self {
        let (width, height) = if turn.swaps_axes() { (height, width) } else { (width, height) };
        Self { width, height, turn, smoothness, lying: None, context: None }
    }

    /// Scales the part of the upright picture that `fractions` (left, top, right, bottom) names into `out`.
    pub fn scale(&mut self, decoded: &Decoded, fractions: (f64, f64, f64, f64), out: &mut Picture) -> Result<(), MediaError> {
        let frame = &decoded.frame;
        let setup = Setup {
            format: frame.format(),
            crop: crop(frame.width(), frame.height(), self.turn.unturn(fractions)),
            matrix: matrix(frame),
            full_range: full_range(frame),
        };
        if self.context.as_ref().is_none_or(|(made_for, _)| *made_for != setup) {
            self.context = Some((setup, self.context_for(setup)?));
        }
        let Some((_, context)) = &mut self.context else { return Err(unscalable()) };
        if self.turn == Turn::None {
            return run(context, decoded, setup.crop, out);
        }
        let mut lying = match self.lying.take() {
            Some(lying) => lying,
            None => Picture::new(self.width, self.height)?,
        };
        run(context, decoded, setup.crop, &mut lying)?;
        orient::turn_into(&lying, self.turn, out);
        self.lying = Some(lying);
        Ok(())
    }

    fn context_for(&self, setup: Setup) -> Result<Context, MediaError> {
        let flags = match self.smoothness {
            Smoothness::Bilinear => Flags::BILINEAR,
            Smoothness::Bicubic => Flags::BICUBIC,
            Smoothness::Exact => Flags::BICUBIC | Flags::ACCURATE_RND,
        };
        let Crop { width, height, .. } = setup.crop;
        let mut context = Context::get(setup.format, width, height, Pixel::YUV420P, self.width, self.height, flags)
            .map_err(|_| MediaError::Unsupported("the pixel format is not supported".into()))?;
        // SAFETY: the tables are FFmpeg's constants; the context is ours.
        unsafe {
            let (from, to) = (ffi::sws_getCoefficients(setup.matrix), ffi::sws_getCoefficients(ffi::SWS_CS_ITU709));
            ffi::sws_setColorspaceDetails(context.as_mut_ptr(), from, setup.full_range.into(), to, 0, 0, 1 << 16, 1 << 16);
        }
        Ok(context)
    }
}

fn unscalable() -> MediaError {
    MediaError::Corrupt("a picture of the source cannot be scaled".into())
}

fn run(context: &mut Context, decoded: &Decoded, crop: Crop, out: &mut Picture) -> Result<(), MediaError> {
    let rows = out.height() as i32;
    // SAFETY: the crop lies within the frame (see `crop`), whose planes are moved to its corner by whole
    // samples of each plane; the context was made for exactly this crop and the size of `out`.
    let scaled = unsafe {
        let source = decoded.frame.as_ptr();
        let (mut planes, strides) = ((*source).data, (*source).linesize);
        let description = ffi::av_pix_fmt_desc_get(decoded.frame.format().into());
        for (plane, start) in planes.iter_mut().enumerate().filter(|(_, start)| !start.is_null()) {
            let offset = plane_offset(&*description, plane, crop.x as usize, crop.y as usize, strides[plane] as isize);
            *start = start.offset(offset);
        }
        let target = out.frame.as_mut_ptr();
        ffi::sws_scale(
            context.as_mut_ptr(),
            planes.as_ptr().cast(),
            strides.as_ptr(),
            0,
            crop.height as i32,
            (*target).data.as_ptr(),
            (*target).linesize.as_ptr(),
        )
    };
    if scaled == rows { Ok(()) } else { Err(unscalable()) }
}

/// Bytes from the start of a plane to the sample at (x, y) of the picture; x and y are even.
fn plane_offset(description: &ffi::AVPixFmtDescriptor, plane: usize, x: usize, y: usize, stride: isize) -> isize {
    let components = usize::from(description.nb_components);
    let Some(index) = description.comp[..components].iter().position(|c| c.plane as usize == plane) else {
        return 0; // A palette: not moved.
    };
    let chroma = index == 1 || index == 2;
    let (across, down) = if chroma { (description.log2_chroma_w, description.log2_chroma_h) } else { (0, 0) };
    let step = description.comp[index].step as isize;
    (y >> down) as isize * stride + (x >> across) as isize * step
}

/// The crop in pixels: within the picture, even at its corner, and at least two pixels each way where there are two.
fn crop(width: u32, height: u32, (left, top, right, bottom): (f64, f64, f64, f64)) -> Crop {
    let span = |whole: u32, from: f64, to: f64| {
        let start = ((f64::from(whole) * from / 2.0).round() as u32 * 2).min(whole.saturating_sub(2) & !1);
        let end = (f64::from(whole) * to).round().clamp(0.0, f64::from(whole)) as u32;
        (start, end.max(start + 2).min(whole) - start)
    };
    let (x, width) = span(width, left, right);
    let (y, height) = span(height, top, bottom);
    Crop { x, y, width, height }
}

/// The matrix that the source's numbers mean, as libswscale names it.
fn matrix(frame: &ffmpeg_next::frame::Video) -> i32 {
    // SAFETY: read as a number: the file may hold one that the enum has not.
    let tag = unsafe { std::ptr::addr_of!((*frame.as_ptr()).colorspace).cast::<i32>().read() };
    match tag {
        1 => ffi::SWS_CS_ITU709,
        4 => ffi::SWS_CS_FCC,
        5 | 6 => ffi::SWS_CS_ITU601,
        7 => ffi::SWS_CS_SMPTE240M,
        9 | 10 => ffi::SWS_CS_BT2020,
        _ if frame.height() >= 720 => ffi::SWS_CS_ITU709,
        _ => ffi::SWS_CS_ITU601,
    }
}

fn full_range(frame: &ffmpeg_next::frame::Video) -> bool {
    // SAFETY: as for the matrix.
    let tag = unsafe { std::ptr::addr_of!((*frame.as_ptr()).color_range).cast::<i32>().read() };
    const JPEG: i32 = 2;
    tag == JPEG || matches!(frame.format(), Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ444P | Pixel::YUVJ440P)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_stays_within_its_picture() {
        assert_eq!(crop(1280, 720, (0.0, 0.0, 1.0, 1.0)), Crop { x: 0, y: 0, width: 1280, height: 720 });
        assert_eq!(crop(35, 27, (0.0, 0.0, 1.0, 1.0)), Crop { x: 0, y: 0, width: 35, height: 27 });
        for edge in [1u32, 2, 3, 35, 1280] {
            for (from, to) in [(0.0, 0.001), (0.999, 1.0), (0.5, 0.5), (1.0, 1.0), (0.33, 0.34)] {
                let Crop { x, width, .. } = crop(edge, edge, (from, from, to, to));
                assert!(x + width <= edge && width >= 1 && x % 2 == 0, "{edge} {from} {to}: {x} {width}");
            }
        }
    }
}
