//! The audit log.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::{
    error::{Result, failed},
    job::DateTimeRange,
    loaders::session,
    pages::{self, PageInfo, page_size},
    scalars::{Cursor, DateTime},
};
use crate::{
    domain::clock::Timestamp,
    entities::audit_entry,
    services::{audit, pages::Key},
};

/// How an action ended.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "audit::Outcome")]
pub enum AuditOutcome {
    /// It was committed.
    Succeeded,
    /// It was rolled back, with all of its operation.
    Failed,
}

/// Who did what to what, and how it ended. Entries are added and never changed.
pub struct AuditEntry(audit_entry::Model);

#[Object]
impl AuditEntry {
    /// Its id, aud_…
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// When it happened.
    async fn at(&self) -> DateTime {
        DateTime(Timestamp(self.0.at))
    }

    /// Who did it.
    async fn actor(&self) -> &str {
        &self.0.actor
    }

    /// The role that it was done in.
    async fn role(&self) -> &str {
        &self.0.role
    }

    /// The address that the request came from.
    async fn client_ip(&self) -> Option<&str> {
        self.0.client_ip.as_deref()
    }

    /// The mutation's name.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// The id of what it changed; of several, each has an entry. Null of what failed.
    async fn target(&self) -> Option<ID> {
        self.0.target.as_deref().map(ID::from)
    }

    /// How it ended.
    async fn outcome(&self) -> AuditOutcome {
        // The table's check admits no other word.
        audit::Outcome::parse(&self.0.outcome).unwrap_or(audit::Outcome::Failed).into()
    }

    /// The code of the error, of what failed.
    async fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The request's correlation id, as its answer's header and the server's log have it.
    async fn correlation_id(&self) -> &str {
        &self.0.correlation_id
    }
}

/// Which entries; what is not given does not restrict.
#[derive(InputObject, Default)]
pub struct AuditFilter {
    /// Those of one actor.
    actor: Option<String>,
    /// Those of some mutations, by name.
    action: Option<Vec<String>>,
    /// Those that changed this.
    target: Option<ID>,
    /// Those that ended so.
    outcome: Option<AuditOutcome>,
    /// Those of some time.
    at: Option<DateTimeRange>,
}

/// An entry in a page.
#[derive(SimpleObject)]
pub struct AuditEntryEdge {
    /// Its place in the list.
    cursor: Cursor,
    /// The entry.
    node: AuditEntry,
}

/// A page of entries, the newest first.
#[derive(SimpleObject)]
pub struct AuditEntryConnection {
    /// The entries with their places.
    edges: Vec<AuditEntryEdge>,
    /// Where the page lies.
    page_info: PageInfo,
}

#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// Who did what, the newest first. For ADMIN.
    #[graphql(complexity = "page_size(first, None) * child_complexity + 1")]
    async fn audit_log(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which entries.")] filter: Option<AuditFilter>,
        #[graphql(desc = "How many, from 1 to 100; 20 where it is not given.")] first: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<Cursor>,
    ) -> Result<AuditEntryConnection> {
        let filter = filter.unwrap_or_default();
        let filter = audit::AuditFilter {
            actor: filter.actor,
            action: filter.action,
            target: filter.target.map(String::from),
            outcome: filter.outcome.map(Into::into),
            at: filter.at.map(Into::into),
        };
        let request = pages::request(first, after, None, None);
        let page = session(context)?.audit_log(&filter, &request).await.map_err(failed)?;
        let page_info = PageInfo::of(&page);
        let edge = |(key, row): (Key, _)| AuditEntryEdge { cursor: Cursor(key.to_cursor()), node: AuditEntry(row) };
        Ok(AuditEntryConnection { edges: page.rows.into_iter().map(edge).collect(), page_info })
    }
}
