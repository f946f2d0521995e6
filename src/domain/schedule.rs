//! When each element plays: starts that follow the element before, lengths that follow the media, overlaps
//! of transitions, and so the end of the whole.

use super::{
    composition::Element,
    error::{ErrorCode, JobFailure},
};

/// The shortest that plays again and again, seconds: each time its source is opened again.
const SHORTEST_LOOP: f64 = 0.05;

/// An element's place in time, seconds on the composition's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    pub start: f64,
    pub end: f64,
    pub track: i32,
    /// The element before it on its track that it overlaps and cross-fades from, by index.
    pub crosses_from: Option<usize>,
}

/// Every element's slot, in the order of the elements, and the length of the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub slots: Vec<Slot>,
    pub duration: f64,
}

impl Schedule {
    /// All of it later by so many seconds.
    pub fn moved(&self, by: f64) -> Self {
        let slot = |slot: &Slot| Slot { start: slot.start + by, end: slot.end + by, ..slot.clone() };
        Self { slots: self.slots.iter().map(slot).collect(), duration: self.duration + by }
    }
}

/// An element that cannot be placed, by index; `None` where it is the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Unplaceable {
    pub element: Option<usize>,
    pub failure: JobFailure,
}

fn unplaceable(message: &str, suggestion: &str) -> JobFailure {
    JobFailure::new(ErrorCode::BadUserInput, message).suggest(suggestion)
}

impl Unplaceable {
    /// For one of an element's fields.
    pub fn of(index: usize, element: &Element, field: &str, failure: JobFailure) -> Self {
        Self { element: Some(index), failure: failure.in_place(element.place(field)) }
    }

    /// For one of an output's fields, of an output that is yet to be told.
    pub fn of_output(field: &str, failure: JobFailure) -> Self {
        Self { element: None, failure: failure.in_place(field) }
    }
}

/// How long elements last by themselves; `None` where none of them has an end.
pub fn own_duration(elements: &[Element], media: &[Option<f64>]) -> Option<f64> {
    let ends = |open: Vec<OpenSlot>| open.iter().filter_map(|slot| slot.end).reduce(f64::max);
    open(elements, media).ok().and_then(ends)
}

/// Places every element. `media` holds the duration of each element's own medium, where it has one.
pub fn schedule(elements: &[Element], media: &[Option<f64>], duration: Option<f64>) -> Result<Schedule, Unplaceable> {
    let open = open(elements, media)?;
    let last_end = open.iter().filter_map(|slot| slot.end).fold(None, |a: Option<f64>, b| Some(a.map_or(b, |a| a.max(b))));
    let duration = duration.or(last_end).ok_or_else(|| {
        let message = "the composition has no length: no output.duration is given and no element has a length";
        Unplaceable::of_output("duration", unplaceable(message, "give output.duration, or a length to one element"))
    })?;
    if duration > super::output::limits::DURATION {
        let failure = unplaceable("the composition is longer than 6 hours", "give an output.duration of at most 21600");
        return Err(Unplaceable::of_output("duration", failure));
    }
    Ok(close(open, duration))
}

/// What is wrong with how long an element plays, by its own medium.
pub fn misplaced(element: &Element, media: Option<f64>) -> Option<JobFailure> {
    own_length(0, element, media).err().map(|unplaceable| unplaceable.failure)
}

fn open(elements: &[Element], media: &[Option<f64>]) -> Result<Vec<OpenSlot>, Unplaceable> {
    let mut open: Vec<OpenSlot> = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        let slot = place(index, element, media.get(index).copied().flatten(), &open)?;
        open.push(slot);
    }
    Ok(open)
}

struct OpenSlot {
    start: f64,
    end: Option<f64>,
    track: i32,
    crosses_from: Option<usize>,
}

fn place(index: usize, element: &Element, media: Option<f64>, before: &[OpenSlot]) -> Result<OpenSlot, Unplaceable> {
    let track = element.timing.track.unwrap_or(index as i32);
    let length = own_length(index, element, media)?;
    let previous = before.iter().enumerate().rev().find(|(_, slot)| slot.track == track);
    let overlap = element.visual().and_then(|v| v.transition_in).map_or(0.0, |t| t.duration);
    let start = match (element.timing.start, previous) {
        (Some(start), _) => start,
        (None, None) => 0.0,
        (None, Some((_, slot))) => {
            let end = slot.end.ok_or_else(|| {
                let message = "start is not given, and the element before it on its track has no end to follow";
                let failure = unplaceable(message, "give this element a start, or the one before it a length");
                Unplaceable::of(index, element, "start", failure)
            })?;
            let longest = length.unwrap_or(f64::INFINITY).min(end - slot.start);
            // No earlier than the other, by however little numbers are rounded.
            (end - overlap.min(longest)).max(slot.start)
        }
    };
    // One that is placed where another starts lies upon it; one that follows takes over from all of a shorter one.
    let follows = element.timing.start.is_none();
    let crosses_from = previous
        .filter(|(_, slot)| {
            overlap > 0.0 && (slot.start < start || follows && slot.start == start) && slot.end.is_none_or(|end| end > start)
        })
        .map(|(previous, _)| previous);
    Ok(OpenSlot { start, end: length.map(|length| start + length), track, crosses_from })
}

fn own_length(index: usize, element: &Element, media: Option<f64>) -> Result<Option<f64>, Unplaceable> {
    let trimmed = match (element.playback(), media) {
        (Some(playback), Some(media)) => {
            let left = playback.trimmed(media).ok_or_else(|| {
                let start = playback.trim_start;
                let message = format!("trimStart of {start} lies past the end of its source, which lasts {media:.3} s");
                let failure = unplaceable(&message, "give a trimStart within the source");
                Unplaceable::of(index, element, "trimStart", failure)
            })?;
            if playback.repeat && left < SHORTEST_LOOP {
                let message = format!("what plays again and again must last at least {SHORTEST_LOOP} s, and lasts {left:.4} s");
                let failure = unplaceable(&message, "trim less of it, or do not loop it");
                return Err(Unplaceable::of(index, element, "loop", failure));
            }
            // What repeats has no end of its own.
            (!playback.repeat).then_some(left / playback.speed)
        }
        // As long as what is within it.
        (None, Some(length)) if !element.elements().is_empty() => Some(length),
        // To the end of the last words.
        _ => element.cues().and_then(|cues| cues.iter().map(|cue| cue.end).reduce(f64::max)),
    };
    Ok(element.timing.length.or(trimmed))
}

fn close(open: Vec<OpenSlot>, duration: f64) -> Schedule {
    let slots = open
        .into_iter()
        .map(|slot| {
            // What lies past the end is not there at all.
            let [start, end] = [slot.start, slot.end.unwrap_or(duration)].map(|time| time.min(duration));
            Slot { start, end, track: slot.track, crosses_from: slot.crosses_from.filter(|_| start < end) }
        })
        .collect();
    Schedule { slots, duration }
}

/// The most that spans weigh that are there at the same time; each has its start, its end and its weight.
pub fn most_at_once(spans: impl Iterator<Item = (f64, f64, i64)>) -> i64 {
    let mut edges: Vec<(f64, i64)> = spans.flat_map(|(start, end, weight)| [(start, weight), (end, -weight)]).collect();
    // Ends before starts.
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let there = edges.iter().scan(0, |there, (_, step)| {
        *there += step;
        Some(*there)
    });
    there.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        composition::{Content, Playback, Source, Timing, Visual},
        easing::Easing,
        transition::{Transition, TransitionType},
    };

    fn clip(track: i32, transition: Option<f64>) -> Element {
        let transition_in =
            transition.map(|duration| Transition { kind: TransitionType::Fade, duration, easing: Easing::Linear });
        Element {
            timing: Timing { track: Some(track), ..Timing::default() },
            content: Content::Video {
                playback: Playback::of(Source::Asset("ast_x".into())),
                visual: Visual { transition_in, ..Visual::default() },
                chroma_key: None,
            },
        }
    }

    #[test]
    fn elements_of_a_track_follow_each_other_and_overlap_by_their_transition() {
        let elements = [clip(0, None), clip(0, Some(1.0)), clip(1, None)];
        let found = schedule(&elements, &[Some(8.0), Some(8.0), Some(3.0)], None).unwrap();
        assert_eq!(found.duration, 15.0);
        assert_eq!((found.slots[1].start, found.slots[1].end, found.slots[1].crosses_from), (7.0, 15.0, Some(0)));
        assert_eq!((found.slots[2].start, found.slots[2].end, found.slots[2].crosses_from), (0.0, 3.0, None));
    }

    proptest::proptest! {
        #![proptest_config(crate::domain::always_the_same_cases())]

        #[test]
        fn elements_follow_each_other_without_gaps(clips in proptest::collection::vec(
            (0..3, proptest::option::of(0.1..3.0), 0.05..20.0, 0.25..4.0), 1..12,
        )) {
            let build = |&(track, transition, _, speed): &(i32, Option<f64>, f64, f64)| {
                let mut element = clip(track, transition);
                let Content::Video { playback, .. } = &mut element.content else { unreachable!() };
                playback.speed = speed;
                element
            };
            let elements: Vec<Element> = clips.iter().map(build).collect();
            let media: Vec<Option<f64>> = clips.iter().map(|(_, _, duration, _)| Some(*duration)).collect();
            let found = schedule(&elements, &media, None).unwrap();
            let last_end = found.slots.iter().map(|slot| slot.end).fold(0.0, f64::max);
            proptest::prop_assert_eq!(found.duration, last_end);
            for (index, (slot, (track, transition, duration, speed))) in found.slots.iter().zip(&clips).enumerate() {
                proptest::prop_assert!((slot.end - slot.start - duration / speed).abs() < 1e-9);
                let previous = (0..index).rev().find(|before| clips[*before].0 == *track);
                let Some(previous) = previous.map(|before| &found.slots[before]) else {
                    proptest::prop_assert_eq!(slot.start, 0.0);
                    continue;
                };
                let overlap = previous.end - slot.start;
                let longest = transition.unwrap_or(0.0).min(duration / speed).min(previous.end - previous.start);
                proptest::prop_assert!((overlap - longest).abs() < 1e-9, "{} s of {}", overlap, longest);
                proptest::prop_assert_eq!(slot.crosses_from.is_some(), transition.is_some());
            }
        }
    }

    #[test]
    fn one_that_comes_over_all_of_another_does_not_start_before_it() {
        // Found by the test above: 2.16 s of 1.89 s, at a start that is no round number.
        let mut second = clip(1, None);
        let Content::Video { playback, .. } = &mut second.content else { unreachable!() };
        playback.speed = 1.8335888035447638;
        let elements = [clip(1, None), second, clip(1, Some(2.1588594178136793))];
        let found = schedule(&elements, &[Some(0.2), Some(3.467600008166622), Some(5.8)], None).unwrap();
        assert_eq!((found.slots[2].start, found.slots[2].crosses_from), (found.slots[1].start, Some(1)));
    }

    #[test]
    fn a_first_elements_transition_overlaps_nothing() {
        let found = schedule(&[clip(0, Some(1.0))], &[Some(8.0)], None).unwrap();
        assert_eq!((found.slots[0].start, found.slots[0].crosses_from), (0.0, None));
    }

    #[test]
    fn an_overlap_is_no_longer_than_either_element() {
        let found = schedule(&[clip(0, None), clip(0, Some(5.0))], &[Some(2.0), Some(8.0)], None).unwrap();
        assert_eq!((found.slots[1].start, found.slots[1].crosses_from), (0.0, Some(0)));
    }

    #[test]
    fn what_follows_past_the_end_is_not_there() {
        let found = schedule(&[clip(0, None), clip(0, Some(0.5)), clip(0, Some(0.5))], &[Some(2.0); 3], Some(1.0)).unwrap();
        let spans: Vec<_> = found.slots.iter().map(|slot| (slot.start, slot.end, slot.crosses_from)).collect();
        assert_eq!(spans, [(0.0, 1.0, None), (1.0, 1.0, None), (1.0, 1.0, None)]);
    }

    #[test]
    fn what_plays_faster_is_shorter_and_what_repeats_has_no_end() {
        let mut fast = clip(0, None);
        let Content::Video { playback, .. } = &mut fast.content else { unreachable!() };
        playback.speed = 2.0;
        assert_eq!(schedule(&[fast.clone()], &[Some(8.0)], None).unwrap().duration, 4.0);
        let Content::Video { playback, .. } = &mut fast.content else { unreachable!() };
        playback.repeat = true;
        assert_eq!(schedule(&[fast], &[Some(8.0)], Some(60.0)).unwrap().slots[0].end, 60.0);
    }

    #[test]
    fn a_trim_past_the_end_of_the_source_is_an_error() {
        let mut element = clip(0, None);
        if let Content::Video { playback, .. } = &mut element.content {
            playback.trim_start = 9.0;
        }
        assert_eq!(schedule(&[element], &[Some(2.0)], None).unwrap_err().element, Some(0));
    }
}
