//! How loud a sound is as a whole, and what brings it to another loudness (EBU R 128; ITU-R BS.1770-4, with its gate).

use std::path::Path;

use ebur128::{EbuR128, Mode};

use super::reversed::Track;
use crate::media::{AudioDecoder, MediaError, SAMPLE_RATE};

/// The most that a sound is made louder: 30 dB. What is quieter is noise.
const MOST_GAIN: f64 = 31.6;

/// The factor that brings what lies between two times of a file to a loudness, LUFS; 1 for silence.
pub fn gain(path: &Path, from_s: f64, to_s: Option<f64>, wanted: f64) -> Result<f64, MediaError> {
    let failed = |error: ebur128::Error| MediaError::Output(format!("the loudness cannot be measured: {error}"));
    let mut meter = EbuR128::new(2, SAMPLE_RATE, Mode::I).map_err(failed)?;
    let mut track = Track::Forward(AudioDecoder::open(path, from_s)?);
    let sample = |seconds: f64| (seconds * f64::from(SAMPLE_RATE)).round() as i64;
    let (from, to) = (sample(from_s), to_s.map_or(i64::MAX, sample));
    while let Some(sound) = track.next_sound()?.filter(|sound| sound.start < to) {
        let count = sound.left.len() as i64;
        let (skip, end) = ((from - sound.start).clamp(0, count) as usize, (to - sound.start).clamp(0, count) as usize);
        if skip < end {
            meter.add_frames_planar_f32(&[&sound.left[skip..end], &sound.right[skip..end]]).map_err(failed)?;
        }
    }
    let found = meter.loudness_global().map_err(failed)?;
    Ok(if found.is_finite() { 10f64.powf((wanted - found) / 20.0).min(MOST_GAIN) } else { 1.0 })
}
