//! The picture of a file in its segments: those that are made, those that were found where they were kept, those that are copied;
//! and how they are written, each in its turn.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        mpsc::{self, Receiver},
    },
};

use super::{
    RenderError,
    copied::{Copied, Copies},
    encoding,
    pipeline::{Means, smoothness},
    plan::Plan,
    prepare::Ready,
    runs::{self, Piece, Wanted, Work},
    segment::{Making, Segment},
    shared::{Shared, panicked},
    shelf::Shelf,
};
use crate::{
    domain::output::Output,
    media::{self, Encoded, MediaError, Muxer, Parcel, Smoothness, VideoEncoder, VideoSettings},
};

/// The segments, and for each the part that is copied.
pub struct Parts {
    pub segments: Vec<Segment>,
    pub copied: Vec<Option<Copied>>,
    /// Where some are copied: how many places earlier a picture is decoded than seen.
    pub delay: Option<i64>,
}

impl Parts {
    /// `video` is the encoder of what is not copied, and told what the file's head is to be.
    pub fn of(plan: &Plan, output: &Output, copies: Copies, video: &mut VideoEncoder) -> Self {
        let delay = (!copies.parts.is_empty()).then(|| video.delay().max(copies.delay()));
        let foreign = copies.head();
        let (segments, copied) = match encoding::is_cut(output) {
            true => copies.into_segments(plan),
            false => (vec![Segment::whole(plan)], vec![None]),
        };
        if delay.is_some() {
            let own = if copied.iter().all(Option::is_some) { Vec::new() } else { video.head() };
            video.set_head([foreign, own].concat());
        }
        Self { segments, copied, delay }
    }
}

/// Where the file is to be, and the parameter sets of its encoder.
pub struct Place<'a> {
    pub head: &'a [u8],
    pub path: &'a Path,
}

/// The segments of the picture, and where each may be found.
pub struct Pictures<'a> {
    ready: &'a Ready<'a>,
    output: &'a Output,
    settings: &'a VideoSettings,
    smoothness: Smoothness,
    segments: Vec<Segment>,
    copied: Vec<Option<Copied>>,
    /// Where some are copied: how many places earlier a picture is decoded than seen.
    delay: Option<i64>,
    making: Option<Making<'a>>,
    shelf: Option<&'a Shelf>,
    /// By segment, where it is kept or is to be.
    keys: Vec<Option<String>>,
    /// By segment, the file in which it lies, where it was found.
    found: Vec<Option<PathBuf>>,
}

impl<'a> Pictures<'a> {
    pub fn of(
        ready: &'a Ready<'a>,
        output: &'a Output,
        settings: &'a VideoSettings,
        parts: Parts,
        place: &Place,
        means: &Means<'a>,
    ) -> Self {
        let Parts { segments, copied, delay } = parts;
        let making = means.shelf.and_then(|(_, digests)| Making::of(ready.plan, ready.elements, digests));
        let shelf = means.shelf.map(|(shelf, _)| shelf).filter(|_| encoding::is_cut(output));
        let words = format!("{settings:?} {}", media::versions());
        let key = |(segment, copied): (_, &Option<Copied>)| {
            let making = making.as_ref().filter(|_| shelf.is_some() && copied.is_none())?;
            Some(making.of_segment(segment, output, &words))
        };
        let keys: Vec<Option<String>> = segments.iter().zip(&copied).map(key).collect();
        let held = |(index, key): (usize, &Option<String>)| {
            let file = place.path.with_extension(format!("held-{index}"));
            key.as_ref().zip(shelf).filter(|(key, shelf)| shelf.hold(key, place.head, &file)).map(|_| file)
        };
        let found = keys.iter().enumerate().map(held).collect();
        Self {
            ready,
            output,
            settings,
            smoothness: smoothness(output.quality),
            segments,
            copied,
            delay,
            making,
            shelf,
            keys,
            found,
        }
    }

    /// How many segments are composed and encoded.
    pub fn to_be_made(&self) -> usize {
        self.wanted().count()
    }

    fn wanted(&self) -> impl Iterator<Item = usize> {
        (0..self.segments.len()).filter(|&index| self.found[index].is_none() && self.copied[index].is_none())
    }

    /// How many were found.
    pub fn reused(&self) -> i64 {
        self.found.iter().flatten().count() as i64
    }

    /// The name of what the sound beside them is made of.
    pub fn key_of_sound(&self) -> Option<String> {
        self.making.as_ref().map(|making| making.of_sound(&format!("{:?} {}", encoding::audio(self.output), media::versions())))
    }

    /// Writes all segments in order, each with the sound before it.
    pub fn write(
        &self,
        file: usize,
        mut muxer: Muxer,
        done: &Receiver<Piece>,
        sound: Receiver<Encoded>,
        shared: &Shared,
    ) -> Result<(), RenderError> {
        let mut sound = sound.into_iter().peekable();
        let mut waiting = Waiting { done, early: BTreeMap::new() };
        let mut count = 0;
        for (index, segment) in self.segments.iter().enumerate() {
            let by = segment.first - self.ready.plan.first;
            let mut put_one = |packet: Encoded| {
                let mut packet = packet.later(by);
                if let Some(delay) = self.delay {
                    packet = packet.decoded_at(count - delay);
                }
                count += 1;
                write(&mut muxer, packet, &mut sound)
            };
            let mut put = |parcel: Parcel| parcel.packets.into_iter().try_for_each(&mut put_one).map_err(RenderError::whole);
            match (&self.copied[index], &self.found[index]) {
                (Some(copied), _) => {
                    let mut put = |packet| {
                        shared.add_frames(1);
                        put_one(packet)
                    };
                    copied.read(&mut put).map_err(RenderError::whole)?;
                }
                (None, Some(kept)) => {
                    put(again(kept)?)?;
                    shared.add_frames(segment.length());
                }
                (None, None) => loop {
                    let piece = self.made(index, &mut waiting)?;
                    put(piece.parcel)?;
                    if piece.is_last {
                        break;
                    }
                },
            }
            shared.wrote(file, index);
        }
        sound.try_for_each(|packet| muxer.write_audio(packet)).map_err(RenderError::whole)?;
        muxer.finish().map_err(RenderError::whole)
    }

    /// Waits for a piece of a segment; those that come before their turn are put by.
    fn made(&self, index: usize, waiting: &mut Waiting) -> Result<Piece, RenderError> {
        loop {
            if let Some(piece) = waiting.early.get_mut(&index).and_then(VecDeque::pop_front) {
                return Ok(piece);
            }
            // Who makes them ends without one only where something has failed, which is told by that.
            let piece = waiting.done.recv().map_err(|_| panicked())?;
            if let Some((key, shelf)) = self.keys[piece.index].as_ref().zip(self.shelf) {
                shelf.put(key, &piece.parcel);
            }
            waiting.early.entry(piece.index).or_default().push_back(piece);
        }
    }
}

/// The work on the pictures of files that are cut alike.
pub fn work<'a>(files: &'a [Pictures<'a>], runs: usize, shared: &'a Shared) -> Work<'a> {
    let first = &files[0];
    let is_wanted = |file: &Pictures| {
        let mut is_wanted = vec![false; file.segments.len()];
        file.wanted().for_each(|index| is_wanted[index] = true);
        is_wanted
    };
    let files: Vec<Wanted> = files.iter().map(|file| Wanted { settings: file.settings, is_wanted: is_wanted(file) }).collect();
    let wanted: Vec<usize> = (0..first.segments.len()).filter(|&index| files.iter().any(|file| file.is_wanted[index])).collect();
    Work {
        ready: first.ready,
        smoothness: first.smoothness,
        segments: &first.segments,
        files,
        waiting: Mutex::new(runs::divide(&wanted, runs)),
        ahead: runs::ahead(runs),
        shared,
    }
}

/// What comes from those who make segments, in any order.
struct Waiting<'a> {
    done: &'a Receiver<Piece>,
    /// By segment.
    early: BTreeMap<usize, VecDeque<Piece>>,
}

/// A part that was found, and is not found again after this.
fn again(file: &Path) -> Result<Parcel, RenderError> {
    let parcel = std::fs::read(file).ok().and_then(|bytes| Parcel::from_bytes(&bytes));
    let _ = std::fs::remove_file(file);
    parcel.ok_or_else(|| RenderError::whole(MediaError::Output("a kept part of the picture cannot be read".into())))
}

/// Writes a packet of the picture after the sound that comes before it.
fn write(
    muxer: &mut Muxer,
    picture: Encoded,
    sound: &mut std::iter::Peekable<mpsc::IntoIter<Encoded>>,
) -> Result<(), MediaError> {
    let at = picture.decode_at();
    while let Some(packet) = sound.next_if(|packet| packet.decode_at() <= at) {
        muxer.write_audio(packet)?;
    }
    muxer.write_video(picture)
}
