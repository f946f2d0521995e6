//! The words for what goes wrong: codes, their categories, and violations that name a field and a rule.

use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value::StrDeserializer},
};

use super::timeline::ProcessingStep;

/// The codes of the contract, of an answer and of a job's own error alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    BadUserInput,
    NotFound,
    Conflict,
    IdempotencyKeyReused,
    ConstraintViolation,
    Unauthenticated,
    Forbidden,
    RateLimited,
    Timeout,
    TransactionTimeout,
    TransactionRolledBack,
    DatabaseUnavailable,
    StorageUnavailable,
    StorageFull,
    QueryTooComplex,
    CursorExpired,
    Internal,
    SourceNotAllowed,
    SourceUnreachable,
    UnsupportedFormat,
    CorruptMedia,
    ResourceLimit,
    WorkerLost,
    DeadlineExceeded,
    GraphqlParseFailed,
    GraphqlValidationFailed,
}

/// What kind of trouble a code is, for a client that groups them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    Validation,
    Constraint,
    Transaction,
    Connection,
    Timeout,
    Permission,
    Internal,
}

impl ErrorCode {
    pub fn as_str(self) -> &'static str {
        use ErrorCode::*;
        match self {
            BadUserInput => "BAD_USER_INPUT",
            NotFound => "NOT_FOUND",
            Conflict => "CONFLICT",
            IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            ConstraintViolation => "CONSTRAINT_VIOLATION",
            Unauthenticated => "UNAUTHENTICATED",
            Forbidden => "FORBIDDEN",
            RateLimited => "RATE_LIMITED",
            Timeout => "TIMEOUT",
            TransactionTimeout => "TRANSACTION_TIMEOUT",
            TransactionRolledBack => "TRANSACTION_ROLLED_BACK",
            DatabaseUnavailable => "DATABASE_UNAVAILABLE",
            StorageUnavailable => "STORAGE_UNAVAILABLE",
            StorageFull => "STORAGE_FULL",
            QueryTooComplex => "QUERY_TOO_COMPLEX",
            CursorExpired => "CURSOR_EXPIRED",
            Internal => "INTERNAL",
            SourceNotAllowed => "SOURCE_NOT_ALLOWED",
            SourceUnreachable => "SOURCE_UNREACHABLE",
            UnsupportedFormat => "UNSUPPORTED_FORMAT",
            CorruptMedia => "CORRUPT_MEDIA",
            ResourceLimit => "RESOURCE_LIMIT",
            WorkerLost => "WORKER_LOST",
            DeadlineExceeded => "DEADLINE_EXCEEDED",
            GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let text: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
        Self::deserialize(text).ok()
    }

    pub fn category(self) -> Category {
        use ErrorCode::*;
        match self {
            BadUserInput
            | NotFound
            | QueryTooComplex
            | CursorExpired
            | UnsupportedFormat
            | CorruptMedia
            | GraphqlParseFailed
            | GraphqlValidationFailed => Category::Validation,
            Conflict | IdempotencyKeyReused | ConstraintViolation => Category::Constraint,
            TransactionRolledBack => Category::Transaction,
            DatabaseUnavailable | StorageUnavailable | StorageFull | SourceUnreachable => Category::Connection,
            Timeout | TransactionTimeout | DeadlineExceeded => Category::Timeout,
            Unauthenticated | Forbidden | RateLimited | SourceNotAllowed => Category::Permission,
            Internal | ResourceLimit | WorkerLost => Category::Internal,
        }
    }

    /// Whether it is a fault of the service, which tells nothing of what it was given.
    pub fn is_of_the_service(self) -> bool {
        use ErrorCode::*;
        matches!(self, DatabaseUnavailable | Internal | StorageFull | StorageUnavailable | WorkerLost)
    }

    /// Whether the same request may well succeed when it is sent again unchanged.
    pub fn retryable(self) -> bool {
        use ErrorCode::*;
        matches!(
            self,
            RateLimited
                | Timeout
                | TransactionTimeout
                | TransactionRolledBack
                | DatabaseUnavailable
                | StorageUnavailable
                | StorageFull
                | SourceUnreachable
                | WorkerLost
        )
    }
}

impl Category {
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Validation => "VALIDATION",
            Category::Constraint => "CONSTRAINT",
            Category::Transaction => "TRANSACTION",
            Category::Connection => "CONNECTION",
            Category::Timeout => "TIMEOUT",
            Category::Permission => "PERMISSION",
            Category::Internal => "INTERNAL",
        }
    }
}

/// One rule that one field of an input breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// From the argument down: `input.elements[0].video.start`.
    pub path: String,
    pub code: ViolationCode,
    /// The rule, in words.
    pub message: String,
}

/// Which kind of rule was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ViolationCode {
    OutOfRange,
    InvalidFormat,
    Required,
    TooMany,
    TooLong,
    Inconsistent,
    /// Part of the contract that this version does not do.
    NotYetSupported,
}

impl ViolationCode {
    pub fn as_str(self) -> &'static str {
        match self {
            ViolationCode::OutOfRange => "OUT_OF_RANGE",
            ViolationCode::InvalidFormat => "INVALID_FORMAT",
            ViolationCode::Required => "REQUIRED",
            ViolationCode::TooMany => "TOO_MANY",
            ViolationCode::TooLong => "TOO_LONG",
            ViolationCode::Inconsistent => "INCONSISTENT",
            ViolationCode::NotYetSupported => "NOT_YET_SUPPORTED",
        }
    }
}

/// Why a job's attempt ended: kept with the job, shown as `Job.error`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobFailure {
    pub code: ErrorCode,
    pub message: String,
    pub step: Option<ProcessingStep>,
    pub element_id: Option<String>,
    /// The field that is to blame, from the element down, such as `video.trimStart`; where there is no element, from the input
    /// down, such as `outputs[0].range.start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    pub suggestion: Option<String>,
    /// Whether another attempt may succeed.
    pub retryable: bool,
}

impl JobFailure {
    /// Retryable where its code is, and where the fault is the service's own.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let retryable = code.retryable() || code == ErrorCode::Internal;
        Self { code, message: message.into(), step: None, element_id: None, place: None, suggestion: None, retryable }
    }

    /// Whatever its code, another attempt would end the same way.
    pub fn for_good(mut self) -> Self {
        self.retryable = false;
        self
    }

    pub fn at(mut self, step: ProcessingStep) -> Self {
        self.step.get_or_insert(step);
        self
    }

    pub fn of_element(mut self, element_id: impl Into<String>) -> Self {
        self.element_id.get_or_insert(element_id.into());
        self
    }

    /// Names the field that is to blame.
    pub fn in_place(mut self, place: impl Into<String>) -> Self {
        self.place.get_or_insert(place.into());
        self
    }

    /// Its place seen from further up.
    pub fn below(mut self, outer: &str) -> Self {
        self.place = Some(self.place.map_or_else(|| outer.to_owned(), |place| format!("{outer}.{place}")));
        self
    }

    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_its_text() {
        for code in [ErrorCode::BadUserInput, ErrorCode::GraphqlParseFailed, ErrorCode::IdempotencyKeyReused] {
            assert_eq!(ErrorCode::parse(code.as_str()), Some(code));
        }
        assert_eq!(ErrorCode::parse("not_found"), None);
    }
}
