//! Sound of a file, brought to 48 kHz stereo and placed by sample.

use std::path::Path;

use ffmpeg_next::{
    ChannelLayout, Error, Packet, Rational, codec, decoder,
    error::EAGAIN,
    ffi,
    format::{
        context::Input,
        sample::{Sample, Type},
        stream::Stream,
    },
    frame, media,
    software::resampling::Context,
};

use super::{MediaError, decode, input};

/// Samples a second of everything that is mixed.
pub const SAMPLE_RATE: u32 = 48_000;
const F32: Sample = Sample::F32(Type::Planar);
/// Times that disagree with the count of samples by more than this are a gap, and are believed: 50 ms.
const GAP_SAMPLES: i64 = SAMPLE_RATE as i64 / 20;
/// Fewer samples than these take are not counted to be as many in each packet, seconds.
const LONG_PACKET_S: f64 = 0.005;
/// A time is rounded, and once more with what is left out at the start: a little more than half a tick each, where it was written too.
const ROUNDED_TICKS: f64 = 1.6;
/// By how much a container's times may be rounded: 1 ms.
const ROUNDED_SAMPLES: i64 = SAMPLE_RATE as i64 / 1_000;
pub(super) const MOST_BROKEN_PACKETS: u32 = 1_000;

/// A run of stereo samples.
pub struct Sound {
    /// The sample of the file, at 48 kHz from its start, that this run begins with.
    pub start: i64,
    pub left: Vec<f32>,
    pub right: Vec<f32>,
}

/// Decodes and resamples the sound of one file.
pub struct AudioDecoder {
    input: Input,
    decoder: decoder::Audio,
    stream: usize,
    time_base: Rational,
    origin_s: f64,
    /// Where its first packet begins, seconds, if its times are rounded to more than a sample and all its packets are alike.
    first_s: Option<f64>,
    resampler: Option<(Shape, Context)>,
    position: Option<i64>,
    broken_packets: u32,
    state: State,
}

/// What a resampler was made for.
#[derive(Clone, Copy, PartialEq)]
struct Shape {
    format: Sample,
    layout: ChannelLayout,
    rate: u32,
}

impl Shape {
    /// One channel stays one until it is placed, in both at its own level: the resampler would give each 3 dB less.
    fn mixed_layout(&self) -> ChannelLayout {
        if self.layout.channels() == 1 { ChannelLayout::MONO } else { ChannelLayout::STEREO }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Reading,
    Draining,
    Finished,
}

/// See [`AudioDecoder::first_s`]: of Matroska and others whose times are milliseconds.
fn first_s(stream: &Stream, origin_s: f64) -> Option<f64> {
    let parameters = stream.parameters();
    // SAFETY: plain numbers of parameters that are borrowed.
    let (rate, padding) = unsafe { ((*parameters.as_ptr()).sample_rate, (*parameters.as_ptr()).initial_padding) };
    let tick_s = f64::from(stream.time_base());
    let is_rounded = rate > 0 && tick_s * f64::from(rate) > 1.0;
    if !is_rounded || parameters.id() == codec::Id::VORBIS || stream.start_time() == ffi::AV_NOPTS_VALUE {
        return None;
    }
    let padding_s = f64::from(padding.max(0)) / f64::from(rate);
    let heard_s = input::seconds(stream.start_time(), stream.time_base()) - origin_s + padding_s;
    // As the first frame is placed.
    Some(if heard_s.abs() * f64::from(SAMPLE_RATE) <= ROUNDED_SAMPLES as f64 { 0.0 } else { heard_s } - padding_s)
}

impl AudioDecoder {
    /// Opens a file's sound at `from` seconds, or a little earlier.
    pub fn open(path: &Path, from: f64) -> Result<Self, MediaError> {
        let mut input = input::open(path)?;
        let stream =
            input.streams().best(media::Type::Audio).ok_or_else(|| MediaError::Unsupported("the file holds no sound".into()))?;
        let (index, time_base) = (stream.index(), stream.time_base());
        let origin_us = input::origin_us(&input);
        let first_s = first_s(&stream, origin_us as f64 / 1e6);
        let context = codec::Context::from_parameters(stream.parameters()).map_err(MediaError::reading)?;
        let codec = input::allowed_decoder(context.id(), false)?;
        let mut decoder = context
            .decoder()
            .open_as_with(codec, input::decoder_options())
            .and_then(|opened| opened.audio())
            .map_err(MediaError::reading)?;
        decoder.set_packet_time_base(time_base);
        input::keep_only(&mut input, &[index]);
        decode::seek(&mut input, origin_us, from);
        Ok(Self {
            input,
            decoder,
            stream: index,
            time_base,
            origin_s: origin_us as f64 / 1e6,
            first_s,
            resampler: None,
            position: None,
            broken_packets: 0,
            state: State::Reading,
        })
    }

    /// The next run of samples; `None` after the last.
    pub fn next_sound(&mut self) -> Result<Option<Sound>, MediaError> {
        while self.state != State::Finished {
            let mut frame = frame::Audio::empty();
            let sound = match self.decoder.receive_frame(&mut frame) {
                Ok(()) => self.resample(frame)?,
                Err(Error::Eof) => self.finish()?,
                Err(Error::Other { errno: EAGAIN }) if self.state == State::Draining => self.finish()?,
                Err(Error::Other { errno: EAGAIN }) => {
                    self.feed()?;
                    None
                }
                Err(error) if MediaError::is_of_a_packet(&error) => {
                    self.count_broken()?;
                    None
                }
                Err(error) => return Err(MediaError::reading(error)),
            };
            if sound.as_ref().is_some_and(|sound| !sound.left.is_empty()) {
                return Ok(sound);
            }
        }
        Ok(None)
    }

    fn feed(&mut self) -> Result<(), MediaError> {
        let mut packet = Packet::empty();
        match packet.read(&mut self.input) {
            Ok(()) if packet.stream() == self.stream => match self.decoder.send_packet(&packet) {
                Ok(()) => Ok(()),
                Err(error) if MediaError::is_of_a_packet(&error) => self.count_broken(),
                Err(error) => Err(MediaError::reading(error)),
            },
            Ok(()) => Ok(()),
            Err(Error::Eof) => {
                self.state = State::Draining;
                self.decoder.send_eof().map_err(MediaError::reading)
            }
            Err(Error::InvalidData) => self.count_broken(),
            Err(error) => Err(MediaError::reading(error)),
        }
    }

    fn count_broken(&mut self) -> Result<(), MediaError> {
        self.broken_packets += 1;
        if self.broken_packets > MOST_BROKEN_PACKETS {
            return Err(MediaError::Corrupt("the sound cannot be decoded: too many broken packets".into()));
        }
        Ok(())
    }

    fn resample(&mut self, mut frame: frame::Audio) -> Result<Option<Sound>, MediaError> {
        if frame.samples() == 0 || frame.rate() == 0 {
            return Ok(None);
        }
        if frame.channel_layout().is_empty() {
            frame.set_channel_layout(ChannelLayout::default(i32::from(frame.channels()).max(1)));
        }
        self.follow_the_clock(&frame);
        let shape = Shape { format: frame.format(), layout: frame.channel_layout(), rate: frame.rate() };
        if self.resampler.as_ref().is_none_or(|(made_for, _)| *made_for != shape) {
            let made = Context::get(shape.format, shape.layout, shape.rate, F32, shape.mixed_layout(), SAMPLE_RATE);
            self.resampler = Some((shape, made.map_err(MediaError::reading)?));
        }
        let Some((_, resampler)) = &mut self.resampler else { return Ok(None) };
        let backlog = resampler.delay().map_or(0, |delay| delay.output.max(0) as usize);
        let room = backlog + frame.samples() * SAMPLE_RATE as usize / shape.rate as usize + 64;
        let mut out = frame::Audio::new(F32, room, shape.mixed_layout());
        resampler.run(&frame, &mut out).map_err(MediaError::reading)?;
        Ok(Some(self.placed(&out)))
    }

    /// Takes the position from the frame's time at the start and after a gap; between, samples are counted.
    fn follow_the_clock(&mut self, frame: &frame::Audio) {
        let Some(timestamp) = frame.timestamp() else { return };
        let seconds = input::seconds(timestamp, self.time_base) - self.origin_s;
        let at = |seconds: f64| (seconds * f64::from(SAMPLE_RATE)).round() as i64;
        let told = match self.position {
            // The first of all.
            None if at(seconds).abs() <= ROUNDED_SAMPLES => 0,
            None => at(self.unrounded(frame, seconds).unwrap_or(seconds)),
            Some(_) => at(seconds),
        };
        let backlog = self.resampler.as_ref().and_then(|(_, r)| r.delay()).map_or(0, |delay| delay.output);
        let counted = self.position.map(|position| position + backlog);
        if counted.is_none_or(|counted| (counted - told).abs() > GAP_SAMPLES) {
            self.position = Some(told - backlog);
        }
    }

    /// When a frame begins whose time is rounded: it ends so many packets after the first of all begins. At its start something may
    /// have been left out.
    fn unrounded(&self, frame: &frame::Audio, seconds: f64) -> Option<f64> {
        let (first_s, tick_s) = (self.first_s?, f64::from(self.time_base));
        // SAFETY: plain numbers of a decoder that is borrowed; 0 where it does not say.
        let (usual, padding) = unsafe { ((*self.decoder.as_ptr()).frame_size, (*self.decoder.as_ptr()).initial_padding) };
        let in_seconds = |samples: i32| f64::from(samples) / f64::from(frame.rate());
        let left = frame.samples() as i32;
        // The demuxer has the padding left out of the first packet that is read, wherever that is.
        let packet_s = if usual > 0 { in_seconds(usual) } else { in_seconds(left) + in_seconds(padding.max(0)) };
        let length_s = in_seconds(left);
        let packets = ((seconds + length_s - first_s) / packet_s).round();
        let counted = first_s + packets * packet_s - length_s;
        (packet_s >= LONG_PACKET_S && (counted - seconds).abs() < ROUNDED_TICKS * tick_s).then_some(counted)
    }

    fn placed(&mut self, out: &frame::Audio) -> Sound {
        let start = self.position.unwrap_or(0);
        self.position = Some(start + out.samples() as i64);
        let right = if out.planes() > 1 { 1 } else { 0 };
        Sound { start, left: out.plane::<f32>(0).to_vec(), right: out.plane::<f32>(right).to_vec() }
    }

    /// What the resampler still holds; then the end.
    fn finish(&mut self) -> Result<Option<Sound>, MediaError> {
        let Some((shape, resampler)) = &mut self.resampler else {
            self.state = State::Finished;
            return Ok(None);
        };
        let mut out = frame::Audio::new(F32, 4_096, shape.mixed_layout());
        resampler.flush(&mut out).map_err(MediaError::reading)?;
        if out.samples() == 0 {
            self.state = State::Finished;
            return Ok(None);
        }
        Ok(Some(self.placed(&out)))
    }
}
