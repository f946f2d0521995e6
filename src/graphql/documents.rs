//! Documents, parsed and held to their limits once: front ends send the same few again and again.

use std::sync::Arc;

use async_graphql::{
    Request, Response,
    parser::{parse_query, types::ExecutableDocument},
};
use moka::sync::Cache;

use super::{limits, unset};

/// The most bytes of text whose documents are kept; parsed, they take many times as much.
const MOST_BYTES: u64 = 512 << 10;
/// Longer ones have their values in them, and do not come again.
const LONGEST: usize = 16 << 10;

/// Parsed documents by their text. Cheap to clone.
#[derive(Clone)]
pub struct Documents {
    known: Cache<String, Arc<ExecutableDocument>>,
}

impl Default for Documents {
    fn default() -> Self {
        let weigh = |text: &String, _: &Arc<ExecutableDocument>| text.len().min(u32::MAX as usize) as u32;
        Self { known: Cache::builder().max_capacity(MOST_BYTES).weigher(weigh).build() }
    }
}

impl Documents {
    /// The document of a request, which then need not be parsed again, and leaves out what the request has no value for.
    ///
    /// # Errors
    /// The answer to one that cannot be parsed, or asks for too much.
    pub fn parsed(&self, request: &mut Request) -> Result<Arc<ExecutableDocument>, Response> {
        if let Some(document) = self.known.get(&request.query) {
            set(request, &document);
            return Ok(document);
        }
        // Of its text: what the request holds parsed may lack what it had no value for.
        let document = parse_query(&request.query).map_err(|error| Response::from_errors(vec![error.into()]))?;
        limits::check(&document).map_err(|problem| Response::from_errors(vec![problem.into_server_error()]))?;
        let document = Arc::new(document);
        if request.query.len() <= LONGEST {
            self.known.insert(request.query.clone(), document.clone());
        }
        set(request, &document);
        Ok(document)
    }
}

/// Without what the request has no value for.
fn set(request: &mut Request, document: &ExecutableDocument) {
    let mut own = document.clone();
    unset::leave_out(&mut own, request.operation_name.as_deref(), &request.variables);
    request.set_parsed_query(own);
}
