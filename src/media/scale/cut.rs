//! Which pixels of a decoded picture are taken: by libswscale whole ones, the first and the last of them on whole Cb and Cr; where that is
//! not near enough, it takes those around and [`Fine`] finds the part between them.

use std::ops::Range;

use fast_image_resize::{Filter, FilterType, pixels};
use ffmpeg_next::{ffi, format::Pixel, frame::Video as Frame};

use super::{Excerpt, Smoothness, unscalable};
use crate::media::{
    MediaError, Sample,
    resample::{Grid, GridMut, Resampler, Window, touched},
};

/// Whole pixels of a picture, from an even corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// What is taken of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    pub crop: Crop,
    /// Where not all of that is wanted, or more.
    pub fine: Option<Wanted>,
}

/// What is wanted of a crop, from its corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    pub window: Window,
    /// What may be taken; where the window reaches beyond, its edges go on.
    pub view: Crop,
}

/// A picture may be so far from its place, in pixels of what is made: nobody sees it.
const NEAR_ENOUGH: f64 = 1.0 / 32.0;

impl Cut {
    /// Of a picture for one of some size.
    pub fn of(frame: &Frame, excerpt: &Excerpt, (across, down): (u32, u32)) -> Self {
        let shared = Layout::of(frame.format()).map_or((0, 0), |layout| layout.shared);
        Self::of_size((frame.width(), frame.height()), shared, excerpt, (across, down))
    }

    /// The same of a size, where so many pixels have Cb and Cr in common, as powers of two.
    fn of_size((width, height): (u32, u32), shared: (u32, u32), excerpt: &Excerpt, (across, down): (u32, u32)) -> Self {
        let (left, top, right, bottom) = excerpt.part;
        let (from_left, from_top, to_right, to_bottom) = excerpt.within;
        let across = Way::of(width, 1 << shared.0, (left, right), (from_left, to_right), across);
        let down = Way::of(height, 1 << shared.1, (top, bottom), (from_top, to_bottom), down);
        if across.is_near && down.is_near {
            let ((x, width), (y, height)) = (across.near, down.near);
            return Self { crop: Crop { x, y, width, height }, fine: None };
        }
        let ((x, width), (y, height)) = (across.around, down.around);
        let window = Window {
            x: across.from - f64::from(x),
            y: down.from - f64::from(y),
            width: across.to - across.from,
            height: down.to - down.from,
        };
        let view =
            Crop { x: across.first - x, y: down.first - y, width: across.end - across.first, height: down.end - down.first };
        Self { crop: Crop { x, y, width, height }, fine: Some(Wanted { window, view }) }
    }
}

/// A [`Cut`] one way.
struct Way {
    /// What is wanted, pixels.
    from: f64,
    to: f64,
    /// The whole pixels nearest to that: the first and how many.
    near: (u32, u32),
    is_near: bool,
    /// Those that it is made of, and the same from an even one.
    first: u32,
    end: u32,
    around: (u32, u32),
}

impl Way {
    /// Of so many pixels, of which some have Cb and Cr in common: libswscale takes what it is given of those for all of them.
    fn of(whole: u32, shared: u32, (from, to): (f64, f64), within: (f64, f64), made: u32) -> Self {
        let step = shared.max(2);
        let pixels = f64::from(whole);
        let (from, to) = (pixels * from, pixels * to);
        let last = whole.saturating_sub(2) / step * step;
        let start = ((from / f64::from(step)).round().max(0.0) as u32 * step).min(last);
        let near = (start, ((to - from).round().max(2.0) as u32).min(whole - start));
        let size = f64::from(made) / (to - from).max(1e-9);
        let apart = |one: f64, other: u32| (one - f64::from(other)).abs() * size;
        let is_near = apart(from, near.0) <= NEAR_ENOUGH && apart(to, near.0 + near.1) <= NEAR_ENOUGH;

        let Range { start: low, end: high } = touched(whole, within.0, within.1);
        // What filters take in of the pixels of Cb and Cr, which are larger.
        let reach = f64::from(shared) * (2.0 / size).max(2.0).ceil() + 1.0;
        let first = ((from - reach).floor().max(0.0) as u32).clamp(low, high - 1);
        let end = ((to + reach).ceil().max(0.0) as u32).clamp(first + 1, high);
        let begin = (first / step * step).min(last);
        let around = (begin, end.next_multiple_of(step).max(begin + 2).min(whole) - begin);
        Self { from, to, near, is_near: is_near && near.1.is_multiple_of(shared), first, end, around }
    }
}

/// Brings what is wanted of planar pictures to its size.
pub struct Fine(Resampler);

impl Fine {
    pub fn new(smoothness: Smoothness) -> Self {
        Self(Resampler::new(match smoothness {
            Smoothness::Bilinear => FilterType::Bilinear,
            Smoothness::Bicubic | Smoothness::Exact => {
                // It takes any reach that is more than nothing.
                Filter::new("bicubic", bicubic, 2.0).map_or(FilterType::CatmullRom, FilterType::Custom)
            }
        }))
    }

    /// Fills `out` from a picture that holds the crop from a corner on; both have their samples alike, if not as many of Cb and Cr.
    pub fn bring(&mut self, wanted: &Wanted, from: &Frame, corner: (u32, u32), out: &mut Frame) -> Result<(), MediaError> {
        let (source, target) = (Layout::of(from.format())?, Layout::of(out.format())?);
        for plane in 0..target.planes {
            let (window, grid) = source.taken(wanted, from, corner, plane);
            let (across, down) = target.shift(plane);
            let size = (out.width().div_ceil(1 << across), out.height().div_ceil(1 << down));
            let stride = out.stride(plane);
            let bytes = &mut out.data_mut(plane)[..stride * size.1 as usize];
            let to = GridMut { bytes: &mut *bytes, stride, size };
            if target.bits == 8 {
                self.0.run::<pixels::U8>(grid, &window, to)?;
            } else {
                self.0.run::<pixels::U16>(grid, &window, to)?;
                // What swings beyond the brightest would count as something else.
                let most = <u16 as Sample>::MAX;
                bytemuck::cast_slice_mut::<u8, u16>(bytes).iter_mut().for_each(|value| *value = (*value).min(most));
            }
        }
        Ok(())
    }
}

/// One of our forms, but with as many Cb and Cr as a source has: what is enlarged keeps its own.
pub fn as_shared(source: Pixel, ours: Pixel) -> Result<Pixel, MediaError> {
    let (ten, source) = (Layout::of(ours)?.bits == 10, Layout::of(source)?);
    Ok(match source.shared {
        (0, 0) if source.planes >= 3 => [Pixel::YUV444P, Pixel::YUV444P10LE][usize::from(ten)],
        (1, 0) => [Pixel::YUV422P, Pixel::YUV422P10LE][usize::from(ten)],
        _ => [Pixel::YUV420P, Pixel::YUV420P10LE][usize::from(ten)],
    })
}

/// How a picture's planes lie.
struct Layout {
    planes: usize,
    bits: i32,
    /// By how much Cb and Cr are fewer, as powers of two.
    shared: (u32, u32),
}

impl Layout {
    fn of(form: Pixel) -> Result<Self, MediaError> {
        // SAFETY: a constant of FFmpeg's, or null.
        let description = unsafe { ffi::av_pix_fmt_desc_get(form.into()).as_ref() }.ok_or_else(unscalable)?;
        Ok(Self {
            planes: description.nb_components.into(),
            bits: description.comp[0].depth,
            shared: (description.log2_chroma_w.into(), description.log2_chroma_h.into()),
        })
    }

    fn shift(&self, plane: usize) -> (u32, u32) {
        if plane == 1 || plane == 2 { self.shared } else { (0, 0) }
    }

    /// What is wanted of a plane, from the first pixel that may be taken, and all that may be.
    fn taken<'a>(&self, wanted: &Wanted, from: &'a Frame, corner: (u32, u32), plane: usize) -> (Window, Grid<'a>) {
        let Wanted { window, view } = wanted;
        let (across, down) = self.shift(plane);
        let span =
            |start: u32, length: u32, shift: u32| (start >> shift, (start + length).div_ceil(1 << shift) - (start >> shift));
        let (x, width) = span(corner.0 + view.x, view.width, across);
        let (y, height) = span(corner.1 + view.y, view.height, down);
        let at = |from: f64, corner: u32, first: u32, shift: u32| {
            (from + f64::from(corner)) / f64::from(1 << shift) - f64::from(first)
        };
        let window = Window {
            x: at(window.x, corner.0, x, across),
            y: at(window.y, corner.1, y, down),
            width: window.width / f64::from(1 << across),
            height: window.height / f64::from(1 << down),
        };
        (window, Grid { bytes: from.data(plane), stride: from.stride(plane), corner: (x, y), size: (width, height) })
    }
}

/// Keys' cubic of −0.6, as libswscale's by default.
fn bicubic(distance: f64) -> f64 {
    const SHARP: f64 = -0.6;
    let x = distance.abs();
    match x {
        _ if x < 1.0 => ((SHARP + 2.0) * x - (SHARP + 3.0)) * x * x + 1.0,
        _ if x < 2.0 => SHARP * (((x - 5.0) * x + 8.0) * x - 4.0),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(edge: u32, (from, to): (f64, f64), made: u32) -> Cut {
        let part = (from, from, to, to);
        Cut::of_size((edge, edge), (1, 1), &Excerpt { part, within: (0.0, 0.0, 1.0, 1.0) }, (made, made))
    }

    #[test]
    fn whole_pixels_are_taken_as_they_are() {
        assert_eq!(cut(1280, (0.0, 1.0), 640), Cut { crop: Crop { x: 0, y: 0, width: 1280, height: 1280 }, fine: None });
        assert_eq!(cut(100, (0.5, 0.74), 50), Cut { crop: Crop { x: 50, y: 50, width: 24, height: 24 }, fine: None });
    }

    #[test]
    fn an_odd_number_of_pixels_is_whole_only_where_each_has_its_own_colour() {
        let whole = Excerpt { part: (0.0, 0.0, 1.0, 1.0), within: (0.0, 0.0, 1.0, 1.0) };
        let fine = |shared| Cut::of_size((35, 36), shared, &whole, (70, 72)).fine.is_some();
        assert_eq!([(0, 0), (0, 1), (1, 0), (1, 1)].map(fine), [false, false, true, true]);
    }

    #[test]
    fn a_part_between_pixels_is_found_among_those_around() {
        let Cut { crop, fine: Some(Wanted { window, view }) } = cut(100, (0.255, 0.505), 50) else { panic!("it is not whole") };
        assert_eq!((crop.x, window.x + f64::from(crop.x), window.width), (20, 25.5, 25.0));
        assert_eq!((crop.x + view.x, crop.x + view.x + view.width, crop.width % 2), (20, 56, 0));
    }

    #[test]
    fn a_crop_stays_within_its_picture() {
        for edge in [1u32, 2, 3, 35, 1280] {
            for (from, to) in [(0.0, 0.001), (0.999, 1.0), (0.5, 0.501), (0.33, 0.34), (-0.01, 1.0), (0.0, 1.01)] {
                for made in [2, 64, 4_000] {
                    let Cut { crop, fine } = cut(edge, (from, to), made);
                    assert!(crop.x + crop.width <= edge && crop.width >= 1 && crop.x % 2 == 0, "{edge} {from} {to}: {crop:?}");
                    let view = fine.map_or(Crop { x: 0, y: 0, ..crop }, |wanted| wanted.view);
                    assert!(view.x + view.width <= crop.width && view.width >= 1, "{edge} {from} {to}: {view:?} in {crop:?}");
                }
            }
        }
    }
}
