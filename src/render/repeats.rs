//! Which frames are the same as the one before: they are not composed.

use super::{
    nested,
    prepare::{Art, Ready},
};

impl Ready<'_> {
    /// Whether a frame is sure to be the same as the one before it.
    pub fn repeats(&self, number: i64) -> bool {
        let intervals = &self.plan.intervals;
        let now = intervals.partition_point(|interval| interval.end <= number);
        let interval = intervals.get(now).filter(|interval| interval.first < number);
        interval.is_some_and(|interval| interval.layers.iter().all(|&layer| self.repeats_layer(layer, number)))
    }

    fn repeats_layer(&self, index: usize, number: i64) -> bool {
        let (plan, layer) = (self.plan, &self.plan.layers[index]);
        let seconds = plan.rate.seconds(number);
        let is_same_picture = match &self.arts[index] {
            Art::Clip => false,
            Art::Drawn | Art::Nothing => true,
            Art::Nested(within) => {
                let frame = nested::frame_of(plan, layer, seconds);
                // Past its end it stays as it is.
                frame >= within.plan.frames || within.repeats(frame)
            }
        };
        is_same_picture && layer.manner_at(plan, seconds) == layer.manner_at(plan, plan.rate.seconds(number - 1))
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        domain::{
            composition::{Content, Element, Timing, Visual},
            easing::Easing,
            geometry::Length,
            look::{Shape, ShapeKind},
            motion::{Keyframe, Property},
            output::Output,
            transition::{Transition, TransitionType},
        },
        render::{Composition, PlacedElement, prepare},
    };

    fn element(content: Content) -> Element {
        Element { timing: Timing { start: Some(0.0), length: Some(2.0), ..Timing::default() }, content }
    }

    fn square(visual: Visual) -> Element {
        let shape = Shape { kind: ShapeKind::Rectangle, fill: None, gradient: None, stroke: None };
        element(Content::Shape { shape, visual })
    }

    /// Turned and at rest but from 0.5 to 1 s, in which it moves.
    fn turned() -> Visual {
        let at = |at, value| Keyframe { property: Property::X, at, value, easing: Easing::Linear };
        Visual { rotation: 30.0, keyframes: vec![at(0.5, 0.0), at(1.0, 100.0)], ..Visual::default() }
    }

    /// Frames of 10 a second that do not repeat.
    fn fresh(element: Element) -> Vec<i64> {
        let elements = vec![PlacedElement { id: "element".into(), element }];
        let composition = Composition { elements, outputs: vec![Output::plain(320, 180, 10)] };
        let understood = prepare::understand(&composition, &mut |_, _| Vec::new()).unwrap();
        let ready = understood.ready(0);
        (0..understood.plans[0].frames).filter(|&number| !ready.repeats(number)).collect()
    }

    #[test]
    fn what_does_not_move_repeats_however_it_lies_and_whatever_lies_within_it() {
        let moving = [0, 6, 7, 8, 9, 10];
        assert_eq!(fresh(square(Visual { rotation: 30.0, ..Visual::default() })), [0]);
        assert_eq!(fresh(square(turned())), moving);
        let within = |visual, elements| element(Content::Composition { elements, visual });
        assert_eq!(fresh(within(turned(), vec![square(Visual::default())])), moving);
        assert_eq!(fresh(within(Visual { rotation: 9.0, ..Visual::default() }, vec![square(turned())])), moving);
        // A transition of it, and one within it.
        let transition = Transition { kind: TransitionType::WipeLeft, duration: 0.3, easing: Easing::Linear };
        let wiped = Visual { transition_in: Some(transition), width: Length::Percent(50.0), ..Visual::default() };
        assert_eq!(fresh(square(wiped.clone())), [0, 1, 2, 3]);
        assert_eq!(fresh(within(Visual::default(), vec![square(wiped)])), [0, 1, 2, 3]);
    }
}
