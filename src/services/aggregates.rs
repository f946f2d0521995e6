//! Aggregates shared by all nodes through the database. Each belongs to a subject, whose generation is raised in the
//! transaction of every change: an aggregate of an older generation is not found.

use sea_orm::{ConnectionTrait, Statement};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Error, Services};
use crate::cache::Aggregates;

/// The subject of a tenant's storage operations.
pub(super) fn of_storage(tenant: &str) -> String {
    format!("storage:{tenant}")
}

const LOOK: &str = "SELECT of.generation AS generation, a.value AS value FROM
    (SELECT coalesce((SELECT generation FROM aggregate_subjects WHERE subject = $1), 0) AS generation) AS of
    LEFT JOIN aggregates AS a ON a.key = $2 AND a.generation = of.generation AND a.expires_at > $3";
const KEEP: &str = "INSERT INTO aggregates (key, subject, generation, value, expires_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (key) DO UPDATE SET generation = excluded.generation, value = excluded.value, expires_at = excluded.expires_at
    WHERE aggregates.generation <= excluded.generation";
const RAISE: &str = "INSERT INTO aggregate_subjects (subject, generation) VALUES ($1, 1)
    ON CONFLICT (subject) DO UPDATE SET generation = aggregate_subjects.generation + 1";

/// What was computed of a subject before is not found again once this commits.
pub(super) async fn raise(connection: &impl ConnectionTrait, subject: &str) -> Result<(), sea_orm::DbErr> {
    let raise = Statement::from_sql_and_values(connection.get_database_backend(), RAISE, [subject.into()]);
    connection.execute_raw(raise).await.map(drop)
}

impl Services {
    /// The aggregate of a subject under a key: as any node computed it while the subject has not changed, for a quarter of
    /// an hour; else by `compute`, once for all who ask this node.
    pub(super) async fn aggregate<T: Serialize + DeserializeOwned>(
        &self,
        subject: &str,
        key: &str,
        compute: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let now = self.clock().now();
        let values = [subject.into(), key.into(), now.0.into()];
        let look = Statement::from_sql_and_values(self.database().backend(), LOOK, values);
        let row = self.database().reader().query_one_raw(look).await?;
        let row = row.ok_or_else(|| Error::internal("a look for an aggregate gave no row"))?;
        let generation: i64 = row.try_get("", "generation")?;
        let kept: Option<Value> = row.try_get("", "value")?;
        let aggregates = &self.inner.aggregates;
        let value = match kept {
            Some(value) => {
                aggregates.note_found();
                value
            }
            None => {
                let computed = self.compute(subject, key, generation, compute);
                aggregates.get(key, generation, computed).await?
            }
        };
        serde_json::from_value(value).map_err(|error| Error::internal(error.to_string()))
    }

    async fn compute<T: Serialize>(
        &self,
        subject: &str,
        key: &str,
        generation: i64,
        compute: impl Future<Output = Result<T, Error>>,
    ) -> Result<Value, Error> {
        self.inner.aggregates.note_computed();
        let value = serde_json::to_value(compute.await?).map_err(|error| Error::internal(error.to_string()))?;
        let expires_at = self.clock().now().plus_ms(Aggregates::TIME_TO_LIVE.as_millis() as i64).0;
        let values = [key.into(), subject.into(), generation.into(), value.clone().into(), expires_at.into()];
        let keep = Statement::from_sql_and_values(self.database().backend(), KEEP, values);
        let database = self.database().clone();
        let keeping = self.inner.background.spawn(async move {
            if let Err(error) = database.writer().execute_raw(keep).await {
                tracing::warn!(%error, "an aggregate could not be kept");
            }
        });
        // Other nodes find it at once; a process that is alone has it in memory, and its one writer may be busy.
        if !self.database().is_embedded() {
            let _ = keeping.await;
        }
        Ok(value)
    }
}
