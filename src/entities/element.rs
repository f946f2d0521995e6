//! The `elements` table. That positions have no gap the database checks (the migrations say how).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "elements")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub job_id: String,
    pub position: i32,
    pub track: i32,
    /// Seconds; of one that follows another, known once their media are.
    pub start: Option<f64>,
    pub element_type: String,
    /// The whole element, as [`crate::domain::composition::Element`].
    #[sea_orm(column_type = "JsonBinary")]
    pub spec: Json,
    pub status: String,
    pub progress: f64,
    pub error: Option<String>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub media: Option<Json>,
    pub local_path: Option<String>,
    pub processed_path: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
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
