//! Relay connections (<https://relay.dev/graphql/connections.htm>).

use async_graphql::SimpleObject;

use super::scalars::Cursor;
use crate::services::pages::{Page, PageRequest};

/// Where a page lies in its list.
#[derive(SimpleObject)]
pub struct PageInfo {
    /// Whether there are edges after this page's.
    has_next_page: bool,
    /// Whether there are edges before this page's.
    has_previous_page: bool,
    /// The first edge's cursor.
    start_cursor: Option<Cursor>,
    /// The last edge's cursor: give it as `after` to get the next page.
    end_cursor: Option<Cursor>,
}

impl PageInfo {
    pub fn of<T>(page: &Page<T>) -> Self {
        Self {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: page.rows.first().map(|(key, _)| Cursor(key.to_cursor())),
            end_cursor: page.rows.last().map(|(key, _)| Cursor(key.to_cursor())),
        }
    }
}

/// The arguments of a connection.
pub fn request(first: Option<i32>, after: Option<Cursor>, last: Option<i32>, before: Option<Cursor>) -> PageRequest {
    PageRequest { first, after: after.map(|cursor| cursor.0), last, before: before.map(|cursor| cursor.0) }
}

/// How often the fields of a page count towards the complexity of a query.
pub fn page_size(first: Option<i32>, last: Option<i32>) -> usize {
    first.or(last).unwrap_or(crate::services::pages::DEFAULT_PAGE).clamp(1, crate::services::pages::MAX_PAGE) as usize
}
