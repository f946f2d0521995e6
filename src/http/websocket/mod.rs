//! graphql-transport-ws: one task a socket, one for what it sends, one for each of its operations. A busy operation
//! waits for its own messages to leave, and holds up neither the others nor the reading of the socket.

mod message;
mod operation;
mod socket;

use axum::{
    extract::WebSocketUpgrade,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio_util::task::TaskTracker;

use super::Web;
use crate::domain::caller::Caller;

const PROTOCOL: &str = "graphql-transport-ws";
/// The largest message: 256 KiB.
const MAX_MESSAGE: usize = 256 << 10;
/// Sockets at a time on this node.
const MAX_SOCKETS: usize = 1_000;

/// The node's open sockets. Cheap to clone.
#[derive(Clone, Default)]
pub struct Sockets {
    open: TaskTracker,
}

impl Sockets {
    /// Waits until every socket is closed.
    pub async fn closed(&self) {
        self.open.close();
        self.open.wait().await;
    }
}

/// Answers an upgrade: refused before it happens where the protocol is not offered, or too many are open.
pub fn upgrade(web: Web, caller: Caller, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    if upgrade.selected_protocol().is_none() {
        let message = "the WebSocket speaks graphql-transport-ws: offer it as a subprotocol\n";
        return (StatusCode::BAD_REQUEST, message).into_response();
    }
    if web.sockets.open.len() >= MAX_SOCKETS || web.shutdown.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "no more sockets are opened here now\n").into_response();
    }
    let place = web.sockets.open.token();
    upgrade.on_upgrade(move |socket| async move {
        socket::run(web, caller, socket).await;
        drop(place);
    })
}
