//! Pictures that go from one file into another as they are, without being decoded: H.264 from one IDR picture to another, which
//! nothing before or after refers to (ITU-T H.264, 7.4.1.2.4).

use std::path::{Path, PathBuf};

use ffmpeg_next::{
    Error, Packet, Rational,
    codec::packet::{Flags, Ref},
    ffi,
    format::stream::Stream,
};

use super::{Encoded, MediaError, decode, input, probe};

/// What the pictures must be like to stand beside those of an encoder.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub width: u32,
    pub height: u32,
    /// Frames a second, as a fraction.
    pub frame_rate: (i32, i32),
}

/// A run of pictures of a file, each at its frame of an even rate, from an IDR picture on.
pub struct CopyablePictures {
    path: PathBuf,
    frame_rate: (i32, i32),
    length_bytes: usize,
    /// What decoding them takes.
    pub sets: Vec<ParameterSet>,
    /// In the order in which they are seen.
    pub pictures: Vec<StoredPicture>,
    /// The last of them is the last of the file, or comes right before an IDR picture.
    pub is_closed: bool,
    /// How many places earlier one is decoded than seen, at the most.
    pub delay: i64,
}

/// One picture.
#[derive(Debug, Clone, Copy)]
pub struct StoredPicture {
    /// Seconds from the start of the file.
    pub at: f64,
    /// An IDR picture.
    pub starts: bool,
    pts: i64,
}

/// A sequence or picture parameter set, as one unit without a start code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSet {
    kind: u8,
    pub id: u32,
    unit: Vec<u8>,
}

const IDR: u8 = 5;
const SEQUENCE_SET: u8 = 7;
const PICTURE_SET: u8 = 8;
const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// How far a time may lie from its frame, frames: containers round.
const UNEVEN: f64 = 0.25;

impl CopyablePictures {
    /// Looks through a file's pictures from before `from` to after `to` seconds; `None` where they cannot be copied.
    pub fn find(path: &Path, from: f64, to: f64, wanted: &Wanted) -> Option<Self> {
        let mut input = input::open(path).ok()?;
        let stream = probe::best_video(&input)?;
        let (length_bytes, sets) = form(&stream, wanted).then(|| parameter_sets(&stream))??;
        let (index, time_base) = (stream.index(), stream.time_base());
        let origin_us = input::origin_us(&input);
        input::keep_only(&mut input, &[index]);
        decode::seek(&mut input, origin_us, from);
        let mut found: Vec<StoredPicture> = Vec::new();
        let mut packet = Packet::empty();
        let is_closed = loop {
            match packet.read(&mut input) {
                Ok(()) => {}
                Err(error) => break error == Error::Eof,
            }
            if packet.stream() != index {
                continue;
            }
            let (pts, starts) = (packet.pts()?, begins(packet.data()?, length_bytes, &sets)?);
            let at = input::seconds(pts, time_base) - origin_us as f64 / 1e6;
            if starts && at > to {
                break true;
            }
            // SAFETY: a plain number of a packet that is ours.
            let flags = unsafe { (*packet.as_ptr()).flags };
            if flags & ffi::AV_PKT_FLAG_CORRUPT != 0 {
                return None;
            }
            // What is decoded but not seen (an edit list) begins nothing that could be copied.
            if flags & ffi::AV_PKT_FLAG_DISCARD != 0 {
                found.clear();
            } else if starts || !found.is_empty() {
                found.push(StoredPicture { at, starts, pts });
            }
            // Enough where key pictures are very far from each other.
            if at > to + MOST_BEYOND_S {
                break false;
            }
        };
        if !is_closed {
            // Not all that belongs to the last IDR picture is known: it is only where another run can end.
            found.truncate(found.iter().rposition(|picture| picture.starts).map_or(0, |last| last + 1));
        }
        let (pictures, delay) = in_order(found);
        is_even(&pictures, wanted.frame_rate).then(|| Self {
            path: path.to_owned(),
            frame_rate: wanted.frame_rate,
            length_bytes,
            sets,
            pictures,
            is_closed,
            delay,
        })
    }

    /// Reads pictures, from one that [starts](StoredPicture::starts) up to but not including another, in the order in which they
    /// are decoded; they are numbered from 0.
    pub fn read(
        &self,
        first: usize,
        end: usize,
        put: &mut dyn FnMut(Encoded) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        let gone = || MediaError::Corrupt("a source changed while it was read".into());
        let mut input = input::open(&self.path)?;
        let index = probe::best_video(&input).ok_or_else(gone)?.index();
        let origin_us = input::origin_us(&input);
        input::keep_only(&mut input, &[index]);
        decode::seek(&mut input, origin_us, self.pictures[first].at);
        let mut left = end - first;
        let mut packet = Packet::empty();
        while left > 0 {
            packet.read(&mut input).map_err(|_| gone())?;
            let place = packet.pts().and_then(|pts| self.pictures.binary_search_by_key(&pts, |picture| picture.pts).ok());
            let Some(place) = place.filter(|place| packet.stream() == index && (first..end).contains(place)) else { continue };
            let data = packet.data().and_then(|data| with_start_codes(data, self.length_bytes)).ok_or_else(gone)?;
            let mut copy = Packet::copy(&data);
            copy.set_pts(Some((place - first) as i64));
            copy.set_duration(1);
            copy.set_flags(if self.pictures[place].starts { Flags::KEY } else { Flags::empty() });
            put(Encoded { packet: copy, time_base: Rational(self.frame_rate.1, self.frame_rate.0) })?;
            left -= 1;
        }
        Ok(())
    }
}

/// Past the end of what is wanted no more than this is looked through.
const MOST_BEYOND_S: f64 = 30.0;

impl ParameterSet {
    /// With its start code.
    pub fn to_bytes(&self) -> Vec<u8> {
        [START_CODE.as_slice(), &self.unit].concat()
    }

    /// Whether another would be taken for it.
    pub fn clashes(&self, other: &ParameterSet) -> bool {
        (self.kind, self.id) == (other.kind, other.id) && self.unit != other.unit
    }

    fn read(unit: &[u8]) -> Option<Self> {
        let kind = unit.first()? & 31;
        // The profile and the level come before the id of a sequence's set (7.3.2.1.1).
        let id = exp_golomb(unit.get(if kind == SEQUENCE_SET { 4 } else { 1 }..)?)?;
        Some(Self { kind, id, unit: unit.to_owned() })
    }
}

/// Whether a stream is like the pictures of our encoder but for how well it is compressed.
fn form(stream: &Stream, wanted: &Wanted) -> bool {
    let parameters = stream.parameters();
    // SAFETY: plain numbers of parameters and a stream that are borrowed; enumerations, which a file may fill with any number,
    // are read as the integers that they are in C.
    unsafe {
        let (stream, parameters) = (stream.as_ptr(), parameters.as_ptr());
        let number = |place: *const i32| place.read();
        let square = |aspect: ffi::AVRational| aspect.num == 0 || aspect.num == aspect.den;
        let matrix = number(&raw const (*parameters).color_space as *const i32);
        let [primaries, transfer] = [
            number(&raw const (*parameters).color_primaries as *const i32),
            number(&raw const (*parameters).color_trc as *const i32),
        ];
        let unsaid = ffi::AVColorSpace::AVCOL_SPC_UNSPECIFIED as i32;
        let bt709 = ffi::AVColorSpace::AVCOL_SPC_BT709 as i32;
        // As players take what is not said (see the module's essay).
        let colours = [bt709, unsaid].contains(&primaries) && [bt709, unsaid].contains(&transfer);
        let matrix = matrix == bt709 || (matrix == unsaid && wanted.height >= 720);
        let range = number(&raw const (*parameters).color_range as *const i32);
        let fields = number(&raw const (*parameters).field_order as *const i32);
        number(&raw const (*parameters).codec_id as *const i32) == ffi::AVCodecID::AV_CODEC_ID_H264 as i32
            && (*parameters).format == ffi::AVPixelFormat::AV_PIX_FMT_YUV420P as i32
            && ((*parameters).width, (*parameters).height) == (wanted.width as i32, wanted.height as i32)
            && square((*stream).sample_aspect_ratio)
            && square((*parameters).sample_aspect_ratio)
            && matrix
            && colours
            && range != ffi::AVColorRange::AVCOL_RANGE_JPEG as i32
            && fields <= ffi::AVFieldOrder::AV_FIELD_PROGRESSIVE as i32
    }
}

/// How many bytes tell the length of a unit, and the parameter sets, from a file's AVCDecoderConfigurationRecord
/// (ISO/IEC 14496-15, 5.3.3.1).
fn parameter_sets(stream: &Stream) -> Option<(usize, Vec<ParameterSet>)> {
    let parameters = stream.parameters();
    // SAFETY: the extra data are as long as the parameters say, and live as long as they.
    let record = unsafe {
        let parameters = parameters.as_ptr();
        let size = usize::try_from((*parameters).extradata_size).ok()?;
        (!(*parameters).extradata.is_null()).then(|| std::slice::from_raw_parts((*parameters).extradata, size).to_vec())?
    };
    let mut rest = record.get(5..).filter(|_| record[0] == 1)?;
    let length_bytes = usize::from(record[4] & 3) + 1;
    let mut sets = Vec::new();
    for counted in [31, 255] {
        let (count, after) = rest.split_first()?;
        rest = after;
        for _ in 0..count & counted {
            let (unit, after) = first_unit(rest, 2)?;
            sets.push(ParameterSet::read(unit)?);
            rest = after;
        }
    }
    Some((length_bytes, sets))
}

/// The unit that bytes begin with, after its length, and the rest.
fn first_unit(bytes: &[u8], length_bytes: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(length_bytes)?;
    rest.split_at_checked(length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
}

/// Whether a picture is an IDR picture; `None` where it is broken, or brings parameter sets that are not the file's.
fn begins(mut data: &[u8], length_bytes: usize, sets: &[ParameterSet]) -> Option<bool> {
    let mut begins = false;
    while !data.is_empty() {
        let (unit, rest) = first_unit(data, length_bytes)?;
        match unit.first()? & 31 {
            IDR => begins = true,
            SEQUENCE_SET | PICTURE_SET if !sets.iter().any(|set| set.unit == unit) => return None,
            _ => {}
        }
        data = rest;
    }
    Some(begins)
}

fn with_start_codes(mut data: &[u8], length_bytes: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(data.len() + 64);
    while !data.is_empty() {
        let (unit, rest) = first_unit(data, length_bytes)?;
        out.extend(START_CODE);
        out.extend(unit);
        data = rest;
    }
    Some(out)
}

/// The first number of a bit string (9.1).
fn exp_golomb(bytes: &[u8]) -> Option<u32> {
    let bit = |at: usize| bytes.get(at / 8).map(|byte| u32::from(byte >> (7 - at % 8) & 1));
    let zeros = (0..32).take_while(|&at| bit(at) == Some(0)).count();
    (zeros..=2 * zeros).try_fold(0, |number, at| Some(number << 1 | bit(at)?)).map(|number| number - 1)
}

/// Pictures in the order in which they are seen, and how many places earlier one is decoded at the most.
fn in_order(decoded: Vec<StoredPicture>) -> (Vec<StoredPicture>, i64) {
    let mut places: Vec<(usize, StoredPicture)> = decoded.into_iter().enumerate().collect();
    places.sort_by_key(|(_, picture)| picture.pts);
    let delay = places.iter().enumerate().map(|(seen, (decoded, _))| *decoded as i64 - seen as i64).max().unwrap_or(0);
    (places.into_iter().map(|(_, picture)| picture).collect(), delay)
}

fn is_even(pictures: &[StoredPicture], rate: (i32, i32)) -> bool {
    let frames = |seconds: f64| seconds * f64::from(rate.0) / f64::from(rate.1);
    let first = pictures.first().map_or(0.0, |picture| picture.at);
    pictures.iter().enumerate().all(|(place, picture)| (frames(picture.at - first) - place as f64).abs() < UNEVEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_bit_string_are_read() {
        for (byte, number) in [(0b1000_0000, 0), (0b0100_0000, 1), (0b0110_0000, 2), (0b0010_1000, 4)] {
            assert_eq!(exp_golomb(&[byte]), Some(number));
        }
        assert_eq!(exp_golomb(&[0]), None);
    }

    #[test]
    fn units_get_start_codes_and_broken_ones_are_refused() {
        assert_eq!(with_start_codes(&[0, 0, 0, 2, 9, 8, 0, 0, 0, 1, 7], 4).unwrap(), [0, 0, 0, 1, 9, 8, 0, 0, 0, 1, 7]);
        assert_eq!(with_start_codes(&[0, 0, 0, 9, 1], 4), None);
        assert_eq!(begins(&[0, 1, 0x65], 2, &[]), Some(true));
        assert_eq!(begins(&[0, 1, 0x67], 2, &[]), None, "parameter sets of its own");
    }

    #[test]
    fn pictures_are_seen_in_another_order_than_they_are_decoded() {
        let picture = |pts: i64| StoredPicture { at: pts as f64 / 30.0, starts: pts == 0, pts };
        let (seen, delay) = in_order([0, 4, 2, 1, 3].map(picture).into());
        assert_eq!(seen.iter().map(|picture| picture.pts).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(delay, 2);
        assert!(is_even(&seen, (30, 1)) && !is_even(&seen, (24, 1)));
    }
}
