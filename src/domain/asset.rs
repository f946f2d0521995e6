//! Files that clients upload, and the rules of an upload.

use super::error::{Violation, ViolationCode};

/// What a client says of a file before it sends it.
#[derive(Debug, Clone)]
pub struct Upload {
    pub filename: String,
    pub content_type: Option<String>,
    pub size: i64,
    /// SHA-256 of the bytes; the store refuses others.
    pub checksum_sha256: Option<[u8; 32]>,
}

/// The largest upload: what S3 takes in one PUT, 5 GiB.
pub const MAX_BYTES: i64 = 5 << 30;

impl Upload {
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut breach = |field: &str, code, message: String| {
            found.push(Violation { path: format!("input.{field}"), code, message });
        };
        if self.filename.trim().is_empty() || self.filename.chars().count() > 255 {
            breach("filename", ViolationCode::OutOfRange, "must have 1 to 255 characters".into());
        }
        if !(1..=MAX_BYTES).contains(&self.size) {
            breach("size", ViolationCode::OutOfRange, format!("must be from 1 to {MAX_BYTES} bytes"));
        }
        let is_token = |c: char| c.is_ascii_graphic() || c == ' ';
        if self.content_type.as_deref().is_some_and(|t| t.len() > 127 || !t.contains('/') || !t.chars().all(is_token)) {
            breach("contentType", ViolationCode::InvalidFormat, "must be a media type such as video/mp4".into());
        }
        found
    }
}
