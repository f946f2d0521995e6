//! What clients say of jobs.

use async_graphql::{Enum, InputObject, InputType, MaybeUndefined, Value};
use sha2::{Digest, Sha256};

use super::{object::JobStatus, output::OutputInput};
use crate::{
    domain::{
        self,
        composition::Element,
        error::{Violation, ViolationCode},
        job::NewJob,
        output::Output,
        validation::{self, Checker},
    },
    graphql::{
        element::{ElementInput, ElementType},
        scalars::{DateTime, Url},
    },
    services::jobs,
};

/// A job to make.
#[derive(InputObject)]
pub struct CreateJobInput {
    /// For people; at most 255 characters.
    name: Option<String>,
    /// The files to make; at most 10.
    #[graphql(default_with = "vec![OutputInput::standard()]")]
    outputs: Vec<OutputInput>,
    /// What it shows and plays; at most 500.
    #[graphql(default)]
    elements: Vec<ElementInput>,
    /// Whether to queue it at once; otherwise it is a DRAFT, which takes more elements.
    #[graphql(default = true)]
    submit: bool,
    /// -100…100; higher ones are rendered first.
    #[graphql(default)]
    priority: i32,
    /// 1…10.
    #[graphql(default = 3)]
    max_attempts: i32,
    /// Kept with the job; an object of at most 64 KiB.
    metadata: Option<serde_json::Value>,
    /// Where the job's end is told to. Not yet.
    webhook_url: Option<Url>,
    /// The same key and input give the same job; the same key with another input, IDEMPOTENCY_KEY_REUSED.
    idempotency_key: Option<String>,
}

impl OutputInput {
    /// The output of a job that names none.
    fn standard() -> Self {
        // The defaults of its own fields make a whole object.
        OutputInput::parse(Some(Value::Object(Default::default()))).unwrap_or_else(|_| unreachable!("every field has a default"))
    }
}

impl CreateJobInput {
    /// As the domain has it, or everything that is wrong with it.
    pub fn into_domain(self, at: &str, buckets: &[String]) -> Result<NewJob, Vec<Violation>> {
        let (new, mut check) = self.read(at, buckets);
        // All that is wrong at once: what the domain finds comes on top.
        if !check.is_empty() {
            validation::new_job(&mut check, at, &new);
        }
        check.into_result(new)
    }

    /// The job as far as it can be read, and what of it cannot.
    pub fn read(mut self, at: &str, buckets: &[String]) -> (NewJob, Checker) {
        let mut check = Checker::default();
        // None and no members are the same, also for who asks twice.
        self.metadata = self.metadata.filter(|metadata| metadata.as_object().is_none_or(|members| !members.is_empty()));
        let request_hash = self.idempotency_key.as_ref().map(|_| self.hash());
        if self.webhook_url.is_some() {
            check.not_yet(format!("{at}.webhookUrl"), "telling of a job's end");
        }
        let metadata = self.metadata.unwrap_or_else(|| serde_json::json!({}));
        if !metadata.is_object() {
            check.breach(format!("{at}.metadata"), ViolationCode::InvalidFormat, "must be an object");
        }
        let output = |(index, output): (usize, OutputInput)| (format!("{at}.outputs[{index}]"), output);
        let outputs: Vec<Output> = self
            .outputs
            .into_iter()
            .enumerate()
            .map(output)
            .map(|(at, output)| output.into_domain(&mut check, &at, buckets))
            .collect();
        let mut elements: Vec<Element> = Vec::new();
        if !validation::too_many_elements(&mut check, &format!("{at}.elements"), self.elements.len()) {
            for (index, element) in self.elements.into_iter().enumerate() {
                elements.push(element.into_domain(&mut check, &format!("{at}.elements[{index}]")));
            }
        }
        let new = NewJob {
            name: self.name,
            outputs,
            elements,
            submit: self.submit,
            priority: self.priority,
            max_attempts: self.max_attempts,
            metadata,
            idempotency_key: self.idempotency_key,
            request_hash,
        };
        (new, check)
    }

    /// Of the whole input, defaults filled in.
    fn hash(&self) -> String {
        hex::encode(Sha256::digest(InputType::to_value(self).to_string()))
    }
}

/// Which jobs; what is not given does not restrict.
#[derive(InputObject, Default)]
pub struct JobFilter {
    /// Those in one of these states.
    status: Option<Vec<JobStatus>>,
    /// Those whose name has this in it, in any case.
    #[graphql(name = "name_contains")]
    name_contains: Option<String>,
    /// Those created then.
    created_at: Option<DateTimeRange>,
    /// Those that changed last then.
    updated_at: Option<DateTimeRange>,
    /// Those that ended then.
    finished_at: Option<DateTimeRange>,
    /// Those created from this address.
    client_ip: Option<String>,
    /// Those with an element of one of these types.
    element_type: Option<Vec<ElementType>>,
    /// Those whose metadata contain this: each member of an object, each item of a list, contained in turn; other values
    /// equal. An object.
    metadata: Option<serde_json::Value>,
    /// QUEUED or PROCESSING; false: neither.
    active: Option<bool>,
}

/// from ≤ t < to.
#[derive(InputObject, Default)]
pub struct DateTimeRange {
    /// The first moment of it.
    from: Option<DateTime>,
    /// The first moment after it.
    to: Option<DateTime>,
}

impl From<DateTimeRange> for jobs::TimeRange {
    fn from(range: DateTimeRange) -> Self {
        Self { from: range.from.map(|at| at.0), to: range.to.map(|at| at.0) }
    }
}

impl JobFilter {
    /// As the services have it.
    ///
    /// # Errors
    /// Metadata that are no object.
    pub fn into_domain(self) -> Result<jobs::JobFilter, Vec<Violation>> {
        let mut check = Checker::default();
        if self.metadata.as_ref().is_some_and(|metadata| !metadata.is_object()) {
            check.breach("filter.metadata", ViolationCode::InvalidFormat, "must be an object");
        }
        if let Some(metadata) = &self.metadata {
            metadata_fits(&mut check, metadata);
        }
        check.into_result(jobs::JobFilter {
            status: self.status.map(|statuses| statuses.into_iter().map(domain::job::JobStatus::from).collect()),
            name_contains: self.name_contains,
            created_at: self.created_at.map(Into::into),
            updated_at: self.updated_at.map(Into::into),
            finished_at: self.finished_at.map(Into::into),
            client_ip: self.client_ip,
            element_type: self.element_type.map(|kinds| kinds.into_iter().map(Into::into).collect()),
            metadata: self.metadata,
            active: self.active,
        })
    }
}

/// The most values of a document that metadata are to contain.
const FILTER_VALUES: usize = 50;

fn metadata_fits(check: &mut Checker, metadata: &serde_json::Value) {
    fn count(value: &serde_json::Value, depth: usize) -> usize {
        match value {
            // Deeper than anybody keeps: counts as too many.
            _ if depth > 8 => FILTER_VALUES,
            serde_json::Value::Array(items) => 1 + items.iter().map(|item| count(item, depth + 1)).sum::<usize>(),
            serde_json::Value::Object(members) => 1 + members.values().map(|value| count(value, depth + 1)).sum::<usize>(),
            _ => 1,
        }
    }
    if count(metadata, 0) > FILTER_VALUES {
        let rule = format!("must have at most {FILTER_VALUES} values, not more than 8 deep");
        check.breach("filter.metadata", ViolationCode::TooMany, rule);
    }
}

/// What of a job is to be another; what is not given stays.
#[derive(InputObject)]
pub struct JobPatch {
    /// For people; null takes it away.
    name: MaybeUndefined<String>,
    /// In place of all that was kept; null empties it.
    metadata: MaybeUndefined<serde_json::Value>,
    /// -100…100.
    priority: Option<i32>,
    /// In place of all outputs; only while the job is a DRAFT.
    outputs: Option<Vec<OutputInput>>,
}

impl JobPatch {
    /// As the domain has it, or everything that is wrong with it.
    pub fn into_domain(self, buckets: &[String]) -> Result<domain::job::JobPatch, Vec<Violation>> {
        let mut check = Checker::default();
        let metadata = match self.metadata {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(serde_json::json!({})),
            MaybeUndefined::Value(metadata) => Some(metadata),
        };
        if metadata.as_ref().is_some_and(|metadata| !metadata.is_object()) {
            check.breach("patch.metadata", ViolationCode::InvalidFormat, "must be an object");
        }
        let mut read =
            |(index, output): (usize, OutputInput)| output.into_domain(&mut check, &format!("patch.outputs[{index}]"), buckets);
        let outputs = self.outputs.map(|outputs| outputs.into_iter().enumerate().map(&mut read).collect());
        let patch = domain::job::JobPatch { name: self.name.into(), metadata, priority: self.priority, outputs };
        check.into_result(patch)
    }
}

/// What a job of a template has other than its document says.
#[derive(InputObject, Default)]
pub struct CreateJobOverrides {
    /// For people.
    name: Option<String>,
    /// In place of the document's outputs.
    outputs: Option<Vec<OutputInput>>,
    /// Whether to queue it at once.
    submit: Option<bool>,
    /// -100…100.
    priority: Option<i32>,
    /// 1…10.
    max_attempts: Option<i32>,
    /// In place of the document's.
    metadata: Option<serde_json::Value>,
    /// The same key and input give the same job.
    idempotency_key: Option<String>,
}

impl CreateJobOverrides {
    /// Lays what is given over a document.
    pub fn lay_over(&self, document: &mut serde_json::Value) {
        let Some(members) = document.as_object_mut() else { return };
        let given = InputType::to_value(self);
        let Ok(serde_json::Value::Object(given)) = given.into_json() else { return };
        members.extend(given.into_iter().filter(|(_, value)| !value.is_null()));
        // As a value of the library it would be the text of its JSON.
        members.extend(self.metadata.clone().map(|metadata| ("metadata".to_owned(), metadata)));
    }
}

/// What jobs are ordered by.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "jobs::JobSort")]
pub enum JobSort {
    /// When they were created.
    CreatedAt,
    /// When they changed last.
    UpdatedAt,
    /// When they ended; those that have not come first.
    FinishedAt,
    /// Their priority.
    Priority,
    /// Their state's name.
    Status,
    /// Their name; those without come first.
    Name,
}

/// Which way.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum SortDirection {
    /// The least first.
    Asc,
    /// The greatest first.
    Desc,
}

/// The order of a list of jobs.
#[derive(InputObject)]
pub struct JobOrder {
    /// By what.
    #[graphql(default_with = "JobSort::CreatedAt")]
    by: JobSort,
    /// Which way.
    #[graphql(default_with = "SortDirection::Desc")]
    direction: SortDirection,
}

impl From<Option<JobOrder>> for jobs::JobOrder {
    fn from(order: Option<JobOrder>) -> Self {
        order.map_or(jobs::JobOrder { by: jobs::JobSort::CreatedAt, descending: true }, |order| jobs::JobOrder {
            by: order.by.into(),
            descending: order.direction == SortDirection::Desc,
        })
    }
}
