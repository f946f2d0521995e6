//! Where a picture that rests lies: its edges at whole pixels, so that they are sharp, and what is between them exactly as they are.

use std::f64::consts::FRAC_PI_2;

use super::{Area, layer::Part, pose::Pose};
use crate::domain::geometry::Rect;

/// A picture at rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rest {
    /// The pixels of the canvas that it covers.
    pub shown: Area,
    /// What is made of it, of even edges: the pixels that it covers at least, and those that effects reach, beyond the canvas too.
    pub sheet: Rect,
    /// What of the source is on the sheet, as fractions; at odd edges a little more than there is.
    pub part: Part,
    /// What its box shows of it, beyond the canvas too.
    pub boxed: Rect,
}

/// As far as anything lies from the canvas, pixels.
const MAX_REACH: f64 = 1e6;
/// The sheet may be so many times as large as the canvas.
const MAX_SHEET: f64 = 4.0;

impl Rest {
    /// Of a source that lies at `source`, as far as it is within `bounds`, made so far beyond what is seen as effects reach. `None` where
    /// what is seen is thinner than a pixel, or what is made too large.
    pub(super) fn of(source: &Rect, bounds: &Rect, canvas: &Rect, reach: f64) -> Option<Self> {
        let all = source.intersection(bounds);
        let (x, right) = snapped((all.x, all.right()), (bounds.x, bounds.right()));
        let (y, bottom) = snapped((all.y, all.bottom()), (bounds.y, bounds.bottom()));
        let snapped = Rect { x, y, width: right - x, height: bottom - y };
        // What reaches the end of a canvas of odd size goes on to that of its picture.
        let picture = even(canvas);
        let end = |snapped: f64, all: f64, canvas: f64, picture: f64| if all + 1e-6 >= canvas { picture } else { snapped };
        let right = end(right, all.right(), canvas.right(), picture.right());
        let bottom = end(bottom, all.bottom(), canvas.bottom(), picture.bottom());
        let seen = Rect { width: right - x, height: bottom - y, ..snapped }.intersection(&picture);
        if seen.is_empty() || all.is_empty() {
            return None;
        }
        // Effects are of the picture, and what they make of it is cut by the box.
        let whole = placed(source, &all, &snapped);
        let sheet = even(&seen.grown(reach.min(MAX_REACH).ceil()).intersection(&whole));
        if sheet.width * sheet.height > MAX_SHEET * picture.width * picture.height {
            return None;
        }
        let at = |edge: f64| edge as usize;
        let shown = Area { x: at(seen.x), y: at(seen.y), width: at(seen.width), height: at(seen.height) };
        Some(Self { shown, sheet, part: part(&sheet, &whole), boxed: snapped })
    }

    /// Whether all that is made is seen, and lies on even pixels.
    pub fn is_all_seen(&self) -> bool {
        self.sheet == self.shown.rect() && self.shown.is_even()
    }

    /// The same for a picture that is made elsewhere, of which so much is seen pixel by pixel; `None` where that is of another size.
    pub(super) fn holding(&self, extent: (f64, f64), size: (u32, u32)) -> Option<Self> {
        let Rect { x, y, width, height } = self.shown.rect();
        let even = |edge: f64| (edge / 2.0).ceil() * 2.0;
        let fits = (even(width), even(height)) == (f64::from(size.0), f64::from(size.1));
        // All of a picture that is squeezed.
        let edge = |shown: f64, extent: f64, whole: u32| if extent < f64::from(whole) { whole.into() } else { shown };
        let sheet = Rect { x, y, width: edge(width, extent.0, size.0), height: edge(height, extent.1, size.1) };
        fits.then_some(Self { sheet, ..*self })
    }

    pub fn size(&self) -> (u32, u32) {
        (self.sheet.width as u32, self.sheet.height as u32)
    }

    /// Where the sheet is put.
    pub fn pose(&self) -> Pose {
        Pose { window: self.shown.rect(), ..Pose::at_rest(self.sheet) }
    }
}

/// The whole pixels nearest to a span. The edges of a box are where they are said to be; what is fitted into it keeps its size where that
/// is whole, and else goes to the nearest even pixels, which are drawn more quickly, if it is hardly another size then: what lies in the
/// middle stays there.
fn snapped((from, to): (f64, f64), of: (f64, f64)) -> (f64, f64) {
    const SAME: f64 = 1e-3;
    const HARDLY: f64 = 0.005;
    let is_same = |one: f64, other: f64| (one - other).abs() < SAME;
    let length = to - from;
    let is_own = is_same(from, of.0) && is_same(to, of.1);
    if is_own || is_same(length, length.round()) {
        return (nearest(from), nearest(to));
    }
    let even = [from, to].map(|edge| nearest(edge / 2.0) * 2.0);
    let is_near = (even[1] - even[0] - length).abs() <= (length * HARDLY).max(1.0);
    (if is_near { even } else { [from, to].map(nearest) }).into()
}

/// The nearest pixel's edge: halves go one way on either side of 0, and wherever on the canvas, whose places are sums.
fn nearest(edge: f64) -> f64 {
    (edge + 0.5 + 1e-6).floor()
}

/// A source whose edges go where those of what is seen of it do; one that is cut stays in its place.
fn placed(source: &Rect, all: &Rect, snapped: &Rect) -> Rect {
    let mapped = source.mapped(all, snapped);
    let is_all = |seen: f64, whole: f64| seen > whole - 1e-6;
    let (across, down) = (is_all(all.width, source.width), is_all(all.height, source.height));
    Rect {
        x: if across { mapped.x } else { source.x },
        y: if down { mapped.y } else { source.y },
        width: if across { mapped.width } else { source.width },
        height: if down { mapped.height } else { source.height },
    }
}

/// A picture that is upright or turned by right angles, within a box that is turned with it, where that lies on whole pixels as what
/// rests does: it stays as sharp. One that its box cuts goes to the nearest pixel. `None` where nothing would be left.
pub(super) fn squared(pose: &Pose, bounds: &Rect) -> Option<Pose> {
    let (seen, of) = (pose.bounds(), Pose { window: *bounds, ..*pose }.bounds());
    let (left, right) = snapped((seen.x, seen.right()), (of.x, of.right()));
    let (top, bottom) = snapped((seen.y, seen.bottom()), (of.y, of.bottom()));
    let pivot = ((left + right) / 2.0, (top + bottom) / 2.0);
    let lies = (pose.angle / FRAC_PI_2).round() as i64 % 2 != 0;
    let (width, height) = if lies { (bottom - top, right - left) } else { (right - left, bottom - top) };
    let window = Rect { x: pivot.0 - width / 2.0, y: pivot.1 - height / 2.0, width, height };
    // About its own middle, wherever that was turned to.
    let (to, from) = (seen.middle(), pose.window.middle());
    let by = (to.0 - from.0, to.1 - from.1);
    let sprite = placed(&pose.sprite.moved(by), &pose.window.moved(by), &window);
    // Its pixels begin where it is flipped to.
    let near = |edge: f64, length: f64, grid: f64, flip: bool| {
        let end = if flip { length } else { 0.0 };
        grid + (edge + end - grid).round() - end
    };
    let x = near(sprite.x, sprite.width, window.x, pose.flip.0);
    let y = near(sprite.y, sprite.height, window.y, pose.flip.1);
    let sprite = Rect { x, y, ..sprite };
    (!window.is_empty()).then_some(Pose { sprite, window, pivot, ..*pose })
}

/// All the even pixels that whole ones touch.
fn even(rect: &Rect) -> Rect {
    let (x, y) = ((rect.x / 2.0).floor() * 2.0, (rect.y / 2.0).floor() * 2.0);
    let end = |edge: f64| (edge / 2.0).ceil() * 2.0;
    Rect { x, y, width: end(rect.right()) - x, height: end(rect.bottom()) - y }
}

/// The fractions of a source that lie in a rectangle.
fn part(rect: &Rect, source: &Rect) -> Part {
    let clean = |share: f64| if (share - share.round()).abs() < 1e-9 { share.round() } else { share };
    let across = |x: f64| clean((x - source.x) / source.width);
    let down = |y: f64| clean((y - source.y) / source.height);
    (across(rect.x), down(rect.y), across(rect.right()), down(rect.bottom()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: f64, y: f64, width: f64, height: f64) -> Rect {
        Rect { x, y, width, height }
    }

    fn area(x: usize, y: usize, width: usize, height: usize) -> Area {
        Area { x, y, width, height }
    }

    const CANVAS: Rect = Rect { x: 0.0, y: 0.0, width: 320.0, height: 180.0 };

    #[test]
    fn what_is_seen_of_a_source_lies_where_the_whole_would() {
        let source = rect(79.0, 41.0, 320.0, 180.0);
        let rest = Rest::of(&source, &source, &CANVAS, 0.0).unwrap();
        assert_eq!((rest.shown, rest.sheet), (area(79, 41, 241, 139), rect(78.0, 40.0, 242.0, 140.0)));
        assert_eq!(rest.part, (-1.0 / 320.0, -1.0 / 180.0, 241.0 / 320.0, 139.0 / 180.0));
        assert!(!rest.is_all_seen());
        let whole = Rest::of(&source, &source, &CANVAS, f64::INFINITY).unwrap();
        assert_eq!((whole.shown, whole.sheet), (rest.shown, rect(78.0, 40.0, 322.0, 182.0)));
    }

    #[test]
    fn edges_go_to_whole_pixels_and_sizes_stay() {
        let all = rect(0.0, 0.0, 320.0, 180.0);
        let shown = |source: Rect, bounds: Rect| Rest::of(&source, &bounds, &CANVAS, 0.0).map(|rest| rest.shown);
        let filled = rect(2.5, 2.5, 5.0, 5.0);
        assert_eq!(shown(filled, filled), Some(area(3, 3, 5, 5)));
        // Contained: of its own whole size, and of one between pixels.
        assert_eq!(shown(rect(135.0, 71.5, 50.0, 37.0), all), Some(area(135, 72, 50, 37)));
        assert_eq!(shown(rect(0.0, 21.7, 320.0, 136.6), all), Some(area(0, 22, 320, 136)));
        assert_eq!(shown(rect(0.0, 23.0 + 1.0 / 3.0, 320.0, 133.0 + 1.0 / 3.0), all), Some(area(0, 23, 320, 134)));
        assert_eq!(shown(rect(10.0, 44.875, 100.0, 10.25), rect(10.0, 0.0, 100.0, 100.0)), Some(area(10, 45, 100, 10)));
        let thin = rect(10.0, 9.76, 300.0, 0.4);
        assert_eq!(shown(thin, thin), None);
    }

    #[test]
    fn what_reaches_the_end_of_an_odd_canvas_covers_its_picture() {
        let canvas = rect(0.0, 0.0, 101.0, 81.0);
        let rest = Rest::of(&canvas, &canvas, &canvas, 0.0).unwrap();
        assert_eq!((rest.shown, rest.part), (area(0, 0, 102, 82), (0.0, 0.0, 102.0 / 101.0, 82.0 / 81.0)));
        let line = rect(0.0, 79.0, 100.0, 1.0);
        assert_eq!(Rest::of(&line, &line, &canvas, 0.0).unwrap().shown, area(0, 79, 100, 1));
    }

    #[test]
    fn a_half_goes_the_same_way_wherever_it_lies() {
        let starts = [0.0, 640.0, 1e5]
            .map(|by| snapped((285.0 + 1.0 / 3.0 + by, 418.0 + 2.0 / 3.0 + by), (137.0 + by, 567.0 + by)).0 - by);
        assert_eq!(starts, [285.0; 3]);
    }

    #[test]
    fn what_reaches_far_beyond_the_canvas_is_not_made_whole() {
        let huge = rect(-1_000.0, -1_000.0, 4_000.0, 4_000.0);
        assert_eq!(Rest::of(&huge, &huge, &CANVAS, f64::INFINITY), None);
        let sheet = |reach: f64| Rest::of(&huge, &huge, &CANVAS, reach).unwrap().sheet;
        assert_eq!((sheet(0.0), sheet(9.5)), (rect(0.0, 0.0, 320.0, 180.0), rect(-10.0, -10.0, 340.0, 200.0)));
    }
}
