//! Jobs: made, found, changed, deleted.

mod change;
mod create;
mod find;
mod metadata;

pub(in crate::services) use change::refused;
pub(in crate::services) use find::jobs_with;
pub use find::{JobFilter, JobOrder, JobSort, TimeRange};

use super::Error;

pub(in crate::services) fn no_such_job(id: &str) -> Error {
    Error::NotFound { what: "job", id: id.to_owned() }
}
