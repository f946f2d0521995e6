//! FFmpeg behind one wall. The only module that names `ffmpeg_next`, and the only one with `unsafe`.
//!
//! It knows files, streams, pictures and samples. It knows no job, no composition, no database and no
//! runtime: everything here blocks, and runs in the rendering process on threads of its own.
//!
//! # Time
//! Streams count time in bases of their own. Nothing outside sees one: times leave as seconds from the start
//! of the *file* (the smallest start of its streams, so that sound and picture keep their distance), and
//! pictures enter the encoder numbered 0, 1, 2… at the output's rate.
//!
//! # Pictures
//! A [`Picture`] is planar YUV, BT.709, limited range: 4:2:0 of 8 bits, which most encoders take, or 4:4:4 of 10 bits for what can
//! show it ([`form`]). Whatever a decoder gives is brought to it once, by [`scale::Scaler`], in the same pass that scales; a part that
//! begins or ends between pixels in a second one ([`resample`]). Matrix and
//! range come from the source's own tags; where it has none, 720 lines and more mean BT.709 and fewer BT.601, as
//! players assume. Rotation tags are honoured after scaling ([`orient`]), when there is less to turn. What is of high dynamic range,
//! or has the primaries of BT.2020, is brought to ours through 10 bits at its new size ([`scale`]). An interlaced picture leaves
//! the decoder as two, each of which is made whole when it is scaled ([`fields`]). Alpha stays beside a picture, by which it is
//! premultiplied; one that is to be encoded with alpha has it as a fourth plane, and is not.
//!
//! # Sound
//! Everything is brought to 48 kHz, stereo, planar `f32` ([`audio::AudioDecoder`]), placed by sample. What a lossy encoder makes of it
//! can be heard beforehand ([`trial`]).
//!
//! # Media from strangers
//! FFmpeg gets local paths only, through lists of what it may use: the `file` protocol, plain containers,
//! common decoders ([`input`]). Playlists (HLS, DASH, concat), images by pattern, devices and rare decoders stay
//! out. Pixels, streams and probing are bounded. Tags of a file are read as raw numbers and only then as ours:
//! the binding's enums are exhaustive, and a file may hold any number. A crash ends this process only.
//!
//! # Ownership
//! A decoder owns its input; a frame owns its buffers and moves between threads. Pictures are written only
//! by their one owner: the encoder copies what it is given before it returns.

mod audio;
pub mod bt709;
mod copy;
mod copy_sound;
mod decode;
mod encode_audio;
mod encode_video;
mod error;
mod fields;
mod form;
mod input;
mod lengths;
mod mux;
mod orient;
mod palette;
mod parcel;
mod picture;
mod probe;
mod resample;
mod scale;
mod trial;

pub use audio::{AudioDecoder, SAMPLE_RATE, Sound};
pub use copy::{CopyablePictures, ParameterSet, Wanted};
pub use copy_sound::CopyableSound;
pub use decode::{Decoded, VideoDecoder};
pub use encode_audio::{AudioEncoder, AudioSettings};
pub use encode_video::{Storage, VideoEncoder, VideoSettings};
pub use error::MediaError;
pub use form::{Form, Sample, Yuv420, Yuv444Ten};
pub use mux::{Encoded, Muxer, SoundTrack};
pub use orient::Turn;
pub use palette::{Palette, PaletteMaker};
pub use parcel::Parcel;
pub use picture::Picture;
pub use probe::{AudioInfo, MediaProbe, VideoInfo, probe};
pub use resample::{Grid, GridMut, Resampler, Window, touched};
pub use scale::{Excerpt, Scaler, Smoothness, Source};
pub use trial::Trial;

/// Prepares FFmpeg. To be called once, before any thread uses this module.
pub fn init() -> Result<(), MediaError> {
    ffmpeg_next::init().map_err(|error| MediaError::Output(error.to_string()))?;
    ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Fatal);
    Ok(())
}

/// All that an output may ask for.
const ENCODERS: [&str; 10] =
    ["libx264", "libx265", "libvpx-vp9", "libsvtav1", "prores_ks", "gif", "aac", "libopus", "libmp3lame", "pcm_s16le"];

/// The versions of the libraries in use, and whether the encoders that the service needs are there.
pub fn library_report() -> LibraryReport {
    let version = ffmpeg_next::codec::version();
    let missing = ENCODERS.into_iter().filter(|name| ffmpeg_next::encoder::find_by_name(name).is_none()).collect();
    LibraryReport {
        libavcodec: format!("{}.{}.{}", version >> 16, (version >> 8) & 0xff, version & 0xff),
        missing_encoders: missing,
    }
}

/// The libraries that decode, scale, resample and encode, as a text that is another when they are.
pub fn versions() -> String {
    use ffmpeg_next::{codec, format, software};
    format!("{} {} {} {}", codec::version(), format::version(), software::scaling::version(), software::resampling::version())
}

/// What [`library_report`] found.
#[derive(Debug, Clone)]
pub struct LibraryReport {
    pub libavcodec: String,
    pub missing_encoders: Vec<&'static str>,
}
