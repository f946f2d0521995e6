//! Media from their end to their start. A file is decoded forwards only: so it is taken in parts, the last one first, and each
//! part turned round. Times are mirrored, so that they go forwards for who asks.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
};

use crate::media::{AudioDecoder, Decoded, MediaError, SAMPLE_RATE, Sound, VideoDecoder};

/// The most bytes of pictures that are held at once; of large ones, a few are held however large.
const PICTURE_BYTES: usize = 128_000_000;
const FEWEST_PICTURES: usize = 8;
/// Samples of one part of a sound: 5 s.
const PART: i64 = SAMPLE_RATE as i64 * 5;

/// The pictures of a file, the last first.
pub struct ReversedPictures {
    path: PathBuf,
    /// What a time and its mirrored one add up to, seconds.
    sum: f64,
    /// Pictures before this time of the file are still to come.
    until: f64,
    /// In order of time.
    held: VecDeque<Decoded>,
    part_s: f64,
    /// Whether a picture has come of it yet.
    has_given: bool,
}

impl ReversedPictures {
    /// From the picture whose mirrored time is `from` on.
    pub fn open(path: PathBuf, sum: f64, from: f64) -> Self {
        Self { path, sum, until: sum - from, held: VecDeque::new(), part_s: 0.25, has_given: false }
    }

    /// The next picture, with its mirrored time; `None` after the file's first.
    pub fn next_picture(&mut self) -> Result<Option<Decoded>, MediaError> {
        while self.held.is_empty() {
            if self.until <= 0.0 {
                return if self.has_given { Ok(None) } else { self.first_picture() };
            }
            self.read_part()?;
        }
        self.has_given = true;
        Ok(self.held.pop_back().map(|picture| self.mirrored(picture)))
    }

    fn mirrored(&self, mut picture: Decoded) -> Decoded {
        picture.at = self.sum - picture.at - picture.duration;
        picture
    }

    /// The file's first picture, which stays when all others have been: for who comes only then.
    fn first_picture(&mut self) -> Result<Option<Decoded>, MediaError> {
        self.has_given = true;
        let first = VideoDecoder::open(&self.path, 0.0)?.next_picture()?;
        Ok(first.map(|picture| self.mirrored(picture)))
    }

    fn read_part(&mut self) -> Result<(), MediaError> {
        let from = self.until - self.part_s;
        let mut decoder = VideoDecoder::open(&self.path, from.max(0.0))?;
        let (mut bytes, mut is_cut, mut next_at) = (0, false, None);
        while let Some(picture) = decoder.next_picture()? {
            if picture.at >= self.until - 1e-6 {
                next_at = Some(picture.at);
                break;
            }
            if picture.at < from - 1e-6 {
                continue;
            }
            bytes += picture.bytes();
            self.held.push_back(picture);
            // More than there is room for: the earliest of them come with the next part.
            while bytes > PICTURE_BYTES && self.held.len() > FEWEST_PICTURES {
                bytes -= self.held.pop_front().map_or(0, |first| first.bytes());
                is_cut = true;
            }
        }
        // Each stays until the next comes: what a decoder says of its length may be another's.
        for picture in self.held.iter_mut().rev() {
            picture.duration = next_at.map_or(picture.duration, |next| next - picture.at);
            next_at = Some(picture.at);
        }
        let first = self.held.front();
        self.until = first.filter(|_| is_cut).map_or(from, |first| first.at);
        if let Some(first) = first {
            let pictures = (PICTURE_BYTES / first.bytes().max(1)).max(FEWEST_PICTURES);
            self.part_s = (pictures as f64 * first.duration).clamp(0.05, 10.0);
        }
        Ok(())
    }
}

/// The sound of a file, the last sample first.
pub struct ReversedSound {
    path: PathBuf,
    /// What the numbers of a sample and of its mirrored one add up to.
    sum: i64,
    /// Samples before this one of the file are still to come.
    until: i64,
}

impl ReversedSound {
    /// From the sample whose mirrored number is `from` on.
    pub fn open(path: &Path, sum: i64, from: i64) -> Self {
        Self { path: path.to_owned(), sum, until: sum - from + 1 }
    }

    fn next_sound(&mut self) -> Result<Option<Sound>, MediaError> {
        if self.until <= 0 {
            return Ok(None);
        }
        let from = (self.until - PART).max(0);
        let mut part = Sound {
            start: self.sum - self.until + 1,
            left: vec![0.0; (self.until - from) as usize],
            right: vec![0.0; (self.until - from) as usize],
        };
        let mut decoder = AudioDecoder::open(&self.path, from as f64 / f64::from(SAMPLE_RATE))?;
        while let Some(sound) = decoder.next_sound()?.filter(|sound| sound.start < self.until) {
            let first = (from - sound.start).max(0);
            for (index, number) in
                (sound.start + first..self.until).enumerate().take((sound.left.len() as i64 - first).max(0) as usize)
            {
                let (source, into) = (index + first as usize, (self.until - 1 - number) as usize);
                (part.left[into], part.right[into]) = (sound.left[source], sound.right[source]);
            }
        }
        self.until = from;
        Ok(Some(part))
    }
}

/// A file's sound, either way.
pub enum Track {
    Forward(AudioDecoder),
    Backward(ReversedSound),
}

impl Track {
    /// The next run of samples; `None` after the last.
    pub fn next_sound(&mut self) -> Result<Option<Sound>, MediaError> {
        match self {
            Track::Forward(decoder) => decoder.next_sound(),
            Track::Backward(reversed) => reversed.next_sound(),
        }
    }
}
