//! Bytes elsewhere: the object store, spoken to by the AWS SDK alone; the embedded store that serves it by
//! default; and the guarded client that fetches sources from the web.
//!
//! Nothing here knows a database, a job or a tenant. Everything streams: no object is held in memory.

mod embedded;
mod error;
mod fetch;
mod objects;
mod room;
mod saving;

pub use embedded::EmbeddedStore;
pub use error::{StorageError, StorageErrorKind};
pub use fetch::{FetchError, Fetcher};
pub use objects::{Connection, ObjectStore, PresignedUpload, Stored};
pub use room::{NoRoom, Room};
pub use saving::Saved;
