//! The plan of a render: pure arithmetic from elements and what is known of their media.
//!
//! Times become frames and samples here, once, by integers; places become rectangles of whole pixels. The
//! timeline is cut where something starts or ends, and what a full, opaque layer hides is dropped.

use crate::{
    domain::{
        composition::{Content, Element, Playback, Visual},
        easing::Easing,
        geometry::{self, Rect},
        output::{FrameRate, Output},
        paint::Color,
        schedule::{self, Schedule, Slot, Unplaceable},
    },
    media::SAMPLE_RATE,
};

/// What is known of an element's medium before it is rendered.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Medium {
    /// Seconds, of the picture for a video and of the sound for an audio.
    pub duration: Option<f64>,
    /// The size to be seen, in pixels; of a text, none.
    pub size: Option<(f64, f64)>,
    pub opaque: bool,
    pub sounds: bool,
}

/// All that the compositor and the mixer need to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub width: u32,
    pub height: u32,
    pub rate: FrameRate,
    pub frames: i64,
    pub background: Color,
    /// In drawing order, the lowest first.
    pub layers: Vec<Layer>,
    pub intervals: Vec<Interval>,
    pub sounds: Vec<Sounding>,
    /// When each element starts, seconds.
    pub starts: Vec<f64>,
}

/// A visible element.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The element, by index.
    pub element: usize,
    /// From this frame…
    pub first: i64,
    /// …up to but not including this one.
    pub end: i64,
    /// When it starts, seconds.
    pub start_s: f64,
    /// The element's box on the canvas.
    pub bounds: Rect,
    /// What is seen of it, in whole and even pixels of the canvas.
    pub shown: Area,
    /// The part of the source that `shown` shows, as fractions (left, top, right, bottom).
    pub part: (f64, f64, f64, f64),
    pub opaque: bool,
    pub opacity: f64,
    pub fade_in: Option<Fade>,
    pub fade_out: Option<Fade>,
    /// The layer, by index, that it cross-fades from while `fade_in` lasts.
    pub crosses_from: Option<usize>,
}

/// Whole pixels of the canvas; all four are even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

/// A ramp of opacity from `start_s` on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fade {
    pub start_s: f64,
    pub duration_s: f64,
    pub easing: Easing,
}

/// A run of frames that shows the same layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    pub first: i64,
    pub end: i64,
    /// Indexes into the plan's layers, the lowest first; none that is hidden.
    pub layers: Vec<usize>,
}

/// An audible element, in samples at 48 kHz.
#[derive(Debug, Clone, PartialEq)]
pub struct Sounding {
    pub element: usize,
    pub start: i64,
    pub end: i64,
    /// The sample of the source that sounds at `start`.
    pub source_start: i64,
    pub volume: f64,
    /// Linear ramps, as (from, to) samples.
    pub rises: Vec<(i64, i64)>,
    pub falls: Vec<(i64, i64)>,
}

impl Area {
    pub fn contains(&self, other: &Area) -> bool {
        self.x <= other.x
            && self.y <= other.y
            && self.x + self.width >= other.x + other.width
            && self.y + self.height >= other.y + other.height
    }

    /// The even pixels nearest to a rectangle, within a canvas; `None` where nothing is left.
    pub fn nearest(rect: &Rect, width: u32, height: u32) -> Option<Self> {
        let even = |edge: f64, most: u32| ((edge / 2.0).round() as i64 * 2).clamp(0, i64::from(most)) as usize;
        let (x, right) = (even(rect.x, width), even(rect.right(), width));
        let (y, bottom) = (even(rect.y, height), even(rect.bottom(), height));
        (x < right && y < bottom).then(|| Self { x, y, width: right - x, height: bottom - y })
    }

    fn is_whole(&self, plan: &Plan) -> bool {
        self.width == plan.width as usize && self.height == plan.height as usize
    }
}

impl Fade {
    /// How far the ramp is, eased, at a time of the composition.
    pub fn at(&self, seconds: f64) -> f64 {
        self.easing.at((seconds - self.start_s) / self.duration_s).clamp(0.0, 1.0)
    }
}

impl Layer {
    /// Opacity at a time, its fades included; but not its `fade_in` where that is a cross-fade.
    pub fn opacity_at(&self, seconds: f64) -> f64 {
        let rise = self.fade_in.filter(|_| self.crosses_from.is_none()).map_or(1.0, |fade| fade.at(seconds));
        let fall = self.fade_out.map_or(1.0, |fade| 1.0 - fade.at(seconds));
        self.opacity * rise * fall
    }

    /// How far the cross-fade onto this layer is; `None` when there is none at that time.
    pub fn crossing_at(&self, seconds: f64) -> Option<(usize, f64)> {
        let from = self.crosses_from?;
        let fade = self.fade_in?;
        (seconds < fade.start_s + fade.duration_s).then(|| (from, fade.at(seconds)))
    }

    /// Whether nothing shows through it in any frame of a range.
    fn hides(&self, plan: &Plan, first: i64, end: i64) -> bool {
        let (from, to) = (plan.rate.seconds(first), plan.rate.seconds(end - 1));
        let faded = self.fade_in.is_some_and(|fade| from < fade.start_s + fade.duration_s)
            || self.fade_out.is_some_and(|fade| to > fade.start_s);
        self.opaque && self.opacity >= 1.0 && self.shown.is_whole(plan) && !faded
    }
}

/// Plans a render.
pub fn plan(elements: &[Element], media: &[Medium], output: &Output) -> Result<Plan, Unplaceable> {
    let durations: Vec<_> = media.iter().map(|medium| medium.duration).collect();
    let schedule = schedule::schedule(elements, &durations, output.duration)?;
    let frames = output.frame_rate.frame_at(schedule.duration).max(1);
    let mut plan = Plan {
        width: output.width,
        height: output.height,
        rate: output.frame_rate,
        frames,
        background: output.background,
        layers: Vec::new(),
        intervals: Vec::new(),
        sounds: Vec::new(),
        starts: schedule.slots.iter().map(|slot| slot.start).collect(),
    };
    plan.layers = layers(&plan, elements, media, &schedule);
    plan.intervals = intervals(&plan);
    plan.sounds = sounds(&plan, elements, media, &schedule);
    Ok(plan)
}

fn layers(plan: &Plan, elements: &[Element], media: &[Medium], schedule: &Schedule) -> Vec<Layer> {
    let mut order: Vec<usize> = (0..elements.len()).collect();
    order.sort_by_key(|&index| (schedule.slots[index].track, index));
    let mut layers: Vec<Layer> = Vec::new();
    for index in order {
        let slot = &schedule.slots[index];
        let Some(mut layer) = layer(plan, index, &elements[index], &media[index], slot) else { continue };
        layer.crosses_from =
            slot.crosses_from.and_then(|from| layers.iter().position(|below| below.element == from && below.end > layer.first));
        if let (Some(from), Some(fade)) = (layer.crosses_from.and(slot.crosses_from), &mut layer.fade_in) {
            // Done when the other ends: there is nothing left then to fade from.
            fade.duration_s = fade.duration_s.min(schedule.slots[from].end - slot.start);
        }
        layers.push(layer);
    }
    layers
}

fn layer(plan: &Plan, index: usize, element: &Element, medium: &Medium, slot: &Slot) -> Option<Layer> {
    let visual = element.visual()?;
    let canvas = Rect::of_size(f64::from(plan.width), f64::from(plan.height));
    let bounds = bounds(visual, &canvas);
    let source = medium.size.map_or(bounds, |size| geometry::fit(visual.fit, size, &bounds));
    let seen = source.intersection(&bounds).intersection(&canvas);
    let shown = Area::nearest(&seen, plan.width, plan.height).filter(|_| !seen.is_empty())?;
    let (first, end) = (plan.rate.frame_at(slot.start), plan.rate.frame_at(slot.end).min(plan.frames));
    (first < end).then(|| Layer {
        element: index,
        first,
        end,
        start_s: slot.start,
        bounds,
        shown,
        part: part(&shown, &source),
        opaque: medium.opaque,
        opacity: visual.opacity,
        fade_in: visual.transition_in.map(|t| Fade {
            start_s: slot.start,
            duration_s: t.duration.min(slot.end - slot.start),
            easing: t.easing,
        }),
        fade_out: visual.transition_out.map(|t| {
            let duration_s = t.duration.min(slot.end - slot.start);
            Fade { start_s: slot.end - duration_s, duration_s, easing: t.easing }
        }),
        crosses_from: None,
    })
}

fn bounds(visual: &Visual, canvas: &Rect) -> Rect {
    let (width, height) = (visual.width.resolve(canvas.width), visual.height.resolve(canvas.height));
    let (across, down) = visual.anchor.fraction();
    Rect { x: visual.x.resolve(canvas.width) - width * across, y: visual.y.resolve(canvas.height) - height * down, width, height }
}

/// The fractions of a source, which lies at `source`, that an area of the canvas shows.
fn part(shown: &Area, source: &Rect) -> (f64, f64, f64, f64) {
    let across = |x: usize| ((x as f64 - source.x) / source.width).clamp(0.0, 1.0);
    let down = |y: usize| ((y as f64 - source.y) / source.height).clamp(0.0, 1.0);
    (across(shown.x), down(shown.y), across(shown.x + shown.width), down(shown.y + shown.height))
}

fn intervals(plan: &Plan) -> Vec<Interval> {
    let mut cuts: Vec<i64> = plan.layers.iter().flat_map(|layer| cuts(plan, layer)).collect();
    cuts.extend([0, plan.frames]);
    cuts.retain(|frame| (0..=plan.frames).contains(frame));
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|pair| Interval { first: pair[0], end: pair[1], layers: seen_in(plan, pair[0], pair[1]) }).collect()
}

/// The frames at which a layer comes, goes, or stops or starts to fade.
fn cuts(plan: &Plan, layer: &Layer) -> Vec<i64> {
    let mut cuts = vec![layer.first, layer.end];
    // The first frame at or after the moment: frames before it are still within the fade.
    let after = |seconds: f64| (seconds * plan.rate.as_f64() - 1e-6).ceil() as i64;
    cuts.extend(layer.fade_in.map(|fade| after(fade.start_s + fade.duration_s)));
    cuts.extend(layer.fade_out.map(|fade| after(fade.start_s)));
    cuts
}

fn seen_in(plan: &Plan, first: i64, end: i64) -> Vec<usize> {
    let there: Vec<usize> =
        (0..plan.layers.len()).filter(|&index| plan.layers[index].first <= first && plan.layers[index].end >= end).collect();
    let lowest = there.iter().rposition(|&index| plan.layers[index].hides(plan, first, end)).unwrap_or(0);
    there[lowest..].to_vec()
}

fn sounds(plan: &Plan, elements: &[Element], media: &[Medium], schedule: &Schedule) -> Vec<Sounding> {
    (0..elements.len()).filter_map(|index| sounding(plan, index, elements, media, schedule)).collect()
}

fn sounding(plan: &Plan, index: usize, elements: &[Element], media: &[Medium], schedule: &Schedule) -> Option<Sounding> {
    let playback = elements[index].playback()?;
    if playback.muted || playback.volume <= 0.0 || !media[index].sounds {
        return None;
    }
    let slot = &schedule.slots[index];
    let last = plan.rate.sample_at(plan.frames, SAMPLE_RATE);
    let (start, end) = (sample(slot.start), sample(slot.end).min(last));
    let mut sounding = Sounding {
        element: index,
        start,
        end,
        source_start: sample(playback.trim_start),
        volume: playback.volume,
        rises: Vec::new(),
        falls: Vec::new(),
    };
    add_fades(&mut sounding, playback);
    add_crossings(&mut sounding, index, elements, schedule);
    (start < end).then_some(sounding)
}

fn add_fades(sounding: &mut Sounding, playback: &Playback) {
    if playback.fade_in > 0.0 {
        sounding.rises.push((sounding.start, sounding.start + sample(playback.fade_in)));
    }
    if playback.fade_out > 0.0 {
        sounding.falls.push((sounding.end - sample(playback.fade_out), sounding.end));
    }
}

/// Where pictures cross-fade, so do their sounds: linearly, as FFmpeg's acrossfade does by default.
fn add_crossings(sounding: &mut Sounding, index: usize, elements: &[Element], schedule: &Schedule) {
    let crossing = |later: usize, earlier: usize| {
        let start = schedule.slots[later].start;
        let fade = elements[later].visual().and_then(|visual| visual.transition_in).map_or(0.0, |t| t.duration);
        (sample(start), sample((start + fade).min(schedule.slots[earlier].end)))
    };
    if let Some(earlier) = schedule.slots[index].crosses_from {
        sounding.rises.push(crossing(index, earlier));
    }
    let onto = schedule.slots.iter().position(|slot| slot.crosses_from == Some(index));
    if let Some(later) = onto.filter(|&later| matches!(elements[later].content, Content::Video { .. })) {
        sounding.falls.push(crossing(later, index));
    }
}

fn sample(seconds: f64) -> i64 {
    (seconds * f64::from(SAMPLE_RATE)).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        composition::{Source, Timing, Transition},
        geometry::{Anchor, Fit, Length},
        output::Quality,
    };

    fn output() -> Output {
        Output {
            width: 1280,
            height: 720,
            frame_rate: FrameRate { numerator: 30, denominator: 1 },
            quality: Quality::Medium,
            crf: None,
            video_bitrate: None,
            audio_bitrate: None,
            background: Color::BLACK,
            duration: None,
        }
    }

    fn clip(track: i32, transition: Option<f64>, opacity: f64) -> Element {
        let playback = Playback {
            source: Source::File("clip".into()),
            trim_start: 1.0,
            trim_end: None,
            volume: 1.0,
            fade_in: 0.0,
            fade_out: 0.0,
            muted: false,
        };
        let visual = Visual {
            x: Length::Percent(50.0),
            y: Length::Percent(50.0),
            width: Length::Percent(100.0),
            height: Length::Percent(100.0),
            anchor: Anchor::Center,
            fit: Fit::Cover,
            opacity,
            transition_in: transition.map(|duration| Transition { duration, easing: Easing::Linear }),
            transition_out: None,
        };
        Element { timing: Timing { track: Some(track), ..Timing::default() }, content: Content::Video { playback, visual } }
    }

    fn medium(width: f64, height: f64) -> Medium {
        Medium { duration: Some(9.0), size: Some((width, height)), opaque: true, sounds: true }
    }

    #[test]
    fn two_clips_with_a_cross_fade_make_three_intervals() {
        let elements = [clip(0, None, 1.0), clip(0, Some(1.0), 1.0)];
        let plan = plan(&elements, &[medium(1280.0, 720.0); 2], &output()).unwrap();
        assert_eq!(plan.frames, 15 * 30);
        let found: Vec<_> = plan.intervals.iter().map(|i| (i.first, i.end, i.layers.clone())).collect();
        assert_eq!(found, [(0, 210, vec![0]), (210, 240, vec![0, 1]), (240, 450, vec![1])]);
        assert_eq!(plan.layers[1].crossing_at(7.5), Some((0, 0.5)));
        assert_eq!(plan.layers[1].crossing_at(8.0), None);
        assert_eq!(plan.sounds[0].falls, [(336_000, 384_000)]);
        assert_eq!(plan.sounds[1].rises, [(336_000, 384_000)]);
        assert_eq!((plan.sounds[1].start, plan.sounds[1].source_start), (336_000, 48_000));
    }

    #[test]
    fn a_cross_fade_is_done_when_what_it_fades_from_ends() {
        let mut later = clip(0, Some(5.0), 1.0);
        later.timing.start = Some(7.0);
        let plan = plan(&[clip(0, None, 1.0), later], &[medium(1280.0, 720.0); 2], &output()).unwrap();
        assert_eq!(plan.layers[1].crossing_at(7.5), Some((0, 0.5)));
        assert_eq!((plan.layers[1].crossing_at(8.0), plan.layers[1].opacity_at(8.0)), (None, 1.0));
    }

    #[test]
    fn what_a_full_opaque_layer_hides_is_not_drawn() {
        let elements = [clip(0, None, 1.0), clip(1, None, 1.0), clip(2, None, 0.5)];
        let plan = plan(&elements, &[medium(640.0, 360.0); 3], &output()).unwrap();
        assert_eq!(plan.intervals.len(), 1);
        assert_eq!(plan.intervals[0].layers, [1, 2]);
    }

    #[test]
    fn cover_shows_the_middle_of_what_is_too_tall() {
        let plan = plan(&[clip(0, None, 1.0)], &[medium(720.0, 1280.0)], &output()).unwrap();
        let (left, top, right, bottom) = plan.layers[0].part;
        assert_eq!((left, right), (0.0, 1.0));
        assert!((bottom - top - 0.31640625).abs() < 1e-9 && (top + bottom - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_lies_off_the_canvas_is_no_layer() {
        let mut element = clip(0, None, 1.0);
        if let Content::Video { visual, .. } = &mut element.content {
            visual.x = Length::Pixels(5_000.0);
        }
        let plan = plan(&[element], &[medium(1280.0, 720.0)], &output()).unwrap();
        assert!(plan.layers.is_empty() && plan.intervals == [Interval { first: 0, end: 240, layers: vec![] }]);
    }
}
