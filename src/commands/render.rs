//! `reelgraph render FILE.json`: a composition becomes a file without a server.
//!
//! The document is `createJob`'s input as JSON. A source's `url` may also be the path of a file, from the document's
//! folder; uploads and objects need a server.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::Value;

use crate::{
    config::Config,
    domain::{
        composition::Source,
        error::{ErrorCode, JobFailure},
    },
    graphql,
    render::{
        Composition, PlacedElement,
        process::{Limits, MadeFile, Report, Running, Task},
    },
    storage::{Fetcher, Room},
};

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum RenderCommandError {
    #[error("{path}: {error}")]
    File { path: String, error: io::Error },
    #[error("{path}: not JSON: {error}")]
    NotJson { path: String, error: serde_json::Error },
    #[error("the document breaks rules:\n{0}")]
    Invalid(String),
    #[error("{}{}: {}", .0.element_id.as_deref().map(|id| format!("{id}: ")).unwrap_or_default(), .0.code.as_str(), .0.message)]
    Failed(JobFailure),
    #[error("elements[{index}]: {reason}")]
    Source { index: usize, reason: String },
}

/// Renders a document into a file; `progress` is told the share that is done.
pub async fn run(
    config: &Config,
    document: &Path,
    output: &Path,
    progress: &mut dyn FnMut(f64),
) -> Result<(MadeFile, f64), RenderCommandError> {
    let output = &place(output)?;
    let file_error = |path: &Path| {
        let path = path.display().to_string();
        move |error| RenderCommandError::File { path, error }
    };
    let text = fs::read_to_string(document).map_err(file_error(document))?;
    let json: Value = serde_json::from_str(&text)
        .map_err(|error| RenderCommandError::NotJson { path: document.display().to_string(), error })?;
    let base = document.parent().unwrap_or(Path::new(""));
    let composition = read(with_file_addresses(json, base)).await?;
    let folder = std::env::temp_dir().join(format!("reelgraph-render-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(file_error(&folder))?;
    let rendered = render(config, composition, &folder, output, progress).await;
    let _ = fs::remove_dir_all(&folder);
    rendered
}

/// Where the file is to lie: behind a link what it points to, and nothing that is no plain file.
fn place(output: &Path) -> Result<PathBuf, RenderCommandError> {
    let refused = |error| RenderCommandError::File { path: output.display().to_string(), error };
    match fs::canonicalize(output) {
        Ok(there) if there.is_file() => Ok(there),
        Ok(_) => Err(refused(io::Error::other("is there and is no plain file"))),
        Err(_) => {
            let output = std::path::absolute(output).map_err(refused)?;
            let folder = output.parent().filter(|folder| folder.is_dir());
            folder.ok_or_else(|| refused(io::Error::from(io::ErrorKind::NotFound)))?;
            Ok(output)
        }
    }
}

/// Paths become addresses, so that the document reads like any other.
fn with_file_addresses(mut json: Value, base: &Path) -> Value {
    mark_files(&mut json, base);
    json
}

fn mark_files(json: &mut Value, base: &Path) {
    match json {
        Value::Array(values) => values.iter_mut().for_each(|value| mark_files(value, base)),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| match (name.as_str(), value.get_mut("url")) {
            ("source" | "lut", Some(url)) => mark_file(url, base),
            _ => mark_files(value, base),
        }),
        _ => {}
    }
}

fn mark_file(url: &mut Value, base: &Path) {
    let path = url.as_str().filter(|text| !text.starts_with("http://") && !text.starts_with("https://"));
    if let Some(path) = path {
        let path = base.join(path.strip_prefix("file://").unwrap_or(path));
        *url = Value::String(format!("{FILE_MARK}{}", hex::encode(path.to_string_lossy().as_bytes())));
    }
}

/// An address that no name server knows (RFC 6761): it stands for a path while the document is read.
const FILE_MARK: &str = "http://local-file.invalid/";

async fn read(json: Value) -> Result<Composition, RenderCommandError> {
    let (elements, output) = graphql::read_document(json).await.map_err(|violations| {
        let lines: Vec<_> = violations.iter().map(|violation| format!("  {}: {}", violation.path, violation.message)).collect();
        RenderCommandError::Invalid(lines.join("\n"))
    })?;
    let placed =
        elements.into_iter().enumerate().map(|(index, element)| PlacedElement { id: format!("elements[{index}]"), element });
    Ok(Composition { elements: placed.collect(), outputs: vec![output] })
}

async fn render(
    config: &Config,
    mut composition: Composition,
    folder: &Path,
    output: &Path,
    progress: &mut dyn FnMut(f64),
) -> Result<(MadeFile, f64), RenderCommandError> {
    let (fetcher, room) = (Fetcher::new(config.fetch_allow.clone()), Room::new(config.render.source));
    for (index, placed) in composition.elements.iter_mut().enumerate() {
        for (number, source) in placed.element.sources_mut().into_iter().enumerate() {
            let file = folder.join(format!("source-{index}-{number}"));
            *source = Source::File(local(&fetcher, &room, source, index, file).await?.to_string_lossy().into_owned());
        }
    }
    let limits = Limits { memory: config.render.memory, cpu_s: config.render.cpu_s, file: config.render.file };
    // Beside its place, and put there when it is whole: what lies there now may be a source, or worth keeping.
    let part = output.with_file_name(format!(".{}.part", output.file_name().unwrap_or_default().to_string_lossy()));
    let paths = vec![part.to_string_lossy().into_owned()];
    let task = Task { composition, paths, limits, ..Task::default() };
    let followed = follow(config, folder, &task, progress).await;
    match &followed {
        Ok(_) => {
            fs::rename(&part, output).map_err(|error| RenderCommandError::File { path: output.display().to_string(), error })?
        }
        Err(_) => drop(fs::remove_file(&part)),
    }
    followed
}

async fn follow(
    config: &Config,
    folder: &Path,
    task: &Task,
    progress: &mut dyn FnMut(f64),
) -> Result<(MadeFile, f64), RenderCommandError> {
    let started = Instant::now();
    let mut running = Running::start(&config.render.program, folder, task).await.map_err(RenderCommandError::Failed)?;
    loop {
        match running.next().await.map_err(RenderCommandError::Failed)? {
            Report::Progress { fraction, .. } => progress(fraction),
            Report::Failed { failure } => return Err(RenderCommandError::Failed(failure)),
            Report::Done { made } => {
                let seconds = started.elapsed().as_secs_f64();
                running.end().await;
                let nothing = || JobFailure::new(ErrorCode::Internal, "no file was made");
                let made = made.into_iter().next().ok_or_else(nothing).map_err(RenderCommandError::Failed)?;
                return Ok((made, seconds));
            }
            _ => {}
        }
    }
}

async fn local(
    fetcher: &Fetcher,
    room: &Room,
    source: &Source,
    index: usize,
    file: PathBuf,
) -> Result<PathBuf, RenderCommandError> {
    let refused = |reason: String| RenderCommandError::Source { index, reason };
    match source {
        Source::Url(url) => match url.strip_prefix(FILE_MARK) {
            Some(path) => {
                let path = hex::decode(path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let path = PathBuf::from(path.ok_or_else(|| refused("the path cannot be read".into()))?);
                let path = std::path::absolute(&path).map_err(|error| refused(error.to_string()))?;
                if path.is_file() { Ok(path) } else { Err(refused(format!("there is no file {}", path.display()))) }
            }
            None => {
                fetcher.fetch(url, &file, room, &|| {}).await.map_err(|error| refused(error.to_string()))?;
                Ok(file)
            }
        },
        Source::File(path) => Ok(path.into()),
        Source::Asset(_) | Source::Object { .. } => {
            Err(refused("uploads and objects need a server: give a url, which may be the path of a file".into()))
        }
    }
}
