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
    pipeline::Shared,
    prepare::Ready,
    segment::Segment,
};
use crate::media::{MediaError, Parcel, Picture, Smoothness, VideoEncoder, VideoSettings};

/// Frames that may wait for an encoder.
const FRAMES_AHEAD: usize = 4;
/// Encoders at work for one run.
const ENCODERS: usize = 2;
/// Segments of one run where there are several: those that come before their turn are held in memory.
const LONGEST_OF_SEVERAL: usize = 8;

/// What is to be made, and of what.
pub struct Work<'a> {
    pub ready: &'a Ready<'a>,
    pub settings: &'a VideoSettings,
    pub smoothness: Smoothness,
    pub segments: &'a [Segment],
    /// Those that are to be made and that nobody makes yet, in order.
    pub waiting: Mutex<VecDeque<Range<usize>>>,
    pub shared: &'a Shared,
}

/// A segment, by index, as it is in the file; or why there is none.
pub type Done = Result<(usize, Parcel), RenderError>;

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
    /// Works through what waits, until nothing does or something has failed. What comes of it goes to `done`.
    pub fn through<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, done: &Sender<Done>) {
        while let Some(run) = self.next_run().filter(|_| !self.shared.has_failed()) {
            if let Err(error) = self.compose(scope, run, done) {
                self.shared.fail();
                // Nobody who listens has given up already.
                let _ = done.send(Err(error));
            }
        }
    }

    fn next_run(&self) -> Option<Range<usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn compose<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        run: Range<usize>,
        done: &Sender<Done>,
    ) -> Result<(), RenderError> {
        let (plan, decoding) = (self.ready.plan, CpuCount::default());
        let mut compositor = Compositor::new(self.ready, self.smoothness, decoding.clone());
        let (used_out, used) = mpsc::sync_channel(FRAMES_AHEAD * 2);
        let (place, places) = mpsc::sync_channel(ENCODERS);
        for _ in 0..ENCODERS {
            let _ = place.try_send(());
        }
        let mut cpu = thread_cpu();
        for index in run {
            if places.recv().is_err() {
                return Ok(());
            }
            let (frames, waiting) = mpsc::sync_channel(FRAMES_AHEAD);
            let (used_out, place, done) = (used_out.clone(), place.clone(), done.clone());
            scope.spawn(move || {
                self.encode(index, waiting, &used_out, &done);
                let _ = place.send(());
            });
            let segment = self.segments[index];
            for number in segment.first..segment.end {
                let mut canvas = match reused(&used) {
                    Some(canvas) => canvas,
                    None => Picture::new(plan.width, plan.height).map_err(RenderError::whole)?,
                };
                compositor.compose(number, &mut canvas)?;
                let now = thread_cpu() + decoding.get();
                self.shared.add_composing(now.saturating_sub(cpu));
                cpu = now;
                if self.shared.has_failed() || frames.send(canvas).is_err() {
                    return Ok(()); // Another thread has failed, and says why.
                }
            }
        }
        Ok(())
    }

    fn encode(&self, index: usize, frames: Receiver<Picture>, used: &SyncSender<Picture>, done: &Sender<Done>) {
        let encoded = self.encoded(index, frames, used).map_err(RenderError::whole);
        if encoded.is_err() {
            self.shared.fail();
        }
        if let Some(told) = encoded.transpose() {
            let _ = done.send(told.map(|parcel| (index, parcel)));
        }
    }

    /// `None` where not all of its frames came.
    fn encoded(&self, index: usize, frames: Receiver<Picture>, used: &SyncSender<Picture>) -> Result<Option<Parcel>, MediaError> {
        let mut encoder = VideoEncoder::open(self.settings)?;
        let mut packets = Vec::new();
        let mut count = 0;
        for mut picture in frames {
            packets.extend(encoder.encode(&mut picture, count)?);
            // A full channel means that enough pictures are about; this one is freed.
            let _ = used.try_send(picture);
            count += 1;
            self.shared.add_encoded(1);
        }
        if count < self.segments[index].length() {
            return Ok(None);
        }
        packets.extend(encoder.finish()?);
        Ok(Some(Parcel { head: encoder.head(), packets }))
    }
}

/// A picture that an encoder has done with, if there is one.
fn reused(used: &Receiver<Picture>) -> Option<Picture> {
    used.try_recv().ok().and_then(|mut picture| picture.is_sole_owner().then_some(picture))
}

/// How many runs at once: an encoder of these fills about so many cores.
pub fn at_once(settings: &VideoSettings, cores: usize) -> usize {
    match settings.encoder {
        "libx264" | "prores_ks" => (cores / encoding::ENCODER_THREADS).clamp(1, 8),
        // They divide a picture among all cores themselves.
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_follow_gaps_and_are_no_longer_than_their_share() {
        assert_eq!(divide(&[0, 1, 2, 3], 1), [0..4]);
        assert_eq!(divide(&[0, 1, 2, 3, 4], 2), [0..3, 3..5]);
        assert_eq!(divide(&[0, 1, 5, 6], 1), [0..2, 5..7]);
        assert!(divide(&[], 2).is_empty());
    }
}
