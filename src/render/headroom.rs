//! Room for what a lossy encoder adds. What a player decodes has other peaks than what was encoded, by some decibels where sound
//! is dense: so what is loud goes through a trial of its encoder first, and where that comes out above the limit, the sound goes
//! in lower by as much.

use std::collections::VecDeque;

use super::peaks::TruePeaks;
use crate::media::{AudioSettings, MediaError, Sound, Trial};

/// Peaks below this, -5 dB of full scale, are not tried: 3.3 dB are the most that was seen added to films, noise and music. Square
/// waves may have more, but what is heard as sound is none.
const LOUD: f32 = 0.56;
/// The same, -14 dB, at bit rates below [`FEW_BITS`], where 12 dB were seen.
const LOUD_OF_FEW_BITS: f32 = 0.2;
const FEW_BITS: i64 = 96_000;
/// Peaks of a trial above this, -1.4 dB, are one too many: the encoder itself comes out a little otherwise.
const MOST: f32 = 0.85;
/// What they are brought to, -2.3 dB.
const AIM: f32 = 0.77;
/// Blocks on either side that are as low as a block must be: a quarter of a second.
const AROUND: usize = 12;
/// Blocks on either side of an edge over which levels are averaged, so that they do not jump.
const SMOOTH: usize = AROUND / 2;
/// Blocks after what is loud that the trial goes on for.
const AFTER: usize = 4;
/// Blocks that a trial is given before what is loud, to be as the encoder itself is by then.
const BEFORE: usize = 2;

/// How often sound is tried, each time as it is after the last: lower sound may come out louder than was thought, here and there.
const TRIALS: usize = 3;

/// Sound that waits for trials of what follows it; block after block.
pub struct Headroom([Stage; TRIALS]);

/// One trial, and what waits for it.
struct Stage {
    /// Whether it tries what is not loud too: what one before it made lower.
    tries_all: bool,
    settings: AudioSettings,
    block: usize,
    trial: Option<Trial>,
    /// Of what comes out of it, and of what goes in.
    peaks: TruePeaks,
    loud: TruePeaks,
    /// The block, by number, that the trial ends after.
    until: usize,
    /// Up to which block it is known what they need.
    known: usize,
    waiting: VecDeque<Block>,
    /// The gain that each block needs, of all that ever came: four bytes for some twenty milliseconds.
    needs: Vec<f32>,
    /// The number of the first block that waits.
    first: usize,
}

/// A block of stereo sound.
pub struct Block {
    pub left: Vec<f32>,
    pub right: Vec<f32>,
    /// Whether it was not tried as it is.
    pub untried: bool,
}

impl Headroom {
    /// For an encoder that takes blocks of so many samples.
    pub fn new(settings: AudioSettings, block: usize) -> Self {
        Self(std::array::from_fn(|number| Stage::new(settings, block, number > 0)))
    }

    /// Takes the next block; gives those that came before whose levels are known, as they are to be encoded.
    pub fn push(&mut self, block: Block) -> Vec<Block> {
        let stages = self.0.iter_mut();
        stages.fold(vec![block], |blocks, stage| blocks.into_iter().flat_map(|block| stage.push(block)).collect())
    }

    /// All that is left.
    pub fn finish(self) -> Vec<Block> {
        self.0.into_iter().fold(Vec::new(), |blocks, mut stage| {
            let mut out: Vec<Block> = blocks.into_iter().flat_map(|block| stage.push(block)).collect();
            out.extend(stage.finish());
            out
        })
    }
}

impl Stage {
    fn new(settings: AudioSettings, block: usize, tries_all: bool) -> Self {
        Self {
            tries_all,
            settings,
            block,
            trial: None,
            peaks: TruePeaks::above(MOST),
            loud: TruePeaks::above(LOUD_OF_FEW_BITS),
            until: 0,
            known: 0,
            waiting: VecDeque::new(),
            needs: Vec::new(),
            first: 0,
        }
    }

    /// Takes the next block; gives those that came before whose levels are known.
    fn push(&mut self, block: Block) -> Vec<Block> {
        let number = self.needs.len();
        let least = if self.settings.bit_rate < FEW_BITS { LOUD_OF_FEW_BITS } else { LOUD };
        // Of noise what lies between samples is much louder than they are.
        let samples = block.left.iter().zip(&block.right);
        let most = samples.map(|(left, right)| self.loud.next([*left, *right])).fold(0.0, f32::max);
        let loud = block.untried && (self.tries_all || most >= least);
        self.waiting.push_back(block);
        self.needs.push(1.0);
        // A trial that fails helps nobody: what is heard then is as loud as without it.
        if self.try_out(number, loud).is_err() {
            self.trial = None;
        }
        if self.trial.is_none() {
            // One that begins with the next block goes back by so many.
            self.known = self.needs.len().saturating_sub(BEFORE);
        }
        let ready = self.known.saturating_sub(self.first + SMOOTH + AROUND + 1);
        (0..ready).map_while(|_| self.take()).collect()
    }

    fn finish(mut self) -> Vec<Block> {
        let _ = self.end_trial();
        std::iter::from_fn(|| self.take()).collect()
    }

    /// Gives the newest block to the trial, where there is one, or should be.
    fn try_out(&mut self, number: usize, loud: bool) -> Result<(), MediaError> {
        if loud {
            self.until = number + AFTER;
            if self.trial.is_none() {
                let before = BEFORE.min(self.waiting.len() - 1);
                self.peaks = TruePeaks::above(MOST);
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
        heard.into_iter().for_each(|sound| self.note(sound));
        Ok(())
    }

    fn end_trial(&mut self) -> Result<(), MediaError> {
        if let Some(trial) = self.trial.take() {
            trial.finish()?.into_iter().for_each(|sound| self.note(sound));
            // What the meter still holds.
            let start = (self.known * self.block) as i64;
            self.note(Sound { start, left: vec![0.0; TruePeaks::BEHIND], right: vec![0.0; TruePeaks::BEHIND] });
        }
        Ok(())
    }

    /// Notes what the blocks need that a trial's sound belongs to.
    fn note(&mut self, Sound { start, left, right }: Sound) {
        let block = |sample: i64| usize::try_from(sample.div_euclid(self.block as i64)).unwrap_or(0);
        let end = start + left.len() as i64;
        for (at, sample) in (start - TruePeaks::BEHIND as i64..).zip(left.into_iter().zip(right)) {
            let peak = self.peaks.next(sample.into());
            if peak > MOST
                && let Some(need) = self.needs.get_mut(block(at))
            {
                *need = need.min(AIM / peak);
            }
        }
        self.known = self.known.max(block(end - TruePeaks::BEHIND as i64));
    }

    /// The first block that waits, from the level at its edge with the one before to that at its edge with the one after.
    fn take(&mut self) -> Option<Block> {
        let mut block = self.waiting.pop_front()?;
        let (from, to) = (self.level(self.first), self.level(self.first + 1));
        block.untried = from < 1.0 || to < 1.0;
        if block.untried {
            let step = (to - from) / block.left.len() as f32;
            for (index, (left, right)) in block.left.iter_mut().zip(&mut block.right).enumerate() {
                let gain = from + step * index as f32;
                *left *= gain;
                *right *= gain;
            }
        }
        self.first += 1;
        Some(block)
    }

    /// The level at the edge before a block: the mean, over the edges around it, of the least that blocks around each of them need.
    /// All of those are around the block itself, so that it is no higher than it may be.
    fn level(&self, edge: usize) -> f32 {
        let near = |edge: usize, reach: usize| edge.saturating_sub(reach)..(edge + reach).min(self.needs.len());
        if self.needs[near(edge, AROUND + SMOOTH + 1)].iter().all(|need| *need == 1.0) {
            return 1.0;
        }
        let lowest = |edge: usize| self.needs[near(edge, AROUND + 1)].iter().copied().fold(1.0, f32::min);
        let edges = edge as i64 - SMOOTH as i64..=(edge + SMOOTH) as i64;
        edges.map(|edge| lowest(edge.max(0) as usize)).sum::<f32>() / (2 * SMOOTH + 1) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::peaks::LIMIT;

    /// Blocks through it, and then through its encoder: what is encoded, and how loud that comes out.
    fn encoded(settings: AudioSettings, samples: &[f32]) -> (Vec<f32>, f32) {
        crate::media::init().unwrap();
        let block = crate::media::AudioEncoder::open(&settings).unwrap().block();
        let mut headroom = Headroom::new(settings, block);
        let stereo = |block: &[f32]| Block { left: block.to_vec(), right: block.to_vec(), untried: true };
        let mut blocks: Vec<Block> = samples.chunks(block).flat_map(|block| headroom.push(stereo(block))).collect();
        blocks.extend(headroom.finish());
        let sound: Vec<f32> = blocks.into_iter().flat_map(|block| block.left).collect();
        let peak = heard(settings, &sound);
        (sound, peak)
    }

    /// How loud sound comes out of an encoder.
    fn heard(settings: AudioSettings, sound: &[f32]) -> f32 {
        let mut trial = Trial::open(&settings, 0).unwrap();
        let mut heard: Vec<Sound> = Vec::new();
        let block = crate::media::AudioEncoder::open(&settings).unwrap().block();
        sound.chunks(block).for_each(|block| heard.extend(trial.hear(block, block).unwrap()));
        heard.extend(trial.finish().unwrap());
        let mut peaks = TruePeaks::above(0.1);
        heard.iter().flat_map(|sound| &sound.left).map(|value| peaks.next([*value; 2])).fold(0.0, f32::max)
    }

    fn square(hertz: usize, amplitude: f32) -> impl Fn(usize) -> f32 {
        move |index| if (index * 2 * hertz / 48_000).is_multiple_of(2) { amplitude } else { -amplitude }
    }

    #[test]
    fn what_comes_out_of_each_encoder_is_below_the_limit() {
        crate::media::init().unwrap();
        let mut above = 0;
        for (encoder, bit_rate) in [
            ("aac", 160_000),
            ("aac", 96_000),
            ("aac", 32_000),
            ("libopus", 128_000),
            ("libopus", 8_000),
            ("libmp3lame", 128_000),
            ("libmp3lame", 32_000),
        ] {
            let settings = AudioSettings { encoder, bit_rate };
            let quieter = if bit_rate < FEW_BITS { 0.3 } else { 0.6 };
            for (hertz, amplitude) in [(220, 0.85), (997, quieter), (4_000, quieter)] {
                let loud: Vec<f32> = (0..60_000).map(square(hertz, amplitude)).collect();
                above += usize::from(heard(settings, &loud) > LIMIT);
                let (sound, most) = encoded(settings, &loud);
                assert_eq!(sound.len(), loud.len());
                assert!(most < LIMIT, "{encoder} at {bit_rate}, {hertz} Hz of {amplitude}: {most}");
            }
        }
        assert!(above > 6, "{above} of them come out above it as they are");
    }

    #[test]
    fn what_is_quiet_is_not_touched_nor_what_is_far_from_the_loud() {
        const BLOCK: usize = 1_024;
        let aac = AudioSettings { encoder: "aac", bit_rate: 128_000 };
        let quiet: Vec<f32> = (0..48_000).map(square(220, 0.2)).collect();
        assert!(encoded(aac, &quiet).0 == quiet);
        let tone: Vec<f32> = (0..48_000).map(|index| (index as f32 * 0.05).sin() * 0.8).collect();
        assert!(encoded(aac, &tone).0 == tone, "nor what is loud and comes out as it was");
        let (first, last, far) = (88 * BLOCK, 90 * BLOCK, (AROUND + SMOOTH + 3) * BLOCK);
        let burst = |index: usize| square(220, if (first..last).contains(&index) { 0.85 } else { 0.2 })(index);
        let mixed: Vec<f32> = (0..180_000).map(burst).collect();
        let (sound, _) = encoded(aac, &mixed);
        assert_eq!(sound.len(), mixed.len());
        assert!(sound[..first - far] == mixed[..first - far] && sound[last + far..] == mixed[last + far..]);
        let levels: Vec<f32> = sound.iter().zip(&mixed).map(|(out, input)| out / input).collect();
        let loud = levels[first..last].iter().copied().fold(0.0, f32::max);
        assert!(loud < 0.9, "{loud}");
        assert!(levels.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 1e-4), "its level moves and does not jump");
    }
}
