//! The API: the contract's types over the services, a folder a noun. Rows appear only inside types of this module;
//! queries, transactions and HTTP are others' business.
//!
//! [`Executor`] runs a request: a mutation in one transaction, every other on the readers. [`guard`] looks at the text
//! before the parser does; `limits` at the document before anything walks it. `loaders` batch what nested fields ask for.
//! `error` gives every error its code.

mod audit;
mod diagnostics;
mod documents;
mod element;
mod error;
mod execute;
pub mod guard;
mod health;
mod id;
mod job;
mod limits;
mod loaders;
mod media;
mod node;
mod order;
mod pages;
mod scalars;
mod storage;
mod template;
mod timeline;
mod unset;
mod upload;

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions};
pub use error::{Problem, was_run};
pub use execute::Executor;
pub use job::read_document;

/// What can be asked.
#[derive(MergedObject, Default)]
pub struct Query(
    job::JobQuery,
    job::OutlookQuery,
    element::ElementQuery,
    node::NodeQuery,
    storage::StorageQuery,
    template::TemplateQuery,
    health::HealthQuery,
    diagnostics::DiagnosticsQuery,
    audit::AuditQuery,
);

/// What can be done. All fields of one operation are one transaction: if any fails, nothing has happened.
#[derive(MergedObject, Default)]
pub struct Mutation(
    job::JobMutation,
    job::WorkerMutation,
    element::ElementMutation,
    storage::StorageMutation,
    template::TemplateMutation,
    upload::UploadMutation,
);

/// What can be followed. Each event carries the cursor that resumes after it.
#[derive(MergedSubscription, Default)]
pub struct Subscription(job::JobSubscription, timeline::TimelineSubscription);

pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// The schema with its limits; the services come with each request.
pub fn schema() -> Schema {
    async_graphql::Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .limit_complexity(limits::COMPLEXITY)
        .limit_directives(guard::MAX_DIRECTIVES)
        .finish()
}

/// The schema in GraphQL's own language, in an order that does not depend on the code's.
pub fn sdl() -> String {
    let sorted = SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items().include_specified_by();
    schema().sdl_with_options(sorted)
}
