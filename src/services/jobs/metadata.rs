//! Whether a job's metadata contain a document, as PostgreSQL's `@>` has it: of an object each member, of a list each item,
//! contained in turn; other values equal. SQLite has no such operator: there it is spelled out over its rows of JSON.
//!
//! What the client sends is bound, keys too: no text of it is part of a statement.

use sea_orm::{
    DbBackend,
    sea_query::{Expr, SimpleExpr},
};
use serde_json::Value;

/// The condition that `jobs.metadata` contain `part`.
pub fn contains(backend: DbBackend, part: &Value) -> SimpleExpr {
    if backend == DbBackend::Postgres {
        return Expr::cust_with_values("\"jobs\".\"metadata\" @> $1", [part.clone()]);
    }
    let mut sql = Writer::default();
    sql.first_members(part);
    sql.inside("\"jobs\".\"metadata\"", part);
    Expr::cust_with_values(sql.text, sql.values)
}

#[derive(Default)]
struct Writer {
    text: String,
    values: Vec<sea_orm::Value>,
    /// Tables so far: each has a name of its own.
    tables: usize,
}

impl Writer {
    fn bind(&mut self, value: impl Into<sea_orm::Value>) {
        self.values.push(value.into());
        self.text.push('?');
    }

    /// Members that are no lists or objects have an index: it finds the few jobs that the rest is looked at of.
    fn first_members(&mut self, part: &Value) {
        let Value::Object(members) = part else { return };
        for (key, value) in members {
            let value: sea_orm::Value = match value {
                Value::String(text) => text.as_str().into(),
                Value::Bool(truth) => i64::from(*truth).into(),
                Value::Number(number) => number_of(number),
                _ => continue,
            };
            self.text.push_str("\"jobs\".\"id\" IN (SELECT job_id FROM job_metadata WHERE key = ");
            self.bind(key.as_str());
            self.text.push_str(" AND value = ");
            self.bind(value);
            self.text.push_str(") AND ");
        }
    }

    /// That the document in `container` contains `part`.
    fn inside(&mut self, container: &str, part: &Value) {
        self.text.push('(');
        match part {
            Value::Object(members) => {
                self.text.push_str(&format!("json_type({container}) = 'object'"));
                for (key, value) in members {
                    let table = self.open(container);
                    self.text.push_str(&format!("{table}.key = "));
                    self.bind(key.as_str());
                    self.text.push_str(" AND ");
                    self.item(&table, value);
                    self.text.push(')');
                }
            }
            Value::Array(items) => {
                self.text.push_str(&format!("json_type({container}) = 'array'"));
                for value in items {
                    let table = self.open(container);
                    self.item(&table, value);
                    self.text.push(')');
                }
            }
            // A document is an object.
            _ => self.text.push_str("1 = 0"),
        }
        self.text.push(')');
    }

    /// Opens the condition that there is a member or an item.
    fn open(&mut self, container: &str) -> String {
        self.tables += 1;
        let table = format!("t{}", self.tables);
        self.text.push_str(&format!(" AND EXISTS (SELECT 1 FROM json_each({container}) AS {table} WHERE "));
        table
    }

    /// That a row of `json_each` is `value`, or contains it.
    fn item(&mut self, table: &str, value: &Value) {
        match value {
            Value::Null => self.text.push_str(&format!("{table}.type = 'null'")),
            Value::Bool(truth) => self.text.push_str(&format!("{table}.type = '{truth}'")),
            Value::Number(number) => {
                self.text.push_str(&format!("{table}.type IN ('integer', 'real') AND {table}.value = "));
                self.bind(number_of(number));
            }
            Value::String(text) => {
                self.text.push_str(&format!("{table}.type = 'text' AND {table}.value = "));
                self.bind(text.as_str());
            }
            // A value of one of these is the text of its JSON; of others it is none, and must not be read as such.
            Value::Array(_) | Value::Object(_) => {
                self.text.push_str(&format!("CASE WHEN {table}.type IN ('array', 'object') THEN "));
                self.inside(&format!("{table}.value"), value);
                self.text.push_str(" ELSE 0 END");
            }
        }
    }
}

fn number_of(number: &serde_json::Number) -> sea_orm::Value {
    match number.as_i64() {
        Some(whole) => whole.into(),
        None => number.as_f64().unwrap_or(f64::NAN).into(),
    }
}
