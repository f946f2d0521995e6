//! What a source was found to hold.

use serde::{Deserialize, Serialize};

/// Facts about one medium; what does not apply to its kind is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MediaInfo {
    /// FFmpeg's name of the container, or the image's format.
    pub container: Option<String>,
    /// Seconds.
    pub duration: Option<f64>,
    /// As it is to be seen: upright, pixels square.
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub frame_rate: Option<f64>,
    pub video_codec: Option<String>,
    pub audio_codec: Option<String>,
    pub sample_rate: Option<i32>,
    pub channels: Option<i32>,
}
