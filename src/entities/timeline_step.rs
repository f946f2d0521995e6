//! The `timeline_steps` table.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::domain::{
    clock::Timestamp,
    event::StepState,
    timeline::{ProcessingStep, StepStatus},
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "timeline_steps")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub job_id: String,
    pub attempt: i32,
    pub step: String,
    pub step_order: i32,
    pub status: String,
    pub progress: f64,
    pub started_at: Option<i64>,
    pub completed_at: Option<i64>,
    pub cpu_ms: Option<f64>,
    pub peak_memory: Option<i64>,
    pub bytes_read: Option<i64>,
    pub bytes_written: Option<i64>,
    pub frames_per_second: Option<f64>,
    pub error: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub details: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(belongs_to = "super::job::Entity", from = "Column::JobId", to = "super::job::Column::Id", on_delete = "Cascade")]
    Job,
}

impl Related<super::job::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Job.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row as events carry it.
    pub fn state(&self) -> StepState {
        StepState {
            id: self.id.clone(),
            job_id: self.job_id.clone(),
            // The table's checks admit no other words.
            step: ProcessingStep::parse(&self.step).unwrap_or(ProcessingStep::Validation),
            attempt: self.attempt,
            status: StepStatus::parse(&self.status).unwrap_or(StepStatus::Pending),
            progress: self.progress,
            started_at: self.started_at.map(Timestamp),
            completed_at: self.completed_at.map(Timestamp),
            cpu_ms: self.cpu_ms,
            peak_memory: self.peak_memory,
            bytes_read: self.bytes_read,
            bytes_written: self.bytes_written,
            frames_per_second: self.frames_per_second,
            error: self.error.clone(),
            details: self.details.clone(),
        }
    }
}
