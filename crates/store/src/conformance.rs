//! What every store must do beyond the signatures of its ports. An implementation's test calls
//! [`run_log`] and [`documents`]; each panics with what is wrong. They may share one store: each
//! check uses runs and tenants of its own.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use partita_core::plan::Plan;
use partita_core::run::record::{AttemptId, AttemptKind, Chunk, Entry, EntryBody, OutputStream};
use partita_core::run::{Record, RunStatus};
use partita_core::{Millis, RunId, TenantId};
use serde_json::json;

use crate::{
    AfterRecord, Append, DocumentKey, Documents, EntryQuery, Idempotency, NewRun, Precondition, RunFilter, RunLog,
    StoreError, Submitted,
};

/// Appends that are made at the same time.
const CONCURRENT: u32 = 40;

/// Checks a store of runs.
pub async fn run_log(log: Arc<dyn RunLog>) {
    numbers_are_dense_and_output_comes_first(&*log).await;
    a_second_owner_loses_and_writes_nothing(&*log).await;
    a_run_begins_once(&*log).await;
    an_idempotency_key_gives_the_earlier_run(&*log).await;
    a_foreign_run_is_not_there(&*log).await;
    the_row_follows_the_status(&*log).await;
    lists_come_in_pages_newest_first(&*log).await;
    entries_come_in_pages(&*log).await;
    many_runs_are_written_at_the_same_time(log).await;
}

/// Checks a store of documents.
pub async fn documents(store: Arc<dyn Documents>) {
    a_document_has_versions(&*store).await;
    documents_come_in_pages_by_id(&*store).await;
    one_of_many_writers_of_a_version_wins(store).await;
}

fn done<T>(result: Result<T, StoreError>) -> T {
    result.unwrap_or_else(|error| panic!("the store failed: {error}"))
}

fn assert_conflict<T: Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Conflict(_))), "{result:?}");
}

/// A run that no other check has.
pub fn new_run(tenant: &str, created_at: Millis) -> NewRun {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let run_id = RunId::from_parts(created_at, u128::from(COUNT.fetch_add(1, Ordering::Relaxed)));
    NewRun {
        run_id: run_id.clone(),
        tenant: TenantId::new(tenant),
        principal: "key".to_owned(),
        workflow: "checked".to_owned(),
        created_at,
        idempotency: None,
        traceparent: Some("00-01-02-03".to_owned()),
        first: Record::Created { run_id, plan: Arc::new(Plan::default()), origin: None },
    }
}

/// An append of that many warnings, which any state of a run may hold.
pub fn append(run_id: &RunId, after: u64, at: Millis, records: u32) -> Append {
    let records = (1..=records).map(|number| warning(&format!("{number} after {after}"))).collect();
    Append { run_id: run_id.clone(), after: AfterRecord(after), at, chunks: Vec::new(), records, status: None }
}

fn warning(message: &str) -> Record {
    Record::Warning { code: "checked".to_owned(), message: message.to_owned(), step: None }
}

/// A piece of output of a step.
pub fn chunk(step: u32, kind: AttemptKind, text: &str) -> Chunk {
    let id = AttemptId { step, kind, item: 0, iteration: 0, number: 1 };
    Chunk { id, name: format!("step {step}"), stream: OutputStream::Stdout, text: text.to_owned() }
}

async fn begin(log: &dyn RunLog, tenant: &str, created_at: Millis) -> RunId {
    let run = new_run(tenant, created_at);
    let run_id = run.run_id.clone();
    assert_eq!(done(log.submit(run).await), Submitted::New);
    run_id
}

async fn all_entries(log: &dyn RunLog, run_id: &RunId) -> Vec<Entry> {
    done(log.entries(EntryQuery { run_id: run_id.clone(), after: 0, limit: usize::MAX, output_of: None }).await)
}

/// Records and output share one dense `seq`; records are numbered densely, too.
async fn numbers_are_dense_and_output_comes_first(log: &dyn RunLog) {
    let run_id = begin(log, "dense", 10).await;
    let chunks = vec![chunk(0, AttemptKind::Do, "one\n"), chunk(0, AttemptKind::Do, "zwei ü\n")];
    let appended = done(log.append(Append { chunks: chunks.clone(), ..append(&run_id, 1, 20, 2) }).await);
    assert_eq!((appended.first_seq, appended.last_seq), (2, 5));
    let nothing = done(log.append(append(&run_id, 3, 30, 0)).await);
    assert_eq!((nothing.first_seq, nothing.last_seq), (6, 5), "an empty append");
    let only_output = done(log.append(Append { chunks: chunks.clone(), ..append(&run_id, 3, 30, 0) }).await);
    assert_eq!((only_output.first_seq, only_output.last_seq), (6, 7));
    done(log.append(append(&run_id, 3, 40, 1)).await);

    let entries = all_entries(log, &run_id).await;
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    assert_eq!(entries.iter().map(|entry| entry.at).collect::<Vec<_>>(), [10, 20, 20, 20, 20, 30, 30, 40]);
    let expected: Vec<EntryBody> = chunks.into_iter().map(EntryBody::Chunk).collect();
    assert_eq!(entries[1..3].iter().map(|entry| entry.body.clone()).collect::<Vec<_>>(), expected);
    assert_eq!(entries[3].body, EntryBody::Record(warning("1 after 1")));

    let records = done(log.replay(&run_id).await);
    let places: Vec<_> = records.iter().map(|record| (record.record_no, record.seq, record.at)).collect();
    assert_eq!(places, [(1, 1, 10), (2, 4, 20), (3, 5, 20), (4, 8, 40)]);
    let Record::Created { run_id: created, .. } = &records[0].record else { panic!("{records:?}") };
    assert_eq!(*created, run_id);
}

/// Whoever does not know the latest record does not own the run; nothing of its append is kept.
async fn a_second_owner_loses_and_writes_nothing(log: &dyn RunLog) {
    let run_id = begin(log, "owners", 10).await;
    done(log.append(append(&run_id, 1, 20, 2)).await);
    let late = || Append {
        chunks: vec![chunk(0, AttemptKind::Do, "late")],
        status: Some(RunStatus::Failed),
        ..append(&run_id, 1, 30, 1)
    };
    assert_conflict(log.append(late()).await);
    assert_conflict(log.append(Append { records: Vec::new(), ..late() }).await);
    assert_conflict(log.append(append(&run_id, 4, 30, 1)).await);
    assert_conflict(log.append(append(&new_run("owners", 10).run_id, 0, 30, 1)).await);
    assert_eq!(all_entries(log, &run_id).await.len(), 3);
    let row = done(log.get(&TenantId::new("owners"), &run_id).await);
    assert_eq!(row.map(|row| (row.status, row.last_seq)), Some((RunStatus::Pending, 3)));
}

async fn a_run_begins_once(log: &dyn RunLog) {
    let run = new_run("once", 10);
    done(log.submit(run.clone()).await);
    assert_conflict(log.submit(NewRun { tenant: TenantId::new("other"), ..run.clone() }).await);
    assert_eq!(all_entries(log, &run.run_id).await.len(), 1);
    let unknown = new_run("once", 10).run_id;
    assert!(done(log.replay(&unknown).await).is_empty());
    assert!(all_entries(log, &unknown).await.is_empty());
}

/// Keys are scoped by tenant, caller and endpoint; another request under the same key is refused.
async fn an_idempotency_key_gives_the_earlier_run(log: &dyn RunLog) {
    let keyed = |tenant: &str, scope: &str, fingerprint: &str| {
        let idempotency =
            Idempotency { scope: scope.to_owned(), key: "k".to_owned(), fingerprint: fingerprint.to_owned() };
        NewRun { idempotency: Some(idempotency), ..new_run(tenant, 10) }
    };
    let first = keyed("keys", "execute", "a");
    let known = async |run: &NewRun| match &run.idempotency {
        Some(idempotency) => log.begun_under(&run.tenant, idempotency).await,
        None => Ok(None),
    };
    assert_eq!(done(known(&first).await), None);
    assert_eq!(done(log.submit(first.clone()).await), Submitted::New);
    let again = keyed("keys", "execute", "a");
    assert_eq!(done(known(&again).await), Some(first.run_id.clone()));
    assert_eq!(done(known(&keyed("other keys", "execute", "a")).await), None);
    let mismatch = known(&keyed("keys", "execute", "b")).await;
    assert!(matches!(mismatch, Err(StoreError::IdempotencyMismatch)), "{mismatch:?}");
    assert_eq!(done(log.submit(again.clone()).await), Submitted::Existing(first.run_id));
    assert!(done(log.replay(&again.run_id).await).is_empty(), "nothing was written");
    let other = log.submit(keyed("keys", "execute", "b")).await;
    assert!(matches!(other, Err(StoreError::IdempotencyMismatch)), "{other:?}");
    assert_eq!(done(log.submit(keyed("keys", "compose", "b")).await), Submitted::New);
    assert_eq!(done(log.submit(keyed("other keys", "execute", "b")).await), Submitted::New);
}

async fn a_foreign_run_is_not_there(log: &dyn RunLog) {
    let run_id = begin(log, "mine", 10).await;
    assert!(done(log.get(&TenantId::new("mine"), &run_id).await).is_some());
    assert!(done(log.get(&TenantId::new("yours"), &run_id).await).is_none());
    let filter = RunFilter { tenant: TenantId::new("yours"), status: None, workflow: None, limit: 10, cursor: None };
    assert!(done(log.list(filter).await).items.is_empty());
}

/// The row of a run tells when it started and ended; unfinished runs are all that have not ended.
async fn the_row_follows_the_status(log: &dyn RunLog) {
    let run_id = begin(log, "rows", 10).await;
    let tenant = TenantId::new("rows");
    let is_unfinished = async || done(log.unfinished().await).iter().any(|run| run.run_id == run_id);
    assert!(is_unfinished().await);
    let steps = [
        (20, None, RunStatus::Pending, (None, None)),
        (30, Some(RunStatus::Running), RunStatus::Running, (Some(30), None)),
        (40, Some(RunStatus::Waiting), RunStatus::Waiting, (Some(30), None)),
        (50, Some(RunStatus::Success), RunStatus::Success, (Some(30), Some(50))),
    ];
    for (after, (at, status, expected, times)) in (1..).zip(steps) {
        done(log.append(Append { status, ..append(&run_id, after, at, 1) }).await);
        let Some(row) = done(log.get(&tenant, &run_id).await) else { panic!("the run is gone") };
        assert_eq!((row.status, (row.started_at, row.completed_at), row.last_seq), (expected, times, after + 1));
        assert_eq!((row.principal.as_str(), row.workflow.as_str(), row.created_at), ("key", "checked", 10));
        assert_eq!(row.traceparent.as_deref(), Some("00-01-02-03"));
    }
    assert!(!is_unfinished().await);
    let mine = done(log.unfinished().await);
    assert!(mine.is_sorted_by_key(|run| (run.created_at, run.run_id.clone())), "oldest first");
}

async fn lists_come_in_pages_newest_first(log: &dyn RunLog) {
    let mut runs = Vec::new();
    for at in [5, 7, 7, 6, 9] {
        runs.push((at, begin(log, "pages", at).await));
    }
    runs.sort_by(|left, right| right.cmp(left));
    let failed = runs[1].1.clone();
    done(log.append(Append { status: Some(RunStatus::Failed), ..append(&failed, 1, 20, 1) }).await);
    let filter = RunFilter { tenant: TenantId::new("pages"), status: None, workflow: None, limit: 2, cursor: None };
    let mut seen = Vec::new();
    let mut cursor = None;
    for length in [2, 2, 1] {
        let page = done(log.list(RunFilter { cursor: cursor.take(), ..filter.clone() }).await);
        assert_eq!(page.items.len(), length);
        seen.extend(page.items.into_iter().map(|run| (run.created_at, run.run_id)));
        cursor = page.next_cursor;
    }
    assert_eq!((seen, cursor), (runs, None));
    let only_failed = RunFilter { status: Some(RunStatus::Failed), ..filter.clone() };
    let only_failed = done(log.list(only_failed).await);
    assert_eq!(only_failed.items.iter().map(|run| &run.run_id).collect::<Vec<_>>(), [&failed]);
    assert_eq!(only_failed.next_cursor, None);
    let other = RunFilter { workflow: Some("other".to_owned()), ..filter.clone() };
    assert!(done(log.list(other).await).items.is_empty());
    for wrong in ["", "zz", "ü", "00", "7"] {
        let page = log.list(RunFilter { cursor: Some(wrong.to_owned()), ..filter.clone() }).await;
        assert!(matches!(page, Err(StoreError::InvalidCursor(_))), "{wrong}: {page:?}");
    }
}

async fn entries_come_in_pages(log: &dyn RunLog) {
    let run_id = begin(log, "entries", 10).await;
    let chunks = vec![
        chunk(0, AttemptKind::Do, "a"),
        chunk(1, AttemptKind::Do, "b"),
        chunk(0, AttemptKind::Undo, "c"),
        chunk(0, AttemptKind::Handler, "d"),
        chunk(u32::MAX, AttemptKind::Check, "e"),
    ];
    done(log.append(Append { chunks, ..append(&run_id, 1, 20, 3) }).await);
    let read = async |after, limit, output_of| {
        let query = EntryQuery { run_id: run_id.clone(), after, limit, output_of };
        done(log.entries(query).await).into_iter().map(|entry| entry.seq).collect::<Vec<_>>()
    };
    assert_eq!(read(0, 4, None).await, [1, 2, 3, 4]);
    assert_eq!(read(4, 4, None).await, [5, 6, 7, 8]);
    assert_eq!(read(8, 4, None).await, [9]);
    assert_eq!(read(9, 4, None).await, [0u64; 0]);
    assert_eq!(read(u64::MAX, 4, None).await, [0u64; 0]);
    assert_eq!(read(0, 9, Some(0)).await, [2, 4]);
    assert_eq!(read(2, 9, Some(0)).await, [4]);
    assert_eq!(read(0, 9, Some(1)).await, [3]);
    assert_eq!(read(0, 9, Some(7)).await, [0u64; 0]);
}

/// Writers of many runs don't disturb each other; of two writers of one run, one wins each time.
async fn many_runs_are_written_at_the_same_time(log: Arc<dyn RunLog>) {
    let shared = begin(&*log, "crowd", 1).await;
    let tasks = (0..CONCURRENT).map(|number| {
        let (log, shared) = (Arc::clone(&log), shared.clone());
        tokio::spawn(async move {
            let own = begin(&*log, "crowd", 2 + Millis::from(number)).await;
            let mut won = 0;
            for after in 1..=5 {
                done(log.append(append(&own, after, 20, 1)).await);
                won += u64::from(log.append(append(&shared, after, 20, 1)).await.is_ok());
            }
            (own, won)
        })
    });
    let mut won = 0;
    for task in tasks.collect::<Vec<_>>() {
        let (own, times) = task.await.unwrap_or_else(|error| panic!("{error}"));
        won += times;
        assert_eq!(done(log.replay(&own).await).len(), 6);
    }
    let numbers: Vec<u64> = done(log.replay(&shared).await).iter().map(|record| record.record_no).collect();
    assert_eq!(numbers, (1..=won + 1).collect::<Vec<_>>());
}

fn key(tenant: &str, kind: &str, id: &str) -> DocumentKey {
    DocumentKey { tenant: TenantId::new(tenant), kind: kind.to_owned(), id: id.to_owned() }
}

async fn a_document_has_versions(store: &dyn Documents) {
    let place = key("versions", "session", "a");
    assert_eq!(done(store.get(&place).await), None);
    assert_conflict(store.put(&place, json!(1), 10, Precondition::Version(1)).await);
    assert_conflict(store.put(&place, json!(1), 10, Precondition::Version(0)).await);
    assert_eq!(done(store.put(&place, json!({"b": [1, null], "a": "ü"}), 10, Precondition::Absent).await), 1);
    assert_conflict(store.put(&place, json!(2), 20, Precondition::Absent).await);
    assert_conflict(store.put(&place, json!(2), 20, Precondition::Version(2)).await);
    assert_eq!(done(store.put(&place, json!(2), 20, Precondition::Version(1)).await), 2);
    assert_eq!(done(store.put(&place, json!({"b": 3}), 30, Precondition::None).await), 3);
    let Some(document) = done(store.get(&place).await) else { panic!("the document is gone") };
    assert_eq!((document.version, document.updated_at, document.body), (3, 30, json!({"b": 3})));
    assert_eq!(document.key, place);
    for foreign in [key("others", "session", "a"), key("versions", "template", "a"), key("versions", "session", "b")] {
        assert_eq!(done(store.get(&foreign).await), None);
        assert!(!done(store.delete(&foreign).await));
    }
    assert!(done(store.delete(&place).await));
    assert!(!done(store.delete(&place).await));
    assert_eq!(done(store.get(&place).await), None);
}

async fn documents_come_in_pages_by_id(store: &dyn Documents) {
    for (kind, id) in [("page", "c"), ("page", "a"), ("page", "b b"), ("pag", "z"), ("pagf", "a")] {
        done(store.put(&key("pages", kind, id), json!(id), 10, Precondition::None).await);
    }
    done(store.put(&key("pages 2", "page", "d"), json!("d"), 10, Precondition::None).await);
    let tenant = TenantId::new("pages");
    let first = done(store.list(&tenant, "page", 2, None).await);
    assert_eq!(first.items.iter().map(|item| item.key.id.as_str()).collect::<Vec<_>>(), ["a", "b b"]);
    let rest = done(store.list(&tenant, "page", 2, first.next_cursor.as_deref()).await);
    assert_eq!(rest.items.iter().map(|item| item.body.clone()).collect::<Vec<_>>(), [json!("c")]);
    assert_eq!(rest.next_cursor, None);
    let wrong = store.list(&tenant, "page", 2, Some("no")).await;
    assert!(matches!(wrong, Err(StoreError::InvalidCursor(_))), "{wrong:?}");
}

async fn one_of_many_writers_of_a_version_wins(store: Arc<dyn Documents>) {
    let writers = (0..CONCURRENT).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let place = key("race", "session", "a");
            store.put(&place, json!(number), 10, Precondition::Absent).await.is_ok()
        })
    });
    let mut winners = BTreeSet::new();
    for (number, writer) in (0..CONCURRENT).zip(writers.collect::<Vec<_>>()) {
        if writer.await.unwrap_or_else(|error| panic!("{error}")) {
            winners.insert(number);
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    let document = done(store.get(&key("race", "session", "a")).await);
    assert_eq!(document.map(|document| document.body), winners.first().map(|number| json!(number)));
}
