//! Servers to test against: within this process, on either database; and the real binary as a process.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use reelgraph::{
    app::{App, Duty},
    config::Config,
    services::database::Database,
};
use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use crate::support::api::Api;

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

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_reelgraph").into()
}

/// The real binary. Killed when dropped.
pub struct Process {
    pub api: Api,
    child: Child,
}

impl Process {
    /// Starts a server on a folder, and waits until it serves.
    pub async fn start(folder: &Path, database_url: Option<&str>, grace_s: u32) -> Self {
        let mut command = Command::new(program());
        command
            .arg("serve")
            .env("REELGRAPH_LISTEN", "127.0.0.1:0")
            .env("REELGRAPH_DATA_DIR", folder)
            .env("REELGRAPH_SHUTDOWN_S", grace_s.to_string())
            .env("REELGRAPH_LOG_FORMAT", "json")
            .current_dir(folder)
            .stderr(Stdio::piped());
        if let Some(url) = database_url {
            command.env("DATABASE_URL", url);
        }
        let mut child = command.spawn().expect("a server");
        let mut lines = BufReader::new(child.stderr.take().expect("a log")).lines();
        let mut log = Vec::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("the server ended: {log:#?}")).expect("a line");
            if let Some((_, rest)) = line.split_once("the playground is at ") {
                break rest.split_once("/ ").expect("an address").0.to_owned();
            }
            log.push(line);
        };
        // Read on, or the server would wait for a full pipe.
        thread::spawn(move || lines.for_each(drop));
        Self { api: Api::new(address), child }
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// The renderer that works for this server, once there is one.
    pub fn renderer(&self) -> i32 {
        wait_for("a renderer", || children_of(self.pid()).into_iter().find(|pid| is_renderer(*pid)))
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid()), signal).expect("a living server");
    }

    /// How the server ended.
    pub fn ended(mut self) -> std::process::ExitStatus {
        wait_for("the server's end", || self.child.try_wait().expect("a child"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn children_of(pid: i32) -> Vec<i32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    let children = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    children.flat_map(|line| line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()).collect()
}

fn is_renderer(pid: i32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains("render-child"))
}

/// Looks until there is what is looked for; what does not come in 30 s does not come.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A Redis of one test's own. Killed when dropped.
pub struct Redis {
    pub url: String,
    child: Child,
    _folder: TempDir,
}

impl Redis {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("Redis: make test-packages");
        wait_for("Redis", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Self { url: format!("redis://127.0.0.1:{port}/"), child, _folder: folder }
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.child.id() as i32), signal).expect("a living Redis");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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

/// A PostgreSQL of this test run's own; it ends with this process.
struct Postgres {
    port: u16,
    _folder: TempDir,
}

fn postgres_server() -> &'static Postgres {
    static RUNNING: OnceLock<Postgres> = OnceLock::new();
    RUNNING.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let bin = postgres_programs();
        let data = folder.path().join("pg");
        let root = nix::unistd::geteuid().is_root();
        if root {
            // PostgreSQL refuses to run as root.
            let given = Command::new("chown").args(["postgres"]).arg(folder.path()).status().expect("chown");
            assert!(given.success());
        }
        let initdb = Command::new("setpriv")
            .args(as_postgres(root))
            .arg(bin.join("initdb"))
            .args(["-U", "postgres", "-A", "trust", "-D"])
            .arg(&data)
            .output();
        let initdb = initdb.expect("initdb");
        assert!(initdb.status.success(), "{}", String::from_utf8_lossy(&initdb.stderr));
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let socket = folder.path().to_string_lossy().into_owned();
        // The signal at its parent's death is sent when the thread that started it ends: this one never does.
        thread::spawn(move || {
            let mut server = Command::new("setpriv")
                .args(as_postgres(root))
                .args(["--pdeathsig", "INT"])
                .arg(bin.join("postgres"))
                .arg("-D")
                .arg(data)
                .args(["-p", &port.to_string(), "-k", &socket, "-h", "127.0.0.1", "-c", "max_connections=400"])
                .args(["-c", "fsync=off", "-c", "deadlock_timeout=200ms"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("postgres");
            let _ = server.wait();
            loop {
                thread::park();
            }
        });
        wait_for("PostgreSQL", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Postgres { port, _folder: folder }
    })
}

fn as_postgres(root: bool) -> Vec<&'static str> {
    if root { vec!["--reuid=postgres", "--regid=postgres", "--clear-groups"] } else { Vec::new() }
}

/// The newest that Debian's packages installed.
fn postgres_programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL: make test-packages");
    let newest = versions.filter_map(Result::ok).map(|version| version.path()).max().expect("a version");
    newest.join("bin")
}

/// The address of a new, empty database.
pub async fn new_postgres_database() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let port = tokio::task::spawn_blocking(postgres_server).await.expect("PostgreSQL").port;
    let name = format!("test_{}", COUNT.fetch_add(1, Relaxed));
    let address = |database: &str| format!("postgres://postgres@127.0.0.1:{port}/{database}");
    let mut tries = 0;
    loop {
        // It listens a moment before it answers.
        let created = match sea_orm::Database::connect(address("postgres")).await {
            Ok(admin) => admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.map(drop),
            Err(error) => Err(error),
        };
        match created {
            Ok(()) => return address(&name),
            Err(error) if tries > 100 => panic!("no database: {error}"),
            Err(_) => tries += 1,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
