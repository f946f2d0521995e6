//! The app as its users meet it: over HTTP and WebSocket, on SQLite and on PostgreSQL, with real clips and real tools.

#[path = "../support/mod.rs"]
mod support;

mod server;

mod bad_input;
mod batching;
mod commands;
mod decoded;
mod faults;
mod guard;
mod jobs;
mod modules;
mod odd_media;
mod paging;
mod rendering;
mod schema;
mod subscriptions;
mod transactions;
mod web;
mod websocket;
