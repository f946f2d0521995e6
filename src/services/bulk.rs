//! Many rows by few statements, whose text is the same whatever the rows: it is prepared once.
//!
//! PostgreSQL gets them column by column, each an array; SQLite, which has none, as rows of values, some dozens at a time.

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

/// Inserts rows; columns that are `left_out` get what the table gives them. Returns how many rows there are more.
pub async fn insert<E>(
    connection: &impl ConnectionTrait,
    rows: &[E::Model],
    left_out: &[E::Column],
    conflict: Conflict,
) -> Result<u64, DbErr>
where
    E: EntityTrait,
{
    let left_out: Vec<&str> = left_out.iter().map(IdenStatic::as_str).collect();
    let columns: Vec<E::Column> = E::Column::iter().filter(|column| !left_out.contains(&column.as_str())).collect();
    match connection.get_database_backend() {
        _ if rows.is_empty() => Ok(0),
        DbBackend::Postgres => insert_columns::<E>(connection, rows, &columns, conflict).await,
        _ => insert_values::<E>(connection, rows, &columns, conflict).await,
    }
}

async fn insert_columns<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    rows: &[E::Model],
    columns: &[E::Column],
    conflict: Conflict,
) -> Result<u64, DbErr> {
    let (mut arrays, mut selected, mut given) = (Vec::new(), Vec::new(), Vec::new());
    for (number, column) in columns.iter().enumerate() {
        arrays.push(array(rows.iter().map(|row| row.get(*column)))?.into());
        selected.push(format!("c{number}::{}", type_name(column)?));
        given.push((format!("${}::text::text[]", number + 1), format!("c{number}")));
    }
    let (given, aliases): (Vec<_>, Vec<_>) = given.into_iter().unzip();
    let sql = format!(
        "INSERT INTO \"{}\" ({}) SELECT {} FROM unnest({}) AS rows({}){}",
        E::default().as_str(),
        names(columns),
        selected.join(", "),
        given.join(", "),
        aliases.join(", "),
        on(conflict)
    );
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, arrays);
    Ok(connection.execute_raw(statement).await?.rows_affected())
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

/// Values as PostgreSQL writes an array of texts (its documentation, 8.15.6).
fn array(values: impl Iterator<Item = Value>) -> Result<String, DbErr> {
    let mut out = String::from("{");
    for value in values {
        if out.len() > 1 {
            out.push(',');
        }
        match value {
            Value::String(Some(text)) => push_quoted(&mut out, &text),
            Value::Json(Some(json)) => {
                let text = serde_json::to_string(&json).map_err(|error| DbErr::Json(error.to_string()))?;
                push_quoted(&mut out, &text);
            }
            Value::Int(Some(number)) => out.push_str(&number.to_string()),
            Value::BigInt(Some(number)) => out.push_str(&number.to_string()),
            Value::Double(Some(number)) => out.push_str(&number.to_string()),
            Value::Bool(Some(truth)) => out.push_str(if truth { "true" } else { "false" }),
            Value::String(None)
            | Value::Json(None)
            | Value::Int(None)
            | Value::BigInt(None)
            | Value::Double(None)
            | Value::Bool(None) => {
                out.push_str("NULL");
            }
            other => return Err(DbErr::Type(format!("{other:?} is not written in bulk"))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_and_numbers_are_not() {
        let text = |text: &str| Value::String(Some(text.to_owned()));
        let values =
            [text(r#"a "b" \c"#), text("NULL"), text(""), Value::String(None), Value::Int(Some(-1)), Value::Double(Some(0.5))];
        assert_eq!(array(values.into_iter()).unwrap(), r#"{"a \"b\" \\c","NULL","",NULL,-1,0.5}"#);
    }
}
