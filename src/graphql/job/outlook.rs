//! What a job would be, told without making it: its problems, its warnings, its plan; and what a source holds.

use async_graphql::{Context, Enum, Object, SimpleObject};

use super::input::CreateJobInput;
use crate::{
    domain::{
        self,
        composition::Source,
        error::{JobFailure, Violation},
        inspection::{Inspected, Inspection, WarningCode},
        validation::{self, Checker},
    },
    graphql::{
        element::MediaSourceInput,
        error::{Result, failed},
        loaders::session,
        media::MediaInfo,
        scalars::Long,
    },
    services::Error,
};

/// What is wrong with a job, what its author may not mean, and how it would be rendered.
#[derive(SimpleObject, Default)]
pub struct JobValidation {
    /// Whether it could be made and rendered as it is.
    valid: bool,
    /// All that would be refused, each with its path, and all sources that cannot be used, of elements that break no rule; where
    /// there is nothing of either, what is wrong with the outputs.
    problems: Vec<JobProblem>,
    /// What is possible, and perhaps not meant; of pictures shown larger than they are, of silence and of backgrounds where all
    /// sources could be looked into.
    warnings: Vec<JobWarning>,
    /// Of the first output; null where there are problems, or the sources could not be looked into in time.
    plan: Option<RenderPlan>,
}

/// A rule that a job breaks, or a source that cannot be used.
#[derive(SimpleObject)]
pub struct JobProblem {
    /// The place in the input.
    path: String,
    /// For programs: OUT_OF_RANGE, REQUIRED and so on, or a job's error code such as SOURCE_UNREACHABLE.
    code: String,
    /// For people.
    message: String,
}

/// What is not as its author may have meant it.
#[derive(SimpleObject)]
pub struct JobWarning {
    /// For programs: MISSING_GLYPH, MISSING_FONT, ENLARGED, TRANSITION_CUT, UNUSED, SILENT, NO_ALPHA, NOT_INSPECTED.
    code: String,
    /// The place in the input, where there is one.
    path: Option<String>,
    /// For people.
    message: String,
}

/// How a composition would be rendered.
#[derive(SimpleObject)]
pub struct RenderPlan {
    /// Of the whole composition, seconds; of the longest output where they end at different times.
    duration: f64,
    /// That would be rendered of the first output; of sound alone samples.
    frames: Long,
    /// Runs of frames of the first output that show the same elements, in order; of very many the first 1,000.
    intervals: Vec<PlanInterval>,
}

/// A run of frames that shows the same elements.
#[derive(SimpleObject)]
pub struct PlanInterval {
    /// Seconds.
    start: f64,
    /// Seconds; not itself in it.
    end: f64,
    /// What it takes.
    way: Way,
    /// The elements that are seen, by position, the lowest first; what others hide is not among them.
    elements: Vec<i32>,
}

/// What an interval takes.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "domain::inspection::Way")]
pub enum Way {
    /// Nothing shows but the background.
    Empty,
    /// One clip is already what the first output asks for: its pictures are copied, not encoded.
    Copy,
    /// One clip fills the canvas: it is decoded, scaled and encoded, and nothing composed.
    Pass,
    /// Layers are put upon each other.
    Compose,
}

#[derive(Default)]
pub struct OutlookQuery;

#[Object]
impl OutlookQuery {
    /// What a job would be: every problem at once, the warnings and the plan. Nothing is written.
    #[graphql(complexity = 1_000)]
    async fn validate_job(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The job.")] input: CreateJobInput,
    ) -> Result<JobValidation> {
        let session = session(context)?;
        let (new, mut check) = input.read("input", session.services().store().buckets());
        validation::new_job(&mut check, "input", &new);
        // Then there are elements of which nobody knows whether they break a rule.
        let unchecked = check.is_full() || check.names("input.elements");
        let broken = check.finish();
        let is_broken = |index: &usize| {
            let place = format!("input.elements[{index}]");
            broken.iter().any(|violation| violation.path.starts_with(&place))
        };
        let sound = new.elements.iter().enumerate().filter(|(index, _)| !is_broken(index)).collect::<Vec<_>>();
        if sound.is_empty() || unchecked {
            return Ok(JobValidation::of_rules(broken));
        }
        // Without some of its elements it is another composition: of that only what the others are counts.
        let outputs = if broken.is_empty() { new.outputs.as_slice() } else { &[] };
        let inspected = match session.inspect(&sound, outputs).await {
            Err(error) if broken.is_empty() => return Err(failed(error)),
            Err(error) => {
                tracing::warn!(%error, cause = error.hidden_cause(), "the elements of a job could not be looked into");
                Inspected::unseen()
            }
            Ok(inspected) => inspected,
        };
        Ok(match inspected {
            Inspected::Good(inspection) => JobValidation::of(inspection),
            Inspected::Partly { problems, warnings } => JobValidation::of_rules(broken).and(problems, warnings),
        })
    }

    /// What a source holds.
    #[graphql(complexity = 1_000)]
    async fn probe(&self, context: &Context<'_>, #[graphql(desc = "The source.")] source: MediaSourceInput) -> Result<MediaInfo> {
        let source = Source::from(source);
        let mut check = Checker::default();
        validation::source(&mut check, "source", &source);
        check.into_result(()).map_err(|all| failed(Error::Invalid(all)))?;
        Ok(session(context)?.probe(&source).await.map_err(failed)?.into())
    }
}

impl JobValidation {
    /// What the rules say of the input.
    fn of_rules(violations: Vec<Violation>) -> Self {
        let problem = |violation: Violation| JobProblem {
            path: violation.path,
            code: violation.code.as_str().into(),
            message: violation.message,
        };
        Self { valid: violations.is_empty(), problems: violations.into_iter().map(problem).collect(), ..Self::default() }
    }

    /// With what else was found.
    fn and(mut self, problems: Vec<JobFailure>, warnings: Vec<domain::inspection::Warning>) -> Self {
        self.problems.extend(problems.into_iter().map(JobProblem::of));
        self.warnings.extend(warnings.into_iter().map(JobWarning::of));
        Self { valid: self.problems.is_empty(), ..self }
    }

    fn of(inspection: Inspection) -> Self {
        let interval = |interval: domain::inspection::PlannedInterval| PlanInterval {
            start: interval.start,
            end: interval.end,
            way: interval.way.into(),
            elements: interval.elements.into_iter().map(|index| index as i32).collect(),
        };
        Self {
            valid: true,
            problems: Vec::new(),
            warnings: inspection.warnings.into_iter().map(JobWarning::of).collect(),
            plan: Some(RenderPlan {
                duration: inspection.duration,
                frames: Long(inspection.frames),
                intervals: inspection.intervals.into_iter().map(interval).collect(),
            }),
        }
    }
}

impl JobProblem {
    /// What the job would fail with.
    fn of(failure: JobFailure) -> Self {
        let path = path([failure.element_id.as_ref(), failure.place.as_ref()]);
        let code = failure.code.as_str().into();
        // Its words for clients: of a fault of ours they tell nothing.
        Self { path, code, message: Error::Media(failure).to_string() }
    }
}

impl JobWarning {
    fn of(warning: domain::inspection::Warning) -> Self {
        Self {
            code: name(warning.code),
            path: warning
                .element_id
                .as_ref()
                .or(warning.place.as_ref())
                .map(|_| path([warning.element_id.as_ref(), warning.place.as_ref()])),
            message: warning.message,
        }
    }
}

/// Of an element, which is named by its place, and of what is in it.
fn path(places: [Option<&String>; 2]) -> String {
    places.into_iter().flatten().fold("input".to_owned(), |path, place| format!("{path}.{place}"))
}

fn name(code: WarningCode) -> String {
    serde_json::to_value(code).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
