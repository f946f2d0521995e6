//! How loud sound is between its samples: its true peaks, which a player's converter makes of it.

/// -1 dB of full scale, which no true peak is to reach (EBU R 128, 6).
#[cfg(test)]
pub const LIMIT: f32 = 0.891;
/// The samples that a value between them is found from, and how far behind the newest of them it lies.
const TAPS: usize = 32;
/// Three values between two samples: four times the rate, as ITU-R BS.1770-4 (annex 2) asks.
const BETWEEN: usize = 3;

/// Listens to stereo sound, sample after sample.
pub struct TruePeaks {
    /// The newest of each channel, twice, so that they lie in one piece wherever the oldest of them is.
    recent: [[f32; 2 * TAPS]; 2],
    /// Where the oldest is.
    oldest: usize,
    phases: [[f32; TAPS]; BETWEEN],
    /// No value is that loud of samples which are this quiet.
    quiet_below: f32,
    /// How many of the newest are quiet.
    quiet: usize,
}

impl TruePeaks {
    /// How many samples later a peak is told.
    pub const BEHIND: usize = TAPS / 2;

    /// Tells peaks of `least` and more; what is quieter may be told as silence.
    pub fn above(least: f32) -> Self {
        let phases: [[f32; TAPS]; BETWEEN] = std::array::from_fn(|phase| filter((phase + 1) as f64 / (BETWEEN + 1) as f64));
        let most = phases.iter().map(|phase| phase.iter().map(|factor| factor.abs()).sum::<f32>()).fold(1.0, f32::max);
        Self { recent: [[0.0; 2 * TAPS]; 2], oldest: 0, phases, quiet_below: least / most, quiet: TAPS }
    }

    /// Takes a sample; gives the largest value of either channel at and between the two samples [`Self::BEHIND`].
    pub fn next(&mut self, sample: [f32; 2]) -> f32 {
        for (recent, value) in self.recent.iter_mut().zip(sample) {
            recent[self.oldest] = value;
            recent[self.oldest + TAPS] = value;
        }
        self.oldest = (self.oldest + 1) % TAPS;
        self.quiet = if sample.iter().all(|value| value.abs() <= self.quiet_below) { self.quiet + 1 } else { 0 };
        if self.quiet >= TAPS {
            return 0.0;
        }
        let mut peak = 0.0f32;
        for recent in &self.recent {
            let recent = &recent[self.oldest..self.oldest + TAPS];
            peak = peak.max(recent[Self::BEHIND - 1].abs()).max(recent[Self::BEHIND].abs());
            peak = self.phases.iter().map(|phase| weighed(recent, phase).abs()).fold(peak, f32::max);
        }
        peak
    }
}

/// The sum of values by their factors, eight at a time.
fn weighed(values: &[f32], factors: &[f32; TAPS]) -> f32 {
    let mut sums = [0.0; 8];
    for (values, factors) in values.chunks_exact(8).zip(factors.chunks_exact(8)) {
        for (sum, (value, factor)) in sums.iter_mut().zip(values.iter().zip(factors)) {
            *sum += value * factor;
        }
    }
    sums.iter().sum()
}

/// Finds the value at a share of the way between the two samples in the middle: a sinc under a Hann window (Smith, "Digital Audio
/// Resampling", ccrma.stanford.edu/~jos/resample), flat to nine tenths of half the rate.
fn filter(share: f64) -> [f32; TAPS] {
    let half = (TAPS / 2) as f64;
    let factors: [f64; TAPS] = std::array::from_fn(|tap| {
        let away = tap as f64 - (half - 1.0) - share;
        let turn = std::f64::consts::PI * away;
        turn.sin() / turn * (1.0 + (turn / half).cos()) / 2.0
    });
    let sum: f64 = factors.iter().sum();
    factors.map(|factor| (factor / sum) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(samples: impl Iterator<Item = f32>) -> f32 {
        let mut peaks = TruePeaks::above(0.1);
        samples.map(|value| peaks.next([value, 0.0])).skip(TAPS).fold(0.0, f32::max)
    }

    #[test]
    fn peaks_between_samples_are_told_up_to_high_tones() {
        // Samples that miss the peaks of a tone of a quarter of the rate: each is 0.707 of them.
        let quarter = most((0..400).map(|index| ((index as f32 + 0.5) * std::f32::consts::FRAC_PI_2).sin() * 0.8));
        assert!((quarter - 0.8).abs() < 0.01, "{quarter}");
        for share in [0.1, 0.31, 0.5, 0.7, 0.85] {
            let step = std::f64::consts::PI * share;
            let told = most((0..2_000).map(|index| (f64::from(index) * step + 0.3).sin() as f32));
            assert!((0.95..1.01).contains(&told), "{told} at {share} of half the rate");
        }
    }

    #[test]
    fn what_is_told_as_silence_is_below_between_samples_too() {
        let (least, mut peaks) = (0.5, TruePeaks::above(1e-6));
        let quiet_below = TruePeaks::above(least).quiet_below;
        // What is loudest between samples, of such as are that quiet.
        for phase in peaks.phases {
            let told = phase.map(|factor| peaks.next([quiet_below.copysign(factor), 0.0]))[TAPS - 1];
            assert!(told > 0.3 && told <= least + 1e-6, "{told}");
        }
        assert_eq!(most((0..200).map(|_| 0.02)), 0.0);
    }
}
