//! Sound played faster or slower at its own pitch: runs of it are laid over each other closer together, or further apart, each
//! where it continues the one before best (WSOLA; Verhelst and Roelands, ICASSP 1993).

use std::path::Path;

use super::reversed::{ReversedSound, Track};
use crate::media::{AudioDecoder, MediaError, SAMPLE_RATE, Sound};

/// How far apart runs begin in what comes out, and how long two lie over each other: 21 ms at 48 kHz.
const HOP: usize = 1_024;
/// How far to either side of its due place a run may begin: half a period of 47 Hz.
const SEARCH: i64 = 512;

/// A source at its own speed, or at another.
pub enum Decoder {
    Plain(Box<Track>),
    Paced(Box<PacedDecoder>),
}

impl Decoder {
    /// The next run of samples, numbered as they are heard; `None` after the last.
    pub fn next_sound(&mut self) -> Result<Option<Sound>, MediaError> {
        match self {
            Decoder::Plain(track) => track.next_sound(),
            Decoder::Paced(decoder) => decoder.next_sound(),
        }
    }
}

/// Opens a source where the sample numbered `wanted` sounds; numbers are the source's own but for what speed makes of the time
/// since `source_start`.
pub fn open(path: &Path, wanted: i64, source_start: i64, mirror: Option<i64>, speed: f64) -> Result<Decoder, MediaError> {
    let track = |from: i64| {
        Ok(match mirror {
            Some(sum) => Track::Backward(ReversedSound::open(path, sum, from)),
            None => Track::Forward(AudioDecoder::open(path, from as f64 / f64::from(SAMPLE_RATE))?),
        })
    };
    if speed == 1.0 {
        return track(wanted).map(|track| Decoder::Plain(Box::new(track)));
    }
    let from = source_start + ((wanted - source_start) as f64 * speed).round() as i64;
    Ok(Decoder::Paced(Box::new(PacedDecoder::new(track(from)?, from, wanted, speed))))
}

/// The sound of one file at another speed.
pub struct PacedDecoder {
    source: Buffered,
    speed: f64,
    /// The sample of the file that plays first.
    from: i64,
    /// How many hops came out.
    hops: i64,
    /// Where in the file the run began that came out last.
    last: i64,
    /// The number of the sample that comes out next.
    position: i64,
}

impl PacedDecoder {
    /// Begins with a sample of a track that was opened there; the first that comes out has the number `position`.
    pub fn new(track: Track, from: i64, position: i64, speed: f64) -> Self {
        Self { source: Buffered::new(track, from), speed, from, hops: 0, last: from, position }
    }

    /// The next run of samples, numbered as they come out; `None` after the last.
    pub fn next_sound(&mut self) -> Result<Option<Sound>, MediaError> {
        let plays = self.plays(self.hops);
        let due = self.due(self.hops);
        self.source.fill(plays.max(due) + SEARCH + 2 * HOP as i64)?;
        if self.source.ended && plays >= self.source.end() {
            return Ok(None);
        }
        let sound = self.hop(due);
        self.hops += 1;
        self.source.forget(self.last.min(self.due(self.hops)) - SEARCH);
        self.position += HOP as i64;
        Ok(Some(sound))
    }

    /// The sample of the file that is to be heard at the beginning of a hop.
    fn plays(&self, hops: i64) -> i64 {
        self.from + (hops as f64 * HOP as f64 * self.speed).round() as i64
    }

    /// Where the run that comes in a hop should begin: what is heard when it has taken over lies a hop after that.
    fn due(&self, hops: i64) -> i64 {
        (self.plays(hops + 1) - HOP as i64).max(self.from)
    }

    /// What comes out for the run that is due: the end of the last one gives way to it.
    fn hop(&mut self, due: i64) -> Sound {
        let continued = self.last + HOP as i64;
        let begin = if self.hops == 0 { self.from } else { self.source.likest(continued, due) };
        let mut sound = Sound { start: self.position, left: vec![0.0; HOP], right: vec![0.0; HOP] };
        for (channel, out) in [&mut sound.left, &mut sound.right].into_iter().enumerate() {
            let (ending, coming) = (self.source.run(channel, continued), self.source.run(channel, begin));
            for (index, out) in out.iter_mut().enumerate() {
                let share = if self.hops == 0 { 1.0 } else { rise(index) };
                *out = ending[index] * (1.0 - share) + coming[index] * share;
            }
        }
        self.last = begin;
        sound
    }
}

/// The rising half of a Hann window.
fn rise(index: usize) -> f32 {
    0.5 - 0.5 * (std::f32::consts::PI * (index as f32 + 0.5) / HOP as f32).cos()
}

/// The samples of a file around those that play; gaps are silent.
struct Buffered {
    track: Track,
    /// The number of the first that is held.
    start: i64,
    channels: [Vec<f32>; 2],
    /// What was decoded and begins after a gap that is not yet filled.
    ahead: Option<Sound>,
    /// All are read: what lies beyond is silence.
    ended: bool,
}

impl Buffered {
    fn new(track: Track, from: i64) -> Self {
        Self { track, start: from, channels: [Vec::new(), Vec::new()], ahead: None, ended: false }
    }

    fn end(&self) -> i64 {
        self.start + self.channels[0].len() as i64
    }

    /// Reads until a sample; of a gap only so much is filled.
    fn fill(&mut self, to: i64) -> Result<(), MediaError> {
        while !self.ended && self.end() < to {
            let next = match self.ahead.take() {
                Some(sound) => Some(sound),
                None => self.track.next_sound()?,
            };
            match next {
                Some(sound) if sound.start >= to => {
                    let silent = (to - self.start) as usize;
                    self.channels.iter_mut().for_each(|held| held.resize(silent, 0.0));
                    self.ahead = Some(sound);
                }
                Some(sound) => self.append(&sound),
                None => self.ended = true,
            }
        }
        Ok(())
    }

    fn append(&mut self, sound: &Sound) {
        let gap = (sound.start - self.end()).max(0) as usize;
        let skip = (self.end() - sound.start).clamp(0, sound.left.len() as i64) as usize;
        for (held, new) in self.channels.iter_mut().zip([&sound.left, &sound.right]) {
            held.resize(held.len() + gap, 0.0);
            held.extend_from_slice(&new[skip..]);
        }
    }

    fn forget(&mut self, before: i64) {
        let count = (before - self.start).clamp(0, self.channels[0].len() as i64) as usize;
        self.channels.iter_mut().for_each(|held| drop(held.drain(..count)));
        self.start += count as i64;
    }

    /// A hop of samples from one on.
    fn run(&self, channel: usize, from: i64) -> [f32; HOP] {
        let mut run = [0.0; HOP];
        let held = &self.channels[channel];
        let first = (from - self.start).clamp(0, held.len() as i64) as usize;
        let into = (self.start - from).clamp(0, HOP as i64) as usize;
        let count = (held.len() - first).min(HOP - into);
        run[into..into + count].copy_from_slice(&held[first..first + count]);
        run
    }

    /// Where near `due` a run begins that is most like the one at `wanted`.
    fn likest(&self, wanted: i64, due: i64) -> i64 {
        let mixed = |from: i64, count: usize| -> Vec<f32> {
            let sample = |channel: usize, at: i64| usize::try_from(at).ok().and_then(|at| self.channels[channel].get(at));
            let at = |at: i64| sample(0, at).zip(sample(1, at)).map_or(0.0, |(left, right)| left + right);
            (0..count as i64).map(|offset| at(from - self.start + offset)).collect()
        };
        let wanted = mixed(wanted, HOP);
        let near = mixed(due - SEARCH, HOP + 2 * SEARCH as usize);
        let likeness = |offset: usize| {
            let run = &near[offset..offset + HOP];
            product(&wanted, run) / product(run, run).sqrt().max(1e-6)
        };
        let middle = SEARCH as usize;
        // Of equals the nearest to its place.
        let best = (0..=2 * SEARCH as usize)
            .map(|offset| (likeness(offset), offset))
            .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.abs_diff(middle).cmp(&a.1.abs_diff(middle))));
        due - SEARCH + best.map_or(SEARCH, |(_, offset)| offset as i64)
    }
}

/// The sum of products, in lanes of its own that a processor adds side by side.
fn product(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0f32; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}
