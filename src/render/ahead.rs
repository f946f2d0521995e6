//! Pictures of a file decoded on a thread of their own, a few ahead of who draws them.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, Receiver, SyncSender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::time::{ClockId, clock_gettime};

use super::reversed::ReversedPictures;
use crate::media::{Decoded, MediaError, VideoDecoder};

/// Pictures that wait to be drawn.
const AHEAD: usize = 3;

/// CPU time that several threads spend on one thing. Cheap to clone.
#[derive(Clone, Default)]
pub struct CpuCount(Arc<AtomicU64>);

impl CpuCount {
    pub fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Relaxed))
    }

    fn add(&self, time: Duration) {
        self.0.fetch_add(time.as_nanos() as u64, Relaxed);
    }
}

/// CPU time of this thread so far.
pub fn thread_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// A file that is being decoded. Dropped, its thread ends with the picture that it is at.
pub struct AheadDecoder {
    pictures: Receiver<Result<Decoded, MediaError>>,
    thread: Option<JoinHandle<()>>,
}

impl AheadDecoder {
    /// Starts at `from` seconds of the file, or a little earlier; what it costs is added to `cpu`. Backwards, `mirror` is what
    /// a time of the file and the one in its place add up to.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(path: PathBuf, mirror: Option<f64>, from: f64, cpu: CpuCount) -> Result<Self, MediaError> {
        let (out, pictures) = mpsc::sync_channel(AHEAD);
        let thread = thread::Builder::new().spawn(move || decode(path, mirror, from, &cpu, &out));
        let thread = thread.map_err(|error| MediaError::TooLarge(format!("no thread for a decoder: {error}")))?;
        Ok(Self { pictures, thread: Some(thread) })
    }

    /// The next picture; `None` after the last.
    pub fn next_picture(&mut self) -> Result<Option<Decoded>, MediaError> {
        match self.pictures.recv() {
            Ok(picture) => picture.map(Some),
            // The thread has ended: with the file, or not as it should.
            Err(_) => match self.thread.take().map(JoinHandle::join) {
                Some(Err(_)) => Err(MediaError::Output("a decoder's thread panicked".into())),
                _ => Ok(None),
            },
        }
    }
}

enum Pictures {
    Forward(Box<VideoDecoder>),
    Backward(ReversedPictures),
}

impl Pictures {
    fn next(&mut self) -> Result<Option<Decoded>, MediaError> {
        match self {
            Pictures::Forward(decoder) => decoder.next_picture(),
            Pictures::Backward(reversed) => reversed.next_picture(),
        }
    }
}

fn decode(path: PathBuf, mirror: Option<f64>, from: f64, cpu: &CpuCount, out: &SyncSender<Result<Decoded, MediaError>>) {
    let opened = match mirror {
        Some(sum) => Ok(Pictures::Backward(ReversedPictures::open(path, sum, from))),
        None => VideoDecoder::open(&path, from).map(|decoder| Pictures::Forward(Box::new(decoder))),
    };
    let mut pictures = match opened {
        Ok(pictures) => pictures,
        // Nobody left to tell is no error.
        Err(error) => return drop(out.send(Err(error))),
    };
    let mut before = Duration::ZERO;
    while let Some(picture) = pictures.next().transpose() {
        let failed = picture.is_err();
        let now = thread_cpu();
        cpu.add(now.saturating_sub(before));
        before = now;
        if out.send(picture).is_err() || failed {
            return;
        }
    }
}
