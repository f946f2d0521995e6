//! Packets of one encoder as bytes, to be kept and muxed later as if they had just been encoded.

use ffmpeg_next::{
    Packet, Rational,
    codec::packet::{Flags, side_data::Type},
    ffi,
};
use sha2::{Digest, Sha256};

use super::{AudioEncoder, Encoded, VideoEncoder};

const MARK: &[u8; 4] = b"RGP2";

/// What is kept beside the bytes of a packet: samples that are to be left out, and a picture's alpha.
const BESIDE: [(Type, ffi::AVPacketSideDataType); 2] = [
    (Type::SkipSamples, ffi::AVPacketSideDataType::AV_PKT_DATA_SKIP_SAMPLES),
    (Type::MatroskaBlockAdditional, ffi::AVPacketSideDataType::AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL),
];

/// All packets of a run of pictures or samples, in decoding order, and the head that a file with them must have.
pub struct Parcel {
    /// The encoder's parameter sets: two parcels can be in one file only if theirs are the same.
    pub head: Vec<u8>,
    pub packets: Vec<Encoded>,
}

impl VideoEncoder {
    /// Its parameter sets.
    pub fn head(&self) -> Vec<u8> {
        head(&self.encoder)
    }

    /// How many places earlier a picture is decoded than seen, at the most.
    pub fn delay(&self) -> i64 {
        // SAFETY: a plain number of an open encoder.
        unsafe { i64::from((*self.encoder.as_ptr()).has_b_frames) }
    }

    /// What the file is to have as its parameter sets in place of the encoder's own.
    pub fn set_head(&mut self, head: Vec<u8>) {
        self.file_head = Some(head);
    }
}

impl AudioEncoder {
    /// Its parameter sets.
    pub fn head(&self) -> Vec<u8> {
        head(&self.encoder)
    }
}

fn head(encoder: &impl AsRef<ffmpeg_next::codec::Context>) -> Vec<u8> {
    // SAFETY: an open encoder's extra data are as long as it says, and live as long as it.
    unsafe {
        let context = encoder.as_ref().as_ptr();
        match (*context).extradata.is_null() {
            true => Vec::new(),
            false => std::slice::from_raw_parts((*context).extradata, (*context).extradata_size.max(0) as usize).to_vec(),
        }
    }
}

impl Encoded {
    /// The same, so many units of its time later: of a picture, frames.
    pub fn later(mut self, units: i64) -> Self {
        self.packet.set_pts(self.packet.pts().map(|at| at + units));
        self.packet.set_dts(self.packet.dts().map(|at| at + units));
        self
    }

    /// The same, to be decoded at another time than it says.
    pub fn decoded_at(mut self, units: i64) -> Self {
        self.packet.set_dts(Some(units));
        self
    }

    /// How many bytes it has.
    pub fn size(&self) -> usize {
        self.packet.size()
    }
}

impl Parcel {
    /// As bytes that [`Self::from_bytes`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.packets.iter().map(|packet| packet.size() + 64).sum());
        put(&mut body, &self.head);
        for Encoded { packet, time_base } in &self.packets {
            let missing = ffi::AV_NOPTS_VALUE;
            for number in [packet.pts().unwrap_or(missing), packet.dts().unwrap_or(missing), packet.duration()] {
                body.extend(number.to_le_bytes());
            }
            for number in [packet.flags().bits(), time_base.numerator(), time_base.denominator()] {
                body.extend(number.to_le_bytes());
            }
            for (kind, _) in BESIDE {
                let side = packet.side_data().find(|side| side.kind() == kind);
                put(&mut body, side.as_ref().map_or(&[], |side| side.data()));
            }
            put(&mut body, packet.data().unwrap_or_default());
        }
        [MARK.as_slice(), &Sha256::digest(&body), &body].concat()
    }

    /// `None` for what is not whole.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut body = bytes.strip_prefix(MARK)?;
        let told = take(&mut body, 32)?;
        if Sha256::digest(body).as_slice() != told {
            return None;
        }
        let head = get(&mut body)?.to_vec();
        let mut packets = Vec::new();
        while !body.is_empty() {
            packets.push(packet(&mut body)?);
        }
        Some(Self { head, packets })
    }
}

fn packet(body: &mut &[u8]) -> Option<Encoded> {
    let mut long = || Some(i64::from_le_bytes(take(body, 8)?.try_into().ok()?));
    let [pts, dts, duration] = [long()?, long()?, long()?];
    let mut int = || Some(i32::from_le_bytes(take(body, 4)?.try_into().ok()?));
    let (flags, time_base) = (Flags::from_bits_truncate(int()?), Rational(int()?, int()?));
    let beside = [get(body)?, get(body)?];
    let data = get(body)?;
    let mut packet = Packet::copy(data);
    let there = |at: i64| Some(at).filter(|at| *at != ffi::AV_NOPTS_VALUE);
    packet.set_pts(there(pts));
    packet.set_dts(there(dts));
    packet.set_duration(duration);
    packet.set_flags(flags);
    for (bytes, (_, kind)) in beside.into_iter().zip(BESIDE).filter(|(bytes, _)| !bytes.is_empty()) {
        use ffmpeg_next::packet::Mut;
        // SAFETY: the new side data are as long as was asked for, and the packet's own.
        unsafe {
            let side = ffi::av_packet_new_side_data(packet.as_mut_ptr(), kind, bytes.len());
            if side.is_null() {
                return None;
            }
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), side, bytes.len());
        }
    }
    Some(Encoded { packet, time_base })
}

/// A length and so many bytes.
fn put(body: &mut Vec<u8>, bytes: &[u8]) {
    body.extend((bytes.len() as u32).to_le_bytes());
    body.extend(bytes);
}

fn get<'a>(body: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(take(body, 4)?.try_into().ok()?);
    take(body, length as usize)
}

fn take<'a>(body: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = body.split_at_checked(count)?;
    *body = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_comes_back_as_it_was_and_a_broken_one_not_at_all() {
        let mut one = Packet::copy(b"picture");
        one.set_pts(Some(3));
        one.set_dts(Some(-1));
        one.set_flags(Flags::KEY);
        let other = Packet::copy(b"another");
        let packets = [one, other].map(|packet| Encoded { packet, time_base: Rational(1, 30) });
        let bytes = Parcel { head: vec![1, 2], packets: packets.into() }.to_bytes();
        let back = Parcel::from_bytes(&bytes).unwrap();
        assert_eq!((back.head, back.packets.len()), (vec![1, 2], 2));
        let [one, other] = [&back.packets[0].packet, &back.packets[1].packet];
        assert_eq!((one.pts(), one.dts(), one.is_key(), one.data()), (Some(3), Some(-1), true, Some(b"picture".as_slice())));
        assert_eq!((other.pts(), other.is_key()), (None, false));
        assert!(Parcel::from_bytes(&bytes[..bytes.len() - 1]).is_none() && Parcel::from_bytes(b"").is_none());
        let mut broken = bytes;
        *broken.last_mut().unwrap() ^= 1;
        assert!(Parcel::from_bytes(&broken).is_none());
    }
}
