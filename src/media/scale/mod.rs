//! One pass from a decoded picture to ours: crop, size, pixel format, matrix and range at once; what is brighter or more
//! colourful than ours goes on through [`tone`], what has alpha through [`matte`].

mod context;
mod matrix;
mod matte;
mod tone;

use ffmpeg_next::{ffi, format::Pixel, frame::Video as Frame, software::scaling::Flags};

use super::{Decoded, Form, MediaError, Picture, Turn, orient};
use context::Context;
use matrix::Change;
use matte::Matte;
pub use tone::told_peak;
use tone::{Light, Tone};

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

/// What a file says of its pictures that they do not say themselves.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    pub turn: Turn,
    /// See [`super::VideoInfo::peak`].
    pub peak: Option<u32>,
}

/// Scales the pictures of one stream and turns them upright; is set up anew where the stream changes its size
/// or format. Lives on one thread.
pub struct Scaler<F: Form> {
    width: u32,
    height: u32,
    turn: Turn,
    smoothness: Smoothness,
    /// Of a source in PQ, the brightest that it says it holds, cd/m².
    peak: Option<u32>,
    /// Scaled but not yet turned.
    lying: Option<Picture<F>>,
    way: Option<(Setup, Way)>,
    matte: Option<Matte<F>>,
}

/// What a way was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Setup {
    format: Pixel,
    crop: Crop,
    matrix: i32,
    full_range: bool,
    light: Option<Light>,
}

/// How pictures come to their size; those of more light than ours holds get it by way of one of 10 bits.
struct Way {
    context: Context,
    change: Option<Change>,
    tone: Option<Tone>,
}

impl<F: Form> Scaler<F> {
    /// For pictures of `width` by `height` when they stand upright.
    pub fn new(width: u32, height: u32, source: Source, smoothness: Smoothness) -> Self {
        let Source { turn, peak } = source;
        let (width, height) = if turn.swaps_axes() { (height, width) } else { (width, height) };
        Self { width, height, turn, smoothness, peak, lying: None, way: None, matte: None }
    }

    /// Scales the part of the upright picture that `fractions` (left, top, right, bottom) names into `out`.
    pub fn scale(&mut self, decoded: &Decoded, fractions: (f64, f64, f64, f64), out: &mut Picture<F>) -> Result<(), MediaError> {
        let whole = decoded.woven()?;
        let frame = whole.as_ref().unwrap_or(&decoded.frame);
        if self.turn == Turn::None {
            return self.scale_lying(frame, fractions, out);
        }
        let mut lying = match self.lying.take() {
            Some(lying) => lying,
            None => Picture::new(self.width, self.height)?,
        };
        self.scale_lying(frame, fractions, &mut lying)?;
        orient::turn_into(&lying, self.turn, out);
        self.lying = Some(lying);
        Ok(())
    }

    /// The same of a picture with alpha: `out` is premultiplied by it. Returns alpha, at the size of luma, row by row.
    pub fn scale_clear(
        &mut self,
        decoded: &Decoded,
        fractions: (f64, f64, f64, f64),
        out: &mut Picture<F>,
    ) -> Result<&[F::Sample], MediaError> {
        let whole = decoded.woven()?;
        let frame = whole.as_ref().unwrap_or(&decoded.frame);
        let fractions = self.turn.unturn(fractions);
        let size = (self.width, self.height);
        let matte = self.matte.get_or_insert_with(|| Matte::new(size, flags(self.smoothness)));
        matte.scale(frame, fractions)?;
        matte.put(self.turn, out)
    }

    fn scale_lying(&mut self, frame: &Frame, fractions: (f64, f64, f64, f64), out: &mut Picture<F>) -> Result<(), MediaError> {
        let setup = Setup::of(frame, self.turn.unturn(fractions), self.peak);
        if self.way.as_ref().is_none_or(|(made_for, _)| *made_for != setup) {
            self.way = Some((setup, self.way_for(setup)?));
        }
        let Some((_, way)) = &mut self.way else { return Err(unscalable()) };
        match &mut way.tone {
            None => {
                run(&mut way.context, frame, setup.crop, &mut out.frame)?;
                if let Some(change) = &way.change {
                    change.apply::<F::Sample>(&mut out.frame, F::SHARED);
                }
                Ok(())
            }
            Some(tone) => {
                run(&mut way.context, frame, setup.crop, tone.high())?;
                tone.bring(out);
                Ok(())
            }
        }
    }

    fn way_for(&self, setup: Setup) -> Result<Way, MediaError> {
        let (width, height) = (self.width, self.height);
        let tone = setup.light.map(|light| Tone::new::<F>(light, width, height)).transpose()?;
        let (form, matrix) = match tone {
            Some(_) => (F::BRIGHT, ffi::SWS_CS_BT2020),
            None => (F::PIXEL, ffi::SWS_CS_ITU709),
        };
        let change = setup.change().filter(|_| tone.is_none());
        let context = setup.context(form, matrix, (width, height), flags(self.smoothness))?;
        Ok(Way { context, change, tone })
    }
}

fn flags(smoothness: Smoothness) -> Flags {
    match smoothness {
        Smoothness::Bilinear => Flags::BILINEAR,
        Smoothness::Bicubic => Flags::BICUBIC,
        Smoothness::Exact => Flags::BICUBIC | Flags::ACCURATE_RND,
    }
}

impl Setup {
    fn of(frame: &Frame, fractions: (f64, f64, f64, f64), peak: Option<u32>) -> Self {
        let light = Light::of(frame, peak);
        Self {
            format: frame.format(),
            crop: crop(frame.width(), frame.height(), fractions),
            matrix: matrix(frame, light),
            full_range: full_range(frame),
            light,
        }
    }

    /// How its matrix becomes ours, after it was scaled.
    fn change(&self) -> Option<Change> {
        Change::from(self.matrix, self.format)
    }

    /// To another form, in limited range; where its matrix is changed later, in that.
    fn context(&self, form: Pixel, matrix: i32, (across, down): (u32, u32), flags: Flags) -> Result<Context, MediaError> {
        let Crop { width, height, .. } = self.crop;
        let from = if self.light.is_none() && self.change().is_some() { matrix } else { self.matrix };
        let from = context::Form { pixel: self.format, width, height, matrix: from, full_range: self.full_range };
        let to = context::Form { pixel: form, width: across, height: down, matrix, full_range: false };
        Context::new(&from, &to, flags).ok_or_else(|| MediaError::Unsupported("the pixel format is not supported".into()))
    }
}

fn unscalable() -> MediaError {
    MediaError::Corrupt("a picture of the source cannot be scaled".into())
}

/// `out` is as large as the context was made for.
fn run(context: &mut Context, frame: &Frame, crop: Crop, out: &mut Frame) -> Result<(), MediaError> {
    let rows = out.height() as i32;
    // SAFETY: the crop lies within the frame (see `crop`), whose planes are moved to its corner by whole
    // samples of each plane; the context was made for exactly this crop and the size of `out`.
    let scaled = unsafe {
        let source = frame.as_ptr();
        let (mut planes, strides) = ((*source).data, (*source).linesize);
        let description = ffi::av_pix_fmt_desc_get(frame.format().into());
        for (plane, start) in planes.iter_mut().enumerate().filter(|(_, start)| !start.is_null()) {
            let offset = plane_offset(&*description, plane, crop.x as usize, crop.y as usize, strides[plane] as isize);
            *start = start.offset(offset);
        }
        let target = out.as_mut_ptr();
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

/// The crop in pixels: within the picture, even at its corner, and at least two pixels each way where there are two. As large as it
/// is wanted, wherever it starts, or it would be stretched.
fn crop(width: u32, height: u32, (left, top, right, bottom): (f64, f64, f64, f64)) -> Crop {
    let span = |whole: u32, from: f64, to: f64| {
        let start = ((f64::from(whole) * from / 2.0).round() as u32 * 2).min(whole.saturating_sub(2) & !1);
        let length = (f64::from(whole) * (to - from)).round().max(2.0) as u32;
        (start, length.min(whole - start))
    };
    let (x, width) = span(width, left, right);
    let (y, height) = span(height, top, bottom);
    Crop { x, y, width, height }
}

/// The matrix that the source's numbers mean, as libswscale names it.
fn matrix(frame: &Frame, light: Option<Light>) -> i32 {
    // SAFETY: read as a number: the file may hold one that the enum has not.
    let tag = unsafe { std::ptr::addr_of!((*frame.as_ptr()).colorspace).cast::<i32>().read() };
    match tag {
        1 => ffi::SWS_CS_ITU709,
        4 => ffi::SWS_CS_FCC,
        5 | 6 => ffi::SWS_CS_ITU601,
        7 => ffi::SWS_CS_SMPTE240M,
        9 | 10 => ffi::SWS_CS_BT2020,
        _ if light.is_some() => light.map_or(ffi::SWS_CS_BT2020, Light::usual_matrix),
        _ if frame.height() >= 720 => ffi::SWS_CS_ITU709,
        _ => ffi::SWS_CS_ITU601,
    }
}

fn full_range(frame: &Frame) -> bool {
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
