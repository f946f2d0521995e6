//! A socket's life: acknowledged, asked, pinged, closed with a code that says why.

use std::{collections::HashMap, time::Duration};

use axum::extract::ws::{Message, WebSocket};
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use tokio::{
    sync::mpsc,
    task::{self, AbortHandle, JoinSet},
    time::{Instant, Interval, interval_at, sleep, timeout},
};

use super::{
    message::{self, Close, Incoming},
    operation,
};
use crate::{domain::caller::Caller, http::Web};

/// Within this time the client says connection_init.
const INIT_WITHIN: Duration = Duration::from_secs(3);
const PING_EVERY: Duration = Duration::from_secs(15);
/// A client that says nothing for this long, to pings neither, is gone.
const IDLE: Duration = Duration::from_secs(40);
/// Messages that may wait to be sent.
const WAITING: usize = 64;
/// A client that takes no message for this long is too slow.
const SLOW: Duration = Duration::from_secs(20);
const MAX_OPERATIONS: usize = 32;
/// How long a client may take to answer the close.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// At the end of the service, sockets are closed over this time, so that clients do not all come back at once.
const SPREAD: Duration = Duration::from_secs(2);

/// Serves a socket until either side closes it.
pub async fn run(web: Web, caller: Caller, socket: WebSocket) {
    let (sink, mut stream) = socket.split();
    let (out, queued) = mpsc::channel(WAITING);
    let mut writer = tokio::spawn(write(sink, queued));
    let mut session =
        Session { web, caller, out: out.clone(), acknowledged: false, running: HashMap::new(), operations: JoinSet::new() };
    let close = session.serve(&mut stream).await;
    session.operations.shutdown().await;
    if let Some(close) = close {
        for id in session.running.keys().filter(|_| close.code == message::SERVICE_RESTART) {
            let _ = out.try_send(message::complete(id));
        }
        let _ = timeout(SLOW, out.send(close.into_message())).await;
    }
    drop((session, out));
    // What the client still says is read, or its end would see the connection break before the reason.
    let _ = timeout(LAST_WORDS, async { while stream.next().await.is_some_and(|message| message.is_ok()) {} }).await;
    // A client that reads no more must not keep its socket.
    if timeout(SLOW, &mut writer).await.is_err() {
        writer.abort();
    }
}

/// Sends what is queued; ends when the queue does, or the socket.
async fn write(mut sink: SplitSink<WebSocket, Message>, mut queued: mpsc::Receiver<Message>) {
    while let Some(message) = queued.recv().await {
        let last = matches!(message, Message::Close(_));
        if sink.send(message).await.is_err() || last {
            return;
        }
    }
    let _ = sink.close().await;
}

struct Session {
    web: Web,
    caller: Caller,
    out: mpsc::Sender<Message>,
    acknowledged: bool,
    running: HashMap<String, AbortHandle>,
    /// Each gives its last message.
    operations: JoinSet<Option<Message>>,
}

impl Session {
    /// Returns why the server closes the socket; `None` where the client did.
    async fn serve(&mut self, stream: &mut (impl StreamExt<Item = Result<Message, axum::Error>> + Unpin)) -> Option<Close> {
        let init_until = Instant::now() + INIT_WITHIN;
        let mut ping: Interval = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        let mut heard = Instant::now();
        let ending = self.web.shutdown.draining.clone();
        loop {
            let handled = tokio::select! {
                message = stream.next() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(message)) => self.hear(message).await,
                        Some(Err(error)) => return broken(&error),
                        None => return None,
                    }
                }
                Some(ended) = self.operations.join_next_with_id() => self.end(ended).await,
                () = tokio::time::sleep_until(init_until), if !self.acknowledged => {
                    Err(Some(Close::new(message::INIT_TIMEOUT, "Connection initialisation timeout")))
                }
                _ = ping.tick() => match heard.elapsed() > IDLE {
                    true => Err(Some(Close::new(message::GOING_AWAY, "Idle"))),
                    false => self.say(message::ping()).await,
                },
                () = ending.cancelled() => self.restart().await,
            };
            if let Err(close) = handled {
                return close;
            }
        }
    }

    /// `Err` ends the socket: with a code, or because the client has closed it.
    async fn hear(&mut self, message: Message) -> Result<(), Option<Close>> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(Some(Close::new(message::BAD_REQUEST, "Invalid message: binary"))),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(None),
        };
        match Incoming::parse(&text).map_err(Some)? {
            Incoming::ConnectionInit if self.acknowledged => {
                Err(Some(Close::new(message::TOO_MANY_INITS, "Too many initialisation requests")))
            }
            Incoming::ConnectionInit => {
                self.acknowledged = true;
                self.say(message::connection_ack()).await
            }
            Incoming::Ping(payload) => self.say(message::pong(payload)).await,
            Incoming::Pong => Ok(()),
            Incoming::Subscribe { .. } if !self.acknowledged => Err(Some(Close::new(message::UNAUTHORIZED, "Unauthorized"))),
            Incoming::Subscribe { id, request } => self.start(id, *request).await,
            Incoming::Complete { id } => {
                if let Some(operation) = self.running.remove(&id) {
                    operation.abort();
                }
                Ok(())
            }
        }
    }

    async fn start(&mut self, id: String, request: async_graphql::Request) -> Result<(), Option<Close>> {
        // One that has ended and was not looked after yet frees its id.
        while let Some(ended) = self.operations.try_join_next_with_id() {
            self.end(ended).await?;
        }
        if self.running.contains_key(&id) {
            return Err(Some(Close::new(message::ID_IN_USE, format!("Subscriber for {id} already exists"))));
        }
        if self.running.len() >= MAX_OPERATIONS {
            let reason = format!("Too many operations: at most {MAX_OPERATIONS} a socket");
            return Err(Some(Close::new(message::TOO_MANY_OPERATIONS, reason)));
        }
        let work = operation::run(self.web.executor.clone(), self.caller.clone(), id.clone(), request, self.out.clone());
        let handle = self.operations.spawn(work);
        self.running.insert(id, handle);
        Ok(())
    }

    /// Frees the id of an operation that has ended, and only then says so; by its task, since the id may be another's by now.
    async fn end(&mut self, ended: Result<(task::Id, Option<Message>), task::JoinError>) -> Result<(), Option<Close>> {
        let (task, last) = ended.unwrap_or_else(|error| (error.id(), None));
        // One that the client has completed says no more.
        let is_running = self.running.extract_if(|_, operation| operation.id() == task).next().is_some();
        match last.filter(|_| is_running) {
            Some(last) => self.say(last).await,
            None => Ok(()),
        }
    }

    /// Not all sockets at once.
    async fn restart(&mut self) -> Result<(), Option<Close>> {
        sleep(SPREAD.mul_f64(rand::random())).await;
        // What has ended meanwhile says how: those that still run are only completed.
        while let Some(ended) = self.operations.try_join_next_with_id() {
            self.end(ended).await?;
        }
        Err(Some(Close::new(message::SERVICE_RESTART, "The service restarts")))
    }

    async fn say(&self, message: Message) -> Result<(), Option<Close>> {
        match timeout(SLOW, self.out.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => Err(Some(Close::new(message::TOO_SLOW, "The client takes no messages"))),
        }
    }
}

/// What could not be read: a message over the limit is answered, a cut connection is not.
fn broken(error: &axum::Error) -> Option<Close> {
    let too_big = error.to_string().to_ascii_lowercase().contains("too long") || error.to_string().contains("Space limit");
    too_big.then(|| Close::new(message::MESSAGE_TOO_BIG, "The message is too big"))
}
