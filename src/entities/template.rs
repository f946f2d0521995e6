//! The `templates` table.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "templates")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub tenant: String,
    /// Unique within the tenant.
    pub name: String,
    pub description: Option<String>,
    /// A list of [`crate::domain::template::Variable`].
    #[sea_orm(column_type = "JsonBinary")]
    pub variables: Json,
    /// The input of a job, with places for the variables.
    #[sea_orm(column_type = "JsonBinary")]
    pub document: Json,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
