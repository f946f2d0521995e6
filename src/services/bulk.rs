//! Many rows by few statements.

use sea_orm::{ActiveModelTrait, DatabaseTransaction, DbErr, EntityTrait, Iterable};

/// Bound values of one statement: SQLite takes 32,766, PostgreSQL 65,535, and plans a few thousand quickly.
const MOST_VALUES: usize = 3_000;

/// Inserts rows, as many by each statement as it takes. Their numbers are powers of two, so that few statements differ and
/// the database has them prepared.
pub async fn insert<A>(transaction: &DatabaseTransaction, rows: Vec<A>) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
{
    let columns = <A::Entity as EntityTrait>::Column::iter().count().max(1);
    let most = (MOST_VALUES / columns).max(1);
    let mut left = rows.len();
    let mut rows = rows.into_iter();
    while left > 0 {
        let size = 1 << left.min(most).ilog2();
        let chunk: Vec<A> = rows.by_ref().take(size).collect();
        A::Entity::insert_many(chunk).exec_without_returning(transaction).await?;
        left -= size;
    }
    Ok(())
}
