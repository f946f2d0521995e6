//! The pictures of one clip as its layer needs them: one for each frame of the output.

use std::path::Path;

use super::plan::{Layer, Plan};
use crate::media::{Decoded, MediaError, Picture, Scaler, Smoothness, Turn, VideoDecoder};

/// A picture may end this much before the file says; more is a file cut short.
const MISSING_END_S: f64 = 0.5;

/// A clip that is being shown.
pub struct Clip {
    decoder: VideoDecoder,
    scaler: Scaler,
    part: (f64, f64, f64, f64),
    /// Half a frame of the output: a picture is shown from the frame nearest to its time, and never earlier than half of
    /// its own duration.
    half_frame_s: f64,
    current: Option<Decoded>,
    next: Option<Decoded>,
    ended: bool,
    /// When the file says that its picture ends.
    told_end_s: Option<f64>,
    scaled: Picture,
    is_scaled: bool,
}

impl Clip {
    pub fn open(
        path: &Path,
        turn: Turn,
        plan: &Plan,
        layer: &Layer,
        trim_start: f64,
        told_end_s: Option<f64>,
        smoothness: Smoothness,
    ) -> Result<Self, MediaError> {
        let (width, height) = (layer.shown.width as u32, layer.shown.height as u32);
        Ok(Self {
            decoder: VideoDecoder::open(path, trim_start)?,
            scaler: Scaler::new(width, height, turn, smoothness),
            part: layer.part,
            half_frame_s: 0.5 / plan.rate.as_f64(),
            current: None,
            next: None,
            ended: false,
            told_end_s,
            scaled: Picture::new(width, height)?,
            is_scaled: false,
        })
    }

    /// The picture to be seen at `seconds` of the file, scaled to the layer's area. Times only go forward.
    pub fn at(&mut self, seconds: f64) -> Result<&Picture, MediaError> {
        self.advance(seconds)?;
        if !self.is_scaled {
            let current = self.current.as_ref().ok_or_else(|| MediaError::Corrupt("no picture could be decoded".into()))?;
            self.scaler.scale(current, self.part, &mut self.scaled)?;
            self.is_scaled = true;
        }
        Ok(&self.scaled)
    }

    /// Decodes until the next picture is one to be seen later. Past the last, the last stays.
    fn advance(&mut self, seconds: f64) -> Result<(), MediaError> {
        loop {
            if self.next.is_none() && !self.ended {
                self.next = self.decoder.next_picture()?;
                if self.next.is_none() {
                    self.ended = true;
                    self.check_end()?;
                }
            }
            let slack = |next: &Decoded| self.half_frame_s.min(next.duration / 2.0);
            let due = |next: &Decoded| next.at <= seconds + slack(next) - 1e-6;
            // Before the first picture's time, the first is shown.
            if !self.next.as_ref().is_some_and(|next| due(next) || self.current.is_none()) {
                return Ok(());
            }
            self.current = self.next.take();
            self.is_scaled = false;
        }
    }

    fn check_end(&self) -> Result<(), MediaError> {
        let last = self.current.as_ref().map_or(0.0, |current| current.at + current.duration);
        match self.told_end_s {
            Some(told) if last + MISSING_END_S < told => {
                Err(MediaError::Corrupt(format!("the picture ends after {last:.2} s, though the file says {told:.2} s")))
            }
            _ => Ok(()),
        }
    }
}
