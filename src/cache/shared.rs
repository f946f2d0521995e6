//! The second level: Redis, which nodes share.
//!
//! A tag is a hash with a token of its own. Who finds a value missing takes the token along, and what it then read is kept
//! only if the token is still the tag's: forgetting a tag removes the hash, token and all, so that nothing that was read
//! before is kept after. When Redis cannot be reached it is left alone for a while; what should have been forgotten
//! meanwhile is forgotten before anything is read again.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use redis::{
    Client, Pipeline, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use super::{Counts, LevelReport};

/// How long an entry is good for, from the first look at its tag.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(5 * 60);
/// What takes longer is not worth waiting for.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long Redis is left alone after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Tags that wait to be forgotten; with more, everything is.
const MOST_WAITING: usize = 10_000;
/// With the version, since another's rows may have other columns.
const PREFIX: &str = concat!("reelgraph:", env!("CARGO_PKG_VERSION"), ":tag:");

/// The tag's token, a new one where it has none, and the value.
const LOOK: &str = "if redis.call('HSETNX', KEYS[1], 'token', ARGV[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
    return redis.call('HMGET', KEYS[1], 'token', ARGV[3])";
/// Keeps a value if the tag's token is still the one that its reader took along.
const KEEP: &str = "if redis.call('HGET', KEYS[1], 'token') == ARGV[1] then redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) end";

/// The address cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SharedError(String);

/// A level in Redis.
pub struct Shared {
    connection: ConnectionManager,
    state: Mutex<State>,
    counts: Counts,
}

#[derive(Default)]
struct State {
    closed_until: Option<Instant>,
    /// What could not be forgotten when it should have been: Redis is not read before it is.
    waiting: HashSet<String>,
    /// More waited than can be noted.
    everything: bool,
    /// Someone is catching up with that.
    recovering: bool,
}

/// Tags that are being forgotten; among those that wait if that fails, or is broken off.
struct Taken<'a> {
    shared: &'a Shared,
    tags: HashSet<String>,
    everything: bool,
    /// It catches up, and others wait for it.
    recovers: bool,
}

impl Taken<'_> {
    fn is_nothing(&self) -> bool {
        self.tags.is_empty() && !self.everything
    }

    fn done(mut self) {
        self.tags.clear();
        self.everything = false;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if self.recovers {
            state.recovering = false;
        }
        state.everything |= self.everything;
        state.waiting.extend(self.tags.drain());
        if state.waiting.len() > MOST_WAITING {
            state.waiting.clear();
            state.everything = true;
        }
    }
}

/// What a look found, and the tokens to keep the rest by.
pub struct Looked {
    pub found: Vec<(String, Vec<u8>)>,
    tokens: HashMap<String, Option<String>>,
}

impl Looked {
    /// The tags that have no value yet.
    pub fn missing(&self) -> Vec<String> {
        self.tokens.keys().cloned().collect()
    }

    /// A value that was found cannot be read: it is missing, and is not replaced.
    pub fn reject(&mut self, tag: String) {
        self.tokens.insert(tag, None);
    }
}

impl Shared {
    /// Connects when it is first used, and again whenever the connection is lost.
    ///
    /// # Errors
    /// An address that is none.
    pub fn connect(url: &str) -> Result<Self, SharedError> {
        let client = Client::open(url).map_err(|error| SharedError(error.to_string()))?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(PATIENCE))
            .set_connection_timeout(Some(PATIENCE))
            .set_number_of_retries(1);
        let connection =
            ConnectionManager::new_lazy_with_config(client, config).map_err(|error| SharedError(error.to_string()))?;
        // What was forgotten while no node was there is not known: it begins by forgetting everything.
        let state = State { everything: true, ..State::default() };
        Ok(Self { connection, state: Mutex::new(state), counts: Counts::default() })
    }

    /// The values of one kind under some tags.
    pub(super) async fn look(&self, kind: &str, tags: Vec<String>) -> Looked {
        if !self.is_ready().await {
            return Looked { found: Vec::new(), tokens: tags.into_iter().map(|tag| (tag, None)).collect() };
        }
        let mut ask = Pipeline::new();
        for tag in &tags {
            ask.cmd("EVAL").arg(LOOK).arg(1).arg(key(tag)).arg(new_token()).arg(TIME_TO_LIVE.as_millis() as u64).arg(kind);
        }
        let answers: Vec<(Option<String>, Option<Vec<u8>>)> = self.run(ask).await.unwrap_or_default();
        let mut looked = Looked { found: Vec::new(), tokens: HashMap::new() };
        let mut answers = answers.into_iter();
        for tag in tags {
            match answers.next() {
                Some((_, Some(bytes))) => looked.found.push((tag, bytes)),
                Some((token, None)) => drop(looked.tokens.insert(tag, token)),
                None => drop(looked.tokens.insert(tag, None)),
            }
        }
        self.counts.hit(looked.found.len());
        self.counts.missed(looked.tokens.len());
        looked
    }

    /// Keeps values that were read after a look.
    pub(super) async fn keep(&self, kind: &str, looked: &Looked, values: Vec<(String, Vec<u8>)>) {
        let mut keep = Pipeline::new();
        for (tag, bytes) in values {
            if let Some(Some(token)) = looked.tokens.get(&tag) {
                keep.cmd("EVAL").arg(KEEP).arg(1).arg(key(&tag)).arg(token).arg(kind).arg(bytes).ignore();
            }
        }
        if !keep.is_empty() {
            let _: Option<()> = self.run(keep).await;
        }
    }

    /// Forgets all of some tags: now, or before anything is read again.
    pub(super) async fn forget(&self, tags: &[String]) {
        if tags.is_empty() {
            return;
        }
        // Each by itself: who waits for this must not depend on what another has under way.
        let taken = Taken { shared: self, tags: tags.iter().cloned().collect(), everything: false, recovers: false };
        if !self.is_left_alone() && self.delete(&taken.tags).await {
            taken.done();
        }
    }

    fn is_left_alone(&self) -> bool {
        self.state().closed_until.is_some_and(|until| Instant::now() < until)
    }

    async fn delete(&self, tags: &HashSet<String>) -> bool {
        if tags.is_empty() {
            return true;
        }
        let mut forget = Pipeline::new();
        forget.cmd("DEL").arg(tags.iter().map(|tag| key(tag)).collect::<Vec<_>>()).ignore();
        let forgotten: Option<()> = self.run(forget).await;
        forgotten.is_some()
    }

    /// Whether Redis answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn check(&self) -> Result<(), SharedError> {
        let ping = redis::cmd("PING");
        let mut connection = self.connection.clone();
        match tokio::time::timeout(PATIENCE * 5, ping.query_async::<()>(&mut connection)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(SharedError(error.to_string())),
            Err(_) => Err(SharedError("no answer in time".into())),
        }
    }

    pub fn report(&self) -> LevelReport {
        self.counts.report(None)
    }

    /// Whether Redis may be read: it is not left alone, and holds nothing that should be forgotten.
    async fn is_ready(&self) -> bool {
        loop {
            let Some(taken) = self.take_waiting() else { return false };
            if taken.is_nothing() {
                return true;
            }
            if taken.everything && !self.forget_everything().await {
                return false;
            }
            if !self.delete(&taken.tags).await {
                return false;
            }
            taken.done();
        }
    }

    /// What should have been forgotten, for the one who does it now; `None` where Redis is not to be read meanwhile.
    fn take_waiting(&self) -> Option<Taken<'_>> {
        let mut state = self.state();
        if state.recovering || state.closed_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let everything = std::mem::take(&mut state.everything);
        let tags = std::mem::take(&mut state.waiting);
        // Who is behind catches up alone: others must not read before.
        state.recovering = !tags.is_empty() || everything;
        Some(Taken { shared: self, tags, everything, recovers: state.recovering })
    }

    async fn forget_everything(&self) -> bool {
        let mut cursor = 0u64;
        loop {
            let mut scan = Pipeline::new();
            scan.cmd("SCAN").arg(cursor).arg("MATCH").arg(format!("{PREFIX}*")).arg("COUNT").arg(1_000);
            let page: Option<Vec<(u64, Vec<String>)>> = self.run(scan).await;
            let Some((next, keys)) = page.and_then(|mut pages| pages.pop()) else { return false };
            if !keys.is_empty() {
                let mut forget = Pipeline::new();
                forget.cmd("DEL").arg(keys).ignore();
                let forgotten: Option<()> = self.run(forget).await;
                if forgotten.is_none() {
                    return false;
                }
            }
            cursor = next;
            if cursor == 0 {
                return true;
            }
        }
    }

    /// `None` where it failed, and Redis is left alone for a while.
    async fn run<T: redis::FromRedisValue>(&self, commands: Pipeline) -> Option<T> {
        let mut connection = self.connection.clone();
        let error: RedisError = match tokio::time::timeout(PATIENCE * 2, commands.query_async(&mut connection)).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => error,
            Err(_) => std::io::Error::from(std::io::ErrorKind::TimedOut).into(),
        };
        tracing::warn!(%error, "Redis is left alone for a moment");
        self.state().closed_until = Some(Instant::now() + PAUSE);
        None
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(tag: &str) -> String {
    format!("{PREFIX}{tag}")
}

fn new_token() -> String {
    format!("{:032x}", rand::random::<u128>())
}
