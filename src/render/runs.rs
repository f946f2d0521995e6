//! Composes and encodes segments. A run is segments that follow each other, composed on one thread that keeps its decoders; each
//! segment has an encoder of its own, on a thread of its own, so that while one encoder works off its last frames the next has
//! its first. Where one encoder cannot fill the cores, several runs go on at once.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, Sender, SyncSender},
    },
    thread::Scope,
};

use super::{
    RenderError,
    ahead::{CpuCount, thread_cpu},
    compositor::Compositor,
    encoding,
    ground::Ground,
    prepare::Ready,
    segment::Segment,
    shared::Shared,
};
use crate::media::{Form, MediaError, Parcel, Picture, Smoothness, VideoEncoder, VideoSettings};

/// Bytes a pixel that one run has in memory at the most: 200 frames of its decoders, its canvases, and two encoders that look ahead;
/// where many frames wait for these, 400; and in the finer form, of which a frame with alpha has 8, 20 canvases, and 40 of decoders,
/// sprites and scaled pictures.
const BYTES_OF_A_RUN: u64 = 200 * 3 / 2;
const WAITING_BYTES_OF_A_RUN: u64 = 400 * 3 / 2;
const FINE_BYTES_OF_A_RUN: u64 = 60 * 8;
/// Of a composition within another: on black, on white, what is seen of it, and a second canvas for its transitions.
const BYTES_OF_NESTED: u64 = 8;
const FINE_BYTES_OF_NESTED: u64 = 32;
/// Frames that may wait for an encoder.
const FRAMES_AHEAD: usize = 4;
/// For one that looks ahead: of large frames, since the next encoder begins when the one before has ended; of others half of
/// a segment's at 30 a second, up to which two encoders of one thread each always have some.
const LARGE_FRAMES_AHEAD: usize = 12;
const SMALL_FRAMES_AHEAD: usize = 60;
/// Encoders at work for one run.
const ENCODERS: usize = 2;
/// Segments of one run where there are several: those that come before their turn are held in memory.
const LONGEST_OF_SEVERAL: usize = 8;

/// What is to be made, and of what.
pub struct Work<'a> {
    pub ready: &'a Ready<'a>,
    pub smoothness: Smoothness,
    pub segments: &'a [Segment],
    /// What becomes of them, by file.
    pub files: Vec<Wanted<'a>>,
    /// Those that are to be made and that nobody makes yet, in order.
    pub waiting: Mutex<VecDeque<Range<usize>>>,
    /// See [`ahead`].
    pub ahead: usize,
    pub shared: &'a Shared,
}

/// What one file needs.
pub struct Wanted<'a> {
    pub settings: &'a VideoSettings,
    /// By segment, whether it is to be made for it.
    pub is_wanted: Vec<bool>,
}

/// A segment as it is in the file, or a part of one that is too long to be held whole.
pub struct Piece {
    pub index: usize,
    pub parcel: Parcel,
    pub is_last: bool,
}

/// How many segments may be made before the one that is written next.
pub fn ahead(runs: usize) -> usize {
    LONGEST_OF_SEVERAL * runs.max(1)
}

/// A segment that is the whole of a long picture goes over in pieces of so many packets: a GIF, which cannot be cut.
const PIECE: usize = 64;
const LONG: i64 = 1_000;

/// The segments that are to be made, by index, as at least so many runs where there are enough, each of some length.
pub fn divide(wanted: &[usize], runs: usize) -> VecDeque<Range<usize>> {
    let most = if runs > 1 { wanted.len().div_ceil(runs).min(LONGEST_OF_SEVERAL) } else { wanted.len() };
    let mut divided: VecDeque<Range<usize>> = VecDeque::new();
    for &index in wanted {
        match divided.back_mut() {
            Some(last) if last.end == index && last.len() < most => last.end = index + 1,
            _ => divided.push_back(index..index + 1),
        }
    }
    divided
}

impl Work<'_> {
    /// Works through what waits, until nothing does or something has failed. What comes of it goes to `done`, by file.
    pub fn through<'scope, F: Form>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        done: &[Sender<Piece>],
    ) -> Result<(), RenderError> {
        while let Some(run) = self.next_run().filter(|_| !self.shared.has_failed()) {
            self.compose::<F>(scope, run, done)?;
        }
        Ok(())
    }

    fn next_run(&self) -> Option<Range<usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn compose<'scope, F: Form>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        run: Range<usize>,
        done: &[Sender<Piece>],
    ) -> Result<(), RenderError> {
        let (plan, decoding) = (self.ready.plan, CpuCount::default());
        let mut compositor = Compositor::<F>::new(self.ready, self.smoothness, decoding.clone());
        let has_alpha = self.files.iter().any(|file| file.settings.storage.has_alpha());
        let mut ground = Ground::of(plan, has_alpha).map_err(RenderError::whole)?;
        let mut encoders = Encoders::new(self, done);
        // Of those frames that the next repeats.
        let mut last: Option<Picture<F>> = None;
        let mut cpu = thread_cpu();
        for index in run {
            self.shared.wait_for(index, self.ahead);
            if self.shared.has_failed() {
                return Ok(());
            }
            let frames = encoders.begin(scope, index);
            let segment = self.segments[index];
            for number in segment.first..segment.end {
                let canvas = match last.take() {
                    Some(same) => same,
                    None => {
                        let fresh = || ground.canvas(plan).map_err(RenderError::whole);
                        let mut canvas = encoders.used().map_or_else(fresh, Ok)?;
                        ground.compose(&mut compositor, number, &mut canvas)?;
                        canvas
                    }
                };
                if self.ready.repeats(number + 1) {
                    last = Some(canvas.again().map_err(RenderError::whole)?);
                }
                let now = thread_cpu() + decoding.get();
                self.shared.add_composing(now.saturating_sub(cpu));
                cpu = now;
                if self.shared.has_failed() || !send(&frames, canvas)? {
                    return Ok(()); // Another thread has failed, and says why.
                }
            }
        }
        Ok(())
    }

    /// Encodes a segment for a file; one whose frames do not all come is never told of as whole.
    fn encode<F: Form>(
        &self,
        file: usize,
        index: usize,
        frames: &Receiver<Picture<F>>,
        used: &SyncSender<Picture<F>>,
        done: &Sender<Piece>,
    ) -> Result<(), MediaError> {
        let mut encoder = VideoEncoder::open(self.files[file].settings)?;
        let length = self.segments[index].length();
        let (mut packets, mut count) = (Vec::new(), 0);
        for mut picture in frames {
            packets.extend(encoder.encode(&mut picture, count)?);
            // A full channel means that enough pictures are about; this one is freed.
            let _ = used.try_send(picture);
            count += 1;
            self.shared.add_frames(1);
            if self.segments.len() == 1 && length > LONG && packets.len() >= PIECE {
                let parcel = Parcel { head: Vec::new(), packets: std::mem::take(&mut packets) };
                // Who no longer takes it has failed, and says why.
                let _ = done.send(Piece { index, parcel, is_last: false });
            }
        }
        if count == length {
            packets.extend(encoder.finish()?);
            let _ = done.send(Piece { index, parcel: Parcel { head: encoder.head(), packets }, is_last: true });
        }
        Ok(())
    }
}

/// The encoders of one run.
struct Encoders<'scope, 'done, F: Form> {
    work: &'scope Work<'scope>,
    done: &'done [Sender<Piece>],
    /// How many may be at work at once for a file.
    at_once: usize,
    used_out: SyncSender<Picture<F>>,
    used: Receiver<Picture<F>>,
    /// By file, the encoders that have not ended, as far as is known.
    at_work: Vec<VecDeque<AtWork>>,
}

/// What closes when an encoder has ended: for the next that waits for it, and for who composes.
struct AtWork {
    for_next: Option<Receiver<()>>,
    ended: Receiver<()>,
}

impl<'scope, 'done, F: Form> Encoders<'scope, 'done, F> {
    fn new(work: &'scope Work<'scope>, done: &'done [Sender<Piece>]) -> Self {
        let is_large = work.files.iter().any(|file| encoding::is_large(file.settings));
        let most = work.files.iter().map(|file| frames_ahead(file.settings)).max().unwrap_or(FRAMES_AHEAD);
        let at_once = if is_large { 1 } else { ENCODERS };
        let (used_out, used) = mpsc::sync_channel(most * 2);
        let at_work = work.files.iter().map(|_| VecDeque::new()).collect();
        Self { work, done, at_once, used_out, used, at_work }
    }

    /// Begins a segment for each file that needs it; its frames are to be sent to each of these. Waits for the encoder two places
    /// before, or all frames of short segments would wait in memory: it has had all of its own.
    fn begin(&mut self, scope: &'scope Scope<'scope, '_>, index: usize) -> Vec<SyncSender<Picture<F>>> {
        let mut senders = Vec::with_capacity(self.done.len());
        for (file, at_work) in self.at_work.iter_mut().enumerate() {
            let work = self.work;
            if !work.files[file].is_wanted[index] {
                continue;
            }
            if at_work.len() == ENCODERS {
                // Nobody sends: it closes.
                let _ = at_work.pop_front().map(|oldest| oldest.ended.recv());
            }
            let (frames, waiting) = mpsc::sync_channel(frames_ahead(work.files[file].settings));
            senders.push(frames);
            let before = at_work.back_mut().filter(|_| self.at_once == 1).and_then(|last| last.for_next.take());
            let ((next, for_next), (end, ended)) = (mpsc::sync_channel::<()>(0), mpsc::sync_channel::<()>(0));
            at_work.push_back(AtWork { for_next: Some(for_next), ended });
            let (used_out, done) = (self.used_out.clone(), self.done[file].clone());
            scope.spawn(move || {
                let _ = before.map(|before| before.recv());
                work.shared.watch(|| work.encode(file, index, &waiting, &used_out, &done).map_err(RenderError::whole));
                // After what failed is told, its frames are refused: what others meet with then is a consequence.
                drop((waiting, next, end));
            });
        }
        senders
    }

    /// A picture that all encoders have done with, if there is one.
    fn used(&self) -> Option<Picture<F>> {
        self.used.try_iter().find_map(|mut picture| picture.is_sole_owner().then_some(picture))
    }
}

fn frames_ahead(settings: &VideoSettings) -> usize {
    match (settings.storage.is_fine(), encoding::is_large(settings), settings.encoder) {
        (true, ..) => FRAMES_AHEAD,
        (false, true, _) => LARGE_FRAMES_AHEAD,
        (false, false, "libx264") => SMALL_FRAMES_AHEAD,
        (false, false, _) => FRAMES_AHEAD,
    }
}

/// Sends a frame to each; whether all take it.
fn send<F: Form>(encoders: &[SyncSender<Picture<F>>], frame: Picture<F>) -> Result<bool, RenderError> {
    let Some((last, others)) = encoders.split_last() else { return Ok(true) };
    for encoder in others {
        if encoder.send(frame.again().map_err(RenderError::whole)?).is_err() {
            return Ok(false);
        }
    }
    Ok(last.send(frame).is_ok())
}

/// Bytes that a run of an encoder may take.
pub fn bytes(settings: &VideoSettings) -> u64 {
    let a_pixel = match (settings.storage.is_fine(), frames_ahead(settings)) {
        (true, _) => FINE_BYTES_OF_A_RUN,
        (false, SMALL_FRAMES_AHEAD) => WAITING_BYTES_OF_A_RUN,
        (false, _) => BYTES_OF_A_RUN,
    };
    u64::from(settings.width) * u64::from(settings.height) * a_pixel
}

/// How much of the memory runs may take: the rest is for what they do not share.
pub fn share(memory: u64) -> u64 {
    memory / 2
}

/// For how many runs of an encoder, each with so many pixels of compositions within others, there is memory; 0: for any number.
fn room(settings: &VideoSettings, nested: u64, memory: u64) -> u64 {
    let of_nested = nested * if settings.storage.is_fine() { FINE_BYTES_OF_NESTED } else { BYTES_OF_NESTED };
    if memory == 0 { u64::MAX } else { (share(memory) / (bytes(settings) + of_nested).max(1)).max(1) }
}

/// Runs at once at the most.
const MOST_RUNS: usize = 16;

/// How many runs at once, each with so many pixels of compositions within others: one fills about so many cores, and there must be
/// memory for all; 0: any number.
pub fn at_once(settings: &VideoSettings, nested: u64, cores: usize, memory: u64) -> usize {
    let room = room(settings, nested, memory).min(MOST_RUNS as u64) as usize;
    match settings.encoder {
        "libx264" | "prores_ks" => {
            (cores / if encoding::is_large(settings) { encoding::THREADS_OF_LARGE } else { ENCODERS }).clamp(1, room)
        }
        // They divide a picture among all cores themselves.
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::output::Output, media::Storage};

    #[test]
    fn runs_follow_gaps_and_are_no_longer_than_their_share() {
        let divided = |wanted: &[usize], runs| divide(wanted, runs).iter().map(|run| (run.start, run.end)).collect::<Vec<_>>();
        assert_eq!(divided(&[0, 1, 2, 3], 1), [(0, 4)]);
        assert_eq!(divided(&[0, 1, 2, 3, 4], 2), [(0, 3), (3, 5)]);
        assert_eq!(divided(&[0, 1, 5, 6], 1), [(0, 2), (5, 7)]);
        assert!(divide(&[], 2).is_empty());
    }

    #[test]
    fn a_finer_form_takes_more_room() {
        let coarse = encoding::video(&Output::plain(1920, 1080, 30), None);
        let fine = VideoSettings { storage: Storage::Yuva444Ten, encoder: "prores_ks", ..coarse.clone() };
        let memory = 6 << 30;
        assert_eq!((room(&coarse, 0, memory), room(&fine, 0, memory)), (5, 3));
        assert_eq!((at_once(&coarse, 0, 12, memory), at_once(&fine, 0, 12, memory), at_once(&fine, 0, 12, 0)), (4, 3, 4));
        assert_eq!((room(&fine, 0, 1), room(&fine, 0, 0)), (1, u64::MAX), "one in any case");
        let small = VideoSettings { width: 1280, height: 720, ..coarse };
        assert_eq!((at_once(&small, 0, 12, 0), at_once(&small, 0, 12, memory)), (6, 5), "as there is memory");
        let nested = 16 * 1920 * 1080;
        assert_eq!(at_once(&small, nested, 12, memory), 3, "compositions within it take some");
    }
}
