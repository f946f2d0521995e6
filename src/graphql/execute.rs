//! Running a request: a mutation in one transaction that commits only if all of it succeeds, anything else on the
//! readers; all within a time.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_graphql::{
    Positioned, Request, Response, Value,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet},
};
use futures_util::{Stream, StreamExt};
use tracing::Instrument;

use super::{
    Schema,
    documents::Documents,
    error::{Problem, code_of, conform, origin_of},
    guard,
    job::JobReader,
    loaders::Loaders,
    order,
};
use crate::{
    domain::{
        caller::Caller,
        error::{ErrorCode, ViolationCode},
    },
    services::{self, HeldJobs, Services, Session},
};

/// The schema and the services behind it. Cheap to clone.
#[derive(Clone)]
pub struct Executor {
    schema: Schema,
    reader: Arc<JobReader>,
    documents: Documents,
    services: Services,
}

impl Executor {
    pub fn new(schema: Schema, services: Services) -> Self {
        Self { schema, reader: Arc::default(), documents: Documents::default(), services }
    }

    /// What kind of operation a request is: `None` where the document has no such operation, which running it will say.
    /// Fails where the document cannot be parsed, or asks for too much.
    pub fn operation_type(&self, request: &mut Request) -> Result<Option<OperationType>, Response> {
        if let Err(too_much) = guard::check(&request.query) {
            return Err(refused(ErrorCode::QueryTooComplex, too_much.to_string()));
        }
        if let Some((path, rule)) = guard::unkept(&request.query, &request.variables) {
            let problem = Problem::of_argument(&path, ViolationCode::InvalidFormat, rule);
            return Err(Response::from_errors(vec![problem.into_server_error()]));
        }
        let name = request.operation_name.clone();
        let document = self.documents.parsed(request)?;
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
                Ok(Some(OperationType::Mutation)) => self.mutate(request, caller, correlation_id).await,
                Ok(_) => {
                    let session = self.services.session(caller, correlation_id);
                    self.in_time(self.run(request, &session)).await.unwrap_or_else(|late| late)
                }
            }
        };
        let mut response = running.instrument(tracing::info_span!("request", correlation_id)).await;
        self.conform(&mut response, correlation_id);
        response
    }

    /// Gives each error of an answer all that the contract says it has, and counts it.
    pub fn conform(&self, response: &mut Response, correlation_id: &str) {
        for code in conform(response, correlation_id) {
            self.services.meters().errors.note(code, self.services.clock().now());
        }
    }

    async fn run(&self, mut request: Request, session: &Session) -> Response {
        let (document, name) = (self.documents.parsed(&mut request).ok(), request.operation_name.clone());
        let request = request.data(session.clone()).data(Arc::new(Loaders::new(session))).data(self.reader.clone());
        let mut response = self.schema.execute(request).await;
        if let Some(document) = document {
            order::like_the_query(&mut response.data, &document, name.as_deref());
        }
        response
    }

    /// Runs a mutation, and again where it collided with another's. One that fails for good is noted in the audit log.
    async fn mutate(&self, mut request: Request, caller: Caller, correlation_id: &str) -> Response {
        let actions =
            self.documents.parsed(&mut request).map_or_else(|_| Vec::new(), |document| root_fields(&document, &request));
        let session = self.services.session(caller.clone(), correlation_id);
        let (mut collisions, held) = (0, HeldJobs::default());
        // For all tries together.
        let until = Instant::now() + self.services.transaction_limit();
        let response = loop {
            let session = self.services.changing(caller.clone(), correlation_id, &held);
            let response = self.mutate_once(copy(&request), session, until).await;
            let Some(deadlock) = collision(&response) else { break response };
            let meter = &self.services.meters().transactions;
            if deadlock {
                meter.note_deadlock();
            }
            // Twice as long each time, with full jitter: those that collided come apart.
            let pause = Duration::from_millis(20 << collisions).mul_f64(rand::random());
            if collisions == COLLISIONS || Instant::now() + pause >= until {
                break response;
            }
            meter.note_retry();
            tokio::time::sleep(pause).await;
            collisions += 1;
        };
        // What was refused before it ran has done nothing.
        let failed = response.errors.first().filter(|error| !error.path.is_empty() || code_of(error).is_some());
        if let Some(code) = failed.map(|error| code_of(error).unwrap_or(ErrorCode::BadUserInput)) {
            self.services.audit_failure(&session, &actions, code).await;
        }
        response
    }

    async fn mutate_once(&self, request: Request, session: Session, until: Instant) -> Response {
        let running = async {
            let mut response = self.run(request, &session).await;
            if response.errors.is_empty() {
                return Ok((session, response));
            }
            // All or nothing: the session is dropped, and its transaction with it.
            response.data = Value::Null;
            Err(response)
        };
        let (session, response) = match self.before(until, running).await {
            Ok(Ok(done)) => done,
            Ok(Err(failed)) => return failed,
            Err(late) => {
                self.services.meters().transactions.note_timeout();
                return late;
            }
        };
        // On a task of its own: whether the client still listens, what commits is told to those who wait for it.
        match tokio::spawn(session.commit()).await {
            Ok(Ok(())) => response,
            Ok(Err(error)) => server_error(error),
            Err(_) => server_error(services::Error::internal("a commit broke off")),
        }
    }

    /// The work's outcome, or the answer that it took too long; dropped then, its transaction rolls back.
    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Response> {
        self.before(Instant::now() + self.services.transaction_limit(), work).await
    }

    async fn before<T>(&self, until: Instant, work: impl Future<Output = T>) -> Result<T, Response> {
        let limit = self.services.transaction_limit().as_secs_f64();
        let late = |_| refused(ErrorCode::Timeout, format!("the request took longer than {limit} s"));
        tokio::time::timeout_at(until.into(), work).await.map_err(late)
    }

    /// Runs a subscription, which [`Self::operation_type`] has let through: a stream of answers.
    pub fn subscribe(
        &self,
        mut request: Request,
        caller: Caller,
        correlation_id: &str,
    ) -> impl Stream<Item = Response> + Send + 'static {
        let correlation_id = correlation_id.to_owned();
        let session = self.services.session(caller, &correlation_id);
        let executor = self.clone();
        let (document, name) = (self.documents.parsed(&mut request).ok(), request.operation_name.clone());
        // Shared by what one event asks for, and emptied before the next: see `loaders::fresh`.
        let loaders = Arc::new(Loaders::new(&session));
        self.schema.execute_stream(request.data(session).data(loaders)).map(move |mut response| {
            if let Some(document) = &document {
                order::like_the_query(&mut response.data, document, name.as_deref());
            }
            executor.conform(&mut response, &correlation_id);
            response
        })
    }
}

/// How often a mutation that collides is run again.
const COLLISIONS: u32 = 5;

/// The same request, to be run again.
fn copy(request: &Request) -> Request {
    let mut copy = Request::new(request.query.clone()).variables(request.variables.clone());
    copy.operation_name.clone_from(&request.operation_name);
    copy
}

/// Whether an answer tells of a collision with another transaction, and if so, whether of a deadlock.
fn collision(response: &Response) -> Option<bool> {
    response.errors.iter().filter_map(origin_of).find_map(|error| match error {
        services::Error::RolledBack { deadlock } => Some(*deadlock),
        _ => None,
    })
}

/// The fields of the operation that is to run, by their names in the schema.
fn root_fields(document: &ExecutableDocument, request: &Request) -> Vec<String> {
    let name = request.operation_name.as_deref();
    let wanted = |found: Option<&async_graphql::Name>| name.is_none() || found.map(|found| found.as_str()) == name;
    let operation = document.operations.iter().find(|(found, _)| wanted(*found)).map(|(_, operation)| operation);
    let mut fields = Vec::new();
    if let Some(operation) = operation {
        collect(&operation.node.selection_set.node, document, &mut fields);
    }
    fields
}

fn collect(set: &SelectionSet, document: &ExecutableDocument, fields: &mut Vec<String>) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) if field.node.name.node.starts_with("__") => {}
            Selection::Field(field) => fields.push(field.node.name.node.to_string()),
            Selection::InlineFragment(inline) => collect(&inline.node.selection_set.node, document, fields),
            // Circles were refused before.
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    collect(&fragment.node.selection_set.node, document, fields);
                }
            }
        }
    }
}

fn server_error(error: services::Error) -> Response {
    Response::from_errors(vec![Problem::from(error).into_server_error()])
}

fn refused(code: ErrorCode, message: impl Into<String>) -> Response {
    Response::from_errors(vec![Problem::new(code, message).into_server_error()])
}
