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
    taken: u64,
    /// What of that the file has.
    grown: u64,
}

/// There is not so much left; of so many bytes in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sources have more than {0} bytes together")]
pub struct NoRoom(pub u64);

impl Room {
    pub fn new(most: u64) -> Self {
        Self { most, left: AtomicU64::new(most) }
    }

    /// For a file of a size, as far as that is known: where it is not, of none.
    ///
    /// # Errors
    /// So much is not left.
    pub fn part(&self, announced: u64) -> Result<Part<'_>, NoRoom> {
        let mut part = Part { room: self, taken: 0, grown: 0 };
        part.take(announced)?;
        Ok(part)
    }

    /// A file that was kept is gone after all.
    pub fn give_back(&self, bytes: u64) {
        self.left.fetch_add(bytes, Relaxed);
    }
}

impl Part<'_> {
    /// # Errors
    /// So much is not left; the file is not to stay.
    pub fn grow(&mut self, bytes: u64) -> Result<(), NoRoom> {
        self.grown += bytes;
        self.take(self.grown.saturating_sub(self.taken))
    }

    fn take(&mut self, bytes: u64) -> Result<(), NoRoom> {
        let taken = self.room.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes));
        taken.map_err(|_| NoRoom(self.room.most))?;
        self.taken += bytes;
        Ok(())
    }

    /// The file stays; its size.
    pub fn keep(mut self) -> u64 {
        // What was announced and did not come is given back.
        self.taken -= self.grown;
        self.grown
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.room.give_back(self.taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_share_the_room_and_one_that_does_not_stay_gives_its_part_back() {
        let room = Room::new(10);
        let (mut one, mut other) = (room.part(6).unwrap(), room.part(0).unwrap());
        assert_eq!((one.grow(5), other.grow(3), other.grow(2)), (Ok(()), Ok(()), Err(NoRoom(10))));
        assert!(room.part(2).is_err());
        drop(other);
        assert_eq!(one.keep(), 5);
        assert!(room.part(5).is_ok() && room.part(6).is_err());
        room.give_back(5);
        assert!(room.part(10).is_ok() && room.part(11).is_err());
    }
}
