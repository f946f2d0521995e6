//! What a command costs.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use serde_json::Value;

/// Wall time and CPU time.
#[derive(Clone, Copy)]
pub struct Cost {
    pub wall: f64,
    pub cpu: f64,
}

fn children_cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage");
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(micros as u64)
}

pub fn cost(command: &mut Command) -> Cost {
    let (before, started) = (children_cpu(), Instant::now());
    let done = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().expect("a program");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Cost { wall: started.elapsed().as_secs_f64(), cpu: (children_cpu() - before).as_secs_f64() }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub fn ffmpeg(arguments: &[&str]) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y"]).args(arguments);
    command
}

pub fn ours(folder: &Path, document: &Value) -> Command {
    let file = folder.join("document.json");
    std::fs::write(&file, document.to_string()).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_reelgraph"));
    command.arg("render").arg(file).arg("-o").arg(folder.join("ours.mp4"));
    command
}
