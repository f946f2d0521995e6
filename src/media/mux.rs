//! Packets into a file; MP4 and QuickTime such that they play while they download.

use std::path::Path;

use ffmpeg_next::{
    Dictionary, Error, Packet, Rational, StreamMut, codec, ffi,
    format::{self, context::Output},
};

use super::{MediaError, VideoEncoder, input};

/// A compressed picture or run of samples.
#[derive(Clone)]
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

/// A file being written.
pub struct Muxer {
    output: Output,
    video: Option<Track>,
    audio: Option<Track>,
}

/// What a file says of its sound.
pub struct SoundTrack {
    pub(super) parameters: codec::Parameters,
    pub(super) time_base: Rational,
}

#[derive(Clone, Copy)]
struct Track {
    stream: usize,
    time_base: Rational,
}

impl Muxer {
    /// Creates the file with a track for an encoder, which must be open, and one for sound; `format` is FFmpeg's name of the
    /// container.
    pub fn create(
        path: &Path,
        format: &str,
        video: Option<&VideoEncoder>,
        sound: Option<&SoundTrack>,
    ) -> Result<Self, MediaError> {
        let mut output = format::output_as(path, format).map_err(MediaError::writing)?;
        // SAFETY: a flag of a context that is ours. Without it the file would carry the library's version.
        unsafe { (*output.as_mut_ptr()).flags |= ffi::AVFMT_FLAG_BITEXACT };
        let picture = video.map(|video| add_picture(&mut output, video)).transpose()?;
        let sound = sound.map(|sound| add_sound(&mut output, sound)).transpose()?;
        write_header(&mut output, matches!(format, "mp4" | "mov"))?;
        let track = |stream: usize| Track { stream, time_base: output.stream(stream).map_or(Rational(1, 1), |s| s.time_base()) };
        let (video, audio) = (picture.map(track), sound.map(track));
        Ok(Self { output, video, audio })
    }

    /// Without a track for pictures, does nothing.
    pub fn write_video(&mut self, encoded: Encoded) -> Result<(), MediaError> {
        self.video.map_or(Ok(()), |track| self.write(track, encoded))
    }

    /// Without a track for sound, does nothing.
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

fn add_sound(output: &mut Output, sound: &SoundTrack) -> Result<usize, MediaError> {
    let mut stream = output.add_stream(None::<ffmpeg_next::Codec>).map_err(MediaError::writing)?;
    stream.set_parameters(sound.parameters.clone());
    stream.set_time_base(sound.time_base);
    // SAFETY: a number of a stream's own parameters, before the header is written: each container has names of its own.
    unsafe { (*(*stream.as_mut_ptr()).codecpar).codec_tag = 0 };
    Ok(stream.index())
}

fn add_picture(output: &mut Output, video: &VideoEncoder) -> Result<usize, MediaError> {
    let mut stream = output.add_stream_with(video.encoder.as_ref()).map_err(MediaError::writing)?;
    stream.set_time_base(video.encoder.time_base());
    let index = stream.index();
    if let Some(mut stream) = output.stream_mut(index) {
        stream.set_avg_frame_rate(video.encoder.frame_rate());
        if let Some(tag) = video.tag {
            // SAFETY: a number of a stream's own parameters, before the header is written.
            unsafe { (*(*stream.as_mut_ptr()).codecpar).codec_tag = u32::from_le_bytes(*tag) };
        }
        if let Some(head) = &video.file_head {
            set_extra_data(&mut stream, head)?;
        }
    }
    Ok(index)
}

fn set_extra_data(stream: &mut StreamMut, head: &[u8]) -> Result<(), MediaError> {
    // SAFETY: the parameters are the stream's own, and free what they are given; what follows the bytes is zero, as FFmpeg asks.
    unsafe {
        let parameters = (*stream.as_mut_ptr()).codecpar;
        let bytes = ffi::av_mallocz(head.len() + ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize).cast::<u8>();
        if bytes.is_null() {
            return Err(MediaError::Output("no memory for a file's head".into()));
        }
        std::ptr::copy_nonoverlapping(head.as_ptr(), bytes, head.len());
        ffi::av_free((*parameters).extradata.cast());
        (*parameters).extradata = bytes;
        (*parameters).extradata_size = head.len() as i32;
    }
    Ok(())
}

fn write_header(output: &mut Output, progressive: bool) -> Result<(), MediaError> {
    let options: Dictionary = progressive.then_some(("movflags", "+faststart")).iter().copied().collect();
    let left_over = output.write_header_with(options).map_err(MediaError::writing)?;
    match left_over.iter().next() {
        None => Ok(()),
        Some(_) => Err(MediaError::Output("this FFmpeg cannot write files for progressive download".into())),
    }
}
