//! Many rows by few statements, whose text is the same whatever the rows: it is prepared once.
//!
//! PostgreSQL gets them as one JSON document, which it takes apart itself. SQLite, which would read such a document again for
//! each column, gets them as rows of values, some dozens at a time.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, IdenStatic, Iterable, ModelTrait, Statement, Value};
use serde::Serialize;

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

/// Inserts rows; columns that are `left_out` get what the table gives them. Returns how many rows there are more.
///
/// A model's fields have the names of its columns, so that its JSON has them too.
pub async fn insert<E>(
    connection: &impl ConnectionTrait,
    rows: &[E::Model],
    left_out: &[E::Column],
    conflict: Conflict,
) -> Result<u64, DbErr>
where
    E: EntityTrait,
    E::Model: Serialize,
{
    let left_out: Vec<&str> = left_out.iter().map(IdenStatic::as_str).collect();
    let columns: Vec<E::Column> = E::Column::iter().filter(|column| !left_out.contains(&column.as_str())).collect();
    match connection.get_database_backend() {
        _ if rows.is_empty() => Ok(0),
        DbBackend::Postgres => insert_document::<E>(connection, rows, &columns, conflict).await,
        _ => insert_values::<E>(connection, rows, &columns, conflict).await,
    }
}

async fn insert_document<E>(
    connection: &impl ConnectionTrait,
    rows: &[E::Model],
    columns: &[E::Column],
    conflict: Conflict,
) -> Result<u64, DbErr>
where
    E: EntityTrait,
    E::Model: Serialize,
{
    let document = serde_json::to_string(rows).map_err(|error| DbErr::Json(error.to_string()))?;
    let (table, names) = (E::default().as_str(), names(columns));
    let sql = format!(
        "INSERT INTO \"{table}\" ({names}) SELECT {names} FROM json_populate_recordset(NULL::\"{table}\", $1::text::json){}",
        on(conflict)
    );
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [document.into()]);
    Ok(connection.execute_raw(statement).await?.rows_affected())
}

async fn insert_values<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    rows: &[E::Model],
    columns: &[E::Column],
    conflict: Conflict,
) -> Result<u64, DbErr> {
    let (mut rest, mut inserted) = (rows, 0);
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
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
        inserted += connection.execute_raw(statement).await?.rows_affected();
        rest = later;
    }
    Ok(inserted)
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
