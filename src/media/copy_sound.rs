//! Sound that goes from one file into another as it is: AAC, from any sample to any other. What is decoded but not to be heard
//! lies before the new file's zero, which its edit list leaves out.

use std::path::{Path, PathBuf};

use ffmpeg_next::{Packet, Rational, codec, media};

use super::{Encoded, MediaError, SAMPLE_RATE, SoundTrack, decode, input};

const TIME_BASE: Rational = Rational(1, SAMPLE_RATE as i32);
/// Packets that are decoded before the first that is heard: each is mixed with the end of the one before it.
const BEFORE: i64 = 2 * 1_024;
/// FFmpeg's number of the profile; its name has changed between versions.
const AAC_LC: i32 = 1;
/// How far from its sample a time may lie: containers round to milliseconds.
const UNEVEN: i64 = 48;

/// The sound of a file, which can be copied.
pub struct CopyableSound {
    path: PathBuf,
}

impl CopyableSound {
    /// The sound, and what a file with it says of it; `None` where it is not stereo AAC at 48 kHz.
    pub fn find(path: &Path) -> Option<(Self, SoundTrack)> {
        let input = input::open(path).ok()?;
        let stream = input.streams().best(media::Type::Audio)?;
        let parameters = stream.parameters();
        // SAFETY: plain numbers of parameters that are borrowed.
        let (rate, channels, extra, profile) = unsafe {
            let told = parameters.as_ptr();
            ((*told).sample_rate, (*told).ch_layout.nb_channels, (*told).extradata_size, (*told).profile)
        };
        let plain = (rate, channels) == (SAMPLE_RATE as i32, 2) && profile == AAC_LC;
        let is_ours = parameters.id() == codec::Id::AAC && plain && extra > 0;
        is_ours.then(|| (Self { path: path.to_owned() }, SoundTrack { parameters: parameters.clone(), time_base: TIME_BASE }))
    }

    /// Reads what is heard from one sample of the file up to but not including another; numbers of samples are from the first.
    /// Ends where `put` no longer takes any.
    pub fn read(&self, first: i64, end: i64, put: &mut dyn FnMut(Encoded) -> bool) -> Result<(), MediaError> {
        let gone = || MediaError::Corrupt("a source changed while it was read".into());
        let mut input = input::open(&self.path)?;
        let stream = input.streams().best(media::Type::Audio).ok_or_else(gone)?;
        let (index, time_base) = (stream.index(), stream.time_base());
        let origin_us = input::origin_us(&input);
        input::keep_only(&mut input, &[index]);
        decode::seek(&mut input, origin_us, (first - BEFORE) as f64 / f64::from(SAMPLE_RATE));
        let mut packet = Packet::empty();
        // Counted where times are only rounded.
        let mut next: Option<i64> = None;
        loop {
            match packet.read(&mut input) {
                Ok(()) => {}
                Err(ffmpeg_next::Error::Eof) => return Ok(()),
                Err(error) => return Err(MediaError::reading(error)),
            }
            let Some(pts) = packet.pts().filter(|_| packet.stream() == index) else { continue };
            let told = ((input::seconds(pts, time_base) - origin_us as f64 / 1e6) * f64::from(SAMPLE_RATE)).round() as i64;
            let start = next.filter(|next| (next - told).abs() <= UNEVEN).unwrap_or(told);
            next = Some(start + SAMPLES);
            if start + SAMPLES <= first - BEFORE {
                continue;
            }
            if start >= end {
                return Ok(());
            }
            let mut copy = Packet::copy(packet.data().ok_or_else(gone)?);
            copy.set_pts(Some(start - first));
            copy.set_dts(Some(start - first));
            copy.set_duration(SAMPLES.min(end - start));
            copy.set_flags(codec::packet::Flags::KEY);
            if !put(Encoded { packet: copy, time_base: TIME_BASE }) {
                return Ok(());
            }
        }
    }
}

/// Of one packet.
const SAMPLES: i64 = 1_024;
