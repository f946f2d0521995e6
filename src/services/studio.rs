//! Looking into sources and compositions, and single frames of them: what wants FFmpeg for a moment. Who does it is behind a
//! trait, since nothing here knows FFmpeg; a process of its own does.

use std::{path::Path, time::Instant};

use sha2::{Digest, Sha256};

use super::{
    Error, Services, Session,
    objects::{self, Purpose},
};
use crate::{
    domain::{
        composition::{Element, Source},
        error::{ErrorCode, JobFailure, Violation, ViolationCode},
        inspection::Inspected,
        look,
        media::MediaInfo,
        output::{self, Output},
    },
    entities::job,
};

/// Does it, for a tenant. What is dropped before it is done is stopped.
#[async_trait::async_trait]
pub trait Studio: Send + Sync {
    /// What a source holds, which must be had by a deadline.
    async fn probe(&self, services: &Services, tenant: &str, source: &Source, deadline: Instant)
    -> Result<MediaInfo, JobFailure>;

    /// What would be made of elements, the first output's plan, given with the ids by which problems name them; as far as it is
    /// known by the deadline. Without outputs only what they are by themselves.
    async fn inspect(
        &self,
        services: &Services,
        tenant: &str,
        elements: Vec<(String, Element)>,
        outputs: &[Output],
        deadline: Instant,
    ) -> Result<Inspected, JobFailure>;

    /// One picture of a job: the still that `output` asks for, at a width, as a file that `keep` is given before it goes. Its sources
    /// must be had by a deadline.
    async fn frame(
        &self,
        services: &Services,
        job: &Frame,
        deadline: Instant,
        keep: &mut (dyn Keep + Send),
    ) -> Result<(), JobFailure>;

    /// Which fonts there are for words that name none of their own, as a text that is another when they are.
    async fn fonts(&self) -> String;
}

/// A picture that is wanted.
pub struct Frame {
    pub tenant: String,
    pub job_id: String,
    pub elements: Vec<(String, Element)>,
    pub output: Output,
    pub width: u32,
}

/// Takes a file over.
#[async_trait::async_trait]
pub trait Keep {
    async fn keep(&mut self, file: &Path) -> Result<(), JobFailure>;
}

/// A picture in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptFrame {
    pub key: String,
    pub width: u32,
    pub height: u32,
    pub at: f64,
}

/// The share of a request's own time, the rest of which is for the rest, within which all sources of a picture are to be there…
const ALL_THERE: f64 = 0.9;
/// …and what was found in sources is told.
const LOOKED_INTO: f64 = 0.8;

impl Services {
    /// When a share of a request's time will be over, if it has begun now.
    fn soon(&self, share: f64) -> Instant {
        Instant::now() + self.transaction_limit().mul_f64(share)
    }

    fn studio(&self) -> Result<&dyn Studio, Error> {
        self.inner.studio.as_deref().ok_or_else(|| Error::internal("this node has no renderer"))
    }
}

impl Session {
    /// What a source holds.
    pub async fn probe(&self, source: &Source) -> Result<MediaInfo, Error> {
        let services = self.services();
        let deadline = services.soon(ALL_THERE);
        services.studio()?.probe(services, &self.caller().tenant, source, deadline).await.map_err(Error::Media)
    }

    /// What would be made of elements, given with their numbers, as far as it is known within a request's own time; they are named
    /// `elements[0]` and so on. Without outputs only what they are by themselves. A fault of
    /// the service is an error, and nothing that is wrong with them.
    pub async fn inspect(&self, elements: &[(usize, &Element)], outputs: &[Output]) -> Result<Inspected, Error> {
        let named = elements.iter().map(|(index, element)| (format!("elements[{index}]"), (*element).clone()));
        let services = self.services();
        let (tenant, deadline) = (&self.caller().tenant, services.soon(LOOKED_INTO));
        let inspected = services.studio()?.inspect(services, tenant, named.collect(), outputs, deadline).await;
        let mut inspected = inspected.unwrap_or_else(|failure| Inspected::bad(vec![failure]));
        if let Inspected::Partly { problems, .. } = &mut inspected
            && let Some(ours) = problems.iter().position(|failure| failure.code.is_of_the_service())
        {
            return Err(Error::Media(problems.swap_remove(ours)));
        }
        Ok(inspected)
    }

    /// One frame of a job's composition, made unless it was made before.
    pub async fn frame(&self, job: &job::Model, at: f64, width: Option<u32>) -> Result<KeptFrame, Error> {
        let read = |error: serde_json::Error| Error::internal(error.to_string());
        let outputs: Vec<Output> = serde_json::from_value(job.outputs.clone()).map_err(read)?;
        let mut frame = Err(Error::conflict("the job has no picture", "ask for a frame of a job with one"));
        let deadline = self.services().soon(ALL_THERE);
        for output in Output::showing(&outputs, at) {
            frame = self.frame_of(job, output, (at, width), deadline).await;
            if !matches!(frame, Err(Error::Invalid(_))) {
                break;
            }
        }
        frame
    }

    async fn frame_of(
        &self,
        job: &job::Model,
        output: &Output,
        (at, width): (f64, Option<u32>),
        deadline: Instant,
    ) -> Result<KeptFrame, Error> {
        let services = self.services();
        let read = |error: serde_json::Error| Error::internal(error.to_string());
        // All moments of one frame are one picture.
        let start = output.frame_rate.seconds(output.frame_rate.frame_showing(at));
        // One that begins right after the moment may be past the end, which the moment is not.
        let output = if at < start { output.poster_of(start) } else { output.still_at(start) };
        let rows = self.elements_of_jobs(std::slice::from_ref(&job.id)).await?;
        let rows = rows.iter().flat_map(|(_, rows)| rows.iter());
        let elements = rows.map(|row| Ok((row.id.clone(), serde_json::from_value(row.spec.clone())?)));
        let elements: Vec<(String, Element)> = elements.collect::<Result<_, _>>().map_err(read)?;
        let width = width.unwrap_or(output.width);
        let height = (f64::from(output.height) * f64::from(width) / f64::from(output.width)).round().max(1.0) as u32;
        let (versions, fonts) = (self.versions(job, &elements).await?, services.studio()?.fonts().await);
        let document = serde_json::to_vec(&(look::EDITION, fonts, &elements, &output, width, versions)).map_err(read)?;
        let key = format!("{}frames/{}.jpg", objects::job_prefix(&job.id), hex::encode(Sha256::digest(document)));
        let kept = KeptFrame { key: key.clone(), width, height, at: start.min(at) };
        let purpose = Purpose { tenant: job.tenant.clone(), job_id: Some(job.id.clone()), element_id: None };
        if services.store().size_of(&purpose, &key).await?.is_some() {
            return Ok(kept);
        }
        let ids: Vec<String> = elements.iter().map(|(id, _)| id.clone()).collect();
        let frame = Frame { tenant: job.tenant.clone(), job_id: job.id.clone(), elements, output, width };
        let mut keep = InStore { services, purpose, key };
        services.studio()?.frame(services, &frame, deadline, &mut keep).await.map_err(|failure| unframed(failure, &ids))?;
        Ok(kept)
    }
}

/// Where the moment of a frame is past the end, that is the argument which is wrong; else the place is told, as far as it is known.
fn unframed(mut failure: JobFailure, ids: &[String]) -> Error {
    let element = ids.iter().position(|id| failure.element_id.as_ref() == Some(id));
    if let (Some(index), Some(place)) = (element, &failure.place) {
        failure.message = format!("elements[{index}].{place}: {}", failure.message);
    }
    if failure.element_id.is_some() || !failure.place.as_ref().is_some_and(|place| place.ends_with(output::RANGE_START)) {
        return Error::Media(failure);
    }
    let message = "must be before the end of the composition".to_owned();
    Error::Invalid(vec![Violation { path: "at".into(), code: ViolationCode::OutOfRange, message }])
}

impl Session {
    /// What tells that the sources of a job's elements are still those that they were.
    async fn versions(&self, job: &job::Model, elements: &[(String, Element)]) -> Result<Vec<String>, Error> {
        let services = self.services();
        let purpose = Purpose { tenant: job.tenant.clone(), job_id: Some(job.id.clone()), element_id: None };
        let mut versions = Vec::new();
        for (_, source) in elements.iter().flat_map(|(_, element)| element.sources()) {
            let key = match source {
                Source::Asset(id) => services.asset(&job.tenant, id).await?.map(|asset| asset.key),
                Source::Object { key, .. } => Some(key.clone()),
                // The web tells only when it is asked for all of it: believed for a while.
                Source::Url(_) | Source::File(_) => {
                    versions.push((services.clock().now().0 / WEB_BELIEVED_US).to_string());
                    None
                }
            };
            if let Some(key) = key {
                versions.push(services.store().version_of(&purpose, &key).await?.unwrap_or_default());
            }
        }
        Ok(versions)
    }
}

/// How long a frame of sources from the web is taken for what it would be, microseconds: five minutes.
const WEB_BELIEVED_US: i64 = 5 * 60 * 1_000_000;

/// Takes a picture into the store.
struct InStore<'a> {
    services: &'a Services,
    purpose: Purpose,
    key: String,
}

#[async_trait::async_trait]
impl Keep for InStore<'_> {
    async fn keep(&mut self, file: &Path) -> Result<(), JobFailure> {
        let stored = self.services.store().put_file(&self.purpose, &self.key, file, "image/jpeg").await;
        stored.map(drop).map_err(|_| JobFailure::new(ErrorCode::StorageUnavailable, "the picture could not be stored"))
    }
}
