//! A file as it comes: within a room, and its hash taken on the way.

use std::{io, path::Path};

use sha2::{Digest, Sha256};
use tokio::{fs::File, io::AsyncWriteExt};

use super::room::{NoRoom, Part, Room};

/// A file that is written.
pub struct Saving<'a> {
    part: Part<'a>,
    file: File,
    hash: Sha256,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub size: i64,
    /// Hexadecimal.
    pub sha256: String,
}

/// Why a file cannot be written, or not further.
#[derive(Debug, thiserror::Error)]
pub enum Unsaved {
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl<'a> Saving<'a> {
    /// Begins a new file, of which so many bytes are announced, or none.
    pub async fn begin(path: &Path, announced: u64, room: &'a Room) -> Result<Self, Unsaved> {
        let part = room.part(announced)?;
        Ok(Self { part, file: File::create_new(path).await?, hash: Sha256::new() })
    }

    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), Unsaved> {
        self.part.grow(chunk.len() as u64)?;
        self.hash.update(chunk);
        Ok(self.file.write_all(chunk).await?)
    }

    pub async fn end(mut self) -> Result<Saved, Unsaved> {
        self.file.flush().await?;
        Ok(Saved { size: self.part.keep() as i64, sha256: hex::encode(self.hash.finalize()) })
    }
}
