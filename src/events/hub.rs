//! The router: a topic a job, bounded, dropped with its last listener.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Notify, broadcast};

use super::Event;

/// Events that a slow listener may be behind before it must read the log again.
const BEHIND: usize = 256;

/// Carries events to their listeners. Cheap to clone.
#[derive(Clone, Default)]
pub struct Hub {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    topics: Mutex<HashMap<String, broadcast::Sender<Arc<Event>>>>,
    bell: Notify,
}

/// A listener of one job. Its topic goes when the last one is dropped.
pub struct Subscription {
    receiver: broadcast::Receiver<Arc<Event>>,
    job_id: String,
    hub: Hub,
}

/// What a listener hears.
pub enum Heard {
    Event(Arc<Event>),
    /// Events were lost on the way: read the log.
    Behind,
    /// The job is gone.
    Gone,
}

impl Hub {
    /// Listens to a job from now on. What came before is in the log: subscribe first, then read it.
    pub fn subscribe(&self, job_id: &str) -> Subscription {
        let mut topics = self.topics();
        let sender = topics.entry(job_id.to_owned()).or_insert_with(|| broadcast::channel(BEHIND).0);
        Subscription { receiver: sender.subscribe(), job_id: job_id.to_owned(), hub: self.clone() }
    }

    pub fn publish(&self, event: Event) {
        if let Some(sender) = self.topics().get(&event.job_id) {
            // Nobody listening any more is no error.
            let _ = sender.send(Arc::new(event));
        }
    }

    /// How many listeners there are.
    pub fn listeners(&self) -> usize {
        self.topics().values().map(broadcast::Sender::receiver_count).sum()
    }

    /// The log advanced.
    pub fn ring(&self) {
        self.inner.bell.notify_one();
    }

    pub(super) async fn rung(&self) {
        self.inner.bell.notified().await;
    }

    fn topics(&self) -> std::sync::MutexGuard<'_, HashMap<String, broadcast::Sender<Arc<Event>>>> {
        self.inner.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    pub async fn next(&mut self) -> Heard {
        match self.receiver.recv().await {
            Ok(event) => Heard::Event(event),
            Err(broadcast::error::RecvError::Lagged(_)) => Heard::Behind,
            Err(broadcast::error::RecvError::Closed) => Heard::Gone,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut topics = self.hub.topics();
        // This receiver still counts.
        if topics.get(&self.job_id).is_some_and(|sender| sender.receiver_count() <= 1) {
            topics.remove(&self.job_id);
        }
    }
}
