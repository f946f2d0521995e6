//! H.264 by x264.

use ffmpeg_next::{Dictionary, Error, Packet, Rational, codec, color, encoder, error::EAGAIN, format::Pixel, picture};

use super::{Encoded, MediaError, Picture};

/// How many bits are spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// x264's constant rate factor, 0…51; 0 is lossless.
    Factor(u8),
    /// Bits a second on average.
    Bits(i64),
}

/// What an encoder is set to.
#[derive(Debug, Clone)]
pub struct VideoSettings {
    pub width: u32,
    pub height: u32,
    /// Frames a second, as a fraction.
    pub frame_rate: (i32, i32),
    /// x264's name: `ultrafast` … `placebo`.
    pub preset: &'static str,
    pub rate: Rate,
}

/// An open encoder; pictures go in with their number, packets come out in decoding order.
pub struct VideoEncoder {
    pub(super) encoder: encoder::Video,
    frame_rate: (i32, i32),
}

/// A key picture at least each five seconds, so that players can seek.
const KEY_INTERVAL_S: i32 = 5;

impl VideoEncoder {
    pub fn open(settings: &VideoSettings) -> Result<Self, MediaError> {
        let x264 =
            encoder::find_by_name("libx264").ok_or_else(|| MediaError::Output("this FFmpeg has no libx264 encoder".into()))?;
        let mut video = codec::Context::new_with_codec(x264).encoder().video().map_err(MediaError::writing)?;
        let (numerator, denominator) = settings.frame_rate;
        video.set_width(settings.width);
        video.set_height(settings.height);
        video.set_format(Pixel::YUV420P);
        video.set_time_base((denominator, numerator));
        video.set_frame_rate(Some((numerator, denominator)));
        video.set_aspect_ratio((1, 1));
        video.set_gop((numerator / denominator.max(1)).max(1) as u32 * KEY_INTERVAL_S as u32);
        video.set_colorspace(color::Space::BT709);
        video.set_color_range(color::Range::MPEG);
        video.set_color_primaries(color::Primaries::BT709);
        video.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
        video.set_flags(codec::Flags::CLOSED_GOP | codec::Flags::GLOBAL_HEADER | codec::Flags::BITEXACT);
        if let Rate::Bits(bits) = settings.rate {
            video.set_bit_rate(bits as usize);
        }
        let encoder = video.open_with(options(settings)).map_err(MediaError::writing)?;
        Ok(Self { encoder, frame_rate: settings.frame_rate })
    }

    /// Encodes the picture numbered `number` from 0.
    pub fn encode(&mut self, picture: &mut Picture, number: i64) -> Result<Vec<Encoded>, MediaError> {
        picture.frame.set_pts(Some(number));
        picture.frame.set_kind(picture::Type::None);
        self.encoder.send_frame(&picture.frame).map_err(MediaError::writing)?;
        self.receive()
    }

    /// The packets that are still held back.
    pub fn finish(&mut self) -> Result<Vec<Encoded>, MediaError> {
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
                    encoded.push(Encoded { packet, time_base });
                }
                Err(Error::Eof | Error::Other { errno: EAGAIN }) => return Ok(encoded),
                Err(error) => return Err(MediaError::writing(error)),
            }
        }
    }
}

fn options(settings: &VideoSettings) -> Dictionary<'static> {
    let mut options = Dictionary::new();
    options.set("preset", settings.preset);
    if let Rate::Factor(factor) = settings.rate {
        options.set("crf", &factor.to_string());
    }
    options
}
