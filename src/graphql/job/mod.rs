//! Jobs.

mod document;
mod input;
mod mutation;
mod object;
mod outlook;
mod output;
mod query;
mod subscription;
mod worker;

pub use document::{JobReader, read_document};
pub use input::{CreateJobOverrides, DateTimeRange};
pub use mutation::JobMutation;
pub use object::Job;
pub use outlook::OutlookQuery;
pub use query::JobQuery;
pub use subscription::JobSubscription;
pub use worker::WorkerMutation;
