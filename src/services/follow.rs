//! A job followed: what happened since a cursor, or how it stands, and then what happens. Nothing is missed and
//! nothing told twice: a job's events are numbered without a gap, so what is missing shows, and is read from the log.

use std::collections::VecDeque;

use data_encoding::BASE64URL_NOPAD;
use futures_util::stream::{self, BoxStream, StreamExt};

use super::{Error, Session, jobs::jobs_with};
use crate::{
    domain::{
        error::{Violation, ViolationCode},
        event::EventKind,
    },
    events::{Event, Heard, Subscription},
};

/// Events of one reading.
const BATCH: u64 = 500;

/// The cursor that resumes after an event.
pub fn cursor_of(event: &Event) -> String {
    BASE64URL_NOPAD.encode(format!("{}:{}", event.job_id, event.seq).as_bytes())
}

fn read_cursor(cursor: &str, job_id: &str) -> Option<i64> {
    let text = String::from_utf8(BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?).ok()?;
    let (of_job, seq) = text.split_once(':')?;
    seq.parse().ok().filter(|seq| of_job == job_id && *seq >= 0)
}

impl Session {
    /// Events of one kind: after a cursor, or from the present state on. Ends when the job is deleted.
    pub async fn follow(
        &self,
        job_id: &str,
        kind: EventKind,
        after: Option<&str>,
    ) -> Result<BoxStream<'static, Result<Event, Error>>, Error> {
        // Listening before reading: what is written between the two is heard.
        let heard = self.services().hub().subscribe(job_id);
        // Not from the cache: a cursor of another node may be newer than what this one has seen.
        let found = jobs_with(std::slice::from_ref(&job_id.to_owned())).one(&self.executor()).await?;
        let found = found.filter(|job| job.tenant == self.caller().tenant);
        let job = found.ok_or_else(|| Error::NotFound { what: "job", id: job_id.to_owned() })?;
        self.services().tags().invalidate_here(std::slice::from_ref(&job.id));
        let mut follower = Follower {
            session: self.clone(),
            heard,
            job_id: job_id.to_owned(),
            kind,
            last: job.event_seq,
            waiting: VecDeque::new(),
            more: false,
        };
        match after {
            Some(cursor) => {
                follower.last = read_cursor(cursor, job_id).filter(|seq| *seq <= job.event_seq).ok_or_else(foreign_cursor)?;
                follower.catch_up().await?;
            }
            None => {
                let present = self.present_state(job_id, kind).await?;
                follower.last = present.iter().map(|event| event.seq).fold(follower.last, i64::max);
                follower.waiting.extend(present);
            }
        }
        Ok(stream::unfold(Some(follower), |follower| async {
            let mut follower = follower?;
            match follower.next().await {
                Ok(Some(event)) => Some((Ok(event), Some(follower))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed())
    }
}

fn foreign_cursor() -> Error {
    let message = "must be a cursor of an event of this job".into();
    Error::Invalid(vec![Violation { path: "after".into(), code: ViolationCode::InvalidFormat, message }])
}

struct Follower {
    session: Session,
    heard: Subscription,
    job_id: String,
    kind: EventKind,
    /// The newest event that was seen, of any kind.
    last: i64,
    waiting: VecDeque<Event>,
    /// The log has more than was read.
    more: bool,
}

impl Follower {
    async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event).filter(|event| event.kind != EventKind::Deleted));
            }
            if self.more {
                self.catch_up().await?;
                continue;
            }
            match self.heard.next().await {
                Heard::Gone => return Ok(None),
                Heard::Behind => self.catch_up().await?,
                Heard::Event(event) if event.kind == EventKind::Deleted => return Ok(None),
                Heard::Event(event) if event.seq <= self.last => {}
                Heard::Event(event) if event.seq == self.last + 1 => {
                    self.last = event.seq;
                    if event.kind == self.kind {
                        return Ok(Some(Event::clone(&event)));
                    }
                }
                Heard::Event(_) => self.catch_up().await?,
            }
        }
    }

    /// Reads what the log has after the last event seen: a long log in pieces, the next when this one has been told.
    async fn catch_up(&mut self) -> Result<(), Error> {
        let events = self.session.events_after(&self.job_id, self.last, BATCH).await?;
        // What is told may be newer than what is cached.
        self.session.services().tags().invalidate_here(std::slice::from_ref(&self.job_id));
        self.more = events.len() as u64 == BATCH;
        for event in events {
            self.last = event.seq;
            if event.kind == self.kind || event.kind == EventKind::Deleted {
                self.waiting.push_back(event);
            }
        }
        Ok(())
    }
}
