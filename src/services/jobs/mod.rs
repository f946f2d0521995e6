//! Jobs: made, found, changed, deleted.

mod change;
mod create;
mod find;

pub use find::{JobFilter, JobOrder, JobSort, TimeRange};

use super::Error;

fn no_such_job(id: &str) -> Error {
    Error::NotFound { what: "job", id: id.to_owned() }
}
