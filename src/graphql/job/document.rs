//! A document of the same form as `createJob`'s input, for a render without a server: read as a request would be, so that
//! the same rules hold and the same words tell of them.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Request, Schema, Variables};

use super::input::CreateJobInput;
use crate::{
    domain::{
        composition::Element,
        error::{Violation, ViolationCode},
        output::Output,
        validation::{self, Checker},
    },
    graphql::error::wrong_argument,
};

type Read = Result<(Vec<Element>, Output), Vec<Violation>>;
/// Where the one field leaves what it read.
type Slot = Arc<Mutex<Option<Read>>>;

struct Reader;

#[Object]
impl Reader {
    async fn read(&self, context: &Context<'_>, input: CreateJobInput) -> async_graphql::Result<bool> {
        let slot = context.data::<Slot>()?;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(checked(input));
        Ok(true)
    }
}

fn checked(input: CreateJobInput) -> Read {
    let new = input.into_domain("input", "")?;
    let mut check = Checker::default();
    validation::new_job(&mut check, "input", &new);
    let new = check.into_result(new)?;
    let output = new.outputs.into_iter().next();
    output.map(|output| (new.elements, output)).ok_or_else(|| vec![breach("input.outputs", "must have at least one output")])
}

fn breach(path: &str, message: &str) -> Violation {
    Violation { path: path.into(), code: ViolationCode::InvalidFormat, message: message.into() }
}

/// Reads a document, or says all that is wrong with it.
pub async fn read_document(document: serde_json::Value) -> Read {
    let slot = Slot::default();
    let schema = Schema::build(Reader, EmptyMutation, EmptySubscription).finish();
    let variables = Variables::from_json(serde_json::json!({ "input": document }));
    let request = Request::new("query($input: CreateJobInput!) { read(input: $input) }").variables(variables);
    let response = schema.execute(request.data(slot.clone())).await;
    let found =
        response.errors.iter().map(|error| wrong_argument(&error.message).unwrap_or_else(|| breach("input", &error.message)));
    let wrong: Vec<Violation> = found.collect();
    let read = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    read.unwrap_or(Err(wrong))
}
