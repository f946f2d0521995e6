//! Which parts of the picture need no encoder: where one clip alone is seen, as it is, and is already what the output asks for,
//! its packets are copied from one key picture to another. What lies between is composed and encoded. So it is with sound, where
//! it is that of the clip alone.

use super::{
    compositor::moment,
    inspect::Prepared,
    plan::{Figure, Interval, Layer, Plan, Stage},
    prepare::{Art, Ready},
    segment::{self, Segment},
};
use crate::{
    domain::{
        composition::{Content, Playback},
        output::{Format, Output, Quality, VideoCodec},
    },
    media::{
        CopyablePictures, CopyableSound, Encoded, MediaError, ParameterSet, SAMPLE_RATE, SoundTrack, Turn, VideoInfo, Wanted,
    },
};

/// Shorter ones are not worth a join, seconds.
const SHORTEST_S: f64 = 1.0;
/// The ids that a parameter set may have for all decoders (ITU-T H.264, 7.4.2.1: 0 to 31 for a sequence's).
const IDS: u32 = 32;

/// A part of the picture that is copied.
pub struct Copied {
    pub segment: Segment,
    source: CopyablePictures,
    /// The source's picture that is the segment's first.
    first: usize,
}

impl Copied {
    /// Its packets in the order in which they are decoded, numbered from 0.
    pub fn read(&self, put: &mut dyn FnMut(Encoded) -> Result<(), MediaError>) -> Result<(), MediaError> {
        self.source.read(self.first, self.first + self.segment.length() as usize, put)
    }
}

/// All that is copied into a file.
#[derive(Default)]
pub struct Copies {
    /// In order.
    pub parts: Vec<Copied>,
    sets: Vec<ParameterSet>,
}

impl Copies {
    /// Looks for what can be copied into an output.
    pub fn find(ready: &Ready, output: &Output) -> Self {
        let mut copies = Self::default();
        let is_h264 = output.video_codec == VideoCodec::H264 && matches!(output.format, Format::Mp4 | Format::Mov);
        // Who says how well it is to be compressed wants it compressed.
        let compressed = output.crf.is_some() || output.video_bitrate.is_some() || output.quality == Quality::Low;
        if is_h264 && !compressed {
            ready.plan.intervals.iter().filter_map(|interval| part_of(ready, interval)).for_each(|part| copies.take(part));
        }
        copies
    }

    /// Takes a part, if a decoder can tell its parameter sets from those of the others.
    fn take(&mut self, part: Copied) {
        let new: Vec<_> = part.source.sets.iter().filter(|set| !self.sets.contains(set)).cloned().collect();
        let clashes = new.iter().any(|set| self.sets.iter().any(|known| known.clashes(set)));
        let ids_left = (0..IDS).any(|id| self.sets.iter().chain(&new).all(|set| set.id != id));
        if !clashes && ids_left {
            self.sets.extend(new);
            self.parts.push(part);
        }
    }

    /// An id for the parameter sets of an encoder beside which something is copied.
    pub fn free_id(&self) -> Option<u32> {
        (0..IDS).find(|id| self.sets.iter().all(|set| set.id != *id)).filter(|_| !self.parts.is_empty())
    }

    /// What decoding them takes, to stand before an encoder's own.
    pub fn head(&self) -> Vec<u8> {
        self.sets.iter().flat_map(ParameterSet::to_bytes).collect()
    }

    /// How many places earlier a picture is decoded than seen, at the most.
    pub fn delay(&self) -> i64 {
        self.parts.iter().map(|part| part.source.delay).max().unwrap_or(0)
    }

    /// All segments of a picture, and for each the part that is copied.
    pub fn into_segments(self, plan: &Plan) -> (Vec<Segment>, Vec<Option<Copied>>) {
        let mut segments: Vec<(Segment, Option<Copied>)> = Vec::new();
        let mut at = plan.first;
        for part in self.parts {
            segments.extend(made(plan, at, part.segment.first));
            at = part.segment.end;
            segments.push((part.segment, Some(part)));
        }
        segments.extend(made(plan, at, plan.end));
        segments.into_iter().unzip()
    }
}

/// The sound of an output that is one source's own, from one sample of that to another.
pub struct CopiedSound {
    source: CopyableSound,
    first: i64,
    end: i64,
}

impl CopiedSound {
    /// The sound, and what the file says of it; `None` where it must be mixed: several sounds, or one that is changed in any way.
    pub fn find(ready: &Ready, output: &Output) -> Option<(Self, SoundTrack)> {
        let plan = ready.plan;
        let [sounding] = plan.sounds.as_slice() else { return None };
        let [first, end] = [plan.first, plan.end].map(|frame| plan.rate.sample_at(frame, SAMPLE_RATE));
        let Prepared::Clip { path, probe, level } = &ready.media[sounding.element] else { return None };
        let long_enough = |source: i64| {
            probe
                .audio
                .as_ref()
                .and_then(|audio| audio.duration)
                .is_some_and(|duration| source as f64 / f64::from(SAMPLE_RATE) <= duration)
        };
        let is_aac = output.audio_codec_name() == Some("aac") && output.audio_bitrate.is_none();
        let source = |sample: i64| sounding.source_start + sample - sounding.start;
        let whole = sounding.start <= first && sounding.end >= end && long_enough(source(end));
        let (sound, track) = (is_aac && whole && level.is_none() && sounding.is_plain()).then(|| CopyableSound::find(path))??;
        Some((Self { source: sound, first: source(first), end: source(end) }, track))
    }

    /// Its packets, until `put` no longer takes any.
    pub fn read(&self, put: &mut dyn FnMut(Encoded) -> bool) -> Result<(), MediaError> {
        self.source.read(self.first, self.end, put)
    }
}

fn made(plan: &Plan, first: i64, end: i64) -> impl Iterator<Item = (Segment, Option<Copied>)> {
    let part = Some(Segment { first, end }).filter(|part| part.length() > 0);
    part.map(|part| segment::cut(plan, part)).into_iter().flatten().map(|segment| (segment, None))
}

fn part_of(ready: &Ready, interval: &Interval) -> Option<Copied> {
    let plan = ready.plan;
    let (first, end) = (interval.first.max(plan.first), interval.end.min(plan.end));
    let [index] = interval.layers.as_slice() else { return None };
    let layer = &plan.layers[*index];
    let medium = &ready.media[layer.element];
    let Prepared::Clip { path, probe, .. } = medium else { return None };
    let (Content::Video { playback, .. }, Some(video)) = (&ready.elements[layer.element].content, &probe.video) else {
        return None;
    };
    let long = (end - first) as f64 >= SHORTEST_S * plan.rate.as_f64();
    if !long || !matches!(ready.arts[*index], Art::Clip) || !as_it_is(plan, layer, playback, video, first, end) {
        return None;
    }
    let at = |frame: i64| moment(plan, layer, medium, playback, plan.rate.seconds(frame)).1;
    let wanted = Wanted { width: plan.width, height: plan.height, frame_rate: (plan.rate.numerator, plan.rate.denominator) };
    let source = CopyablePictures::find(path, at(first), at(end - 1), &wanted)?;
    let (segment, first) = matching(plan, &source, first, end, &at)?;
    Some(Copied { segment, source, first })
}

/// Whether a clip is seen as it is stored, and all of it.
fn as_it_is(plan: &Plan, layer: &Layer, playback: &Playback, video: &VideoInfo, first: i64, end: i64) -> bool {
    let Stage::Rest(rest) = layer.stage else { return false };
    let size = (f64::from(plan.width), f64::from(plan.height));
    let full = rest.is_all_seen() && layer.made() == ((plan.width, plan.height), (0.0, 0.0, 1.0, 1.0));
    let plain = layer.visual.effects.is_empty() && layer.hides(plan, first, end);
    let forwards = playback.speed == 1.0 && !playback.reverse && !playback.repeat;
    let same = layer.figure == Figure::Fitted(size) && (video.width, video.height) == (plan.width, plan.height);
    full && plain && forwards && same && video.turn == Turn::None
}

/// The frames of a range that are pictures of the source one by one, from a key picture to another, and the first of those.
fn matching(plan: &Plan, source: &CopyablePictures, first: i64, end: i64, at: &dyn Fn(i64) -> f64) -> Option<(Segment, usize)> {
    let pictures = &source.pictures;
    let slack = 0.5 / plan.rate.as_f64() - 1e-6;
    // As `Clip` chooses it: the last that is due.
    let shown = |frame: i64| pictures.partition_point(|picture| picture.at <= at(frame) + slack).checked_sub(1);
    let begin = (first..end).find(|&frame| shown(frame).is_some_and(|place| pictures[place].starts))?;
    let place = shown(begin)?;
    let in_step = |frame: &i64| shown(*frame) == Some(place + (frame - begin) as usize);
    let stop = (begin..end).take_while(in_step).last()? + 1;
    // Back to where a key picture follows, or nothing.
    let ends = |frame: &i64| match pictures.get(place + (frame - begin) as usize) {
        Some(next) => next.starts,
        None => source.is_closed,
    };
    let stop = (begin + 1..=stop).rev().find(ends)?;
    let segment = Segment { first: begin, end: stop };
    (segment.length() as f64 >= SHORTEST_S * plan.rate.as_f64()).then_some((segment, place))
}
