//! An S3 server in this process, over a folder: what the service runs on when no other store is named.
//!
//! It listens on loopback, with keys made at the first start and kept in the data folder, and is spoken to by
//! the SDK like any other, presigned addresses included. The port is kept too, so that addresses that were
//! handed out survive a restart.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    header,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use serde::{Deserialize, Serialize};
use tokio::{
    net::TcpListener,
    time::{Instant, Sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Connection;

/// What is kept between starts.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Identity {
    access_key: String,
    secret_key: String,
    port: u16,
}

/// The server, running until `stop` of [`EmbeddedStore::start`] is cancelled.
pub struct EmbeddedStore {
    identity: Identity,
    address: SocketAddr,
}

impl EmbeddedStore {
    /// Serves `data_dir/s3`; `random` makes keys at the first start.
    pub async fn start(data_dir: &Path, random: impl Fn() -> String, stop: CancellationToken) -> io::Result<Self> {
        let root = data_dir.join("s3");
        fs::create_dir_all(&root)?;
        let file = data_dir.join("s3.json");
        let kept: Option<Identity> = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let listener = listen(kept.as_ref().map_or(0, |identity| identity.port)).await?;
        let address = listener.local_addr()?;
        let identity = match kept {
            Some(kept) if kept.port == address.port() => kept,
            Some(kept) => keep(&file, Identity { port: address.port(), ..kept })?,
            None => keep(&file, Identity { access_key: random(), secret_key: random(), port: address.port() })?,
        };
        let service = service(&root, &identity)?;
        tokio::spawn(serve(listener, service, stop));
        Ok(Self { identity, address })
    }

    pub fn connection(&self) -> Connection {
        Connection::Direct {
            endpoint: format!("http://{}", self.address),
            access_key: self.identity.access_key.clone(),
            secret_key: self.identity.secret_key.clone(),
        }
    }
}

/// The longest that an upload may pause before it is given up.
const BODY_PAUSE: Duration = Duration::from_secs(30);

/// A body that fails when it pauses for too long. It says its length as it did before, which the store asks for.
struct Impatient {
    body: Incoming,
    patience: Pin<Box<Sleep>>,
}

impl Impatient {
    fn new(body: Incoming) -> Self {
        Self { body, patience: Box::pin(tokio::time::sleep(BODY_PAUSE)) }
    }
}

impl Body for Impatient {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.patience.as_mut().reset(Instant::now() + BODY_PAUSE);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.patience.as_mut().poll(context).map(|()| Some(Err("the body paused for too long".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// On the kept port, or another where that is taken.
async fn listen(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(("127.0.0.1", 0)).await,
    }
}

fn keep(file: &Path, identity: Identity) -> io::Result<Identity> {
    let secret = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    serde_json::to_writer_pretty(secret, &identity)?;
    Ok(identity)
}

fn service(root: &Path, identity: &Identity) -> io::Result<S3Service> {
    let files = s3s_fs::FileSystem::new(root).map_err(|error| io::Error::other(format!("{error:?}")))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(identity.access_key.clone(), identity.secret_key.clone()));
    Ok(builder.build())
}

async fn serve(listener: TcpListener, service: S3Service, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the embedded store cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let service = service.clone();
        let answer = hyper::service::service_fn(move |request| answer(service.clone(), request));
        let connection = http.serve_connection(TokioIo::new(stream), answer).into_owned();
        let stop = stop.clone();
        connections.spawn(async move {
            tokio::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => return,
                () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        });
    }
    connections.close();
    let _ = tokio::time::timeout(Duration::from_secs(5), connections.wait()).await;
}

/// The store's answer, open to scripts of any page: what an address may do is in its signature.
async fn answer(service: S3Service, request: Request<Incoming>) -> Result<s3s::HttpResponse, s3s::HttpError> {
    let preflight = request.method() == Method::OPTIONS;
    let mut response = if preflight {
        let mut empty = Response::new(s3s::Body::empty());
        *empty.status_mut() = StatusCode::NO_CONTENT;
        empty
    } else {
        let request = request.map(|body| s3s::Body::http_body_unsync(Impatient::new(body)));
        service.call(request).await?
    };
    let headers = response.headers_mut();
    let any = header::HeaderValue::from_static("*");
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any.clone());
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, header::HeaderValue::from_static("etag, content-range, accept-ranges"));
    if preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, header::HeaderValue::from_static("GET, HEAD, PUT"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, any);
    }
    Ok(response)
}
