//! A part of a picture at another size, wherever between its pixels the part begins and ends: libswscale takes whole pixels alone, and
//! of planes that share Cb and Cr even ones.

use std::ops::Range;

use fast_image_resize::{
    FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer,
    images::{TypedCroppedImage, TypedCroppedImageMut, TypedImage, TypedImageRef},
};

use super::MediaError;

/// A rectangle between pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Whole pixels of what lies in memory row by row.
#[derive(Clone, Copy)]
pub struct Grid<'a> {
    pub bytes: &'a [u8],
    /// From one row's start to the next, bytes.
    pub stride: usize,
    pub corner: (u32, u32),
    pub size: (u32, u32),
}

/// The same, to be written from its first pixel.
pub struct GridMut<'a> {
    pub bytes: &'a mut [u8],
    pub stride: usize,
    pub size: (u32, u32),
}

/// So far from a pixel's edge is on it: places are quotients.
const ON_EDGE: f64 = 1e-6;

/// The pixels, of so many, that a span of fractions of them touches: one at least.
pub fn touched(pixels: u32, from: f64, to: f64) -> Range<u32> {
    let first = ((f64::from(pixels) * from + ON_EDGE).floor().max(0.0) as u32).min(pixels - 1);
    first..((f64::from(pixels) * to - ON_EDGE).ceil().max(0.0) as u32).clamp(first + 1, pixels)
}

/// Keeps what it needs from one picture to the next.
pub struct Resampler {
    resizer: Resizer,
    filter: FilterType,
    /// Pixels with those that go on beyond the edges; in words, to be aligned for any.
    beyond: Vec<u64>,
}

impl Resampler {
    pub fn new(filter: FilterType) -> Self {
        Self { resizer: Resizer::new(), filter, beyond: Vec::new() }
    }

    /// Fills `to` with what lies in a window of `from`; beyond the edges these go on. Pixels of straight alpha are weighed by it.
    ///
    /// # Errors
    /// A grid holds less than it says.
    pub fn run<P: PixelTrait>(&mut self, from: Grid, window: &Window, to: GridMut) -> Result<(), MediaError> {
        self.fill::<P>(from, window, to).ok_or_else(|| MediaError::Corrupt("a picture of the source cannot be scaled".into()))
    }

    fn fill<P: PixelTrait>(&mut self, from: Grid, window: &Window, to: GridMut) -> Option<()> {
        let stride = |bytes: usize| (bytes / P::size()) as u32;
        let GridMut { bytes, stride: row, size } = to;
        let (across, columns) = Reach::of(window.x, window.width, from.size.0, size.0);
        let (down, rows) = Reach::of(window.y, window.height, from.size.1, size.1);
        let mut target = TypedImage::<P>::from_buffer(stride(row), size.1, &mut *bytes).ok()?;
        let (corner, made) = ((columns.start, rows.start), (columns.end - columns.start, rows.end - rows.start));
        let mut target = TypedCroppedImageMut::from_ref(&mut target, corner.0, corner.1, made.0, made.1).ok()?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(self.filter));
        let options = options.crop(across.start, down.start, across.length, down.length);
        if across.is_within(from.size.0) && down.is_within(from.size.1) {
            let (x, y) = (from.corner.0 + across.first as u32, from.corner.1 + down.first as u32);
            let source = TypedImageRef::<P>::from_buffer(stride(from.stride), y + down.count(), from.bytes).ok()?;
            let part = TypedCroppedImage::new(source, x, y, across.count(), down.count()).ok()?;
            self.resizer.resize_typed(&part, &mut target, &options).ok()?;
        } else {
            let length = across.count() as usize * down.count() as usize * P::size();
            self.beyond.resize(length.div_ceil(size_of::<u64>()), 0);
            let beyond: &mut [u8] = bytemuck::cast_slice_mut(&mut self.beyond);
            go_on(&from, P::size(), &across, &down, beyond)?;
            let part = TypedImageRef::<P>::from_buffer(across.count(), down.count(), beyond).ok()?;
            self.resizer.resize_typed(&part, &mut target, &options).ok()?;
        }
        repeat(bytes, row, P::size(), size, &columns, &rows);
        Some(())
    }
}

/// The pixels, one way, that what is wanted is made of.
struct Reach {
    first: i64,
    end: i64,
    /// Where among them what is wanted begins, and how long it is.
    start: f64,
    length: f64,
}

impl Reach {
    /// And which of those that are made are made of them; the others are as the outermost.
    fn of(from: f64, length: f64, pixels: u32, made: u32) -> (Self, Range<u32>) {
        /// Pixels to each side that filters take in, of the larger ones.
        const SUPPORT: f64 = 2.0;
        /// Where one that is made is of more, none is made of what lies beyond the edges: there would be much of it.
        const FEW: f64 = 8.0;
        let whole = |edge: f64| if (edge - edge.round()).abs() < ON_EDGE { edge.round() } else { edge };
        let (from, to) = (whole(from), whole(from + length));
        let each = (to - from) / f64::from(made);
        let (mut from, mut to, mut of_own) = (from, to, 0..made);
        if each > FEW {
            // Those whose middle is on the picture.
            let middle = |edge: f64| ((edge - from) / each).round().max(0.0) as u32;
            let start = middle(0.0).min(made - 1);
            of_own = start..middle(pixels.into()).clamp(start + 1, made);
            let edge = |number: u32| from + f64::from(number) * each;
            (from, to) = (edge(of_own.start).max(0.0), edge(of_own.end).min(pixels.into()));
        }
        let support = (SUPPORT * each.max(1.0)).ceil();
        // What lies beyond the edges is needed only where the window itself does.
        let first = (from - support).floor().max(from.floor().min(0.0));
        let end = (to + support).ceil().min(to.ceil().max(f64::from(pixels)));
        (Self { first: first as i64, end: end as i64, start: from - first, length: to - from }, of_own)
    }

    fn is_within(&self, pixels: u32) -> bool {
        self.first >= 0 && self.end <= i64::from(pixels)
    }

    fn count(&self) -> u32 {
        (self.end - self.first) as u32
    }
}

/// Copies the pixels that are needed, of so many bytes each; beyond the edges those at them, again and again.
fn go_on(from: &Grid, size: usize, across: &Reach, down: &Reach, out: &mut [u8]) -> Option<()> {
    let (width, height) = (i64::from(from.size.0), i64::from(from.size.1));
    let length = across.count() as usize * size;
    // What is there of a row, and where in it it belongs.
    let (first, end) = (across.first.clamp(0, width - 1) as usize, across.end.clamp(1, width) as usize);
    let (before, after) = ((-across.first).max(0) as usize * size, (across.end - width).max(0) as usize * size);
    for (y, out) in (down.first..down.end).zip(out.chunks_exact_mut(length)) {
        let row = (from.corner.1 as usize + y.clamp(0, height - 1) as usize) * from.stride + from.corner.0 as usize * size;
        let there = from.bytes.get(row + first * size..row + end * size)?;
        let (start, rest) = out.split_at_mut(before);
        let (middle, last) = rest.split_at_mut(rest.len() - after);
        start.chunks_exact_mut(size).for_each(|pixel| pixel.copy_from_slice(&there[..size]));
        middle.copy_from_slice(there);
        last.chunks_exact_mut(size).for_each(|pixel| pixel.copy_from_slice(&there[there.len() - size..]));
    }
    Some(())
}

/// Fills a picture from those of its rows and columns that are made.
fn repeat(bytes: &mut [u8], stride: usize, size: usize, (width, height): (u32, u32), columns: &Range<u32>, rows: &Range<u32>) {
    let at = |pixel: u32| pixel as usize * size;
    if columns.len() < width as usize {
        for row in rows.clone().map(|row| row as usize * stride) {
            for x in (0..columns.start).chain(columns.end..width) {
                let from = row + at(x.clamp(columns.start, columns.end - 1));
                bytes.copy_within(from..from + size, row + at(x));
            }
        }
    }
    for y in (0..rows.start).chain(rows.end..height) {
        let from = y.clamp(rows.start, rows.end - 1) as usize * stride;
        bytes.copy_within(from..from + at(width), y as usize * stride);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fast_image_resize::pixels::{U8, U16};

    /// A ramp of bytes, of which a part is brought to four pixels by two.
    fn ramp(window: Window) -> Vec<u8> {
        let bytes: Vec<u8> = (0..80).map(|at| (at % 10) * 10 + at / 10).collect();
        let mut out = [0; 8];
        let from = Grid { bytes: &bytes, stride: 10, corner: (1, 1), size: (8, 6) };
        let to = GridMut { bytes: &mut out, stride: 4, size: (4, 2) };
        Resampler::new(FilterType::Bilinear).run::<U8>(from, &window, to).unwrap();
        out.into()
    }

    #[test]
    fn a_window_begins_where_it_says() {
        let at = |x: f64, y: f64| ramp(Window { x, y, width: 4.0, height: 2.0 });
        assert_eq!(at(2.0, 1.0), [32, 42, 52, 62, 33, 43, 53, 63]);
        assert_eq!(at(2.5, 1.0), [37, 47, 57, 67, 38, 48, 58, 68]);
        assert_eq!(at(2.5, 2.5)[..4], [39, 49, 59, 69]);
    }

    #[test]
    fn beyond_its_edges_a_picture_goes_on() {
        let at = |x: f64, y: f64| ramp(Window { x, y, width: 4.0, height: 2.0 });
        assert_eq!(at(-1.0, -1.0), [11, 11, 21, 31, 11, 11, 21, 31]);
        assert_eq!(at(6.0, 5.0), [76, 86, 86, 86, 76, 86, 86, 86]);
    }

    #[test]
    fn where_much_becomes_little_nothing_is_made_of_what_lies_beyond() {
        // 64 columns of 0 to 63, a row: by eights, and one more that is beyond.
        let bytes: Vec<u8> = (0..64).collect();
        let from = Grid { bytes: &bytes, stride: 64, corner: (0, 0), size: (64, 1) };
        let seen = |window: Window, size: (u32, u32)| {
            let mut out = vec![0; (size.0 * size.1) as usize];
            let to = GridMut { bytes: &mut out, stride: size.0 as usize, size };
            let mut resampler = Resampler::new(FilterType::Box);
            resampler.run::<U8>(from, &window, to).unwrap();
            (out, resampler.beyond.len())
        };
        let twice = Window { x: 0.0, y: 0.0, width: 128.0, height: 1.0 };
        assert_eq!(seen(twice, (4, 1)), (vec![16, 48, 48, 48], 0));
        let before = Window { x: -32.0, y: -1.0, width: 96.0, height: 2.0 };
        let (out, _) = seen(before, (3, 2));
        assert_eq!(out, [16, 16, 48, 16, 16, 48]);
    }

    #[test]
    fn a_grid_that_holds_too_little_is_refused() {
        let (bytes, mut out) = ([0; 64], [0; 32]);
        let from = Grid { bytes: &bytes, stride: 16, corner: (0, 0), size: (8, 5) };
        let whole = |y: f64| Window { x: 0.0, y, width: 8.0, height: 5.0 };
        for y in [0.0, 0.5] {
            let to = GridMut { bytes: &mut out, stride: 8, size: (4, 4) };
            assert!(Resampler::new(FilterType::Bilinear).run::<U16>(from, &whole(y), to).is_err(), "{y}");
        }
    }
}
