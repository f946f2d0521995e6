//! One operation of a socket: run to its end, or until it is dropped.

use async_graphql::{Request, Response, parser::types::OperationType};
use axum::extract::ws::Message;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::message;
use crate::{
    domain::caller::Caller,
    graphql::{Executor, was_run},
};

/// Runs a request and sends what comes of it but for the last message, which it returns: whoever reads that may use the id again.
/// A send that fails means that the socket is gone.
pub async fn run(
    executor: Executor,
    caller: Caller,
    id: String,
    mut request: Request,
    out: mpsc::Sender<Message>,
) -> Option<Message> {
    let correlation_id = Uuid::now_v7().to_string();
    let kind = match executor.operation_type(&mut request) {
        Ok(kind) => kind,
        Err(mut refusal) => {
            executor.conform(&mut refusal, &correlation_id);
            return Some(message::error(&id, &refusal.errors));
        }
    };
    if kind == Some(OperationType::Subscription) {
        let mut answers = Box::pin(executor.subscribe(request, caller, &correlation_id));
        while let Some(answer) = answers.next().await {
            if let Err(last) = tell(&id, &answer, &out).await {
                return last;
            }
        }
    } else {
        let answer = executor.execute(request, caller, &correlation_id).await;
        if let Err(last) = tell(&id, &answer, &out).await {
            return last;
        }
    }
    Some(message::complete(&id))
}

/// Sends an answer; `Err` ends the operation. One that was never run is an `error`, which ends it by itself.
async fn tell(id: &str, answer: &Response, out: &mpsc::Sender<Message>) -> Result<(), Option<Message>> {
    if !was_run(answer) {
        return Err(Some(message::error(id, &answer.errors)));
    }
    out.send(message::next(id, answer)).await.map_err(|_| None)
}
