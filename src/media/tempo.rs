//! Sound played faster or slower at its own pitch, by FFmpeg's atempo.

use std::path::Path;

use ffmpeg_next::{
    ChannelLayout, Error,
    error::EAGAIN,
    filter::{self, Graph},
    format::sample::{Sample, Type},
    frame,
};

use super::{AudioDecoder, MediaError, SAMPLE_RATE, Sound};

const F32: Sample = Sample::F32(Type::Planar);
const SECOND: i64 = SAMPLE_RATE as i64;
/// The slowest that one atempo goes.
const SLOWEST: f64 = 0.5;

/// The sound of one file at another speed.
pub struct PacedDecoder {
    decoder: AudioDecoder,
    graph: Graph,
    /// The sample of the file that is fed next.
    fed: i64,
    /// What was decoded and is not yet fed.
    ahead: Option<Sound>,
    /// The number of the sample that comes out next.
    position: i64,
    ended: bool,
}

impl PacedDecoder {
    /// Opens a file's sound at a sample; the first that comes out has the number `position`.
    pub fn open(path: &Path, from: i64, position: i64, speed: f64) -> Result<Self, MediaError> {
        let decoder = AudioDecoder::open(path, from as f64 / f64::from(SAMPLE_RATE))?;
        Ok(Self { decoder, graph: graph(speed).map_err(unusable)?, fed: from, ahead: None, position, ended: false })
    }

    /// The next run of samples, numbered as they come out; `None` after the last.
    pub fn next_sound(&mut self) -> Result<Option<Sound>, MediaError> {
        loop {
            if let Some(sound) = self.paced()? {
                return Ok(Some(sound));
            }
            if self.ended {
                return Ok(None);
            }
            let next = match self.ahead.take() {
                Some(sound) => Some(sound),
                None => self.decoder.next_sound()?,
            };
            match next {
                // A gap is fed as silence, a second at a time.
                Some(sound) if sound.start - self.fed > SECOND => {
                    let start = self.fed;
                    let silence = || vec![0.0; SECOND as usize];
                    self.ahead = Some(sound);
                    self.feed(&Sound { start, left: silence(), right: silence() })?;
                }
                Some(sound) => self.feed(&sound)?,
                None => {
                    self.ended = true;
                    self.source(|source| source.flush())?;
                }
            }
        }
    }

    /// Feeds what of a run lies ahead, after the silence before it.
    fn feed(&mut self, sound: &Sound) -> Result<(), MediaError> {
        let skip = (self.fed - sound.start).clamp(0, sound.left.len() as i64) as usize;
        let silence = (sound.start - self.fed).max(0) as usize;
        let count = silence + sound.left.len() - skip;
        if count == 0 {
            return Ok(());
        }
        let mut block = frame::Audio::new(F32, count, ChannelLayout::STEREO);
        block.set_rate(SAMPLE_RATE);
        block.set_pts(Some(self.fed));
        for (plane, samples) in [&sound.left, &sound.right].into_iter().enumerate() {
            let out = block.plane_mut::<f32>(plane);
            out[..silence].fill(0.0);
            out[silence..].copy_from_slice(&samples[skip..]);
        }
        self.fed += count as i64;
        self.source(|source| source.add(&block))
    }

    fn source(&mut self, work: impl FnOnce(&mut filter::Source<'_>) -> Result<(), Error>) -> Result<(), MediaError> {
        let mut context = self.graph.get("in").ok_or_else(|| unusable(Error::FilterNotFound))?;
        work(&mut context.source()).map_err(unusable)
    }

    fn paced(&mut self) -> Result<Option<Sound>, MediaError> {
        let mut context = self.graph.get("out").ok_or_else(|| unusable(Error::FilterNotFound))?;
        let mut block = frame::Audio::empty();
        match context.sink().frame(&mut block) {
            Ok(()) => {
                let start = self.position;
                self.position += block.samples() as i64;
                Ok(Some(Sound { start, left: block.plane::<f32>(0).to_vec(), right: block.plane::<f32>(1).to_vec() }))
            }
            Err(Error::Eof | Error::Other { errno: EAGAIN }) => Ok(None),
            Err(error) => Err(unusable(error)),
        }
    }
}

fn unusable(error: Error) -> MediaError {
    MediaError::Output(format!("the sound's speed cannot be changed: {error}"))
}

/// Made of numbers of ours alone: what a client writes is never part of a graph.
fn graph(speed: f64) -> Result<Graph, Error> {
    let mut graph = Graph::new();
    let find = |name| filter::find(name).ok_or(Error::FilterNotFound);
    let form = format!("time_base=1/{SAMPLE_RATE}:sample_rate={SAMPLE_RATE}:sample_fmt=fltp:channel_layout=stereo");
    graph.add(&find("abuffer")?, "in", &form)?;
    graph.add(&find("abuffersink")?, "out", "")?;
    let tempo = match speed < SLOWEST {
        true => format!("atempo={0:.6},atempo={0:.6}", speed.sqrt()),
        false => format!("atempo={speed:.6}"),
    };
    // It joins what is packed, and we take planes.
    let spec = format!("{tempo},aformat=sample_fmts=fltp");
    graph.output("in", 0)?.input("out", 0)?.parse(&spec)?;
    graph.validate()?;
    Ok(graph)
}
