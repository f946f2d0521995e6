//! Opening a file: what FFmpeg may use on it, and how much it may look at.

use std::{
    ffi::{CStr, CString},
    fs::File,
    io::Read,
    os::unix::ffi::OsStrExt,
    path::Path,
    ptr,
};

use ffmpeg_next::{Dictionary, Error, Rational, codec, decoder, ffi, format::context::Input};

use super::MediaError;

/// Containers that are read: none that refers to other files.
const FORMATS: &str = "mov,mp4,m4a,3gp,matroska,webm,mpegts,avi,mp3,wav,ogg,flac,aac,gif";
/// Decoders that are used, by FFmpeg's names.
const DECODERS: &str = "h264,hevc,vp8,vp9,libdav1d,av1,libvpx,libvpx-vp9,mpeg4,mpeg2video,prores,mjpeg,gif,\
    aac,mp3,mp3float,mp2,mp2float,opus,libopus,vorbis,flac,alac,ac3,eac3,\
    pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_f32le,pcm_f64le,pcm_u8,pcm_alaw,pcm_mulaw";
/// The most pixels of a picture: those of 8K, and a little.
pub const MAX_PIXELS: i64 = 8_192 * 4_608;

/// Opens a local file and learns its streams.
pub fn open(path: &Path) -> Result<Input, MediaError> {
    let absolute = std::path::absolute(path).map_err(|_| unreadable())?;
    let name = CString::new(absolute.as_os_str().as_bytes()).map_err(|_| unreadable())?;
    // "file:" makes a name with a colon in it a name and not a protocol.
    let address = CString::new([b"file:", name.as_bytes()].concat()).map_err(|_| unreadable())?;
    open_container(&address).map_err(|error| not_opened(error, path))
}

fn unreadable() -> MediaError {
    MediaError::Unsupported("the file cannot be read".into())
}

fn open_container(address: &CStr) -> Result<Input, Error> {
    let options: Dictionary = [
        ("format_whitelist", FORMATS),
        ("protocol_whitelist", "file"),
        ("codec_whitelist", DECODERS),
        ("probesize", "10000000"),
        ("analyzeduration", "10000000"),
        ("max_streams", "32"),
    ]
    .iter()
    .collect();
    // SAFETY: the context is ours until FFmpeg frees it on failure or `wrap` takes it; both dictionaries are
    // owned on every path; the address is a C string that outlives the call.
    unsafe {
        let mut context = ptr::null_mut();
        let mut options = options.disown();
        let opened = ffi::avformat_open_input(&mut context, address.as_ptr(), ptr::null(), &mut options);
        let left_over = Dictionary::own(options);
        if opened < 0 {
            return Err(opened.into());
        }
        let mut input = Input::wrap(context);
        // An option that FFmpeg did not take is a list that does not hold.
        if left_over.iter().next().is_some() {
            return Err(Error::OptionNotFound);
        }
        find_streams(&mut input)?;
        Ok(input)
    }
}

/// Reads the head of each stream, with the limit on pixels in the decoders that probing opens.
fn find_streams(input: &mut Input) -> Result<(), Error> {
    let limit = CString::new(MAX_PIXELS.to_string()).map_err(|_| Error::Bug)?;
    // SAFETY: as many dictionaries as streams, each freed after the call that reads them.
    unsafe {
        let mut options = vec![ptr::null_mut::<ffi::AVDictionary>(); input.nb_streams() as usize];
        for dictionary in &mut options {
            ffi::av_dict_set(dictionary, c"max_pixels".as_ptr(), limit.as_ptr(), 0);
        }
        let found = ffi::avformat_find_stream_info(input.as_mut_ptr(), options.as_mut_ptr());
        for dictionary in &mut options {
            ffi::av_dict_free(dictionary);
        }
        if found < 0 { Err(found.into()) } else { Ok(()) }
    }
}

fn not_opened(error: Error, path: &Path) -> MediaError {
    match error {
        Error::Other { errno: ffmpeg_next::error::ENOMEM } => {
            MediaError::TooLarge("the medium has too many streams, or needs more memory than is allowed".into())
        }
        _ => match head(path) {
            None => unreadable(),
            Some(bytes) if bytes.is_empty() => MediaError::Unsupported("the file is empty".into()),
            Some(bytes) if bytes.get(8..12) == Some(b"WEBP") => {
                let told = "a WebP is shown as an image, of an animated one the first picture; GIF and WebM are played";
                MediaError::Unsupported(told.into())
            }
            Some(bytes) if looks_like_a_container(&bytes) => {
                MediaError::Corrupt("the file is broken or cut short: its container cannot be read".into())
            }
            Some(_) => MediaError::Unsupported("the file is not a video or audio file of a supported kind".into()),
        },
    }
}

fn head(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(16).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn looks_like_a_container(bytes: &[u8]) -> bool {
    let magic: [&[u8]; 6] = [b"\x1a\x45\xdf\xa3", b"RIFF", b"OggS", b"fLaC", b"ID3", b"GIF8"];
    bytes.get(4..8) == Some(b"ftyp") || magic.iter().any(|magic| bytes.starts_with(magic))
}

/// The decoder for a codec, if it is on the list; FFmpeg's own leave out the alpha of VP8 and VP9.
pub fn allowed_decoder(id: codec::Id, has_alpha: bool) -> Result<ffmpeg_next::Codec, MediaError> {
    let with_alpha = match id {
        codec::Id::VP8 if has_alpha => decoder::find_by_name("libvpx"),
        codec::Id::VP9 if has_alpha => decoder::find_by_name("libvpx-vp9"),
        _ => None,
    };
    with_alpha
        .or_else(|| decoder::find(id))
        .filter(|codec| DECODERS.split(',').any(|name| name.trim() == codec.name()))
        .ok_or_else(|| MediaError::Unsupported(format!("the codec {} is not supported", id.name())))
}

/// A decoder's options that repeat the list where FFmpeg itself looks codecs up.
pub fn decoder_options() -> Dictionary<'static> {
    [("codec_whitelist", DECODERS)].iter().collect()
}

/// As early as an encoder begins before the sound, microseconds.
const PRIMING_US: i64 = -200_000;

/// The file's own zero, in microseconds: where its first stream starts. What lies shortly before 0 is what an encoder put before the
/// sound, and not to be heard; what lies long before it is of a clock that began again.
pub fn origin_us(input: &Input) -> i64 {
    // SAFETY: the context lives as long as the borrow.
    let start = unsafe { (*input.as_ptr()).start_time };
    match start {
        ffi::AV_NOPTS_VALUE => 0,
        PRIMING_US..0 => 0,
        start => start,
    }
}

/// Tells the demuxer to drop what no decoder will ask for.
pub fn keep_only(input: &mut Input, streams: &[usize]) {
    for index in 0..input.nb_streams() as usize {
        if let Some(mut other) = input.stream_mut(index).filter(|_| !streams.contains(&index)) {
            // SAFETY: a plain field of a stream that is borrowed mutably.
            unsafe { (*other.as_mut_ptr()).discard = ffi::AVDiscard::AVDISCARD_ALL };
        }
    }
}

/// A time of a stream as seconds.
pub fn seconds(timestamp: i64, base: Rational) -> f64 {
    timestamp as f64 * f64::from(base.numerator()) / f64::from(base.denominator().max(1))
}
