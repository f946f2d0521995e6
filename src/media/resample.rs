//! A part of a picture at another size, wherever between its pixels the part begins and ends: libswscale takes whole pixels alone, and
//! of planes that share Cb and Cr even ones.

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
        let mut target = TypedImage::<P>::from_buffer(stride(to.stride), to.size.1, to.bytes).ok()?;
        let mut target = TypedCroppedImageMut::from_ref(&mut target, 0, 0, to.size.0, to.size.1).ok()?;
        let (across, left) = Reach::of(window.x, window.width, from.size.0, to.size.0);
        let (down, top) = Reach::of(window.y, window.height, from.size.1, to.size.1);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(self.filter));
        let options = options.crop(left, top, across.length, down.length);
        let (columns, rows) = (across.count(), down.count());
        if across.is_within(from.size.0) && down.is_within(from.size.1) {
            let (x, y) = (from.corner.0 + across.first as u32, from.corner.1 + down.first as u32);
            let source = TypedImageRef::<P>::from_buffer(stride(from.stride), y + rows, from.bytes).ok()?;
            let part = TypedCroppedImage::new(source, x, y, columns, rows).ok()?;
            self.resizer.resize_typed(&part, &mut target, &options).ok()
        } else {
            let bytes = columns as usize * rows as usize * P::size();
            self.beyond.resize(bytes.div_ceil(size_of::<u64>()), 0);
            let beyond: &mut [u8] = bytemuck::cast_slice_mut(&mut self.beyond);
            go_on(&from, P::size(), &across, &down, beyond)?;
            let part = TypedImageRef::<P>::from_buffer(columns, rows, beyond).ok()?;
            self.resizer.resize_typed(&part, &mut target, &options).ok()
        }
    }
}

/// The pixels, one way, that what is wanted is made of.
struct Reach {
    first: i64,
    end: i64,
    /// Of what is wanted.
    length: f64,
}

impl Reach {
    /// And where in it what is wanted begins.
    fn of(from: f64, length: f64, pixels: u32, made: u32) -> (Self, f64) {
        /// Pixels to each side that filters take in, of the larger ones.
        const SUPPORT: f64 = 2.0;
        let whole = |edge: f64| if (edge - edge.round()).abs() < ON_EDGE { edge.round() } else { edge };
        let (from, to) = (whole(from), whole(from + length));
        let support = (SUPPORT * ((to - from) / f64::from(made)).max(1.0)).ceil();
        // What lies beyond the edges is needed only where the window itself does.
        let first = (from - support).floor().max(from.floor().min(0.0));
        let end = (to + support).ceil().min(to.ceil().max(f64::from(pixels)));
        (Self { first: first as i64, end: end as i64, length: to - from }, from - first)
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
