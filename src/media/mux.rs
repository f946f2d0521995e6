//! MP4, playable while it downloads.

use std::path::Path;

use ffmpeg_next::{Dictionary, Error, Packet, Rational, ffi, format, format::context::Output};

use super::{AudioEncoder, MediaError, VideoEncoder, input};

/// A compressed picture or run of samples.
pub struct Encoded {
    pub(super) packet: Packet,
    pub(super) time_base: Rational,
}

impl Encoded {
    /// When it is to be decoded, seconds.
    pub fn decode_at(&self) -> f64 {
        input::seconds(self.packet.dts().unwrap_or(0), self.time_base)
    }
}

/// An MP4 file being written.
pub struct Muxer {
    output: Output,
    video: Track,
    audio: Option<Track>,
}

#[derive(Clone, Copy)]
struct Track {
    stream: usize,
    time_base: Rational,
}

impl Muxer {
    /// Creates the file with a track for each encoder, which must be open.
    pub fn create(path: &Path, video: &VideoEncoder, audio: Option<&AudioEncoder>) -> Result<Self, MediaError> {
        let mut output = format::output_as(path, "mp4").map_err(MediaError::writing)?;
        // SAFETY: a flag of a context that is ours. Without it the file would carry the library's version.
        unsafe { (*output.as_mut_ptr()).flags |= ffi::AVFMT_FLAG_BITEXACT };
        let picture = add_track(&mut output, &video.encoder, video.encoder.time_base())?;
        if let Some(mut stream) = output.stream_mut(picture) {
            stream.set_avg_frame_rate(video.encoder.frame_rate());
        }
        let sound = audio.map(|audio| add_track(&mut output, &audio.encoder, audio.encoder.time_base())).transpose()?;
        write_header(&mut output)?;
        let track = |stream: usize| Track { stream, time_base: output.stream(stream).map_or(Rational(1, 1), |s| s.time_base()) };
        let (video, audio) = (track(picture), sound.map(track));
        Ok(Self { output, video, audio })
    }

    pub fn write_video(&mut self, encoded: Encoded) -> Result<(), MediaError> {
        self.write(self.video, encoded)
    }

    /// Without an audio track, does nothing.
    pub fn write_audio(&mut self, encoded: Encoded) -> Result<(), MediaError> {
        self.audio.map_or(Ok(()), |track| self.write(track, encoded))
    }

    fn write(&mut self, track: Track, encoded: Encoded) -> Result<(), MediaError> {
        let Encoded { mut packet, time_base } = encoded;
        packet.set_stream(track.stream);
        packet.rescale_ts(time_base, track.time_base);
        packet.write_interleaved(&mut self.output).map_err(MediaError::writing)
    }

    /// Writes the index and moves it to the front.
    pub fn finish(mut self) -> Result<(), MediaError> {
        self.output.write_trailer().map_err(MediaError::writing)?;
        // What FFmpeg could not write, it keeps as the state of its file.
        // SAFETY: the context and its file are open until `self` is dropped.
        let written = unsafe {
            let file = (*self.output.as_mut_ptr()).pb;
            ffi::avio_flush(file);
            (*file).error
        };
        if written < 0 { Err(MediaError::writing(Error::from(written))) } else { Ok(()) }
    }
}

fn add_track(
    output: &mut Output,
    encoder: &impl AsRef<ffmpeg_next::codec::Context>,
    time_base: Rational,
) -> Result<usize, MediaError> {
    let mut stream = output.add_stream_with(encoder.as_ref()).map_err(MediaError::writing)?;
    stream.set_time_base(time_base);
    Ok(stream.index())
}

fn write_header(output: &mut Output) -> Result<(), MediaError> {
    let options: Dictionary = [("movflags", "+faststart")].iter().collect();
    let left_over = output.write_header_with(options).map_err(MediaError::writing)?;
    match left_over.iter().next() {
        None => Ok(()),
        Some(_) => Err(MediaError::Output("this FFmpeg cannot write MP4 for progressive download".into())),
    }
}
