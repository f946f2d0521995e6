//! Sound into packets.

use ffmpeg_next::{
    ChannelLayout, Error, Packet, Rational, codec, encoder,
    error::EAGAIN,
    format::sample::{Sample, Type},
    frame,
};

use super::{Encoded, MediaError, SAMPLE_RATE, SoundTrack};

const TIME_BASE: Rational = Rational(1, SAMPLE_RATE as i32);
/// The block of an encoder that takes any.
const ANY_BLOCK: usize = 1_024;

/// What an encoder is set to.
#[derive(Debug, Clone, Copy)]
pub struct AudioSettings {
    /// FFmpeg's name: `aac` …
    pub encoder: &'static str,
    /// Bits a second; of no account where the codec does not compress.
    pub bit_rate: i64,
}

impl AudioSettings {
    /// Whether what is decoded is what was encoded, to 16 bits.
    pub fn is_lossless(&self) -> bool {
        self.encoder.starts_with("pcm_")
    }
}

/// An open encoder of stereo sound at 48 kHz.
pub struct AudioEncoder {
    pub(super) encoder: encoder::Audio,
    format: Sample,
    position: i64,
}

impl AudioEncoder {
    pub fn open(settings: &AudioSettings) -> Result<Self, MediaError> {
        let missing = || MediaError::Output(format!("this FFmpeg has no {} encoder", settings.encoder));
        let codec = encoder::find_by_name(settings.encoder).ok_or_else(missing)?;
        let format = match settings.encoder {
            "pcm_s16le" => Sample::I16(Type::Packed),
            "libopus" => Sample::F32(Type::Packed),
            _ => Sample::F32(Type::Planar),
        };
        let mut audio = codec::Context::new_with_codec(codec).encoder().audio().map_err(MediaError::writing)?;
        audio.set_rate(SAMPLE_RATE as i32);
        audio.set_format(format);
        audio.set_channel_layout(ChannelLayout::STEREO);
        audio.set_bit_rate(settings.bit_rate as usize);
        audio.set_time_base(TIME_BASE);
        audio.set_flags(codec::Flags::GLOBAL_HEADER | codec::Flags::BITEXACT);
        let encoder = audio.open().map_err(MediaError::writing)?;
        Ok(Self { encoder, format, position: 0 })
    }

    /// What a file with its packets says of them.
    pub fn track(&self) -> SoundTrack {
        SoundTrack { parameters: codec::Parameters::from(&self.encoder), time_base: TIME_BASE }
    }

    /// How many samples each call of [`Self::encode`] takes; only the last may be given fewer.
    pub fn block(&self) -> usize {
        match self.encoder.frame_size() {
            0 => ANY_BLOCK,
            size => size as usize,
        }
    }

    /// Encodes the next block; the channels are equally long.
    pub fn encode(&mut self, left: &[f32], right: &[f32]) -> Result<Vec<Encoded>, MediaError> {
        let mut block = frame::Audio::new(self.format, left.len(), ChannelLayout::STEREO);
        block.set_rate(SAMPLE_RATE);
        block.set_pts(Some(self.position));
        match self.format {
            Sample::I16(_) => {
                let whole = |sample: f32| (sample * 32_767.0).round().clamp(-32_768.0, 32_767.0) as i16;
                let pairs = block.plane_mut::<(i16, i16)>(0).iter_mut().zip(left.iter().zip(right));
                pairs.for_each(|(out, (left, right))| *out = (whole(*left), whole(*right)));
            }
            Sample::F32(Type::Packed) => {
                let pairs = block.plane_mut::<(f32, f32)>(0).iter_mut().zip(left.iter().zip(right));
                pairs.for_each(|(out, (left, right))| *out = (*left, *right));
            }
            _ => {
                block.plane_mut::<f32>(0).copy_from_slice(left);
                block.plane_mut::<f32>(1).copy_from_slice(right);
            }
        }
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
