//! The sound of the whole timeline: stereo, 48 kHz, placed by sample, and limited as a whole.

use std::{collections::VecDeque, path::PathBuf, sync::Arc};

use super::{
    RenderError,
    inspect::Prepared,
    limiter::Limiter,
    loudness::Level,
    plan::{Plan, Sounding},
    prepare::Ready,
    tempo::{self, Decoder},
};
use crate::{
    domain::motion,
    media::{MediaError, SAMPLE_RATE, Sound},
};

/// A sound may end this much before the file says; more is a file cut short.
const MISSING_END_S: f64 = 0.5;

/// Samples that are mixed at once.
const BLOCK: usize = 1_024;

/// Mixes block after block.
pub struct Mixer {
    voices: Vec<Voice>,
    position: i64,
    ducking: Ducking,
    limiter: Limiter,
    /// What came out of the limiter and was not asked for yet.
    limited: VecDeque<[f32; 2]>,
    /// The sample that comes out of the limiter next.
    told: i64,
    /// The first that is asked for, and the one after the last.
    first: i64,
    end: i64,
}

impl Mixer {
    /// `None` where nothing sounds.
    pub fn new(ready: &Ready) -> Option<Self> {
        let plan: &Plan = ready.plan;
        let voices: Vec<Voice> = plan.sounds.iter().filter_map(|sounding| Voice::of(ready, sounding)).collect();
        let end = plan.rate.sample_at(plan.end, SAMPLE_RATE);
        let first = plan.rate.sample_at(plan.first, SAMPLE_RATE);
        let ducks = voices.iter().any(|voice| voice.sounding.ducks);
        let position = if ducks { (first - Ducking::REMEMBERED).max(0) } else { first };
        (!voices.is_empty()).then_some(Self {
            voices,
            position,
            ducking: Ducking::default(),
            limiter: Limiter::new(),
            limited: VecDeque::new(),
            told: position,
            first,
            end,
        })
    }

    /// Fills both channels with the next samples; returns how many there were before the end. What takes long is left where nobody
    /// `goes_on`.
    pub fn mix(&mut self, left: &mut [f32], right: &mut [f32], goes_on: &dyn Fn() -> bool) -> Result<usize, RenderError> {
        let mut count = 0;
        while count < left.len() {
            match self.limited.pop_front() {
                Some(sample) => {
                    [left[count], right[count]] = sample;
                    count += 1;
                }
                None if self.told == self.end => break,
                None => self.mix_block(goes_on)?,
            }
        }
        Ok(count)
    }

    /// Mixes a block, or silence after the end, through the limiter.
    fn mix_block(&mut self, goes_on: &dyn Fn() -> bool) -> Result<(), RenderError> {
        let (mut left, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
        let (mut low_left, mut low_right) = ([0.0; BLOCK], [0.0; BLOCK]);
        let mut ducks = false;
        for voice in &mut self.voices {
            let (left, right) = match voice.sounding.ducks {
                true => (&mut low_left, &mut low_right),
                false => (&mut left, &mut right),
            };
            ducks |= voice.sounding.ducks;
            let added = voice.add(self.position, left, right, goes_on);
            added.map_err(|error| RenderError::of(voice.sounding.element)(error).in_place(&voice.place))?;
        }
        if ducks {
            self.ducking.add([&mut left, &mut right], [&low_left, &low_right]);
        }
        self.position += BLOCK as i64;
        self.voices.retain(|voice| voice.sounding.end > self.position);
        for (left, right) in left.into_iter().zip(right) {
            // A file of numbers may hold what is none.
            let sample = [left, right].map(|value| if value.is_finite() { value } else { 0.0 });
            if let Some(sample) = self.limiter.push(sample)
                && self.told < self.end
            {
                if self.told >= self.first {
                    self.limited.push_back(sample.map(|value| value.clamp(-1.0, 1.0)));
                }
                self.told += 1;
            }
        }
        Ok(())
    }
}

/// Sounds that are lower while others sound: by 12 dB once those are louder than -34 dB of full scale, quickly down and slowly up
/// again, as one does by hand at a mixing desk.
struct Ducking {
    /// How loud the others are: their peaks, slowly forgotten.
    level: f32,
    factor: f32,
}

impl Default for Ducking {
    fn default() -> Self {
        Self { level: 0.0, factor: 1.0 }
    }
}

impl Ducking {
    const LOUD: f32 = 0.02;
    const LOW: f32 = 0.25;
    /// How fast peaks are forgotten, how fast it goes down, and up: seconds to 1/e.
    const FORGOTTEN_S: f32 = 0.2;
    const DOWN_S: f32 = 0.06;
    const UP_S: f32 = 0.4;
    /// Samples after which what was before is heard no more: of a range so many are mixed before its first.
    const REMEMBERED: i64 = 5 * SAMPLE_RATE as i64;

    /// Adds the low ones to the others.
    fn add(&mut self, others: [&mut [f32; BLOCK]; 2], low: [&[f32; BLOCK]; 2]) {
        let a_sample = |seconds: f32| 1.0 - (-1.0 / (seconds * SAMPLE_RATE as f32)).exp();
        let (forgotten, down, up) = (a_sample(Self::FORGOTTEN_S), a_sample(Self::DOWN_S), a_sample(Self::UP_S));
        let [left, right] = others;
        for at in 0..BLOCK {
            let peak = left[at].abs().max(right[at].abs());
            self.level = peak.max(self.level - self.level * forgotten);
            let wanted = if self.level > Self::LOUD { Self::LOW } else { 1.0 };
            self.factor += (wanted - self.factor) * if wanted < self.factor { down } else { up };
            left[at] += low[0][at] * self.factor;
            right[at] += low[1][at] * self.factor;
        }
    }
}

/// One element being heard.
struct Voice {
    sounding: Sounding,
    runs: Runs,
    level: Option<Arc<Level>>,
    /// Where its element names its source.
    place: String,
}

/// The samples of a source, in order. Its decoder is open only while it sounds.
struct Runs {
    path: PathBuf,
    /// The sample of the source that sounds first, and how fast it plays.
    source_start: i64,
    mirror: Option<i64>,
    speed: f64,
    decoder: Option<Decoder>,
    /// The newest run, some of it perhaps still ahead.
    run: Option<Sound>,
    ended: bool,
    /// How often it has started again.
    lap: i64,
    /// When the file says that its sound ends.
    told_end_s: Option<f64>,
}

impl Voice {
    /// `None` where its element plays nothing.
    fn of(ready: &Ready, sounding: &Sounding) -> Option<Self> {
        let medium = ready.media[sounding.element].within(&sounding.within);
        let Some(Prepared::Clip { path, probe, level }) = medium else { return None };
        let (source_start, mirror, speed) = (sounding.source_start, sounding.mirror, sounding.speed);
        let told_end_s = probe.audio.as_ref().and_then(|audio| audio.duration);
        // At another speed or backwards the samples' numbers are not times of the file.
        let told_end_s = told_end_s.filter(|_| speed == 1.0 && mirror.is_none());
        let path = path.clone();
        let runs = Runs { path, source_start, mirror, speed, decoder: None, run: None, ended: false, lap: 0, told_end_s };
        let place = ready.elements[sounding.element].place_of_source(&sounding.within);
        Some(Self { sounding: sounding.clone(), runs, level: level.clone(), place })
    }

    /// Adds its part of the block that starts at `position` of the timeline.
    fn add(&mut self, position: i64, left: &mut [f32], right: &mut [f32], goes_on: &dyn Fn() -> bool) -> Result<(), MediaError> {
        let from = self.sounding.start.max(position);
        let to = self.sounding.end.min(position + left.len() as i64);
        let mut at = from;
        if from >= to {
            return Ok(());
        }
        let own = self.level.as_ref().map_or(Ok(1.0), |level| level.gain(&self.sounding, goes_on))? as f32;
        while at < to {
            let (lap, played) = lap(&self.sounding, at);
            self.runs.begin(lap);
            let wanted = played + self.sounding.source_start;
            // Until it starts again.
            let to = self.sounding.period.map_or(to, |period| to.min(at - played + period));
            let Some(run) = self.runs.reaching(wanted)? else {
                match self.sounding.period {
                    Some(_) => at = to,
                    None => return Ok(()),
                }
                continue;
            };
            if run.start > wanted {
                at += (run.start - wanted).min(to - at); // Nothing sounds before the run.
                continue;
            }
            let skip = (wanted - run.start) as usize;
            let count = (run.left.len() - skip).min((to - at) as usize);
            let (into, end) = ((at - position) as usize, (at - position) as usize + count);
            let samples = run.left[skip..skip + count].iter().zip(&run.right[skip..skip + count]);
            let out = left[into..end].iter_mut().zip(&mut right[into..end]);
            let steady = is_steady(&self.sounding).then(|| gain(&self.sounding, at) * own);
            for ((offset, (l, r)), (out_l, out_r)) in (at..).zip(samples).zip(out) {
                let gain = steady.unwrap_or_else(|| gain(&self.sounding, offset) * own);
                *out_l += l * gain;
                *out_r += r * gain;
            }
            at += count as i64;
        }
        Ok(())
    }
}

impl Runs {
    /// Starts again when a new lap begins.
    fn begin(&mut self, lap: i64) {
        if lap != self.lap {
            (self.lap, self.decoder, self.run, self.ended) = (lap, None, None, false);
        }
    }

    /// The first run that ends after a sample of the source; `None` past the source's end.
    fn reaching(&mut self, wanted: i64) -> Result<Option<&Sound>, MediaError> {
        while !self.ended && self.run.as_ref().is_none_or(|run| run.start + run.left.len() as i64 <= wanted) {
            let decoder = match &mut self.decoder {
                Some(decoder) => decoder,
                None => {
                    let opened = tempo::open(&self.path, wanted, self.source_start, self.mirror, self.speed)?;
                    self.decoder.insert(opened)
                }
            };
            let next = decoder.next_sound()?;
            self.ended = next.is_none();
            if self.ended {
                self.check_end()?;
            }
            self.run = next;
        }
        Ok(self.run.as_ref())
    }
}

impl Runs {
    fn check_end(&self) -> Result<(), MediaError> {
        let end = self.run.as_ref().map_or(0, |run| run.start + run.left.len() as i64);
        let end_s = end as f64 / f64::from(SAMPLE_RATE);
        match self.told_end_s {
            Some(told) if end_s + MISSING_END_S < told => {
                Err(MediaError::Corrupt(format!("the sound ends after {end_s:.2} s, though the file says {told:.2} s")))
            }
            _ => Ok(()),
        }
    }
}

/// How often a sound has started again, and how many of its samples have sounded since.
fn lap(sounding: &Sounding, at: i64) -> (i64, i64) {
    let played = at - sounding.start;
    sounding.period.map_or((0, played), |period| (played / period, played % period))
}

/// Whether its gain is the same all the time.
fn is_steady(sounding: &Sounding) -> bool {
    sounding.rises.is_empty() && sounding.falls.is_empty() && sounding.keyframes.is_empty()
}

fn gain(sounding: &Sounding, at: i64) -> f32 {
    let share = |(from, to): (i64, i64)| {
        if to <= from { f64::from(at >= from) } else { ((at - from) as f64 / (to - from) as f64).clamp(0.0, 1.0) }
    };
    let rise: f64 = sounding.rises.iter().map(|ramp| share(*ramp)).product();
    let fall: f64 = sounding.falls.iter().map(|fall| 1.0 - share(fall.down) + fall.up.map_or(0.0, share)).product();
    let seconds = (at - sounding.start) as f64 / f64::from(SAMPLE_RATE);
    let volume = motion::value_of_one(&sounding.keyframes, seconds).unwrap_or(sounding.volume);
    // An easing that swings beyond its ends turns no sound about.
    let volume = volume.max(0.0);
    (volume * rise * fall) as f32
}

#[cfg(test)]
mod tests {
    use super::{super::plan::Fall, *};
    use crate::domain::{
        easing::Easing,
        motion::{Keyframe, Property},
    };

    #[test]
    fn ramps_multiply_the_volume() {
        let sounding = Sounding {
            element: 0,
            within: Vec::new(),
            mirror: None,
            ducks: false,
            start: 0,
            end: 100,
            source_start: 0,
            period: None,
            speed: 1.0,
            volume: 2.0,
            keyframes: Vec::new(),
            rises: vec![(0, 10)],
            falls: vec![Fall { down: (90, 100), up: None }],
        };
        assert_eq!([0, 5, 50, 95].map(|at| gain(&sounding, at)), [0.0, 1.0, 2.0, 1.0]);
        // One that comes back, and one of no length, which is as if it were not there before.
        let back = Sounding { falls: vec![Fall { down: (20, 40), up: Some((60, 80)) }], ..sounding.clone() };
        assert_eq!([15, 30, 50, 70, 90].map(|at| gain(&back, at)), [2.0, 1.0, 0.0, 1.0, 2.0]);
        let none = Sounding { falls: vec![Fall { down: (100, 100), up: None }], ..sounding.clone() };
        assert_eq!(gain(&none, 50), 2.0);
        // What swings below nothing is silent, and not turned about.
        let key = |at: f64, value: f64| Keyframe { property: Property::Volume, at, value, easing: Easing::BackIn };
        let swings = Sounding { keyframes: vec![key(0.0, 0.0), key(100.0 / 48_000.0, 1.0)], ..sounding };
        assert_eq!(gain(&swings, 50), 0.0);
    }
}
