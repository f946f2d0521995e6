//! What workers outside say, read and held to its rules.

use async_graphql::{ID, InputObject};

use crate::{
    domain::{
        error::{ErrorCode, JobFailure, Violation, ViolationCode},
        id::{AssetId, ElementId, JobId, StepId},
        media,
        output::RenderedFile,
        validation::Checker,
    },
    graphql::{
        element::ElementStatus,
        error::{Result, failed},
        id::check_id,
        job::object::JobStatus,
        scalars::Long,
        timeline::ProcessingStep,
    },
    services::{
        Error,
        leases::{ElementReport, Outcome, StatusReport, StepReport},
    },
};

/// Where a job goes.
#[derive(InputObject)]
pub struct UpdateJobStatusInput {
    /// The job.
    id: ID,
    /// PROCESSING takes it from the queue; COMPLETED, FAILED and CANCELLED end it, QUEUED hands it back.
    status: JobStatus,
    /// The attempt that the worker means, as the job had it when it was taken: where it is given and the job is at another,
    /// the worker has lost the job, and CONFLICT is answered.
    attempt: Option<i32>,
    /// What there is to say of it, for those who follow the job.
    message: Option<String>,
    /// Why it is FAILED.
    error: Option<JobErrorInput>,
    /// What was made, of a job that is COMPLETED; a worker may also keep its file elsewhere.
    result: Option<RenderResultInput>,
}

/// Why a job failed.
#[derive(InputObject)]
pub struct JobErrorInput {
    /// One of the contract's codes, such as CORRUPT_MEDIA.
    code: String,
    /// For people.
    message: String,
    /// The step that failed.
    step: Option<ProcessingStep>,
    /// The element that is to blame.
    element_id: Option<ID>,
    /// What may help.
    suggestion: Option<String>,
}

/// A file that a worker has made and sent to where createUpload said.
#[derive(InputObject)]
pub struct RenderResultInput {
    /// The upload that holds it.
    asset: ID,
    /// Seconds.
    duration: f64,
    /// Pixels.
    width: i32,
    /// Pixels.
    height: i32,
    /// Frames a second.
    frame_rate: f64,
    /// How many frames.
    frames: Long,
    /// The container, such as mp4.
    container: String,
    /// The picture's codec.
    video_codec: Option<String>,
    /// The sound's codec.
    audio_codec: Option<String>,
    /// Seconds of output per second of wall time.
    #[graphql(default = 1.0)]
    render_speed: f64,
}

/// A step that begins.
#[derive(InputObject)]
pub struct StartProcessingStepInput {
    /// The job.
    pub job_id: ID,
    /// The attempt that the worker means; CONFLICT where the job is at another.
    pub attempt: Option<i32>,
    /// The step: the one after those that are done.
    pub step: ProcessingStep,
    /// What is known of it; an object.
    pub details: Option<serde_json::Value>,
}

/// How far a step is.
#[derive(InputObject)]
pub struct UpdateStepProgressInput {
    /// The step.
    step_id: ID,
    /// 0…100; what is less than before changes nothing.
    progress: f64,
    /// Frames of output a second of wall time.
    frames_per_second: Option<f64>,
    /// In place of what was known of it; an object.
    details: Option<serde_json::Value>,
}

/// How a step ended, and what it cost.
#[derive(InputObject)]
pub struct CompleteProcessingStepInput {
    /// The step.
    step_id: ID,
    /// Why it failed; where it is not given, it is done.
    error: Option<String>,
    /// CPU time, milliseconds.
    cpu_time: Option<f64>,
    /// The largest resident memory, bytes.
    peak_memory: Option<Long>,
    /// Bytes that it fetched.
    bytes_read: Option<Long>,
    /// Bytes that it wrote or stored.
    bytes_written: Option<Long>,
    /// Frames of output a second of wall time.
    frames_per_second: Option<f64>,
    /// In place of what was known of it; an object.
    details: Option<serde_json::Value>,
}

/// Where the work on an element stands.
#[derive(InputObject)]
pub struct UpdateElementStatusInput {
    /// The element.
    id: ID,
    /// Where it stands; it goes on or fails, and never goes back.
    status: ElementStatus,
    /// 0…100.
    progress: Option<f64>,
    /// Why it FAILED.
    error: Option<String>,
    /// Its file on the worker.
    local_path: Option<String>,
    /// Its processed file there.
    processed_path: Option<String>,
    /// What its source was found to hold.
    media: Option<MediaInfoInput>,
}

/// Facts about a medium; what does not apply to its kind is left out.
#[derive(InputObject)]
pub struct MediaInfoInput {
    /// The container's name.
    container: Option<String>,
    /// Seconds.
    duration: Option<f64>,
    /// Pixels across.
    width: Option<i32>,
    /// Pixels down.
    height: Option<i32>,
    /// Frames a second.
    frame_rate: Option<f64>,
    /// The picture's codec.
    video_codec: Option<String>,
    /// The sound's codec.
    audio_codec: Option<String>,
    /// Samples a second.
    sample_rate: Option<i32>,
    /// Channels of sound.
    channels: Option<i32>,
}

impl MediaInfoInput {
    fn check(&self, check: &mut Checker) {
        let words = [
            ("input.media.container", self.container.as_ref()),
            ("input.media.videoCodec", self.video_codec.as_ref()),
            ("input.media.audioCodec", self.audio_codec.as_ref()),
        ];
        texts(check, words);
        numbers(check, [("input.media.duration", self.duration), ("input.media.frameRate", self.frame_rate)]);
        let counts = [
            ("input.media.width", self.width),
            ("input.media.height", self.height),
            ("input.media.sampleRate", self.sample_rate),
            ("input.media.channels", self.channels),
        ];
        for (path, count) in counts {
            check.range(path, count.unwrap_or(0), 0..=1_000_000);
        }
    }
}

impl From<MediaInfoInput> for media::MediaInfo {
    fn from(info: MediaInfoInput) -> Self {
        Self {
            container: info.container,
            duration: info.duration,
            width: info.width,
            height: info.height,
            frame_rate: info.frame_rate,
            video_codec: info.video_codec,
            audio_codec: info.audio_codec,
            sample_rate: info.sample_rate,
            channels: info.channels,
        }
    }
}

/// The longest text that a worker may give as a reason, a path or a message.
const TEXT_CHARS: usize = 2_000;
const DETAILS_BYTES: usize = 16 * 1024;

fn refuse(all: Vec<Violation>) -> async_graphql::Error {
    failed(Error::Invalid(all))
}

fn texts<'a>(check: &mut Checker, all: impl IntoIterator<Item = (&'static str, Option<&'a String>)>) {
    for (path, text) in all {
        if let Some(text) = text {
            check.chars(path, text, TEXT_CHARS);
            if text.trim().is_empty() {
                check.breach(path, ViolationCode::Required, "must not be empty");
            }
        }
    }
}

fn numbers(check: &mut Checker, all: impl IntoIterator<Item = (&'static str, Option<f64>)>) {
    for (path, number) in all {
        if let Some(number) = number {
            check.range(path, number, 0.0..=1e15);
        }
    }
}

fn details(check: &mut Checker, details: Option<&serde_json::Value>) {
    if let Some(details) = details {
        if !details.is_object() {
            check.breach("input.details", ViolationCode::InvalidFormat, "must be an object");
        }
        check.json_bytes("input.details", details, DETAILS_BYTES);
    }
}

impl UpdateJobStatusInput {
    /// What it says, and the upload with its file.
    pub fn report(self) -> Result<(StatusReport, Option<(String, RenderedFile)>)> {
        check_id::<JobId>("input.id", &self.id)?;
        let mut check = Checker::default();
        texts(&mut check, [("input.message", self.message.as_ref())]);
        if let Some(id) = self.error.as_ref().and_then(|error| error.element_id.as_ref()) {
            check_id::<ElementId>("input.error.elementId", id)?;
        }
        let failure = self.error.map(|error| error.failure(&mut check));
        if failure.is_some() && self.status != JobStatus::Failed {
            check.breach("input.error", ViolationCode::Inconsistent, "must only be given of a job that is FAILED");
        }
        let result = self.result.map(|result| result.file(&mut check)).transpose()?;
        let (job_id, status, attempt, message) = (self.id.into(), self.status.into(), self.attempt, self.message);
        let report = StatusReport { job_id, status, attempt, message, failure, result: None };
        check.into_result((report, result)).map_err(refuse)
    }
}

impl JobErrorInput {
    fn failure(self, check: &mut Checker) -> JobFailure {
        texts(check, [("input.error.message", Some(&self.message)), ("input.error.suggestion", self.suggestion.as_ref())]);
        let code = ErrorCode::parse(&self.code).unwrap_or_else(|| {
            let rule = "must be one of the contract's codes, such as CORRUPT_MEDIA";
            check.breach("input.error.code", ViolationCode::InvalidFormat, rule);
            ErrorCode::Internal
        });
        let mut failure = JobFailure::new(code, self.message);
        failure.step = self.step.map(Into::into);
        failure.element_id = self.element_id.map(String::from);
        failure.suggestion = self.suggestion;
        failure
    }
}

impl RenderResultInput {
    fn file(self, check: &mut Checker) -> Result<(String, RenderedFile)> {
        check_id::<AssetId>("input.result.asset", &self.asset)?;
        numbers(
            check,
            [
                ("input.result.duration", Some(self.duration)),
                ("input.result.frameRate", Some(self.frame_rate)),
                ("input.result.renderSpeed", Some(self.render_speed)),
            ],
        );
        for (path, edge) in [("input.result.width", self.width), ("input.result.height", self.height)] {
            check.range(path, edge, 0..=100_000);
        }
        check.range("input.result.frames", self.frames.0, 0..=i64::MAX);
        let words = [("input.result.container", Some(&self.container)), ("input.result.videoCodec", self.video_codec.as_ref())];
        texts(check, words.into_iter().chain([("input.result.audioCodec", self.audio_codec.as_ref())]));
        let file = RenderedFile {
            bucket: String::new(),
            key: String::new(),
            etag: None,
            checksum_sha256: String::new(),
            size: 0,
            duration: self.duration,
            width: self.width.max(0) as u32,
            height: self.height.max(0) as u32,
            frame_rate: self.frame_rate,
            frames: self.frames.0,
            container: self.container,
            video_codec: self.video_codec,
            audio_codec: self.audio_codec,
            render_speed: self.render_speed,
            rendered_segments: 1,
            reused_segments: 0,
            poster_key: None,
        };
        Ok((self.asset.into(), file))
    }
}

impl CompleteProcessingStepInput {
    pub fn report(self) -> Result<(String, Outcome, StepReport)> {
        check_id::<StepId>("input.stepId", &self.step_id)?;
        let mut check = Checker::default();
        texts(&mut check, [("input.error", self.error.as_ref())]);
        details(&mut check, self.details.as_ref());
        let longs = |long: Option<Long>| long.map(|long| long.0 as f64);
        numbers(
            &mut check,
            [
                ("input.cpuTime", self.cpu_time),
                ("input.peakMemory", longs(self.peak_memory)),
                ("input.bytesRead", longs(self.bytes_read)),
                ("input.bytesWritten", longs(self.bytes_written)),
                ("input.framesPerSecond", self.frames_per_second),
            ],
        );
        let report = StepReport {
            progress: None,
            cpu_ms: self.cpu_time,
            peak_memory: self.peak_memory.map(|long| long.0),
            bytes_read: self.bytes_read.map(|long| long.0),
            bytes_written: self.bytes_written.map(|long| long.0),
            frames_per_second: self.frames_per_second,
            details: self.details,
        };
        let outcome = self.error.map_or(Outcome::Done, Outcome::Failed);
        check.into_result((self.step_id.into(), outcome, report)).map_err(refuse)
    }
}

impl UpdateElementStatusInput {
    pub fn report(self) -> Result<ElementReport> {
        check_id::<ElementId>("input.id", &self.id)?;
        let mut check = Checker::default();
        check.range("input.progress", self.progress.unwrap_or(0.0), 0.0..=100.0);
        if let Some(media) = &self.media {
            media.check(&mut check);
        }
        let paths = [("input.localPath", self.local_path.as_ref()), ("input.processedPath", self.processed_path.as_ref())];
        texts(&mut check, paths.into_iter().chain([("input.error", self.error.as_ref())]));
        if self.error.is_some() && self.status != ElementStatus::Failed {
            check.breach("input.error", ViolationCode::Inconsistent, "must only be given of an element that is FAILED");
        }
        let report = ElementReport {
            element_id: self.id.into(),
            status: self.status.into(),
            progress: self.progress,
            error: self.error,
            local_path: self.local_path,
            processed_path: self.processed_path,
            media: self.media.map(Into::into),
        };
        check.into_result(report).map_err(refuse)
    }
}

impl StartProcessingStepInput {
    /// The job, the attempt that is meant, the step and what is known of it.
    pub fn checked(self) -> Result<Self> {
        check_id::<JobId>("input.jobId", &self.job_id)?;
        let mut check = Checker::default();
        details(&mut check, self.details.as_ref());
        check.into_result(self).map_err(refuse)
    }
}

impl UpdateStepProgressInput {
    /// The step, and how far it is.
    pub fn report(self) -> Result<(String, StepReport)> {
        check_id::<StepId>("input.stepId", &self.step_id)?;
        let mut check = Checker::default();
        check.range("input.progress", self.progress, 0.0..=100.0);
        numbers(&mut check, [("input.framesPerSecond", self.frames_per_second)]);
        details(&mut check, self.details.as_ref());
        let report = StepReport {
            progress: Some(self.progress),
            frames_per_second: self.frames_per_second,
            details: self.details,
            ..StepReport::default()
        };
        check.into_result((self.step_id.into(), report)).map_err(refuse)
    }
}
