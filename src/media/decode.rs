//! Pictures of a file, in order of time.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use ffmpeg_next::{
    Error, Packet, Rational,
    codec::{self, discard::Discard},
    decoder,
    error::EAGAIN,
    ffi,
    format::context::Input,
    frame,
};

use super::{
    MediaError,
    fields::{self, Field, Splitter},
    input, probe,
};

/// A broken packet is skipped; this many of them are a broken file.
const MOST_BROKEN_PACKETS: u32 = 100;
/// How far before the wanted time to seek, since a container's index may go by decoding time.
const SEEK_MARGIN_S: f64 = 0.5;
/// Pictures before the wanted one that are decoded in any case: it may be shown by the one before it.
const PICTURES_BEFORE: f64 = 4.0;

/// A picture as the decoder gave it, and when it is to be seen.
pub struct Decoded {
    pub(super) frame: Arc<frame::Video>,
    /// Where only this field of it is to be seen.
    pub(super) field: Option<Field>,
    /// Seconds from the start of the file.
    pub at: f64,
    /// How long it is to be seen, seconds.
    pub duration: f64,
}

/// Decodes the picture of one file from some time on.
pub struct VideoDecoder {
    path: PathBuf,
    input: Input,
    decoder: decoder::Video,
    stream: usize,
    time_base: Rational,
    origin_s: f64,
    frame_duration: f64,
    last: Option<f64>,
    splitter: Splitter,
    /// Of H.265 each picture is one field already.
    can_be_woven: bool,
    search: Option<Search>,
    /// What comes before a picture that is marked as key could only be decoded wrongly, or not be known to be right: some
    /// containers are not sought by these.
    awaits_key: bool,
    broken_packets: u32,
    drained: bool,
}

/// What a decoder was opened for, until a picture has come that shows that it was opened rightly.
#[derive(Clone, Copy)]
struct Search {
    way: Way,
    /// The time whose picture is wanted, and before which those are not that no other needs.
    from: f64,
    needless_before: f64,
    /// Whether pictures before these have come.
    has_earlier: bool,
}

/// How the picture of a time is come to.
#[derive(Clone, Copy)]
struct Way {
    /// From the last place to start from that lies so many seconds before.
    margin_s: f64,
    /// Without the pictures that no other needs: one of them may be seen for longer, though.
    is_short: bool,
}

impl Way {
    const SHORTEST: Self = Self { margin_s: SEEK_MARGIN_S, is_short: true };

    /// The one to be tried after it: some containers do not know where there is a key picture, which may lie far before.
    fn next(self, has_earlier: bool) -> Self {
        let margin_s = if has_earlier { self.margin_s } else { self.margin_s * 4.0 };
        Self { margin_s, is_short: false }
    }
}

impl Decoded {
    /// Where only a field of it is to be seen, the whole picture that is made of that.
    pub(super) fn woven(&self) -> Result<Option<frame::Video>, MediaError> {
        self.field.as_ref().map(|field| field.whole(&self.frame)).transpose()
    }

    /// How much memory its picture takes.
    pub fn bytes(&self) -> usize {
        (0..self.frame.planes()).map(|plane| self.frame.data(plane).len()).sum()
    }
}

impl VideoDecoder {
    /// Opens a file's picture at `from` seconds, or a little earlier.
    pub fn open(path: &Path, from: f64) -> Result<Self, MediaError> {
        Self::open_by(Way::SHORTEST, path, from)
    }

    fn open_by(way: Way, path: &Path, from: f64) -> Result<Self, MediaError> {
        let mut input = input::open(path)?;
        let stream = probe::best_video(&input).ok_or_else(no_picture)?;
        let (index, time_base) = (stream.index(), stream.time_base());
        let decoder = open_decoder(&stream)?;
        let can_be_woven = stream.parameters().id() != codec::Id::HEVC;
        let frame_duration = 1.0 / probe::frame_rate(&stream);
        let origin_us = input::origin_us(&input);
        input::keep_only(&mut input, &[index]);
        seek_before(&mut input, origin_us, from, way.margin_s);
        // Of H.265 what is no reference for its own layer may be one for another.
        let is_short = way.is_short && can_be_woven;
        let needless_before = if is_short { from - PICTURES_BEFORE * frame_duration } else { f64::NEG_INFINITY };
        // From the start of the file all is as it is.
        let is_sought = from > way.margin_s;
        Ok(Self {
            awaits_key: is_sought,
            search: is_sought.then_some(Search { way, from, needless_before, has_earlier: false }),
            path: path.to_owned(),
            input,
            decoder,
            stream: index,
            time_base,
            origin_s: origin_us as f64 / 1e6,
            frame_duration,
            last: None,
            splitter: Splitter::default(),
            can_be_woven,
            broken_packets: 0,
            drained: false,
        })
    }

    /// The next picture; `None` after the last. An interlaced one comes as two.
    pub fn next_picture(&mut self) -> Result<Option<Decoded>, MediaError> {
        if !self.can_be_woven {
            return self.next_whole();
        }
        loop {
            if let Some(picture) = self.splitter.take_ready() {
                return Ok(Some(picture));
            }
            match self.next_whole()? {
                Some(picture) => self.splitter.put(picture),
                None => {
                    self.splitter.end();
                    return Ok(self.splitter.take_ready());
                }
            }
        }
    }

    /// The next that is wanted.
    fn next_whole(&mut self) -> Result<Option<Decoded>, MediaError> {
        while let Some(Search { way, from, needless_before, has_earlier }) = self.search {
            match self.next_decoded() {
                Ok(Some(picture)) if picture.at < needless_before => {
                    self.search = Some(Search { way, from, needless_before, has_earlier: true });
                }
                Ok(Some(picture)) if picture.at <= from && (has_earlier || !self.lacks_what_is_before(&picture, from)) => {
                    self.search = None;
                    return Ok(Some(picture));
                }
                // Of those that were decoded none is seen at the time that is wanted.
                Ok(_) | Err(MediaError::Corrupt(_)) => *self = Self::open_by(way.next(has_earlier), &self.path, from)?,
                Err(error) => return Err(error),
            }
        }
        self.next_decoded()
    }

    /// Whether a first picture is seen at a time by its fields, which are made of the one before it too.
    fn lacks_what_is_before(&self, first: &Decoded, at: f64) -> bool {
        self.can_be_woven && fields::can_split(&first.frame) && at < first.at + 2.0 * first.duration
    }

    fn next_decoded(&mut self) -> Result<Option<Decoded>, MediaError> {
        loop {
            let mut frame = frame::Video::empty();
            match self.decoder.receive_frame(&mut frame) {
                Ok(()) => return Ok(Some(self.timed(frame))),
                Err(Error::Eof) => return Ok(None),
                Err(Error::Other { errno: EAGAIN }) if self.drained => return Ok(None),
                Err(Error::Other { errno: EAGAIN }) => self.feed()?,
                Err(error) if MediaError::is_of_a_packet(&error) => self.count_broken()?,
                Err(error) => return Err(MediaError::reading(error)),
            }
        }
    }

    fn timed(&mut self, frame: frame::Video) -> Decoded {
        let at = match frame.timestamp() {
            Some(timestamp) => input::seconds(timestamp, self.time_base) - self.origin_s,
            // A picture without a time follows the one before it.
            None => self.last.map_or(0.0, |last| last + self.frame_duration),
        };
        self.last = Some(at);
        let told = input::seconds(frame.packet().duration, self.time_base);
        let duration = if told > 0.0 { told } else { self.frame_duration };
        Decoded { frame: Arc::new(frame), field: None, at, duration }
    }

    fn feed(&mut self) -> Result<(), MediaError> {
        let mut packet = Packet::empty();
        match packet.read(&mut self.input) {
            Ok(()) if packet.stream() == self.stream && self.awaits_key && !packet.is_key() => match self.is_past(&packet) {
                // A key picture that comes only now is not before what is wanted.
                true => self.end(),
                false => Ok(()),
            },
            Ok(()) if packet.stream() == self.stream => {
                self.awaits_key = false;
                let skipped = if self.is_needless(&packet) { Discard::NonReference } else { Discard::Default };
                self.decoder.skip_frame(skipped);
                match self.decoder.send_packet(&packet) {
                    Ok(()) => Ok(()),
                    Err(error) if MediaError::is_of_a_packet(&error) => self.count_broken(),
                    Err(error) => Err(MediaError::reading(error)),
                }
            }
            Ok(()) => Ok(()),
            Err(Error::Eof) => self.end(),
            Err(Error::InvalidData) => self.count_broken(),
            Err(error) => Err(MediaError::reading(error)),
        }
    }

    fn end(&mut self) -> Result<(), MediaError> {
        self.drained = true;
        self.decoder.send_eof().map_err(MediaError::reading)
    }

    /// Whether a packet's picture is wanted only where others need it.
    fn is_needless(&self, packet: &Packet) -> bool {
        self.place(packet).is_some_and(|(at, search)| at < search.needless_before)
    }

    /// Whether a packet's picture comes clearly after what is wanted.
    fn is_past(&self, packet: &Packet) -> bool {
        self.place(packet).is_some_and(|(at, search)| at > search.from + 1.0)
    }

    /// When a packet's picture is seen, where one is searched for.
    fn place(&self, packet: &Packet) -> Option<(f64, Search)> {
        let at = packet.pts().map(|pts| input::seconds(pts, self.time_base) - self.origin_s);
        at.zip(self.search)
    }

    fn count_broken(&mut self) -> Result<(), MediaError> {
        self.broken_packets += 1;
        if self.broken_packets > MOST_BROKEN_PACKETS {
            return Err(MediaError::Corrupt("the picture cannot be decoded: too many broken packets".into()));
        }
        Ok(())
    }
}

fn no_picture() -> MediaError {
    MediaError::Unsupported("the file holds no picture".into())
}

fn open_decoder(stream: &ffmpeg_next::format::stream::Stream) -> Result<decoder::Video, MediaError> {
    let mut context = codec::Context::from_parameters(stream.parameters()).map_err(MediaError::reading)?;
    // SAFETY: plain settings of a context that is ours and not yet open.
    unsafe {
        let context = context.as_mut_ptr();
        (*context).max_pixels = input::MAX_PIXELS;
        // One thread, so that the time of decoding is counted where it is used; the encoder fills the cores.
        (*context).thread_count = 1;
        (*context).pkt_timebase = stream.time_base().into();
    }
    let codec = input::allowed_decoder(context.id(), probe::has_alpha(stream))?;
    let opened = context.decoder().open_as_with(codec, input::decoder_options());
    opened.and_then(|opened| opened.video()).map_err(MediaError::reading)
}

/// Goes to the last place to start from before `from`. A file that cannot be sought in is decoded from its start.
pub(super) fn seek(input: &mut Input, origin_us: i64, from: f64) {
    seek_before(input, origin_us, from, SEEK_MARGIN_S);
}

/// The same, so many seconds before it.
fn seek_before(input: &mut Input, origin_us: i64, from: f64, margin_s: f64) {
    let target = origin_us + ((from - margin_s) * 1e6) as i64;
    if from > margin_s {
        // SAFETY: a call on a context that is borrowed mutably; stream -1 counts in microseconds.
        unsafe { ffi::avformat_seek_file(input.as_mut_ptr(), -1, i64::MIN, target, target, 0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_is_not_far_behind_the_last_try() {
        let mut way = Way::SHORTEST.next(true);
        assert!((way.margin_s, way.is_short) == (SEEK_MARGIN_S, false), "the same place, and all pictures from there on");
        // Of a key picture 30 s before, an hour into the file, some two minutes are decoded, and not the hour.
        let mut decoded = 0.0;
        while way.margin_s < 30.0 {
            decoded += way.margin_s;
            way = way.next(false);
        }
        assert!(decoded + way.margin_s < 120.0, "{decoded} {}", way.margin_s);
    }
}
