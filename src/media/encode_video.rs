//! Pictures into packets.

use ffmpeg_next::{
    Dictionary, Error, Packet, Rational, codec, color, encoder,
    error::EAGAIN,
    ffi,
    format::Pixel,
    frame, picture,
    software::scaling::{Context, Flags},
};

use super::{Encoded, Form, MediaError, Palette, Picture, Yuv420, Yuv444Ten};

/// How pictures are stored.
#[derive(Debug, Clone)]
pub enum Storage {
    /// YUV 4:2:0, 8 bits.
    Yuv420,
    /// The same with alpha, not premultiplied.
    Yuva420,
    /// YUV 4:2:2, 10 bits.
    Yuv422Ten,
    /// YUV 4:4:4, 10 bits, with alpha, not premultiplied.
    Yuva444Ten,
    /// By the colours of a palette.
    Indexed(Box<Palette>),
}

/// What an encoder is set to.
#[derive(Debug, Clone)]
pub struct VideoSettings {
    /// FFmpeg's name: `libx264` …
    pub encoder: &'static str,
    pub storage: Storage,
    pub width: u32,
    pub height: u32,
    /// Frames a second, as a fraction.
    pub frame_rate: (i32, i32),
    /// Bits a second on average, where they are not left to the encoder.
    pub bit_rate: Option<i64>,
    /// The encoder's own options.
    pub options: Vec<(&'static str, String)>,
    /// What the container calls the codec, where that is not the usual name.
    pub tag: Option<&'static [u8; 4]>,
}

/// An open encoder; pictures go in with their number, packets come out in decoding order.
pub struct VideoEncoder {
    pub(super) encoder: encoder::Video,
    pub(super) tag: Option<&'static [u8; 4]>,
    pub(super) file_head: Option<Vec<u8>>,
    frame_rate: (i32, i32),
    /// What FFmpeg calls pictures as they are to come.
    composed: Pixel,
    way: Way,
    /// It waits for its end before it can be closed.
    ends_first: bool,
    /// When its next packet is decoded, from its first picture on; `None` before that, and of encoders that tell it.
    decoded: Option<i64>,
    counts: bool,
    fed: bool,
    ended: bool,
}

/// How a picture is brought to the encoder.
enum Way {
    Same,
    Converted(Context, Pixel),
    Indexed { context: Context, palette: Box<Palette> },
}

/// A key picture at least each five seconds, so that players can seek.
const KEY_INTERVAL_S: i32 = 5;

/// How many places earlier x265 decodes a picture than it is seen: B-frames upon B-frames.
const X265_DELAY: i64 = 2;

impl VideoSettings {
    /// Adds one of x264's own options: `name=value`.
    pub fn add_x264(&mut self, option: &str) {
        add_x264(&mut self.options, option);
    }
}

impl VideoEncoder {
    pub fn open(settings: &VideoSettings) -> Result<Self, MediaError> {
        let missing = || MediaError::Output(format!("this FFmpeg has no {} encoder", settings.encoder));
        let codec = encoder::find_by_name(settings.encoder).ok_or_else(missing)?;
        let mut video = codec::Context::new_with_codec(codec).encoder().video().map_err(MediaError::writing)?;
        let (numerator, denominator) = settings.frame_rate;
        video.set_width(settings.width);
        video.set_height(settings.height);
        video.set_time_base((denominator, numerator));
        video.set_frame_rate(Some((numerator, denominator)));
        video.set_aspect_ratio((1, 1));
        video.set_gop((numerator / denominator.max(1)).max(1) as u32 * KEY_INTERVAL_S as u32);
        video.set_format(settings.storage.pixel());
        if !matches!(settings.storage, Storage::Indexed(_)) {
            video.set_colorspace(color::Space::BT709);
            video.set_color_range(color::Range::MPEG);
            video.set_color_primaries(color::Primaries::BT709);
            video.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
        }
        video.set_flags(codec::Flags::CLOSED_GOP | codec::Flags::GLOBAL_HEADER | codec::Flags::BITEXACT);
        if let Some(bits) = settings.bit_rate {
            video.set_bit_rate(bits as usize);
        }
        let options = options(settings);
        let options: Dictionary = options.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let encoder = video.open_with(options).map_err(MediaError::writing)?;
        Ok(Self {
            encoder,
            tag: settings.tag,
            file_head: None,
            frame_rate: settings.frame_rate,
            composed: settings.storage.composed(),
            way: Way::of(settings)?,
            ends_first: settings.encoder == "libsvtav1",
            // x265 tells what is in its memory where there are fewer pictures than it reorders (m_bframeDelayTime).
            counts: settings.encoder == "libx265",
            decoded: None,
            fed: false,
            ended: false,
        })
    }

    /// Encodes the picture numbered `number` from 0, which is in the form that [the storage](Storage::is_fine) asks for.
    pub fn encode<F: Form>(&mut self, picture: &mut Picture<F>, number: i64) -> Result<Vec<Encoded>, MediaError> {
        if picture.frame.format() != self.composed {
            // An encoder would read beyond the planes of another.
            return Err(MediaError::Output(format!("a picture is {:?} and not {:?}", picture.frame.format(), self.composed)));
        }
        if self.counts && !self.fed {
            self.decoded = Some(number - X265_DELAY);
        }
        self.fed = true;
        let sent = match &mut self.way {
            Way::Same => {
                tell_colors(&mut picture.frame);
                picture.frame.set_pts(Some(number));
                picture.frame.set_kind(picture::Type::None);
                self.encoder.send_frame(&picture.frame)
            }
            Way::Converted(context, form) => {
                let mut converted = frame::Video::new(*form, picture.frame.width(), picture.frame.height());
                context.run(&picture.frame, &mut converted).map_err(MediaError::writing)?;
                tell_colors(&mut converted);
                converted.set_pts(Some(number));
                self.encoder.send_frame(&converted)
            }
            Way::Indexed { context, palette } => {
                let mut indexed = palette.index(picture, context)?;
                indexed.set_pts(Some(number));
                self.encoder.send_frame(&indexed)
            }
        };
        sent.map_err(MediaError::writing)?;
        self.receive()
    }

    /// The packets that are still held back.
    pub fn finish(&mut self) -> Result<Vec<Encoded>, MediaError> {
        self.ended = true;
        self.encoder.send_eof().map_err(MediaError::writing)?;
        self.receive()
    }

    fn receive(&mut self) -> Result<Vec<Encoded>, MediaError> {
        let time_base = Rational(self.frame_rate.1, self.frame_rate.0);
        let mut encoded = Vec::new();
        loop {
            let mut packet = Packet::empty();
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => {
                    packet.set_duration(1);
                    if let Some(decoded) = &mut self.decoded {
                        packet.set_dts(Some(*decoded));
                        *decoded += 1;
                    }
                    // Only what is known of one that was kept, too: else MP4 would tell which pictures no other needs.
                    packet.set_flags(packet.flags());
                    if let (Way::Indexed { palette, .. }, Some(data)) = (&self.way, packet.data_mut()) {
                        palette.take_away(data);
                    }
                    encoded.push(Encoded { packet, time_base });
                }
                Err(Error::Eof | Error::Other { errno: EAGAIN }) => return Ok(encoded),
                Err(error) => return Err(MediaError::writing(error)),
            }
        }
    }
}

impl Drop for VideoEncoder {
    /// SVT-AV1 waits for its last packet when it is closed, and has none before it has been given a picture and its end.
    fn drop(&mut self) {
        if !self.ends_first || self.ended {
            return;
        }
        if !self.fed {
            let blank = Picture::<Yuv420>::new(self.encoder.width(), self.encoder.height());
            let _ = blank.and_then(|mut blank| self.encode(&mut blank, 0));
        }
        let _ = self.finish();
    }
}

/// ProRes tells what its pictures are in the head of each, and not as the file is told.
fn tell_colors(frame: &mut frame::Video) {
    frame.set_color_space(color::Space::BT709);
    frame.set_color_range(color::Range::MPEG);
    frame.set_color_primaries(color::Primaries::BT709);
    frame.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
}

impl Way {
    fn of(settings: &VideoSettings) -> Result<Self, MediaError> {
        Ok(match &settings.storage {
            Storage::Yuv420 | Storage::Yuva420 | Storage::Yuva444Ten => Way::Same,
            Storage::Yuv422Ten => {
                let (from, to) = (settings.storage.composed(), settings.storage.pixel());
                Way::Converted(converter(settings.width, settings.height, from, to)?, to)
            }
            Storage::Indexed(palette) => {
                let context = converter(settings.width, settings.height, settings.storage.composed(), Pixel::RGB24)?;
                Way::Indexed { context, palette: palette.clone() }
            }
        })
    }
}

/// The encoder's options, with x264's code for AVX-512 only where that comes to the same pictures each time.
fn options(settings: &VideoSettings) -> Vec<(&'static str, String)> {
    let mut options = settings.options.clone();
    if matches!(&settings.storage, Storage::Indexed(palette) if palette.has_clear()) {
        // Each picture whole: what is taken away has nothing that the next could differ from.
        options.push(("gifflags", "0".into()));
    }
    if settings.encoder == "libx264" && has_avx512() && !repeats_with_avx512(settings) {
        add_x264(&mut options, "asm=avx2");
    }
    options
}

/// Adds one of x264's own options, which are given as one.
fn add_x264(options: &mut Vec<(&'static str, String)>, option: &str) {
    match options.iter_mut().find(|(name, _)| *name == "x264-params") {
        Some((_, others)) => *others = format!("{others}:{option}"),
        None => options.push(("x264-params", option.to_owned())),
    }
}

/// Its tree of macroblocks takes eight of a row at a time, those past its end too, and writes back what lies beside those that it
/// changes (x264 164, `mbtree_propagate_list` of common/x86/mc-a2.asm). With several threads pictures then differed in some runs
/// of a dozen (seen on an AMD EPYC); with one, and rows of whole eights, there is nothing foreign to read and nobody else to write.
fn repeats_with_avx512(settings: &VideoSettings) -> bool {
    const MACROBLOCK: u32 = 16;
    const AT_A_TIME: u32 = 8;
    let one_thread = settings.options.iter().any(|(name, value)| *name == "threads" && value == "1");
    one_thread && settings.width.div_ceil(MACROBLOCK).is_multiple_of(AT_A_TIME)
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512() -> bool {
    false
}

impl Storage {
    /// Whether it has alpha: then pictures come with it.
    pub fn has_alpha(&self) -> bool {
        match self {
            Storage::Yuva420 | Storage::Yuva444Ten => true,
            Storage::Yuv420 | Storage::Yuv422Ten => false,
            Storage::Indexed(palette) => palette.has_clear(),
        }
    }

    /// Whether pictures come in the finer of our forms: where more can be stored than the other holds.
    pub fn is_fine(&self) -> bool {
        match self {
            Storage::Yuv420 | Storage::Yuva420 => false,
            Storage::Yuv422Ten | Storage::Yuva444Ten | Storage::Indexed(_) => true,
        }
    }

    /// What FFmpeg calls pictures as they come.
    fn composed(&self) -> Pixel {
        match (self.is_fine(), self.has_alpha()) {
            (false, false) => Yuv420::PIXEL,
            (false, true) => Yuv420::CLEAR,
            (true, false) => Yuv444Ten::PIXEL,
            (true, true) => Yuv444Ten::CLEAR,
        }
    }

    fn pixel(&self) -> Pixel {
        match self {
            Storage::Yuv420 => Yuv420::PIXEL,
            Storage::Yuva420 => Yuv420::CLEAR,
            Storage::Yuv422Ten => Pixel::YUV422P10LE,
            Storage::Yuva444Ten => Yuv444Ten::CLEAR,
            Storage::Indexed(_) => Pixel::PAL8,
        }
    }
}

/// From our pictures to another form of the same size.
pub(super) fn converter(width: u32, height: u32, from: Pixel, to: Pixel) -> Result<Context, MediaError> {
    let flags = Flags::BICUBIC | Flags::ACCURATE_RND | Flags::FULL_CHR_H_INT;
    let mut context = Context::get(from, width, height, to, width, height, flags).map_err(MediaError::writing)?;
    // SAFETY: the tables are FFmpeg's constants; the context is ours.
    unsafe {
        let bt709 = ffi::sws_getCoefficients(ffi::SWS_CS_ITU709);
        let full = i32::from(to == Pixel::RGB24);
        ffi::sws_setColorspaceDetails(context.as_mut_ptr(), bt709, 0, bt709, full, 0, 1 << 16, 1 << 16);
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_few_pictures_of_x265_are_decoded_in_time() {
        for count in [1, 2, 3, 7] {
            let settings = VideoSettings {
                encoder: "libx265",
                storage: Storage::Yuv420,
                width: 64,
                height: 64,
                frame_rate: (10, 1),
                bit_rate: None,
                options: vec![("x265-params", "log-level=none".into())],
                tag: None,
            };
            let mut video = VideoEncoder::open(&settings).unwrap();
            let mut packets = Vec::new();
            for number in 5..5 + count {
                packets.extend(video.encode(&mut Picture::<Yuv420>::new(64, 64).unwrap(), number).unwrap());
            }
            packets.extend(video.finish().unwrap());
            let times: Vec<i64> = packets.iter().filter_map(|encoded| encoded.packet.dts()).collect();
            assert_eq!(times, (3..3 + count).collect::<Vec<i64>>(), "of {count}");
            assert!(packets.iter().all(|encoded| encoded.packet.pts() >= encoded.packet.dts()));
        }
    }
}
