//! CPU time of one piece of asynchronous work, as the operating system counts it: the clock of the thread is
//! read around every poll.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use crate::{
    domain::timeline::Usage,
    render::{process::peak_memory, thread_cpu},
};

/// What the work has used so far.
#[derive(Debug, Clone, Default)]
pub struct CpuMeter(Arc<AtomicU64>);

impl CpuMeter {
    /// The work, measured while it is polled.
    pub fn around<F: Future>(&self, work: F) -> Measured<F> {
        Measured { work: Box::pin(work), meter: self.clone() }
    }

    /// So far; the memory is the peak of this whole process.
    pub fn usage(&self) -> Usage {
        Usage { cpu_ms: self.0.load(Relaxed) as f64 / 1e6, peak_memory: peak_memory(), ..Usage::default() }
    }
}

pub struct Measured<F> {
    work: Pin<Box<F>>,
    meter: CpuMeter,
}

impl<F: Future> Future for Measured<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let before = thread_cpu();
        let polled = self.work.as_mut().poll(context);
        let used = thread_cpu().saturating_sub(before);
        self.meter.0.fetch_add(used.as_nanos() as u64, Relaxed);
        polled
    }
}
