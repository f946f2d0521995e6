//! Errors as the contract has them: every one with code, category, whether to retry, and the request's correlation id.

use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, PathSegment, Response, ServerError, Value};
use serde_json::json;

use super::scalars;
use crate::{
    domain::error::{ErrorCode, Violation, ViolationCode},
    services,
};

/// An error on its way to a client.
#[derive(Debug, Clone)]
pub struct Problem {
    code: ErrorCode,
    message: String,
    violations: Vec<Violation>,
    constraint: Option<String>,
    suggestion: Option<String>,
    /// For the log only.
    cause: Option<String>,
    /// What it was, for those who run requests.
    origin: Option<Arc<services::Error>>,
}

impl Problem {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            violations: Vec::new(),
            constraint: None,
            suggestion: None,
            cause: None,
            origin: None,
        }
    }

    /// A rule that one argument breaks.
    pub fn of_argument(path: &str, code: ViolationCode, rule: impl Into<String>) -> Self {
        let violation = Violation { path: path.to_owned(), code, message: rule.into() };
        services::Error::Invalid(vec![violation]).into()
    }

    pub fn into_server_error(self) -> ServerError {
        let mut error = ServerError::new(self.message.clone(), None);
        error.extensions = Some(self.extensions());
        error.source = self.origin.map(|origin| origin as _);
        error
    }

    fn extensions(&self) -> ErrorExtensionValues {
        if let Some(cause) = &self.cause {
            tracing::error!(code = self.code.as_str(), cause, "a request failed on the server's side");
        }
        let mut values = ErrorExtensionValues::default();
        describe(&mut values, self.code);
        let violations: Vec<_> =
            self.violations.iter().map(|v| json!({ "path": v.path, "code": v.code.as_str(), "message": v.message })).collect();
        set(&mut values, "violations", json!(violations));
        if let Some(constraint) = &self.constraint {
            values.set("constraint", constraint.as_str());
        }
        if let Some(suggestion) = &self.suggestion {
            values.set("suggestion", suggestion.as_str());
        }
        values
    }
}

impl From<services::Error> for Problem {
    fn from(error: services::Error) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            violations: error.violations().to_vec(),
            constraint: error.constraint().map(str::to_owned),
            suggestion: error.suggestion().map(str::to_owned),
            cause: error.hidden_cause().map(str::to_owned),
            origin: Some(Arc::new(error)),
        }
    }
}

impl From<Problem> for async_graphql::Error {
    fn from(problem: Problem) -> Self {
        let mut error = async_graphql::Error::new(problem.message.clone());
        error.extensions = Some(problem.extensions());
        error.source = problem.origin.map(|origin| origin as _);
        error
    }
}

/// Results of resolvers.
pub type Result<T> = std::result::Result<T, async_graphql::Error>;

/// An error of the services as a resolver returns it.
pub fn failed(error: services::Error) -> async_graphql::Error {
    Problem::from(error).into()
}

/// A document of a row that cannot be read: the service wrote it, so the fault is its own.
pub fn unreadable(error: serde_json::Error) -> async_graphql::Error {
    failed(services::Error::internal(error.to_string()))
}

/// Whether a request was run at all: one that was refused before has errors without a path, and no data.
pub fn was_run(response: &Response) -> bool {
    response.data != Value::Null || response.errors.is_empty() || response.errors.iter().any(|error| !error.path.is_empty())
}

fn set(values: &mut ErrorExtensionValues, name: &str, value: serde_json::Value) {
    values.set(name, Value::from_json(value).unwrap_or_default());
}

fn describe(values: &mut ErrorExtensionValues, code: ErrorCode) {
    values.set("code", code.as_str());
    values.set("category", code.category().as_str());
    values.set("retryable", code.retryable());
}

/// Gives each error of an answer its code, where it has none, and the request's correlation id. Returns the codes.
pub fn conform(response: &mut Response, correlation_id: &str) -> Vec<ErrorCode> {
    for error in &mut response.errors {
        let coded = error.extensions.as_ref().is_some_and(|values| values.get("code").is_some());
        if !coded {
            // The names of our own types are nothing to a client.
            if let Some(end) = error.message.find(" (occurred while parsing") {
                error.message.truncate(end);
            }
            let problem = uncoded(error);
            error.extensions = Some(problem.extensions());
        }
        if let Some(values) = &mut error.extensions {
            values.set("correlationId", correlation_id);
        }
    }
    response.errors.iter().filter_map(code_of).collect()
}

/// The code of an error that has one.
pub fn code_of(error: &ServerError) -> Option<ErrorCode> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => ErrorCode::parse(code),
        _ => None,
    }
}

/// The services' error behind an answer's.
pub fn origin_of(error: &ServerError) -> Option<&services::Error> {
    error.source::<services::Error>()
}

/// What the library found wrong by itself: at parsing, at validation, or at an argument's value.
fn uncoded(error: &ServerError) -> Problem {
    let message = error.message.as_str();
    let input = ["Failed to parse", "Expected input type"].iter().any(|start| message.starts_with(start));
    let code = match () {
        () if message.starts_with("Query is too complex") || message.contains("recursion depth") => ErrorCode::QueryTooComplex,
        () if message.trim_start().starts_with("-->") => ErrorCode::GraphqlParseFailed,
        () if message.starts_with("Variable ") => ErrorCode::GraphqlValidationFailed,
        () if !error.path.is_empty() && input => ErrorCode::BadUserInput,
        () if error.path.is_empty() => ErrorCode::GraphqlValidationFailed,
        () => return services::Error::internal(message).into(),
    };
    let mut problem = Problem::new(code, message);
    if message.starts_with("Query is too complex") {
        problem.suggestion = Some("ask for fewer fields, or for fewer rows at a time".into());
    }
    problem.violations.extend(wrong_argument(message).or_else(|| wrong_variable(message)).or_else(|| wrong_value(error, code)));
    problem
}

/// The argument that a message of the library names: `Invalid value for argument "input.elements.0.video.start", …`.
pub fn wrong_argument(message: &str) -> Option<Violation> {
    let (_, rest) = message.split_once("nvalid value for argument \"")?;
    let (path, rule) = rest.split_once('"')?;
    let mut dotted = String::new();
    for part in path.split('.') {
        match part.parse::<usize>() {
            Ok(index) => dotted.push_str(&format!("[{index}]")),
            Err(_) if dotted.is_empty() => dotted.push_str(part),
            Err(_) => dotted.push_str(&format!(".{part}")),
        }
    }
    let rule = rule.trim_start_matches([',', ' ']);
    let expected = rule.strip_prefix("expected type \"").map(|rest| rest.trim_end_matches('"').trim_end_matches('!'));
    let one_of = rule.starts_with("Oneof").then_some("must have exactly one of its fields");
    let message = one_of.or(expected.and_then(scalars::rule)).unwrap_or(rule).to_owned();
    Some(Violation { path: dotted, code: ViolationCode::InvalidFormat, message })
}

/// The variable that is asked for and was not sent: `Variable id is not defined.`
fn wrong_variable(message: &str) -> Option<Violation> {
    let name = message.strip_prefix("Variable ")?.strip_suffix(" is not defined.")?;
    Some(Violation { path: format!("variables.{name}"), code: ViolationCode::Required, message: "must be given".into() })
}

/// A value that only its parser refused; what is known of its place is the field that it was for.
fn wrong_value(error: &ServerError, code: ErrorCode) -> Option<Violation> {
    if code != ErrorCode::BadUserInput {
        return None;
    }
    let path: Vec<String> = error
        .path
        .iter()
        .map(|part| match part {
            PathSegment::Field(name) => name.clone(),
            PathSegment::Index(index) => index.to_string(),
        })
        .collect();
    Some(Violation { path: path.join("."), code: ViolationCode::InvalidFormat, message: error.message.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_s_words_become_a_path() {
        let found =
            wrong_argument("Invalid value for argument \"input.elements.0.video.start\", expected type \"Float\"").unwrap();
        assert_eq!(found.path, "input.elements[0].video.start");
        assert_eq!(found.message, "must be a number");
        assert_eq!(wrong_argument("Unknown field \"x\" on type \"Query\"."), None);
    }
}
