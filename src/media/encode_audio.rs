//! AAC by FFmpeg's own encoder.

use ffmpeg_next::{
    ChannelLayout, Error, Packet, Rational, codec, encoder,
    error::EAGAIN,
    format::sample::{Sample, Type},
    frame,
};

use super::{Encoded, MediaError, SAMPLE_RATE};

const TIME_BASE: Rational = Rational(1, SAMPLE_RATE as i32);

/// An open encoder of stereo sound at 48 kHz.
pub struct AudioEncoder {
    pub(super) encoder: encoder::Audio,
    position: i64,
}

impl AudioEncoder {
    /// `bit_rate` in bits a second.
    pub fn open(bit_rate: i64) -> Result<Self, MediaError> {
        let aac = encoder::find_by_name("aac").ok_or_else(|| MediaError::Output("this FFmpeg has no aac encoder".into()))?;
        let mut audio = codec::Context::new_with_codec(aac).encoder().audio().map_err(MediaError::writing)?;
        audio.set_rate(SAMPLE_RATE as i32);
        audio.set_format(Sample::F32(Type::Planar));
        audio.set_channel_layout(ChannelLayout::STEREO);
        audio.set_bit_rate(bit_rate as usize);
        audio.set_time_base(TIME_BASE);
        audio.set_flags(codec::Flags::GLOBAL_HEADER | codec::Flags::BITEXACT);
        let encoder = audio.open().map_err(MediaError::writing)?;
        Ok(Self { encoder, position: 0 })
    }

    /// How many samples each call of [`Self::encode`] takes; only the last may be given fewer.
    pub fn block(&self) -> usize {
        self.encoder.frame_size().max(1) as usize
    }

    /// Encodes the next block; the channels are equally long.
    pub fn encode(&mut self, left: &[f32], right: &[f32]) -> Result<Vec<Encoded>, MediaError> {
        let mut block = frame::Audio::new(Sample::F32(Type::Planar), left.len(), ChannelLayout::STEREO);
        block.set_rate(SAMPLE_RATE);
        block.set_pts(Some(self.position));
        block.plane_mut::<f32>(0).copy_from_slice(left);
        block.plane_mut::<f32>(1).copy_from_slice(right);
        self.position += left.len() as i64;
        self.encoder.send_frame(&block).map_err(MediaError::writing)?;
        self.receive()
    }

    pub fn finish(&mut self) -> Result<Vec<Encoded>, MediaError> {
        self.encoder.send_eof().map_err(MediaError::writing)?;
        self.receive()
    }

    fn receive(&mut self) -> Result<Vec<Encoded>, MediaError> {
        let mut encoded = Vec::new();
        loop {
            let mut packet = Packet::empty();
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => encoded.push(Encoded { packet, time_base: TIME_BASE }),
                Err(Error::Eof | Error::Other { errno: EAGAIN }) => return Ok(encoded),
                Err(error) => return Err(MediaError::writing(error)),
            }
        }
    }
}
