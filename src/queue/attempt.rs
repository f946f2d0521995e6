//! One attempt at a job, from the claim to its end: seven steps, each a row of the timeline.

use std::{collections::HashMap, path::Path, time::Instant};

use tokio::sync::OwnedSemaphorePermit;

use super::{
    Worker, child,
    cpu::CpuMeter,
    folder::WorkFolder,
    sources::Fetching,
    watch::{self, Stop},
};
use crate::{
    domain::{
        composition::{Element, ElementStatus},
        error::{ErrorCode, JobFailure},
        job::JobStatus,
        output::{Output, RenderedFile},
        timeline::{ProcessingStep, Usage},
        validation::{self, Checker},
    },
    render::{
        Composition, PlacedElement,
        process::{MadeFile, Task},
    },
    services::{
        leases::{Claimed, Ending, Lease, LeaseError},
        objects::{self, Purpose},
    },
    storage::{Room, StorageErrorKind},
};

/// Why the work stopped by itself.
#[derive(Debug)]
pub enum Halt {
    Failed(JobFailure),
    Lost,
}

impl From<LeaseError> for Halt {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Lost => Halt::Lost,
            LeaseError::Failed(error) => {
                tracing::warn!(%error, cause = error.hidden_cause(), "the worker could not write");
                Halt::Failed(JobFailure::new(error.code(), error.to_string()))
            }
        }
    }
}

/// Makes the attempt and ends it. Holds its slot until the last file is gone.
pub async fn run(worker: Worker, claimed: Claimed, slot: OwnedSemaphorePermit) {
    let Claimed { lease, outputs } = claimed;
    tracing::info!(job = lease.job_id, attempt = lease.attempt, "an attempt begins");
    let cancellations = worker.services.cancellations();
    let ending = tokio::select! {
        biased;
        stop = watch::until_stopped(&worker, &lease, cancellations) => match stop {
            Stop::Cancelled => Some(Ending::Cancelled),
            Stop::HandBack => Some(Ending::HandedBack),
            Stop::Lost => None,
        },
        // Dropped by the branch above, it kills its child and removes its folder.
        worked = work(&worker, &lease, outputs) => match worked {
            Ok(files) => Some(Ending::Done(files)),
            Err(Halt::Failed(failure)) => Some(Ending::Failed(failure)),
            Err(Halt::Lost) => None,
        },
    };
    match ending {
        Some(ending) => end(&worker, &lease, ending).await,
        None => tracing::warn!(job = lease.job_id, "the job is another's now: the attempt is dropped"),
    }
    // However it ended, it may have kept parts.
    worker.trim_shelf().await;
    drop(slot);
}

async fn end(worker: &Worker, lease: &Lease, mut ending: Ending) {
    if let Ending::Failed(failure) = &mut ending {
        tracing::warn!(job = lease.job_id, code = failure.code.as_str(), message = failure.message, "an attempt failed");
        if failure.code == ErrorCode::Internal {
            // The cause is for the log, under the job's id.
            failure.message = "something went wrong on the server's side".into();
        }
    }
    match worker.services.end(lease, ending, rand::random()).await {
        Ok(JobStatus::Queued) => tracing::info!(job = lease.job_id, "the job is back in the queue"),
        Ok(status) => tracing::info!(job = lease.job_id, status = status.as_str(), "the job has ended"),
        // The lease runs out, and another takes the job.
        Err(error) => tracing::error!(%error, job = lease.job_id, "the end of an attempt could not be written"),
    }
}

async fn work(worker: &Worker, lease: &Lease, outputs: Vec<Output>) -> Result<Vec<RenderedFile>, Halt> {
    let elements = validation_step(worker, lease, &outputs).await?;
    let folder = WorkFolder::create(worker.folder_of(lease)).map_err(|error| disk(&error).at(ProcessingStep::Download))?;
    let (mut composition, digests) = download_step(worker, lease, elements, &outputs, folder.path()).await?;
    let path = |name: String| folder.path().join(name).to_string_lossy().into_owned();
    let mut paths: Vec<String> = outputs.iter().enumerate().map(|(index, output)| path(name(index, output))).collect();
    // Posters are outputs of their own, after the others.
    let posters: Vec<(usize, Output)> = outputs.iter().enumerate().filter_map(|(at, o)| Some((at, o.poster()?))).collect();
    paths.extend(posters.iter().map(|(index, _)| path(poster_name(*index))));
    composition.outputs.extend(posters.iter().map(|(_, poster)| poster.clone()));
    let shelf = worker.settings.shelf_of(&lease.tenant).map(|folder| folder.to_string_lossy().into_owned());
    let task = Task { composition, paths, shelf, digests, limits: worker.settings.limits, ..Task::default() };
    let rendering = Instant::now();
    let made = child::render(worker, lease, folder.path(), &task).await?;
    let seconds: f64 = made[..outputs.len()].iter().map(|made| made.frames as f64 / made.frame_rate).sum();
    let speed = seconds / rendering.elapsed().as_secs_f64().max(1e-3);
    let posters: Vec<usize> = posters.into_iter().map(|(index, _)| index).collect();
    let files = upload_step(worker, lease, &task, &made, &posters, speed).await?;
    cleanup_step(worker, lease, &folder).await?;
    Ok(files)
}

/// The name of an output's file.
fn name(index: usize, output: &Output) -> String {
    let extension = output.format.extension();
    if index == 0 { format!("output.{extension}") } else { format!("output-{}.{extension}", index + 1) }
}

/// The name of an output's poster.
fn poster_name(index: usize) -> String {
    if index == 0 { "poster.jpg".into() } else { format!("poster-{}.jpg", index + 1) }
}

fn disk(error: &std::io::Error) -> JobFailure {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            JobFailure::new(ErrorCode::StorageFull, "the disk is full")
        }
        _ => JobFailure::new(ErrorCode::Internal, format!("the work folder cannot be used: {error}")),
    }
}

/// Runs a step of this process: begun, measured, done; a failure bears its name.
async fn step<T>(
    worker: &Worker,
    lease: &Lease,
    which: ProcessingStep,
    progress: f64,
    work: impl Future<Output = Result<(T, Usage), Halt>>,
) -> Result<T, Halt> {
    worker.services.start_step(lease, which, progress).await?;
    let meter = CpuMeter::default();
    let (value, counted) = meter.around(work).await.map_err(|halt| match halt {
        Halt::Failed(failure) => Halt::Failed(failure.at(which)),
        Halt::Lost => Halt::Lost,
    })?;
    let usage = Usage { bytes_read: counted.bytes_read, bytes_written: counted.bytes_written, ..meter.usage() };
    worker.services.complete_step(lease, which, usage, serde_json::json!({})).await?;
    Ok(value)
}

type Elements = Vec<(String, Element)>;

async fn validation_step(worker: &Worker, lease: &Lease, outputs: &[Output]) -> Result<Elements, Halt> {
    step(worker, lease, ProcessingStep::Validation, 0.0, async {
        let elements = worker.services.elements_of(&lease.job_id).await.map_err(LeaseError::Failed)?;
        check(&elements, outputs, worker.services.store().buckets())?;
        Ok((elements, Usage::default()))
    })
    .await
}

/// The rules again, as they are now: the job may have waited through an upgrade.
fn check(elements: &Elements, outputs: &[Output], buckets: &[String]) -> Result<(), JobFailure> {
    let mut check = Checker::default();
    validation::outputs(&mut check, "outputs", outputs);
    for (index, output) in outputs.iter().enumerate() {
        validation::bucket(&mut check, &format!("outputs[{index}]"), output, buckets);
    }
    let only: Vec<Element> = elements.iter().map(|(_, element)| element.clone()).collect();
    validation::composition(&mut check, "elements", &only, validation::ends_by(outputs));
    match check.finish().first() {
        None => Ok(()),
        Some(first) => Err(JobFailure::new(ErrorCode::BadUserInput, format!("{}: {}", first.path, first.message))),
    }
}

async fn download_step(
    worker: &Worker,
    lease: &Lease,
    elements: Elements,
    outputs: &[Output],
    folder: &Path,
) -> Result<(Composition, HashMap<String, String>), Halt> {
    worker.services.note_elements(lease, ElementStatus::Downloading).await?;
    let fetched = step(worker, lease, ProcessingStep::Download, 2.0, async {
        let fetching = Fetching {
            services: &worker.services,
            fetcher: &worker.fetcher,
            room: Room::new(worker.settings.source_bytes),
            tenant: &lease.tenant,
            job_id: Some(&lease.job_id),
            kept: worker.settings.kept_sources(&lease.tenant),
        };
        let local = fetching.all(None, &elements, folder).await?;
        let placed = elements.into_iter().map(|(id, mut element)| {
            local.put_into(&mut element);
            PlacedElement { id, element }
        });
        let composition = Composition { elements: placed.collect(), outputs: outputs.to_vec() };
        Ok(((composition, local.digests), Usage { bytes_read: Some(local.bytes), ..Usage::default() }))
    })
    .await?;
    worker.services.note_elements(lease, ElementStatus::Processing).await?;
    Ok(fetched)
}

async fn upload_step(
    worker: &Worker,
    lease: &Lease,
    task: &Task,
    made: &[MadeFile],
    posters: &[usize],
    render_speed: f64,
) -> Result<Vec<RenderedFile>, Halt> {
    step(worker, lease, ProcessingStep::Upload, child::PICTURE.1, async {
        // Under the fence, so that a worker that lost the job overwrites nothing of the one that has it.
        let own = |name| format!("{}{}/{name}", objects::job_prefix(&lease.job_id), lease.fence);
        let whole = made.len() - posters.len();
        let mut files: Vec<RenderedFile> = Vec::with_capacity(whole);
        let all = made.iter().zip(task.composition.outputs.iter().zip(&task.paths));
        for (number, (made, (output, path))) in all.enumerate() {
            let poster_of = number.checked_sub(whole).map(|number| posters[number]);
            let key = match (poster_of, &output.key) {
                (Some(index), _) => own(poster_name(index)),
                (None, Some(chosen)) => chosen.clone(),
                (None, None) => own(name(number, output)),
            };
            let file = upload(worker, lease, key, Path::new(path), output, made, render_speed).await?;
            match poster_of {
                Some(index) => files[index].poster_key = Some(file.key),
                None => files.push(file),
            }
        }
        let bytes = files.iter().map(|file| file.size).sum();
        Ok((files, Usage { bytes_written: Some(bytes), ..Usage::default() }))
    })
    .await
}

async fn upload(
    worker: &Worker,
    lease: &Lease,
    key: String,
    path: &Path,
    output: &Output,
    made: &MadeFile,
    render_speed: f64,
) -> Result<RenderedFile, JobFailure> {
    let purpose = Purpose { tenant: lease.tenant.clone(), job_id: Some(lease.job_id.clone()), element_id: None };
    let store = worker.services.store();
    let store = store.in_bucket(output.bucket.as_deref().unwrap_or(store.bucket()));
    let stored = store.put_file(&purpose, &key, path, output.format.media_type()).await.map_err(|error| match error.kind {
        StorageErrorKind::Full => JobFailure::new(ErrorCode::StorageFull, "the object store is full"),
        _ => JobFailure::new(ErrorCode::StorageUnavailable, "the result could not be stored"),
    })?;
    Ok(RenderedFile {
        bucket: store.bucket().to_owned(),
        key,
        etag: stored.etag,
        checksum_sha256: stored.sha256,
        size: stored.size,
        duration: made.frames as f64 / made.frame_rate,
        width: made.width,
        height: made.height,
        frame_rate: made.frame_rate,
        frames: made.frames,
        container: output.format.extension().into(),
        video_codec: output.video_codec_name().map(str::to_owned),
        audio_codec: output.audio_codec_name().filter(|_| made.has_sound).map(str::to_owned),
        render_speed,
        rendered_segments: made.rendered_segments,
        reused_segments: made.reused_segments,
        poster_key: None,
    })
}

async fn cleanup_step(worker: &Worker, lease: &Lease, folder: &WorkFolder) -> Result<(), Halt> {
    step(worker, lease, ProcessingStep::Cleanup, 99.0, async {
        folder.remove().map_err(|error| disk(&error))?;
        Ok(((), Usage::default()))
    })
    .await
}
