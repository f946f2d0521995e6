//! The 256 colours of a GIF, chosen from pictures of the whole of it, and pictures by these colours.

use std::fmt;

use color_quant::NeuQuant;
use ffmpeg_next::{format::Pixel, frame, software::scaling::Context};

use super::{Form, MediaError, Picture, Sample, encode_video::converter};

/// Of red, green and blue each the upper 5 bits find a colour of the palette.
const CELLS: usize = 1 << 15;
/// Of all pixels that a palette is chosen from, NeuQuant looks at each so-manieth.
const SAMPLE_FACTOR: i32 = 10;
/// The steps of ordered dithering: Bayer's matrix of 8 by 8 (Bayer, 1973). Unlike diffused errors it does not flicker.
const BAYER: [[i32; 8]; 8] = [
    [0, 32, 8, 40, 2, 34, 10, 42],
    [48, 16, 56, 24, 50, 18, 58, 26],
    [12, 44, 4, 36, 14, 46, 6, 38],
    [60, 28, 52, 20, 62, 30, 54, 22],
    [3, 35, 11, 43, 1, 33, 9, 41],
    [51, 19, 59, 27, 49, 17, 57, 25],
    [15, 47, 7, 39, 13, 45, 5, 37],
    [63, 31, 55, 23, 61, 29, 53, 21],
];
/// How far dithering moves a colour, of 255: about the distance of the palette's colours.
const DITHER: i32 = 20;

/// Whether a pixel of a picture with alpha is to be seen: less opaque than half is clear, for a GIF knows nothing between.
fn is_seen<S: Sample>(alpha: S) -> bool {
    alpha >= S::of(128 << S::FINER)
}

/// Collects the colours of pictures.
#[derive(Default)]
pub struct PaletteMaker {
    pixels: Vec<u8>,
    has_clear: bool,
    context: Option<Context>,
}

/// 256 colours, one of which may be none: what is seen through.
#[derive(Clone)]
pub struct Palette {
    clear: Option<u8>,
    colors: Vec<[u8; 3]>,
    nearest: Vec<u8>,
}

impl fmt::Debug for Palette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Palette({} colours)", self.colors.len())
    }
}

impl PaletteMaker {
    /// Adds some ten thousand pixels of a picture.
    pub fn add<F: Form>(&mut self, picture: &Picture<F>) -> Result<(), MediaError> {
        let (width, height) = (picture.frame.width(), picture.frame.height());
        let context = match &mut self.context {
            Some(context) => context,
            None => self.context.insert(converter(width, height, picture.frame.format(), Pixel::RGB24)?),
        };
        let mut rgb = frame::Video::empty();
        context.run(&picture.frame, &mut rgb).map_err(MediaError::writing)?;
        let step = ((width as usize * height as usize) / 10_000).max(1);
        let pixel = |at: usize| {
            let (x, y) = (at % width as usize, at / width as usize);
            &rgb.data(0)[y * rgb.stride(0) + x * 3..][..3]
        };
        self.has_clear |= picture.has_alpha();
        let is_there = |at: &usize| {
            let (x, y) = (at % width as usize, at / width as usize);
            !picture.has_alpha() || is_seen(picture.row(3, y)[x])
        };
        for at in (0..width as usize * height as usize).step_by(step).filter(is_there) {
            self.pixels.extend_from_slice(pixel(at));
            self.pixels.push(255);
        }
        Ok(())
    }

    pub fn finish(self) -> Palette {
        let count = if self.has_clear { 255 } else { 256 };
        let chosen = NeuQuant::new(SAMPLE_FACTOR, count, &self.pixels).color_map_rgb();
        let colors: Vec<[u8; 3]> = chosen.chunks_exact(3).map(|color| [color[0], color[1], color[2]]).collect();
        let cell = |cell: usize| [cell >> 10, (cell >> 5) & 31, cell & 31].map(|value| (value * 8 + 4) as i32);
        let nearest = (0..CELLS).map(|index| nearest(&colors, cell(index))).collect();
        Palette { clear: self.has_clear.then_some(255), colors, nearest }
    }
}

fn nearest(colors: &[[u8; 3]], wanted: [i32; 3]) -> u8 {
    // Green counts most, and blue least, as the eye has it.
    let distance = |color: &[u8; 3]| {
        let [red, green, blue] = [0, 1, 2].map(|at| i32::from(color[at]) - wanted[at]);
        3 * red * red + 6 * green * green + blue * blue
    };
    let found = colors.iter().enumerate().min_by_key(|(_, color)| distance(color));
    found.map_or(0, |(index, _)| index as u8)
}

impl Palette {
    /// Whether something may be seen through pictures by it, which then have alpha.
    pub fn has_clear(&self) -> bool {
        self.clear.is_some()
    }

    /// A picture by the palette's colours; `context` brings pictures of its size to RGB.
    pub(super) fn index<F: Form>(&self, picture: &Picture<F>, context: &mut Context) -> Result<frame::Video, MediaError> {
        let (width, height) = (picture.frame.width(), picture.frame.height());
        let mut rgb = frame::Video::empty();
        context.run(&picture.frame, &mut rgb).map_err(MediaError::writing)?;
        let mut indexed = frame::Video::new(Pixel::PAL8, width, height);
        // SAFETY: a query on a frame that is ours.
        let [pixels, palette] = unsafe { [(*indexed.as_ptr()).data[0], (*indexed.as_ptr()).data[1]] };
        if pixels.is_null() || palette.is_null() {
            return Err(MediaError::TooLarge(format!("no memory for a picture of {width}×{height}")));
        }
        let (stride, from) = (indexed.stride(0), rgb.stride(0));
        for y in 0..height as usize {
            let source = &rgb.data(0)[y * from..][..width as usize * 3];
            let out = &mut indexed.data_mut(0)[y * stride..][..width as usize];
            for (x, (out, color)) in out.iter_mut().zip(source.chunks_exact(3)).enumerate() {
                let by = (BAYER[y % 8][x % 8] * 2 - 63) * DITHER / 126;
                let cell = |value: u8| ((i32::from(value) + by).clamp(0, 255) >> 3) as usize;
                *out = self.nearest[cell(color[0]) << 10 | cell(color[1]) << 5 | cell(color[2])];
            }
            if let Some(clear) = self.clear {
                let seen_through = out.iter_mut().zip(picture.row(3, y)).filter(|(_, alpha)| !is_seen(**alpha));
                seen_through.for_each(|(out, _)| *out = clear);
            }
        }
        // SAFETY: a picture of PAL8 has 256 colours of four bytes as its second plane, which its frame owns.
        let table = unsafe { std::slice::from_raw_parts_mut((*indexed.as_mut_ptr()).data[1], 1_024) };
        table.fill(0);
        for (entry, [red, green, blue]) in table.chunks_exact_mut(4).zip(&self.colors) {
            // As a number of 32 bits: alpha, red, green, blue.
            entry.copy_from_slice(&u32::from_be_bytes([255, *red, *green, *blue]).to_ne_bytes());
        }
        Ok(indexed)
    }
}
