//! What the threads of a render tell each other beside frames and packets.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use super::RenderError;
use crate::media::MediaError;

/// How long nobody who waits looks whether another has failed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub fn panicked() -> RenderError {
    RenderError::whole(MediaError::Output("a render thread panicked".into()))
}

/// Of the files that are made together.
pub struct Shared {
    failed: AtomicBool,
    /// Why, by the thread that failed first: what others meet with is its consequence.
    cause: Mutex<Option<RenderError>>,
    /// Frames that are in the files or on their way, of all of them together.
    frames: AtomicI64,
    /// What went on that is not in the files.
    signs: AtomicU64,
    /// By file, the segment that is written next, by index.
    next: Mutex<Vec<usize>>,
    moved_on: Condvar,
    /// CPU time of composing and of mixing, nanoseconds.
    composition_ns: AtomicU64,
}

impl Shared {
    pub fn new(files: usize) -> Self {
        Self {
            failed: AtomicBool::default(),
            cause: Mutex::default(),
            frames: AtomicI64::default(),
            signs: AtomicU64::default(),
            next: Mutex::new(vec![0; files]),
            moved_on: Condvar::new(),
            composition_ns: AtomicU64::default(),
        }
    }

    /// Does what a thread is there for; where that fails or panics, the others need not go on.
    pub fn watch(&self, work: impl FnOnce() -> Result<(), RenderError>) {
        // Nothing that it worked on is used after a panic.
        let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked()));
        done.unwrap_or_else(|error| self.fail(error));
    }

    /// The others need not go on.
    pub fn fail(&self, error: RenderError) {
        self.cause.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.failed.store(true, Relaxed);
        self.moved_on.notify_all();
    }

    pub fn has_failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    /// Asked by who works long on what no file shows, such as a sound's loudness: whether to go on. That it asks is a sign of life.
    pub fn goes_on(&self) -> bool {
        self.signs.fetch_add(1, Relaxed);
        !self.has_failed()
    }

    /// Frames and all other signs of life: another number than before means that the render goes on.
    pub fn signs(&self) -> u64 {
        self.signs.load(Relaxed) + self.frames() as u64
    }

    pub fn into_outcome(self) -> Result<(), RenderError> {
        self.cause.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Waits until a segment is at most so many ahead of the one that each file needs next, or something has failed: those that
    /// are made and cannot be written yet are held in memory.
    pub fn wait_for(&self, index: usize, ahead: usize) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        while next.iter().any(|next| index > next + ahead) && !self.has_failed() {
            // A wake-up may come just before the wait: nobody waits for long.
            let waited = self.moved_on.wait_timeout(next, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner);
            next = waited.0;
        }
    }

    /// A file has a segment.
    pub fn wrote(&self, file: usize, index: usize) {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)[file] = index + 1;
        self.moved_on.notify_all();
    }

    pub fn add_composing(&self, time: Duration) {
        self.composition_ns.fetch_add(time.as_nanos() as u64, Relaxed);
    }

    pub fn composition_cpu(&self) -> Duration {
        Duration::from_nanos(self.composition_ns.load(Relaxed))
    }

    pub fn add_frames(&self, frames: i64) {
        self.frames.fetch_add(frames, Relaxed);
    }

    pub fn frames(&self) -> i64 {
        self.frames.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_whether_to_go_on_is_alive() {
        let shared = Shared::new(1);
        let before = shared.signs();
        assert!(shared.goes_on());
        let asked = shared.signs();
        shared.add_frames(3);
        assert!(before < asked && asked < shared.signs());
        shared.fail(panicked());
        assert!(!shared.goes_on());
    }
}
