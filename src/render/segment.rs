//! The picture in segments, each encoded by itself from a key picture on, and what a segment is made of: two of the same making
//! are the same bytes.

use std::{collections::HashMap, fmt::Write, sync::Arc};

use sha2::{Digest, Sha256};

use super::{
    font,
    plan::{Layer, Plan, Sounding},
};
use crate::domain::{
    composition::{Content, Element, Playback, Source},
    look::EDITION,
    motion::{self, Property},
    output::Output,
};

/// How long a segment is, seconds of the composition.
const SECONDS: f64 = 4.0;
/// The fewest frames of one: with fewer than an encoder holds back, their times would not fit to those of the next.
const FEWEST_FRAMES: i64 = 8;

/// Frames of the composition, from the first up to but not including the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub first: i64,
    pub end: i64,
}

impl Segment {
    /// All that a plan renders.
    pub fn whole(plan: &Plan) -> Self {
        Self { first: plan.first, end: plan.end }
    }

    pub fn length(&self) -> i64 {
        self.end - self.first
    }
}

/// Cuts what a plan renders, or a part of it. The cuts are at the same frames whatever part that is, and no segment is short but
/// a whole. The first of a composition has half the length of others where that is not too short, so that
/// the second encoder soon begins.
pub fn cut(plan: &Plan, part: Segment) -> Vec<Segment> {
    let step = ((plan.rate.as_f64() * SECONDS).round() as i64).max(FEWEST_FRAMES);
    let least = (step / 4).max(FEWEST_FRAMES);
    let far = |frame: &i64| frame - part.first >= least && part.end - frame >= least;
    let half = if step / 2 >= least { step / 2 } else { 0 };
    let next = (part.first + half).div_euclid(step);
    let mut cuts = vec![part.first];
    cuts.extend((next..).map(|number| number * step + half).take_while(|frame| *frame < part.end).filter(far));
    cuts.push(part.end);
    cuts.windows(2).map(|pair| Segment { first: pair[0], end: pair[1] }).collect()
}

/// What elements are made of, their files by their content.
pub struct Making<'a> {
    looks: Looks<'a>,
    /// By element, what is heard.
    sounds: Vec<String>,
}

/// What is seen of the elements of a plan.
struct Looks<'a> {
    plan: &'a Plan,
    elements: &'a [Element],
    /// By element, but for its keyframes, and for what lies within it…
    own: Vec<String>,
    /// …which is here.
    within: Vec<Option<Looks<'a>>>,
    /// By layer, of those that are drawn anew as they grow, how large they ever grow to.
    enlarged: Vec<Option<f64>>,
}

impl<'a> Making<'a> {
    /// `digests` has a hash of each file; `None` where it lacks one.
    pub fn of(plan: &'a Plan, elements: &'a [Element], digests: &HashMap<String, String>) -> Option<Self> {
        // Words may be set in any font of the system.
        let fonts = elements.iter().any(has_words).then(font::system_fonts).unwrap_or_default();
        let sound = |element: &Element| serde_json::to_string(&playbacks(&of_contents(element, digests)?)).ok();
        let sounds = elements.iter().map(sound).collect::<Option<_>>()?;
        Some(Self { looks: Looks::of(plan, elements, digests, &fonts)?, sounds })
    }

    /// The name of what a segment is made of, in an encoder's words.
    pub fn of_segment(&self, segment: &Segment, output: &Output, encoder: &str) -> String {
        let plan = self.looks.plan;
        let mut text = format!("{EDITION} {encoder} {:?} {:?} {}", output.quality, plan.background, segment.length());
        let _ = write!(text, " {:?} from {}", plan.rate, segment.first);
        self.looks.tell(*segment, &mut text);
        hashed(&text)
    }

    /// The name of what the sound is made of.
    pub fn of_sound(&self, encoder: &str) -> String {
        let plan = self.looks.plan;
        let mut text = format!("{EDITION} {encoder} {:?} {}–{}", plan.rate, plan.first, plan.end);
        for sounding in &plan.sounds {
            let Sounding { element, .. } = sounding;
            let _ = write!(text, "\n{} {:?}", self.sounds[*element], Sounding { element: 0, ..sounding.clone() });
        }
        hashed(&text)
    }
}

impl<'a> Looks<'a> {
    fn of(plan: &'a Plan, elements: &'a [Element], digests: &HashMap<String, String>, fonts: &str) -> Option<Self> {
        let (mut own, mut within) = (Vec::with_capacity(elements.len()), Vec::with_capacity(elements.len()));
        for (element, nested) in elements.iter().zip(&plan.nested) {
            let mut alone = of_contents(element, digests)?;
            silence(&mut alone);
            if let Some(visual) = alone.visual_mut() {
                visual.keyframes.clear();
            }
            within.push(match nested {
                Some(nested) => {
                    if let Content::Composition { elements, .. } = &mut alone.content {
                        elements.clear();
                    }
                    let inner = nested.elements.as_deref().unwrap_or(element.elements());
                    Some(Looks::of(&nested.plan, inner, digests, fonts)?)
                }
                None => None,
            });
            let fonts = if has_words(&alone) { fonts } else { "" };
            own.push(hashed(&format!("{}{fonts}", serde_json::to_string(&alone.content).ok()?)));
        }
        let enlarged = plan.layers.iter().map(|layer| layer.resizes().then(|| layer.most_enlarged(plan))).collect();
        Some(Self { plan, elements, own, within, enlarged })
    }

    /// Tells all that decides what some frames show.
    fn tell(&self, frames: Segment, text: &mut String) {
        let plan = self.plan;
        // How large it is composed follows from what else there is, and is not told by a size in whole pixels.
        let _ = write!(text, " {:?} {}", plan.extent, plan.scale);
        for interval in plan.intervals.iter().filter(|part| part.end > frames.first && part.first < frames.end) {
            let seen = Segment { first: interval.first.max(frames.first), end: interval.end.min(frames.end) };
            let _ = write!(text, "\n{}–{}", seen.first, seen.end);
            for &index in &interval.layers {
                let _ = write!(text, "\n{}", self.of_layer(index, seen));
                self.tell_within(&plan.layers[index], seen, text);
            }
        }
    }

    fn tell_within(&self, layer: &Layer, seen: Segment, text: &mut String) {
        let Some(within) = &self.within[layer.element] else { return };
        let last = within.plan.frames - 1;
        // Past its end the last stays.
        let [first, end] = [seen.first, seen.end - 1].map(|frame| (frame - layer.first).clamp(0, last));
        text.push_str(" {");
        within.tell(Segment { first, end: end + 1 }, text);
        text.push_str(" }");
    }

    fn of_layer(&self, index: usize, seen: Segment) -> String {
        let layer = &self.plan.layers[index];
        let [from_s, to_s] = [seen.first, seen.end - 1].map(|frame| self.plan.rate.seconds(frame));
        let crossing = layer.crossing_at(from_s).map(|(from, _)| &self.plan.layers[from]);
        // When it ends shows before that in the slow move over all its time alone.
        let end_s = |layer: &Layer| layer.visual.ken_burns().map(|_| layer.end_s);
        let from = crossing.map(|from| (&self.own[from.element], end_s(from)));
        let times = (layer.first, layer.origin_s, layer.start_s, end_s(layer));
        let cue = layer.cue.zip(self.elements[layer.element].cues()).and_then(|(number, cues)| cues.get(number));
        let enter = layer.enter.filter(|enter| from_s < enter.end_s());
        let leave = layer.leave.filter(|leave| to_s >= leave.start_s);
        let shape = (layer.figure, layer.stage, layer.opaque, enter, leave);
        let moves: Vec<_> = motion::during(&layer.visual.keyframes, from_s - layer.origin_s, to_s - layer.origin_s)
            .filter(|keyframe| keyframe.property != Property::Volume)
            .collect();
        let enlarged = self.enlarged[index];
        format!("{} {moves:?} {times:?} {shape:?} {enlarged:?} {cue:?} {from:?}", self.own[layer.element])
    }
}

fn hashed(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// An element with hashes of its files' contents in place of their names, and without the words of subtitles: these are told by the
/// layers that show them.
fn of_contents(element: &Element, digests: &HashMap<String, String>) -> Option<Element> {
    let mut element = element.clone();
    for source in element.sources_mut() {
        let Source::File(path) = source else { return None };
        *source = Source::Asset(digests.get(path)?.clone());
    }
    if let Content::Subtitles { source, cues, .. } = &mut element.content {
        *source = None;
        *cues = Arc::default();
    }
    Some(element)
}

/// How an element's sound is played, and the sounds of the elements within it, each in its place.
fn playbacks(element: &Element) -> serde_json::Value {
    match element.playback() {
        Some(playback) => serde_json::json!(playback),
        None => element.elements().iter().map(playbacks).collect(),
    }
}

/// Leaves out what is heard alone.
fn silence(element: &mut Element) {
    let silent = |playback: &Playback| Playback {
        trim_start: playback.trim_start,
        trim_end: playback.trim_end,
        speed: playback.speed,
        repeat: playback.repeat,
        reverse: playback.reverse,
        ..Playback::of(playback.source.clone())
    };
    match &mut element.content {
        Content::Video { playback, .. } | Content::Audio { playback } => *playback = silent(playback),
        Content::Composition { elements, .. } => elements.iter_mut().for_each(silence),
        Content::Image { .. } | Content::Text { .. } | Content::Shape { .. } | Content::Subtitles { .. } => {}
    }
}

fn has_words(element: &Element) -> bool {
    element.style().is_some() || element.elements().iter().any(has_words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            composition::{Text, Timing, Visual},
            easing::Easing,
            geometry::Anchor,
            look::Effect,
            motion::{KenBurns, Keyframe},
            output::{FrameRate, TimeRange},
            transition::{Transition, TransitionType},
        },
        render::plan::{self, Medium},
    };

    fn output() -> Output {
        Output::plain(320, 180, 30)
    }

    /// Two clips of 10 s one after the other.
    fn clips(second: &str) -> Vec<Element> {
        ["a", second]
            .map(|file| Element {
                timing: Timing { track: Some(0), length: Some(10.0), ..Timing::default() },
                content: Content::Video {
                    playback: Playback::of(Source::File(file.into())),
                    visual: Visual::default(),
                    chroma_key: None,
                },
            })
            .into()
    }

    fn planned(elements: &[Element], output: &Output) -> Plan {
        let medium = Medium { duration: Some(20.0), size: Some((320.0, 180.0)), opaque: true, sounds: true, within: Vec::new() };
        plan::plan(elements, &vec![medium; elements.len()], output).unwrap()
    }

    fn keys(elements: &[Element]) -> Vec<String> {
        let digests = [("a", "1"), ("b", "2"), ("c", "3")].map(|(path, hash)| (path.to_owned(), hash.to_owned())).into();
        let plan = planned(elements, &output());
        let making = Making::of(&plan, elements, &digests).unwrap();
        cut(&plan, Segment::whole(&plan)).iter().map(|segment| making.of_segment(segment, &output(), "x")).collect()
    }

    #[test]
    fn segments_are_cut_at_the_same_frames_whatever_part_is_rendered() {
        let elements = clips("b");
        let all = |plan: &Plan| cut(plan, Segment::whole(plan));
        let whole = all(&planned(&elements, &output()));
        assert_eq!(
            whole.iter().map(|s| (s.first, s.end)).collect::<Vec<_>>(),
            [(0, 60), (60, 180), (180, 300), (300, 420), (420, 540), (540, 600)]
        );
        let range = TimeRange { start: 3.5, length: 9.0 };
        let part = all(&planned(&elements, &Output { range: Some(range), ..output() }));
        assert_eq!(
            part.iter().map(|s| (s.first, s.end)).collect::<Vec<_>>(),
            [(105, 180), (180, 300), (300, 375)],
            "nor any is short"
        );
    }

    #[test]
    fn what_lasts_longer_is_the_same_until_then() {
        let lasting = |length: f64, leaves: Option<f64>, ken_burns: bool| {
            let mut mark = clips("c").remove(1);
            mark.timing = Timing { track: Some(1), start: Some(0.0), length: Some(length), ..Timing::default() };
            let visual = mark.visual_mut().unwrap();
            let fade = |duration| Transition { kind: TransitionType::Fade, duration, easing: Easing::Linear };
            (visual.opacity, visual.transition_out) = (0.5, leaves.map(fade));
            if ken_burns {
                let slow = KenBurns { from_scale: 1.0, to_scale: 1.5, from_anchor: Anchor::Center, to_anchor: Anchor::Center };
                visual.effects.push(Effect::KenBurns(slow));
            }
            keys(&[clips("b"), vec![mark]].concat())
        };
        for leaves in [None, Some(1.0)] {
            let (short, long) = (lasting(17.0, leaves, false), lasting(20.0, leaves, false));
            assert!(short[..4] == long[..4] && short[4] != long[4], "how it goes is told where it goes");
        }
        assert_ne!(lasting(17.0, None, true)[0], lasting(20.0, None, true)[0], "what moves all the time moves more slowly");
    }

    #[test]
    fn slow_pictures_make_long_segments() {
        let slow = Output { frame_rate: crate::domain::output::FrameRate { numerator: 1, denominator: 1 }, ..output() };
        let range = Some(TimeRange { start: 3.0, length: 16.0 });
        let plan = planned(&clips("b"), &Output { range, ..slow });
        let part = cut(&plan, Segment::whole(&plan));
        assert_eq!(part.iter().map(|s| (s.first, s.end)).collect::<Vec<_>>(), [(3, 19)]);
    }

    #[test]
    fn another_file_is_another_segment_where_it_shows_and_only_there() {
        let (before, after) = (keys(&clips("b")), keys(&clips("c")));
        let same: Vec<bool> = before.iter().zip(&after).map(|(a, b)| a == b).collect();
        assert_eq!(same, [true, true, true, false, false, false]);
    }

    proptest::proptest! {
        #![proptest_config(crate::domain::always_the_same_cases())]

        #[test]
        fn segments_cover_a_range_and_are_cut_where_others_are(rate in 1..=120i32, start in 0.0..60.0, length in 0.01..90.0) {
            let mut elements = clips("b");
            elements.iter_mut().for_each(|element| element.timing.length = Some(100.0));
            let plan_of = |range| planned(&elements, &Output { range, frame_rate: FrameRate::from_decimal(rate.into()), ..output() });
            let (whole, part) = (plan_of(None), plan_of(Some(TimeRange { start, length })));
            let (all, found) = (cut(&whole, Segment::whole(&whole)), cut(&part, Segment::whole(&part)));
            proptest::prop_assert_eq!((found[0].first, found[found.len() - 1].end), (part.first, part.end));
            proptest::prop_assert!(found.windows(2).all(|pair| pair[0].end == pair[1].first));
            // What lies wholly within is found where it was kept.
            proptest::prop_assert!(found.iter().skip(1).rev().skip(1).all(|segment| all.contains(segment)));
            proptest::prop_assert!(found.len() == 1 || found.iter().all(|segment| segment.length() >= FEWEST_FRAMES));
        }
    }

    #[test]
    fn what_is_heard_alone_changes_no_picture_nor_the_other_way_round() {
        let mut louder = clips("b");
        let Content::Video { playback, .. } = &mut louder[1].content else { unreachable!("a clip") };
        (playback.volume, playback.fade_out) = (0.5, 1.0);
        assert_eq!(keys(&clips("b")), keys(&louder));
        let of_sound = |elements: &[Element]| {
            let digests = [("a", "1"), ("b", "2")].map(|(path, hash)| (path.to_owned(), hash.to_owned())).into();
            let plan = planned(elements, &output());
            Making::of(&plan, elements, &digests).unwrap().of_sound("x")
        };
        assert_ne!(of_sound(&clips("b")), of_sound(&louder));
        let mut turned = clips("b");
        turned[1].visual_mut().unwrap().rotation = 30.0;
        assert_eq!(of_sound(&clips("b")), of_sound(&turned), "nor does what is seen alone change the sound");
        assert_ne!(keys(&clips("b")), keys(&turned));
    }

    #[test]
    fn what_lies_within_is_told_where_it_shows_alone() {
        let words = |text: &str, start: f64| Element {
            timing: Timing { track: None, start: Some(start), length: Some(3.0), ..Timing::default() },
            content: Content::Text { text: Text { text: text.into(), ..Text::default() }, visual: Visual::default() },
        };
        let keys = |first: &str, second: &str, visual: Visual| {
            let elements = vec![words(first, 1.0), words(second, 13.0)];
            let content = Content::Composition { elements, visual };
            let timing = Timing { start: Some(2.0), length: Some(18.0), ..Timing::default() };
            let elements = [Element { timing, content }];
            let media = [Medium { within: vec![Medium::default(); 2], ..Medium::default() }];
            let plan = plan::plan(&elements, &media, &output()).unwrap();
            let making = Making::of(&plan, &elements, &HashMap::new()).unwrap();
            let segments = cut(&plan, Segment::whole(&plan));
            segments.iter().map(|segment| making.of_segment(segment, &output(), "x")).collect::<Vec<_>>()
        };
        // Of 0, 2, 6, 10, 14 and 18 s on: the words are there from 3 to 6 and from 15 to 18 s.
        let same = |one: &[String], other: &[String]| one.iter().zip(other).map(|(one, other)| one == other).collect::<Vec<_>>();
        let plain = keys("a", "b", Visual::default());
        assert_eq!(same(&plain, &keys("c", "b", Visual::default())), [true, false, true, true, true, true]);
        assert_eq!(same(&plain, &keys("a", "c", Visual::default())), [true, true, true, true, false, true]);
        let turned = Visual { rotation: 1.0, ..Visual::default() };
        assert_eq!(same(&plain, &keys("a", "b", turned)), [true, false, false, false, false, false]);
    }

    #[test]
    fn a_keyframe_is_told_where_it_moves_something_alone() {
        let at = |at, value| Keyframe { property: Property::X, at, value, easing: Easing::Linear };
        let keys = |third: f64| {
            let mut elements = clips("b");
            let keyframes = vec![at(0.0, 0.0), at(3.0, 5.0), at(4.0, third), at(9.0, 5.0)];
            elements[0].visual_mut().unwrap().keyframes = keyframes;
            keys(&elements)
        };
        let same: Vec<bool> = keys(7.0).iter().zip(&keys(8.0)).map(|(a, b)| a == b).collect();
        // Of 0, 2, 6 s and on: what moves does so from 3 to 9 s.
        assert_eq!(same, [true, false, false, true, true, true]);
    }

    #[test]
    fn what_another_takes_over_from_is_told_while_it_does_alone() {
        let fade = Transition { kind: TransitionType::Fade, duration: 1.0, easing: Easing::Linear };
        let keys = |first: &str| {
            let mut elements = clips("b");
            let Content::Video { playback, .. } = &mut elements[0].content else { unreachable!("a clip") };
            playback.source = Source::File(first.into());
            elements[1].visual_mut().unwrap().transition_in = Some(fade);
            keys(&elements)
        };
        let same: Vec<bool> = keys("a").iter().zip(&keys("c")).map(|(a, b)| a == b).collect();
        // Of 0, 2, 6, 10 s and on: the first is there until 10 s.
        assert_eq!(same, [false, false, false, true, true, true]);
    }

    #[test]
    fn a_file_without_a_hash_is_never_the_same() {
        let elements = clips("b");
        assert!(Making::of(&planned(&elements, &output()), &elements, &HashMap::new()).is_none());
    }
}
