//! Brings every source of a composition to this node's disk, each once.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

use tokio::{
    sync::{Semaphore, SemaphorePermit, SetOnce},
    time::{timeout, timeout_at},
};

use super::kept::KeptSources;
use crate::{
    domain::{
        composition::{Element, Source},
        error::{ErrorCode, JobFailure},
    },
    services::{Services, objects::Purpose},
    storage::{FetchError, Fetcher, Room, Saved, StorageError, StorageErrorKind},
};

/// How much is fetched at a time.
struct Pace {
    /// Sources of hosts that have not answered yet: one of each.
    unanswered: usize,
    /// Further ones of those that were waited for.
    waited_for: usize,
    /// Sources of those that have.
    answered: usize,
    /// Of one host that has.
    of_host: usize,
}

/// For a render, which needs all of them.
const FOR_ALL: Pace = Pace { unanswered: 4, waited_for: 2, answered: 4, of_host: 4 };
/// Where there is a deadline: up to 128 hosts may fail to answer, and others are not to wait for them.
const UNTIL: Pace = Pace { unanswered: 128, waited_for: 64, answered: 64, of_host: 16 };

/// Sources on disk, and how many bytes they have together.
#[derive(Default)]
pub struct Local {
    pub paths: HashMap<Source, PathBuf>,
    /// Hashes of their content, by path.
    pub digests: HashMap<String, String>,
    pub bytes: i64,
}

impl Local {
    fn take(&mut self, Fetched { source, path, file }: Fetched) {
        self.digests.insert(path.to_string_lossy().into_owned(), file.sha256);
        self.paths.insert(source, path);
        self.bytes += file.size;
    }

    /// Of a source that is not there yet; rather of one of the web, for which those of the store may wait.
    pub fn late(&self, elements: &[(String, Element)]) -> JobFailure {
        let failure = JobFailure::new(ErrorCode::SourceUnreachable, "the source was not here in time");
        let sources = elements.iter().flat_map(|(id, element)| element.sources().into_iter().map(move |source| (id, source)));
        let away = sources.filter(|(_, (_, source))| !self.paths.contains_key(source));
        match away.min_by_key(|(_, (_, source))| !matches!(source, Source::Url(_))) {
            Some((id, (place, _))) => failure.of_element(id).in_place(place),
            None => failure,
        }
    }

    /// Puts the files that there are in place of an element's sources.
    pub fn put_into(&self, element: &mut Element) {
        for source in element.sources_mut() {
            if let Some(path) = self.paths.get(source) {
                *source = Source::File(path.to_string_lossy().into_owned());
            }
        }
    }
}

/// A file that was fetched.
struct File {
    size: i64,
    sha256: String,
}

/// How long a host that has not answered is asked for one source alone: another may be there though this is not.
const ALONE: Duration = Duration::from_secs(1);

/// Where sources wait to be fetched.
struct Places {
    unanswered: Semaphore,
    waited_for: Semaphore,
    answered: Semaphore,
}

impl Places {
    fn of(pace: &Pace) -> Self {
        let [unanswered, waited_for, answered] = [pace.unanswered, pace.waited_for, pace.answered].map(Semaphore::new);
        Self { unanswered, waited_for, answered }
    }
}

/// Who is asked for sources.
struct Host {
    is_store: bool,
    /// One, until it has answered or was waited for.
    places: Semaphore,
    is_open: AtomicBool,
    has_answered: SetOnce<()>,
    of_host: usize,
}

impl Host {
    /// The store, which is ours, needs not answer first.
    fn of(source: &Source, pace: &Pace) -> Self {
        let is_store = !matches!(source, Source::Url(_));
        let places = Semaphore::new(1);
        let (is_open, has_answered, of_host) = (AtomicBool::new(false), SetOnce::new(), pace.of_host);
        let host = Self { is_store, places, is_open, has_answered, of_host };
        if is_store {
            host.answers();
        }
        host
    }

    fn answers(&self) {
        // Not the first time but once.
        let _ = self.has_answered.set(());
        self.open();
    }

    fn open(&self) {
        if !self.is_open.swap(true, Relaxed) {
            self.places.add_permits(self.of_host - 1);
        }
    }

    /// A place for one more of its sources, among those of hosts that are as it is; where it answers meanwhile, among those that have.
    async fn place<'a>(&self, places: &'a Places) -> Option<SemaphorePermit<'a>> {
        // The store has places of its own alone: nothing of the web keeps it waiting.
        if self.is_store {
            return None;
        }
        let line = if self.is_open.load(Relaxed) { &places.waited_for } else { &places.unanswered };
        let place = tokio::select! {
            biased;
            () = self.has_answered.wait().map(|_| ()) => places.answered.acquire().await,
            place = line.acquire() => place,
        };
        // None is ever closed.
        place.ok()
    }

    /// Waits for what one source comes to.
    async fn wait_for<T>(&self, fetching: impl Future<Output = T>) -> T {
        let mut fetching = pin!(fetching);
        if let Ok(fetched) = timeout(ALONE, &mut fetching).await {
            return fetched;
        }
        self.open();
        fetching.await
    }
}

/// A source, and the elements that want it, each with the place where it names it.
struct Wanted<'a> {
    source: &'a Source,
    by: Vec<(&'a str, String)>,
}

/// Why a source cannot be had.
struct Missing<'a> {
    failure: JobFailure,
    by: Vec<(&'a str, String)>,
}

impl Missing<'_> {
    /// For each that wants it.
    fn told(self) -> Vec<JobFailure> {
        let Self { failure, by } = self;
        by.into_iter().map(|(id, place)| failure.clone().of_element(id).in_place(place)).collect()
    }
}

/// A source, and where it lies now.
struct Fetched {
    source: Source,
    path: PathBuf,
    file: File,
}

/// Who fetches, for whom, and how much.
pub struct Fetching<'a> {
    pub services: &'a Services,
    pub fetcher: &'a Fetcher,
    /// For all sources together.
    pub room: Room,
    pub tenant: &'a str,
    pub job_id: Option<&'a str>,
    /// Where sources of the store are kept.
    pub kept: Option<KeptSources>,
}

impl Fetching<'_> {
    /// Fetches the sources of `elements`, given with their ids, into a folder; ends with the first that cannot be had, or is not
    /// there by a deadline.
    pub async fn all(
        &self,
        deadline: Option<Instant>,
        elements: &[(String, Element)],
        folder: &Path,
    ) -> Result<Local, JobFailure> {
        let mut fetched = self.each(elements, folder, if deadline.is_some() { &UNTIL } else { &FOR_ALL });
        let mut local = Local::default();
        loop {
            let next = match deadline {
                Some(deadline) => timeout_at(deadline.into(), fetched.next()).await.map_err(|_| local.late(elements))?,
                None => fetched.next().await,
            };
            let Some(one) = next else { break };
            match one {
                Ok(one) => local.take(one),
                Err(missing) => return Err(missing.told().swap_remove(0)),
            }
        }
        Ok(local)
    }

    /// Those that are there by a deadline, and of what cannot be had why not, for each element that wants it.
    pub async fn some(&self, deadline: Instant, elements: &[(String, Element)], folder: &Path) -> (Local, Vec<JobFailure>) {
        let mut fetched = self.each(elements, folder, &UNTIL);
        let (mut local, mut missing) = (Local::default(), Vec::new());
        while let Ok(Some(one)) = timeout_at(deadline.into(), fetched.next()).await {
            match one {
                Ok(one) => local.take(one),
                Err(one) => missing.extend(one.told()),
            }
        }
        (local, missing)
    }

    /// Each source once, some at a time. Of a host that has not answered one is asked for at first, so that many that never do keep no
    /// other waiting.
    fn each<'a>(
        &'a self,
        elements: &'a [(String, Element)],
        folder: &Path,
        pace: &'static Pace,
    ) -> FuturesUnordered<BoxFuture<'a, Result<Fetched, Missing<'a>>>> {
        let mut hosts: HashMap<String, Arc<Host>> = HashMap::new();
        let places = Arc::new(Places::of(pace));
        let fetches = wanted(elements).into_iter().enumerate().map(|(number, one)| {
            let host = hosts.entry(origin(one.source)).or_insert_with(|| Arc::new(Host::of(one.source, pace))).clone();
            let (path, places) = (folder.join(format!("source-{number}")), places.clone());
            async move {
                // None is ever closed.
                let _of_host = host.places.acquire().await;
                let _place = host.place(&places).await;
                let fetched = host.wait_for(self.one(one, path, &|| host.answers())).await;
                host.answers();
                fetched
            }
            .boxed()
        });
        fetches.collect()
    }

    async fn one<'a>(
        &self,
        Wanted { source, by }: Wanted<'a>,
        path: PathBuf,
        answered: &(dyn Fn() + Sync),
    ) -> Result<Fetched, Missing<'a>> {
        match self.fetch(source, by[0].0, &path, answered).await {
            Ok(file) => Ok(Fetched { source: source.clone(), path, file }),
            Err(failure) => {
                // What came of it is of no use, and its room is another's.
                let _ = tokio::fs::remove_file(&path).await;
                Err(Missing { failure, by })
            }
        }
    }

    async fn fetch(
        &self,
        source: &Source,
        element_id: &str,
        path: &Path,
        answered: &(dyn Fn() + Sync),
    ) -> Result<File, JobFailure> {
        let store = self.services.store();
        let purpose = Purpose {
            tenant: self.tenant.to_owned(),
            job_id: self.job_id.map(str::to_owned),
            // Without a job the element is of a document only.
            element_id: self.job_id.map(|_| element_id.to_owned()),
        };
        match source {
            Source::Url(url) => {
                let fetched = self.fetcher.fetch(url, path, &self.room, answered).await.map_err(unfetched)?;
                Ok(File { size: fetched.size, sha256: fetched.sha256 })
            }
            Source::Asset(id) => {
                let asset = self.services.asset(self.tenant, id).await;
                let asset = asset.map_err(|error| JobFailure::new(error.code(), error.to_string()))?;
                let asset = asset.ok_or_else(|| {
                    JobFailure::new(ErrorCode::SourceUnreachable, format!("there is no upload with the id {id}")).for_good()
                })?;
                let got = self.get(&purpose, &asset.key, path).await.map_err(|error| match error.kind {
                    StorageErrorKind::NotFound => not_uploaded(id),
                    _ => ungot(error),
                })?;
                check_upload(asset.size, asset.checksum_sha256.as_deref(), got.size, &got.sha256)
                    .inspect_err(|_| self.room.give_back(got.size as u64))?;
                Ok(File { size: got.size, sha256: got.sha256 })
            }
            Source::Object { bucket: Some(bucket), .. } if bucket != store.bucket() => {
                let message = format!("the bucket {bucket} is not the service's own");
                Err(JobFailure::new(ErrorCode::SourceNotAllowed, message).for_good())
            }
            Source::Object { key, .. } => {
                let got = self.get(&purpose, key, path).await.map_err(ungot)?;
                Ok(File { size: got.size, sha256: got.sha256 })
            }
            Source::File(_) => {
                Err(JobFailure::new(ErrorCode::SourceNotAllowed, "files of the server are no sources of a job").for_good())
            }
        }
    }
}

impl Fetching<'_> {
    /// An object of the store, or the same as it was kept: one that was written anew has another version.
    async fn get(&self, purpose: &Purpose, key: &str, path: &Path) -> Result<Saved, StorageError> {
        let store = self.services.store();
        let Some(kept) = &self.kept else { return store.get_to_file(purpose, key, path, &self.room).await };
        // Where that cannot be told, fetching says why.
        let version = store.version_of(purpose, key).await.ok().flatten().map(|version| format!("{key}\n{version}"));
        if let Some(name) = &version
            && let Some(sha256) = kept.take(name, path).await
        {
            let size = tokio::fs::metadata(path).await.map_err(StorageError::of_file)?.len();
            let mut part = self.room.part(size)?;
            part.grow(size)?;
            return Ok(Saved { size: part.keep() as i64, sha256 });
        }
        let got = store.get_to_file(purpose, key, path, &self.room).await?;
        if let Some(name) = &version {
            kept.put(name, path, &got.sha256).await;
        }
        Ok(got)
    }
}

/// The sources of elements, each once.
fn wanted(elements: &[(String, Element)]) -> Vec<Wanted<'_>> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for (id, element) in elements {
        for (place, source) in element.sources() {
            match wanted.iter_mut().find(|known| known.source == source) {
                Some(known) => known.by.push((id, place)),
                None => wanted.push(Wanted { source, by: vec![(id, place)] }),
            }
        }
    }
    wanted
}

/// Who answers for a source: of an address its origin, of all else the store.
fn origin(source: &Source) -> String {
    let Source::Url(url) = source else { return String::new() };
    url::Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

fn not_uploaded(id: &str) -> JobFailure {
    JobFailure::new(ErrorCode::SourceUnreachable, format!("the file of the upload {id} was never sent"))
        .suggest("send the file to the address that createUpload gave, then retry the job")
}

fn check_upload(size: i64, checksum: Option<&str>, got: i64, got_checksum: &str) -> Result<(), JobFailure> {
    if size == got && checksum.is_none_or(|checksum| checksum == got_checksum) {
        return Ok(());
    }
    Err(JobFailure::new(
        ErrorCode::CorruptMedia,
        "the uploaded file is not the one that was announced: its size or checksum differs",
    )
    .suggest("upload it again"))
}

fn unfetched(error: FetchError) -> JobFailure {
    let message = error.to_string();
    match error {
        FetchError::NotAllowed(_) => JobFailure::new(ErrorCode::SourceNotAllowed, message).for_good(),
        FetchError::Unreachable(_) => JobFailure::new(ErrorCode::SourceUnreachable, message),
        FetchError::TooLarge(_) => JobFailure::new(ErrorCode::ResourceLimit, message).for_good(),
        FetchError::DiskFull => JobFailure::new(ErrorCode::StorageFull, message),
    }
}

fn ungot(error: StorageError) -> JobFailure {
    match error.kind {
        StorageErrorKind::NotFound => {
            JobFailure::new(ErrorCode::SourceUnreachable, "there is no such object in the store").for_good()
        }
        StorageErrorKind::Rejected => JobFailure::new(ErrorCode::SourceNotAllowed, "the store refuses the object").for_good(),
        StorageErrorKind::Unavailable => JobFailure::new(ErrorCode::StorageUnavailable, "the object store cannot be reached"),
        StorageErrorKind::Full => JobFailure::new(ErrorCode::StorageFull, "the disk is full"),
        StorageErrorKind::TooLarge => JobFailure::new(ErrorCode::ResourceLimit, error.message).for_good(),
    }
}
