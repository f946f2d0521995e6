//! The steps PROCESSING, COMPOSITION and ENCODING, which the child process makes and this one writes down.

use std::path::Path;

use super::Worker;
use crate::{
    domain::{error::JobFailure, timeline::ProcessingStep},
    queue::attempt::Halt,
    render::process::{MadeFile, Report, Running, Task},
    services::leases::{Advance, Lease},
};

/// The part of a job's progress that the picture is: from this percentage to that.
pub const PICTURE: (f64, f64) = (15.0, 90.0);

/// Renders, and follows.
pub async fn render(worker: &Worker, lease: &Lease, folder: &Path, task: &Task) -> Result<MadeFile, Halt> {
    let mut running = Running::start(&worker.settings.program, folder, task).await?;
    let mut step = ProcessingStep::Processing;
    loop {
        let report = running.next().await.map_err(|failure| failure.at(step))?;
        match report {
            Report::Done { made } => return Ok(made),
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

async fn note(worker: &Worker, lease: &Lease, report: Report) -> Result<(), Halt> {
    let services = &worker.services;
    match report {
        Report::StepCompleted { step, usage } => {
            services.complete_step(lease, step, usage, serde_json::json!({})).await?;
        }
        Report::Media { element_id, media } => services.note_media(lease, &element_id, &media).await?,
        Report::Planned { duration, .. } => services.note_duration(lease, duration).await?,
        Report::Progress { fraction, frames_per_second } => {
            let share = fraction.clamp(0.0, 1.0);
            // All frames encoded is not yet all done: a step's end is told by its completion.
            let steps = [ProcessingStep::Composition, ProcessingStep::Encoding].map(|step| (step, share * 99.0)).to_vec();
            let job = PICTURE.0 + share * (PICTURE.1 - PICTURE.0);
            services.advance(lease, &Advance { job, steps, frames_per_second: Some(frames_per_second) }).await?;
        }
        Report::StepStarted { .. } | Report::Done { .. } | Report::Failed { .. } => {}
    }
    Ok(())
}

impl From<JobFailure> for Halt {
    fn from(failure: JobFailure) -> Self {
        Halt::Failed(failure)
    }
}
