//! The parent's side: starts the child, reads what it tells, and says why it ended when it cannot.

use std::{os::unix::process::ExitStatusExt, path::Path, process::Stdio, time::Duration};

use nix::sys::signal::Signal;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, ChildStdin, ChildStdout, Command},
};
use tokio_stream::StreamExt;
use tokio_util::codec::{FramedRead, LinesCodec};

use super::{CHILD_ARGUMENT, Report, Task};
use crate::domain::error::{ErrorCode, JobFailure};

/// A child that tells nothing for this long is stuck.
const SILENCE: Duration = Duration::from_secs(5 * 60);
/// How long a child that closed its output may take to end.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// The longest report.
const MAX_LINE: usize = 1 << 20;

/// A child at work. Dropping it kills it.
pub struct Running {
    child: Child,
    reports: FramedRead<ChildStdout, LinesCodec>,
    /// Held open: the child ends when it closes.
    _stdin: ChildStdin,
}

impl Running {
    /// Starts `program`, this same binary, on a task, in a folder of its own.
    pub async fn start(program: &Path, folder: &Path, task: &Task) -> Result<Self, JobFailure> {
        let mut child = Command::new(program)
            .arg(CHILD_ARGUMENT)
            .env_clear()
            // Its encoder of AV1 would tell of itself at each start.
            .env("SVT_LOG", "1")
            // Its address space is limited, and each thread would reserve 64 MiB of it for an arena of its own.
            .env("MALLOC_ARENA_MAX", "2")
            // Left to itself, the allocator takes the size of the pictures that come and go for usual, and keeps what they had
            // between what stays: memory would grow with each segment.
            .env("MALLOC_MMAP_THRESHOLD_", "262144")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .map_err(not_started)?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(not_started("no pipes"));
        };
        let mut line = serde_json::to_vec(task).map_err(not_started)?;
        line.push(b'\n');
        stdin.write_all(&line).await.map_err(not_started)?;
        stdin.flush().await.map_err(not_started)?;
        let reports = FramedRead::new(stdout, LinesCodec::new_with_max_length(MAX_LINE));
        Ok(Self { child, reports, _stdin: stdin })
    }

    /// The next report; a failure when the child ends without a word, or says what is none.
    /// Not to be called again after [`Report::Done`] or [`Report::Failed`]. Safe to cancel.
    pub async fn next(&mut self) -> Result<Report, JobFailure> {
        let Ok(told) = tokio::time::timeout(SILENCE, self.reports.next()).await else {
            let _ = self.child.kill().await;
            let message = format!("the render made no progress for {} minutes", SILENCE.as_secs() / 60);
            return Err(JobFailure::new(ErrorCode::DeadlineExceeded, message));
        };
        match told {
            Some(Ok(line)) => serde_json::from_str(&line)
                .map_err(|error| JobFailure::new(ErrorCode::Internal, format!("the renderer's report cannot be read: {error}"))),
            _ => Err(self.post_mortem().await),
        }
    }

    /// Lets the child end by itself after its last report, so that what it used is counted as its parent's.
    pub async fn end(mut self) {
        let _ = tokio::time::timeout(LAST_WORDS, self.child.wait()).await;
    }

    async fn post_mortem(&mut self) -> JobFailure {
        // One that ended says how; one that only stopped making sense is ended.
        let ended = tokio::time::timeout(LAST_WORDS, self.child.wait()).await;
        let signal = match ended {
            Ok(Ok(status)) => status.signal(),
            _ => {
                let _ = self.child.kill().await;
                None
            }
        };
        match signal.and_then(|number| Signal::try_from(number).ok()) {
            Some(Signal::SIGKILL | Signal::SIGTERM) => {
                JobFailure::new(ErrorCode::WorkerLost, "the renderer was killed before it finished")
            }
            Some(Signal::SIGXCPU) => JobFailure::new(ErrorCode::ResourceLimit, "the render took more CPU time than is allowed")
                .suggest("split the composition"),
            Some(Signal::SIGXFSZ) => JobFailure::new(ErrorCode::ResourceLimit, "the rendered file grew larger than is allowed")
                .suggest("lower the quality"),
            Some(Signal::SIGABRT) => JobFailure::new(
                ErrorCode::ResourceLimit,
                "the render was aborted, most likely since it needed more memory than is allowed",
            )
            .suggest("use smaller sources or a smaller output"),
            Some(signal) => JobFailure::new(ErrorCode::CorruptMedia, format!("a source crashed its decoder ({signal})"))
                .suggest("export the sources again"),
            None => JobFailure::new(ErrorCode::WorkerLost, "the renderer ended before it finished"),
        }
    }
}

fn not_started(error: impl std::fmt::Display) -> JobFailure {
    JobFailure::new(ErrorCode::WorkerLost, format!("the renderer could not be started: {error}"))
}
