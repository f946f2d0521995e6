//! The service on the network: GraphQL over HTTP and over WebSocket, the playground, and what operators probe.
//!
//! The layers over GraphQL's execution are our own, since they keep to the specifications where the ready-made do not:
//! GraphQL over HTTP (<https://graphql.github.io/graphql-over-http/draft/>) in [`graphql`], graphql-transport-ws
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>) in [`websocket`].

mod caller;
mod graphql;
mod media_type;
mod operations;
mod playground;
mod server;
mod websocket;

pub use server::serve;

use axum::{
    Router,
    routing::{any, get},
};

use crate::{graphql::Executor, services::Services, shutdown::Shutdown};

/// What every route works with. Cheap to clone.
#[derive(Clone)]
pub struct Web {
    executor: Executor,
    services: Services,
    shutdown: Shutdown,
    sockets: websocket::Sockets,
}

impl Web {
    pub fn new(executor: Executor, services: Services, shutdown: Shutdown) -> Self {
        Self { executor, services, shutdown, sockets: websocket::Sockets::default() }
    }

    /// Waits until every socket is closed.
    pub async fn sockets_closed(&self) {
        self.sockets.closed().await;
    }
}

/// The routes.
pub fn router(web: Web) -> Router {
    Router::new()
        .route("/graphql", any(graphql::handle))
        .route("/livez", get(operations::livez))
        .route("/readyz", get(operations::readyz))
        .route("/health", get(operations::health))
        .fallback(playground::serve)
        .with_state(web)
}
