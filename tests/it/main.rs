//! The app as its users meet it: over HTTP and WebSocket, on SQLite and on PostgreSQL, with real clips and real tools.

#[path = "../support/mod.rs"]
mod support;

mod server;

mod alpha;
mod audit;
mod bad_input;
mod batching;
mod boxes;
mod bulk;
mod cache;
mod commands;
mod copied;
mod decoded;
mod diagnostics;
mod elements;
mod faults;
mod fine;
mod gaps;
mod golden;
mod guard;
mod jobs;
mod light;
mod looks;
mod modules;
mod mutated;
mod nested;
mod odd_media;
mod outlook;
mod outputs;
mod outside;
mod paging;
mod places;
mod plans;
mod rendering;
mod resting;
mod schema;
mod segments;
mod sounds;
mod storage;
mod subscriptions;
mod templates;
mod transactions;
mod upgrade;
mod warnings;
mod web;
mod websocket;
