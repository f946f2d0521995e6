//! The `audit_entries` table. Rows are only ever added.

use sea_orm::entity::prelude::*;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize)]
#[sea_orm(table_name = "audit_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub tenant: String,
    pub actor: String,
    pub role: String,
    pub client_ip: Option<String>,
    /// The mutation's name.
    pub action: String,
    /// The id of what it changed; of several, each has a row.
    pub target: Option<String>,
    pub outcome: String,
    /// Of a failure: its error's code.
    pub code: Option<String>,
    pub correlation_id: String,
    pub at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
