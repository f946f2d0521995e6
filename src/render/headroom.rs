//! Room for what a lossy encoder adds. What a player decodes has other peaks than what was encoded, by some decibels where sound
//! is dense: so what is loud goes through a trial of its encoder first, and where that comes out above the limit, the sound goes
//! in lower by as much.

use std::collections::VecDeque;

use super::{RenderError, limiter::CEILING, peaks::TruePeaks};
use crate::media::{AudioSettings, MediaError, Sound, Trial};

/// Peaks below this, -5 dB of full scale, come out of no encoder above the limit: three to four decibels are the most that was
/// seen, of square waves in AAC at 64 kbit/s.
const LOUD: f32 = 0.56;
/// Blocks on either side that are as low as a block must be: a second of them, so that the level moves slowly.
const AROUND: usize = 47;
/// Blocks before one whose needs still count: for the edge that it shares with the one before it, one more than around it.
const KNOWN: usize = AROUND + 1;
/// What comes out differs a little from trial to trial: where it is above the limit, it is brought to 0.7 dB below.
const MARGIN: f32 = 0.92;
/// Blocks by which the sound of a trial may be late: encoders look ahead, and decoders begin late.
const LATE: usize = 6;
/// Blocks that a trial is given before what is loud, to be as the encoder itself is by then.
const BEFORE: usize = 2;

/// Sound that waits for the trial of what follows it; block after block.
pub struct Headroom {
    settings: AudioSettings,
    block: usize,
    trial: Option<Trial>,
    /// Of what comes out of it.
    peaks: TruePeaks,
    /// The block, by number, that the trial ends after.
    until: usize,
    /// What is loud in what goes in.
    loud: TruePeaks,
    waiting: VecDeque<Block>,
    /// The gain that each block needs, from [`KNOWN`] before the first that waits.
    needs: VecDeque<f32>,
    /// The number of the first block that waits.
    first: usize,
}

/// A block of stereo sound.
pub struct Block {
    pub left: Vec<f32>,
    pub right: Vec<f32>,
}

impl Headroom {
    /// For an encoder that takes blocks of so many samples.
    pub fn new(settings: AudioSettings, block: usize) -> Self {
        Self {
            settings,
            block,
            trial: None,
            peaks: TruePeaks::from(CEILING),
            until: 0,
            loud: TruePeaks::from(LOUD),
            waiting: VecDeque::new(),
            needs: VecDeque::from([1.0; KNOWN]),
            first: 0,
        }
    }

    /// Takes the next block; gives one that came before, at the level at which it is to be encoded.
    pub fn push(&mut self, block: Block) -> Result<Option<Block>, RenderError> {
        let number = self.first + self.waiting.len();
        let loud = block.left.iter().zip(&block.right).map(|(left, right)| self.loud.next([*left, *right])).fold(0.0, f32::max);
        self.waiting.push_back(block);
        self.needs.push_back(1.0);
        self.try_out(number, loud >= LOUD).map_err(RenderError::whole)?;
        Ok(if self.waiting.len() > AROUND + LATE { self.take() } else { None })
    }

    /// All that is left.
    pub fn finish(mut self) -> Result<Vec<Block>, RenderError> {
        self.end_trial().map_err(RenderError::whole)?;
        let mut blocks = Vec::with_capacity(self.waiting.len());
        while let Some(block) = self.take() {
            blocks.push(block);
        }
        Ok(blocks)
    }

    /// Gives the newest block to the trial, where there is one, or should be.
    fn try_out(&mut self, number: usize, loud: bool) -> Result<(), MediaError> {
        if loud {
            self.until = number + LATE;
            if self.trial.is_none() {
                let before = BEFORE.min(self.waiting.len() - 1);
                self.peaks = TruePeaks::from(CEILING);
                self.trial = Some(Trial::open(&self.settings, ((number - before) * self.block) as i64)?);
                (number - before..number).try_for_each(|earlier| self.hear(earlier))?;
            }
        }
        match number <= self.until {
            true => self.hear(number),
            false => self.end_trial(),
        }
    }

    fn hear(&mut self, number: usize) -> Result<(), MediaError> {
        let block = &self.waiting[number - self.first];
        let Some(trial) = &mut self.trial else { return Ok(()) };
        let heard = trial.hear(&block.left, &block.right)?;
        self.note(heard);
        Ok(())
    }

    fn end_trial(&mut self) -> Result<(), MediaError> {
        if let Some(trial) = self.trial.take() {
            let heard = trial.finish()?;
            self.note(heard);
        }
        Ok(())
    }

    /// Notes what the blocks need that a trial's sound belongs to.
    fn note(&mut self, heard: Vec<Sound>) {
        for Sound { start, left, right } in heard {
            for (index, (left, right)) in left.into_iter().zip(right).enumerate() {
                let peak = self.peaks.next([left, right]);
                let at = start + index as i64 - TruePeaks::BEHIND as i64;
                if peak > CEILING
                    && let Ok(number) = usize::try_from(at.div_euclid(self.block as i64))
                    && let Some(need) = (number + KNOWN).checked_sub(self.first).and_then(|place| self.needs.get_mut(place))
                {
                    *need = need.min(MARGIN * CEILING / peak);
                }
            }
        }
    }

    /// The first block that waits, from the gain at its edge with the one before to that at its edge with the one after; an edge is
    /// as low as both of its blocks.
    fn take(&mut self) -> Option<Block> {
        let mut block = self.waiting.pop_front()?;
        let edge = |first: usize| self.needs.iter().skip(first).take(2 * KNOWN).copied().fold(1.0, f32::min);
        let (from, to) = (edge(0), edge(1));
        if from < 1.0 || to < 1.0 {
            let step = (to - from) / block.left.len() as f32;
            for (index, (left, right)) in block.left.iter_mut().zip(&mut block.right).enumerate() {
                let gain = from + step * index as f32;
                *left *= gain;
                *right *= gain;
            }
        }
        self.needs.pop_front();
        self.first += 1;
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AAC: AudioSettings = AudioSettings { encoder: "aac", bit_rate: 128_000 };
    const BLOCK: usize = 1_024;

    /// Through it, and then through its encoder: what is encoded, and how loud that comes out.
    fn encoded(samples: &[f32]) -> (Vec<f32>, f32) {
        crate::media::init().unwrap();
        let mut headroom = Headroom::new(AAC, BLOCK);
        let mut blocks = Vec::new();
        for block in samples.chunks(BLOCK) {
            blocks.extend(headroom.push(Block { left: block.to_vec(), right: block.to_vec() }).unwrap());
        }
        blocks.extend(headroom.finish().unwrap());
        let mut trial = Trial::open(&AAC, 0).unwrap();
        let mut heard: Vec<Sound> = blocks.iter().flat_map(|block| trial.hear(&block.left, &block.right).unwrap()).collect();
        heard.extend(trial.finish().unwrap());
        let mut peaks = TruePeaks::from(0.1);
        let most = heard.iter().flat_map(|sound| &sound.left).map(|value| peaks.next([*value; 2])).fold(0.0, f32::max);
        (blocks.iter().flat_map(|block| block.left.clone()).collect(), most)
    }

    fn square(amplitude: f32) -> impl Fn(usize) -> f32 {
        move |index| if index / 109 % 2 == 0 { amplitude } else { -amplitude }
    }

    #[test]
    fn what_comes_out_of_the_encoder_is_below_the_limit() {
        // -1 dB of full scale.
        const LIMIT: f32 = 0.891;
        let loud: Vec<f32> = (0..96_000).map(square(CEILING)).collect();
        let mut trial = Trial::open(&AAC, 0).unwrap();
        let mut peaks = TruePeaks::from(0.1);
        let heard = loud.chunks(BLOCK).flat_map(|block| trial.hear(block, block).unwrap());
        let most = heard.flat_map(|sound| sound.left).map(|value| peaks.next([value; 2])).fold(0.0, f32::max);
        assert!(most > 1.0, "as it is it comes out above full scale: {most}");
        let (sound, most) = encoded(&loud);
        assert_eq!(sound.len(), loud.len());
        assert!(most < LIMIT, "{most}");
        assert!(most > 0.7, "and not lower than need be: {most}");
    }

    #[test]
    fn what_is_quiet_is_not_touched_nor_what_is_far_from_the_loud() {
        let quiet: Vec<f32> = (0..48_000).map(square(0.2)).collect();
        assert!(encoded(&quiet).0 == quiet);
        let tone: Vec<f32> = (0..48_000).map(|index| (index as f32 * 0.05).sin() * 0.8).collect();
        assert!(encoded(&tone).0 == tone, "nor what is loud and comes out as it was");
        let burst = |index: usize| if (60_000..62_000).contains(&index) { square(CEILING)(index) } else { square(0.2)(index) };
        let mixed: Vec<f32> = (0..120_000).map(burst).collect();
        let (sound, _) = encoded(&mixed);
        assert_eq!(sound.len(), mixed.len());
        let far = (AROUND + LATE) * BLOCK;
        assert!(sound[..60_000 - far] == mixed[..60_000 - far] && sound[62_000 + far..] == mixed[62_000 + far..]);
        assert!(sound[61_000].abs() < 0.8);
        let step = sound.iter().zip(&mixed).map(|(out, input)| out / input).collect::<Vec<_>>();
        assert!(step.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.001), "its level moves and does not jump");
    }
}
