//! How loud a sound is as a whole, and what brings it to another loudness (EBU R 128; ITU-R BS.1770-4, with its gate).

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use ebur128::{EbuR128, Mode};

use super::tempo;
use crate::{
    domain::composition::Playback,
    media::{MediaError, SAMPLE_RATE},
};

/// The most that a sound is made louder: 30 dB. What is quieter is noise.
const MOST_GAIN: f64 = 31.6;
/// Loudness is that of blocks of 400 ms: of what is shorter, as if it were heard again and again.
const BLOCK: usize = SAMPLE_RATE as usize * 2 / 5;

/// What a sound is brought to.
pub struct Level {
    path: PathBuf,
    /// The samples of the file that are heard, if it is heard once.
    from: i64,
    to: Option<i64>,
    speed: f64,
    /// LUFS.
    wanted: f64,
    gain: Mutex<Option<f64>>,
}

impl Level {
    /// `None` where it is to stay as it is.
    pub fn of(playback: &Playback, path: PathBuf) -> Option<Self> {
        let sample = |seconds: f64| (seconds * f64::from(SAMPLE_RATE)).round() as i64;
        Some(Self {
            path,
            from: sample(playback.trim_start),
            to: playback.trim_end.map(sample),
            speed: playback.speed,
            wanted: playback.loudness?,
            gain: Mutex::new(None),
        })
    }

    /// The factor that brings it there; 1 for silence. Found when it is first asked for, by hearing all of it, as long as that
    /// `goes_on`; others who ask wait.
    pub fn gain(&self, goes_on: &dyn Fn() -> bool) -> Result<f64, MediaError> {
        let mut gain = self.gain.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = *gain {
            return Ok(known);
        }
        let found = self.loudness(goes_on)?;
        Ok(*gain.insert(if found.is_finite() { 10f64.powf((self.wanted - found) / 20.0).min(MOST_GAIN) } else { 1.0 }))
    }

    /// LUFS, at the speed at which it plays: what becomes of dense sound then is quieter.
    fn loudness(&self, goes_on: &dyn Fn() -> bool) -> Result<f64, MediaError> {
        let failed = |error: ebur128::Error| MediaError::Output(format!("the loudness cannot be measured: {error}"));
        let mut meter = EbuR128::new(2, SAMPLE_RATE, Mode::I).map_err(failed)?;
        let mut decoder = tempo::open(&self.path, self.from, self.from, None, self.speed)?;
        let end = self.to.map_or(i64::MAX, |to| self.from + ((to - self.from) as f64 / self.speed).round() as i64);
        let mut beginning = [Vec::new(), Vec::new()];
        while let Some(sound) = decoder.next_sound()?.filter(|sound| sound.start < end && goes_on()) {
            let count = sound.left.len() as i64;
            let [skip, end] = [self.from, end].map(|at| (at - sound.start).clamp(0, count) as usize);
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
