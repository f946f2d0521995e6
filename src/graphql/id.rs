//! Ids as arguments: text of the form that its type has, or an error that says which.

use super::error::{Problem, Result};
use crate::domain::{error::ViolationCode, id::InvalidId};

/// The error for text that is no id of the expected form.
pub fn invalid_id(path: &str, form: &str) -> async_graphql::Error {
    Problem::of_argument(path, ViolationCode::InvalidFormat, format!("must be an id of the form {form}")).into()
}

/// Checks that an argument is an id of a type.
pub fn check_id<T: std::str::FromStr<Err = InvalidId>>(path: &str, id: &str) -> Result<()> {
    id.parse::<T>()
        .map(drop)
        .map_err(|invalid| Problem::of_argument(path, ViolationCode::InvalidFormat, invalid.to_string()).into())
}
