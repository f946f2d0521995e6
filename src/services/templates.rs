//! Templates: kept, found, changed, removed. Filling one is the domain's; reading what comes of it as a job, the API's.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set, Unchanged},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::LockType,
};

use super::{
    Error, Session,
    pages::{Page, PageBounds, PageRequest, TimeKey},
};
use crate::{
    domain::{
        id::TemplateId,
        template::{NewTemplate, Variable},
    },
    entities::template,
};

const ORDER: TimeKey = TimeKey("templates");

fn missing(id: &str) -> Error {
    Error::NotFound { what: "template", id: id.to_owned() }
}

fn written(variables: &[Variable]) -> Result<serde_json::Value, Error> {
    serde_json::to_value(variables).map_err(|error| Error::internal(error.to_string()))
}

/// The variables of a template's row.
pub fn variables_of(row: &template::Model) -> Result<Vec<Variable>, Error> {
    serde_json::from_value(row.variables.clone()).map_err(|error| Error::internal(error.to_string()))
}

impl Session {
    /// Keeps a template that has been checked, and tried as a job.
    pub async fn create_template(&self, new: &NewTemplate) -> Result<template::Model, Error> {
        let clock = self.services().clock();
        let now = clock.now().0;
        let row = template::ActiveModel {
            id: Set(TemplateId::new(clock).into()),
            tenant: Set(self.caller().tenant.clone()),
            name: Set(new.name.clone()),
            description: Set(new.description.clone()),
            variables: Set(written(&new.variables)?),
            document: Set(new.document.clone()),
            created_at: Set(now),
            updated_at: Set(now),
        };
        let unit = self.unit()?;
        let row = template::Entity::insert(row).exec_with_returning(unit.transaction()).await?;
        unit.target(&row.id);
        Ok(row)
    }

    /// Puts all that a template says anew, checked and tried as a new one's.
    pub async fn update_template(&self, id: &str, new: &NewTemplate) -> Result<template::Model, Error> {
        let found = self.held_template(id).await?;
        let change = template::ActiveModel {
            id: Unchanged(found.id),
            tenant: NotSet,
            name: Set(new.name.clone()),
            description: Set(new.description.clone()),
            variables: Set(written(&new.variables)?),
            document: Set(new.document.clone()),
            created_at: NotSet,
            updated_at: Set(self.services().clock().now().0),
        };
        Ok(change.update(self.unit()?.transaction()).await?)
    }

    /// Removes a template; the jobs that were made of it stay.
    pub async fn delete_template(&self, id: &str) -> Result<String, Error> {
        let found = self.held_template(id).await?;
        template::Entity::delete_by_id(&found.id).exec(self.unit()?.transaction()).await?;
        Ok(found.id)
    }

    /// One template of the caller's tenant.
    pub async fn template(&self, id: &str) -> Result<Option<template::Model>, Error> {
        let found = template::Entity::find_by_id(id).filter(template::Column::Tenant.eq(&self.caller().tenant));
        Ok(found.one(&self.executor()).await?)
    }

    /// The template that a job is about to be made of, noted as a target.
    pub async fn template_to_render(&self, id: &str) -> Result<template::Model, Error> {
        let found = self.template(id).await?.ok_or_else(|| missing(id))?;
        self.unit()?.target(&found.id);
        Ok(found)
    }

    /// A page of the tenant's templates, the newest first.
    pub async fn templates(&self, request: &PageRequest) -> Result<Page<template::Model>, Error> {
        let bounds = ORDER.bounds(request)?;
        let rows = self.page_of_templates(&bounds).all(&self.executor()).await?;
        Ok(bounds.page(rows, |row| ORDER.key(row.created_at, &row.id)))
    }

    /// The statement that reads a page.
    pub(super) fn page_of_templates(&self, bounds: &PageBounds) -> Select<template::Entity> {
        template::Entity::find()
            .filter(template::Column::Tenant.eq(&self.caller().tenant))
            .filter(ORDER.after(bounds, template::Column::CreatedAt, template::Column::Id))
            .order_by_desc(template::Column::CreatedAt)
            .order_by_desc(template::Column::Id)
            .limit(bounds.size + 1)
    }

    async fn held_template(&self, id: &str) -> Result<template::Model, Error> {
        let unit = self.unit()?;
        let found = template::Entity::find_by_id(id)
            .filter(template::Column::Tenant.eq(&self.caller().tenant))
            .lock(LockType::Update)
            .one(unit.transaction())
            .await?;
        let found = found.ok_or_else(|| missing(id))?;
        unit.target(&found.id);
        Ok(found)
    }
}
