//! The plan of a render: pure arithmetic from elements and what is known of their media.
//!
//! Times become frames and samples here, once, by integers; places become rectangles of whole pixels. The
//! timeline is cut where something starts or ends, and what a full, opaque layer hides is dropped.

mod area;
mod interval;
mod layer;
mod nested;
mod passage;
mod pose;
mod rest;
mod sound;
mod span;

use crate::domain::{
    composition::Element,
    geometry::Rect,
    output::{FrameRate, Output},
    paint::Color,
    schedule::{self, Schedule, Slot, Unplaceable},
    subtitles,
};

pub use area::Area;
pub use interval::Interval;
pub use layer::{Figure, Layer, Part, Stage};
pub use nested::NestedPlan;
use passage::Passage;
pub use pose::{DrawnFor, Pose, Shift};
pub use rest::Rest;
pub use sound::{Fall, Sounding};

/// What is known of an element's medium before it is rendered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Medium {
    /// Seconds, of the picture for a video and of the sound for an audio.
    pub duration: Option<f64>,
    /// The size to be seen, in pixels; of a text, none.
    pub size: Option<(f64, f64)>,
    pub opaque: bool,
    pub sounds: bool,
    /// Of a composition: those of the elements within it.
    pub within: Vec<Medium>,
}

/// All that the compositor and the mixer need to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Of its pictures, whose edges are even.
    pub width: u32,
    pub height: u32,
    /// Of its canvas, pixels: all of a picture, but of a composition within another perhaps a little less.
    pub extent: (f64, f64),
    pub rate: FrameRate,
    /// Of the whole composition.
    pub frames: i64,
    /// What is rendered of it: from this frame…
    pub first: i64,
    /// …up to but not including this one.
    pub end: i64,
    pub background: Color,
    /// In drawing order, the lowest first.
    pub layers: Vec<Layer>,
    pub intervals: Vec<Interval>,
    pub sounds: Vec<Sounding>,
    /// By element: how the elements within it are rendered.
    pub nested: Vec<Option<NestedPlan>>,
    /// The most pixels of compositions within it that are rendered at the same time, with those within them.
    pub nested_pixels: u64,
    /// How much larger its canvas and its elements are than the composition says; not 1 only of one within another.
    pub scale: f64,
    /// How much larger those within it may be.
    pub most_scale: f64,
    /// When each element starts, seconds.
    pub starts: Vec<f64>,
}

impl Plan {
    /// What places and sizes are measured by.
    pub fn canvas(&self) -> Rect {
        Rect::of_size(self.extent.0, self.extent.1)
    }

    /// All of a picture: a little more than the canvas where that is odd.
    pub fn picture(&self) -> Rect {
        Rect::of_size(f64::from(self.width), f64::from(self.height))
    }

    /// How many frames are rendered.
    pub fn length(&self) -> i64 {
        self.end - self.first
    }

    /// Whether nothing of the ground is seen in any frame.
    pub fn is_opaque(&self) -> bool {
        self.intervals.iter().all(|interval| {
            let there = &interval.layers;
            there.first().is_some_and(|&lowest| interval::hides(self, lowest, there, interval.first, interval.end))
        })
    }

    /// Whether a layer covers all of the canvas all the time.
    pub fn covers(&self, layer: usize) -> bool {
        self.layers[layer].covers(self)
    }
}

/// Plans a render.
pub fn plan(elements: &[Element], media: &[Medium], output: &Output) -> Result<Plan, Unplaceable> {
    let extent = (f64::from(output.width), f64::from(output.height));
    let planned = |most_scale| composed(elements, media, output, &Composed { extent, scale: 1.0, most_scale, begins_s: 0.0 });
    let plan = planned(nested::MOST_ENLARGED)?;
    match nested::check(&plan, output) {
        Ok(()) => Ok(plan),
        // Nothing is refused for being composed larger than it says.
        Err(_) => planned(1.0).and_then(|plan| nested::check(&plan, output).map(|()| plan)),
    }
}

/// How large elements are composed, and when.
struct Composed {
    extent: (f64, f64),
    /// They are so many times as large as their composition says, and those within them at most so much.
    scale: f64,
    most_scale: f64,
    /// Seconds after the first frame, or before it.
    begins_s: f64,
}

fn composed(elements: &[Element], media: &[Medium], output: &Output, of: &Composed) -> Result<Plan, Unplaceable> {
    let durations: Vec<_> = media.iter().map(|medium| medium.duration).collect();
    let schedule = schedule::schedule(elements, &durations, output.duration)?;
    // What is seen goes by the frames; what is heard, by the composition's own time.
    let seen = schedule.moved(of.begins_s);
    let frames = output.clock().frame_at(seen.duration).max(1);
    let (first, end) = span::of(output, frames)?;
    let mut plan = Plan {
        width: output.width,
        height: output.height,
        extent: of.extent,
        rate: output.clock(),
        frames,
        first,
        end,
        background: output.background,
        layers: Vec::new(),
        intervals: Vec::new(),
        sounds: Vec::new(),
        nested: Vec::new(),
        nested_pixels: 0,
        scale: of.scale,
        most_scale: of.most_scale,
        starts: schedule.slots.iter().map(|slot| slot.start).collect(),
    };
    plan.nested = (0..elements.len())
        .map(|index| {
            let slot = (&seen.slots[index], nested::beside(&plan, elements, &seen.slots, index));
            nested::nested(&plan, index, &elements[index], &media[index], slot, output)
        })
        .collect::<Result<_, _>>()?;
    plan.layers = layers(&plan, elements, media, &seen);
    plan.intervals = interval::intervals(&plan);
    plan.nested_pixels = nested::pixels_at_once(&plan);
    plan.sounds = sound::sounds(&plan, elements, media, &schedule);
    Ok(plan)
}

fn layers(plan: &Plan, elements: &[Element], media: &[Medium], schedule: &Schedule) -> Vec<Layer> {
    let mut order: Vec<usize> = (0..elements.len()).collect();
    order.sort_by_key(|&index| (schedule.slots[index].track, index));
    let mut layers: Vec<Layer> = Vec::new();
    for index in order {
        let slot = &schedule.slots[index];
        let Some(visual) = layer::in_order(&elements[index]) else { continue };
        // What comes in place of another is there when that ends: there is nothing left then to come from.
        let first = plan.rate.frame_at(slot.start);
        let from = slot.crosses_from.filter(|from| layers.iter().any(|below| below.element == *from && below.end > first));
        let slot = &Slot { crosses_from: from, ..slot.clone() };
        let until = from.map_or(slot.end, |from| schedule.slots[from].end.min(slot.end));
        let enter = visual.transition_in.map(|transition| Passage::of(transition, slot.start, until - slot.start));
        let (size, opaque) = match &plan.nested[index] {
            Some(nested) => (Some(nested.size), nested.plan.is_opaque()),
            None => (media[index].size.map(|(width, height)| (width * plan.scale, height * plan.scale)), media[index].opaque),
        };
        if let Some(cues) = elements[index].cues() {
            if let (Some(from), Some(enter)) = (from, enter) {
                give_way(plan, &mut layers, from, enter);
            }
            layers.extend(cues.iter().enumerate().filter_map(|(number, cue)| {
                let start = slot.start + cue.start;
                let shown = Slot { start, end: (slot.start + cue.end).min(slot.end), crosses_from: None, ..*slot };
                let layer = layer::layer(plan, index, &visual, None, false, &shown)?;
                // Words that stay while others come or go do not come or go themselves.
                let stays = number > 0 && subtitles::goes_on(&cues[number - 1], cue);
                let goes_on = cues.get(number + 1).is_some_and(|next| subtitles::goes_on(cue, next));
                let longest = if cue.start == 0.0 { until - start } else { f64::INFINITY };
                let enter = layer.enter.filter(|_| !stays).map(|own| own.within(longest));
                let leave = layer.leave.filter(|_| !goes_on);
                Some(Layer { cue: Some(number), origin_s: slot.start, enter, leave, ..layer })
            }));
            continue;
        }
        let Some(mut layer) = layer::layer(plan, index, &visual, size, opaque, slot) else { continue };
        if let Some(nested) = &plan.nested[index] {
            layer.hold(plan, nested);
        }
        if let (Some(from), Some(enter)) = (from, enter) {
            layer.enter = Some(enter);
            match elements[from].cues() {
                Some(_) => give_way(plan, &mut layers, from, enter),
                None => cross(plan, &mut layers, &mut layer, (from, enter)),
            }
        }
        layers.push(layer);
    }
    layers
}

/// A layer takes over from that of another element.
fn cross(plan: &Plan, layers: &mut [Layer], layer: &mut Layer, (element, enter): (usize, Passage)) {
    layer.crosses_from = layers.iter().position(|below| below.element == element && below.end > layer.first);
    let Some(from) = layer.crosses_from.map(|from| &mut layers[from]) else { return };
    from.gives_way_by = Some(enter.kind);
    // The other goes as this comes, and not once more by itself.
    from.leave = from.leave.filter(|leave| leave.start_s >= enter.end_s());
    if enter.shifts() {
        push(plan, from);
    }
}

/// Where subtitles come or go each of their cues is a layer: none takes over from another, but all that go do so as the next element
/// comes.
fn give_way(plan: &Plan, layers: &mut [Layer], element: usize, leave: Passage) {
    for below in layers.iter_mut().filter(|below| below.element == element && below.end_s > leave.start_s) {
        // A cue that ends before goes as it would.
        if below.leave.is_some() && below.end_s < leave.end_s() - 1e-6 {
            continue;
        }
        below.leave = Some(leave);
        if leave.shifts() {
            push(plan, below);
        }
    }
}

/// Moves a layer by a transition of another.
fn push(plan: &Plan, layer: &mut Layer) {
    layer.set_moving(plan);
    if let Some(nested) = &plan.nested[layer.element] {
        layer.hold(plan, nested);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::{
        composition::{Content, Playback, Source, Timing, Visual},
        easing::Easing,
        error::ErrorCode,
        geometry::Length,
        look::{Crop, Effect},
        motion::{KenBurns, Keyframe, Property},
        output::TimeRange,
        transition::{Transition, TransitionType},
    };

    pub fn output() -> Output {
        Output::plain(1280, 720, 30)
    }

    pub fn clip(track: i32, transition: Option<f64>, opacity: f64) -> Element {
        let playback = Playback { trim_start: 1.0, ..Playback::of(Source::File("clip".into())) };
        let transition_in =
            transition.map(|duration| Transition { kind: TransitionType::Fade, duration, easing: Easing::Linear });
        let visual = Visual { opacity, transition_in, ..Visual::default() };
        let content = Content::Video { playback, visual, chroma_key: None };
        Element { timing: Timing { track: Some(track), ..Timing::default() }, content }
    }

    pub fn visual(element: &mut Element) -> &mut Visual {
        match &mut element.content {
            Content::Video { visual, .. } => visual,
            _ => unreachable!("a clip"),
        }
    }

    pub fn medium(width: f64, height: f64) -> Medium {
        Medium { duration: Some(9.0), size: Some((width, height)), opaque: true, sounds: true, within: Vec::new() }
    }

    #[test]
    fn an_element_that_goes_as_another_comes_goes_once() {
        let fade = |duration| Some(Transition { kind: TransitionType::Fade, duration, easing: Easing::Linear });
        let planned = |start: Option<f64>, length: f64| {
            let (mut one, mut other) = (clip(0, None, 1.0), clip(0, Some(0.5), 1.0));
            visual(&mut one).transition_out = fade(1.0);
            (other.timing.start, other.timing.length) = (start, Some(length));
            plan(&[one, other], &vec![medium(1280.0, 720.0); 2], &output()).unwrap()
        };
        assert_eq!(planned(None, 4.0).layers[0].leave, None);
        // One that comes and goes in the midst of it takes nothing away from its end.
        let leave = planned(Some(3.0), 2.0).layers[0].leave.expect("it goes");
        assert_eq!((leave.start_s, leave.duration_s), (7.0, 1.0));
    }

    proptest::proptest! {
        #![proptest_config(crate::domain::always_the_same_cases())]

        #[test]
        fn intervals_cover_each_frame_once_with_the_layers_that_are_there(clips in proptest::collection::vec(
            (0..4, proptest::option::of(0.0..9.0), 0.05..6.0, proptest::bool::ANY), 1..10,
        ), range in proptest::option::of((0.0..4.0, 0.1..9.0)), ntsc: bool) {
            let build = |&(track, start, length, opaque): &(i32, Option<f64>, f64, bool)| {
                let mut element = clip(track, None, if opaque { 1.0 } else { 0.5 });
                element.timing.start = start;
                element.timing.length = Some(length);
                element
            };
            // One that lasts, so that every range begins within the whole.
            let elements: Vec<Element> = std::iter::once(build(&(9, Some(0.0), 12.0, false))).chain(clips.iter().map(build)).collect();
            let range = range.map(|(start, length)| TimeRange { start, length });
            let rate = FrameRate::from_decimal(if ntsc { 29.97 } else { 25.0 });
            let output = Output { range, frame_rate: rate, ..output() };
            let plan = plan(&elements, &vec![medium(1280.0, 720.0); elements.len()], &output).unwrap();
            let mut at = 0;
            for interval in &plan.intervals {
                proptest::prop_assert!(interval.first == at && interval.end > at, "{:?} at {}", interval, at);
                at = interval.end;
                for (index, layer) in plan.layers.iter().enumerate() {
                    let there = layer.first <= interval.first && interval.end <= layer.end;
                    let apart = layer.end <= interval.first || interval.end <= layer.first;
                    proptest::prop_assert!(there || apart, "a layer comes or goes within an interval");
                    // What is there shows, unless a higher one that is opaque and full hides it.
                    let hides = |above: &Layer| {
                        let there = above.first <= interval.first && interval.end <= above.end;
                        there && above.hides(&plan, interval.first, interval.end)
                    };
                    let hidden = plan.layers[index + 1..].iter().any(hides);
                    proptest::prop_assert_eq!(interval.layers.contains(&index), there && !hidden);
                }
            }
            proptest::prop_assert_eq!(at, plan.frames);
            proptest::prop_assert!(plan.first < plan.end && plan.end <= plan.frames);
        }
    }

    #[test]
    fn two_clips_with_a_cross_fade_make_three_intervals() {
        let elements = [clip(0, None, 1.0), clip(0, Some(1.0), 1.0)];
        let plan = plan(&elements, &vec![medium(1280.0, 720.0); 2], &output()).unwrap();
        assert_eq!(plan.frames, 15 * 30);
        let found: Vec<_> = plan.intervals.iter().map(|i| (i.first, i.end, i.layers.clone())).collect();
        assert_eq!(found, [(0, 210, vec![0]), (210, 240, vec![0, 1]), (240, 450, vec![1])]);
        assert_eq!(plan.layers[1].crossing_at(7.5), Some((0, 0.5)));
        assert_eq!(plan.layers[1].crossing_at(8.0), None);
        assert_eq!(plan.sounds[0].falls, [Fall { down: (336_000, 384_000), up: None }]);
        assert_eq!(plan.sounds[1].rises, [(336_000, 384_000)]);
        assert_eq!((plan.sounds[1].start, plan.sounds[1].source_start), (336_000, 48_000));
    }

    #[test]
    fn a_layer_hides_what_is_below_until_its_transition_begins() {
        let mut fading = clip(0, None, 1.0);
        visual(&mut fading).transition_out =
            Some(Transition { kind: TransitionType::Fade, duration: 1.0, easing: Easing::Linear });
        let plan = plan(&[fading], &[medium(1280.0, 720.0)], &output()).unwrap();
        assert!(plan.layers[0].hides(&plan, 0, 210) && !plan.layers[0].hides(&plan, 210, 240));
    }

    #[test]
    fn a_cross_fade_is_done_when_what_it_fades_from_ends() {
        let mut later = clip(0, Some(5.0), 1.0);
        later.timing.start = Some(7.0);
        let plan = plan(&[clip(0, None, 1.0), later], &vec![medium(1280.0, 720.0); 2], &output()).unwrap();
        assert_eq!(plan.layers[1].crossing_at(7.5), Some((0, 0.5)));
        assert_eq!((plan.layers[1].crossing_at(8.0), plan.layers[1].opacity_at(8.0)), (None, 1.0));
    }

    #[test]
    fn what_a_full_opaque_layer_hides_is_not_drawn() {
        let elements = [clip(0, None, 1.0), clip(1, None, 1.0), clip(2, None, 0.5)];
        let plan = plan(&elements, &vec![medium(640.0, 360.0); 3], &output()).unwrap();
        assert_eq!(plan.intervals.len(), 1);
        assert_eq!(plan.intervals[0].layers, [1, 2]);
    }

    #[test]
    fn cover_shows_the_middle_of_what_is_too_tall() {
        let plan = plan(&[clip(0, None, 1.0)], &[medium(720.0, 1280.0)], &output()).unwrap();
        let Stage::Rest(Rest { part: (left, top, right, bottom), .. }) = plan.layers[0].stage else { panic!("it rests") };
        assert_eq!((left, right), (0.0, 1.0));
        assert!((bottom - top - 0.31640625).abs() < 1e-9 && (top + bottom - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_lies_off_the_canvas_is_no_layer() {
        let mut element = clip(0, None, 1.0);
        visual(&mut element).x = Length::Pixels(5_000.0);
        let plan = plan(&[element], &[medium(1280.0, 720.0)], &output()).unwrap();
        assert!(plan.layers.is_empty() && plan.intervals == [Interval { first: 0, end: 240, layers: vec![] }]);
    }

    #[test]
    fn a_crop_shows_its_part_as_if_it_were_the_whole() {
        let mut element = clip(0, None, 1.0);
        visual(&mut element).crop = Crop { left: 0.5, top: 0.5, right: 0.0, bottom: 0.0 };
        let plan = plan(&[element], &[medium(1280.0, 720.0)], &output()).unwrap();
        assert_eq!(plan.layers[0].made(), ((1280, 720), (0.5, 0.5, 1.0, 1.0)));
    }

    #[test]
    fn keyframes_and_turns_pose_the_element_about_its_anchor() {
        let mut element = clip(0, None, 1.0);
        let moved = visual(&mut element);
        (moved.width, moved.height) = (Length::Pixels(200.0), Length::Pixels(100.0));
        moved.rotation = 90.0;
        let key = |property, at, value| Keyframe { property, at, value, easing: Easing::Linear };
        moved.keyframes = vec![key(Property::X, 0.0, 0.0), key(Property::Scale, 0.0, 2.0), key(Property::X, 2.0, 100.0)];
        let plan = plan(&[element], &[medium(1280.0, 720.0)], &output()).unwrap();
        let pose = plan.layers[0].pose(&plan.canvas(), 1.0, None, Shift::NONE);
        assert_eq!((pose.pivot, pose.angle.to_degrees()), ((50.0, 360.0), 90.0));
        assert_eq!(pose.window, Rect { x: -150.0, y: 260.0, width: 400.0, height: 200.0 });
    }

    #[test]
    fn what_is_turned_stays_but_where_a_neighbour_pushes_it() {
        let slide = Transition { kind: TransitionType::SlideLeft, duration: 1.0, easing: Easing::Linear };
        let stays = |rotation: f64, own: bool, next: bool| {
            let mut elements = [clip(0, None, 1.0), clip(0, None, 1.0)];
            visual(&mut elements[0]).rotation = rotation;
            visual(&mut elements[0]).transition_out = own.then_some(slide);
            visual(&mut elements[1]).transition_in = next.then_some(slide);
            let plan = plan(&elements, &vec![medium(1280.0, 720.0); 2], &output()).unwrap();
            matches!(plan.layers[0].stage, Stage::Moving { stays: true, .. })
        };
        assert!(stays(30.0, false, false));
        assert!(!stays(30.0, true, false) && !stays(30.0, false, true) && !stays(0.0, false, true));
    }

    #[test]
    fn a_slow_move_keeps_its_window_and_hides_what_it_covers() {
        let mut above = clip(1, None, 1.0);
        let move_ = KenBurns {
            from_scale: 1.0,
            to_scale: 1.5,
            from_anchor: crate::domain::geometry::Anchor::TopLeft,
            to_anchor: crate::domain::geometry::Anchor::TopLeft,
        };
        visual(&mut above).effects = vec![Effect::KenBurns(move_)];
        let plan = plan(&[clip(0, None, 1.0), above], &vec![medium(1280.0, 720.0); 2], &output()).unwrap();
        assert_eq!(plan.intervals[0].layers, [1]);
        let pose = plan.layers[1].pose(&plan.canvas(), 8.0, None, Shift::NONE);
        assert_eq!(pose.window, plan.canvas());
        assert_eq!(pose.sprite, Rect { x: 0.0, y: 0.0, width: 1920.0, height: 1080.0 });
        let Stage::Moving { sprite, pixel, .. } = plan.layers[1].stage else { panic!("it moves") };
        assert!(sprite == (1280, 720) && (pixel - 1.5).abs() < 0.01, "{sprite:?} {pixel}");
    }

    #[test]
    fn a_range_is_a_part_of_the_frames() {
        let span = |start, length| {
            let output = Output { range: Some(TimeRange { start, length }), ..output() };
            plan(&[clip(0, None, 1.0)], &[medium(1280.0, 720.0)], &output).map(|plan| (plan.first, plan.end, plan.frames))
        };
        assert_eq!(span(2.0, 1.0), Ok((60, 90, 240)));
        assert_eq!(span(7.0, 100.0), Ok((210, 240, 240)));
        assert_eq!(span(0.5, 0.001), Ok((15, 16, 240)));
        assert_eq!(span(7.99, 1.0), Ok((239, 240, 240)));
        assert_eq!(span(7.9996, 1.0), Ok((239, 240, 240)));
        assert_eq!(span(8.0, 1.0).unwrap_err().failure.code, ErrorCode::BadUserInput);
    }

    #[test]
    fn what_lies_below_a_crossing_is_there() {
        let mut smaller = clip(1, Some(1.0), 1.0);
        visual(&mut smaller).width = Length::Percent(50.0);
        let mut below = clip(0, None, 1.0);
        below.timing.length = Some(20.0);
        let plan = plan(&[below, clip(1, None, 1.0), smaller], &vec![medium(1280.0, 720.0); 3], &output()).unwrap();
        let found: Vec<_> = plan.intervals.iter().map(|i| (i.first, i.end, i.layers.clone())).collect();
        assert_eq!(found[..3], [(0, 210, vec![1]), (210, 240, vec![0, 1, 2]), (240, 450, vec![0, 2])]);
    }
}
