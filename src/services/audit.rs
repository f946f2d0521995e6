//! The audit log: each field of each mutation leaves an entry for everything that it changed, in the same transaction. What
//! failed was rolled back, and leaves its entries after that.

use std::time::Duration;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::{
    Error, Services, Session,
    bulk::{self, Conflict},
    jobs::TimeRange,
    pages::{Page, PageBounds, PageRequest, TimeKey},
    transaction::Field,
};
use crate::{
    domain::{
        caller::{Caller, Role},
        error::{ErrorCode, Violation, ViolationCode},
        id::AuditId,
    },
    entities::audit_entry,
};

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    Failed,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Succeeded => "SUCCEEDED",
            Outcome::Failed => "FAILED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Outcome::Succeeded, Outcome::Failed].into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// Which entries; what is `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub actor: Option<String>,
    pub action: Option<Vec<String>>,
    pub target: Option<String>,
    pub outcome: Option<Outcome>,
    pub at: Option<TimeRange>,
}

const ORDER: TimeKey = TimeKey("auditLog");
/// The most actions that a filter names.
const MOST_ACTIONS: usize = 100;
/// How long an answer waits for its failure to be noted.
const PATIENCE: Duration = Duration::from_millis(250);

impl Session {
    /// Writes the entries of a transaction that is about to commit, within it.
    pub(super) async fn audit(&self) -> Result<(), Error> {
        let unit = self.unit()?;
        let rows = self.services.entries(self, &unit.fields(), Outcome::Succeeded, None);
        bulk::insert::<audit_entry::Entity>(unit.transaction(), &rows, &[], Conflict::Fails).await?;
        Ok(())
    }

    /// A page of the tenant's entries, the newest first. For ADMIN.
    pub async fn audit_log(&self, filter: &AuditFilter, request: &PageRequest) -> Result<Page<audit_entry::Model>, Error> {
        self.require(Role::Admin)?;
        if filter.action.as_ref().is_some_and(|actions| actions.len() > MOST_ACTIONS) {
            let message = format!("must name at most {MOST_ACTIONS} actions");
            let violation = Violation { path: "filter.action".into(), code: ViolationCode::TooMany, message };
            return Err(Error::Invalid(vec![violation]));
        }
        let bounds = ORDER.bounds(request)?;
        let rows = page(&self.caller, filter, &bounds).all(&self.executor()).await?;
        Ok(bounds.page(rows, |row| ORDER.key(row.at, &row.id)))
    }
}

impl Services {
    /// Notes that the fields of a mutation failed, each with the error's code. Best effort: the answer does not wait long
    /// for a database that is busy or away.
    pub async fn audit_failure(&self, session: &Session, actions: &[String], code: ErrorCode) {
        let fields: Vec<Field> = actions.iter().map(|action| Field { action: action.clone(), targets: Vec::new() }).collect();
        let rows = self.entries(session, &fields, Outcome::Failed, Some(code));
        if rows.is_empty() {
            return;
        }
        let services = self.clone();
        let noting = self.inner.background.spawn(async move {
            let writer = services.database().writer();
            let noted = bulk::insert::<audit_entry::Entity>(writer, &rows, &[], Conflict::Fails).await;
            if let Err(error) = noted {
                tracing::warn!(%error, "the failure of a mutation could not be noted in the audit log");
            }
        });
        // Late, it goes on by itself.
        let _ = tokio::time::timeout(PATIENCE, noting).await;
    }

    fn entries(&self, session: &Session, fields: &[Field], outcome: Outcome, code: Option<ErrorCode>) -> Vec<audit_entry::Model> {
        let at = self.clock().now().0;
        let entry = |action: &str, target: Option<String>| audit_entry::Model {
            id: AuditId::new(self.clock()).into(),
            tenant: session.caller.tenant.clone(),
            actor: session.caller.name.clone(),
            role: session.caller.role.as_str().to_owned(),
            client_ip: session.caller.client_ip.clone(),
            action: action.to_owned(),
            target,
            outcome: outcome.as_str().to_owned(),
            code: code.map(|code| code.as_str().to_owned()),
            correlation_id: session.correlation_id.to_string(),
            at,
        };
        let of_field = |field: &Field| match field.targets.as_slice() {
            [] => vec![entry(&field.action, None)],
            targets => targets.iter().map(|target| entry(&field.action, Some(target.clone()))).collect(),
        };
        fields.iter().flat_map(of_field).collect()
    }
}

/// The statement that reads a page.
pub(super) fn page(caller: &Caller, filter: &AuditFilter, bounds: &PageBounds) -> Select<audit_entry::Entity> {
    use audit_entry::Column;
    audit_entry::Entity::find()
        .filter(condition(caller, filter))
        .filter(ORDER.after(bounds, Column::At, Column::Id))
        .order_by_desc(Column::At)
        .order_by_desc(Column::Id)
        .limit(bounds.size + 1)
}

fn condition(caller: &Caller, filter: &AuditFilter) -> Condition {
    use audit_entry::Column;
    let range = filter.at.unwrap_or_default();
    Condition::all()
        .add(Column::Tenant.eq(&caller.tenant))
        .add_option(filter.actor.as_deref().map(|actor| Column::Actor.eq(actor)))
        .add_option(filter.action.as_deref().map(|actions| Column::Action.is_in(actions.iter().map(String::as_str))))
        .add_option(filter.target.as_deref().map(|target| Column::Target.eq(target)))
        .add_option(filter.outcome.map(|outcome| Column::Outcome.eq(outcome.as_str())))
        .add_option(range.from.map(|from| Column::At.gte(from.0)))
        .add_option(range.to.map(|to| Column::At.lt(to.0)))
}
