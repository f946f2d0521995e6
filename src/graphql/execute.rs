//! Running a request: a mutation in one transaction that commits only if all of it succeeds, anything else on the
//! readers; all within a time.

use std::{sync::Arc, time::Duration};

use async_graphql::{
    Positioned, Request, Response, ServerError, Value,
    parser::types::{DocumentOperations, OperationDefinition, OperationType},
};
use futures_util::{Stream, StreamExt};
use tracing::Instrument;

use super::{
    Schema,
    error::{Problem, conform},
    guard, limits,
    loaders::Loaders,
    order,
};
use crate::{
    domain::{
        caller::Caller,
        error::{ErrorCode, ViolationCode},
    },
    services::{self, Services, Session},
};

/// The longest that a query or a mutation may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// The schema and the services behind it. Cheap to clone.
#[derive(Clone)]
pub struct Executor {
    schema: Schema,
    services: Services,
}

impl Executor {
    pub fn new(schema: Schema, services: Services) -> Self {
        Self { schema, services }
    }

    /// What kind of operation a request is: `None` where the document has no such operation, which running it will say.
    /// Fails where the document cannot be parsed, or asks for too much.
    pub fn operation_type(&self, request: &mut Request) -> Result<Option<OperationType>, Response> {
        if let Err(too_much) = guard::check(&request.query) {
            return Err(refused(ErrorCode::QueryTooComplex, too_much.to_string()));
        }
        if let Some(path) = guard::null_character(&request.query, &request.variables) {
            let problem = Problem::of_argument(&path, ViolationCode::InvalidFormat, "must not have the character U+0000");
            return Err(Response::from_errors(vec![problem.into_server_error()]));
        }
        let name = request.operation_name.clone();
        let document = request.parsed_query().map_err(|error| Response::from_errors(vec![error]))?;
        limits::check(document).map_err(|problem| Response::from_errors(vec![problem.into_server_error()]))?;
        let operation = match (&document.operations, name) {
            (DocumentOperations::Single(operation), None) => Some(operation),
            (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => operations.values().next(),
            (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name.as_str()),
            _ => None,
        };
        // GraphQL gives a subscription exactly one field (specification, 5.2.3.1).
        let one = |operation: &&Positioned<OperationDefinition>| operation.node.selection_set.node.items.len() == 1;
        if operation.is_some_and(|operation| operation.node.ty == OperationType::Subscription && !one(&operation)) {
            return Err(refused(ErrorCode::GraphqlValidationFailed, "a subscription must select exactly one field"));
        }
        Ok(operation.map(|operation| operation.node.ty))
    }

    /// Runs a query or a mutation.
    pub async fn execute(&self, mut request: Request, caller: Caller, correlation_id: &str) -> Response {
        let running = async {
            match self.operation_type(&mut request) {
                Err(refusal) => refusal,
                Ok(Some(OperationType::Mutation)) => self.mutate(request, caller).await,
                Ok(_) => {
                    let session = self.services.session(caller);
                    in_time(self.run(request, &session)).await.unwrap_or_else(|late| late)
                }
            }
        };
        let mut response = running.instrument(tracing::info_span!("request", correlation_id)).await;
        conform(&mut response, correlation_id);
        response
    }

    async fn run(&self, mut request: Request, session: &Session) -> Response {
        let (document, name) = (request.parsed_query().cloned().ok(), request.operation_name.clone());
        let request = request.data(session.clone()).data(Arc::new(Loaders::new(session)));
        let mut response = self.schema.execute(request).await;
        if let Some(document) = document {
            order::like_the_query(&mut response.data, &document, name.as_deref());
        }
        response
    }

    /// Runs a mutation, and once more where it collided with another's.
    async fn mutate(&self, request: Request, caller: Caller) -> Response {
        for attempt in 0..COLLISIONS {
            let response = self.mutate_once(copy(&request), caller.clone()).await;
            if !collided(&response) {
                return response;
            }
            tokio::time::sleep(Duration::from_millis(20 << attempt).mul_f64(rand::random())).await;
        }
        self.mutate_once(request, caller).await
    }

    async fn mutate_once(&self, request: Request, caller: Caller) -> Response {
        let running = async {
            let session = self.services.begin(caller).await.map_err(server_error)?;
            let mut response = self.run(request, &session).await;
            if response.errors.is_empty() {
                return Ok((session, response));
            }
            // All or nothing: the session is dropped, and its transaction with it.
            response.data = Value::Null;
            Err(response)
        };
        let (session, response) = match in_time(running).await {
            Ok(Ok(done)) => done,
            Ok(Err(failed)) | Err(failed) => return failed,
        };
        // On a task of its own: whether the client still listens, what commits is told to those who wait for it.
        match tokio::spawn(session.commit()).await {
            Ok(Ok(())) => response,
            Ok(Err(error)) => server_error(error),
            Err(_) => server_error(services::Error::internal("a commit broke off")),
        }
    }

    /// Runs a subscription, which [`Self::operation_type`] has let through: a stream of answers.
    pub fn subscribe(
        &self,
        mut request: Request,
        caller: Caller,
        correlation_id: &str,
    ) -> impl Stream<Item = Response> + Send + 'static {
        let correlation_id = correlation_id.to_owned();
        let session = self.services.session(caller);
        let (document, name) = (request.parsed_query().cloned().ok(), request.operation_name.clone());
        // Shared by what one event asks for, and emptied before the next: see `loaders::fresh`.
        let loaders = Arc::new(Loaders::new(&session));
        self.schema.execute_stream(request.data(session).data(loaders)).map(move |mut response| {
            if let Some(document) = &document {
                order::like_the_query(&mut response.data, document, name.as_deref());
            }
            conform(&mut response, &correlation_id);
            response
        })
    }
}

/// How often a mutation that collides is run again.
const COLLISIONS: u32 = 3;

/// The work's outcome, or the answer that it took too long; dropped then, its transaction rolls back.
async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, Response> {
    let late = |_| refused(ErrorCode::Timeout, format!("the request took longer than {} s", DEADLINE.as_secs()));
    tokio::time::timeout(DEADLINE, work).await.map_err(late)
}

/// The same request, to be run again.
fn copy(request: &Request) -> Request {
    let mut copy = Request::new(request.query.clone()).variables(request.variables.clone());
    copy.operation_name.clone_from(&request.operation_name);
    copy
}

fn collided(response: &Response) -> bool {
    let code = |error: &ServerError| error.extensions.as_ref().and_then(|values| values.get("code").cloned());
    response.errors.iter().any(|error| code(error) == Some(Value::from(ErrorCode::TransactionRolledBack.as_str())))
}

fn server_error(error: services::Error) -> Response {
    Response::from_errors(vec![Problem::from(error).into_server_error()])
}

fn refused(code: ErrorCode, message: impl Into<String>) -> Response {
    Response::from_errors(vec![Problem::new(code, message).into_server_error()])
}
