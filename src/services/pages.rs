//! Pages of a list, forwards and backwards, by the keys of the rows at their edges: stable while rows come and go.

use data_encoding::BASE64URL_NOPAD;
use sea_orm::{ColumnTrait, Condition, ExprTrait, sea_query::Expr};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::domain::error::{Violation, ViolationCode};

/// The most rows of a page.
pub const MAX_PAGE: i32 = 100;
/// The rows of a page where no number is given.
pub const DEFAULT_PAGE: i32 = 20;

/// What a client asks for: `first` after `after`, or `last` before `before`.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

/// A request that keeps to the rules, its cursors read.
#[derive(Debug, Clone)]
pub struct PageBounds {
    pub size: u64,
    pub backwards: bool,
    pub after: Option<Key>,
    pub before: Option<Key>,
}

/// A row's place in an order: the value that it is ordered by, and its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// Names the order, so that a cursor of another is refused.
    pub order: String,
    pub value: KeyValue,
    pub id: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KeyValue {
    Number(i64),
    Text(String),
}

impl KeyValue {
    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// Rows of a list, in its order, and whether there are others around them.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub rows: Vec<(Key, T)>,
    pub has_next: bool,
    pub has_previous: bool,
}

impl Key {
    pub fn to_cursor(&self) -> String {
        // A key of strings and numbers always becomes JSON.
        BASE64URL_NOPAD.encode(&serde_json::to_vec(self).unwrap_or_default())
    }

    fn from_cursor(cursor: &str) -> Option<Self> {
        let key: Self = serde_json::from_slice(&BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?).ok()?;
        // What no row can have was made by someone else.
        let plain = key.id.len() <= 64 && key.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let text = if let KeyValue::Text(text) = &key.value { text.as_str() } else { "" };
        (plain && !text.contains('\0') && text.len() <= 4_096).then_some(key)
    }
}

impl PageRequest {
    /// Checks the numbers and reads the cursors, which must be of `order` and hold values like `sample`.
    pub fn bounds(&self, order: &str, sample: &KeyValue) -> Result<PageBounds, Error> {
        let mut found = Vec::new();
        let mut breach = |path: &str, code, message: String| found.push(Violation { path: path.into(), code, message });
        for (path, size) in [("first", self.first), ("last", self.last)] {
            if size.is_some_and(|size| !(1..=MAX_PAGE).contains(&size)) {
                breach(path, ViolationCode::OutOfRange, format!("must be from 1 to {MAX_PAGE}"));
            }
        }
        if self.first.is_some() && self.last.is_some() {
            breach("last", ViolationCode::Inconsistent, "must not be given together with first".into());
        }
        let mut key = |path: &str, cursor: &Option<String>| {
            let cursor = cursor.as_ref()?;
            let key = Key::from_cursor(cursor).filter(|key| key.order == order && key.value.is_like(sample));
            if key.is_none() {
                breach(path, ViolationCode::InvalidFormat, "must be a cursor of this list in this order".into());
            }
            key
        };
        let (after, before) = (key("after", &self.after), key("before", &self.before));
        if !found.is_empty() {
            return Err(Error::Invalid(found));
        }
        let backwards = self.last.is_some() || (self.first.is_none() && self.before.is_some());
        let size = self.first.or(self.last).unwrap_or(DEFAULT_PAGE) as u64;
        Ok(PageBounds { size, backwards, after, before })
    }
}

impl PageBounds {
    /// Makes a page of rows that were read in reading order, one more than the size where there were more.
    pub fn page<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> Key) -> Page<T> {
        let more = rows.len() as u64 > self.size;
        rows.truncate(self.size as usize);
        if self.backwards {
            rows.reverse();
        }
        let (has_next, has_previous) = match self.backwards {
            true => (self.before.is_some(), more),
            false => (more, self.after.is_some()),
        };
        Page { rows: rows.into_iter().map(|row| (key(&row), row)).collect(), has_next, has_previous }
    }
}

/// The order of a list by time, the newest first; named, so that cursors of others are refused.
#[derive(Debug, Clone, Copy)]
pub struct TimeKey(pub &'static str);

impl TimeKey {
    pub fn bounds(self, request: &PageRequest) -> Result<PageBounds, Error> {
        request.bounds(self.0, &KeyValue::Number(0))
    }

    pub fn key(self, at: i64, id: &str) -> Key {
        Key { order: self.0.to_owned(), value: KeyValue::Number(at), id: id.to_owned() }
    }

    /// The rows after a page's cursor: earlier ones. One comparison of rows, which an index answers.
    pub fn after(self, bounds: &PageBounds, time: impl ColumnTrait, id: impl ColumnTrait) -> Condition {
        let Some(key) = &bounds.after else { return Condition::all() };
        let KeyValue::Number(at) = key.value else { return Condition::all() };
        let row = Expr::tuple([time.into_expr(), id.into_expr()]);
        Condition::all().add(row.lt(Expr::tuple([Expr::value(at), Expr::value(key.id.as_str())])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_out_of_range_and_foreign_cursors_are_named() {
        let paths = |request: PageRequest| match request.bounds("jobs:CREATED_AT", &KeyValue::Number(0)) {
            Err(Error::Invalid(found)) => found.into_iter().map(|v| v.path).collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        for size in [0, -1, 101, 1_000_000] {
            assert_eq!(paths(PageRequest { first: Some(size), ..Default::default() }), ["first"]);
        }
        let foreign = Key { order: "jobs:NAME".into(), value: KeyValue::Number(1), id: "job_x".into() }.to_cursor();
        assert_eq!(paths(PageRequest { after: Some(foreign), ..Default::default() }), ["after"]);
        let forged = Key { order: "jobs:CREATED_AT".into(), value: KeyValue::Text("1".into()), id: "job_x".into() }.to_cursor();
        assert_eq!(paths(PageRequest { after: Some(forged), ..Default::default() }), ["after"]);
        for (value, id) in [("a\0", "job_x"), ("a", "job_\0"), ("a", "x' OR 1")] {
            let forged = Key { order: "jobs:NAME".into(), value: KeyValue::Text(value.into()), id: id.into() }.to_cursor();
            let request = PageRequest { after: Some(forged), ..Default::default() };
            assert!(request.bounds("jobs:NAME", &KeyValue::Text(String::new())).is_err());
        }
        assert_eq!(paths(PageRequest { before: Some("%%%".into()), ..Default::default() }), ["before"]);
        assert_eq!(paths(PageRequest { first: Some(1), last: Some(1), ..Default::default() }), ["last"]);
    }

    #[test]
    fn a_backward_page_is_in_the_list_s_own_order() {
        let request = PageRequest { last: Some(2), ..Default::default() };
        let key = |row: &i64| Key { order: "x".into(), value: KeyValue::Number(*row), id: row.to_string() };
        let page = request.bounds("x", &KeyValue::Number(0)).unwrap().page(vec![9, 8, 7], key);
        assert_eq!(page.rows.iter().map(|(_, row)| *row).collect::<Vec<_>>(), [8, 9]);
        assert!(page.has_previous && !page.has_next);
    }
}
