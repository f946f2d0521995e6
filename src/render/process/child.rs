//! The child's side: reads its task, renders, reports.

use std::{
    io::{self, BufRead, Read, Write},
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use nix::sys::resource::{Usage as Rusage, UsageWho, getrusage};

use super::{Aim, MadeFile, Report, Task, peak_memory};
use crate::{
    domain::{
        composition::Source,
        error::{ErrorCode, JobFailure},
        inspection::{Inspected, Warning},
        media::MediaInfo,
        timeline::{ProcessingStep, Usage},
    },
    media,
    render::{
        Composition, RenderError,
        inspect::{self, Prepared},
        outlook,
        pipeline::{self, Made, Means, Target, Watcher},
        prepare::{self, Ready, Understood},
        shelf::Shelf,
    },
};

/// Progress is told no more often than this: five times a second.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Runs the task on standard input. The exit code says nothing that the reports do not.
pub fn run() -> ExitCode {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    let Some(task) = read.ok().and_then(|_| serde_json::from_str::<Task>(&line).ok()) else {
        eprintln!("this command is for the service itself: it reads its task from standard input");
        return ExitCode::from(2);
    };
    exit_with_the_parent();
    let out = Reports::default();
    match work(&task, &out) {
        Ok(made) => {
            out.send(&Report::Done { made });
            ExitCode::SUCCESS
        }
        Err(failure) => {
            out.send(&Report::Failed { failure });
            ExitCode::FAILURE
        }
    }
}

/// Ends this process when the parent closes the pipe, by will or by dying.
fn exit_with_the_parent() {
    thread::spawn(|| {
        let mut rest = [0u8; 64];
        while io::stdin().read(&mut rest).is_ok_and(|count| count > 0) {}
        std::process::exit(1);
    });
}

/// Standard output, a report a line.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<()>>);

impl Reports {
    fn send(&self, report: &Report) {
        let _one_at_a_time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = io::stdout().lock();
        // A parent that no longer reads has ended; so will this process.
        let _ = serde_json::to_writer(&mut out, report).map_err(io::Error::from).and_then(|()| out.write_all(b"\n"));
        let _ = out.flush();
    }
}

fn internal(error: impl std::fmt::Display) -> JobFailure {
    JobFailure::new(ErrorCode::Internal, error.to_string())
}

fn work(task: &Task, out: &Reports) -> Result<Vec<MadeFile>, JobFailure> {
    task.limits.apply().map_err(internal)?;
    media::init().map_err(internal)?;
    match task.aim {
        Aim::Render => make(task, out),
        Aim::Inspect { partly } => {
            look(&task.composition, partly, out);
            Ok(Vec::new())
        }
        Aim::Probe => probe(task, out).map(|()| Vec::new()),
    }
}

/// Says what would be made of the first output; partly, what is wrong with what is here.
fn look(composition: &Composition, partly: bool, out: &Reports) {
    let tell = |inspected| out.send(&Report::Inspected { inspected });
    let check = |index: usize, found: &Prepared| found.broken_stills(&composition.elements[index].element);
    let mut opened = prepare::open(composition, partly, &mut { check });
    let outputs = if partly { &[] } else { composition.outputs.as_slice() };
    let problems = match (opened.plans(outputs), outputs.first()) {
        (Ok(plans), Some(_)) => return tell(Inspected::Good(outlook::of(&Understood { opened, plans }, outputs))),
        (Ok(_), None) => Vec::new(),
        (Err(problems), _) => problems,
    };
    // Fonts may be long in looking for: what is known by then is not to be lost when time is up, or the child ends.
    tell(Inspected::Partly { problems: problems.clone(), warnings: vec![Warning::not_inspected(None, None)] });
    tell(Inspected::Partly { problems, warnings: opened.warnings() });
}

/// Looks into each source, whatever its kind.
fn probe(task: &Task, out: &Reports) -> Result<(), JobFailure> {
    for placed in &task.composition.elements {
        let Some(Source::File(path)) = placed.element.source() else { return Err(internal("a source was not fetched")) };
        let ids = std::slice::from_ref(&placed.id);
        let found = inspect::look_into(Path::new(path)).map_err(|error| RenderError::of(0)(error).into_failure(ids))?;
        if let Some(media) = facts(&found) {
            out.send(&Report::Media { element_id: placed.id.clone(), media });
        }
    }
    Ok(())
}

fn make(task: &Task, out: &Reports) -> Result<Vec<MadeFile>, JobFailure> {
    let step = ProcessingStep::Processing;
    out.send(&Report::StepStarted { step });
    let before = Cost::now();
    let understood = understand(task, out).map_err(|failure| failure.at(step))?;
    let first = understood.ready(0);
    let warnings = understood.opened.warnings();
    let details = if warnings.is_empty() { json!({}) } else { json!({ "warnings": warnings }) };
    out.send(&Report::StepCompleted { step, usage: before.usage_since(Duration::ZERO), details });
    compose_and_encode(task, &understood, first, out)
}

fn understand(task: &Task, out: &Reports) -> Result<Understood, JobFailure> {
    let understood = prepare::understand(&task.composition, &mut |index, prepared| {
        let element_id = task.composition.elements[index].id.clone();
        if let Some(media) = facts(prepared) {
            out.send(&Report::Media { element_id, media });
        }
        Vec::new()
    });
    // A job keeps one failure.
    let understood = understood.map_err(|all| all.into_iter().next().unwrap_or_else(|| internal("nothing is wrong")))?;
    let plan = understood.plans.first().ok_or_else(|| internal("the task has no output"))?;
    let ids = task.composition.elements.iter().map(|placed| placed.id.clone());
    let starts = ids.zip(plan.starts.iter().copied()).collect();
    out.send(&Report::Planned { duration: understood.duration(), starts });
    Ok(understood)
}

/// The steps COMPOSITION and ENCODING, which run side by side: a frame is encoded while the next is composed. Outputs of the same
/// pictures are made together, others one after the other.
fn compose_and_encode(task: &Task, understood: &Understood, first: Ready, out: &Reports) -> Result<Vec<MadeFile>, JobFailure> {
    out.send(&Report::StepStarted { step: ProcessingStep::Composition });
    out.send(&Report::StepStarted { step: ProcessingStep::Encoding });
    let before = Cost::now();
    let outputs = &task.composition.outputs;
    let frames = understood.plans.iter().zip(outputs).map(|(plan, output)| pipeline::steps(plan, output)).sum();
    let mut watcher = Progress::new(out.clone(), frames);
    let mut first = Some(first);
    let shelf = task.shelf.as_ref().map(|folder| Shelf::new(Path::new(folder)));
    let shelf = shelf.as_ref().map(|shelf| (shelf, &task.digests));
    let means = Means { shelf, runs: 0, still_width: task.still_width, memory: task.limits.memory };
    let mut all: Vec<Option<Made>> = vec![None; outputs.len()];
    for group in pipeline::together(&understood.plans, outputs, task.limits.memory) {
        let ready = first.take().unwrap_or_else(|| understood.ready(group[0]));
        let target = |&index: &usize| Target { output: &outputs[index], path: Path::new(&task.paths[index]) };
        let targets: Vec<Target> = group.iter().map(target).collect();
        let made = pipeline::render(&ready, &targets, &means, &mut watcher).map_err(|error| failure(error, task))?;
        watcher.finish(pipeline::steps(ready.plan, targets[0].output) * targets.len() as i64);
        group.iter().zip(made).for_each(|(&index, made)| all[index] = Some(made));
    }
    let made: Vec<Made> = all.into_iter().flatten().collect();
    let cpu = made.iter().map(|made| made.composition_cpu).sum();
    let bytes = task.paths.iter().map(|path| std::fs::metadata(path).map_or(0, |file| file.len() as i64)).sum();
    let files = outputs.iter().zip(made).map(|(output, made)| MadeFile {
        width: if output.format.is_sound_alone() { 0 } else { output.width },
        height: if output.format.is_sound_alone() { 0 } else { output.height },
        frames: made.frames,
        frame_rate: output.clock().as_f64(),
        has_sound: made.has_sound,
        rendered_segments: made.rendered,
        reused_segments: made.reused,
    });
    watcher.tell_composed(cpu);
    let mut usage = before.usage_since(cpu);
    usage.frames_per_second = Some(watcher.frames_per_second(frames));
    usage.bytes_written = Some(bytes);
    out.send(&Report::StepCompleted { step: ProcessingStep::Encoding, usage, details: json!({}) });
    Ok(files.collect())
}

fn failure(error: RenderError, task: &Task) -> JobFailure {
    let ids: Vec<String> = task.composition.elements.iter().map(|placed| placed.id.clone()).collect();
    // What an element's source did is found while composing; the rest is the encoder's.
    let step = if error.element.is_some() { ProcessingStep::Composition } else { ProcessingStep::Encoding };
    error.into_failure(&ids).at(step)
}

fn facts(prepared: &Prepared) -> Option<MediaInfo> {
    match prepared {
        Prepared::Clip { probe, .. } => {
            let video = probe.video.as_ref();
            let size = video.map(|video| video.display_size());
            Some(MediaInfo {
                container: Some(probe.container.clone()),
                duration: probe.duration,
                width: size.map(|(width, _)| width.round() as i32),
                height: size.map(|(_, height)| height.round() as i32),
                frame_rate: video.map(|video| video.frame_rate),
                video_codec: video.map(|video| video.codec.clone()),
                audio_codec: probe.audio.as_ref().map(|audio| audio.codec.clone()),
                sample_rate: probe.audio.as_ref().map(|audio| audio.sample_rate as i32),
                channels: probe.audio.as_ref().map(|audio| audio.channels as i32),
            })
        }
        Prepared::Still(still) => {
            Some(MediaInfo { width: Some(still.size.0 as i32), height: Some(still.size.1 as i32), ..MediaInfo::default() })
        }
        Prepared::Group(_) | Prepared::Drawn => None,
    }
}

/// This process's CPU time at some moment.
struct Cost {
    cpu: Duration,
}

impl Cost {
    fn now() -> Self {
        Self { cpu: rusage().as_ref().map_or(Duration::ZERO, cpu) }
    }

    /// What was used since, less what is counted elsewhere.
    fn usage_since(&self, elsewhere: Duration) -> Usage {
        let now = rusage();
        let cpu = now.as_ref().map_or(Duration::ZERO, cpu).saturating_sub(self.cpu).saturating_sub(elsewhere);
        Usage { cpu_ms: cpu.as_secs_f64() * 1e3, peak_memory: peak_memory(), ..Usage::default() }
    }
}

fn rusage() -> Option<Rusage> {
    getrusage(UsageWho::RUSAGE_SELF).ok()
}

fn cpu(usage: &Rusage) -> Duration {
    let microseconds = |time: nix::sys::time::TimeVal| {
        use nix::sys::time::TimeValLike;
        Duration::from_micros(time.num_microseconds().max(0) as u64)
    };
    microseconds(usage.user_time()) + microseconds(usage.system_time())
}

/// Tells of progress, not too often.
struct Progress {
    out: Reports,
    /// Of all outputs.
    frames: i64,
    /// Of those that are made.
    done: i64,
    started: Instant,
    told: Option<Instant>,
}

impl Progress {
    fn new(out: Reports, frames: i64) -> Self {
        Self { out, frames, done: 0, started: Instant::now(), told: None }
    }

    fn frames_per_second(&self, frames: i64) -> f64 {
        frames as f64 / self.started.elapsed().as_secs_f64().max(1e-3)
    }

    fn finish(&mut self, frames: i64) {
        self.done += frames;
    }

    /// The last frame of the last output is composed; `cpu` is what decoding, composing and mixing took.
    fn tell_composed(&self, cpu: Duration) {
        let usage = Usage {
            cpu_ms: cpu.as_secs_f64() * 1e3,
            peak_memory: peak_memory(),
            frames_per_second: Some(self.frames_per_second(self.frames)),
            ..Usage::default()
        };
        self.out.send(&Report::StepCompleted { step: ProcessingStep::Composition, usage, details: json!({}) });
    }
}

impl Watcher for Progress {
    fn encoded(&mut self, frames: i64) {
        if self.told.is_none_or(|told| told.elapsed() >= PROGRESS_EVERY) {
            self.told = Some(Instant::now());
            let frames = self.done + frames;
            let fraction = frames as f64 / self.frames.max(1) as f64;
            self.out.send(&Report::Progress { fraction, frames_per_second: self.frames_per_second(frames) });
        }
    }
}
