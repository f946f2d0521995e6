//! A document of the same form as `createJob`'s input, where it comes by another way than a request's arguments: a file, or
//! a template that was filled. Read as an argument would be, so that the same rules hold and the same words tell of them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Request, Schema, Variables};

use super::input::CreateJobInput;
use crate::{
    domain::{
        composition::Element,
        error::{Violation, ViolationCode},
        job::NewJob,
        output::Output,
        validation::{self, Checker},
    },
    graphql::error::wrong_argument,
};

type Read = Result<NewJob, Vec<Violation>>;

/// Where the one field leaves what it read.
struct Slot {
    at: String,
    buckets: Vec<String>,
    read: Mutex<Option<Read>>,
}

struct Reader;

#[Object]
impl Reader {
    async fn read(&self, context: &Context<'_>, input: CreateJobInput) -> async_graphql::Result<bool> {
        let slot = context.data::<Arc<Slot>>()?;
        *slot.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(checked(input, &slot.at, &slot.buckets));
        Ok(true)
    }
}

fn checked(input: CreateJobInput, at: &str, buckets: &[String]) -> Read {
    let new = input.into_domain(at, buckets)?;
    let mut check = Checker::default();
    validation::new_job(&mut check, at, &new);
    check.into_result(new)
}

/// Reads documents as jobs; made when the first is read.
#[derive(Default)]
pub struct JobReader {
    schema: OnceLock<Schema<Reader, EmptyMutation, EmptySubscription>>,
}

impl JobReader {
    /// Reads a document, or says all that is wrong with it, each at its path below `at`.
    pub async fn read(&self, document: serde_json::Value, at: &str, buckets: &[String]) -> Read {
        let slot = Arc::new(Slot { at: at.to_owned(), buckets: buckets.to_owned(), read: Mutex::default() });
        let variables = Variables::from_json(serde_json::json!({ "input": document }));
        let request = Request::new("query($input: CreateJobInput!) { read(input: $input) }").variables(variables);
        let schema = self.schema.get_or_init(|| Schema::build(Reader, EmptyMutation, EmptySubscription).finish());
        let response = schema.execute(request.data(slot.clone())).await;
        let wrong = response.errors.iter().map(|error| refused(&error.message, at)).collect();
        let read = slot.read.lock().unwrap_or_else(PoisonError::into_inner).take();
        read.unwrap_or(Err(wrong))
    }
}

/// The library's own refusal, whose path begins with the argument's name.
fn refused(message: &str, at: &str) -> Violation {
    match wrong_argument(message) {
        Some(violation) => {
            let below = violation.path.strip_prefix("input").unwrap_or(&violation.path);
            Violation { path: format!("{at}{below}"), ..violation }
        }
        None => Violation { path: at.to_owned(), code: ViolationCode::InvalidFormat, message: message.to_owned() },
    }
}

/// Reads a document for a render without a server: its elements and its one output.
///
/// # Errors
/// All that is wrong with it.
pub async fn read_document(document: serde_json::Value) -> Result<(Vec<Element>, Output), Vec<Violation>> {
    let new = JobReader::default().read(document, "input", &[]).await?;
    match <[Output; 1]>::try_from(new.outputs) {
        Ok([output]) => Ok((new.elements, output)),
        Err(_) => Err(vec![refused("must have one output, since there is one file to write", "input.outputs")]),
    }
}
