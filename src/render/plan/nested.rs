//! A composition within another: planned by itself, on a canvas of its own.

use super::{Medium, Plan, layer::seen_scale, pose, scaled};
use crate::domain::{
    composition::Element,
    error::{ErrorCode, JobFailure},
    output::Output,
    schedule::{Slot, Unplaceable},
};

/// The longest edge of a composition within another.
const MAX_NESTED: f64 = 7_680.0;
/// The most pixels of one, where it is larger than what it lies in.
const MOST_NESTED_PIXELS: f64 = 4_096.0 * 2_304.0;
/// Where one is composed larger than it says, since it is seen so, it has at most so many times the pixels of what it lies in, or so
/// many: each takes memory for some pictures of its size.
const MOST_ENLARGED: f64 = 4.0;
const MOST_ENLARGED_PIXELS: f64 = 1_920.0 * 1_080.0;

/// A composition within another, planned as large as it is ever seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Nested {
    /// Of the element's box at rest, pixels of the outer canvas.
    pub size: (f64, f64),
    /// The elements within it, as large as the plan is.
    pub elements: Vec<Element>,
    pub plan: Plan,
}

/// The plan of the elements within another.
pub(super) fn nested(
    plan: &Plan,
    index: usize,
    element: &Element,
    medium: &Medium,
    slot: &Slot,
    output: &Output,
) -> Result<Option<Nested>, Unplaceable> {
    let (Some(visual), false) = (element.visual(), element.elements().is_empty()) else { return Ok(None) };
    let bounds = pose::bounds_at_rest(visual, &plan.canvas());
    let canvas = f64::from(plan.width) * f64::from(plan.height);
    // Where this is within one that is itself larger than it says, what it says counts.
    let (own, most) = (bounds.width * bounds.height / plan.scale.powi(2), MOST_NESTED_PIXELS.max(canvas / plan.scale.powi(2)));
    if own > most {
        let message = format!("a composition within another has at most {most} pixels");
        let failure = JobFailure::new(ErrorCode::ResourceLimit, message).suggest("make it smaller, or scale it by a keyframe");
        return Err(Unplaceable::of(index, element, "width", failure));
    }
    let even = |edge: f64| ((edge.clamp(2.0, MAX_NESTED) / 2.0).round() as u32).max(1) * 2;
    let size = (f64::from(even(bounds.width)), f64::from(even(bounds.height)));
    let room = (canvas * MOST_ENLARGED).clamp(MOST_ENLARGED_PIXELS, MOST_NESTED_PIXELS).max(own) / (size.0 * size.1);
    let scale = seen_scale(plan, index, element, size, slot).min(room.sqrt()).min(MAX_NESTED / size.0.max(size.1));
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
    let elements: Vec<Element> = element.elements().iter().map(|element| element.clone().enlarged(scale)).collect();
    let plan = scaled(&elements, &medium.within, &inner, plan.scale * scale).map_err(of_outer)?;
    Ok(Some(Nested { size, elements, plan }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        composition::{Content, Timing, Visual},
        easing::Easing,
        geometry::Length,
        look::{Shape, ShapeKind},
        motion::{Keyframe, Property},
    };

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

    fn planned(element: Element, (width, height): (u32, u32)) -> Result<Nested, Unplaceable> {
        let mut media = Medium::default();
        for _ in 0..2 {
            media = Medium { within: vec![media], ..Medium::default() };
        }
        let mut plan = super::super::plan(&[element], &[media], &Output::plain(width, height, 25))?;
        Ok(plan.nested.remove(0).unwrap())
    }

    #[test]
    fn it_is_as_large_as_it_is_seen() {
        for (scale, size) in [(1.0, (320, 180)), (2.5, (800, 450)), (0.25, (80, 46)), (0.0, (4, 2))] {
            let nested = planned(composition(square(), 50.0, scale), (640, 360)).unwrap();
            assert_eq!((nested.plan.width, nested.plan.height), size, "{scale}");
            assert_eq!(nested.size, (320.0, 180.0));
            let Content::Shape { visual, .. } = &nested.elements[0].content else { panic!("{nested:?}") };
            assert!(scale == 0.0 || visual.x == Length::Pixels(10.0 * scale), "{scale}: {:?}", visual.x);
        }
    }

    #[test]
    fn it_takes_no_more_than_there_is_room_for_and_refuses_nothing_within() {
        let nested = planned(composition(composition(square(), 150.0, 4.0), 100.0, 9.0), (1_920, 1_080)).unwrap();
        assert_eq!((nested.plan.width, nested.plan.height), (3_840, 2_160));
        let within = nested.plan.nested[0].as_ref().unwrap();
        let pixels = f64::from(within.plan.width) * f64::from(within.plan.height);
        assert!((9e6..=MOST_NESTED_PIXELS * 1.01).contains(&pixels), "{pixels}");
        assert!(planned(composition(square(), 300.0, 1.0), (1_920, 1_080)).is_err());
    }
}
