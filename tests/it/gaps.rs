//! What the database itself refuses, whoever writes to it: a gap between the positions of a job's elements.

use reelgraph::app::Duty;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, TransactionTrait};
use serde_json::json;

use crate::server::{Server, new_postgres_database};

/// Runs statements in one transaction; how it ended.
async fn run(database: &DatabaseConnection, statements: &[String]) -> Result<(), String> {
    let transaction = database.begin().await.unwrap();
    for statement in statements {
        if let Err(error) = transaction.execute_unprepared(statement).await {
            transaction.rollback().await.unwrap();
            return Err(error.to_string());
        }
    }
    transaction.commit().await.map_err(|error| error.to_string())
}

async fn a_gap_is_refused(url: String) {
    let server = Server::start(Some(url.clone()), Duty::ApiOnly, |_| {}).await;
    let texts = |many: usize| (0..many).map(|_| json!({ "text": { "text": "x" } })).collect::<Vec<_>>();
    let job = server.api.create(json!({ "submit": false, "elements": texts(3) })).await;
    let other = server.api.create(json!({ "submit": false, "elements": texts(1) })).await;
    let database = Database::connect(&url).await.unwrap();
    let add = |position: &[i32]| {
        let rows = position.iter().map(|p| {
            format!(
                "('elm_{p}', '{job}', {p}, 0, 'TEXT', '{{\"content\":{{\"type\":\"TEXT\",\"text\":{{}}}}}}', 'PENDING', 1, 1)"
            )
        });
        let columns = "id, job_id, position, track, element_type, spec, status, created_at, updated_at";
        format!("INSERT INTO elements ({columns}) VALUES {}", rows.collect::<Vec<_>>().join(", "))
    };
    let remove = |position: i32| format!("DELETE FROM elements WHERE job_id = '{job}' AND position = {position}");
    let place = |from: i32, to: i32| format!("UPDATE elements SET position = {to} WHERE job_id = '{job}' AND position = {from}");
    let away = format!("UPDATE elements SET job_id = '{other}', position = 1 WHERE job_id = '{job}' AND position = 1");
    for gap in [
        vec![add(&[4])],
        vec![add(&[3, 5])],
        vec![remove(0)],
        vec![remove(1)],
        vec![place(2, 7)],
        vec![place(0, 3)],
        vec![away.clone()],
        vec![remove(1), place(2, 9), place(9, 2)],
    ] {
        let refused = run(&database, &gap).await.expect_err(&gap.join("; "));
        assert!(refused.contains("elements_position_dense") || refused.contains("FOREIGN KEY"), "{refused}");
    }
    for whole in [
        vec![add(&[3, 4])],
        vec![remove(4)],
        vec![remove(1), place(2, 1), place(3, 2)],
        vec![place(0, 100), place(1, 0), place(100, 1)],
        vec![remove(0), remove(2), remove(1)],
    ] {
        run(&database, &whole).await.unwrap();
    }
    run(&database, &[format!("DELETE FROM jobs WHERE id = '{other}'")]).await.unwrap();
}

/// Two transactions that each leave no gap by themselves: the second waits for the first, and is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_gap_of_two_transactions_is_refused_on_postgres() {
    let url = new_postgres_database().await;
    let server = Server::start(Some(url.clone()), Duty::ApiOnly, |_| {}).await;
    let texts = |many: usize| (0..many).map(|_| json!({ "text": { "text": "x" } })).collect::<Vec<_>>();
    let database = Database::connect(&url).await.unwrap();
    for (comes, at_once) in [("moves in", true), ("is added", false)] {
        let job = server.api.create(json!({ "submit": false, "elements": texts(3) })).await;
        let other = server.api.create(json!({ "submit": false, "elements": texts(1) })).await;
        let first = database.begin().await.unwrap();
        let second = database.begin().await.unwrap();
        let arrival = match at_once {
            true => format!("UPDATE elements SET job_id = '{job}', position = 3 WHERE job_id = '{other}'"),
            false => format!(
                "INSERT INTO elements (id, job_id, position, track, element_type, spec, status, created_at, updated_at)
                 SELECT id || 'x', '{job}', 3, 0, element_type, spec, status, 1, 1 FROM elements WHERE job_id = '{other}'"
            ),
        };
        first.execute_unprepared(&arrival).await.unwrap();
        first.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE").await.unwrap();
        let removal = format!("DELETE FROM elements WHERE job_id = '{job}' AND position = 2");
        let removed = tokio::spawn(async move {
            second.execute_unprepared(&removal).await.map_err(|error| error.to_string())?;
            second.commit().await.map_err(|error| error.to_string())
        });
        let waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'DELETE FROM elements%'";
        let is_waiting = async || {
            let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, waits);
            database.query_one_raw(statement).await.unwrap().map(drop)
        };
        crate::server::until("the removal to wait", is_waiting).await;
        first.commit().await.unwrap();
        let refused = removed.await.unwrap().expect_err(comes);
        assert!(refused.contains("elements_position_dense"), "{comes}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_refused_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    a_gap_is_refused(format!("sqlite://{}/gaps.db?mode=rwc", folder.path().display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_refused_on_postgres() {
    a_gap_is_refused(new_postgres_database().await).await;
}
