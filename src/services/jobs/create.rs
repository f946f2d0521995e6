//! New jobs: their rows, their elements and the events that tell of them, many by a few statements.

use std::collections::{HashMap, HashSet};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::no_such_job;
use crate::{
    domain::{
        composition::Element,
        error::{Violation, ViolationCode},
        event::StatusChange,
        id::{ElementId, JobId},
        job::{JobPatch, JobStatus, NewJob, limits, search_name},
        output::Output,
        validation::{self, Checker},
    },
    entities::{element, job},
    services::{
        Error, Session,
        bulk::{self, Conflict, Inserts},
        elements,
        event_log::{self, NewEvent},
        transaction::Afterwards,
    },
};

impl Session {
    /// Makes a job. The same idempotency key with the same input gives the job that is there already.
    pub async fn create_job(&self, new: &NewJob, at: &str) -> Result<job::Model, Error> {
        let made = self.make_jobs(std::slice::from_ref(new), |_| at.to_owned()).await?;
        made.into_iter().next().ok_or_else(|| Error::internal("a new job is not there"))
    }

    /// Makes jobs, all or none, in the order of their inputs; `at` is the path of the list.
    pub async fn create_jobs(&self, new: &[NewJob], at: &str) -> Result<Vec<job::Model>, Error> {
        self.make_jobs(new, |index| format!("{at}[{index}]")).await
    }

    /// Makes a job like another, with its elements, as a draft or queued at once.
    pub async fn duplicate_job(&self, id: &str, patch: &JobPatch, submit: bool) -> Result<job::Model, Error> {
        let mut check = Checker::default();
        validation::job_patch(&mut check, "patch", patch);
        check.into_result(()).map_err(Error::Invalid)?;
        let source = self.job(id).await?.ok_or_else(|| no_such_job(id))?;
        let read = |error: serde_json::Error| Error::internal(error.to_string());
        let rows = self.elements_of_jobs(std::slice::from_ref(&source.id)).await?;
        let specs = rows.iter().flat_map(|(_, rows)| rows.iter()).map(|row| serde_json::from_value(row.spec.clone()));
        let elements: Vec<Element> = specs.collect::<Result<_, _>>().map_err(read)?;
        let mut outputs: Vec<Output> = serde_json::from_value(source.outputs.clone()).map_err(read)?;
        // What the other has made is not to be written over.
        outputs.iter_mut().for_each(|output| output.key = None);
        let new = NewJob {
            name: patch.name.clone().unwrap_or_else(|| source.name.clone()),
            outputs: patch.outputs.clone().unwrap_or(outputs),
            elements,
            submit,
            priority: patch.priority.unwrap_or(source.priority),
            max_attempts: source.max_attempts,
            metadata: patch.metadata.clone().unwrap_or_else(|| source.metadata.clone()),
            idempotency_key: None,
            request_hash: None,
        };
        self.create_job(&new, "patch").await
    }

    async fn make_jobs(&self, new: &[NewJob], at: impl Fn(usize) -> String) -> Result<Vec<job::Model>, Error> {
        check(new, at)?;
        let before = self.made_before(new).await?;
        let mut by_key: HashMap<&str, usize> = HashMap::new();
        // The new rows; and for each input its row: a new one, by index, or one that is there.
        let (mut rows, mut sources) = (Vec::with_capacity(new.len()), Vec::with_capacity(new.len()));
        let mut answer: Vec<Result<usize, job::Model>> = Vec::with_capacity(new.len());
        for new in new {
            let key = new.idempotency_key.as_deref();
            if let Some(there) = key.and_then(|key| before.get(key)) {
                answer.push(Err(same_request(there, new)?));
            } else if let Some(&index) = key.and_then(|key| by_key.get(key)) {
                same_request(&rows[index], new)?;
                answer.push(Ok(index));
            } else {
                by_key.extend(key.map(|key| (key, rows.len())));
                answer.push(Ok(rows.len()));
                rows.push(self.new_row(new)?);
                sources.push(new);
            }
        }
        let lost = self.insert(&rows, &sources).await?;
        let mut answer: Vec<job::Model> =
            answer.into_iter().map(|row| row.map_or_else(|there| there, |index| rows[index].clone())).collect();
        if !lost.is_empty() {
            // Another request made jobs of the same keys in this moment: theirs are the answer.
            let theirs = self.made_before(new).await?;
            for (new, row) in new.iter().zip(&mut answer) {
                if let Some(there) = new.idempotency_key.as_deref().and_then(|key| theirs.get(key)) {
                    *row = same_request(there, new)?;
                }
            }
        }
        let unit = self.unit()?;
        answer.iter().for_each(|row| unit.target(&row.id));
        Ok(answer)
    }

    /// Writes new jobs, each with the input that it is of; returns the ids of those that another request was faster with.
    async fn insert(&self, rows: &[job::Model], sources: &[&NewJob]) -> Result<HashSet<String>, Error> {
        let unit = self.unit()?;
        let mut inserts = Inserts::on(unit.transaction().get_database_backend());
        // A key may meet another's: then who was faster must be known before there are elements.
        let lost = match rows.iter().any(|row| row.idempotency_key.is_some()) {
            true => self.insert_keyed(rows).await?,
            false => {
                inserts.add::<job::Entity>(rows, &[], Conflict::Fails)?;
                HashSet::new()
            }
        };
        let made = || rows.iter().zip(sources).filter(|(row, _)| !lost.contains(&row.id));
        let mut elements = Vec::new();
        let mut told = Vec::with_capacity(rows.len());
        for (row, new) in made() {
            for (position, element) in new.elements.iter().enumerate() {
                let id = ElementId::new(self.services().clock());
                elements.push(elements::new_row(id, &row.id, position as i32, element, row.created_at)?);
            }
            let change = StatusChange { status: row.status(), previous: None, progress: 0.0, step: None, message: None };
            told.push((row, NewEvent::status(&row.id, &change)?));
        }
        inserts.add::<element::Entity>(&elements, &[], Conflict::Fails)?;
        event_log::begin(unit, &mut inserts, told)?;
        inserts.run(unit.transaction()).await?;
        if made().any(|(_, new)| new.submit) {
            unit.afterwards(Afterwards::RingQueue);
        }
        Ok(lost)
    }

    /// Writes the rows of jobs with keys; returns the ids of those whose key another request has taken.
    async fn insert_keyed(&self, rows: &[job::Model]) -> Result<HashSet<String>, Error> {
        let transaction = self.unit()?.transaction();
        let inserted = bulk::insert::<job::Entity>(transaction, rows, &[], Conflict::LeavesOut).await?;
        if inserted as usize == rows.len() {
            return Ok(HashSet::new());
        }
        let ids = || rows.iter().map(|row| row.id.as_str());
        let there = job::Entity::find().select_only().column(job::Column::Id).filter(job::Column::Id.is_in(ids()));
        let there: HashSet<String> = there.into_tuple().all(transaction).await?.into_iter().collect();
        Ok(ids().filter(|id| !there.contains(*id)).map(str::to_owned).collect())
    }

    fn new_row(&self, new: &NewJob) -> Result<job::Model, Error> {
        let clock = self.services().clock();
        let now = clock.now().0;
        let status = if new.submit { JobStatus::Queued } else { JobStatus::Draft };
        Ok(job::Model {
            id: JobId::new(clock).into(),
            tenant: self.caller().tenant.clone(),
            name: new.name.clone(),
            search_name: new.name.as_deref().map(search_name),
            status: status.as_str().to_owned(),
            progress: 0.0,
            current_step: None,
            priority: new.priority,
            attempt: 0,
            max_attempts: new.max_attempts,
            rescues: 0,
            uncounted: 0,
            outputs: serde_json::to_value(&new.outputs).map_err(|error| Error::internal(error.to_string()))?,
            duration: None,
            metadata: new.metadata.clone(),
            webhook_url: None,
            client_ip: self.caller().client_ip.clone(),
            idempotency_key: new.idempotency_key.clone(),
            request_hash: new.request_hash.clone(),
            error: None,
            results: serde_json::json!([]),
            run_at: now,
            fence: 0,
            lease_owner: None,
            lease_expires_at: None,
            cancel_requested_at: None,
            // That it was made.
            event_seq: 1,
            created_at: now,
            updated_at: now,
            started_at: None,
            finished_at: None,
        })
    }

    /// The jobs that are there already, by their idempotency keys.
    async fn made_before(&self, new: &[NewJob]) -> Result<HashMap<String, job::Model>, Error> {
        let keys: Vec<&str> = new.iter().filter_map(|new| new.idempotency_key.as_deref()).collect();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let found = job::Entity::find()
            .filter(job::Column::Tenant.eq(&self.caller().tenant))
            .filter(job::Column::IdempotencyKey.is_in(keys))
            .all(&self.executor())
            .await?;
        Ok(found.into_iter().filter_map(|row| Some((row.idempotency_key.clone()?, row))).collect())
    }
}

fn check(new: &[NewJob], at: impl Fn(usize) -> String) -> Result<(), Error> {
    if new.len() > limits::BULK {
        let message = format!("must have at most {} jobs, and has {}", limits::BULK, new.len());
        return Err(Error::Invalid(vec![Violation { path: "inputs".into(), code: ViolationCode::TooMany, message }]));
    }
    let mut check = Checker::default();
    for (index, new) in new.iter().enumerate() {
        validation::new_job(&mut check, &at(index), new);
    }
    check.into_result(()).map_err(Error::Invalid)
}

/// The job that a key stands for, if it was asked for by the same input.
fn same_request(there: &job::Model, new: &NewJob) -> Result<job::Model, Error> {
    match there.request_hash == new.request_hash {
        true => Ok(there.clone()),
        false => Err(Error::IdempotencyKeyReused),
    }
}
