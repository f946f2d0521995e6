//! The `storage_operations` table.

use sea_orm::entity::prelude::*;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize)]
#[sea_orm(table_name = "storage_operations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub tenant: String,
    pub job_id: Option<String>,
    pub element_id: Option<String>,
    pub operation: String,
    pub bucket: String,
    pub key: String,
    pub success: bool,
    pub size: Option<i64>,
    pub duration_ms: f64,
    pub attempts: i32,
    pub error: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
