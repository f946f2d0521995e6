//! Pictures with alpha: their colours are premultiplied before they are scaled, or what is clear would bleed into the edges.

use ffmpeg_next::{ffi, format::Pixel, frame::Video as Frame};

use super::{
    Crop, Cut, Excerpt, Fine, Pass, Setup, Smoothness,
    context::{self, Context},
    flags, fresh, orient, run, unscalable,
};
use crate::media::{Form, MediaError, Picture, Sample, Turn};

/// Scales pictures with alpha to one size.
pub struct Matte<F: Form> {
    size: (u32, u32),
    smoothness: Smoothness,
    /// From the source's form to ours at its own size, and from there to the size that is wanted.
    ways: Option<(Setup, Context, Pass)>,
    premultiplied: Frame,
    scaled: Frame,
    turned: Vec<F::Sample>,
}

impl<F: Form> Matte<F> {
    pub fn new(size: (u32, u32), smoothness: Smoothness) -> Self {
        Self { size, smoothness, ways: None, premultiplied: Frame::empty(), scaled: Frame::empty(), turned: Vec::new() }
    }

    pub fn scale(&mut self, frame: &Frame, excerpt: &Excerpt) -> Result<(), MediaError> {
        let setup = Setup { light: None, ..Setup::of(frame, excerpt, self.size, None) };
        let Crop { width, height, .. } = setup.cut.crop;
        if self.ways.as_ref().is_none_or(|(made_for, ..)| *made_for != setup) {
            let first = setup.context(F::UNSHARED, ffi::SWS_CS_ITU709, (width, height), flags(self.smoothness))?;
            self.ways = Some((setup, first, self.second(&setup)?));
            self.premultiplied = fresh(F::UNSHARED, (width, height))?;
            self.scaled = fresh(F::CLEAR, self.size)?;
        }
        let Some((_, first, second)) = &mut self.ways else { return Err(unscalable()) };
        run(first, frame, setup.cut.crop, &mut self.premultiplied)?;
        if let Some(change) = setup.change() {
            change.apply::<F::Sample>(&mut self.premultiplied, 0);
        }
        if has_short_alpha(frame.format()) {
            reach_opaque::<F::Sample>(&mut self.premultiplied);
        }
        premultiply::<F::Sample>(&mut self.premultiplied);
        let whole = Cut { crop: Crop { x: 0, y: 0, width, height }, ..setup.cut };
        second.run(&self.premultiplied, &whole, &mut self.scaled)
    }

    fn second(&self, setup: &Setup) -> Result<Pass, MediaError> {
        if setup.cut.fine.is_some() {
            return Ok(Pass::Fine(Fine::new(self.smoothness), None));
        }
        let Crop { width, height, .. } = setup.cut.crop;
        let form = |pixel, (width, height)| context::Form { pixel, width, height, matrix: ffi::SWS_CS_ITU709, full_range: false };
        let (from, to) = (form(F::UNSHARED, (width, height)), form(F::CLEAR, self.size));
        Context::new(&from, &to, flags(self.smoothness)).map(Pass::Whole).ok_or_else(unscalable)
    }

    /// Makes `out` what was scaled, turned upright, and returns its alpha.
    pub fn put(&mut self, turn: Turn, out: &mut Picture<F>) -> Result<&[F::Sample], MediaError> {
        let (width, height) = (out.width(), out.height());
        self.turned.resize(width * height, F::Sample::default());
        let scaled = &self.scaled;
        let size = |plane: usize| [self.size.0, self.size.1].map(|edge| (edge as usize).div_ceil(1 << F::shift(plane))).into();
        let plane_of = |plane: usize| {
            let (samples, stride) = samples::<F::Sample>(scaled, plane);
            move |x: usize, y: usize| samples[y * stride + x]
        };
        for plane in 0..3 {
            let at = plane_of(plane);
            for y in 0..out.plane_height(plane) {
                orient::turn_row(at, size(plane), turn, y, out.row_mut(plane, y));
            }
        }
        let at = plane_of(3);
        for (y, row) in self.turned.chunks_exact_mut(width).enumerate() {
            orient::turn_row(at, size(3), turn, y, row);
        }
        Ok(&self.turned)
    }
}

/// The values of a plane, and how many lie between the starts of two rows.
fn samples<S: Sample>(frame: &Frame, plane: usize) -> (&[S], usize) {
    (bytemuck::cast_slice(frame.data(plane)), frame.stride(plane) / size_of::<S>())
}

/// Whether libswscale makes of its alpha, of 8 bits, four times as much in 10, so that what is opaque is 1020 of 1023.
fn has_short_alpha(form: Pixel) -> bool {
    // SAFETY: a constant of FFmpeg's, or null.
    let description = unsafe { ffi::av_pix_fmt_desc_get(form.into()).as_ref() };
    let is_planar = |description: &&ffi::AVPixFmtDescriptor| description.flags & ffi::AV_PIX_FMT_FLAG_PLANAR as u64 != 0;
    description.filter(is_planar).is_some_and(|description| description.comp[3].depth == 8)
}

/// Makes what is opaque so again.
fn reach_opaque<S: Sample>(frame: &mut Frame) {
    let (most, short) = (S::MAX.int(), 255 << S::FINER);
    let values: &mut [S] = bytemuck::cast_slice_mut(frame.data_mut(3));
    for alpha in values.iter_mut().filter(|_| most > short) {
        *alpha = S::of((alpha.int() * most + short / 2) / short);
    }
}

/// Each pixel by its alpha.
fn premultiply<S: Sample>(frame: &mut Frame) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let (alpha, alpha_stride) = samples::<S>(frame, 3);
    let alpha = alpha.to_vec();
    for plane in 0..3 {
        let stride = frame.stride(plane) / size_of::<S>();
        let values: &mut [S] = bytemuck::cast_slice_mut(frame.data_mut(plane));
        let rows = values.chunks_mut(stride).zip(alpha.chunks(alpha_stride)).take(height);
        for (value, alpha) in rows.flat_map(|(row, alpha)| row.iter_mut().zip(alpha).take(width)) {
            *value = value.scaled(*alpha);
        }
    }
}
