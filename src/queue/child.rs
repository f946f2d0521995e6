//! The steps PROCESSING, COMPOSITION and ENCODING, which the child process makes and this one writes down.

use std::{path::Path, time::Duration};

use super::Worker;
use crate::{
    domain::{error::JobFailure, timeline::ProcessingStep},
    queue::attempt::Halt,
    render::process::{MadeFile, Report, Running, Task},
    services::leases::{Advance, Lease, LeaseError},
};

/// The part of a job's progress that the picture is: from this percentage to that.
pub const PICTURE: (f64, f64) = (15.0, 90.0);

/// How often the end of a step is tried to be written.
const TRIES: u32 = 5;

/// Renders, and follows.
pub async fn render(worker: &Worker, lease: &Lease, folder: &Path, task: &Task) -> Result<Vec<MadeFile>, Halt> {
    let mut running = Running::start(&worker.settings.program, folder, task).await?;
    let mut step = ProcessingStep::Processing;
    loop {
        let report = running.next().await.map_err(|failure| failure.at(step))?;
        match report {
            Report::Done { made } => {
                running.end().await;
                return Ok(made);
            }
            Report::Failed { failure } => return Err(Halt::Failed(failure.at(step))),
            Report::StepStarted { step: started } => {
                step = started;
                let progress = if step == ProcessingStep::Processing { 12.0 } else { PICTURE.0 };
                worker.services.start_step(lease, step, progress).await?;
            }
            other => note(worker, lease, other).await?,
        }
    }
}

/// Writes a report down. A report that cannot be written now costs what it told, and not the render; the end of a step
/// is tried again, since nothing later tells of it.
async fn note(worker: &Worker, lease: &Lease, report: Report) -> Result<(), Halt> {
    for attempt in 1.. {
        match write(worker, lease, &report).await {
            Ok(()) => return Ok(()),
            Err(LeaseError::Lost) => return Err(Halt::Lost),
            Err(LeaseError::Failed(error)) => {
                tracing::warn!(%error, cause = error.hidden_cause(), job = lease.job_id, "a report could not be written");
                if !matches!(report, Report::StepCompleted { .. }) {
                    return Ok(());
                }
                if attempt == TRIES {
                    return Err(LeaseError::Failed(error).into());
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
    Ok(())
}

async fn write(worker: &Worker, lease: &Lease, report: &Report) -> Result<(), LeaseError> {
    let services = &worker.services;
    match report {
        Report::StepCompleted { step, usage, details } => services.complete_step(lease, *step, *usage, details.clone()).await,
        Report::Media { element_id, media } => services.note_media(lease, element_id, media).await,
        Report::Planned { duration, starts } => services.note_schedule(lease, *duration, starts).await,
        Report::Progress { fraction, frames_per_second } => {
            let share = fraction.clamp(0.0, 1.0);
            // All frames encoded is not yet all done: a step's end is told by its completion.
            let steps = [ProcessingStep::Composition, ProcessingStep::Encoding].map(|step| (step, share * 99.0)).to_vec();
            let job = PICTURE.0 + share * (PICTURE.1 - PICTURE.0);
            services.advance(lease, &Advance { job, steps, frames_per_second: Some(*frames_per_second) }).await
        }
        Report::StepStarted { .. } | Report::Inspected { .. } | Report::Done { .. } | Report::Failed { .. } => Ok(()),
    }
}

impl From<JobFailure> for Halt {
    fn from(failure: JobFailure) -> Self {
        Halt::Failed(failure)
    }
}
