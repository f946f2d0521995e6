//! Jobs.

mod document;
mod input;
mod mutation;
mod object;
mod output;
mod query;
mod subscription;

pub use document::read_document;
pub use input::DateTimeRange;
pub use mutation::{JobMutation, changing};
pub use object::Job;
pub use query::JobQuery;
pub use subscription::JobSubscription;
