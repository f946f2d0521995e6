//! Elements of a job: read in order, changed while the job is a draft, positions dense throughout.

use std::{collections::BTreeSet, sync::Arc};

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
    sea_query::Expr,
};

use super::{
    Error, Services, Session,
    bulk::{self, Conflict},
    cached::grouped,
    event_log::{self, NewEvent},
    pages::{Key, KeyValue, Page, PageBounds, PageRequest},
};
use crate::{
    cache::Loaded,
    domain::{
        composition::{Element, ElementStatus, ElementType},
        error::{Violation, ViolationCode},
        id::ElementId,
        job::{self as job_rules, JobStatus},
        output::Output,
        validation::{self, Checker},
    },
    entities::{element, job},
};

/// Further than any position: rows are moved out by it and back, since each row's position is unique at every moment.
const OUT_OF_THE_WAY: i32 = 1_000_000;

pub(super) fn new_row(id: ElementId, job_id: &str, position: i32, element: &Element, now: i64) -> Result<element::Model, Error> {
    Ok(element::Model {
        id: id.into(),
        job_id: job_id.to_owned(),
        position,
        track: element.timing.track.unwrap_or(position),
        start: element.timing.start,
        element_type: element.element_type().as_str().to_owned(),
        spec: serde_json::to_value(element).map_err(|error| Error::internal(error.to_string()))?,
        status: ElementStatus::Pending.as_str().to_owned(),
        progress: 0.0,
        error: None,
        media: None,
        local_path: None,
        processed_path: None,
        created_at: now,
        updated_at: now,
    })
}

/// Which elements; what is `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct ElementFilter {
    pub job_id: Option<String>,
    pub element_type: Option<Vec<ElementType>>,
    pub status: Option<Vec<ElementStatus>>,
}

/// Ids sort by time: they are the order.
const ORDER: &str = "elements";

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

    /// The elements of jobs that the caller holds, by job, in order of position.
    pub async fn elements_of_jobs(&self, job_ids: &[String]) -> Result<Vec<(String, Arc<Vec<Arc<element::Model>>>)>, Error> {
        let load = async |ids: Vec<String>| -> Result<Loaded<Vec<Arc<element::Model>>>, Error> {
            Ok(grouped(&ids, elements_in(&ids).all(&self.executor()).await?, |row| &row.job_id))
        };
        match self.only_reads() {
            true => self.services().caches().elements.get(job_ids, load).await,
            false => Ok(load(job_ids.to_vec()).await?.into_iter().map(|(id, rows)| (id, Arc::new(rows))).collect()),
        }
    }

    /// A page of the tenant's elements, the newest first.
    pub async fn elements(&self, filter: &ElementFilter, request: &PageRequest) -> Result<Page<element::Model>, Error> {
        let bounds = request.bounds(ORDER, &KeyValue::Text(String::new()))?;
        let rows = self.page_of_elements(filter, &bounds).all(&self.executor()).await?;
        let key = |row: &element::Model| Key { order: ORDER.into(), value: KeyValue::Text(String::new()), id: row.id.clone() };
        Ok(bounds.page(rows, key))
    }

    /// The statement that reads a page.
    pub(super) fn page_of_elements(&self, filter: &ElementFilter, bounds: &PageBounds) -> Select<element::Entity> {
        use element::Column;
        let types = |types: &[ElementType]| types.iter().map(|kind| kind.as_str()).collect::<BTreeSet<_>>();
        let statuses = |statuses: &[ElementStatus]| statuses.iter().map(|status| status.as_str()).collect::<BTreeSet<_>>();
        let condition = Condition::all()
            .add(job::Column::Tenant.eq(&self.caller().tenant))
            .add_option(filter.job_id.as_deref().map(|id| Column::JobId.eq(id)))
            .add_option(filter.element_type.as_deref().map(|of| Column::ElementType.is_in(types(of))))
            .add_option(filter.status.as_deref().map(|of| Column::Status.is_in(statuses(of))))
            .add_option(bounds.after.as_ref().map(|key| Column::Id.lt(key.id.as_str())));
        let found = element::Entity::find().inner_join(job::Entity).filter(condition);
        found.order_by_desc(Column::Id).limit(bounds.size + 1)
    }

    /// Adds an element to a draft, at a position or at the end.
    pub async fn add_element(&self, job_id: &str, element: &Element, position: Option<i32>) -> Result<element::Model, Error> {
        let job = self.draft(job_id).await?;
        check_all(&job, std::slice::from_ref(element), |_| "element".to_owned())?;
        let unit = self.unit()?;
        let count = self.room_for(&job, 1).await?;
        let position = within("position", position.unwrap_or(count), count)?;
        shift(unit.transaction(), &job.id, (position, count), 1).await?;
        let id = ElementId::new(self.services().clock());
        let row = new_row(id, &job.id, position, element, self.services().clock().now().0)?;
        element::Entity::insert(row.clone().into_active_model().reset_all()).exec_without_returning(unit.transaction()).await?;
        unit.target(&row.id);
        self.changed(&job).await?;
        Ok(row)
    }

    /// Adds elements at the end of a draft, all or none.
    pub async fn add_elements(&self, job_id: &str, elements: &[Element]) -> Result<Vec<element::Model>, Error> {
        let job = self.draft(job_id).await?;
        check_all(&job, elements, |index| format!("elements[{index}]"))?;
        let unit = self.unit()?;
        let count = self.room_for(&job, elements.len()).await?;
        let now = self.services().clock().now().0;
        let mut rows = Vec::with_capacity(elements.len());
        for (position, element) in (count..).zip(elements) {
            rows.push(new_row(ElementId::new(self.services().clock()), &job.id, position, element, now)?);
        }
        bulk::insert::<element::Entity>(unit.transaction(), &rows, &[], Conflict::Fails).await?;
        // What they have in common is what was changed: an entry for each would be as much to write as they are.
        unit.target(&job.id);
        self.changed(&job).await?;
        Ok(rows)
    }

    /// Puts another element in the place of one of a draft; its id and position stay.
    pub async fn update_element(&self, id: &str, element: &Element) -> Result<element::Model, Error> {
        let (job, found) = self.element_of_draft(id).await?;
        check_all(&job, std::slice::from_ref(element), |_| "element".to_owned())?;
        let unit = self.unit()?;
        let now = self.services().clock().now().0;
        let new = new_row(ElementId::new(self.services().clock()), &job.id, found.position, element, found.created_at)?;
        let new = new.into_active_model().reset_all();
        let change = element::ActiveModel { id: Unchanged(found.id), updated_at: Set(now), ..new };
        let row = change.update(unit.transaction()).await?;
        self.changed(&job).await?;
        Ok(row)
    }

    /// Moves an element of a draft to another position; those between move by one. Returns all of them, in order.
    pub async fn move_element(&self, id: &str, position: i32) -> Result<Vec<element::Model>, Error> {
        let (job, found) = self.element_of_draft(id).await?;
        let transaction = self.unit()?.transaction();
        let count = self.count_elements(&job.id).await?;
        let to = within("position", position, count - 1)?;
        if to != found.position {
            place(transaction, id, 2 * OUT_OF_THE_WAY).await?;
            match to > found.position {
                true => shift(transaction, &job.id, (found.position + 1, to), -1).await?,
                false => shift(transaction, &job.id, (to, found.position - 1), 1).await?,
            }
            place(transaction, id, to).await?;
            self.changed(&job).await?;
        }
        Ok(elements_in(std::slice::from_ref(&job.id)).all(transaction).await?)
    }

    /// Removes an element of a draft; those after it move up.
    pub async fn delete_element(&self, id: &str) -> Result<String, Error> {
        let (job, found) = self.element_of_draft(id).await?;
        let transaction = self.unit()?.transaction();
        let count = self.count_elements(&job.id).await?;
        element::Entity::delete_by_id(id).exec(transaction).await?;
        shift(transaction, &job.id, (found.position + 1, count), -1).await?;
        self.changed(&job).await?;
        Ok(found.id)
    }

    /// An element and its job, held, if its elements may change.
    async fn element_of_draft(&self, id: &str) -> Result<(job::Model, element::Model), Error> {
        let missing = || Error::NotFound { what: "element", id: id.to_owned() };
        let found = self.element(id).await?.ok_or_else(missing)?;
        let job = self.draft(&found.job_id).await?;
        // Read again: the job's row is held now, and another may have moved the element before.
        let unit = self.unit()?;
        let found = element::Entity::find_by_id(id).one(unit.transaction()).await?.ok_or_else(missing)?;
        unit.target(&found.id);
        Ok((job, found))
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

    async fn count_elements(&self, job_id: &str) -> Result<i32, Error> {
        let count = element::Entity::find().filter(element::Column::JobId.eq(job_id)).count(self.unit()?.transaction());
        Ok(count.await? as i32)
    }

    /// How many elements a job has, if it may have so many more.
    async fn room_for(&self, job: &job::Model, more: usize) -> Result<i32, Error> {
        let count = self.count_elements(&job.id).await?;
        let most = job_rules::limits::ELEMENTS;
        if count as usize + more > most {
            let message = format!("a job may have at most {most} elements, and this one has {count}");
            return Err(Error::conflict(message, "split the composition into several jobs"));
        }
        Ok(count)
    }

    /// Notes that a job's elements are others now.
    async fn changed(&self, job: &job::Model) -> Result<(), Error> {
        let now = self.services().clock().now();
        event_log::append(self.unit()?, &job.tenant, &job.id, now, vec![NewEvent::changed(&job.id)]).await
    }
}

/// Elements of some jobs, in order of job and position.
pub(super) fn elements_in(job_ids: &[String]) -> Select<element::Entity> {
    element::Entity::find()
        .filter(element::Column::JobId.is_in(job_ids.iter().map(String::as_str)))
        .order_by_asc(element::Column::JobId)
        .order_by_asc(element::Column::Position)
}

/// Checks elements that are to be a job's, and against the length that its outputs have.
fn check_all(job: &job::Model, elements: &[Element], at: impl Fn(usize) -> String) -> Result<(), Error> {
    let outputs: Vec<Output> = serde_json::from_value(job.outputs.clone()).map_err(|error| Error::internal(error.to_string()))?;
    let duration = validation::ends_by(&outputs);
    let mut check = Checker::default();
    for (index, element) in elements.iter().enumerate() {
        let at = format!("{}.{}", at(index), element.element_type().field());
        validation::element(&mut check, &at, element);
        validation::past_the_end(&mut check, &at, element, duration);
    }
    check.into_result(()).map_err(Error::Invalid)
}

fn within(path: &str, position: i32, last: i32) -> Result<i32, Error> {
    if (0..=last).contains(&position) {
        return Ok(position);
    }
    let message = format!("must be from 0 to {last}");
    Err(Error::Invalid(vec![Violation { path: path.into(), code: ViolationCode::OutOfRange, message }]))
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

/// Moves the elements from one position to another, both included, by some places, in two steps that never meet.
async fn shift(transaction: &DatabaseTransaction, job_id: &str, range: (i32, i32), by: i32) -> Result<(), Error> {
    let (first, last) = range;
    if first > last {
        return Ok(());
    }
    let away = (first + OUT_OF_THE_WAY, last + OUT_OF_THE_WAY);
    for ((first, last), by) in [((first, last), OUT_OF_THE_WAY), (away, by - OUT_OF_THE_WAY)] {
        element::Entity::update_many()
            .col_expr(element::Column::Position, Expr::col(element::Column::Position).add(by))
            .filter(element::Column::JobId.eq(job_id))
            .filter(element::Column::Position.between(first, last))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

async fn place(transaction: &DatabaseTransaction, id: &str, position: i32) -> Result<(), Error> {
    element::Entity::update_many()
        .col_expr(element::Column::Position, Expr::value(position))
        .filter(element::Column::Id.eq(id))
        .exec(transaction)
        .await?;
    Ok(())
}
