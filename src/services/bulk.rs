//! Many rows by one statement: they go over as one JSON document, which the database takes apart. The statement is the same
//! whatever the number of rows, so that it is prepared once.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, IdenStatic, Iterable, Statement};
use serde::Serialize;

/// What to do with a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    Fails,
    /// The row is left out.
    LeavesOut,
}

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
    if rows.is_empty() {
        return Ok(0);
    }
    let document = serde_json::to_value(rows).map_err(|error| DbErr::Json(error.to_string()))?;
    let backend = connection.get_database_backend();
    let left_out: Vec<&str> = left_out.iter().map(IdenStatic::as_str).collect();
    let columns: Vec<&str> = E::Column::iter().map(|column| column.as_str()).filter(|name| !left_out.contains(name)).collect();
    let sql = statement(backend, E::default().as_str(), &columns, conflict);
    let values = match backend {
        DbBackend::Postgres => [document.into()],
        _ => [document.to_string().into()],
    };
    Ok(connection.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?.rows_affected())
}

fn statement(backend: DbBackend, table: &str, columns: &[&str], conflict: Conflict) -> String {
    let names = columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    // SQLite would take ON for a part of a join, but for the WHERE.
    let conflict = if conflict == Conflict::LeavesOut { " WHERE true ON CONFLICT DO NOTHING" } else { "" };
    match backend {
        DbBackend::Postgres => format!(
            "INSERT INTO \"{table}\" ({names}) SELECT {names} FROM jsonb_populate_recordset(NULL::\"{table}\", $1){conflict}"
        ),
        _ => {
            let fields = columns.iter().map(|name| format!("json_extract(value, '$.{name}')")).collect::<Vec<_>>().join(", ");
            format!("INSERT INTO \"{table}\" ({names}) SELECT {fields} FROM json_each($1){conflict}")
        }
    }
}
