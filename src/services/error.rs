//! What a use case answers when it cannot do what was asked; the one place that maps the database's errors.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlErr, sqlx};

use crate::{
    domain::error::{ErrorCode, JobFailure, Violation},
    storage::{StorageError, StorageErrorKind},
};

/// An error with its code. `Internal`'s cause goes to the log and nowhere else.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("{}", summary(.0))]
    Invalid(Vec<Violation>),
    #[error("there is no {what} with the id {id}")]
    NotFound { what: &'static str, id: String },
    #[error("{message}")]
    Conflict { message: String, suggestion: Option<String> },
    #[error("the idempotency key was used before, with another input")]
    IdempotencyKeyReused,
    #[error("the change breaks a rule of the database")]
    Constraint { name: Option<String> },
    #[error("this needs the role {needs}")]
    Forbidden { needs: &'static str },
    #[error("the changes collided with others and were rolled back")]
    RolledBack { deadlock: bool },
    #[error("the transaction took longer than it may")]
    TransactionTimeout,
    #[error("an earlier field of the operation failed")]
    Aborted,
    #[error("the database cannot be reached")]
    DatabaseUnavailable { cause: String },
    #[error("the object store cannot be reached")]
    StorageUnavailable { cause: String },
    #[error("the cursor points before what is kept")]
    CursorExpired,
    /// What a job's error would be.
    #[error("{}", media_message(.0))]
    Media(JobFailure),
    #[error("something went wrong on the server's side")]
    Internal { cause: String },
}

fn media_message(failure: &JobFailure) -> &str {
    if failure.code == ErrorCode::Internal { "something went wrong on the server's side" } else { &failure.message }
}

fn summary(violations: &[Violation]) -> String {
    match violations {
        [only] => format!("{}: {}", only.path, only.message),
        [first, rest @ ..] => format!("{}: {}; and {} more", first.path, first.message, rest.len()),
        [] => "the input breaks a rule".into(),
    }
}

impl Error {
    pub fn internal(cause: impl Into<String>) -> Self {
        Error::Internal { cause: cause.into() }
    }

    pub fn conflict(message: impl Into<String>, suggestion: impl Into<String>) -> Self {
        Error::Conflict { message: message.into(), suggestion: Some(suggestion.into()) }
    }

    pub fn code(&self) -> ErrorCode {
        match self {
            Error::Invalid(_) => ErrorCode::BadUserInput,
            Error::NotFound { .. } => ErrorCode::NotFound,
            Error::Conflict { .. } => ErrorCode::Conflict,
            Error::IdempotencyKeyReused => ErrorCode::IdempotencyKeyReused,
            Error::Constraint { .. } => ErrorCode::ConstraintViolation,
            Error::Forbidden { .. } => ErrorCode::Forbidden,
            Error::RolledBack { .. } | Error::Aborted => ErrorCode::TransactionRolledBack,
            Error::TransactionTimeout => ErrorCode::TransactionTimeout,
            Error::DatabaseUnavailable { .. } => ErrorCode::DatabaseUnavailable,
            Error::StorageUnavailable { .. } => ErrorCode::StorageUnavailable,
            Error::CursorExpired => ErrorCode::CursorExpired,
            Error::Media(failure) => failure.code,
            Error::Internal { .. } => ErrorCode::Internal,
        }
    }

    pub fn violations(&self) -> &[Violation] {
        if let Error::Invalid(violations) = self { violations } else { &[] }
    }

    pub fn constraint(&self) -> Option<&str> {
        if let Error::Constraint { name } = self { name.as_deref() } else { None }
    }

    pub fn suggestion(&self) -> Option<&str> {
        match self {
            Error::Conflict { suggestion, .. } => suggestion.as_deref(),
            Error::IdempotencyKeyReused => Some("use a new key for a new input, or send the first input again"),
            Error::CursorExpired => Some("start without after"),
            Error::Constraint { name } => name.as_deref().and_then(advice),
            Error::TransactionTimeout => Some("change less at once"),
            Error::Media(failure) => failure.suggestion.as_deref(),
            Error::RolledBack { .. } | Error::DatabaseUnavailable { .. } | Error::StorageUnavailable { .. } => {
                Some("try again in a moment")
            }
            _ => None,
        }
    }

    /// What only the log may know.
    pub fn hidden_cause(&self) -> Option<&str> {
        match self {
            Error::DatabaseUnavailable { cause } | Error::StorageUnavailable { cause } | Error::Internal { cause } => Some(cause),
            Error::Media(failure) if failure.code == ErrorCode::Internal => Some(&failure.message),
            _ => None,
        }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        if is_collision(&error) {
            return Error::RolledBack { deadlock: state(&error).as_deref() == Some("40P01") };
        }
        // What follows an error in the same transaction of PostgreSQL: that error is the one to tell of.
        if state(&error).as_deref() == Some("25P02") {
            return Error::Aborted;
        }
        // A statement's time-out, and that of a transaction that waits for its client.
        if matches!(state(&error).as_deref(), Some("57014" | "25P03")) {
            return Error::TransactionTimeout;
        }
        if is_unreachable(&error) {
            return Error::DatabaseUnavailable { cause: error.to_string() };
        }
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_) | SqlErr::ForeignKeyConstraintViolation(_)) => {
                Error::Constraint { name: constraint(&error) }
            }
            _ if driver(&error).and_then(sqlx::Error::as_database_error).is_some_and(|e| e.is_check_violation()) => {
                Error::Constraint { name: constraint(&error) }
            }
            _ => Error::internal(error.to_string()),
        }
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        match error.kind {
            StorageErrorKind::Unavailable | StorageErrorKind::Full => Error::StorageUnavailable { cause: error.message },
            _ => Error::internal(error.message),
        }
    }
}

fn driver(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(e))
        | DbErr::Query(RuntimeErr::SqlxError(e))
        | DbErr::Conn(RuntimeErr::SqlxError(e)) => Some(e),
        _ => None,
    }
}

/// What may help against the breach of a constraint.
fn advice(constraint: &str) -> Option<&'static str> {
    match constraint {
        "templates_name_unique" => Some("choose another name, or update the template that has it"),
        "jobs_idempotency" => Some("use a new key for a new input, or send the first input again"),
        _ => None,
    }
}

/// The constraint's name. PostgreSQL tells it; SQLite names a check, and of a key only its columns.
fn constraint(error: &DbErr) -> Option<String> {
    let error = driver(error)?.as_database_error()?;
    if let Some(name) = error.constraint() {
        return Some(name.to_owned());
    }
    let (_, what) = error.message().split_once("constraint failed: ")?;
    let name = match what {
        "templates.tenant, templates.name" => "templates_name_unique",
        "jobs.tenant, jobs.idempotency_key" => "jobs_idempotency",
        "elements.job_id, elements.position" => "elements_position_unique",
        other => other,
    };
    Some(name.to_owned())
}

/// The database's own code of an error.
fn state(error: &DbErr) -> Option<String> {
    driver(error)?.as_database_error()?.code().map(|code| code.into_owned())
}

/// A deadlock, a serialization failure, or SQLite's busy: what may succeed when it is done again.
fn is_collision(error: &DbErr) -> bool {
    let Some(code) = state(error) else { return false };
    // SQLite's are numbers whose low byte is SQLITE_BUSY (5) or SQLITE_LOCKED (6); PostgreSQL's have five characters.
    matches!(code.as_str(), "40001" | "40P01" | "55P03")
        || (code.len() < 5 && code.parse::<i32>().is_ok_and(|number| matches!(number & 0xff, 5 | 6)))
}

fn is_unreachable(error: &DbErr) -> bool {
    let acquiring =
        matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout | ConnAcquireErr::ConnectionClosed) | DbErr::Conn(_));
    let shutting_down = driver(error)
        .and_then(sqlx::Error::as_database_error)
        .and_then(|e| e.code().map(|code| code.starts_with("57P") || code.starts_with("08")))
        .unwrap_or(false);
    let broken = matches!(
        driver(error),
        Some(sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed)
    );
    acquiring || shutting_down || broken
}
