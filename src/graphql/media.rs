//! What a source was found to hold.

use async_graphql::SimpleObject;

use crate::domain;

/// Facts about a medium; what does not apply to its kind is null.
#[derive(SimpleObject)]
pub struct MediaInfo {
    /// The container's name, as FFmpeg has it.
    container: Option<String>,
    /// Seconds.
    duration: Option<f64>,
    /// Pixels across, as it is to be seen: upright, pixels square.
    width: Option<i32>,
    /// Pixels down.
    height: Option<i32>,
    /// Frames a second.
    frame_rate: Option<f64>,
    /// The picture's codec.
    video_codec: Option<String>,
    /// The sound's codec.
    audio_codec: Option<String>,
    /// Samples a second.
    sample_rate: Option<i32>,
    /// Channels of sound.
    channels: Option<i32>,
}

impl From<domain::media::MediaInfo> for MediaInfo {
    fn from(info: domain::media::MediaInfo) -> Self {
        Self {
            container: info.container,
            duration: info.duration,
            width: info.width,
            height: info.height,
            frame_rate: info.frame_rate,
            video_codec: info.video_codec,
            audio_codec: info.audio_codec,
            sample_rate: info.sample_rate,
            channels: info.channels,
        }
    }
}
