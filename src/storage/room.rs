//! How many bytes several files may have together, whoever writes them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes that may still be written.
#[derive(Debug)]
pub struct Room {
    most: u64,
    left: AtomicU64,
}

/// The part of it that one file takes, as it grows. Given back unless the file stays.
#[derive(Debug)]
pub struct Part<'a> {
    room: &'a Room,
    bytes: u64,
}

/// There is not so much left; of so many bytes in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sources have more than {0} bytes together")]
pub struct NoRoom(pub u64);

impl Room {
    pub fn new(most: u64) -> Self {
        Self { most, left: AtomicU64::new(most) }
    }

    /// For a file that is to grow to a size, as far as that is known.
    ///
    /// # Errors
    /// So much is not left now.
    pub fn part(&self, expected: u64) -> Result<Part<'_>, NoRoom> {
        if expected <= self.left.load(Relaxed) { Ok(Part { room: self, bytes: 0 }) } else { Err(NoRoom(self.most)) }
    }
}

impl Part<'_> {
    /// # Errors
    /// So much is not left; the file is not to stay.
    pub fn grow(&mut self, bytes: u64) -> Result<(), NoRoom> {
        let taken = self.room.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes));
        taken.map_err(|_| NoRoom(self.room.most))?;
        self.bytes += bytes;
        Ok(())
    }

    /// The file stays; its size.
    pub fn keep(mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.room.left.fetch_add(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_share_the_room_and_one_that_does_not_stay_gives_its_part_back() {
        let room = Room::new(10);
        let (mut one, mut other) = (room.part(6).unwrap(), room.part(0).unwrap());
        assert_eq!((one.grow(6), other.grow(5), other.grow(4)), (Ok(()), Err(NoRoom(10)), Ok(())));
        assert!(room.part(1).is_err());
        drop(other);
        assert_eq!(one.keep(), 6);
        assert!(room.part(4).is_ok() && room.part(5).is_err());
    }
}
