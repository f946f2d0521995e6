//! Looks into media and draws single frames, each in a child process of its own that lives for a moment.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use tokio::{sync::Semaphore, time::timeout_at};

use super::{
    RenderSettings,
    folder::WorkFolder,
    sources::{Fetching, Local},
};
use crate::{
    domain::{
        composition::{Content, Element, Playback, Source, Timing},
        error::{ErrorCode, JobFailure},
        inspection::{Inspected, Warning},
        media::MediaInfo,
        output::Output,
    },
    render::{
        Composition, PlacedElement,
        process::{Aim, Report, Running, Task},
        system_fonts,
    },
    services::{
        Services,
        studio::{Frame, Keep, Studio},
    },
    storage::{Fetcher, Room},
};

/// Children at a time; more wait.
const AT_ONCE: usize = 2;
/// The share of the time that there is for fetching sources and looking into them that is for looking.
const LOOKING: f64 = 0.375;
/// Compositions whose sources are fetched at a time.
const FETCHES: usize = 16;

/// What it works with.
pub struct ProcessStudio {
    fetcher: Fetcher,
    settings: RenderSettings,
    /// Whether somebody removes what is too much of what is kept.
    trimming: Arc<AtomicBool>,
    places: Semaphore,
    fetches: Semaphore,
    made: AtomicU64,
}

impl ProcessStudio {
    pub fn new(fetcher: Fetcher, settings: RenderSettings) -> Self {
        Self {
            fetcher,
            settings,
            trimming: Arc::default(),
            places: Semaphore::new(AT_ONCE),
            fetches: Semaphore::new(FETCHES),
            made: AtomicU64::new(0),
        }
    }

    /// A folder of its own, which goes when what is done in it is done, or given up.
    fn folder(&self) -> Result<WorkFolder, JobFailure> {
        let name = format!("studio-{}", self.made.fetch_add(1, Relaxed));
        WorkFolder::create(self.settings.work_dir.join(name))
            .map_err(|error| JobFailure::new(ErrorCode::Internal, format!("the work folder cannot be used: {error}")))
    }

    fn fetching<'a>(&'a self, services: &'a Services, (tenant, job_id): (&'a str, Option<&'a str>)) -> Fetching<'a> {
        let (kept, room) = (self.settings.kept_sources(tenant), Room::new(self.settings.source_bytes));
        Fetching { services, fetcher: &self.fetcher, room, tenant, job_id, kept }
    }

    /// The elements with their sources on disk, all of them by a deadline.
    async fn fetched(
        &self,
        deadline: Instant,
        services: &Services,
        owner: (&str, Option<&str>),
        elements: Vec<(String, Element)>,
        folder: &Path,
    ) -> Result<Vec<PlacedElement>, JobFailure> {
        // Beside the children's places: a source that drips keeps nobody from what is here.
        let Ok(fetch) = timeout_at(deadline.into(), self.fetches.acquire()).await else {
            return Err(Local::default().late(&elements));
        };
        let _fetch = fetch.map_err(|_| nothing())?;
        let fetched = self.fetching(services, owner).all(Some(deadline), &elements, folder).await;
        self.trim();
        Ok(placed(elements, &fetched?))
    }

    /// The same with the sources that can be had by then, and why others cannot at all.
    async fn fetched_until(
        &self,
        deadline: Instant,
        services: &Services,
        tenant: &str,
        elements: Vec<(String, Element)>,
        folder: &Path,
    ) -> Result<(Vec<PlacedElement>, Vec<JobFailure>), JobFailure> {
        let Ok(fetch) = timeout_at(deadline.into(), self.fetches.acquire()).await else {
            return Ok((placed(elements, &Local::default()), Vec::new()));
        };
        let _fetch = fetch.map_err(|_| nothing())?;
        let fetched = self.fetching(services, (tenant, None)).some(deadline, &elements, folder).await;
        self.trim();
        let (local, missing) = fetched;
        Ok((placed(elements, &local), missing))
    }

    /// Removes what is too much of what is kept, beside all else: nodes without a worker have nobody else who does.
    fn trim(&self) {
        let (settings, trimming) = (self.settings.clone(), self.trimming.clone());
        if !trimming.swap(true, Relaxed) {
            tokio::task::spawn_blocking(move || {
                settings.trim_shelf();
                trimming.store(false, Relaxed);
            });
        }
    }

    /// What a child finds by a deadline.
    async fn look_into(&self, deadline: Instant, folder: &Path, task: Task) -> Result<Inspected, JobFailure> {
        let mut inspected = None;
        let mut told = |report| {
            if let Report::Inspected { inspected: found } = report {
                inspected = Some(found);
            }
        };
        match timeout_at(deadline.into(), self.run(folder, task, &mut told)).await {
            Ok(Ok(())) => inspected.ok_or_else(nothing),
            // What it told before counts, however it ended.
            Ok(Err(failure)) => inspected.ok_or(failure),
            Err(_) => Ok(inspected.unwrap_or_else(Inspected::unseen)),
        }
    }

    /// Runs a task to its end; what it tells on the way goes to `told`.
    async fn run(&self, folder: &Path, mut task: Task, told: &mut (dyn FnMut(Report) + Send)) -> Result<(), JobFailure> {
        task.limits = self.settings.limits;
        let _place = self.places.acquire().await.map_err(|_| nothing())?;
        let mut running = Running::start(&self.settings.program, folder, &task).await?;
        loop {
            match running.next().await? {
                Report::Done { .. } => {
                    running.end().await;
                    return Ok(());
                }
                Report::Failed { failure } => return Err(failure),
                other => told(other),
            }
        }
    }
}

/// Elements with the files that there are in place of their sources.
fn placed(elements: Vec<(String, Element)>, local: &Local) -> Vec<PlacedElement> {
    let placed = elements.into_iter().map(|(id, mut element)| {
        local.put_into(&mut element);
        PlacedElement { id, element }
    });
    placed.collect()
}

/// The places of those sources of an element that were not fetched, each with its id.
fn places_away(PlacedElement { id, element }: &PlacedElement) -> Vec<(String, String)> {
    let away = element.sources().into_iter().filter(|(_, source)| !source.is_here());
    away.map(|(place, _)| (id.clone(), place)).collect()
}

fn nothing() -> JobFailure {
    JobFailure::new(ErrorCode::Internal, "the renderer told nothing")
}

#[async_trait::async_trait]
impl Studio for ProcessStudio {
    async fn probe(
        &self,
        services: &Services,
        tenant: &str,
        source: &Source,
        deadline: Instant,
    ) -> Result<MediaInfo, JobFailure> {
        let folder = self.folder()?;
        let content = Content::Audio { playback: Playback::of(source.clone()) };
        let one = vec![("source".to_owned(), Element { timing: Timing::default(), content })];
        let elements = self.fetched(deadline, services, (tenant, None), one, folder.path()).await?;
        let task = Task { aim: Aim::Probe, composition: Composition { elements, outputs: Vec::new() }, ..Task::default() };
        let mut found = None;
        self.run(folder.path(), task, &mut |report| {
            if let Report::Media { media, .. } = report {
                found = Some(media);
            }
        })
        .await?;
        found.ok_or_else(nothing)
    }

    async fn inspect(
        &self,
        services: &Services,
        tenant: &str,
        elements: Vec<(String, Element)>,
        outputs: &[Output],
        deadline: Instant,
    ) -> Result<Inspected, JobFailure> {
        let folder = self.folder()?;
        let looking = deadline.saturating_duration_since(Instant::now()).mul_f64(LOOKING);
        let fetched = self.fetched_until(deadline - looking, services, tenant, elements, folder.path()).await?;
        let (elements, mut problems) = fetched;
        let ids: Vec<String> = elements.iter().map(|placed| placed.id.clone()).collect();
        let away: Vec<(String, String)> = elements.iter().flat_map(places_away).collect();
        // Without some of its sources or elements it is another composition: of that only what the others are counts.
        let aim = Aim::Inspect { partly: !away.is_empty() || outputs.is_empty() };
        let known = |(id, place): &(String, String)| {
            problems.iter().any(|failure| failure.element_id.as_ref() == Some(id) && failure.place.as_ref() == Some(place))
        };
        let unseen = away.into_iter().filter(|source| !known(source));
        let mut warnings: Vec<Warning> = unseen.map(|(id, place)| Warning::not_inspected(Some(id), Some(place))).collect();
        let composition = Composition { elements, outputs: outputs.to_vec() };
        let task = Task { aim, composition, ..Task::default() };
        match self.look_into(deadline, folder.path(), task).await {
            Ok(Inspected::Good(inspection)) => return Ok(Inspected::Good(inspection)),
            Ok(Inspected::Partly { problems: more, warnings: others }) => {
                problems.extend(more);
                warnings.extend(others);
            }
            Err(failure) if problems.is_empty() => return Err(failure),
            Err(failure) => problems.push(failure),
        }
        let place = |failure: &JobFailure| ids.iter().position(|id| failure.element_id.as_ref() == Some(id));
        problems.sort_by_cached_key(|failure| (place(failure), failure.place.clone()));
        Ok(Inspected::Partly { problems, warnings })
    }

    async fn frame(
        &self,
        services: &Services,
        job: &Frame,
        deadline: Instant,
        keep: &mut (dyn Keep + Send),
    ) -> Result<(), JobFailure> {
        let folder = self.folder()?;
        let owner = (job.tenant.as_str(), Some(job.job_id.as_str()));
        let elements = self.fetched(deadline, services, owner, job.elements.clone(), folder.path()).await?;
        let file = folder.path().join("frame.jpg");
        let task = Task {
            composition: Composition { elements, outputs: vec![job.output.clone()] },
            paths: vec![file.to_string_lossy().into_owned()],
            still_width: Some(job.width),
            ..Task::default()
        };
        self.run(folder.path(), task, &mut |_| {}).await?;
        keep.keep(&file).await
    }

    async fn fonts(&self) -> String {
        tokio::task::spawn_blocking(system_fonts).await.unwrap_or_default()
    }
}
