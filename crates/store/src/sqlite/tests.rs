use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use partita_core::run::record::{AttemptKind, EntryBody};
use partita_core::run::{Record, RunStatus};
use partita_core::{RunId, TenantId};
use refinery::{Migration, Runner};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::{OpenError, SqliteStore, schema};
use crate::conformance::{self, append, chunk, new_run};
use crate::{Append, DocumentKey, Documents, EntryQuery, Precondition, RunLog, StoreError, Submitted};

fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("partita.db");
    (dir, path)
}

fn session() -> DocumentKey {
    DocumentKey { tenant: TenantId::default(), kind: "session".to_owned(), id: "a".to_owned() }
}

/// This program's migrations and one that a later program might bring.
fn with_a_later_one(sql: &str) -> Runner {
    let mut migrations = schema::migrations().get_migrations().clone();
    migrations.push(Migration::unapplied("V3__later", sql).unwrap());
    Runner::new(&migrations)
}

#[tokio::test]
async fn it_keeps_what_every_store_keeps() {
    let (_dir, path) = place();
    let store = Arc::new(SqliteStore::open(path).unwrap());
    conformance::run_log(Arc::clone(&store) as _).await;
    conformance::documents(store).await;
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_crash() {
    let (_dir, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let run = new_run("crash", 10);
    store.submit(run.clone()).await.unwrap();
    let chunks = vec![chunk(0, AttemptKind::Do, "said")];
    store.append(Append { chunks, ..append(&run.run_id, 1, 20, 3) }).await.unwrap();
    store.put(&session(), json!({"turn": 1}), 30, Precondition::Absent).await.unwrap();
    // The files as a crash would leave them: the store is neither closed nor dropped.
    let (_other, copy) = place();
    for suffix in ["", "-wal"] {
        fs::copy(format!("{}{suffix}", path.display()), format!("{}{suffix}", copy.display())).unwrap();
    }
    let reopened = SqliteStore::open(&copy).unwrap();
    assert_eq!(reopened.replay(&run.run_id).await.unwrap(), store.replay(&run.run_id).await.unwrap());
    assert_eq!(reopened.replay(&run.run_id).await.unwrap().len(), 4);
    assert_eq!(reopened.unfinished().await.unwrap(), store.unfinished().await.unwrap());
    assert_eq!(Documents::get(&reopened, &session()).await.unwrap().unwrap().body, json!({"turn": 1}));
    reopened.append(append(&run.run_id, 4, 40, 1)).await.unwrap();
}

#[tokio::test]
async fn a_closed_store_has_one_file_and_refuses_more() {
    let (dir, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let run = new_run("closed", 10);
    store.submit(run.clone()).await.unwrap();
    store.close().await;
    let files: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["partita.db"]);
    for refused in [store.append(append(&run.run_id, 1, 20, 1)).await.err(), store.replay(&run.run_id).await.err()] {
        assert_eq!(refused.unwrap().to_string(), "the store failed: the store is closed");
    }
    store.close().await;
    assert_eq!(SqliteStore::open(&path).unwrap().replay(&run.run_id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    let (dir, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    store.submit(new_run("modes", 10)).await.unwrap();
    let files: Vec<_> = fs::read_dir(dir.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

/// A full disk, as SQLite reports it, without a disk: no page may be added to the file.
#[tokio::test]
async fn a_full_disk_spoils_nothing_and_passes() {
    let (_dir, path) = place();
    let connection = schema::open_writer(&path, schema::migrations()).unwrap();
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let store = SqliteStore::with(connection, &path).unwrap();
    let run = new_run("full", 10);
    store.submit(run.clone()).await.unwrap();
    let limit = |pages: i64| {
        store.writer.write(move |connection| {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(super::failed)
        })
    };
    limit(pages + 4).await.unwrap();
    let large = || vec![chunk(0, AttemptKind::Do, &"x".repeat(200_000))];
    let too_much = Append { chunks: large(), ..append(&run.run_id, 1, 20, 2) };
    let small = || append(&run.run_id, 1, 20, 1);
    // Queued together, so that both may come into one transaction: only the large one fails.
    let other = new_run("full", 10);
    let (refused, begun) = tokio::join!(store.append(too_much.clone()), store.submit(other.clone()));
    assert!(matches!(refused, Err(StoreError::Unavailable { full: true, .. })), "{refused:?}");
    assert_eq!(begun.unwrap(), Submitted::New);
    assert_eq!(store.replay(&run.run_id).await.unwrap().len(), 1, "nothing half written");
    let query = EntryQuery { run_id: run.run_id.clone(), after: 1, limit: 9, output_of: None };
    assert_eq!(store.entries(query).await.unwrap(), []);
    store.append(small()).await.unwrap();
    limit(1_000_000).await.unwrap();
    let appended = store.append(Append { after: crate::AfterRecord(2), ..too_much }).await.unwrap();
    assert_eq!((appended.first_seq, appended.last_seq), (3, 5));
}

#[test]
fn a_database_of_a_newer_program_is_refused_and_left_alone() {
    let (_dir, path) = place();
    drop(schema::open_writer(&path, with_a_later_one("CREATE TABLE later (id INTEGER) STRICT")).unwrap());
    let before = fs::read(&path).unwrap();
    let refused = SqliteStore::open(&path).err().unwrap();
    assert!(matches!(refused, OpenError::Newer { found: 3, known: 2, .. }), "{refused:?}");
    assert!(refused.to_string().contains("has version 3, this program knows versions up to 2"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_record_of_a_newer_program_is_not_read_as_something_else() {
    let (_dir, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let run = new_run("newer", 10);
    store.submit(run.clone()).await.unwrap();
    let sql = r#"UPDATE records SET body = '{"v":2,"type":"dreamt"}'"#;
    Connection::open(&path).unwrap().execute(sql, []).unwrap();
    let refused = store.replay(&run.run_id).await.err().unwrap();
    assert!(matches!(refused, StoreError::Unreadable(_)), "{refused:?}");
    assert!(refused.to_string().contains("the record has version 2"), "{refused}");
}

#[tokio::test]
async fn an_older_database_is_copied_and_brought_up_to_date() {
    let (dir, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let run = new_run("older", 10);
    store.submit(run.clone()).await.unwrap();
    store.close().await;
    // What a copy that was cut off leaves behind is in nobody's way.
    fs::write(dir.path().join("partita.db.before-3.partial"), "half").unwrap();

    let broken = with_a_later_one("CREATE TABLE later (id INTEGER) STRICT; CREATE TABLE runs (id INTEGER)");
    let refused = SqliteStore::open_with(&path, broken).err().unwrap();
    assert!(matches!(refused, OpenError::Migration { version: 3, .. }), "{refused:?}");
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.replay(&run.run_id).await.unwrap().len(), 1, "it is as it was");
    store.close().await;

    let later = with_a_later_one("ALTER TABLE runs ADD COLUMN later TEXT");
    let store = SqliteStore::open_with(&path, later).unwrap();
    store.append(append(&run.run_id, 1, 20, 1)).await.unwrap();
    store.close().await;
    let copy = dir.path().join("partita.db.before-3");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let copy = SqliteStore::open(&copy).unwrap();
    assert_eq!(copy.replay(&run.run_id).await.unwrap().len(), 1, "the copy is from before");
}

#[test]
fn what_is_no_database_of_ours_is_left_alone() {
    let fill_text = |path: &Path| fs::write(path, "something else altogether, and long enough to be a header").unwrap();
    let fill_foreign = |path: &Path| {
        Connection::open(path).unwrap().execute("CREATE TABLE theirs (id INTEGER)", []).map(drop).unwrap();
    };
    let fill_marked = |path: &Path| Connection::open(path).unwrap().pragma_update(None, "application_id", 7).unwrap();
    for fill in [fill_text as fn(&Path), fill_foreign, fill_marked] {
        let (_dir, path) = place();
        fill(&path);
        let before = fs::read(&path).unwrap();
        let refused = SqliteStore::open(&path).err().unwrap();
        assert!(matches!(refused, OpenError::Foreign(_)), "{refused:?}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    let (dir, _) = place();
    let refused = SqliteStore::open(dir.path().join("absent/partita.db")).err().unwrap();
    assert!(matches!(refused, OpenError::Io { .. }), "{refused:?}");
    assert!(refused.to_string().contains("absent/partita.db can't be opened: No such file"), "{refused}");
}

/// `testdata/v1.sql` is the dump of a database that the first program wrote. Never change it: every
/// later program has to read it.
#[tokio::test]
async fn the_first_databases_stay_readable() {
    let (_dir, path) = place();
    let dump = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/v1.sql")).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(&dump).unwrap();
    drop(connection);

    let store = SqliteStore::open(&path).unwrap();
    let [unfinished] = store.unfinished().await.unwrap().try_into().unwrap();
    assert_eq!((unfinished.workflow.as_str(), unfinished.status), ("nightly", RunStatus::Running));
    let run_id: RunId = "exec_00000000z80000000000000002".parse().unwrap();
    let finished = RunLog::get(&store, &TenantId::default(), &run_id).await.unwrap().unwrap();
    assert_eq!(finished.status, RunStatus::Success);
    assert_eq!((finished.started_at, finished.completed_at, finished.last_seq), (Some(1100), Some(1200), 4));
    let query = EntryQuery { run_id: run_id.clone(), after: 0, limit: 9, output_of: None };
    let entries = store.entries(query).await.unwrap();
    let is_chunk: Vec<bool> = entries.iter().map(|entry| matches!(entry.body, EntryBody::Chunk(_))).collect();
    assert_eq!(is_chunk, [false, true, false, false]);
    let records = store.replay(&run_id).await.unwrap();
    assert!(matches!(records.last().unwrap().record, Record::Finished { .. }));
    let document = Documents::get(&store, &session()).await.unwrap().unwrap();
    assert_eq!((document.version, document.body), (2, json!({"turns": ["ü", null]})));
}
