//! Layers: the visible elements, each with its place in time and what it takes to draw it.

use std::sync::Arc;

use super::{
    NestedPlan, Plan, Rest,
    passage::{Passage, Passing},
    pose::{self, Shift},
};
use crate::domain::{
    composition::{Element, Visual},
    geometry::{self, Fit, Rect},
    look::Effect,
    motion::{self, Property},
    schedule::Slot,
    transition::TransitionType,
};

/// A visible element.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The element, by index.
    pub element: usize,
    /// Of subtitles, the words that it shows, by index.
    pub cue: Option<usize>,
    /// From this frame…
    pub first: i64,
    /// …up to but not including this one.
    pub end: i64,
    /// When its element starts, seconds: what moves it counts from there.
    pub origin_s: f64,
    /// When it starts and ends, seconds.
    pub start_s: f64,
    pub end_s: f64,
    /// Its keyframes in order of time; of subtitles one for all that show its cues.
    pub visual: Arc<Visual>,
    pub figure: Figure,
    pub stage: Stage,
    pub opaque: bool,
    pub enter: Option<Passage>,
    pub leave: Option<Passage>,
    /// The layer, by index, that it takes over from while `enter` lasts.
    pub crosses_from: Option<usize>,
    /// The transition by which another takes over from it.
    pub gives_way_by: Option<TransitionType>,
}

/// What is to be seen of an element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// A source of this size, in its own pixels, fitted into the element's box.
    Fitted((f64, f64)),
    /// Something drawn for the element's box.
    Drawn,
}

/// How a layer comes onto the canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// It rests, upright: a source, on these pixels of the canvas.
    Rest(Rest),
    /// It rests, and is drawn for its place.
    Drawn,
    /// It moves or is turned: a sprite of this size is put where its pose says.
    Moving {
        sprite: (u32, u32),
        /// How much of it is the picture, pixels: its own edges are even.
        extent: (f64, f64),
        /// The size of one of its pixels on the canvas, where it is largest…
        pixel: f64,
        /// …and as it is at rest, which is what effects are measured by: they move with what they change.
        pixel_at_rest: (f64, f64),
        /// It is only turned, flipped or rounded: its pose is the same all the time.
        stays: bool,
    },
}

/// A part of a source, as fractions (left, top, right, bottom).
pub type Part = (f64, f64, f64, f64);

/// The longest edge of a sprite.
const MAX_SPRITE: f64 = 8_192.0;
/// What is larger than its source, and larger than this many canvases, is enlarged as it is drawn.
const MAX_ENLARGED: f64 = 2.0;

const WHOLE: Part = (0.0, 0.0, 1.0, 1.0);

impl Stage {
    /// What is yet to be told how large it is made.
    fn unmade(stays: bool) -> Self {
        Self::Moving { sprite: (2, 2), extent: (2.0, 2.0), pixel: 1.0, pixel_at_rest: (1.0, 1.0), stays }
    }
}

/// The layer of an element; `None` where nothing of it is ever seen.
pub(super) fn layer(
    plan: &Plan,
    index: usize,
    visual: &Arc<Visual>,
    size: Option<(f64, f64)>,
    opaque: bool,
    slot: &Slot,
) -> Option<Layer> {
    let (first, end) = (plan.rate.frame_at(slot.start).max(0), plan.rate.frame_at(slot.end).min(plan.frames));
    if first >= end {
        return None;
    }
    let longest = slot.end - slot.start;
    let mut layer = Layer {
        element: index,
        cue: None,
        first,
        end,
        origin_s: slot.start,
        start_s: slot.start,
        end_s: slot.end,
        visual: visual.clone(),
        figure: size.map_or(Figure::Drawn, |size| Figure::Fitted(visual.crop.of(size))),
        stage: Stage::unmade(false),
        opaque,
        enter: visual.transition_in.map(|t| Passage::of(t, slot.start, longest)),
        leave: visual.transition_out.map(|t| Passage::of(t, slot.end - t.duration.min(longest), longest)),
        crosses_from: None,
        gives_way_by: None,
    };
    layer.stage = Stage::unmade(layer.stays());
    layer.stage = match layer.rests().then(|| layer.resting(plan)) {
        Some(Some(stage)) => stage,
        None => layer.moving(plan),
        // Nothing of it is seen; but what it takes over from gives way to it.
        Some(None) => {
            let enter = layer.enter.filter(|_| slot.crosses_from.is_some())?;
            layer.end = layer.end.min(plan.rate.frame_at(enter.end_s()) + 1);
            layer.moving(plan)
        }
    };
    Some(layer)
}

/// How large the picture of a composition within another is seen, of its size at rest: but for a tenth of its time, so that one that
/// only comes or goes large is not composed so all the while.
pub(super) fn seen_scale(plan: &Plan, index: usize, element: &Element, size: (f64, f64), slot: &Slot) -> f64 {
    const BRIEF: f64 = 0.1;
    /// So little is not worth another size.
    const AS_IS: f64 = 0.01;
    let layer = in_order(element).and_then(|visual| layer(plan, index, &visual, Some(size), false, slot));
    let Some(layer) = layer else { return 1.0 };
    if layer.lies_still() && layer.visual.crop.is_none() {
        return 1.0;
    }
    let (width, height) = layer.visual.crop.of(size);
    let mut scales: Vec<f64> = layer.sizes(plan).map(|(across, down)| (across / width).max(down / height)).collect();
    scales.sort_by(f64::total_cmp);
    let scale = scales[((scales.len() - 1) as f64 * (1.0 - BRIEF)).ceil() as usize];
    if (scale - 1.0).abs() < AS_IS { 1.0 } else { scale }
}

impl Layer {
    /// It shows a composition within it, which is composed whole: where a part of that is seen, the part is found as of a picture that
    /// moves.
    pub(super) fn hold(&mut self, plan: &Plan, nested: &NestedPlan) {
        let composed = (nested.plan.width, nested.plan.height);
        let crop = &self.visual.crop;
        if let Stage::Rest(rest) = self.stage
            && plan.canvas().contains(&pose::bounds_at_rest(&self.visual, &plan.canvas()))
            && crop.is_none()
            && let Some(rest) = rest.holding(nested.plan.extent, composed)
        {
            self.stage = Stage::Rest(rest);
            return;
        }
        let extent = nested.plan.extent;
        let left = crop.of((1.0, 1.0));
        let pixel = |(width, height): (f64, f64)| (width / left.0 / extent.0, height / left.1 / extent.1);
        let (pixel, pixel_at_rest) = (pixel(self.largest(plan)).0, pixel(self.size_at_rest(plan)));
        // Where another layer moves it, it has been told.
        let stays = if let Stage::Moving { stays, .. } = self.stage { stays } else { self.stays() };
        self.stage = Stage::Moving { sprite: composed, extent, pixel, pixel_at_rest, stays };
    }

    /// The size of a pixel of what is drawn for it at rest, across and down, in those of its composition's own canvas.
    pub fn own_pixel(&self, plan: &Plan) -> (f64, f64) {
        let on_canvas = match self.stage {
            Stage::Rest(_) | Stage::Drawn => (1.0, 1.0),
            Stage::Moving { pixel_at_rest, .. } => pixel_at_rest,
        };
        (on_canvas.0 / plan.scale, on_canvas.1 / plan.scale)
    }

    /// What its box shows at rest of the picture that is made for it, in pixels of that; `None` where that is all of it.
    pub fn seen_at_rest(&self, plan: &Plan) -> Option<Rect> {
        let (extent, size) = match (self.stage, self.figure) {
            (Stage::Rest(rest), _) => return Some(rest.boxed.moved((-rest.sheet.x, -rest.sheet.y))),
            (Stage::Moving { extent, .. }, Figure::Fitted(size)) => (extent, size),
            _ => return None,
        };
        if self.visual.fit == Fit::ContainBlur {
            return None;
        }
        let bounds = pose::bounds_at_rest(&self.visual, &plan.canvas());
        let source = geometry::fit(self.visual.fit, size, &bounds);
        let seen = source.intersection(&bounds).mapped(&source, &Rect::of_size(1.0, 1.0));
        let part = (seen.x, seen.y, seen.right(), seen.bottom());
        // What is composed is not cropped before.
        let (x, y, right, bottom) = if plan.nested[self.element].is_some() { self.visual.crop.unfold(part) } else { part };
        let (width, height) = ((right - x) * extent.0, (bottom - y) * extent.1);
        Some(Rect { x: x * extent.0, y: y * extent.1, width, height })
    }

    /// From how far away its effects make a pixel what it is, pixels of the canvas; see [`Effect::reach`].
    pub fn effects_reach(&self, plan: &Plan) -> f64 {
        // Of a source it is known where all of it lies.
        let is_placed = |effect: &&Effect| matches!((effect, self.figure), (Effect::Vignette(_), Figure::Fitted(_)));
        self.visual.effects.iter().filter(|effect| !is_placed(effect)).map(Effect::reach).sum::<f64>() * plan.scale
    }

    /// Whether a transition of it is measured by where all of it lies.
    pub fn is_masked(&self) -> bool {
        let own = [self.enter, self.leave].into_iter().flatten().map(|passage| passage.kind);
        own.chain(self.gives_way_by).any(|kind| kind != TransitionType::Fade)
    }

    /// Whether it lies upright in one place.
    pub fn lies_still(&self) -> bool {
        matches!(self.stage, Stage::Rest(_) | Stage::Drawn)
    }

    /// The size of the picture that is made of its source, and what is on it.
    pub fn made(&self) -> ((u32, u32), Part) {
        match self.stage {
            Stage::Rest(rest) => (rest.size(), self.visual.crop.unfold(rest.part)),
            Stage::Drawn => ((2, 2), WHOLE),
            Stage::Moving { sprite, extent, .. } => {
                let more = (0.0, 0.0, f64::from(sprite.0) / extent.0, f64::from(sprite.1) / extent.1);
                (sprite, self.visual.crop.unfold(more))
            }
        }
    }

    /// Opacity at a time, its fades included; but not how it comes where it takes over from another.
    pub fn opacity_at(&self, seconds: f64) -> f64 {
        let fade = |passage: &Option<Passage>| passage.filter(|passage| passage.kind == TransitionType::Fade);
        let rise = fade(&self.enter).filter(|_| self.crosses_from.is_none()).map_or(1.0, |passage| passage.at(seconds));
        let fall = fade(&self.leave).map_or(1.0, |passage| 1.0 - passage.at(seconds));
        self.visual.moved(Property::Opacity, seconds - self.origin_s).unwrap_or(self.visual.opacity) * rise * fall
    }

    /// How far it has taken over from the layer before it; `None` when it does not at that time.
    pub fn crossing_at(&self, seconds: f64) -> Option<(usize, f64)> {
        let from = self.crosses_from?;
        let passage = self.enter?;
        (seconds < passage.end_s()).then(|| (from, passage.at(seconds)))
    }

    /// The transition by itself, from or onto what lies below, that is more than a fade.
    pub fn passing_at(&self, seconds: f64) -> Option<Passing> {
        let passing = |passage: Option<Passage>, leaves| {
            let passage = passage.filter(|passage| passage.kind != TransitionType::Fade)?;
            Some(Passing { kind: passage.kind, share: passage.at(seconds), leaves })
        };
        let enter = passing(self.enter.filter(|enter| seconds < enter.end_s()), false);
        enter.or_else(|| passing(self.leave.filter(|leave| seconds >= leave.start_s), true))
    }

    /// Whether nothing shows through it in any frame of a range.
    pub fn hides(&self, plan: &Plan, first: i64, end: i64) -> bool {
        let solid = self.opaque && self.visual.opacity >= 1.0 && !self.moves(Property::Opacity);
        solid && !self.passes(plan, first, end) && self.covers(plan)
    }

    /// All that decides at a time how its picture is drawn.
    pub fn manner_at(&self, plan: &Plan, seconds: f64) -> impl PartialEq + use<> {
        let pose = match self.stage {
            Stage::Rest(_) | Stage::Drawn => None,
            Stage::Moving { .. } => Some(self.pose(&plan.canvas(), seconds, None, Shift::NONE)),
        };
        (pose, self.opacity_at(seconds), self.crossing_at(seconds), self.passing_at(seconds))
    }

    /// Whether a transition of it goes on in some frame of a range.
    fn passes(&self, plan: &Plan, first: i64, end: i64) -> bool {
        let (from, to) = (plan.rate.seconds(first), plan.rate.seconds(end - 1));
        self.enter.is_some_and(|enter| from < enter.end_s()) || self.leave.is_some_and(|leave| to > leave.start_s)
    }

    /// Whether it covers the whole canvas all the time.
    pub(super) fn covers(&self, plan: &Plan) -> bool {
        match self.stage {
            Stage::Rest(Rest { shown, .. }) => shown.rect() == plan.picture(),
            Stage::Drawn => false,
            Stage::Moving { .. } => {
                let pose = self.pose(&plan.canvas(), self.start_s, None, Shift::NONE).within(plan);
                let shrinks = self.visual.ken_burns().is_some_and(|move_| move_.from_scale.min(move_.to_scale) < 1.0);
                let stays = !self.visual.keyframes.iter().any(|keyframe| keyframe.property.is_place());
                stays && !shrinks && pose.angle == 0.0 && pose.corner == 0.0 && pose.window.contains(&plan.picture())
            }
        }
    }

    fn moves(&self, property: Property) -> bool {
        self.visual.keyframes.iter().any(|keyframe| keyframe.property == property)
    }

    /// Whether it stays in its place, upright, and its edges are straight.
    fn rests(&self) -> bool {
        let visual = &self.visual;
        visual.rotation == 0.0
            && !visual.flip_x
            && !visual.flip_y
            && (visual.corner_radius.resolve(1.0) == 0.0 || self.figure == Figure::Drawn)
            && visual.fit != Fit::ContainBlur
            && self.stays()
    }

    /// Whether it stays in its place, however it lies there.
    fn stays(&self) -> bool {
        let shifts = |passage: &Option<Passage>| passage.is_some_and(|passage| passage.shifts());
        self.visual.ken_burns().is_none()
            && !self.visual.keyframes.iter().any(|keyframe| keyframe.property.is_place())
            && !shifts(&self.enter)
            && !shifts(&self.leave)
    }

    fn resting(&self, plan: &Plan) -> Option<Stage> {
        let Figure::Fitted(size) = self.figure else { return Some(Stage::Drawn) };
        let bounds = pose::bounds_at_rest(&self.visual, &plan.canvas());
        let source = geometry::fit(self.visual.fit, size, &bounds);
        if source.intersection(&bounds).intersection(&plan.canvas()).is_empty() {
            return None;
        }
        // Effects are of what is there, and not of what is seen of it alone.
        let reach = self.effects_reach(plan);
        // What is thinner than a pixel is drawn by what it covers of it.
        Some(Rest::of(&source, &bounds, &plan.canvas(), reach).map_or_else(|| self.moving(plan), Stage::Rest))
    }

    /// Moved by a transition of another layer.
    pub(super) fn set_moving(&mut self, plan: &Plan) {
        self.stage = Stage::unmade(false);
        self.stage = self.moving(plan);
        if let Stage::Moving { stays, .. } = &mut self.stage {
            *stays = false;
        }
    }

    /// The times of its frames, seconds; of very many of some.
    fn times(&self, plan: &Plan) -> impl Iterator<Item = f64> {
        let step = ((self.end - self.first) / 1_000).max(1);
        let frames = (self.first..self.end).step_by(step as usize).chain([self.end - 1]);
        frames.map(|frame| plan.rate.seconds(frame))
    }

    /// The size of its picture at these times.
    fn sizes(&self, plan: &Plan) -> impl Iterator<Item = (f64, f64)> {
        self.times(plan).map(|seconds| {
            let pose = self.pose(&plan.canvas(), seconds, None, Shift::NONE);
            (pose.sprite.width, pose.sprite.height)
        })
    }

    /// How much larger than its box what is drawn for it is seen where it is largest.
    pub fn most_enlarged(&self, plan: &Plan) -> f64 {
        let grows = self.visual.ken_burns().is_some() || self.moves(Property::Scale);
        self.times(plan).take_while(|_| grows).map(|seconds| self.enlargement_at(&plan.canvas(), seconds)).fold(1.0, f64::max)
    }

    /// The same where it is largest.
    fn largest(&self, plan: &Plan) -> (f64, f64) {
        self.sizes(plan).fold((2.0, 2.0), |(width, height), size| (size.0.max(width), size.1.max(height)))
    }

    /// A sprite as large as it ever appears, but no larger than its source: what is turned once, no larger than is worth it.
    fn moving(&self, plan: &Plan) -> Stage {
        let largest = self.largest(plan);
        let mut extent = largest;
        let is_large = largest.0 * largest.1 > MAX_ENLARGED * f64::from(plan.width) * f64::from(plan.height);
        if let Figure::Fitted(size) = self.figure
            && self.visual.fit != Fit::ContainBlur
            && (is_large || !self.stays())
        {
            extent = (largest.0.min(size.0 / plan.scale), largest.1.min(size.1 / plan.scale));
        }
        let own = |edge: f64| edge.clamp(1.0, MAX_SPRITE);
        let extent = (own(extent.0), own(extent.1));
        let even = |edge: f64| (edge / 2.0 - 1e-6).ceil().max(1.0) as u32 * 2;
        let sprite = (even(extent.0), even(extent.1));
        let fills = self.visual.fit == Fit::ContainBlur;
        let extent = if fills { (f64::from(sprite.0), f64::from(sprite.1)) } else { extent };
        let at_rest = self.size_at_rest(plan);
        let pixel_at_rest = (at_rest.0 / extent.0, at_rest.1 / extent.1);
        Stage::Moving { sprite, extent, pixel: largest.0 / extent.0, pixel_at_rest, stays: self.stays() }
    }

    /// How large its picture is without what moves it.
    fn size_at_rest(&self, plan: &Plan) -> (f64, f64) {
        let bounds = pose::bounds_at_rest(&self.visual, &plan.canvas());
        let shown = match self.figure {
            Figure::Fitted(size) if self.visual.fit != Fit::ContainBlur => geometry::fit(self.visual.fit, size, &bounds),
            _ => bounds,
        };
        (shown.width, shown.height)
    }
}

/// How an element looks, with its keyframes in order of time; `None` of what is not seen.
pub(super) fn in_order(element: &Element) -> Option<Arc<Visual>> {
    let mut visual = element.visual()?.clone();
    motion::sort(&mut visual.keyframes);
    Some(Arc::new(visual))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            Medium, plan,
            tests::{clip, medium, output, visual},
        },
        *,
    };
    use crate::domain::{
        composition::{Content, Playback, Source, Text},
        easing::Easing,
        geometry::Length,
        subtitles::Cue,
        transition::Transition,
    };

    fn passing(kind: TransitionType, duration: f64) -> Option<Transition> {
        Some(Transition { kind, duration, easing: Easing::Linear })
    }

    #[test]
    fn what_another_takes_over_from_does_not_go_by_itself_before() {
        let (mut one, other) = (clip(0, None, 1.0), clip(0, Some(0.5), 1.0));
        visual(&mut one).transition_out = passing(TransitionType::SlideLeft, 1.0);
        let plan = plan(&[one, other], &vec![medium(1280.0, 720.0); 2], &output()).unwrap();
        assert_eq!(plan.layers[0].leave, None);
    }

    #[test]
    fn a_fade_in_hides_nothing_of_what_goes_meanwhile() {
        let mut one = clip(0, Some(1.0), 1.0);
        visual(&mut one).transition_out = passing(TransitionType::WipeLeft, 1.0);
        one.timing.length = Some(1.5);
        let layer = plan(&[one], &[medium(1280.0, 720.0)], &output()).unwrap().layers.remove(0);
        assert_eq!(layer.passing_at(0.75), Some(Passing { kind: TransitionType::WipeLeft, share: 0.25, leaves: true }));
    }

    #[test]
    fn a_transition_is_no_shorter_for_what_is_not_seen_before_it() {
        let (mut heard, mut one) = (clip(0, None, 1.0), clip(0, Some(1.0), 1.0));
        heard.content = Content::Audio { playback: Playback::of(Source::File("sound".into())) };
        (heard.timing.length, one.timing.start) = (Some(1.0), Some(0.8));
        let plan = plan(&[heard, one], &vec![medium(1280.0, 720.0); 2], &output()).unwrap();
        assert_eq!(plan.layers[0].enter.map(|enter| enter.duration_s), Some(1.0));
    }

    #[test]
    fn a_cue_that_is_shorter_than_its_transition_has_come_when_it_goes() {
        let mut words = clip(0, Some(1.0), 1.0);
        let cue = |start: f64, end: f64| Cue { start, end, text: end.to_string() };
        let (visual, style) = (visual(&mut words).clone(), Text::default());
        words.content = Content::Subtitles { source: None, cues: [cue(0.0, 0.5), cue(0.6, 2.0)].into(), style, visual };
        let plan = plan(&[words], &[Medium::default()], &output()).unwrap();
        let lasts = plan.layers.iter().map(|layer| layer.enter.map(|enter| (enter.duration_s * 1e6).round() / 1e6));
        assert_eq!(lasts.collect::<Vec<_>>(), [Some(0.5), Some(1.0)]);
    }

    #[test]
    fn what_gives_way_to_something_off_the_canvas_goes() {
        let (one, mut other) = (clip(0, None, 1.0), clip(0, Some(0.5), 1.0));
        visual(&mut other).x = Length::Pixels(5_000.0);
        let plan = plan(&[one, other], &vec![medium(1280.0, 720.0); 2], &output()).unwrap();
        assert_eq!(plan.layers.len(), 2);
        assert_eq!(plan.layers[1].crossing_at(plan.layers[1].start_s + 0.25), Some((0, 0.5)));
        assert_eq!(plan.intervals.last().map(|last| (last.layers.len(), last.first - plan.layers[1].first)), Some((0, 16)));
    }

    #[test]
    fn what_is_thinner_than_its_nearest_pixels_is_there() {
        let mut line = clip(0, None, 1.0);
        (visual(&mut line).height, visual(&mut line).y) = (Length::Pixels(1.0), Length::Pixels(239.76));
        assert_eq!(plan(&[line], &[medium(1280.0, 720.0)], &output()).unwrap().layers.len(), 1);
    }
}
