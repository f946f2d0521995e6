//! The 256 colours of a GIF, chosen from pictures of the whole of it, and pictures by these colours.

use std::{collections::HashSet, fmt};

use ffmpeg_next::{format::Pixel, frame, software::scaling::Context};
use quantette::{Pipeline, QuantizeMethod, deps::palette::Srgb};

use super::{Form, MediaError, Picture, Sample, encode_video::converter};

type Rgb = [u8; 3];

/// The most pixels of a picture that a palette is chosen from.
const SAMPLED: usize = 40_000;
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
/// Colours farther apart than this are not mixed by dithering: they would be seen as dots.
const MIXED_WITHIN: i32 = 40;

/// How far the pixels lie apart that a palette is chosen from. Not in columns: a thin one between them would have no part.
fn step(width: usize, height: usize) -> usize {
    let least = (width * height).div_ceil(SAMPLED);
    let shares_none = |step: &usize| (2..=*step).all(|divisor| !(width.is_multiple_of(divisor) && step.is_multiple_of(divisor)));
    (least..).find(shares_none).unwrap_or(least)
}

/// Whether a pixel of a picture with alpha is to be seen: less opaque than half is clear, for a GIF knows nothing between.
fn is_seen<S: Sample>(alpha: S) -> bool {
    alpha >= S::of(128 << S::FINER)
}

/// Collects the colours of pictures.
#[derive(Default)]
pub struct PaletteMaker {
    pixels: Vec<Srgb<u8>>,
    /// All that there are, until there are more than a palette holds.
    colors: Option<HashSet<Rgb>>,
    has_many: bool,
    has_clear: bool,
    context: Option<Context>,
}

/// 256 colours, one of which may be none: what is seen through.
#[derive(Clone)]
pub struct Palette {
    clear: Option<u8>,
    colors: Vec<Rgb>,
    near: Near,
}

impl fmt::Debug for Palette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Palette({} colours)", self.colors.len())
    }
}

impl PaletteMaker {
    /// Adds a picture's pixels, of a large one some.
    pub fn add<F: Form>(&mut self, picture: &Picture<F>) -> Result<(), MediaError> {
        let (width, height) = (picture.frame.width(), picture.frame.height());
        let context = match &mut self.context {
            Some(context) => context,
            None => self.context.insert(converter(width, height, picture.frame.format(), Pixel::RGB24)?),
        };
        let mut rgb = frame::Video::empty();
        context.run(&picture.frame, &mut rgb).map_err(MediaError::writing)?;
        self.has_clear |= picture.has_alpha();
        let (width, height) = (width as usize, height as usize);
        let step = step(width, height);
        let (mut next, mut before) = (0, None);
        for y in 0..height {
            let alpha = picture.has_alpha().then(|| picture.row(3, y));
            let row = rgb.data(0)[y * rgb.stride(0)..][..width * 3].as_chunks::<3>().0;
            for (x, color) in row.iter().enumerate().filter(|(x, _)| alpha.is_none_or(|alpha| is_seen(alpha[*x]))) {
                if y * width + x >= next {
                    next = y * width + x + step;
                    self.pixels.push(Srgb::new(color[0], color[1], color[2]));
                }
                if !self.has_many && before != Some(*color) {
                    before = Some(*color);
                    self.count(*color);
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, color: Rgb) {
        let colors = self.colors.get_or_insert_default();
        colors.insert(color);
        if colors.len() > 256 {
            (self.colors, self.has_many) = (None, true);
        }
    }

    pub fn finish(self) -> Palette {
        let most = if self.has_clear { 255 } else { 256 };
        let colors = match self.colors.filter(|colors| colors.len() <= most) {
            Some(colors) => {
                let mut colors: Vec<Rgb> = colors.into_iter().collect();
                // A set has no order, and the same pictures are to make the same bytes.
                colors.sort_unstable();
                colors
            }
            None => chosen(&self.pixels, most),
        };
        Palette { clear: self.has_clear.then_some(colors.len() as u8), near: Near::of(&colors), colors }
    }
}

/// Colours that are as near to all pixels as so many can be, by how the eye sees it.
fn chosen(pixels: &[Srgb<u8>], most: usize) -> Vec<Rgb> {
    let size = u16::try_from(most).ok().and_then(|most| most.try_into().ok());
    let pipeline = size.map(|size| Pipeline::new().palette_size(size).quantize_method(QuantizeMethod::kmeans()));
    let found = pipeline.and_then(|pipeline| pipeline.input_slice(pixels).ok()).map(|input| input.output_srgb8_palette());
    // Without a pixel any colour will do.
    let found = found.map_or(vec![[0; 3]], |palette| palette.iter().map(|color| [color.red, color.green, color.blue]).collect());
    filled(found, pixels, most)
}

/// The library tells no colours apart that lie within one of its cells, so that few are chosen of a picture of few hues: as many are
/// added, each the one that is missed most.
fn filled(mut colors: Vec<Rgb>, pixels: &[Srgb<u8>], most: usize) -> Vec<Rgb> {
    colors.sort_unstable();
    colors.dedup();
    if colors.len() >= most {
        return colors;
    }
    let mut sorted: Vec<Rgb> = pixels.iter().map(|pixel| [pixel.red, pixel.green, pixel.blue]).collect();
    sorted.sort_unstable();
    let nearest = |color: Rgb| colors.iter().map(|chosen| distance(color, *chosen)).min().unwrap_or(i32::MAX);
    let missed = sorted.chunk_by(|one, other| one == other).map(|same| (same[0], same.len() as i64, nearest(same[0])));
    let mut missed: Vec<(Rgb, i64, i32)> = missed.collect();
    while colors.len() < most {
        let worst = missed.iter().max_by_key(|(_, count, far)| count * i64::from(*far));
        let Some((worst, ..)) = worst.filter(|(_, _, far)| *far > 0).copied() else { break };
        colors.push(worst);
        missed.iter_mut().for_each(|(color, _, far)| *far = distance(*color, worst).min(*far));
    }
    colors
}

/// How far two colours are apart, squared. Green counts most, and blue least, as the eye has it.
fn distance(one: Rgb, other: Rgb) -> i32 {
    let [red, green, blue] = [0, 1, 2].map(|at| i32::from(one[at]) - i32::from(other[at]));
    3 * red * red + 4 * green * green + 2 * blue * blue
}

/// Finds the nearest of some colours: of those alone that can be the nearest to anything in a cell of 8 by 8 by 8.
#[derive(Clone)]
struct Near {
    /// Of each cell, where its candidates start.
    starts: Vec<u32>,
    candidates: Vec<u8>,
}

impl Near {
    const CELLS: usize = 1 << 15;

    fn of(colors: &[Rgb]) -> Self {
        let (mut starts, mut candidates) = (Vec::with_capacity(Self::CELLS + 1), Vec::new());
        for cell in 0..Self::CELLS {
            starts.push(candidates.len() as u32);
            let low = [cell >> 10, (cell >> 5) & 31, cell & 31].map(|value| (value * 8) as u8);
            // The nearest and the farthest point of the cell from a colour.
            let reach = |color: &Rgb| {
                let near = [0, 1, 2].map(|at| color[at].clamp(low[at], low[at] + 7));
                let far = [0, 1, 2].map(|at| if color[at] > low[at] + 3 { low[at] } else { low[at] + 7 });
                (distance(*color, near), distance(*color, far))
            };
            let reaches: Vec<(i32, i32)> = colors.iter().map(reach).collect();
            let least = reaches.iter().map(|(_, far)| *far).min().unwrap_or(0);
            candidates.extend(reaches.iter().zip(0..=255).filter(|((near, _), _)| *near <= least).map(|(_, index)| index));
        }
        starts.push(candidates.len() as u32);
        Self { starts, candidates }
    }

    fn nearest(&self, colors: &[Rgb], wanted: Rgb) -> u8 {
        let cell = wanted.iter().fold(0, |cell, value| cell << 5 | usize::from(value >> 3));
        let [start, end] = [self.starts[cell], self.starts[cell + 1]].map(|at| at as usize);
        let candidates = self.candidates[start..end].iter();
        candidates.min_by_key(|index| distance(colors[usize::from(**index)], wanted)).copied().unwrap_or(0)
    }
}

impl Palette {
    /// Whether something may be seen through pictures by it, which then have alpha.
    pub fn has_clear(&self) -> bool {
        self.clear.is_some()
    }

    /// Where something may be seen through, makes a picture of a GIF, as FFmpeg's encoder gives it, be taken away before the next: the
    /// encoder leaves one that is not clear anywhere where it is, and what is clear in the next shows it. What is taken away leaves what
    /// is clear for some only where the picture names that (GIF89a, 23, "Graphic Control Extension").
    pub fn take_away(&self, packet: &mut [u8]) {
        const BEGINNING: [u8; 3] = [0x21, 0xf9, 4];
        const TO_BACKGROUND: u8 = 2 << 2;
        const HAS_CLEAR: u8 = 1;
        let Some(clear) = self.clear else { return };
        // The first has the file's head, and the colours for all.
        let head = match packet.get(10) {
            Some(flags) if packet.starts_with(b"GIF8") => 13 + if flags & 0x80 > 0 { 6 << (flags & 7) } else { 0 },
            _ => 0,
        };
        if let Some([a, b, c, flags, _, _, index, ..]) = packet.get_mut(head..)
            && [*a, *b, *c] == BEGINNING
        {
            *flags = *flags & !0x1c | TO_BACKGROUND | HAS_CLEAR;
            *index = clear;
        }
    }

    /// A colour that it has is that; any other is the nearest, or the one beyond it, the more often the nearer it is to that.
    fn at(&self, color: Rgb, threshold: i32) -> u8 {
        let near = self.near.nearest(&self.colors, color);
        let one = self.colors[usize::from(near)];
        if one == color {
            return near;
        }
        let beyond = [0, 1, 2].map(|at| (2 * i32::from(color[at]) - i32::from(one[at])).clamp(0, 255) as u8);
        let far = self.near.nearest(&self.colors, beyond);
        let other = self.colors[usize::from(far)];
        let way = [0, 1, 2].map(|at| i32::from(other[at]) - i32::from(one[at]));
        let gone: i32 = (0..3).map(|at| way[at] * (i32::from(color[at]) - i32::from(one[at]))).sum();
        let whole: i32 = way.iter().map(|way| way * way).sum();
        let is_mixed = way.iter().all(|way| way.abs() <= MIXED_WITHIN);
        if is_mixed && gone * 128 > whole * (2 * threshold + 1) { far } else { near }
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
            for (x, (out, color)) in out.iter_mut().zip(source.as_chunks::<3>().0).enumerate() {
                *out = self.at(*color, BAYER[y % 8][x % 8]);
            }
            if let Some(clear) = self.clear {
                let seen_through = out.iter_mut().zip(picture.row(3, y)).filter(|(_, alpha)| !is_seen(**alpha));
                seen_through.for_each(|(out, _)| *out = clear);
            }
        }
        // SAFETY: a picture of PAL8 has 256 colours of four bytes as its second plane, which its frame owns.
        let table = unsafe { std::slice::from_raw_parts_mut((*indexed.as_mut_ptr()).data[1], 1_024) };
        // FFmpeg takes the first that is clear for the one.
        table.fill(255);
        for (entry, [red, green, blue]) in table.chunks_exact_mut(4).zip(&self.colors) {
            // As a number of 32 bits: alpha, red, green, blue.
            entry.copy_from_slice(&u32::from_be_bytes([255, *red, *green, *blue]).to_ne_bytes());
        }
        if let Some(entry) = self.clear.and_then(|clear| table.as_chunks_mut::<4>().0.get_mut(usize::from(clear))) {
            *entry = [0; 4];
        }
        Ok(indexed)
    }
}
