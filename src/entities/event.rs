//! The `events` table: the log that subscriptions read and resume from.

use sea_orm::entity::prelude::*;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize)]
#[sea_orm(table_name = "events")]
pub struct Model {
    /// Orders all events.
    #[sea_orm(primary_key)]
    pub position: i64,
    pub tenant: String,
    pub job_id: String,
    /// Counts this job's events from 1, without a gap.
    pub seq: i64,
    pub kind: String,
    /// The id of what the event is about: the job's or the step's.
    pub subject: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub payload: Json,
    pub at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
