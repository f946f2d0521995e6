//! Jobs.

mod input;
mod mutation;
mod object;
mod output;
mod query;
mod subscription;

pub use input::{DateTimeRange, read_document};
pub use mutation::{JobMutation, changing};
pub use object::Job;
pub use query::JobQuery;
pub use subscription::JobSubscription;
