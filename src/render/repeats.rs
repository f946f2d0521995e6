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
            look::{Effect, Shape, ShapeKind},
            motion::{Keyframe, Property},
            output::Output,
            paint::Color,
            transition::{Transition, TransitionType},
        },
        media::{Picture, Smoothness, Yuv420},
        render::{Composition, PlacedElement, ahead::CpuCount, compositor::Compositor, prepare},
    };

    fn element(content: Content) -> Element {
        Element { timing: Timing { start: Some(0.0), length: Some(2.0), ..Timing::default() }, content }
    }

    fn square(visual: Visual) -> Element {
        let fill = Some(Color { red: 255, green: 64, blue: 0, alpha: 255 });
        let shape = Shape { kind: ShapeKind::Rectangle, fill, gradient: None, stroke: None };
        element(Content::Shape { shape, visual })
    }

    /// Turned and at rest but from 0.5 to 1 s, in which it moves.
    fn turned() -> Visual {
        let at = |at, value| Keyframe { property: Property::X, at, value, easing: Easing::Linear };
        Visual { rotation: 30.0, keyframes: vec![at(0.5, 0.0), at(1.0, 100.0)], ..Visual::default() }
    }

    fn within(visual: Visual, elements: Vec<Element>) -> Element {
        element(Content::Composition { elements, visual })
    }

    /// Frames of 10 a second that do not repeat. Each is drawn after those before it as it is by itself, and one that repeats as the
    /// one before it.
    fn fresh(element: Element) -> Vec<i64> {
        let elements = vec![PlacedElement { id: "element".into(), element }];
        let composition = Composition { elements, outputs: vec![Output::plain(320, 180, 10)] };
        let understood = prepare::understand(&composition, &mut |_, _| Vec::new()).unwrap();
        let ready = understood.ready(0);
        let compositor = || Compositor::<Yuv420>::new(&ready, Smoothness::Exact, CpuCount::default());
        let drawn = |compositor: &mut Compositor<Yuv420>, number: i64| {
            let mut canvas = Picture::new(320, 180).unwrap();
            compositor.compose(number, &mut canvas).unwrap();
            let rows = (0..3).flat_map(|plane| (0..canvas.plane_height(plane)).map(move |y| (plane, y)));
            rows.flat_map(|(plane, y)| canvas.row(plane, y).to_vec()).collect::<Vec<u8>>()
        };
        let (mut in_order, mut before, mut fresh, mut is_seen) = (compositor(), Vec::new(), Vec::new(), false);
        for number in 0..understood.plans[0].frames {
            let picture = drawn(&mut in_order, number);
            is_seen |= picture[..320 * 180].iter().any(|luma| *luma != 16);
            assert!(picture == drawn(&mut compositor(), number), "frame {number} is another by itself");
            match ready.repeats(number) {
                true => assert!(picture == before, "frame {number} is not the one before"),
                false => fresh.push(number),
            }
            before = picture;
        }
        assert!(is_seen, "all is black");
        fresh
    }

    #[test]
    fn what_does_not_move_repeats_however_it_lies_and_whatever_lies_within_it() {
        let moving = [0, 6, 7, 8, 9, 10];
        assert_eq!(fresh(square(Visual { rotation: 30.0, ..Visual::default() })), [0]);
        assert_eq!(fresh(square(turned())), moving);
        assert_eq!(fresh(within(turned(), vec![square(Visual::default())])), moving);
        assert_eq!(fresh(within(Visual { rotation: 9.0, ..Visual::default() }, vec![square(turned())])), moving);
        // Smaller than it is composed, and with effects, which change what was composed.
        let scale = Keyframe { property: Property::Scale, at: 0.0, value: 0.3, easing: Easing::Linear };
        let small = Visual { keyframes: vec![scale], effects: vec![Effect::Blur(3.0), Effect::Hue(90.0)], ..turned() };
        assert_eq!(fresh(within(small, vec![square(turned())])), moving);
        // One that ends before that which holds it.
        let mut short = square(Visual { width: Length::Percent(50.0), ..Visual::default() });
        short.timing.length = Some(0.7);
        assert_eq!(
            fresh(within(Visual::default(), vec![short, square(Visual { x: Length::Percent(90.0), ..Visual::default() })])),
            [0, 7]
        );
    }

    #[test]
    fn what_changes_without_moving_does_not_repeat() {
        let at = |at, value| Keyframe { property: Property::Opacity, at, value, easing: Easing::Hold };
        let stepped = Visual { keyframes: vec![at(0.5, 1.0), at(1.0, 0.4)], ..Visual::default() };
        let transition = Transition { kind: TransitionType::WipeLeft, duration: 0.3, easing: Easing::Linear };
        let wiped = Visual { transition_in: Some(transition), width: Length::Percent(50.0), ..Visual::default() };
        for (visual, changes) in [(stepped, vec![0, 10]), (wiped, vec![0, 1, 2, 3])] {
            assert_eq!(fresh(square(visual.clone())), changes);
            assert_eq!(fresh(within(Visual::default(), vec![square(visual.clone())])), changes);
            assert_eq!(fresh(within(visual, vec![square(Visual::default())])), changes);
        }
        // Two on one track, one of which takes over from the other.
        let fade = Transition { kind: TransitionType::Fade, duration: 0.5, easing: Easing::Linear };
        let track = |mut element: Element, start: f64| {
            element.timing = Timing { track: Some(0), start: Some(start), length: Some(1.5), ..Timing::default() };
            element
        };
        let one = track(square(Visual { opacity: 0.5, ..Visual::default() }), 0.0);
        let other = track(square(Visual { transition_in: Some(fade), ..turned() }), 1.0);
        let found = fresh(within(Visual::default(), vec![one, other]));
        assert!([10, 11, 12, 13, 14, 15].iter().all(|number| found.contains(number)), "{found:?}");
    }
}
