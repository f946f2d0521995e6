//! Ids that say their type and sort by time: `job_` and 26 characters, a UUIDv7 in lower-case base32hex
//! (RFC 4648 §7), whose alphabet keeps the order of the bytes.

use std::{fmt, str::FromStr};

use data_encoding::BASE32HEX_NOPAD;
use uuid::Uuid;

use super::clock::Clock;

/// An id that is not one, or is one of another type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_… (26 characters of 0–9 and a–v)")]
pub struct InvalidId {
    pub prefix: &'static str,
}

fn encode(prefix: &str, uuid: Uuid) -> String {
    let mut id = format!("{prefix}_");
    BASE32HEX_NOPAD.encode_append(uuid.as_bytes(), &mut id);
    id.make_ascii_lowercase();
    id
}

fn decode(prefix: &'static str, text: &str) -> Result<Uuid, InvalidId> {
    let invalid = || InvalidId { prefix };
    let body = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or_else(invalid)?;
    if body.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(invalid());
    }
    let bytes = BASE32HEX_NOPAD.decode(body.to_ascii_uppercase().as_bytes()).map_err(|_| invalid())?;
    Uuid::from_slice(&bytes).map_err(|_| invalid())
}

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            pub fn new(clock: &dyn Clock) -> Self {
                Self(encode($prefix, clock.uuid()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                decode($prefix, text).map(|uuid| Self(encode($prefix, uuid)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    )*};
}

typed_id! {
    /// A render job.
    JobId = "job";
    /// An element of a job's composition.
    ElementId = "el";
    /// One step of one attempt of a job.
    StepId = "step";
    /// One operation on the object store.
    OperationId = "op";
    /// An uploaded file.
    AssetId = "ast";
    /// A template.
    TemplateId = "tpl";
    /// An entry of the audit log.
    AuditId = "aud";
    /// A running node: new at every start.
    NodeId = "node";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::SystemClock;

    #[test]
    fn an_id_survives_its_text_and_names_its_type() {
        let id = JobId::new(&SystemClock);
        assert!(id.as_str().starts_with("job_"));
        assert_eq!(id.as_str().len(), 4 + 26);
        assert_eq!(id.as_str().parse::<JobId>().as_ref(), Ok(&id));
        assert_eq!(id.as_str().parse::<ElementId>(), Err(InvalidId { prefix: "el" }));
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let ids: Vec<_> = (0..1_000).map(|_| JobId::new(&SystemClock)).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "job_", "job_zzzz", "job", "job_0123456789abcdefghijklmnopq", "JOB_0123456789abcdefghijklmno", "job_😀"]
        {
            assert!(text.parse::<JobId>().is_err(), "{text}");
        }
        let id = JobId::new(&SystemClock);
        let shouted = id.as_str().to_ascii_uppercase().replace("JOB", "job");
        assert!(shouted.parse::<JobId>().is_err(), "{shouted}: each id has one form");
    }
}
