//! How loud a sound is as a whole, and what brings it to another loudness (EBU R 128; ITU-R BS.1770-4, with its gate).

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use ebur128::{EbuR128, Mode};

use super::{plan::Sounding, tempo};
use crate::media::{MediaError, SAMPLE_RATE};

/// The most that a sound is made louder: 30 dB. What is quieter is noise.
const MOST_GAIN: f64 = 31.6;
/// Loudness is that of blocks of 400 ms: of what is shorter, as if it were heard again and again.
const BLOCK: usize = SAMPLE_RATE as usize * 2 / 5;

/// What a sound is brought to.
pub struct Level {
    path: PathBuf,
    /// LUFS.
    wanted: f64,
    /// What was found, of what.
    found: Mutex<Vec<(Heard, f64)>>,
}

/// What is heard of a file, once.
#[derive(Clone, Copy, PartialEq)]
struct Heard {
    /// The first sample of the file.
    from: i64,
    /// How many samples it lasts.
    samples: i64,
    /// How fast it plays, and whether backwards: see [`Sounding`].
    speed: f64,
    mirror: Option<i64>,
}

impl Level {
    /// Of a file, brought to so many LUFS.
    pub fn of(path: PathBuf, wanted: f64) -> Self {
        Self { path, wanted, found: Mutex::default() }
    }

    /// The factor that brings what is heard of it there; 1 for silence. Found when it is first asked for, by hearing all of that, as
    /// long as it `goes_on`; others who ask wait.
    pub fn gain(&self, sounding: &Sounding, goes_on: &dyn Fn() -> bool) -> Result<f64, MediaError> {
        let all = sounding.end - sounding.start;
        let samples = sounding.period.map_or(all, |period| period.min(all));
        let heard = Heard { from: sounding.source_start, samples, speed: sounding.speed, mirror: sounding.mirror };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, gain)) = found.iter().find(|(known, _)| *known == heard) {
            return Ok(*gain);
        }
        let loudness = self.loudness(heard, goes_on)?;
        let gain = if loudness.is_finite() { 10f64.powf((self.wanted - loudness) / 20.0).min(MOST_GAIN) } else { 1.0 };
        found.push((heard, gain));
        Ok(gain)
    }

    /// LUFS, at the speed at which it plays: what becomes of dense sound then is quieter.
    fn loudness(&self, heard: Heard, goes_on: &dyn Fn() -> bool) -> Result<f64, MediaError> {
        let failed = |error: ebur128::Error| MediaError::Output(format!("the loudness cannot be measured: {error}"));
        let mut meter = EbuR128::new(2, SAMPLE_RATE, Mode::I).map_err(failed)?;
        let Heard { from, samples, speed, mirror } = heard;
        let mut decoder = tempo::open(&self.path, from, from, mirror, speed)?;
        let end = from + samples;
        let mut beginning = [Vec::new(), Vec::new()];
        while let Some(sound) = decoder.next_sound()?.filter(|sound| sound.start < end && goes_on()) {
            let count = sound.left.len() as i64;
            let [skip, end] = [from, end].map(|at| (at - sound.start).clamp(0, count) as usize);
            if skip >= end {
                continue;
            }
            let heard = [&sound.left[skip..end], &sound.right[skip..end]];
            meter.add_frames_planar_f32(&heard).map_err(failed)?;
            for (beginning, heard) in beginning.iter_mut().zip(heard) {
                let wanted = (BLOCK - beginning.len()).min(heard.len());
                beginning.extend_from_slice(&heard[..wanted]);
            }
        }
        let heard = beginning[0].len();
        if (1..BLOCK).contains(&heard) {
            let [left, right] = &beginning;
            (0..BLOCK / heard)
                .try_for_each(|_| meter.add_frames_planar_f32(&[left.as_slice(), right.as_slice()]))
                .map_err(failed)?;
        }
        meter.loudness_global().map_err(failed)
    }
}
