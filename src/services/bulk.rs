//! Many rows by few statements, of few texts, which are prepared once: what one depends on is which columns have one value in all
//! rows, and rows of one kind have that in common.
//!
//! PostgreSQL gets them column by column, each an array, or one value where all rows have the same; SQLite, which has no arrays, as
//! rows of values, some dozens at a time. Rows of several tables go together: each statement is a way there and back.

use std::borrow::Cow;

use sea_orm::{
    ColumnTrait, ColumnType, ConnectionTrait, DbBackend, DbErr, EntityTrait, IdenStatic, Iterable, ModelTrait, Statement, Value,
};

/// What to do with a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    Fails,
    /// The row is left out.
    LeavesOut,
}

/// The most rows in one statement on SQLite, which binds at most 32,766 values: our widest table has some 40 columns.
const ROWS_AT_A_TIME: usize = 64;
/// Fewer rows than this have a statement of their number; more go by powers of two, so that there are few texts to prepare.
const ANY_NUMBER: usize = 8;

/// Inserts rows of one table; columns that are `left_out` get what the table gives them. Returns how many rows there are more.
pub async fn insert<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    rows: &[E::Model],
    left_out: &[E::Column],
    conflict: Conflict,
) -> Result<u64, DbErr> {
    let mut inserts = Inserts::on(connection.get_database_backend());
    inserts.add::<E>(rows, left_out, conflict)?;
    inserts.run(connection).await
}

/// Rows of one table after the other that are to be inserted.
pub struct Inserts {
    backend: DbBackend,
    parts: Vec<Part>,
}

/// One statement, or what is to be one.
struct Part {
    sql: String,
    values: Vec<Value>,
    is_short: bool,
}

impl Inserts {
    pub fn on(backend: DbBackend) -> Self {
        Self { backend, parts: Vec::new() }
    }

    /// Rows that come after those that are there already, to which they may refer.
    pub fn add<E: EntityTrait>(&mut self, rows: &[E::Model], left_out: &[E::Column], conflict: Conflict) -> Result<(), DbErr> {
        let left_out: Vec<&str> = left_out.iter().map(IdenStatic::as_str).collect();
        let columns: Vec<E::Column> = E::Column::iter().filter(|column| !left_out.contains(&column.as_str())).collect();
        match self.backend {
            _ if rows.is_empty() => {}
            DbBackend::Postgres => {
                let before = self.parts.iter().map(|part| part.values.len()).sum();
                self.parts.push(by_column::<E>(rows, &columns, conflict, before)?);
            }
            _ => self.parts.extend(by_row::<E>(rows, &columns, conflict)),
        }
        Ok(())
    }

    /// Returns how many rows there are more; of several tables on PostgreSQL, of the last.
    pub async fn run(self, connection: &impl ConnectionTrait) -> Result<u64, DbErr> {
        let mut inserted = 0;
        for Part { sql, values, .. } in self.together() {
            let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
            inserted += connection.execute_raw(statement).await?.rows_affected();
        }
        Ok(inserted)
    }

    /// As few statements as there can be.
    fn together(self) -> Vec<Part> {
        if self.backend != DbBackend::Postgres {
            return joined(self.parts);
        }
        let mut parts = self.parts;
        let Some(mut last) = parts.pop() else { return Vec::new() };
        if !parts.is_empty() {
            let before: Vec<String> =
                parts.iter().enumerate().map(|(number, part)| format!("part_{number} AS ({})", part.sql)).collect();
            last.sql = format!("WITH {} {}", before.join(", "), last.sql);
            last.values = parts.into_iter().flat_map(|part| part.values).chain(last.values).collect();
        }
        vec![last]
    }
}

/// SQLite's driver takes several statements at once, each with its values after those of the one before. Long ones go alone:
/// every number of them would be another text.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for part in parts {
        match joined.last_mut() {
            Some(last) if last.is_short && part.is_short => {
                last.sql = format!("{}; {}", last.sql, part.sql);
                last.values.extend(part.values);
            }
            _ => joined.push(part),
        }
    }
    joined
}

/// A statement whose first value is numbered after so many others.
fn by_column<E: EntityTrait>(rows: &[E::Model], columns: &[E::Column], conflict: Conflict, before: usize) -> Result<Part, DbErr> {
    let (mut values, mut selected) = (Vec::new(), Vec::new());
    // What is unnested together, and the documents, which are parsed as one.
    let (mut arrays, mut documents) = (Columns::default(), Columns::default());
    for (at, column) in columns.iter().enumerate() {
        let (number, kind) = (before + at + 1, type_name(column)?);
        let of_rows: Vec<Value> = rows.iter().map(|row| row.get(*column)).collect();
        // Parsing an array of what is everywhere the same costs as much as of what is not.
        let is_one = of_rows.windows(2).all(|pair| pair[0] == pair[1]);
        if let Some(value) = of_rows.first().filter(|_| is_one && (at > 0 || rows.len() == 1)) {
            selected.push(format!("${number}::text::{kind}"));
            values.push(Value::from(text(value)?.map(Cow::into_owned)));
        } else if let Some(list) = document_list(&of_rows)? {
            selected.push(format!("c{at}"));
            documents.push(format!("jsonb_array_elements(${number}::text::jsonb)"), at);
            values.push(Value::from(list));
        } else {
            selected.push(format!("c{at}::{kind}"));
            arrays.push(format!("${number}::text::text[]"), at);
            values.push(Value::from(array(&of_rows)?));
        }
    }
    // One row is of nothing but single values; of several the first column at least, their id, is an array.
    let from = match arrays.given.is_empty() {
        true => String::new(),
        false => {
            let unnested = format!("unnest({})", arrays.given.join(", "));
            let sets: Vec<String> = std::iter::once(unnested).chain(documents.given).collect();
            let aliases = [arrays.aliases, documents.aliases].concat();
            format!(" FROM ROWS FROM ({}) AS rows({})", sets.join(", "), aliases.join(", "))
        }
    };
    let sql = format!(
        "INSERT INTO \"{}\" ({}) SELECT {}{from}{}",
        E::default().as_str(),
        names(columns),
        selected.join(", "),
        on(conflict)
    );
    Ok(Part { sql, values, is_short: true })
}

/// Columns that come from the statement's values, each under the name of its place.
#[derive(Default)]
struct Columns {
    given: Vec<String>,
    aliases: Vec<String>,
}

impl Columns {
    fn push(&mut self, given: String, at: usize) {
        self.given.push(given);
        self.aliases.push(format!("c{at}"));
    }
}

/// Documents as one, a list; `None` where one is not there, or is a null, which would be taken for that.
fn document_list(values: &[Value]) -> Result<Option<String>, DbErr> {
    let mut list = Vec::from(b"[");
    for value in values {
        let Value::Json(Some(document)) = value else { return Ok(None) };
        if document.is_null() {
            return Ok(None);
        }
        if list.len() > 1 {
            list.push(b',');
        }
        serde_json::to_writer(&mut list, document).map_err(|error| DbErr::Json(error.to_string()))?;
    }
    list.push(b']');
    String::from_utf8(list).map(Some).map_err(|error| DbErr::Json(error.to_string()))
}

/// A column's type, to which its values are cast from text.
fn type_name(column: &impl ColumnTrait) -> Result<&'static str, DbErr> {
    Ok(match column.def().get_column_type() {
        ColumnType::String(_) | ColumnType::Text => "text",
        ColumnType::Integer => "integer",
        ColumnType::BigInteger => "bigint",
        ColumnType::Double => "double precision",
        ColumnType::Boolean => "boolean",
        ColumnType::JsonBinary => "jsonb",
        other => return Err(DbErr::Type(format!("rows of {other:?} are not written in bulk"))),
    })
}

/// A value as PostgreSQL reads it from text.
fn text(value: &Value) -> Result<Option<Cow<'_, str>>, DbErr> {
    let owned = match value {
        Value::String(text) => return Ok(text.as_deref().map(Cow::Borrowed)),
        Value::Json(json) => {
            json.as_deref().map(serde_json::to_string).transpose().map_err(|error| DbErr::Json(error.to_string()))?
        }
        Value::Int(number) => number.map(|number| number.to_string()),
        Value::BigInt(number) => number.map(|number| number.to_string()),
        Value::Double(number) => number.map(|number| number.to_string()),
        Value::Bool(truth) => truth.map(|truth| truth.to_string()),
        other => return Err(DbErr::Type(format!("{other:?} is not written in bulk"))),
    };
    Ok(owned.map(Cow::Owned))
}

/// Values as PostgreSQL writes an array of texts (its documentation, 8.15.6).
fn array(values: &[Value]) -> Result<String, DbErr> {
    let mut out = String::from("{");
    for value in values {
        if out.len() > 1 {
            out.push(',');
        }
        match (value, text(value)?) {
            (_, None) => out.push_str("NULL"),
            (Value::String(_) | Value::Json(_), Some(text)) => push_quoted(&mut out, &text),
            (_, Some(text)) => out.push_str(&text),
        }
    }
    out.push('}');
    Ok(out)
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for piece in text.split_inclusive(['"', '\\']) {
        match piece.strip_suffix(['"', '\\']) {
            Some(plain) => {
                out.push_str(plain);
                out.push('\\');
                out.push_str(&piece[plain.len()..]);
            }
            None => out.push_str(piece),
        }
    }
    out.push('"');
}

fn by_row<E: EntityTrait>(rows: &[E::Model], columns: &[E::Column], conflict: Conflict) -> Vec<Part> {
    let (mut rest, mut parts) = (rows, Vec::new());
    while !rest.is_empty() {
        let (now, later) = rest.split_at(at_a_time(rest.len()));
        let row = format!("({})", vec!["?"; columns.len()].join(", "));
        let table = E::default().as_str();
        let sql = format!(
            "INSERT INTO \"{table}\" ({}) VALUES {}{}",
            names(columns),
            vec![row.as_str(); now.len()].join(", "),
            on(conflict)
        );
        let values: Vec<Value> = now.iter().flat_map(|row| columns.iter().map(|column| row.get(*column))).collect();
        parts.push(Part { sql, values, is_short: rows.len() <= ANY_NUMBER });
        rest = later;
    }
    parts
}

/// How many of so many rows go at once.
fn at_a_time(rows: usize) -> usize {
    match rows {
        0..=ANY_NUMBER => rows,
        ROWS_AT_A_TIME.. => ROWS_AT_A_TIME,
        _ => 1 << rows.ilog2(),
    }
}

fn names<C: IdenStatic>(columns: &[C]) -> String {
    columns.iter().map(|column| format!("\"{}\"", column.as_str())).collect::<Vec<_>>().join(", ")
}

fn on(conflict: Conflict) -> &'static str {
    match conflict {
        Conflict::Fails => "",
        Conflict::LeavesOut => " ON CONFLICT DO NOTHING",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_and_numbers_are_not() {
        let text = |text: &str| Value::String(Some(text.to_owned()));
        let values =
            [text(r#"a "b" \c"#), text("NULL"), text(""), Value::String(None), Value::Int(Some(-1)), Value::Double(Some(0.5))];
        assert_eq!(array(&values).unwrap(), r#"{"a \"b\" \\c","NULL","",NULL,-1,0.5}"#);
    }
}
