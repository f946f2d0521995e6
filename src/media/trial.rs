//! Hears what a lossy encoder makes of sound: encodes and decodes it at once.

use ffmpeg_next::{Error, Rational, codec, decoder, error::EAGAIN, format::sample::Sample, frame};

use super::{AudioEncoder, AudioSettings, Encoded, MediaError, SAMPLE_RATE, Sound};

/// An encoder and the decoder of its packets.
pub struct Trial {
    encoder: AudioEncoder,
    decoder: decoder::Audio,
    /// The sample that it began with.
    start: i64,
}

impl Trial {
    /// Begins with a sample of some number; the sound that comes out is numbered likewise.
    pub fn open(settings: &AudioSettings, start: i64) -> Result<Self, MediaError> {
        let encoder = AudioEncoder::open(settings)?;
        let context = codec::Context::from_parameters(encoder.track().parameters).map_err(MediaError::writing)?;
        let mut decoder = context.decoder().audio().map_err(MediaError::writing)?;
        decoder.set_packet_time_base(Rational(1, SAMPLE_RATE as i32));
        Ok(Self { encoder, decoder, start })
    }

    /// What comes out while a block goes in: earlier ones, as they will sound.
    pub fn hear(&mut self, left: &[f32], right: &[f32]) -> Result<Vec<Sound>, MediaError> {
        let packets = self.encoder.encode(left, right)?;
        self.decode(packets)
    }

    /// What is left.
    pub fn finish(mut self) -> Result<Vec<Sound>, MediaError> {
        let packets = self.encoder.finish()?;
        self.decode(packets)
    }

    fn decode(&mut self, packets: Vec<Encoded>) -> Result<Vec<Sound>, MediaError> {
        let mut heard = Vec::new();
        for Encoded { packet, .. } in packets {
            self.decoder.send_packet(&packet).map_err(MediaError::writing)?;
            let mut frame = frame::Audio::empty();
            loop {
                match self.decoder.receive_frame(&mut frame) {
                    Ok(()) => heard.extend(self.sound(&frame)),
                    Err(Error::Eof | Error::Other { errno: EAGAIN }) => break,
                    Err(error) => return Err(MediaError::writing(error)),
                }
            }
        }
        Ok(heard)
    }

    fn sound(&self, frame: &frame::Audio) -> Option<Sound> {
        let is_ours = matches!(frame.format(), Sample::F32(_)) && frame.is_planar() && frame.planes() == 2;
        let start = self.start + frame.timestamp()?;
        is_ours.then(|| Sound { start, left: frame.plane::<f32>(0).to_vec(), right: frame.plane::<f32>(1).to_vec() })
    }
}
