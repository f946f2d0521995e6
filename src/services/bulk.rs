//! Many rows by few statements.

use sea_orm::{ActiveModelTrait, DatabaseTransaction, DbErr, EntityTrait, Iterable};

/// Bound values of one statement: SQLite takes 32,766, PostgreSQL 65,535.
const MOST_VALUES: usize = 32_000;

/// Inserts rows, as many by each statement as it takes.
pub async fn insert<A>(transaction: &DatabaseTransaction, rows: Vec<A>) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
{
    let columns = <A::Entity as EntityTrait>::Column::iter().count().max(1);
    let mut rows = rows.into_iter();
    loop {
        let chunk: Vec<A> = rows.by_ref().take(MOST_VALUES / columns).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        A::Entity::insert_many(chunk).exec_without_returning(transaction).await?;
    }
}
