//! One pass from a decoded picture to ours: crop, size, pixel format, matrix and range at once; what is brighter or more
//! colourful than ours goes on through [`tone`], what has alpha through [`matte`].

mod context;
mod cut;
mod matrix;
mod matte;
mod tone;

use ffmpeg_next::{ffi, format::Pixel, frame::Video as Frame, software::scaling::Flags};

use super::{Decoded, Form, MediaError, Picture, Turn, orient};
use context::Context;
use cut::{Crop, Cut, Fine};
use matrix::Change;
use matte::Matte;
pub use tone::told_peak;
use tone::{Light, Tone};

/// A part of a picture, in fractions of the whole (left, top, right, bottom).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Excerpt {
    /// What is wanted; where it reaches beyond…
    pub part: (f64, f64, f64, f64),
    /// …what may be seen, the edges of that go on.
    pub within: (f64, f64, f64, f64),
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
#[derive(Debug, Clone, Copy, PartialEq)]
struct Setup {
    format: Pixel,
    cut: Cut,
    matrix: i32,
    full_range: bool,
    light: Option<Light>,
}

/// How pictures come to their size; those of more light than ours holds get it by way of one of 10 bits.
struct Way {
    pass: Pass,
    change: Option<Change>,
    tone: Option<Tone>,
}

/// From a decoded picture to one of another form and size.
enum Pass {
    Whole(Context),
    /// Between pixels: of a picture of the same form, or of one that is brought to it first.
    Fine(Fine, Option<(Context, Frame)>),
}

impl<F: Form> Scaler<F> {
    /// For pictures of `width` by `height` when they stand upright.
    pub fn new(width: u32, height: u32, source: Source, smoothness: Smoothness) -> Self {
        let Source { turn, peak } = source;
        let (width, height) = if turn.swaps_axes() { (height, width) } else { (width, height) };
        Self { width, height, turn, smoothness, peak, lying: None, way: None, matte: None }
    }

    /// Scales a part of the upright picture into `out`.
    pub fn scale(&mut self, decoded: &Decoded, excerpt: &Excerpt, out: &mut Picture<F>) -> Result<(), MediaError> {
        let whole = decoded.woven()?;
        let frame = whole.as_ref().unwrap_or(&decoded.frame);
        if self.turn == Turn::None {
            return self.scale_lying(frame, excerpt, out);
        }
        let mut lying = match self.lying.take() {
            Some(lying) => lying,
            None => Picture::new(self.width, self.height)?,
        };
        self.scale_lying(frame, excerpt, &mut lying)?;
        orient::turn_into(&lying, self.turn, out);
        self.lying = Some(lying);
        Ok(())
    }

    /// The same of a picture with alpha: `out` is premultiplied by it. Returns alpha, at the size of luma, row by row.
    pub fn scale_clear(
        &mut self,
        decoded: &Decoded,
        excerpt: &Excerpt,
        out: &mut Picture<F>,
    ) -> Result<&[F::Sample], MediaError> {
        let whole = decoded.woven()?;
        let frame = whole.as_ref().unwrap_or(&decoded.frame);
        let size = (self.width, self.height);
        let matte = self.matte.get_or_insert_with(|| Matte::new(size, self.smoothness));
        matte.scale(frame, &excerpt.unturned(self.turn))?;
        matte.put(self.turn, out)
    }

    fn scale_lying(&mut self, frame: &Frame, excerpt: &Excerpt, out: &mut Picture<F>) -> Result<(), MediaError> {
        let setup = Setup::of(frame, &excerpt.unturned(self.turn), (self.width, self.height), self.peak);
        if self.way.as_ref().is_none_or(|(made_for, _)| *made_for != setup) {
            self.way = Some((setup, self.way_for(setup)?));
        }
        let Some((_, way)) = &mut self.way else { return Err(unscalable()) };
        match &mut way.tone {
            None => {
                way.pass.run(frame, &setup.cut, &mut out.frame)?;
                if let Some(change) = &way.change {
                    change.apply::<F::Sample>(&mut out.frame, F::SHARED);
                }
                Ok(())
            }
            Some(tone) => {
                way.pass.run(frame, &setup.cut, tone.high())?;
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
        let pass = match setup.cut.fine {
            None => Pass::Whole(setup.context(form, matrix, (width, height), flags(self.smoothness))?),
            Some(_) => {
                let form = cut::as_shared(setup.format, form)?;
                Pass::Fine(Fine::new(self.smoothness), setup.unscaled(form, matrix, flags(self.smoothness))?)
            }
        };
        Ok(Way { pass, change, tone })
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
    fn of(frame: &Frame, excerpt: &Excerpt, size: (u32, u32), peak: Option<u32>) -> Self {
        let light = Light::of(frame, peak);
        Self {
            format: frame.format(),
            cut: Cut::of(frame, excerpt, size),
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
        let to = context::Form { pixel: form, width: across, height: down, matrix, full_range: false };
        Context::new(&self.form(matrix), &to, flags)
            .ok_or_else(|| MediaError::Unsupported("the pixel format is not supported".into()))
    }

    /// To another form at its own size; `None` where it is of that form.
    fn unscaled(&self, form: Pixel, matrix: i32, flags: Flags) -> Result<Option<(Context, Frame)>, MediaError> {
        let own = self.form(matrix);
        if own.pixel == form && own.matrix == matrix && !own.full_range {
            return Ok(None);
        }
        let size = (own.width, own.height);
        Ok(Some((self.context(form, matrix, size, flags)?, fresh(form, size)?)))
    }

    fn form(&self, to_matrix: i32) -> context::Form {
        let Crop { width, height, .. } = self.cut.crop;
        let matrix = if self.light.is_none() && self.change().is_some() { to_matrix } else { self.matrix };
        context::Form { pixel: self.format, width, height, matrix, full_range: self.full_range }
    }
}

impl Excerpt {
    fn unturned(&self, turn: Turn) -> Self {
        Self { part: turn.unturn(self.part), within: turn.unturn(self.within) }
    }
}

impl Pass {
    fn run(&mut self, frame: &Frame, cut: &Cut, out: &mut Frame) -> Result<(), MediaError> {
        match (self, &cut.fine) {
            (Pass::Whole(context), None) => run(context, frame, cut.crop, out),
            (Pass::Fine(fine, None), Some(wanted)) => fine.bring(wanted, frame, (cut.crop.x, cut.crop.y), out),
            (Pass::Fine(fine, Some((context, whole))), Some(wanted)) => {
                run(context, frame, cut.crop, whole)?;
                fine.bring(wanted, whole, (0, 0), out)
            }
            _ => Err(unscalable()),
        }
    }
}

/// A picture of unspecified content.
fn fresh(form: Pixel, (width, height): (u32, u32)) -> Result<Frame, MediaError> {
    let frame = Frame::new(form, width, height);
    if frame.planes() == 0 {
        return Err(MediaError::TooLarge(format!("no memory for a picture of {width}×{height}")));
    }
    Ok(frame)
}

fn unscalable() -> MediaError {
    MediaError::Corrupt("a picture of the source cannot be scaled".into())
}

/// `out` is as large as the context was made for.
fn run(context: &mut Context, frame: &Frame, crop: Crop, out: &mut Frame) -> Result<(), MediaError> {
    let rows = out.height() as i32;
    // SAFETY: the crop lies within the frame (see `cut`), whose planes are moved to its corner by whole
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
