//! Holds the mix below full scale: peaks between samples too, by turning it down before they come and up again after.

use std::collections::VecDeque;

use super::peaks::TruePeaks;
use crate::media::SAMPLE_RATE;

/// -1.9 dB of full scale: of what is to stay below -1 (EBU R 128, 6), meters at four times the rate tell up to half a decibel more
/// than ours, and those at sixteen times up to nine tenths.
const CEILING: f32 = 0.8;
/// How far it looks ahead: 5 ms.
const AHEAD: usize = SAMPLE_RATE as usize / 200;
/// The share of the way back to full that a sample makes: 100 ms' worth.
const RELEASE: f32 = 1.0 / (0.1 * SAMPLE_RATE as f32);

/// Takes samples, and gives them back so many later.
pub struct Limiter {
    /// Those that wait, the oldest first.
    waiting: VecDeque<[f32; 2]>,
    peaks: TruePeaks,
    /// The gain that each waiting sample and its neighbours need; ever larger from the front: (number, gain).
    needs: VecDeque<(u64, f32)>,
    /// The last gains before they are averaged, and their sum.
    gains: VecDeque<f32>,
    sum: f64,
    envelope: f32,
    pushed: u64,
}

impl Limiter {
    /// How many samples later each comes back.
    pub const DELAY: usize = AHEAD + TruePeaks::BEHIND;

    pub fn new() -> Self {
        Self {
            waiting: VecDeque::with_capacity(Self::DELAY + 1),
            peaks: TruePeaks::above(CEILING),
            needs: VecDeque::new(),
            gains: VecDeque::from(vec![1.0; AHEAD]),
            sum: AHEAD as f64,
            envelope: 1.0,
            pushed: 0,
        }
    }

    /// Takes a sample; gives the one that came [`Self::DELAY`] before, if there was one.
    pub fn push(&mut self, sample: [f32; 2]) -> Option<[f32; 2]> {
        let peak = self.peaks.next(sample);
        let need = if peak > CEILING { CEILING / peak } else { 1.0 };
        while self.needs.back().is_some_and(|(_, gain)| *gain >= need) {
            self.needs.pop_back();
        }
        self.needs.push_back((self.pushed, need));
        self.waiting.push_back(sample);
        self.pushed += 1;
        if self.waiting.len() <= Self::DELAY {
            return None;
        }
        let leaving = self.pushed - 1 - Self::DELAY as u64;
        // The peak that a number stands for lies a little before it.
        while self.needs.front().is_some_and(|(number, _)| *number + 1 < leaving + TruePeaks::BEHIND as u64) {
            self.needs.pop_front();
        }
        let least = self.needs.front().map_or(1.0, |(_, gain)| *gain);
        self.envelope = least.min(self.envelope + (1.0 - self.envelope) * RELEASE);
        if self.envelope > 0.999_99 {
            self.envelope = 1.0f32.min(least);
        }
        if leaving == 0 {
            // As if it had been so before.
            self.gains.iter_mut().for_each(|gain| *gain = self.envelope);
            self.sum = f64::from(self.envelope) * AHEAD as f64;
        }
        self.sum += f64::from(self.envelope) - f64::from(self.gains.pop_front().unwrap_or(1.0));
        self.gains.push_back(self.envelope);
        // What needs nothing is not touched.
        let gain = if self.sum >= AHEAD as f64 - 1e-6 { 1.0 } else { (self.sum / AHEAD as f64) as f32 };
        self.waiting.pop_front().map(|[left, right]| [left * gain, right * gain])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(input: &[f32]) -> Vec<f32> {
        let mut limiter = Limiter::new();
        let flush = std::iter::repeat_n(0.0, Limiter::DELAY);
        input.iter().copied().chain(flush).filter_map(|value| limiter.push([value, value])).map(|[left, _]| left).collect()
    }

    fn tone(samples: usize, hertz: f64, amplitude: f64, phase: f64) -> Vec<f32> {
        let step = hertz * std::f64::consts::TAU / f64::from(SAMPLE_RATE);
        (0..samples).map(|index| ((index as f64 * step + phase).sin() * amplitude) as f32).collect()
    }

    #[test]
    fn what_is_below_comes_back_as_it_was() {
        let input = tone(10_000, 440.0, 0.8, 0.0);
        assert_eq!(limited(&input), input);
    }

    #[test]
    fn what_is_above_is_held_below_and_the_rest_comes_back() {
        let mut input = tone(48_000, 440.0, 0.3, 0.0);
        for (index, value) in tone(4_800, 440.0, 2.0, 0.0).into_iter().enumerate() {
            input[20_000 + index] += value;
        }
        let output = limited(&input);
        assert_eq!(output.len(), input.len());
        assert!(output.iter().all(|value| value.abs() <= CEILING + 1e-4), "{:?}", output.iter().copied().fold(0.0, f32::max));
        assert_eq!(output[..19_000], input[..19_000], "before it looks ahead nothing changes");
        let last = output[47_500..].iter().zip(&input[47_500..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(last < 0.01, "and it comes back: {last}");
    }

    #[test]
    fn what_begins_loud_is_held_from_its_beginning() {
        let output = limited(&tone(9_600, 440.0, 2.0, std::f64::consts::FRAC_PI_2));
        assert!(output.iter().all(|value| value.abs() <= CEILING + 1e-3), "{:?}", &output[..4]);
    }

    #[test]
    fn a_peak_between_samples_counts() {
        // A quarter of the rate, out of phase: each sample is 0.707 of the peak.
        let input = tone(4_800, 12_000.0, 1.2, std::f64::consts::FRAC_PI_4);
        assert!(input.iter().all(|value| value.abs() < 0.86));
        let output = limited(&input);
        let most = output[1_000..3_800].iter().copied().fold(0.0, f32::max) * std::f32::consts::SQRT_2;
        assert!(most < 0.9, "{most}");
    }
}
