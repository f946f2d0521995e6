//! The `jobs` table. `finished_key` and `name_key`, which the database computes for its orders, are not of this model.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::domain::job::JobStatus;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub tenant: String,
    pub name: Option<String>,
    /// The name in lower case, as Unicode has it, to be searched in.
    pub search_name: Option<String>,
    pub status: String,
    pub progress: f64,
    pub current_step: Option<String>,
    pub priority: i32,
    pub attempt: i32,
    pub max_attempts: i32,
    /// How often a worker died under this job.
    pub rescues: i32,
    /// Attempts that do not count towards `max_attempts`: those that lost their worker or were handed back, and those
    /// before a client's retry.
    pub uncounted: i32,
    #[sea_orm(column_type = "JsonBinary")]
    pub outputs: Json,
    pub duration: Option<f64>,
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
    pub webhook_url: Option<String>,
    pub client_ip: Option<String>,
    pub idempotency_key: Option<String>,
    pub request_hash: Option<String>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub error: Option<Json>,
    #[sea_orm(column_type = "JsonBinary")]
    pub results: Json,
    /// Not claimed before this time.
    pub run_at: i64,
    /// Raised by every claim and release: a worker that holds an older one has lost the job.
    pub fence: i64,
    pub lease_owner: Option<String>,
    pub lease_expires_at: Option<i64>,
    pub cancel_requested_at: Option<i64>,
    /// The number of the job's newest event.
    pub event_seq: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(has_many = "super::element::Entity")]
    Element,
    #[sea_orm(has_many = "super::timeline_step::Entity")]
    TimelineStep,
}

impl Related<super::element::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Element.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn status(&self) -> JobStatus {
        // The table's check admits no other word.
        JobStatus::parse(&self.status).unwrap_or(JobStatus::Draft)
    }
}
