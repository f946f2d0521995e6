//! `reelgraph doctor`: the settings in force, and what is wrong.

use std::env;

use crate::{
    config::{Config, SETTINGS},
    media,
    services::database::Database,
};

/// What was looked at, and whether it is as it should be.
pub struct Finding {
    pub what: &'static str,
    pub result: Result<String, String>,
}

/// The settings, a line each: name, value, what it means.
pub fn settings() -> Vec<String> {
    SETTINGS
        .iter()
        .map(|(name, _, meaning, default)| {
            let value = env::var(name).map_or_else(|_| format!("(default: {default})"), |value| hidden(name, &value));
            format!("{name:<26} {value:<44} {meaning}")
        })
        .collect()
}

/// A database's address may hold a password.
fn hidden(name: &str, value: &str) -> String {
    let parsed = url::Url::parse(value).ok().filter(|url| name == "DATABASE_URL" && url.password().is_some());
    match parsed {
        Some(mut url) => {
            // Only addresses that cannot have one refuse.
            let _ = url.set_password(Some("****"));
            url.to_string()
        }
        None => value.to_owned(),
    }
}

/// Looks at what a server needs, without starting one.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let folder = std::fs::create_dir_all(&config.data_dir);
    let mut findings = vec![
        Finding { what: "FFmpeg", result: ffmpeg() },
        Finding {
            what: "data folder",
            result: folder.map(|()| config.data_dir.display().to_string()).map_err(|error| error.to_string()),
        },
    ];
    if findings.iter().all(|finding| finding.result.is_ok()) {
        let opened = Database::open(config.database_url.as_deref(), &config.data_dir, config.transaction_limit).await;
        let result =
            opened.map(|database| format!("{:?}, schema up to date", database.backend())).map_err(|error| error.to_string());
        findings.push(Finding { what: "database", result });
    }
    findings
}

fn ffmpeg() -> Result<String, String> {
    media::init().map_err(|error| error.to_string())?;
    let report = media::library_report();
    match report.missing_encoders.as_slice() {
        [] => Ok(format!("libavcodec {}, with libx264 and aac", report.libavcodec)),
        missing => Err(format!("libavcodec {} lacks {}", report.libavcodec, missing.join(", "))),
    }
}
