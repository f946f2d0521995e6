//! A PostgreSQL that the tests and the benchmarks start themselves.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use super::process::wait_for;

/// A PostgreSQL of one's own; it ends with this process.
pub struct Postgres {
    pub port: u16,
    folder: TempDir,
}

impl Postgres {
    /// Starts one; `settings` are those of its configuration, `name=value`.
    pub fn start(settings: &[&str]) -> Self {
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
        let settings: Vec<String> = settings.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]).collect();
        // The signal at its parent's death is sent when the thread that started it ends: this one never does.
        thread::spawn(move || {
            let mut server = Command::new("setpriv")
                .args(as_postgres(root))
                .args(["--pdeathsig", "INT"])
                .arg(bin.join("postgres"))
                .arg("-D")
                .arg(data)
                .args(["-p", &port.to_string(), "-k", &socket, "-h", "127.0.0.1", "-c", "max_connections=400"])
                .args(settings)
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
        Self { port, folder }
    }

    /// The address of a new, empty database.
    pub async fn database(&self, name: &str) -> String {
        let address = |database: &str| format!("postgres://postgres@127.0.0.1:{}/{database}", self.port);
        let mut tries = 0;
        loop {
            // It listens a moment before it answers.
            let created = match sea_orm::Database::connect(address("postgres")).await {
                Ok(admin) => admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.map(drop),
                Err(error) => Err(error),
            };
            match created {
                Ok(()) => return address(name),
                Err(error) if tries > 100 => panic!("no database: {error}"),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Where its files are.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

fn as_postgres(root: bool) -> Vec<&'static str> {
    if root { vec!["--reuid=postgres", "--regid=postgres", "--clear-groups"] } else { Vec::new() }
}

/// The newest that Debian's packages installed.
pub fn postgres_programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL: make test-packages");
    let newest = versions.filter_map(Result::ok).map(|version| version.path()).max().expect("a version");
    newest.join("bin")
}
