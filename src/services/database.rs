//! Connections to the database, and what differs between the two kinds.

use std::{path::Path, sync::Arc, time::Duration};

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, SqliteTransactionMode, SqlxPostgresConnector,
    SqlxSqliteConnector, TransactionOptions, TransactionTrait,
    sqlx::{
        self, ConnectOptions as _, Connection as _,
        postgres::{PgConnectOptions, PgPoolOptions},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};

use super::meters::Meters;

/// How long a request waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is asked whether it is still there.
const TESTED_AFTER: Duration = Duration::from_secs(2);
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;
/// What SQLite's writer keeps of the file in memory, in KiB where negative: enough that a bulk write need not spill its pages
/// before it commits.
const SQLITE_WRITER_CACHE: &str = "-16384";

/// Pages of SQLite's log that are written before they are brought into the file: a page that many transactions change goes there
/// once for all of them. 64 MiB.
const SQLITE_LOG_PAGES: &str = "16384";

/// One writer and several readers on SQLite, one pool on PostgreSQL. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    /// For heartbeats, which must not wait behind requests.
    leases: DatabaseConnection,
}

impl Database {
    /// Connects to `url`, or to `reelgraph.db` in the data folder, and brings the schema up to date. What takes longer than
    /// `limit`, a statement or a transaction that waits for its client, the database ends by itself where it can.
    pub async fn open(url: Option<&str>, data_dir: &Path, limit: Duration) -> Result<Self, DbErr> {
        let database = match url {
            Some(url) if url.starts_with("postgres") => postgres(url, limit).await.map_err(unconnected)?,
            Some(url) => sqlite(url.parse().map_err(unconnected)?).await.map_err(unconnected)?,
            None => {
                let options = SqliteConnectOptions::new().filename(data_dir.join("reelgraph.db"));
                sqlite(options).await.map_err(unconnected)?
            }
        };
        migration::migrate(&database.writer).await?;
        Ok(database)
    }

    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    pub fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    pub fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// Whether this process is the only one on the database.
    pub fn is_embedded(&self) -> bool {
        self.backend() == DbBackend::Sqlite
    }

    /// Begins a transaction that writes. On SQLite it takes the write lock at once: one that starts by reading
    /// fails when it comes to write, however long it would wait.
    pub async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let immediate =
            TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
        self.writer.begin_with_options(immediate).await
    }

    /// The connection that keeps leases.
    pub fn leases(&self) -> &DatabaseConnection {
        &self.leases
    }

    /// An SQL expression for the database's own time in microseconds, so that nodes agree on leases.
    pub fn now_sql(&self) -> &'static str {
        match self.backend() {
            DbBackend::Postgres => "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
            _ => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
        }
    }

    /// Has every statement of readers and writers timed, transactions' own verbs left out.
    pub fn meter(&mut self, meters: Arc<Meters>) {
        self.watch(move |info| meters.statements.note(&info.statement.sql, info.elapsed, info.failed));
    }

    /// Calls for every statement that readers and writers execute from now on, transactions' own verbs left out, in place of
    /// the meter. For tests, which hold the API to its number of statements.
    pub fn watch_statements(&mut self, seen: impl Fn(&str) + Send + Sync + Clone + 'static) {
        self.watch(move |info| seen(&info.statement.sql));
    }

    fn watch(&mut self, seen: impl Fn(&sea_orm::metric::Info<'_>) + Send + Sync + Clone + 'static) {
        self.writer.set_metric_callback(seen.clone());
        self.reader.set_metric_callback(seen);
    }

    /// How the pools stand.
    pub fn pools(&self) -> Vec<PoolReport> {
        match self.backend() {
            DbBackend::Postgres => {
                vec![
                    postgres_report("shared", self.writer.get_postgres_connection_pool()),
                    postgres_report("leases", self.leases.get_postgres_connection_pool()),
                ]
            }
            _ => vec![
                sqlite_report("writer", self.writer.get_sqlite_connection_pool()),
                sqlite_report("readers", self.reader.get_sqlite_connection_pool()),
            ],
        }
    }

    pub async fn close(&self) {
        for connection in [&self.reader, &self.writer, &self.leases] {
            if let Err(error) = connection.close_by_ref().await {
                tracing::warn!(%error, "a database pool did not close cleanly");
            }
        }
    }
}

/// A pool of connections.
#[derive(Debug, Clone, Copy)]
pub struct PoolReport {
    pub name: &'static str,
    /// Connections that are open.
    pub size: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// Connections that there may be.
    pub most: u32,
}

fn postgres_report(name: &'static str, pool: &sqlx::PgPool) -> PoolReport {
    PoolReport { name, size: pool.size(), idle: pool.num_idle() as u32, most: pool.options().get_max_connections() }
}

fn sqlite_report(name: &'static str, pool: &sqlx::SqlitePool) -> PoolReport {
    PoolReport { name, size: pool.size(), idle: pool.num_idle() as u32, most: pool.options().get_max_connections() }
}

fn unconnected(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}

async fn sqlite(options: SqliteConnectOptions) -> Result<Database, sqlx::Error> {
    let options = options
        .create_if_missing(true)
        .busy_timeout(Duration::from_secs(5))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .disable_statement_logging();
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        // SQLite rolls back by itself on a full disk, and the driver does not know: such a connection is given up. One whose
        // transaction has ended has nothing to wait for.
        .after_release(|connection, _| {
            Box::pin(async move {
                if connection.is_in_transaction() {
                    connection.ping().await?;
                }
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(for_writing(options.clone()))
        .await?;
    let reader = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_with(options.create_if_missing(false).pragma("query_only", "ON"))
        .await?;
    let writer = SqlxSqliteConnector::from_sqlx_sqlite_pool(writer);
    let reader = SqlxSqliteConnector::from_sqlx_sqlite_pool(reader);
    // There is one writer, and nobody else to take a lease.
    Ok(Database { leases: writer.clone(), writer, reader })
}

/// What the writer's connection has beside what all have.
fn for_writing(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .pragma("cache_size", SQLITE_WRITER_CACHE)
        .pragma("wal_autocheckpoint", SQLITE_LOG_PAGES)
        // Among what is temporary are the pages as they were before a statement, lest it fail half-way.
        .pragma("temp_store", "MEMORY")
}

async fn postgres(url: &str, limit: Duration) -> Result<Database, sqlx::Error> {
    let limit = format!("{}ms", limit.as_millis());
    let options = url
        .parse::<PgConnectOptions>()?
        .application_name("reelgraph")
        .options([("statement_timeout", &limit), ("lock_timeout", &limit), ("idle_in_transaction_session_timeout", &limit)])
        .disable_statement_logging();
    let pool = |connections| {
        let options = PgPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
        // Only one that was idle may have been lost unseen: asking each time would double every statement's way.
        options.test_before_acquire(false).before_acquire(|connection, used| {
            Box::pin(async move { Ok(used.idle_for < TESTED_AFTER || connection.ping().await.is_ok()) })
        })
    };
    let shared = SqlxPostgresConnector::from_sqlx_postgres_pool(pool(POSTGRES_CONNECTIONS).connect_with(options.clone()).await?);
    let leases = SqlxPostgresConnector::from_sqlx_postgres_pool(pool(1).connect_with(options).await?);
    Ok(Database { writer: shared.clone(), reader: shared, leases })
}
