//! The log: to standard error, for a person or for a machine.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{InvalidSetting, LogConfig, LogFormat};

/// Parts that speak too much at their own levels: every 404 of the store is an error to them.
const QUIET: [&str; 3] = ["s3s=off", "s3s_fs=off", "sqlx=warn"];

/// Starts the log. To be called once.
pub fn start(config: &LogConfig) -> Result<(), InvalidSetting> {
    let invalid = |reason: String| InvalidSetting { name: "REELGRAPH_LOG".into(), reason };
    let mut filter = EnvFilter::try_new(&config.filter).map_err(|error| invalid(error.to_string()))?;
    for directive in QUIET {
        filter = filter.add_directive(directive.parse().map_err(|error| invalid(format!("{error}")))?);
    }
    let registry = tracing_subscriber::registry().with(filter);
    let started = match config.format {
        LogFormat::Pretty => registry.with(fmt::layer().compact().with_writer(std::io::stderr)).try_init(),
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init(),
    };
    started.map_err(|error| invalid(error.to_string()))
}
