//! A hundred thousand jobs, made by the database itself of one that the API has made: for plans and for speed.

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, TransactionTrait};
use serde_json::json;

use super::api::Api;

/// Fills a database with jobs, each with the elements of the first, a timeline, an event and a storage operation; and with
/// templates and an audit log.
pub async fn fill(api: &Api, database: &DatabaseConnection, jobs: usize) {
    let seed = api
        .create(json!({
            "submit": false, "name": "seed", "metadata": { "customer": -1 },
            "elements": [
                { "video": { "source": { "url": "https://example.com/a.mp4" }, "length": 5 } },
                { "text": { "text": "A title", "length": 3, "fontSize": 40 } },
                { "image": { "source": { "url": "https://example.com/logo.png" }, "length": 5, "width": 100, "height": 50 } },
                { "audio": { "source": { "url": "https://example.com/a.mp3" }, "length": 5 } },
                { "text": { "text": "The end", "length": 2, "start": 3 } },
            ],
        }))
        .await;
    let transaction = database.begin().await.expect("a transaction");
    let postgres = database.get_database_backend() == DbBackend::Postgres;
    if postgres {
        run(&transaction, "SET LOCAL statement_timeout = 0").await;
    }
    for statement in statements(&seed, jobs, postgres) {
        run(&transaction, &statement).await;
    }
    transaction.commit().await.expect("committed");
    database.execute_unprepared("ANALYZE").await.expect("analyzed");
}

async fn run(transaction: &DatabaseTransaction, sql: &str) {
    transaction.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn statements(seed: &str, jobs: usize, postgres: bool) -> Vec<String> {
    // 25 digits and a last one that ends the 128 bits of an id.
    let id = |prefix: &str, number: &str| match postgres {
        true => format!("'{prefix}_' || lpad(({number})::text, 25, '0') || '0'"),
        false => format!("'{prefix}_' || printf('%025d', {number}) || '0'"),
    };
    let document = |text: &str| if postgres { format!("({text})::jsonb") } else { text.to_owned() };
    let text = |number: &str| format!("CAST({number} AS text)");
    let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {jobs})");
    let base = 1_790_000_000_000_000i64;
    let at = format!("{base} + CAST(n.i AS bigint) * 1000000");
    let truth = if postgres { "n.i % 50 <> 0" } else { "CASE WHEN n.i % 50 <> 0 THEN 1 ELSE 0 END" };
    vec![
        format!(
            "{numbers} INSERT INTO jobs (id, tenant, name, search_name, status, progress, priority, attempt, max_attempts,
                rescues, uncounted, outputs, metadata, client_ip, results, run_at, fence, event_seq, created_at, updated_at,
                started_at, finished_at)
             SELECT {}, 'default', 'Job ' || {}, 'job ' || {}, CASE n.i % 20 WHEN 0 THEN 'FAILED' WHEN 1 THEN 'CANCELLED'
                WHEN 2 THEN 'QUEUED' WHEN 3 THEN 'DRAFT' ELSE 'COMPLETED' END, 0, n.i % 7 - 3, 1, 3, 0, 0, seed.outputs, {},
                '10.0.' || {} || '.1', seed.results, {at}, 1, 1, {at}, {at} + n.i % 977, {at},
                CASE WHEN n.i % 20 IN (2, 3) THEN NULL ELSE {at} + 5000000 END
             FROM n, jobs AS seed WHERE seed.id = '{seed}'",
            id("job", "n.i"),
            text("n.i"),
            text("n.i"),
            document(&format!("'{{\"customer\":' || {} || ',\"tags\":[\"a\",\"b\"]}}'", text("n.i % 1000"))),
            text("n.i % 200"),
        ),
        format!(
            "{numbers} INSERT INTO elements (id, job_id, position, track, start, element_type, spec, status, progress,
                created_at, updated_at)
             SELECT {}, {}, seed.position, seed.track, seed.start, seed.element_type, seed.spec,
                CASE WHEN n.i % 20 = 0 AND seed.position = 0 THEN 'FAILED' ELSE 'READY' END, 100, {at}, {at}
             FROM n, elements AS seed WHERE seed.job_id = '{seed}'",
            id("el", "n.i * 10 + seed.position"),
            id("job", "n.i"),
        ),
        format!(
            "{numbers}, s(step, o) AS (VALUES ('VALIDATION', 1), ('DOWNLOAD', 2), ('PROCESSING', 3), ('COMPOSITION', 4),
                ('ENCODING', 5), ('UPLOAD', 6), ('CLEANUP', 7))
             INSERT INTO timeline_steps (id, job_id, attempt, step, step_order, status, progress, started_at, completed_at,
                cpu_ms, peak_memory, details)
             SELECT {}, {}, 1, s.step, s.o, 'COMPLETED', 100, {at}, {at} + 700000, 350.5, 200000000, {} FROM n, s",
            id("step", "n.i * 10 + s.o"),
            id("job", "n.i"),
            document("'{}'"),
        ),
        format!(
            "{numbers} INSERT INTO events (tenant, job_id, seq, kind, subject, payload, at)
             SELECT 'default', {0}, 1, 'job_status', {0}, {1}, {at} FROM n",
            id("job", "n.i"),
            document("'{\"status\":\"QUEUED\",\"previous\":null,\"progress\":0,\"step\":null,\"message\":null}'"),
        ),
        format!(
            "{numbers} INSERT INTO storage_operations (id, tenant, job_id, operation, bucket, key, success, size, duration_ms,
                attempts, metadata, created_at)
             SELECT {}, 'default', {}, CASE n.i % 3 WHEN 0 THEN 'DOWNLOAD' ELSE 'UPLOAD' END, 'reelgraph', 'key/' || {}, {truth},
                n.i * 10, n.i % 1000 + 0.5, 1, {}, {at} FROM n",
            id("op", "n.i"),
            id("job", "n.i"),
            text("n.i"),
            document("'{}'"),
        ),
        format!(
            "{numbers} INSERT INTO audit_entries (id, tenant, actor, role, action, target, outcome, correlation_id, at)
             SELECT {}, 'default', 'local', 'ADMIN', 'createJob', {}, 'SUCCEEDED', 'dataset', {at} FROM n",
            id("aud", "n.i"),
            id("job", "n.i"),
        ),
        format!(
            "{numbers} INSERT INTO templates (id, tenant, name, variables, document, created_at, updated_at)
             SELECT {}, 'default', 'Template ' || {}, {}, {}, {at}, {at} FROM n WHERE n.i % 20 = 0",
            id("tpl", "n.i"),
            text("n.i"),
            document("'[]'"),
            document("'{}'"),
        ),
    ]
}
