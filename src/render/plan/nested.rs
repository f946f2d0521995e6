//! A composition within another: planned by itself, on a canvas of its own.

use super::{Composed, Medium, Plan, composed, layer::seen_scale, pose};
use crate::domain::{
    composition::{Element, Visual},
    error::{ErrorCode, JobFailure},
    motion::{Keyframe, Property},
    output::Output,
    schedule::{self, Slot, Unplaceable},
};

/// The longest edge of a composition within another.
const MAX_NESTED: f64 = 7_680.0;
/// The most pixels of one, where it is larger than what it lies in.
const MOST_NESTED_PIXELS: f64 = 4_096.0 * 2_304.0;
/// How much larger than it says one is composed where it is seen so, at the most; as words are.
pub(super) const MOST_ENLARGED: f64 = 4.0;
/// It then has at most so many times the pixels of what it lies in, or so many: each takes memory for some pictures of its size.
const MOST_TIMES: f64 = 4.0;
const MOST_ENLARGED_PIXELS: f64 = 1_920.0 * 1_080.0;
/// Those within one composition that are there at the same time and grow have together at most so many times as many.
const MOST_AT_ONCE: f64 = 4.0;
/// The most pixels that compositions within a job have together at the same time: 1.3 GB for each run, and in the
/// finer form 5.
const MOST_NESTED_AT_ONCE: u64 = 160_000_000;

/// A composition within another, planned as large as it says, or as it is seen where that is larger.
#[derive(Debug, Clone, PartialEq)]
pub struct NestedPlan {
    /// Of the element's box at rest, pixels of the outer canvas.
    pub size: (f64, f64),
    /// The elements within it, where the plan is larger than they are: as large as that.
    pub elements: Option<Vec<Element>>,
    pub plan: Plan,
}

/// The plan of the elements within another, beside which so many more are there in its time.
pub(super) fn nested(
    plan: &Plan,
    index: usize,
    element: &Element,
    medium: &Medium,
    (slot, beside): (&Slot, usize),
    output: &Output,
) -> Result<Option<NestedPlan>, Unplaceable> {
    let (Some(visual), false) = (element.visual(), element.elements().is_empty()) else { return Ok(None) };
    let bounds = pose::bounds_at_rest(visual, &plan.canvas());
    // Where this is within one that is itself larger than it says, what it says counts.
    let area = |width: f64, height: f64| width * height / plan.scale.powi(2);
    let (own, canvas) = (area(bounds.width, bounds.height), area(plan.width.into(), plan.height.into()));
    let most = MOST_NESTED_PIXELS.max(canvas);
    if own > most {
        let message = format!("a composition within another has at most {most} pixels");
        let failure = JobFailure::new(ErrorCode::ResourceLimit, message).suggest("make it smaller, or scale it by a keyframe");
        return Err(Unplaceable::of(index, element, "width", failure));
    }
    let even = |edge: f64| ((edge / 2.0).round() as u32).max(1) * 2;
    let is_whole = |edge: f64| (edge - edge.round()).abs() < 1e-6;
    // What has a box between pixels is squeezed into it.
    let whole = |edge: f64| if is_whole(edge) { edge.round().max(1.0) } else { f64::from(even(edge)) };
    let size = (whole(bounds.width), whole(bounds.height));
    let shared = (MOST_AT_ONCE / (beside + 1) as f64).min(1.0);
    let room = (canvas * MOST_TIMES).clamp(MOST_ENLARGED_PIXELS, MOST_NESTED_PIXELS) * shared;
    let room = room.max(own) / (size.0 * size.1);
    let longest = MAX_NESTED / size.0.max(size.1);
    let rooms = [room.sqrt(), longest, plan.most_scale / plan.scale];
    let seen = seen_scale(plan, index, element, size, slot);
    // No smaller than it says, or what is small within would be lost; but for one that is too long.
    let scale = rooms.into_iter().fold(seen, f64::min).max((1.0 / plan.scale).min(longest));
    let inner = Output {
        width: even(bounds.width * scale),
        height: even(bounds.height * scale),
        duration: Some(slot.end - slot.start),
        range: None,
        ..output.clone()
    };
    let of_outer = |unplaceable: Unplaceable| {
        let mut failure = unplaceable.failure;
        if let Some(inner) = unplaceable.element {
            failure.message = format!("elements[{inner}] within it: {}", failure.message);
            failure = failure.below(&Element::place_within(inner));
        }
        Unplaceable { element: Some(index), failure }
    };
    let enlarged = |element: &Element| element.clone().enlarged(scale);
    let elements: Option<Vec<Element>> = (scale != 1.0).then(|| element.elements().iter().map(enlarged).collect());
    let within = elements.as_deref().unwrap_or(element.elements());
    // It begins between two frames: what is within it comes in its own time, however deep it lies.
    let begins_s = slot.start - plan.rate.seconds(plan.rate.frame_at(slot.start).max(0));
    let extent =
        |picture: u32, edge: f64| if is_whole(edge) { f64::from(picture).min(edge.round() * scale) } else { picture.into() };
    let extent = (extent(inner.width, bounds.width), extent(inner.height, bounds.height));
    let of = Composed { extent, scale: plan.scale * scale, most_scale: plan.most_scale, begins_s };
    let plan = composed(within, &medium.within, &inner, &of).map_err(of_outer)?;
    Ok(Some(NestedPlan { size, elements, plan }))
}

/// The most pixels of compositions within one that are rendered at the same time, with those within them.
pub(super) fn pixels_at_once(plan: &Plan) -> u64 {
    let nested = |layer: &usize| plan.nested[plan.layers[*layer].element].as_ref();
    let pixels = |inner: &Plan| u64::from(inner.width) * u64::from(inner.height) + inner.nested_pixels;
    let rendered = plan.intervals.iter().filter(|interval| interval.end > plan.first && interval.first < plan.end);
    rendered.map(|now| now.layers.iter().filter_map(nested).map(|nested| pixels(&nested.plan)).sum()).max().unwrap_or(0)
}

/// Whether there is memory for all that a job composes within others.
pub(super) fn check(plan: &Plan, output: &Output) -> Result<(), Unplaceable> {
    if output.format.is_sound_alone() || plan.nested_pixels <= MOST_NESTED_AT_ONCE {
        return Ok(());
    }
    let message = format!("compositions within others have together at most {MOST_NESTED_AT_ONCE} pixels at the same time");
    let failure = JobFailure::new(ErrorCode::ResourceLimit, message).suggest("show fewer of them at once, or make them smaller");
    Err(Unplaceable { element: None, failure })
}

/// How many other compositions that grow are there at some moment of the time of one.
pub(super) fn beside(plan: &Plan, elements: &[Element], slots: &[Slot], index: usize) -> usize {
    // Within one that has grown all have.
    let grows = |index: usize| !elements[index].elements().is_empty() && (plan.scale > 1.0 || grows(&elements[index]));
    if !grows(index) {
        return 0;
    }
    let slot = &slots[index];
    let others = (0..elements.len()).filter(|other| *other != index && grows(*other)).map(|other| &slots[other]);
    let meets = others.map(|other| (other.start.max(slot.start), other.end.min(slot.end))).filter(|(start, end)| start < end);
    schedule::most_at_once(meets.map(|(start, end)| (start, end, 1))) as usize
}

/// Whether an element may be seen larger than it says.
fn grows(element: &Element) -> bool {
    let resizes = |visual: &Visual| {
        let moved = |keyframe: &Keyframe| matches!(keyframe.property, Property::Scale | Property::Width | Property::Height);
        visual.keyframes.iter().any(moved) || visual.ken_burns().is_some() || !visual.crop.is_none()
    };
    element.visual().is_some_and(resizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        composition::{Content, Timing},
        easing::Easing,
        geometry::Length,
        look::{Crop, Shape, ShapeKind},
        transition::{Transition, TransitionType},
    };
    use crate::render::plan::Stage;

    fn element(content: Content) -> Element {
        Element { timing: Timing { length: Some(1.0), ..Timing::default() }, content }
    }

    /// Of a square that fills it, in a box of some percent of the canvas, and so many times as large.
    fn composition(within: Element, percent: f64, scale: f64) -> Element {
        let keyframe = Keyframe { property: Property::Scale, at: 0.0, value: scale, easing: Easing::Linear };
        let edge = Length::Percent(percent);
        let visual = Visual { width: edge, height: edge, keyframes: vec![keyframe], ..Visual::default() };
        element(Content::Composition { elements: vec![within], visual })
    }

    fn square() -> Element {
        let shape = Shape { kind: ShapeKind::Rectangle, fill: None, gradient: None, stroke: None };
        element(Content::Shape { shape, visual: Visual { x: Length::Pixels(10.0), ..Visual::default() } })
    }

    /// Of one within another.
    fn medium() -> Medium {
        let within = Medium { within: vec![Medium::default()], ..Medium::default() };
        Medium { within: vec![within], ..Medium::default() }
    }

    fn planned(element: Element, (width, height): (u32, u32)) -> Result<NestedPlan, Unplaceable> {
        let mut plan = super::super::plan(&[element], &[medium()], &Output::plain(width, height, 25))?;
        Ok(plan.nested.remove(0).unwrap())
    }

    fn place_within(nested: &NestedPlan) -> Option<Length> {
        nested.elements.as_ref().map(|elements| elements[0].visual().unwrap().x)
    }

    #[test]
    fn it_is_as_large_as_it_is_seen_and_no_smaller_than_it_says() {
        for (scale, size) in [(1.0, (320, 180)), (2.5, (800, 450)), (4.0, (1_280, 720)), (9.0, (1_280, 720))] {
            let nested = planned(composition(square(), 50.0, scale), (640, 360)).unwrap();
            assert_eq!((nested.plan.width, nested.plan.height), size, "{scale}");
            assert_eq!(nested.size, (320.0, 180.0));
            let expected = (scale > 1.0).then_some(Length::Pixels(10.0 * scale.min(4.0)));
            assert_eq!(place_within(&nested), expected, "{scale}");
        }
        for scale in [0.25, 0.0] {
            let nested = planned(composition(square(), 50.0, scale), (640, 360)).unwrap();
            assert_eq!((nested.plan.width, nested.plan.scale, place_within(&nested)), (320, 1.0, None));
        }
    }

    #[test]
    fn one_that_is_seen_smaller_within_a_larger_one_is_composed_so() {
        let nested = planned(composition(composition(square(), 50.0, 0.5), 50.0, 4.0), (640, 360)).unwrap();
        let within = nested.plan.nested[0].as_ref().unwrap();
        assert_eq!((nested.plan.width, within.plan.width, within.plan.scale), (1_280, 320, 2.0));
    }

    #[test]
    fn one_that_is_too_long_is_composed_smaller_with_all_that_is_in_it() {
        let mut ticker = composition(square(), 100.0, 1.0);
        let Content::Composition { visual, .. } = &mut ticker.content else { panic!() };
        (visual.width, visual.height) = (Length::Pixels(5_760.0), Length::Pixels(100.0));
        let nested = planned(composition(ticker, 100.0, 2.0), (1_920, 1_080)).unwrap();
        let within = nested.plan.nested[0].as_ref().unwrap();
        let share = f64::from(within.plan.width) / within.size.0;
        assert_eq!((within.size.0, within.plan.width), (11_520.0, 7_680));
        let Some(Length::Pixels(x)) = place_within(within) else { panic!("{within:?}") };
        assert!((x - 20.0 * share).abs() < 1e-9, "{x}");
    }

    #[test]
    fn many_that_are_there_at_once_share_the_room_and_what_they_take_is_known() {
        let card = |start: f64, length: f64, scale: f64| {
            let mut card = composition(square(), 50.0, scale);
            card.timing = Timing { start: Some(start), length: Some(length), ..Timing::default() };
            card
        };
        let planned = |cards: Vec<Element>| {
            let media: Vec<Medium> = cards.iter().map(|_| medium()).collect();
            super::super::plan(&cards, &media, &Output::plain(1_920, 1_080, 25)).unwrap()
        };
        let canvas = 1_920.0 * 1_080.0;
        let pixels = |plan: &Plan| plan.nested_pixels as f64 / canvas;
        // Each would be four canvases large.
        assert_eq!(pixels(&planned((0..9).map(|at| card(f64::from(at), 1.0, 4.0)).collect())), 4.0);
        let at_once = pixels(&planned((0..9).map(|_| card(0.0, 1.0, 4.0)).collect()));
        assert!((15.9..16.1).contains(&at_once), "{at_once}");
        // One that lasts is as large beside many that come one after the other, or do not grow.
        let mut cards: Vec<Element> = (0..9).map(|at| card(f64::from(at), 1.0, 4.0)).collect();
        cards.push(card(0.0, 9.0, 4.0));
        assert_eq!(pixels(&planned(cards)), 8.0);
        let mut badges: Vec<Element> = (0..9).map(|_| composition(square(), 10.0, 1.0)).collect();
        for badge in &mut badges {
            let Content::Composition { visual, .. } = &mut badge.content else { panic!() };
            visual.keyframes.clear();
        }
        badges.push(card(0.0, 1.0, 4.0));
        let plan = planned(badges);
        assert_eq!(plan.nested[9].as_ref().unwrap().plan.width, 3_840);
        // What lies within them counts too.
        let plan = planned(vec![composition(composition(square(), 100.0, 1.0), 100.0, 1.0)]);
        assert_eq!(pixels(&plan), 2.0);
        // What has room as it says is not refused for being enlarged.
        let mut outer = composition(square(), 100.0, 2.0);
        let Content::Composition { elements, .. } = &mut outer.content else { panic!() };
        *elements = (0..19).map(|_| composition(square(), 100.0, 1.0)).collect();
        let media = Medium { within: (0..19).map(|_| medium()).collect(), ..Medium::default() };
        let plan = super::super::plan(&[outer], &[media], &Output::plain(1_920, 1_080, 25)).unwrap();
        assert!(plan.nested_pixels <= MOST_NESTED_AT_ONCE, "{}", plan.nested_pixels);
        let many: Vec<Element> = (0..40).map(|_| composition(square(), 200.0, 1.0)).collect();
        let media: Vec<Medium> = many.iter().map(|_| medium()).collect();
        let refused = super::super::plan(&many, &media, &Output::plain(1_920, 1_080, 25)).unwrap_err();
        assert_eq!(refused.failure.code, ErrorCode::ResourceLimit);
    }

    #[test]
    fn what_a_crop_leaves_of_it_counts() {
        let mut cropped = composition(square(), 50.0, 1.5);
        let Content::Composition { visual, .. } = &mut cropped.content else { panic!() };
        visual.crop = Crop { left: 0.25, top: 0.25, right: 0.25, bottom: 0.25 };
        let plan = super::super::plan(&[cropped], &[medium()], &Output::plain(640, 360, 25)).unwrap();
        assert_eq!(plan.nested[0].as_ref().unwrap().plan.width, 960, "half of it fills a box that is half as large again");
        // A blur is measured as it is at rest, and grows with it.
        assert!((plan.layers[0].own_pixel(&plan).0 - 1.0 / 1.5).abs() < 1e-9);
    }

    #[test]
    fn one_that_is_large_for_a_moment_is_not_composed_so_all_the_while() {
        let mut element = composition(square(), 50.0, 1.0);
        element.timing.length = Some(10.0);
        let Content::Composition { visual, .. } = &mut element.content else { panic!() };
        let keyframe = |at, value| Keyframe { property: Property::Scale, at, value, easing: Easing::Linear };
        visual.keyframes = vec![keyframe(0.0, 3.0), keyframe(0.5, 1.0)];
        let nested = planned(element, (640, 360)).unwrap();
        assert_eq!(nested.plan.width, 320);
    }

    #[test]
    fn one_that_another_slides_over_is_as_large_as_it_was_composed() {
        let slide = Transition { kind: TransitionType::SlideLeft, duration: 0.5, easing: Easing::Linear };
        let (mut one, mut other) = (composition(square(), 50.0, 1.0), composition(square(), 50.0, 1.0));
        for element in [&mut one, &mut other] {
            element.timing.track = Some(0);
        }
        let Content::Composition { visual, .. } = &mut other.content else { panic!() };
        visual.transition_in = Some(slide);
        let mut outer = composition(one, 50.0, 2.0);
        let Content::Composition { elements, .. } = &mut outer.content else { panic!() };
        elements.push(other);
        let media = Medium { within: vec![medium(), medium()], ..Medium::default() };
        let plan = super::super::plan(&[outer], &[media], &Output::plain(640, 360, 25)).unwrap();
        let within = &plan.nested[0].as_ref().unwrap().plan;
        assert_eq!(within.scale, 2.0);
        for layer in &within.layers {
            let Stage::Moving { sprite, pixel, .. } = layer.stage else { panic!("{layer:?}") };
            assert_eq!((sprite, pixel, layer.own_pixel(within)), ((320, 180), 1.0, (0.5, 0.5)));
        }
    }

    #[test]
    fn it_takes_no_more_than_there_is_room_for_and_refuses_nothing_within() {
        let nested = planned(composition(composition(square(), 150.0, 4.0), 100.0, 9.0), (1_920, 1_080)).unwrap();
        assert_eq!((nested.plan.width, nested.plan.height), (3_840, 2_160));
        let within = nested.plan.nested[0].as_ref().unwrap();
        let pixels = f64::from(within.plan.width) * f64::from(within.plan.height);
        assert!((8e6..=MOST_NESTED_PIXELS * 1.01).contains(&pixels), "{pixels}");
        assert!(planned(composition(square(), 300.0, 1.0), (1_920, 1_080)).is_err());
    }
}
