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
    /// Whether its pictures have alpha; a key then takes more of it.
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
    making: Making<F>,
    /// How often it has started again.
    lap: i64,
    current: Option<Decoded>,
    next: Option<Decoded>,
    ended: bool,
    is_made: bool,
}

/// How what is shown comes of what is decoded.
enum Making<F: Form> {
    Plain(Maker<F>),
    /// The colour that is seen through is the source's own, and is taken from a picture that is fine enough: effects come after it.
    Keyed {
        key: ChromaKey,
        maker: Maker<Yuv444Ten>,
        keyed: Sprite<F>,
    },
}

/// Makes a picture of the size that is wanted.
struct Maker<F: Form> {
    scaler: Scaler<F>,
    backdrop: Option<Backdrop<F>>,
    scaled: Picture<F>,
    /// In place of that, of a source with alpha.
    clear: Option<Sprite<F>>,
}

impl<F: Form> Maker<F> {
    fn new(showing: &Showing) -> Result<Self, MediaError> {
        let (width, height) = showing.size;
        let backdrop = |(size, crop)| Backdrop::new(size, crop, showing.size, showing.source);
        Ok(Self {
            scaler: Scaler::new(width, height, showing.source, showing.smoothness),
            backdrop: showing.over_its_blur.map(backdrop).transpose()?,
            scaled: Picture::new(width, height)?,
            clear: showing.alpha.then(|| Sprite::clear(width as usize, height as usize)),
        })
    }

    fn make(&mut self, decoded: &Decoded, excerpt: &Excerpt) -> Result<(), MediaError> {
        match (&mut self.backdrop, &mut self.clear) {
            (Some(backdrop), Some(clear)) => backdrop.draw_clear(decoded, clear)?,
            (Some(backdrop), None) => backdrop.draw(decoded, &mut self.scaled)?,
            (None, Some(clear)) => {
                let alpha = self.scaler.scale_clear(decoded, excerpt, &mut self.scaled)?;
                clear.take(&self.scaled, alpha);
            }
            (None, None) => self.scaler.scale(decoded, excerpt, &mut self.scaled)?,
        }
        Ok(())
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
        let making = match showing.key {
            None => Making::Plain(Maker::new(&showing)?),
            Some(key) => {
                let keyed = Sprite::clear(showing.size.0 as usize, showing.size.1 as usize);
                Making::Keyed { key, maker: Maker::new(&showing)?, keyed }
            }
        };
        Ok(Self {
            decoder: AheadDecoder::start(showing.path.clone(), showing.mirror, seconds.max(showing.from_s), decoding.clone())?,
            decoding,
            making,
            lap,
            current: None,
            next: None,
            ended: false,
            is_made: false,
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
        if !self.is_made {
            self.make()?;
            self.is_made = true;
        }
        Ok(match &self.making {
            Making::Keyed { keyed, .. } => Shown::Keyed(keyed),
            Making::Plain(Maker { clear: Some(clear), .. }) => Shown::Keyed(clear),
            Making::Plain(maker) => Shown::Opaque(&maker.scaled),
        })
    }

    /// Makes the picture that [`Self::at`] has just given the canvas, of the same size and without alpha, and the canvas its own to
    /// be drawn over: where it covers all, and is not seen again at `next_s`, the time of the next frame. Whether it has.
    pub fn become_canvas(&mut self, next_s: f64, canvas: &mut Picture<F>) -> bool {
        let is_last = self.next.as_ref().is_some_and(|next| self.is_due(next, next_s));
        match &mut self.making {
            Making::Plain(Maker { clear: None, scaled, .. }) if is_last => std::mem::swap(scaled, canvas),
            _ => return false,
        }
        self.is_made = false;
        true
    }

    fn make(&mut self) -> Result<(), MediaError> {
        let current = self.current.as_ref().ok_or_else(|| MediaError::Corrupt("no picture could be decoded".into()))?;
        let (excerpt, effects) = (&self.showing.excerpt, &self.showing.effects);
        match &mut self.making {
            Making::Plain(maker) => {
                maker.make(current, excerpt)?;
                match (effects, &mut maker.clear) {
                    (Some(effects), Some(clear)) => effects.apply(clear),
                    (Some(effects), None) => effects.apply(&mut maker.scaled),
                    (None, _) => {}
                }
            }
            Making::Keyed { key, maker, keyed } => {
                maker.make(current, excerpt)?;
                match &maker.clear {
                    Some(clear) => key::apply(key, clear, keyed),
                    None => key::apply(key, &maker.scaled, keyed),
                }
                if let Some(effects) = effects {
                    effects.apply(keyed);
                }
            }
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
            self.is_made = false;
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
