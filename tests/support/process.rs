//! The real programs as processes of their own: the service, Redis. Killed when dropped.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::api::Api;

/// The service's binary, which Cargo builds for tests and benchmarks.
pub fn program() -> PathBuf {
    match option_env!("CARGO_BIN_EXE_reelgraph") {
        Some(path) => path.into(),
        None => panic!("only tests and benchmarks have the binary"),
    }
}

/// The real binary. Killed when dropped.
pub struct Process {
    pub api: Api,
    child: Child,
}

impl Process {
    /// Starts a server on a folder, and waits until it serves.
    pub async fn start(folder: &Path, database_url: Option<&str>, grace_s: u32) -> Self {
        Self::run("serve", folder, database_url, grace_s).await
    }

    /// A server that renders nothing.
    pub async fn api_only(folder: &Path, database_url: Option<&str>) -> Self {
        Self::run("api", folder, database_url, 5).await
    }

    async fn run(duty: &str, folder: &Path, database_url: Option<&str>, grace_s: u32) -> Self {
        let mut command = Command::new(program());
        command
            .arg(duty)
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
