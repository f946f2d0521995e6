//! Pictures with alpha: their colours are premultiplied before they are scaled, or what is clear would bleed into the edges.

use ffmpeg_next::{
    format::Pixel,
    frame::Video as Frame,
    software::scaling::{Context, Flags},
};

use super::{Crop, Setup, orient, run, unscalable};
use crate::media::{MediaError, Picture, Turn};

/// The form of the result, and that in which colours are premultiplied: each pixel by its own alpha.
const FORM: Pixel = Pixel::YUVA420P;
const FINE: Pixel = Pixel::YUVA444P;

/// Scales pictures with alpha to one size.
pub struct Matte {
    size: (u32, u32),
    flags: Flags,
    /// From the source's form to ours at its own size, and from there to the size that is wanted.
    ways: Option<(Setup, Context, Context)>,
    premultiplied: Frame,
    scaled: Frame,
    turned: Vec<u8>,
}

impl Matte {
    pub fn new(size: (u32, u32), flags: Flags) -> Self {
        Self { size, flags, ways: None, premultiplied: Frame::empty(), scaled: Frame::empty(), turned: Vec::new() }
    }

    pub fn scale(&mut self, frame: &Frame, fractions: (f64, f64, f64, f64)) -> Result<(), MediaError> {
        let setup = Setup { light: None, ..Setup::of(frame, fractions, None) };
        let Crop { width, height, .. } = setup.crop;
        if self.ways.as_ref().is_none_or(|(made_for, ..)| *made_for != setup) {
            let first = setup.context(FINE, ffmpeg_next::ffi::SWS_CS_ITU709, (width, height), self.flags)?;
            let second =
                Context::get(FINE, width, height, FORM, self.size.0, self.size.1, self.flags).map_err(|_| unscalable())?;
            self.ways = Some((setup, first, second));
            self.premultiplied = fresh(FINE, width, height)?;
            self.scaled = fresh(FORM, self.size.0, self.size.1)?;
        }
        let Some((_, first, second)) = &mut self.ways else { return Err(unscalable()) };
        run(first, frame, setup.crop, &mut self.premultiplied)?;
        premultiply(&mut self.premultiplied);
        run(second, &self.premultiplied, Crop { x: 0, y: 0, width, height }, &mut self.scaled)
    }

    /// Makes `out` what was scaled, turned upright, and returns its alpha.
    pub fn put(&mut self, turn: Turn, out: &mut Picture) -> Result<&[u8], MediaError> {
        let (width, height) = (out.width(), out.height());
        self.turned.resize(width * height, 0);
        let scaled = &self.scaled;
        let size = |plane: usize| {
            let half = usize::from(plane == 1 || plane == 2);
            ((self.size.0 as usize).div_ceil(1 << half), (self.size.1 as usize).div_ceil(1 << half))
        };
        let at = |plane: usize| move |x: usize, y: usize| scaled.data(plane)[y * scaled.stride(plane) + x];
        for plane in 0..3 {
            for y in 0..out.plane_height(plane) {
                orient::turn_row(at(plane), size(plane), turn, y, out.row_mut(plane, y));
            }
        }
        for (y, row) in self.turned.chunks_exact_mut(width).enumerate() {
            orient::turn_row(at(3), size(3), turn, y, row);
        }
        Ok(&self.turned)
    }
}

fn fresh(form: Pixel, width: u32, height: u32) -> Result<Frame, MediaError> {
    let frame = Frame::new(form, width, height);
    if frame.planes() < 4 {
        return Err(MediaError::TooLarge(format!("no memory for a picture of {width}×{height}")));
    }
    Ok(frame)
}

/// Each pixel by its alpha.
fn premultiply(frame: &mut Frame) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let (alpha, alpha_stride) = (frame.data(3).to_vec(), frame.stride(3));
    for plane in 0..3 {
        let stride = frame.stride(plane);
        let rows = frame.data_mut(plane).chunks_mut(stride).zip(alpha.chunks(alpha_stride)).take(height);
        for (value, alpha) in rows.flat_map(|(row, alpha)| row.iter_mut().zip(alpha).take(width)) {
            *value = ((u16::from(*value) * u16::from(*alpha) + 127) / 255) as u8;
        }
    }
}
