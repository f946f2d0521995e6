//! Hears what a lossy encoder makes of sound: encodes and decodes it at once.

use ffmpeg_next::{
    Error, Rational, codec, decoder,
    error::EAGAIN,
    format::sample::{Sample, Type},
    frame,
};

use super::{AudioEncoder, AudioSettings, Encoded, MediaError, SAMPLE_RATE, Sound};

/// An encoder and the decoder of its packets.
pub struct Trial {
    encoder: AudioEncoder,
    decoder: decoder::Audio,
    /// The sample that it began with, and the one that comes out next.
    start: i64,
    next: i64,
}

impl Trial {
    /// Begins with a sample of some number; the sound that comes out is numbered likewise.
    pub fn open(settings: &AudioSettings, start: i64) -> Result<Self, MediaError> {
        let encoder = AudioEncoder::open(settings)?;
        let context = codec::Context::from_parameters(encoder.track().parameters).map_err(MediaError::writing)?;
        let mut decoder = context.decoder().audio().map_err(MediaError::writing)?;
        decoder.set_packet_time_base(Rational(1, SAMPLE_RATE as i32));
        Ok(Self { encoder, decoder, start, next: start })
    }

    /// What comes out while a block goes in: earlier ones, as they will sound.
    pub fn hear(&mut self, left: &[f32], right: &[f32]) -> Result<Vec<Sound>, MediaError> {
        let packets = self.encoder.encode(left, right)?;
        self.decode(packets)
    }

    /// What is left.
    pub fn finish(mut self) -> Result<Vec<Sound>, MediaError> {
        let packets = self.encoder.finish()?;
        let mut heard = self.decode(packets)?;
        self.decoder.send_eof().map_err(MediaError::writing)?;
        self.receive(&mut heard)?;
        Ok(heard)
    }

    fn decode(&mut self, packets: Vec<Encoded>) -> Result<Vec<Sound>, MediaError> {
        let mut heard = Vec::new();
        for Encoded { packet, .. } in packets {
            self.decoder.send_packet(&packet).map_err(MediaError::writing)?;
            self.receive(&mut heard)?;
        }
        Ok(heard)
    }

    fn receive(&mut self, heard: &mut Vec<Sound>) -> Result<(), MediaError> {
        let mut frame = frame::Audio::empty();
        loop {
            match self.decoder.receive_frame(&mut frame) {
                Ok(()) => heard.push(self.sound(&frame)?),
                Err(Error::Eof | Error::Other { errno: EAGAIN }) => return Ok(()),
                Err(error) => return Err(MediaError::writing(error)),
            }
        }
    }

    fn sound(&mut self, frame: &frame::Audio) -> Result<Sound, MediaError> {
        if frame.format() != Sample::F32(Type::Planar) || frame.planes() != 2 {
            return Err(MediaError::Output("what was encoded is decoded into another form".into()));
        }
        // What a decoder holds back to the end has no time of its own.
        let start = frame.timestamp().map_or(self.next, |at| self.start + at);
        let (left, right) = (frame.plane::<f32>(0).to_vec(), frame.plane::<f32>(1).to_vec());
        self.next = start + left.len() as i64;
        Ok(Sound { start, left, right })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_heard_is_where_it_was() {
        crate::media::init().unwrap();
        for encoder in ["aac", "libopus", "libmp3lame"] {
            let mut trial = Trial::open(&AudioSettings { encoder, bit_rate: 128_000 }, 10_000).unwrap();
            let block = trial.encoder.block();
            let sound: Vec<f32> = (0..20 * block).map(|at| if at == 8 * block { 0.9 } else { 0.0 }).collect();
            let mut heard: Vec<Sound> = sound.chunks(block).flat_map(|block| trial.hear(block, block).unwrap()).collect();
            heard.extend(trial.finish().unwrap());
            let samples = heard.iter().flat_map(|sound| sound.left.iter().zip(sound.start..));
            let loudest = samples.max_by(|(a, _), (b, _)| a.abs().total_cmp(&b.abs())).unwrap().1;
            assert!(loudest.abs_diff(10_000 + 8 * block as i64) <= 2, "{encoder}: {loudest}");
        }
    }
}
