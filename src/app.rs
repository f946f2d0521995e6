//! The composition root: settings in, a running node out. Wiring only.

use std::{
    fs::{self, File},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use nix::{
    fcntl::{Flock, FlockArg},
    sys::resource::{Resource, getrlimit, setrlimit},
};
use rand::{Rng, distr::Alphanumeric};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    cache::{Shared, Tags},
    config::{Config, S3Config},
    domain::clock::SystemClock,
    events::{self, Hub},
    graphql::{self, Executor},
    http::{self, Web},
    media,
    queue::{self, RenderSettings, Worker, studio::ProcessStudio},
    render::process::Limits,
    services::{Parts, Services, database::Database, event_log::WholeLog, health, meters::Meters, objects::LoggedStore},
    shutdown::Shutdown,
    storage::{Connection, EmbeddedStore, Fetcher, ObjectStore},
};

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the data folder {path} cannot be used: {error}")]
    DataFolder { path: String, error: io::Error },
    #[error("another server works on the data folder {0}")]
    InUse(String),
    #[error("the database cannot be used: {0}")]
    Database(#[from] sea_orm_migration::prelude::DbErr),
    #[error("the object store cannot be used: {0}")]
    Store(String),
    #[error("the cache's Redis cannot be used (REDIS_URL): {0}")]
    Cache(String),
    #[error("FFmpeg cannot be used: {0}")]
    Media(#[from] media::MediaError),
    #[error("cannot listen on {address} (REELGRAPH_LISTEN): {error}")]
    Listen { address: SocketAddr, error: io::Error },
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    Everything,
    ApiOnly,
    WorkOnly,
}

/// A running node.
pub struct App {
    /// Where the API listens, if it does.
    pub address: Option<SocketAddr>,
    pub services: Services,
    pub shutdown: Shutdown,
    worker: Option<JoinHandle<()>>,
    server: Option<(JoinHandle<()>, Web)>,
    /// Stops what the worker and the API still need while they end.
    last: CancellationToken,
    stop_serving: CancellationToken,
    _lock: Flock<File>,
}

/// How long open connections may take once the node ends.
const LAST_CONNECTIONS: Duration = Duration::from_secs(3);

impl App {
    /// Starts a node; `adjust` may change its database before anything uses it, for tests.
    pub async fn start(config: &Config, duty: Duty) -> Result<Self, StartError> {
        Self::start_with(config, duty, |_| {}).await
    }

    pub async fn start_with(config: &Config, duty: Duty, adjust: impl FnOnce(&mut Database)) -> Result<Self, StartError> {
        let lock = take_data_folder(&config.data_dir)?;
        allow_many_files();
        // Only the first of a process takes; all would take the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        media::init()?;
        let last = CancellationToken::new();
        let meters = Arc::new(Meters::default());
        let mut database = Database::open(config.database_url.as_deref(), &config.data_dir, config.transaction_limit).await?;
        database.meter(meters.clone());
        adjust(&mut database);
        let store = connect_store(&config.s3, &config.data_dir, last.clone()).await?;
        let hub = Hub::default();
        let clock = Arc::new(SystemClock);
        let logged = LoggedStore::new(store, &config.s3.output_buckets, database.clone(), clock.clone());
        let monitor = health::Monitor::new(config.data_dir.clone(), renderer());
        let work_dir = take_work_folder(&config.data_dir)?;
        let tags = Tags::new(connect_cache(config)?);
        let services = Services::new(Parts {
            database: database.clone(),
            store: logged,
            hub: hub.clone(),
            clock,
            health: monitor,
            tags: tags.clone(),
            meters,
            studio: Some(Box::new(studio(config, &work_dir))),
            transaction_limit: config.transaction_limit,
        });
        let shutdown = Shutdown::default();
        tokio::spawn(follow_log(WholeLog(database), hub, tags, last.clone()));
        tokio::spawn(services.clone().keep_house(last.clone()));
        let stop_serving = CancellationToken::new();
        let (address, server) = match duty {
            Duty::WorkOnly => (None, None),
            _ => {
                let (address, server) = serve(config, &services, &shutdown, stop_serving.clone()).await?;
                (Some(address), Some(server))
            }
        };
        // After the listener: a node that cannot serve claims nothing.
        let worker = start_worker(config, &work_dir, duty, &services, &shutdown)?;
        if worker.is_none() {
            // Where workers outside render, somebody must see when one of them is lost.
            tokio::spawn(queue::rescue_only(services.clone(), last.clone()));
        }
        Ok(Self { address, services, shutdown, worker, server, last, stop_serving, _lock: lock })
    }

    /// Returns when the node has ended: what ran has finished or is back in the queue, every connection is closed.
    pub async fn ended(self) {
        self.shutdown.draining.cancelled().await;
        if let Some(worker) = self.worker {
            let _ = worker.await;
        }
        if let Some((server, web)) = self.server {
            let closed = async {
                web.sockets_closed().await;
                self.stop_serving.cancel();
                let _ = server.await;
            };
            let hurried = async {
                self.shutdown.now.cancelled().await;
                tokio::time::sleep(LAST_CONNECTIONS).await;
            };
            tokio::select! {
                _ = tokio::time::timeout(LAST_CONNECTIONS * 2, closed) => {}
                () = hurried => {}
            }
        }
        let _ = tokio::time::timeout(LAST_CONNECTIONS, self.services.settled()).await;
        self.last.cancel();
        self.services.database().close().await;
    }
}

/// One process at a time works on a data folder: SQLite's jobs and the embedded store's files are its own.
fn take_data_folder(path: &Path) -> Result<Flock<File>, StartError> {
    let unusable = |error| StartError::DataFolder { path: path.display().to_string(), error };
    fs::create_dir_all(path).map_err(unusable)?;
    let file = File::create(path.join("lock")).map_err(unusable)?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| StartError::InUse(path.display().to_string()))
}

/// As many open files as the system lets this process have: each connection is one.
fn allow_many_files() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit on open files stays as it is");
    }
}

async fn connect_store(config: &S3Config, data_dir: &Path, stop: CancellationToken) -> Result<ObjectStore, StartError> {
    let connection = match &config.external {
        Some(external) => Connection::Environment { endpoint: external.endpoint.clone(), region: external.region.clone() },
        None => {
            let random = || rand::rng().sample_iter(Alphanumeric).take(40).map(char::from).collect();
            let embedded = EmbeddedStore::start(data_dir, random, stop).await;
            embedded.map_err(|error| StartError::Store(error.to_string()))?.connection()
        }
    };
    let store = ObjectStore::connect(connection, &config.bucket).await;
    for bucket in [&config.bucket].into_iter().chain(&config.output_buckets) {
        match store.in_bucket(bucket).ensure_bucket().await {
            Ok(()) => {}
            // Another's store may come back; the service says so in its health meanwhile.
            Err(error) if config.external.is_some() => tracing::warn!(%error, bucket, "the object store does not answer yet"),
            Err(error) => return Err(StartError::Store(error.to_string())),
        }
    }
    Ok(store)
}

fn connect_cache(config: &Config) -> Result<Option<Shared>, StartError> {
    config.redis_url.as_deref().map(Shared::connect).transpose().map_err(|error| StartError::Cache(error.to_string()))
}

/// The node's tail of the event log: what other nodes changed is forgotten here before listeners hear of it.
async fn follow_log(log: WholeLog, hub: Hub, tags: Tags, stop: CancellationToken) {
    let forget = move |events: &[events::Event]| {
        let (tags, jobs) = (tags.clone(), events.iter().map(|event| event.job_id.clone()).collect::<Vec<_>>());
        async move { tags.invalidate(&jobs).await }.boxed()
    };
    events::tail(log, hub, forget, stop).await;
}

fn renderer() -> health::Renderer {
    let report = media::library_report();
    health::Renderer { version: report.libavcodec, missing: report.missing_encoders }
}

/// Where this node's renders have their folders; what an earlier process left there goes.
fn take_work_folder(data_dir: &Path) -> Result<PathBuf, StartError> {
    let unusable = |error| StartError::DataFolder { path: data_dir.display().to_string(), error };
    let work_dir = data_dir.canonicalize().map_err(unusable)?.join("work");
    queue::folder::remove_stale(&work_dir).map_err(unusable)?;
    Ok(work_dir)
}

fn limits(config: &Config) -> Limits {
    Limits { memory: config.render.memory, cpu_s: config.render.cpu_s, file: config.render.file }
}

fn studio(config: &Config, work_dir: &Path) -> ProcessStudio {
    ProcessStudio::new(Fetcher::new(config.fetch_allow.clone()), render_settings(config, work_dir))
}

fn render_settings(config: &Config, work_dir: &Path) -> RenderSettings {
    RenderSettings {
        program: config.render.program.clone(),
        work_dir: work_dir.to_owned(),
        limits: limits(config),
        source_bytes: config.render.source,
        // On the disk of the work folders, whose files it shares.
        shelf_dir: work_dir.with_file_name("kept"),
        shelf_bytes: config.render.kept,
    }
}

fn start_worker(
    config: &Config,
    work_dir: &Path,
    duty: Duty,
    services: &Services,
    shutdown: &Shutdown,
) -> Result<Option<JoinHandle<()>>, StartError> {
    if duty == Duty::ApiOnly || config.render.workers == 0 {
        return Ok(None);
    }
    let settings = render_settings(config, work_dir);
    let worker = Worker::new(services.clone(), Fetcher::new(config.fetch_allow.clone()), settings, shutdown.clone());
    Ok(Some(tokio::spawn(worker.run(config.render.workers))))
}

async fn serve(
    config: &Config,
    services: &Services,
    shutdown: &Shutdown,
    stop: CancellationToken,
) -> Result<(SocketAddr, (JoinHandle<()>, Web)), StartError> {
    let cannot = |error| StartError::Listen { address: config.listen, error };
    let listener = TcpListener::bind(config.listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let executor = Executor::new(graphql::schema(), services.clone());
    let web = Web::new(executor, services.clone(), shutdown.clone());
    let server = tokio::spawn(http::serve(listener, http::router(web.clone()), stop));
    Ok((address, (server, web)))
}
