//! Running a request: a mutation in one transaction that commits only if all of it succeeds, anything else on the
//! readers; all within a time.

use std::{sync::Arc, time::Duration};

use async_graphql::{
    Request, Response, Value,
    parser::types::{DocumentOperations, OperationType},
};
use futures_util::{Stream, StreamExt};

use super::{
    Schema,
    error::{Problem, conform},
    guard,
    loaders::Loaders,
};
use crate::{
    domain::{caller::Caller, error::ErrorCode},
    services::{Services, Session},
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

    /// What kind of operation a request is: `None` where the document has no such operation, or cannot be parsed,
    /// which running it will say.
    pub fn operation_type(&self, request: &mut Request) -> Option<OperationType> {
        guard::check(&request.query).ok()?;
        let name = request.operation_name.clone();
        let document = request.parsed_query().ok()?;
        let operation = match (&document.operations, name) {
            (DocumentOperations::Single(operation), None) => Some(operation),
            (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => operations.values().next(),
            (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name.as_str()),
            _ => None,
        };
        operation.map(|operation| operation.node.ty)
    }

    /// Runs a query or a mutation.
    pub async fn execute(&self, mut request: Request, caller: Caller, correlation_id: &str) -> Response {
        let running = async {
            if let Err(too_much) = guard::check(&request.query) {
                return refused(ErrorCode::QueryTooComplex, too_much.to_string());
            }
            match self.operation_type(&mut request) {
                Some(OperationType::Mutation) => self.mutate(request, caller).await,
                _ => self.run(request, &self.services.session(caller)).await,
            }
        };
        // Dropped when its time is over, a transaction rolls back.
        let mut response = match tokio::time::timeout(DEADLINE, running).await {
            Ok(response) => response,
            Err(_) => refused(ErrorCode::Timeout, format!("the request took longer than {} s", DEADLINE.as_secs())),
        };
        conform(&mut response, correlation_id);
        response
    }

    async fn run(&self, request: Request, session: &Session) -> Response {
        let request = request.data(session.clone()).data(Arc::new(Loaders::new(session)));
        self.schema.execute(request).await
    }

    async fn mutate(&self, request: Request, caller: Caller) -> Response {
        let session = match self.services.begin(caller).await {
            Ok(session) => session,
            Err(error) => return Response::from_errors(vec![Problem::from(error).into_server_error()]),
        };
        let mut response = self.run(request, &session).await;
        if !response.errors.is_empty() {
            // All or nothing: the session is dropped, and its transaction with it.
            response.data = Value::Null;
            return response;
        }
        match session.commit().await {
            Ok(()) => response,
            Err(error) => Response::from_errors(vec![Problem::from(error).into_server_error()]),
        }
    }

    /// Runs a subscription: a stream of answers. Loaders are not shared between them, since rows change.
    pub fn subscribe(
        &self,
        request: Request,
        caller: Caller,
        correlation_id: &str,
    ) -> impl Stream<Item = Response> + Send + 'static {
        let correlation_id = correlation_id.to_owned();
        let answers = match guard::check(&request.query) {
            Ok(()) => {
                let session = self.services.session(caller);
                self.schema.execute_stream(request.data(session)).left_stream()
            }
            Err(too_much) => {
                let refusal = refused(ErrorCode::QueryTooComplex, too_much.to_string());
                futures_util::stream::iter([refusal]).right_stream()
            }
        };
        answers.map(move |mut response| {
            conform(&mut response, &correlation_id);
            response
        })
    }
}

fn refused(code: ErrorCode, message: impl Into<String>) -> Response {
    Response::from_errors(vec![Problem::new(code, message).into_server_error()])
}
