//! A database of the first version, with rows, brought up to date.

use migration::Migrator;
use reelgraph::app::Duty;
use sea_orm::{ConnectionTrait, Database};
use sea_orm_migration::MigratorTrait;
use serde_json::json;

use crate::server::{Server, new_postgres_database};

/// The tables of the first version.
const FIRST: u32 = 6;
const JOB: &str = "job_0123456789abcdefghijklmno0";

async fn rows_of_the_first_version_are_there_after_it(url: String) {
    let old = Database::connect(&url).await.unwrap();
    Migrator::up(&old, Some(FIRST)).await.unwrap();
    let outputs = r##"[{"width":1280,"height":720,"frame_rate":{"numerator":30,"denominator":1},"quality":"MEDIUM","crf":null,"video_bitrate":null,"audio_bitrate":null,"background":"#000000","duration":null}]"##;
    let job = format!(
        "INSERT INTO jobs (id, tenant, name, status, outputs, metadata, results, run_at, event_seq, created_at, updated_at)
         VALUES ('{JOB}', 'default', 'ÉTÉ', 'DRAFT', '{outputs}', '{{\"customer\":7}}', '[]', 1, 2, 1, 1)"
    );
    old.execute_unprepared(&job).await.unwrap();
    for seq in [1, 2] {
        let event = format!(
            "INSERT INTO events (tenant, job_id, seq, kind, subject, payload, at) VALUES ('default', '{JOB}', {seq}, 'job_status',
             '{JOB}', '{{\"status\":\"DRAFT\",\"previous\":null,\"progress\":0,\"step\":null,\"message\":\"old\"}}', 1)"
        );
        old.execute_unprepared(&event).await.unwrap();
    }
    old.close().await.unwrap();
    let server = Server::start(Some(url), Duty::ApiOnly, |_| {}).await;
    for filter in ["{ name_contains: \"été\" }", "{ metadata: { customer: 7 } }"] {
        let found = server.api.ask(&format!("{{ jobs(filter: {filter}) {{ edges {{ node {{ id }} }} }} }}"), json!({})).await;
        assert_eq!(found["jobs"]["edges"][0]["node"]["id"], JOB, "{filter}");
    }
    let mut socket = server.api.socket().await;
    socket.subscribe("1", "subscription($id: ID!) { jobStatus(jobId: $id) { status message } }", json!({ "id": JOB })).await;
    assert_eq!(socket.next_payload("1").await["data"]["jobStatus"]["message"], "old");
    server.api.ask("mutation($id: ID!) { cancelJob(id: $id) { id } }", json!({ "id": JOB })).await;
    assert_eq!(socket.next_payload("1").await["data"]["jobStatus"]["status"], "CANCELLED");
    server.api.ask("mutation($id: ID!) { deleteJob(id: $id) }", json!({ "id": JOB })).await;
    assert_eq!(socket.next_of("1").await["type"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_first_version_are_there_after_it_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/old.db?mode=rwc", folder.path().display());
    rows_of_the_first_version_are_there_after_it(url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_first_version_are_there_after_it_on_postgres() {
    rows_of_the_first_version_are_there_after_it(new_postgres_database().await).await;
}
