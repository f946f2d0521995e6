//! What is cached of a job: its row, its elements, the timeline of its newest attempt, each under the job's id.

use std::{collections::HashMap, sync::Arc};

use crate::{
    cache::{Cached, LevelReport, Tags},
    entities::{element, job, timeline_step},
};

/// About what a row takes beside its documents, bytes.
const ROW_BYTES: usize = 1_024;

/// The kinds of values.
pub struct Caches {
    pub jobs: Cached<job::Model>,
    pub elements: Cached<Vec<Arc<element::Model>>>,
    pub timelines: Cached<Vec<Arc<timeline_step::Model>>>,
}

impl Caches {
    pub fn new(tags: &Tags) -> Self {
        Self {
            jobs: Cached::new(tags.clone(), "job", |job: &job::Model| bytes(2 * ROW_BYTES + job.metadata.to_string().len() * 2)),
            elements: Cached::new(tags.clone(), "elements", |rows: &Vec<Arc<element::Model>>| {
                bytes(rows.iter().map(|row| 2 * ROW_BYTES + row.spec.to_string().len() * 2).sum())
            }),
            timelines: Cached::new(tags.clone(), "timeline", |rows: &Vec<Arc<timeline_step::Model>>| {
                bytes(rows.len() * ROW_BYTES)
            }),
        }
    }

    /// All kinds together.
    pub fn report(&self) -> LevelReport {
        let all = [self.jobs.report(), self.elements.report(), self.timelines.report()];
        all.into_iter().fold(LevelReport::default(), |sum, kind| LevelReport {
            hits: sum.hits + kind.hits,
            misses: sum.misses + kind.misses,
            entries: Some(sum.entries.unwrap_or(0) + kind.entries.unwrap_or(0)),
        })
    }
}

fn bytes(count: usize) -> u32 {
    count.min(u32::MAX as usize) as u32
}

/// Rows by the job that they belong to: each job that was asked for has a list, be it an empty one.
pub fn grouped<T>(job_ids: &[String], rows: Vec<T>, job_of: impl Fn(&T) -> &str) -> Vec<(String, Vec<Arc<T>>)> {
    let mut lists: HashMap<String, Vec<Arc<T>>> = job_ids.iter().map(|id| (id.clone(), Vec::new())).collect();
    for row in rows {
        if let Some(list) = lists.get_mut(job_of(&row)) {
            list.push(Arc::new(row));
        }
    }
    lists.into_iter().collect()
}
