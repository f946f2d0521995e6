//! Servers to test against: within this process, on either database; and the real binary as a process.

use std::{
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use reelgraph::{
    app::{App, Duty},
    config::Config,
    services::database::Database,
};
use tempfile::TempDir;

pub use crate::support::process::{Process, Redis, wait_for};
use crate::support::{api::Api, postgres::Postgres, process::program};

/// Writes a test once and runs it on both databases.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($server:ident: $type:ty) $body:block)*) => {
        $( $(#[$meta])* async fn $name($server: $type) $body )*

        mod sqlite {
            $( #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(crate::server::Server::sqlite().await).await } )*
        }

        mod postgres {
            $( #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(crate::server::Server::postgres().await).await } )*
        }
    };
}
pub(crate) use on_both;

/// A node within this process, on a folder of its own.
pub struct Server {
    pub api: Api,
    pub app: App,
    pub folder: TempDir,
}

impl Server {
    pub async fn sqlite() -> Self {
        Self::start(None, Duty::Everything, |_| {}).await
    }

    pub async fn postgres() -> Self {
        Self::start(Some(new_postgres_database().await), Duty::Everything, |_| {}).await
    }

    /// With sources allowed from this machine.
    pub async fn start(database_url: Option<String>, duty: Duty, adjust: impl FnOnce(&mut Database)) -> Self {
        let database_url = database_url.iter().map(|url| ("DATABASE_URL", url.as_str())).collect::<Vec<_>>();
        Self::start_with(&database_url, duty, adjust).await
    }

    /// With further settings, by their names in the environment.
    pub async fn with(settings: &[(&str, &str)], duty: Duty) -> Self {
        Self::start_with(settings, duty, |_| {}).await
    }

    async fn start_with(settings: &[(&str, &str)], duty: Duty, adjust: impl FnOnce(&mut Database)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path(), settings);
        let app = App::start_with(&config, duty, adjust).await.expect("a node");
        let api = Api::new(format!("http://{}", app.address.expect("an address")));
        Self { api, app, folder }
    }
}

fn config(folder: &Path, settings: &[(&str, &str)]) -> Config {
    let data = folder.join("data").to_string_lossy().into_owned();
    let mut config = Config::from_parts("", |name| match name {
        "REELGRAPH_LISTEN" => Some("127.0.0.1:0".into()),
        "REELGRAPH_DATA_DIR" => Some(data.clone()),
        "REELGRAPH_FETCH_ALLOW" => Some("127.0.0.0/8".into()),
        name => settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
    })
    .expect("settings");
    config.render.program = program();
    config
}

/// Asks until the answer is as looked for; what does not come in 30 s does not come.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// The address of a new, empty database.
pub async fn new_postgres_database() -> String {
    static RUNNING: OnceLock<Postgres> = OnceLock::new();
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let start = || RUNNING.get_or_init(|| Postgres::start(&["fsync=off", "deadlock_timeout=200ms"]));
    let running = tokio::task::spawn_blocking(start).await.expect("PostgreSQL");
    running.database(&format!("test_{}", COUNT.fetch_add(1, Relaxed))).await
}
