//! Settings: one file, `reelgraph.toml`, and the environment over it, parsed once. A value that cannot be used
//! stops the start with the setting's name.

use std::{collections::BTreeMap, env, fs, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use ipnet::IpNet;

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("setting {name}: {reason}")]
pub struct InvalidSetting {
    pub name: String,
    pub reason: String,
}

fn invalid(name: &str, reason: impl ToString) -> InvalidSetting {
    InvalidSetting { name: name.to_owned(), reason: reason.to_string() }
}

/// All settings of a node.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    /// SQLite, the embedded S3's objects, work folders.
    pub data_dir: PathBuf,
    /// `sqlite://…` or `postgres://…`; `None`: SQLite in the data folder.
    pub database_url: Option<String>,
    /// `redis://…`; `None`: the cache is in memory only.
    pub redis_url: Option<String>,
    /// The longest that a request's transaction may take.
    pub transaction_limit: Duration,
    pub s3: S3Config,
    /// Private networks that sources may be fetched from.
    pub fetch_allow: Vec<IpNet>,
    pub render: RenderConfig,
    pub log: LogConfig,
    /// How long a first SIGTERM waits for what runs.
    pub shutdown_grace: Duration,
}

/// The object store; without an `external` one, a store of this process.
#[derive(Debug, Clone)]
pub struct S3Config {
    pub bucket: String,
    /// Others that results may go to.
    pub output_buckets: Vec<String>,
    pub external: Option<ExternalS3>,
}

/// Endpoint and region of another store; credentials come by AWS's own chain.
#[derive(Debug, Clone)]
pub struct ExternalS3 {
    pub endpoint: Option<String>,
    pub region: String,
}

#[derive(Debug, Clone)]
pub struct RenderConfig {
    /// Renders at a time; 0 on a node that serves the API only.
    pub workers: usize,
    /// The binary that renders; this same one, but for tests.
    pub program: PathBuf,
    /// Bytes of address space that one render may have.
    pub memory: u64,
    /// CPU seconds that one render may take.
    pub cpu_s: u64,
    /// Bytes that one output file may have.
    pub file: u64,
    /// Bytes that the sources of one job may have together.
    pub source: u64,
    /// Bytes of encoded parts and sources that are kept to be used again; 0: none.
    pub kept: u64,
}

#[derive(Debug, Clone)]
pub struct LogConfig {
    /// A tracing filter, such as `info` or `reelgraph=debug`.
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

/// Environment variable, key in the file, meaning, default: the table that `doctor` prints.
pub const SETTINGS: [(&str, &str, &str, &str); 20] = [
    ("REELGRAPH_LISTEN", "listen", "address of the server", "127.0.0.1:8080"),
    ("REELGRAPH_DATA_DIR", "data_dir", "SQLite, embedded S3, work folders", "./data"),
    ("DATABASE_URL", "database_url", "sqlite://… or postgres://…", "SQLite in the data folder"),
    ("REDIS_URL", "redis_url", "redis://…, a level of the cache that nodes share", "none: in memory only"),
    ("REELGRAPH_TRANSACTION_MS", "transaction_ms", "how long a request's transaction may take, milliseconds", "5000"),
    ("REELGRAPH_S3_BUCKET", "s3_bucket", "the bucket", "reelgraph, in the embedded store"),
    ("REELGRAPH_OUTPUT_BUCKETS", "output_buckets", "other buckets that results may go to, with commas between", "none"),
    ("AWS_ENDPOINT_URL_S3", "s3_endpoint", "address of an S3-compatible store", "the embedded store"),
    ("AWS_REGION", "s3_region", "the store's region", "us-east-1"),
    ("REELGRAPH_FETCH_ALLOW", "fetch_allow", "private networks that sources may come from, as CIDRs", "none"),
    ("REELGRAPH_WORKERS", "workers", "renders at a time; 0: API only", "half of the cores"),
    ("REELGRAPH_RENDER_MEMORY_MB", "render_memory_mb", "memory of one render, MiB of address space", "8192"),
    ("REELGRAPH_RENDER_CPU_S", "render_cpu_s", "CPU time of one render, seconds", "36000"),
    ("REELGRAPH_RENDER_FILE_MB", "render_file_mb", "size of one output, MiB", "5120"),
    ("REELGRAPH_SOURCE_MB", "source_mb", "size of all sources of one job, MiB", "10240"),
    (
        "REELGRAPH_KEPT_MB",
        "kept_mb",
        "size of all encoded parts and sources that are kept to be used again, MiB; 0: none",
        "5120",
    ),
    ("REELGRAPH_SHUTDOWN_S", "shutdown_s", "how long SIGTERM waits for what runs, seconds", "30"),
    ("REELGRAPH_LOG", "log", "tracing filter", "info"),
    ("REELGRAPH_LOG_FORMAT", "log_format", "pretty or json", "pretty on a terminal, else json"),
    ("REELGRAPH_CONFIG", "", "path of the settings file", "./reelgraph.toml, if there"),
];

/// Raw values by environment name.
struct Values(BTreeMap<&'static str, String>);

impl Config {
    /// From `reelgraph.toml` (or the file that REELGRAPH_CONFIG names) and the environment.
    pub fn load() -> Result<Self, InvalidSetting> {
        let named = env::var("REELGRAPH_CONFIG").ok();
        let path = named.clone().unwrap_or_else(|| "reelgraph.toml".into());
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(_) if named.is_none() => String::new(),
            Err(error) => return Err(invalid("REELGRAPH_CONFIG", format!("{path}: {error}"))),
        };
        Self::from_parts(&text, |name| env::var(name).ok())
    }

    /// From the text of a settings file, and an environment over it.
    pub fn from_parts(file: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidSetting> {
        let mut values = file_values(file)?;
        for (name, ..) in SETTINGS {
            if let Some(value) = environment(name).filter(|value| !value.is_empty()) {
                values.0.insert(name, value);
            }
        }
        values.into_config()
    }
}

fn file_values(text: &str) -> Result<Values, InvalidSetting> {
    let table: toml::Table = text.parse().map_err(|error| invalid("reelgraph.toml", error))?;
    let mut values = BTreeMap::new();
    for (key, value) in table {
        let Some((name, ..)) = SETTINGS.iter().find(|(_, known, ..)| *known == key && !key.is_empty()) else {
            return Err(invalid(&key, "not a setting of reelgraph.toml"));
        };
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Array(items) => items.iter().filter_map(|item| item.as_str()).collect::<Vec<_>>().join(","),
            _ => return Err(invalid(&key, "must be a string, a whole number or a list of strings")),
        };
        values.insert(*name, text);
    }
    Ok(Values(values))
}

impl Values {
    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    /// The items of a list with commas between.
    fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        let list = self.0.get(name).map(String::as_str).unwrap_or_default();
        list.split(',').map(str::trim).filter(|item| !item.is_empty())
    }

    fn parsed<T: FromStr>(&self, name: &str, default: T) -> Result<T, InvalidSetting>
    where
        T::Err: ToString,
    {
        match self.0.get(name) {
            Some(value) => {
                value.trim().parse().map_err(|error: T::Err| invalid(name, format!("{value:?}: {}", error.to_string())))
            }
            None => Ok(default),
        }
    }

    fn into_config(self) -> Result<Config, InvalidSetting> {
        let data_dir: PathBuf = self.text("REELGRAPH_DATA_DIR").unwrap_or_else(|| "./data".into()).into();
        Ok(Config {
            listen: self.listen()?,
            data_dir,
            database_url: self.database_url()?,
            redis_url: self.redis_url()?,
            transaction_limit: self.transaction_limit()?,
            s3: self.s3(),
            fetch_allow: self.fetch_allow()?,
            render: self.render()?,
            log: self.log()?,
            shutdown_grace: Duration::from_secs(self.parsed("REELGRAPH_SHUTDOWN_S", 30)?),
        })
    }

    fn listen(&self) -> Result<SocketAddr, InvalidSetting> {
        let listen: SocketAddr = self.parsed("REELGRAPH_LISTEN", SocketAddr::from(([127, 0, 0, 1], 8080)))?;
        if !listen.ip().is_loopback() {
            let reason =
                "this version has no credentials, and without them the server listens on loopback only, such as 127.0.0.1:8080";
            return Err(invalid("REELGRAPH_LISTEN", reason));
        }
        Ok(listen)
    }

    fn database_url(&self) -> Result<Option<String>, InvalidSetting> {
        let url = self.text("DATABASE_URL");
        let known = ["sqlite:", "postgres://", "postgresql://"];
        match &url {
            Some(url) if !known.iter().any(|scheme| url.starts_with(scheme)) => {
                Err(invalid("DATABASE_URL", "must start with sqlite: or postgres://"))
            }
            _ => Ok(url),
        }
    }

    fn redis_url(&self) -> Result<Option<String>, InvalidSetting> {
        let url = self.text("REDIS_URL");
        match &url {
            Some(url) if !url.starts_with("redis://") => {
                Err(invalid("REDIS_URL", "must start with redis://; a Redis over TLS is not supported by this version yet"))
            }
            _ => Ok(url),
        }
    }

    fn transaction_limit(&self) -> Result<Duration, InvalidSetting> {
        let name = "REELGRAPH_TRANSACTION_MS";
        let ms: u64 = self.parsed(name, 5_000)?;
        match (100..=600_000).contains(&ms) {
            true => Ok(Duration::from_millis(ms)),
            false => Err(invalid(name, "must be from 100 to 600000")),
        }
    }

    fn s3(&self) -> S3Config {
        let (bucket, endpoint) = (self.text("REELGRAPH_S3_BUCKET"), self.text("AWS_ENDPOINT_URL_S3"));
        let region = self.text("AWS_REGION").unwrap_or_else(|| "us-east-1".into());
        let external = (bucket.is_some() || endpoint.is_some()).then_some(ExternalS3 { endpoint, region });
        let output_buckets = self.list("REELGRAPH_OUTPUT_BUCKETS").map(str::to_owned).collect();
        S3Config { bucket: bucket.unwrap_or_else(|| "reelgraph".into()), output_buckets, external }
    }

    fn fetch_allow(&self) -> Result<Vec<IpNet>, InvalidSetting> {
        self.list("REELGRAPH_FETCH_ALLOW")
            .map(|item| {
                item.parse().map_err(|_| invalid("REELGRAPH_FETCH_ALLOW", format!("{item:?} is no network such as 10.0.0.0/8")))
            })
            .collect()
    }

    fn render(&self) -> Result<RenderConfig, InvalidSetting> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let megabytes = |name, default: u64| self.parsed(name, default).map(|mb| mb.saturating_mul(1 << 20));
        Ok(RenderConfig {
            workers: self.parsed("REELGRAPH_WORKERS", (cores / 2).max(1))?,
            program: env::current_exe().map_err(|error| invalid("the path of this binary", error))?,
            memory: megabytes("REELGRAPH_RENDER_MEMORY_MB", 8_192)?,
            cpu_s: self.parsed("REELGRAPH_RENDER_CPU_S", 36_000)?,
            file: megabytes("REELGRAPH_RENDER_FILE_MB", 5_120)?,
            source: megabytes("REELGRAPH_SOURCE_MB", 10_240)?,
            kept: megabytes("REELGRAPH_KEPT_MB", 5_120)?,
        })
    }

    fn log(&self) -> Result<LogConfig, InvalidSetting> {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let format = match self.text("REELGRAPH_LOG_FORMAT").as_deref() {
            Some("pretty") => LogFormat::Pretty,
            Some("json") => LogFormat::Json,
            Some(_) => return Err(invalid("REELGRAPH_LOG_FORMAT", "must be pretty or json")),
            None if terminal => LogFormat::Pretty,
            None => LogFormat::Json,
        };
        Ok(LogConfig { filter: self.text("REELGRAPH_LOG").unwrap_or_else(|| "info".into()), format })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(file: &str, variables: &[(&str, &str)]) -> Result<Config, InvalidSetting> {
        let found = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::from_parts(file, found)
    }

    #[test]
    fn the_environment_lies_over_the_file_and_both_over_the_defaults() {
        let config = from("listen = \"127.0.0.1:9000\"\nworkers = 3", &[("REELGRAPH_WORKERS", "0")]).unwrap();
        assert_eq!((config.listen.port(), config.render.workers), (9000, 0));
        assert!(config.s3.external.is_none() && config.database_url.is_none());
    }

    #[test]
    fn a_bad_value_is_named() {
        type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);
        let cases: [Case; 8] = [
            ("", &[("REDIS_URL", "memcached://x")], "REDIS_URL"),
            ("", &[("REELGRAPH_TRANSACTION_MS", "0")], "REELGRAPH_TRANSACTION_MS"),
            ("", &[("REELGRAPH_LISTEN", "nowhere")], "REELGRAPH_LISTEN"),
            ("", &[("REELGRAPH_LISTEN", "0.0.0.0:80")], "REELGRAPH_LISTEN"),
            ("", &[("DATABASE_URL", "mysql://x")], "DATABASE_URL"),
            ("", &[("REELGRAPH_FETCH_ALLOW", "10.0.0.0/8,here")], "REELGRAPH_FETCH_ALLOW"),
            ("wrokers = 1", &[], "wrokers"),
            ("workers = -1", &[], "REELGRAPH_WORKERS"),
        ];
        for (file, variables, name) in cases {
            assert_eq!(from(file, variables).unwrap_err().name, name);
        }
    }
}
