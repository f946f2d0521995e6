//! What goes wrong with media, by what the caller will do about it.

/// A failure of this module. The texts are FFmpeg's or ours, never a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// Not a medium, or of a kind that is not on the lists.
    #[error("{0}")]
    Unsupported(String),
    /// A medium that is broken, or ends before it should.
    #[error("{0}")]
    Corrupt(String),
    /// A medium larger than the limits.
    #[error("{0}")]
    TooLarge(String),
    /// The output could not be written.
    #[error("{0}")]
    Output(String),
    /// The output could not be written because the disk is full.
    #[error("the disk is full")]
    DiskFull,
}

impl MediaError {
    /// An error met while reading a source.
    pub(super) fn reading(error: ffmpeg_next::Error) -> Self {
        match error {
            ffmpeg_next::Error::Other { errno: ffmpeg_next::error::ENOMEM } => {
                MediaError::TooLarge("the medium needs more memory than is allowed".into())
            }
            ffmpeg_next::Error::DecoderNotFound => MediaError::Unsupported("the codec is not supported".into()),
            other => MediaError::Corrupt(format!("the medium cannot be decoded: {other}")),
        }
    }

    /// Whether it is of one packet, after which others may be right: some decoders say -1 of what is broken.
    pub(super) fn is_of_a_packet(error: &ffmpeg_next::Error) -> bool {
        matches!(error, ffmpeg_next::Error::InvalidData | ffmpeg_next::Error::Other { errno: ffmpeg_next::error::EPERM })
    }

    /// An error met while writing the output.
    pub(super) fn writing(error: ffmpeg_next::Error) -> Self {
        match error {
            ffmpeg_next::Error::Other { errno: ffmpeg_next::error::ENOSPC } => MediaError::DiskFull,
            other => MediaError::Output(other.to_string()),
        }
    }
}
