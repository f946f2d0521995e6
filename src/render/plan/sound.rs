//! The audible elements, placed by samples.

use super::{Medium, Plan};
use crate::{
    domain::{
        composition::{Content, Element, Playback},
        motion::Keyframe,
        schedule::Schedule,
        transition::Transition,
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
    pub falls: Vec<Fall>,
}

/// A linear ramp down, as (from, to) samples, and another back up where what was heard instead is over before.
#[derive(Debug, Clone, PartialEq)]
pub struct Fall {
    pub down: (i64, i64),
    pub up: Option<(i64, i64)>,
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
    let moved = |(from, to): (i64, i64)| (from + by, to + by);
    let mut sounding = Sounding {
        element: index,
        within: std::iter::once(inner.element).chain(inner.within.iter().copied()).collect(),
        start: inner.start + by,
        end: (inner.end + by).min(last),
        rises: inner.rises.iter().copied().map(moved).collect(),
        falls: inner.falls.iter().map(|fall| Fall { down: moved(fall.down), up: fall.up.map(moved) }).collect(),
        ..inner.clone()
    };
    add_crossings(&mut sounding, index, elements, schedule);
    (sounding.start < sounding.end).then_some(sounding)
}

fn sounding(plan: &Plan, index: usize, elements: &[Element], media: &[Medium], schedule: &Schedule) -> Option<Sounding> {
    let playback = elements[index].playback().filter(|_| elements[index].is_heard() && media[index].sounds)?;
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
    // Of a video it is the picture's length that is known.
    let is_sound = matches!(elements[index].content, Content::Audio { .. }) && !playback.repeat;
    let heard = media[index].duration.filter(|_| is_sound).and_then(|duration| playback.trimmed(duration));
    add_fades(&mut sounding, playback, heard.map(|heard| sample(heard / playback.speed)));
    add_crossings(&mut sounding, index, elements, schedule);
    (start < end).then_some(sounding)
}

/// A fade out ends where its element does, or where there is no more to be heard.
fn add_fades(sounding: &mut Sounding, playback: &Playback, heard: Option<i64>) {
    if playback.fade_in > 0.0 {
        sounding.rises.push((sounding.start, sounding.start + sample(playback.fade_in)));
    }
    if playback.fade_out > 0.0 {
        let end = heard.map_or(sounding.end, |heard| sounding.end.min(sounding.start + heard));
        sounding.falls.push(Fall { down: (end - sample(playback.fade_out), end), up: None });
    }
}

/// Where pictures cross-fade, so do their sounds: linearly, as FFmpeg's acrossfade does by default. Where the later is over first, the
/// earlier is back with its picture.
fn add_crossings(sounding: &mut Sounding, index: usize, elements: &[Element], schedule: &Schedule) {
    /// No step is heard: ten milliseconds.
    const SOFT: i64 = SAMPLE_RATE as i64 / 100;
    let slots = &schedule.slots;
    let lasts = |transition: Option<Transition>| transition.map_or(0.0, |transition| transition.duration);
    let crossing = |later: usize, earlier: usize| {
        let (slot, fade) = (&slots[later], lasts(elements[later].visual().and_then(|visual| visual.transition_in)));
        (sample(slot.start), sample((slot.start + fade).min(slot.end).min(slots[earlier].end)))
    };
    if let Some(earlier) = slots[index].crosses_from {
        sounding.rises.push(crossing(index, earlier));
    }
    let sounds = |later: &usize| matches!(elements[*later].content, Content::Video { .. } | Content::Composition { .. });
    for later in (0..slots.len()).filter(|later| slots[*later].crosses_from == Some(index)).filter(sounds) {
        let down = crossing(later, index);
        let goes = lasts(elements[later].visual().and_then(|visual| visual.transition_out));
        let from = sample(slots[later].end - goes).max(down.1);
        let up = (from, sample(slots[later].end).max(from + SOFT));
        sounding.falls.push(Fall { down, up: (slots[later].end < slots[index].end).then_some(up) });
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

#[cfg(test)]
mod tests {
    use super::{
        super::{
            plan,
            tests::{clip, medium, output},
        },
        *,
    };

    /// The falls of the first of elements of nine seconds each.
    fn falls(elements: &[Element]) -> Vec<Fall> {
        plan(elements, &vec![medium(1280.0, 720.0); elements.len()], &output()).unwrap().sounds.remove(0).falls
    }

    #[test]
    fn what_another_came_and_went_over_sounds_again() {
        let (one, mut other) = (clip(0, None, 1.0), clip(0, Some(0.5), 1.0));
        (other.timing.start, other.timing.length) = (Some(2.0), Some(1.0));
        let fall = |down, up| Fall { down, up };
        assert_eq!(falls(&[one.clone(), other.clone()]), [fall((96_000, 120_000), Some((144_000, 144_480)))]);
        // Shorter than its transition it is as loud as it is seen.
        other.timing.length = Some(0.25);
        assert_eq!(falls(&[one, other]), [fall((96_000, 108_000), Some((108_000, 108_480)))]);
    }

    #[test]
    fn a_fade_ends_where_there_is_no_more_to_be_heard() {
        let mut one = clip(0, None, 1.0);
        let Content::Video { playback, .. } = one.content else { unreachable!("a clip") };
        one.content = Content::Audio { playback: Playback { fade_out: 2.0, ..playback } };
        let length = medium(1.0, 1.0).duration.expect("so many seconds");
        one.timing.length = Some(length + 5.0);
        let end = sample(length - 1.0);
        assert_eq!(falls(&[one]), [Fall { down: (end - 96_000, end), up: None }]);
    }
}
