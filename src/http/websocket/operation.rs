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

/// Runs a request and sends what comes of it; a send that fails means that the socket is gone.
pub async fn run(executor: Executor, caller: Caller, id: String, mut request: Request, out: mpsc::Sender<Message>) {
    let correlation_id = Uuid::now_v7().to_string();
    let kind = match executor.operation_type(&mut request) {
        Ok(kind) => kind,
        Err(mut refusal) => {
            executor.conform(&mut refusal, &correlation_id);
            tell(&id, &refusal, &out).await;
            return;
        }
    };
    if kind == Some(OperationType::Subscription) {
        let mut answers = Box::pin(executor.subscribe(request, caller, &correlation_id));
        while let Some(answer) = answers.next().await {
            if !tell(&id, &answer, &out).await {
                return;
            }
        }
    } else {
        let answer = executor.execute(request, caller, &correlation_id).await;
        if !tell(&id, &answer, &out).await {
            return;
        }
    }
    let _ = out.send(message::complete(&id)).await;
}

/// Sends an answer; `false` ends the operation. One that was never run is an `error`, which ends it by itself.
async fn tell(id: &str, answer: &Response, out: &mpsc::Sender<Message>) -> bool {
    if was_run(answer) {
        return out.send(message::next(id, answer)).await.is_ok();
    }
    let _ = out.send(message::error(id, &answer.errors)).await;
    false
}
