//! Elements of a job: read in order, added and removed while the job is a draft, positions dense throughout.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};

use super::{Error, Services, Session};
use crate::{
    domain::{
        composition::Element,
        error::{Violation, ViolationCode},
        id::ElementId,
        job::{self as job_rules, JobStatus},
        validation::{self, Checker},
    },
    entities::{element, job},
};

/// Further than any position: rows are moved out by it and back, since each row's position is unique at every moment.
const OUT_OF_THE_WAY: i32 = 1_000_000;

pub(super) fn new_row(
    id: ElementId,
    job_id: &str,
    position: i32,
    element: &Element,
    now: i64,
) -> Result<element::ActiveModel, Error> {
    Ok(element::ActiveModel {
        id: Set(id.into()),
        job_id: Set(job_id.to_owned()),
        position: Set(position),
        track: Set(element.timing.track.unwrap_or(position)),
        start: Set(element.timing.start),
        element_type: Set(element.element_type().as_str().to_owned()),
        spec: Set(serde_json::to_value(element).map_err(|error| Error::internal(error.to_string()))?),
        status: Set("PENDING".to_owned()),
        progress: Set(0.0),
        error: NotSet,
        media: NotSet,
        local_path: NotSet,
        processed_path: NotSet,
        created_at: Set(now),
        updated_at: Set(now),
    })
}

impl Session {
    /// One element of the caller's tenant.
    pub async fn element(&self, id: &str) -> Result<Option<element::Model>, Error> {
        Ok(self.elements_by_id(std::slice::from_ref(&id.to_owned())).await?.pop())
    }

    pub async fn elements_by_id(&self, ids: &[String]) -> Result<Vec<element::Model>, Error> {
        let found = element::Entity::find()
            .inner_join(job::Entity)
            .filter(job::Column::Tenant.eq(&self.caller().tenant))
            .filter(element::Column::Id.is_in(ids.iter().map(String::as_str)));
        Ok(found.all(&self.executor()).await?)
    }

    /// The elements of jobs that the caller holds, in order of job and position.
    pub async fn elements_of_jobs(&self, job_ids: &[String]) -> Result<Vec<element::Model>, Error> {
        let found = element::Entity::find()
            .filter(element::Column::JobId.is_in(job_ids.iter().map(String::as_str)))
            .order_by_asc(element::Column::JobId)
            .order_by_asc(element::Column::Position);
        Ok(found.all(&self.executor()).await?)
    }

    /// Adds an element to a draft, at a position or at the end.
    pub async fn add_element(&self, job_id: &str, element: &Element, position: Option<i32>) -> Result<element::Model, Error> {
        let mut check = Checker::default();
        validation::element(&mut check, &format!("element.{}", element.element_type().field()), element);
        check.into_result(()).map_err(Error::Invalid)?;
        let job = self.draft(job_id).await?;
        let transaction = self.unit()?.transaction();
        let count = element::Entity::find().filter(element::Column::JobId.eq(job_id)).count(transaction).await? as i32;
        if count as usize >= job_rules::limits::ELEMENTS {
            let suggestion = "split the composition into several jobs";
            return Err(Error::conflict(format!("the job has the most elements that one may have, {count}"), suggestion));
        }
        let position = position.unwrap_or(count);
        if !(0..=count).contains(&position) {
            let message = format!("must be from 0 to {count}");
            return Err(Error::Invalid(vec![Violation { path: "position".into(), code: ViolationCode::OutOfRange, message }]));
        }
        shift(transaction, &job.id, position, 1).await?;
        let id = ElementId::new(self.services().clock());
        let row = new_row(id, &job.id, position, element, self.services().clock().now().0)?;
        Ok(element::Entity::insert(row).exec_with_returning(transaction).await?)
    }

    /// Removes an element of a draft; those after it move up.
    pub async fn delete_element(&self, id: &str) -> Result<String, Error> {
        let found = self.element(id).await?.ok_or_else(|| Error::NotFound { what: "element", id: id.to_owned() })?;
        let job = self.draft(&found.job_id).await?;
        let transaction = self.unit()?.transaction();
        // Read again: the job's row is held now, and another may have moved it before.
        let found = element::Entity::find_by_id(id).one(transaction).await?;
        let found = found.ok_or_else(|| Error::NotFound { what: "element", id: id.to_owned() })?;
        element::Entity::delete_by_id(id).exec(transaction).await?;
        shift(transaction, &job.id, found.position + 1, -1).await?;
        Ok(found.id)
    }

    /// The job, held, if its elements may change.
    async fn draft(&self, job_id: &str) -> Result<job::Model, Error> {
        let job = self.locked_job(job_id).await?;
        match job.status() {
            JobStatus::Draft => Ok(job),
            status => Err(Error::conflict(
                format!("the elements of a job change only while it is a draft, and this one is {}", status.as_str()),
                "create a job with submit: false, and submit it when it is complete",
            )),
        }
    }
}

impl Services {
    /// The elements of a job with their ids, in order, for the worker that holds it.
    pub async fn elements_of(&self, job_id: &str) -> Result<Vec<(String, Element)>, Error> {
        let found = element::Entity::find().filter(element::Column::JobId.eq(job_id)).order_by_asc(element::Column::Position);
        let rows = found.all(self.database().reader()).await?;
        let read = |row: element::Model| Ok((row.id, serde_json::from_value(row.spec)?));
        rows.into_iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(|error: serde_json::Error| Error::internal(error.to_string()))
    }
}

/// Moves the elements from a position on by some places, in two steps that never meet.
async fn shift(transaction: &DatabaseTransaction, job_id: &str, from: i32, by: i32) -> Result<(), Error> {
    let steps = [(from, OUT_OF_THE_WAY), (OUT_OF_THE_WAY, by - OUT_OF_THE_WAY)];
    for (from, by) in steps {
        element::Entity::update_many()
            .col_expr(element::Column::Position, Expr::col(element::Column::Position).add(by))
            .filter(element::Column::JobId.eq(job_id))
            .filter(element::Column::Position.gte(from))
            .exec(transaction)
            .await?;
    }
    Ok(())
}
