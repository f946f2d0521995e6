//! What an output asks for, in the words of FFmpeg's encoders.

use crate::{
    domain::output::{Format, Output, Quality, VideoCodec},
    media::{AudioSettings, Palette, Storage, VideoSettings},
};

/// Pixels of a frame from which on an encoder takes so much memory that it has several threads rather than others beside it.
const LARGE: u32 = 1_500_000;
/// Threads of an encoder of large frames. Not as many as there are cores: what comes out depends on their number, and is to be the
/// same however many there are. One of smaller frames has one, of which several are at work: that takes some 8 % less CPU.
pub const THREADS_OF_LARGE: usize = 3;

const AUDIO_BITRATE: i64 = 160_000;

/// FFmpeg's name of the container.
pub fn container(format: Format) -> &'static str {
    match format {
        Format::Mp4 => "mp4",
        Format::Webm => "webm",
        Format::Mov => "mov",
        Format::Gif => "gif",
        Format::Mp3 => "mp3",
        Format::Wav => "wav",
        // Written without a container.
        Format::Png | Format::Jpeg => "image2",
    }
}

/// The sound's encoder; `None` where the format has no sound.
pub fn audio(output: &Output) -> Option<AudioSettings> {
    let encoder = match output.audio_codec_name()? {
        "opus" => "libopus",
        "mp3" => "libmp3lame",
        name => name,
    };
    Some(AudioSettings { encoder, bit_rate: output.audio_bitrate.unwrap_or(AUDIO_BITRATE) })
}

/// The picture's encoder; `palette` is that of a GIF.
pub fn video(output: &Output, palette: Option<Palette>) -> VideoSettings {
    let mut settings = VideoSettings {
        encoder: "libx264",
        storage: Storage::Yuv420,
        width: output.width,
        height: output.height,
        frame_rate: (output.frame_rate.numerator, output.frame_rate.denominator),
        bit_rate: output.video_bitrate,
        options: Vec::new(),
        tag: None,
    };
    let clear = output.keeps_alpha();
    match (palette, output.video_codec) {
        (Some(palette), _) => {
            settings.encoder = "gif";
            settings.storage = Storage::Indexed(Box::new(palette));
        }
        (None, VideoCodec::H264) => h264(&mut settings, output),
        (None, VideoCodec::H265) => h265(&mut settings, output),
        (None, VideoCodec::Vp9) => vp9(&mut settings, output, clear),
        (None, VideoCodec::Av1) => av1(&mut settings, output),
        (None, VideoCodec::Prores) => prores(&mut settings, output.quality, clear),
    }
    settings
}

/// Whether its picture may be made in segments: a GIF's pictures build on those before, and encoders but x264 miss a bit rate in
/// seconds that they would find in a minute.
pub fn is_cut(output: &Output) -> bool {
    let finds_its_rate = output.video_bitrate.is_none() || output.video_codec == VideoCodec::H264;
    matches!(output.format, Format::Mp4 | Format::Webm | Format::Mov) && finds_its_rate
}

/// Where no bit rate is asked for, the constant rate factor: the client's, or the quality's.
fn factor(output: &Output, usual: i32) -> Option<(&'static str, String)> {
    output.video_bitrate.is_none().then(|| ("crf", output.crf.unwrap_or(usual).to_string()))
}

fn h264(settings: &mut VideoSettings, output: &Output) {
    let (preset, usual) = match output.quality {
        Quality::Draft => ("ultrafast", 28),
        Quality::Low => ("veryfast", 28),
        Quality::Medium => ("veryfast", 23),
        Quality::High => ("medium", 18),
        Quality::Lossless => ("veryfast", 0),
    };
    settings.options.push(("preset", preset.into()));
    settings.options.push(("threads", threads(settings).to_string()));
    settings.options.extend(factor(output, usual));
    if settings.bit_rate.is_some() {
        // Of a segment of seconds it would use a quarter less than it may.
        settings.add_x264("ratetol=0.1");
    }
}

/// Threads of an encoder that divides pictures among them.
fn threads(settings: &VideoSettings) -> usize {
    if is_large(settings) { THREADS_OF_LARGE } else { 1 }
}

pub fn is_large(settings: &VideoSettings) -> bool {
    settings.width * settings.height >= LARGE
}

/// x265's factors look alike about five higher than x264's (x265 documentation, "--crf").
fn h265(settings: &mut VideoSettings, output: &Output) {
    let (preset, usual) = match output.quality {
        Quality::Draft => ("ultrafast", 33),
        Quality::Low => ("veryfast", 33),
        Quality::Medium => ("veryfast", 28),
        Quality::High => ("medium", 23),
        Quality::Lossless => ("veryfast", 0),
    };
    settings.encoder = "libx265";
    // As Apple's players want it called.
    settings.tag = Some(b"hvc1");
    let lossless = if output.quality == Quality::Lossless { ":lossless=1" } else { "" };
    settings.options.push(("preset", preset.into()));
    settings.options.push(("x265-params", format!("log-level=none{lossless}")));
    settings.options.extend(factor(output, usual));
}

/// On every machine: what comes of one thread is not what comes of several, whose number does not matter (libvpx 1.12, speeds 2, 5, 8).
const VP9_THREADS: usize = 8;

/// Factors and speeds as the WebM project recommends them (webmproject.org, "Recommended settings for VOD").
fn vp9(settings: &mut VideoSettings, output: &Output, clear: bool) {
    let (deadline, speed, usual) = match output.quality {
        Quality::Draft => ("realtime", 8, 40),
        Quality::Low => ("good", 5, 37),
        Quality::Medium => ("good", 5, 32),
        Quality::High => ("good", 2, 24),
        Quality::Lossless => ("good", 5, 0),
    };
    settings.encoder = "libvpx-vp9";
    settings.options.extend([("deadline", deadline.into()), ("cpu-used", speed.to_string()), ("row-mt", "1".into())]);
    settings.options.push(("threads", VP9_THREADS.to_string()));
    if clear {
        settings.storage = Storage::Yuva420;
        // It keeps no alpha with pictures that are never shown.
        settings.options.push(("auto-alt-ref", "0".into()));
    }
    if output.quality == Quality::Lossless {
        settings.options.push(("lossless", "1".into()));
    } else {
        settings.options.extend(factor(output, usual));
    }
}

fn av1(settings: &mut VideoSettings, output: &Output) {
    let (preset, usual) = match output.quality {
        Quality::Draft => (12, 45),
        Quality::Low => (10, 42),
        Quality::Medium => (10, 35),
        Quality::High | Quality::Lossless => (6, 28),
    };
    settings.encoder = "libsvtav1";
    settings.options.push(("preset", preset.to_string()));
    match factor(output, usual) {
        // FFmpeg takes a factor of 0 for none.
        Some((_, best)) if best == "0" => settings.options.push(("svtav1-params", "crf=0".into())),
        factor => settings.options.extend(factor),
    }
}

fn prores(settings: &mut VideoSettings, quality: Quality, clear: bool) {
    // proxy, LT, standard, HQ; 4444 has alpha.
    let profile = match quality {
        _ if clear => 4,
        Quality::Draft => 0,
        Quality::Low => 1,
        Quality::Medium => 2,
        Quality::High | Quality::Lossless => 3,
    };
    settings.encoder = "prores_ks";
    settings.storage = if clear { Storage::Yuva444Ten } else { Storage::Yuv422Ten };
    settings.bit_rate = None;
    settings.options.extend([("profile", profile.to_string()), ("vendor", "apl0".into())]);
}
