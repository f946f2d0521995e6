//! The audible elements, placed by samples.

use super::{Medium, Plan};
use crate::{
    domain::{
        composition::{Content, Element, Playback},
        motion::Keyframe,
        schedule::Schedule,
    },
    media::SAMPLE_RATE,
};

/// An audible element, in samples at 48 kHz.
#[derive(Debug, Clone, PartialEq)]
pub struct Sounding {
    pub element: usize,
    /// Within that, its place on each level.
    pub within: Vec<usize>,
    pub start: i64,
    pub end: i64,
    /// The sample of the source that sounds at `start`.
    pub source_start: i64,
    /// Where it starts again, in samples from `source_start`; `None`: it does not.
    pub period: Option<i64>,
    /// What the numbers of a sample and of the one that sounds in its place add up to; `None`: it plays forwards.
    pub mirror: Option<i64>,
    /// How fast it plays.
    pub speed: f64,
    /// Lower while others sound.
    pub ducks: bool,
    pub volume: f64,
    /// Of the volume, in order of time.
    pub keyframes: Vec<Keyframe>,
    /// Linear ramps, as (from, to) samples.
    pub rises: Vec<(i64, i64)>,
    pub falls: Vec<(i64, i64)>,
}

impl Sounding {
    /// Whether it sounds as its source does.
    pub fn is_plain(&self) -> bool {
        let played = self.speed == 1.0 && self.period.is_none() && self.mirror.is_none();
        let loud = self.volume == 1.0 && self.keyframes.is_empty() && self.rises.is_empty() && self.falls.is_empty();
        played && loud && !self.ducks && self.within.is_empty()
    }
}

pub(super) fn sounds(plan: &Plan, elements: &[Element], media: &[Medium], schedule: &Schedule) -> Vec<Sounding> {
    let of_element = |index: usize| {
        let nested = plan.nested[index].iter().flat_map(|nested| &nested.plan.sounds);
        let within = nested.filter_map(move |inner| sounding_within(plan, index, inner, elements, schedule));
        sounding(plan, index, elements, media, schedule).into_iter().chain(within).collect::<Vec<_>>()
    };
    (0..elements.len()).flat_map(of_element).collect()
}

/// What sounds within a composition, in the time of the outer one.
fn sounding_within(plan: &Plan, index: usize, inner: &Sounding, elements: &[Element], schedule: &Schedule) -> Option<Sounding> {
    let slot = &schedule.slots[index];
    let (by, last) = (sample(slot.start), sample(slot.end).min(plan.rate.sample_at(plan.frames, SAMPLE_RATE)));
    let moved = |ramps: &[(i64, i64)]| ramps.iter().map(|(from, to)| (from + by, to + by)).collect();
    let mut sounding = Sounding {
        element: index,
        within: std::iter::once(inner.element).chain(inner.within.iter().copied()).collect(),
        start: inner.start + by,
        end: (inner.end + by).min(last),
        rises: moved(&inner.rises),
        falls: moved(&inner.falls),
        ..inner.clone()
    };
    add_crossings(&mut sounding, index, elements, schedule);
    (sounding.start < sounding.end).then_some(sounding)
}

fn sounding(plan: &Plan, index: usize, elements: &[Element], media: &[Medium], schedule: &Schedule) -> Option<Sounding> {
    let playback = elements[index].playback()?;
    if playback.muted || (playback.volume <= 0.0 && elements[index].volume_keyframes().is_empty()) || !media[index].sounds {
        return None;
    }
    let slot = &schedule.slots[index];
    let last = plan.rate.sample_at(plan.frames, SAMPLE_RATE);
    let start = sample(slot.start);
    let end = sample(slot.end).min(last).min(trimmed_end(playback, &media[index]).map_or(i64::MAX, |length| start + length));
    let mut sounding = Sounding {
        element: index,
        within: Vec::new(),
        start,
        end,
        source_start: sample(playback.trim_start),
        period: period(playback, &media[index]),
        mirror: mirror(playback, &media[index]),
        speed: playback.speed,
        ducks: playback.duck_under,
        volume: playback.volume,
        keyframes: elements[index].volume_keyframes(),
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
    if let Some(later) =
        onto.filter(|&later| matches!(elements[later].content, Content::Video { .. } | Content::Composition { .. }))
    {
        sounding.falls.push(crossing(later, index));
    }
}

/// After how many samples its trims end it: past them it is silent, though its element is longer. `None` where they do not, and what is
/// there is heard.
fn trimmed_end(playback: &Playback, medium: &Medium) -> Option<i64> {
    let length = match (playback.repeat, playback.reverse) {
        (true, _) => None,
        (_, true) => medium.duration.and_then(|duration| playback.trimmed(duration)),
        _ => playback.trim_end.map(|end| end - playback.trim_start),
    };
    length.map(|length| sample(length / playback.speed))
}

fn period(playback: &Playback, medium: &Medium) -> Option<i64> {
    let length = medium.duration.and_then(|duration| playback.trimmed(duration))?;
    playback.repeat.then(|| sample(length / playback.speed).max(1))
}

fn mirror(playback: &Playback, medium: &Medium) -> Option<i64> {
    let end = playback.trim_end.into_iter().chain(medium.duration).reduce(f64::min)?;
    playback.reverse.then(|| sample(playback.trim_start) + sample(end) - 1)
}

fn sample(seconds: f64) -> i64 {
    (seconds * f64::from(SAMPLE_RATE)).round() as i64
}
