//! The pictures of one clip as its layer needs them: one for each frame of the output.

use std::path::PathBuf;

use super::{
    ahead::{AheadDecoder, CpuCount},
    backdrop::Backdrop,
    effects::Effects,
    key,
    sprite::Sprite,
};
use crate::{
    domain::look::{ChromaKey, Crop},
    media::{Decoded, Excerpt, Form, MediaError, Picture, Scaler, Smoothness, Source, VideoDecoder, Yuv444Ten},
};

/// A picture may end this much before the file says; more is a file cut short.
const MISSING_END_S: f64 = 0.5;

/// What of a clip is shown, and how.
pub struct Showing {
    pub path: PathBuf,
    pub source: Source,
    /// Played backwards: what a time of the file and the one in its place add up to, seconds.
    pub mirror: Option<f64>,
    /// When the file says that its picture ends; `None` where it does not say.
    pub told_end_s: Option<f64>,
    /// Where in the file it starts, seconds.
    pub from_s: f64,
    /// The size that its pictures are to have.
    pub size: (u32, u32),
    pub excerpt: Excerpt,
    /// In place of that: contained, over its own blurred copy. The size of the source, in its own pixels, and its crop.
    pub over_its_blur: Option<((f64, f64), Crop)>,
    pub effects: Option<Effects>,
    /// Whether its pictures have alpha, in whose place a key comes where there is one.
    pub alpha: bool,
    pub key: Option<ChromaKey>,
    pub smoothness: Smoothness,
    /// Half a frame of the output: a picture is shown from the frame nearest to its time, and never earlier than half of its own
    /// duration.
    pub half_frame_s: f64,
}

/// A clip that is being shown.
pub struct Clip<F: Form> {
    showing: Showing,
    decoder: AheadDecoder,
    decoding: CpuCount,
    maker: Maker<F>,
    /// How often it has started again.
    lap: i64,
    current: Option<Decoded>,
    next: Option<Decoded>,
    ended: bool,
    scaled: Picture<F>,
    /// What a colour is taken from.
    keying: Option<Keying>,
    keyed: Option<Sprite<F>>,
    is_scaled: bool,
}

/// The picture of a clip, fine enough to take a colour from it.
struct Keying {
    key: ChromaKey,
    maker: Maker<Yuv444Ten>,
    picture: Picture<Yuv444Ten>,
}

/// Makes what is shown of a decoded picture.
struct Maker<F: Form> {
    scaler: Scaler<F>,
    backdrop: Option<Backdrop<F>>,
}

impl<F: Form> Maker<F> {
    fn new(showing: &Showing) -> Result<Self, MediaError> {
        let backdrop = |(size, crop)| Backdrop::new(size, crop, showing.size, showing.source);
        let scaler = Scaler::new(showing.size.0, showing.size.1, showing.source, showing.smoothness);
        Ok(Self { scaler, backdrop: showing.over_its_blur.map(backdrop).transpose()? })
    }

    fn make(&mut self, decoded: &Decoded, excerpt: &Excerpt, out: &mut Picture<F>) -> Result<(), MediaError> {
        match &mut self.backdrop {
            Some(backdrop) => backdrop.draw(decoded, out),
            None => self.scaler.scale(decoded, excerpt, out),
        }
    }
}

/// A picture of a clip.
pub enum Shown<'a, F: Form> {
    Opaque(&'a Picture<F>),
    /// With something to be seen through.
    Keyed(&'a Sprite<F>),
}

fn ends_early(end: f64, told: f64) -> MediaError {
    MediaError::Corrupt(format!("the picture ends after {end:.2} s, though the file says {told:.2} s"))
}

impl<F: Form> Clip<F> {
    /// Opens it near `seconds` of the file, in some lap; what decoding costs is added to `decoding`.
    pub fn open(showing: Showing, lap: i64, seconds: f64, decoding: CpuCount) -> Result<Self, MediaError> {
        let (width, height) = showing.size;
        let keying =
            |key| Ok::<_, MediaError>(Keying { key, maker: Maker::new(&showing)?, picture: Picture::new(width, height)? });
        Ok(Self {
            keying: showing.key.map(keying).transpose()?,
            decoder: AheadDecoder::start(showing.path.clone(), showing.mirror, seconds.max(showing.from_s), decoding.clone())?,
            decoding,
            maker: Maker::new(&showing)?,
            lap,
            current: None,
            next: None,
            ended: false,
            scaled: Picture::new(width, height)?,
            keyed: None,
            is_scaled: false,
            showing,
        })
    }

    /// The picture to be seen at `seconds` of the file, as large as asked for. Times only go forward within a lap, and laps go
    /// forward.
    pub fn at(&mut self, lap: i64, seconds: f64) -> Result<Shown<'_, F>, MediaError> {
        if lap != self.lap {
            let path = self.showing.path.clone();
            self.decoder = AheadDecoder::start(path, self.showing.mirror, self.showing.from_s, self.decoding.clone())?;
            (self.current, self.next, self.ended, self.lap) = (None, None, false, lap);
        }
        self.advance(seconds)?;
        if !self.is_scaled {
            self.scale()?;
            self.is_scaled = true;
        }
        Ok(match &self.keyed {
            Some(sprite) => Shown::Keyed(sprite),
            None => Shown::Opaque(&self.scaled),
        })
    }

    /// Makes the picture that [`Self::at`] has just given the canvas, of the same size and without alpha, and the canvas its own to
    /// be drawn over: where it covers all, and is not seen again at `next_s`, the time of the next frame. Whether it has.
    pub fn become_canvas(&mut self, next_s: f64, canvas: &mut Picture<F>) -> bool {
        let is_last = self.next.as_ref().is_some_and(|next| self.is_due(next, next_s));
        if self.keyed.is_some() || !is_last {
            return false;
        }
        std::mem::swap(&mut self.scaled, canvas);
        self.is_scaled = false;
        true
    }

    fn scale(&mut self) -> Result<(), MediaError> {
        let current = self.current.as_ref().ok_or_else(|| MediaError::Corrupt("no picture could be decoded".into()))?;
        let (excerpt, size) = (&self.showing.excerpt, (self.scaled.width(), self.scaled.height()));
        if let Some(Keying { key, maker, picture }) = &mut self.keying {
            // The colour that is seen through is the source's own: effects come after it.
            maker.make(current, excerpt, picture)?;
            key::apply(key, picture, self.keyed.get_or_insert_with(|| Sprite::clear(size.0, size.1)));
        } else if self.showing.alpha && self.maker.backdrop.is_none() {
            let alpha = self.maker.scaler.scale_clear(current, excerpt, &mut self.scaled)?;
            self.keyed.get_or_insert_with(|| Sprite::clear(size.0, size.1)).take(&self.scaled, alpha);
        } else {
            self.maker.make(current, excerpt, &mut self.scaled)?;
        }
        match (&self.showing.effects, &mut self.keyed) {
            (Some(effects), Some(sprite)) => effects.apply(sprite),
            (Some(effects), None) => effects.apply(&mut self.scaled),
            (None, _) => {}
        }
        Ok(())
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
            if let (None, Some(first)) = (&self.current, &self.next) {
                self.check_start(first, seconds)?;
            }
            // Before the first picture's time, the first is shown.
            if !self.next.as_ref().is_some_and(|next| self.is_due(next, seconds) || self.current.is_none()) {
                return Ok(());
            }
            self.current = self.next.take();
            self.is_scaled = false;
        }
    }

    fn is_due(&self, next: &Decoded, seconds: f64) -> bool {
        next.at <= seconds + self.showing.half_frame_s.min(next.duration / 2.0) - 1e-6
    }

    /// Backwards, what is missing at the end of a file is missing first: nothing comes after the picture that is the first then.
    fn check_start(&self, first: &Decoded, seconds: f64) -> Result<(), MediaError> {
        let (Some(sum), Some(told)) = (self.showing.mirror, self.showing.told_end_s) else { return Ok(()) };
        let (at, end) = (sum - first.at - first.duration, sum - first.at);
        if first.at <= seconds + MISSING_END_S || told <= end + MISSING_END_S {
            return Ok(());
        }
        let mut decoder = VideoDecoder::open(&self.showing.path, at)?;
        while let Some(picture) = decoder.next_picture()? {
            if picture.at > at + 1e-6 {
                return Ok(());
            }
        }
        Err(ends_early(end, told))
    }

    fn check_end(&self) -> Result<(), MediaError> {
        let last = self.current.as_ref().map_or(0.0, |current| current.at + current.duration);
        match self.showing.told_end_s {
            Some(told) if self.showing.mirror.is_none() && last + MISSING_END_S < told => Err(ends_early(last, told)),
            _ => Ok(()),
        }
    }
}
