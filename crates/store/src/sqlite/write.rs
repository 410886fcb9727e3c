//! What each kind of job writes. The outer result is an error of SQLite, which undoes the transaction;
//! the inner one is the answer to the caller.

use partita_core::run::record::Chunk;
use partita_core::run::{AttemptKind, RunStatus};
use partita_core::{Millis, RunId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::memory::next_version;
use crate::{Append, Appended, DocumentKey, Idempotency, NewRun, Precondition, StoreError, Submitted};

type Written<T> = Result<Result<T, StoreError>, rusqlite::Error>;

/// A document to write.
pub(super) struct Put {
    pub(super) key: DocumentKey,
    pub(super) body: String,
    pub(super) at: Millis,
    pub(super) precondition: Precondition,
}

pub(super) fn submit(connection: &Connection, run: &NewRun) -> Written<Submitted> {
    let Ok(body) = run.first.encode() else { return Ok(Err(unwritable())) };
    let tenant = run.tenant.as_str();
    if let Some(Idempotency { scope, key, fingerprint }) = &run.idempotency {
        let mut earlier = connection.prepare_cached(
            "SELECT fingerprint, run_id FROM idempotency WHERE tenant = ?1 AND scope = ?2 AND key = ?3",
        )?;
        let columns = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        if let Some((print, run_id)) = earlier.query_row(params![tenant, scope, key], columns).optional()? {
            if print != *fingerprint {
                return Ok(Err(StoreError::IdempotencyMismatch));
            }
            let run_id = run_id.parse::<RunId>().map_err(|_| super::error::malformed("a run id"));
            return Ok(run_id.map(Submitted::Existing));
        }
        connection
            .prepare_cached(
                "INSERT INTO idempotency (tenant, scope, key, fingerprint, run_id, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![tenant, scope, key, fingerprint, run.run_id.as_str(), signed(run.created_at)])?;
    }
    connection
        .prepare_cached(
            "INSERT INTO runs (run_id, tenant, principal, workflow, status, created_at, last_seq, last_record, traceparent) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, 1, ?7)",
        )?
        .execute(params![
            run.run_id.as_str(),
            tenant,
            run.principal,
            run.workflow,
            RunStatus::Pending.to_string(),
            signed(run.created_at),
            run.traceparent,
        ])?;
    let row = connection.last_insert_rowid();
    insert_record(connection, (row, tenant), (1, 1), (run.created_at, &body))?;
    Ok(Ok(Submitted::New))
}

pub(super) fn append(connection: &Connection, append: &Append) -> Written<Appended> {
    let conflict = || Ok(Err(StoreError::Conflict(format!("run {}", append.run_id))));
    let mut find =
        connection.prepare_cached("SELECT run, last_seq, last_record, tenant FROM runs WHERE run_id = ?1")?;
    let columns = |row: &rusqlite::Row<'_>| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, String>(3)?))
    };
    let found = find.query_row([append.run_id.as_str()], columns).optional()?;
    let Some((row, last_seq, last_record, tenant)) = found else { return conflict() };
    if last_record != signed(append.after.0) {
        return conflict();
    }
    let (mut seq, mut record_no) = (last_seq, last_record);
    let first_seq = last_seq + 1;
    if !append.chunks.is_empty() {
        let mut insert = connection
            .prepare_cached("INSERT INTO chunks (run, seq, tenant, at, step, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        for chunk in &append.chunks {
            seq += 1;
            let Ok(body) = serde_json::to_string(chunk) else { return Ok(Err(unwritable())) };
            let step = log_of(chunk);
            insert.execute(params![row, seq, tenant, signed(append.at), step, body])?;
        }
    }
    for record in &append.records {
        (seq, record_no) = (seq + 1, record_no + 1);
        let Ok(body) = record.encode() else { return Ok(Err(unwritable())) };
        insert_record(connection, (row, &tenant), (seq, record_no), (append.at, &body))?;
    }
    update_run(connection, append, row, (seq, record_no))?;
    Ok(Ok(Appended { first_seq: unsigned(first_seq), last_seq: unsigned(seq) }))
}

/// The step whose log a chunk belongs to; -1 for handlers.
fn log_of(chunk: &Chunk) -> i64 {
    if chunk.id.kind == AttemptKind::Handler { -1 } else { i64::from(chunk.id.step) }
}

fn update_run(
    connection: &Connection,
    append: &Append,
    row: i64,
    (seq, record_no): (i64, i64),
) -> Result<(), rusqlite::Error> {
    let Some(status) = append.status else {
        let mut update = connection.prepare_cached("UPDATE runs SET last_seq = ?2, last_record = ?3 WHERE run = ?1")?;
        return update.execute(params![row, seq, record_no]).map(drop);
    };
    let at = signed(append.at);
    let started_at = (status != RunStatus::Pending).then_some(at);
    let completed_at = status.is_terminal().then_some(at);
    let mut update = connection.prepare_cached(
        "UPDATE runs SET last_seq = ?2, last_record = ?3, status = ?4, started_at = coalesce(started_at, ?5), \
         completed_at = ?6 WHERE run = ?1",
    )?;
    update.execute(params![row, seq, record_no, status.to_string(), started_at, completed_at]).map(drop)
}

fn insert_record(
    connection: &Connection,
    (row, tenant): (i64, &str),
    (seq, record_no): (i64, i64),
    (at, body): (Millis, &str),
) -> Result<(), rusqlite::Error> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO records (run, seq, record_no, tenant, at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    insert.execute(params![row, seq, record_no, tenant, signed(at), body]).map(drop)
}

pub(super) fn put(connection: &Connection, put: &Put) -> Written<u64> {
    let Put { key, body, at, precondition } = put;
    let (tenant, kind, id) = (key.tenant.as_str(), &key.kind, &key.id);
    let mut find =
        connection.prepare_cached("SELECT version FROM documents WHERE tenant = ?1 AND kind = ?2 AND id = ?3")?;
    let present = find.query_row(params![tenant, kind, id], |row| row.get::<_, i64>(0)).optional()?;
    let version = match next_version(key, present.map(unsigned), *precondition) {
        Ok(version) => version,
        Err(error) => return Ok(Err(error)),
    };
    connection
        .prepare_cached(
            "INSERT INTO documents (tenant, kind, id, version, updated_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (tenant, kind, id) DO UPDATE SET version = ?4, updated_at = ?5, body = ?6",
        )?
        .execute(params![tenant, kind, id, signed(version), signed(*at), body])?;
    Ok(Ok(version))
}

pub(super) fn delete(connection: &Connection, key: &DocumentKey) -> Result<bool, rusqlite::Error> {
    let mut delete = connection.prepare_cached("DELETE FROM documents WHERE tenant = ?1 AND kind = ?2 AND id = ?3")?;
    Ok(delete.execute(params![key.tenant.as_str(), key.kind, key.id])? > 0)
}

/// SQLite's integers are signed; ours never come near their limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn unwritable() -> StoreError {
    StoreError::Unavailable { message: "a record has no JSON form".to_owned(), full: false }
}
