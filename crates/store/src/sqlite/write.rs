//! The operations that write. Each is called within a savepoint of the writer's transaction.

use partita_core::Millis;
use partita_core::run::RunStatus;
use partita_core::run::record::Chunk;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::{failed, malformed, read};
use crate::run_log::step_of;
use crate::{AfterRecord, Append, Appended, DocumentKey, Idempotency, NewRun, Precondition, StoreError, Submitted};

/// A run to begin, encoded by its caller: the writing thread is the scarcest one.
pub(super) struct EncodedRun {
    run: NewRun,
    first: String,
}

impl EncodedRun {
    pub(super) fn of(run: NewRun) -> Result<Self, StoreError> {
        Ok(Self { first: run.first.encode().map_err(malformed)?, run })
    }
}

/// An append, encoded by its caller.
pub(super) struct EncodedAppend {
    run_id: partita_core::RunId,
    after: AfterRecord,
    at: Millis,
    /// The step and the body of each.
    chunks: Vec<(Option<u32>, String)>,
    records: Vec<String>,
    status: Option<RunStatus>,
}

impl EncodedAppend {
    pub(super) fn of(append: &Append) -> Result<Self, StoreError> {
        let chunk = |chunk: &Chunk| Ok((step_of(chunk), serde_json::to_string(chunk).map_err(malformed)?));
        Ok(Self {
            run_id: append.run_id.clone(),
            after: append.after,
            at: append.at,
            chunks: append.chunks.iter().map(chunk).collect::<Result<_, StoreError>>()?,
            records: append
                .records
                .iter()
                .map(|record| record.encode().map_err(malformed))
                .collect::<Result<_, _>>()?,
            status: append.status,
        })
    }
}

const INSERT_RUN: &str = "INSERT INTO runs (tenant, run_id, principal, workflow, status, created_at, last_seq, \
     last_record, traceparent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, 1, ?7)";
const INSERT_RECORD: &str =
    "INSERT INTO records (run, seq, record_no, tenant, at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const INSERT_CHUNK: &str = "INSERT INTO chunks (run, seq, tenant, at, step, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const INSERT_KEY: &str = "INSERT INTO idempotency (tenant, scope, key, fingerprint, run) VALUES (?1, ?2, ?3, ?4, ?5)";
const ADVANCE: &str = "UPDATE runs SET last_seq = ?2, last_record = ?3 WHERE id = ?1";
const ADVANCE_STATUS: &str = "UPDATE runs SET last_seq = ?2, last_record = ?3, status = ?4, \
     started_at = coalesce(started_at, ?5), completed_at = coalesce(completed_at, ?6) WHERE id = ?1";
const PUT: &str = "INSERT INTO documents (tenant, kind, id, version, updated_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
     ON CONFLICT DO UPDATE SET version = excluded.version, updated_at = excluded.updated_at, body = excluded.body";

pub(super) fn submit(connection: &Connection, new: &EncodedRun) -> Result<Submitted, StoreError> {
    let EncodedRun { run, first } = new;
    if let Some(idempotency) = &run.idempotency
        && let Some(earlier) = read::begun_under(connection, &run.tenant, idempotency)?
    {
        return Ok(Submitted::Existing(earlier));
    }
    let (tenant, run_id) = (run.tenant.as_str(), run.run_id.as_str());
    let at = run.created_at.cast_signed();
    let pending = RunStatus::Pending.to_string();
    let row = params![tenant, run_id, run.principal, run.workflow, pending, at, run.traceparent];
    let inserted = connection.prepare_cached(INSERT_RUN).and_then(|mut statement| statement.insert(row));
    let id = inserted.map_err(|error| conflict_or_failure(error, || format!("run {run_id}")))?;
    let record = params![id, 1, 1, tenant, at, first];
    connection.prepare_cached(INSERT_RECORD).and_then(|mut statement| statement.execute(record)).map_err(failed)?;
    if let Some(Idempotency { scope, key, fingerprint }) = &run.idempotency {
        let row = params![tenant, scope, key, fingerprint, id];
        connection.prepare_cached(INSERT_KEY).and_then(|mut statement| statement.execute(row)).map_err(failed)?;
    }
    Ok(Submitted::New)
}

pub(super) fn append(connection: &Connection, append: &EncodedAppend) -> Result<Appended, StoreError> {
    let conflict = || StoreError::Conflict(format!("run {}", append.run_id));
    let sql = "SELECT id, tenant, last_seq, last_record FROM runs WHERE run_id = ?1";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let row = statement.query_row([append.run_id.as_str()], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
    });
    let (id, tenant, mut seq, mut record_no) = row.optional().map_err(failed)?.ok_or_else(conflict)?;
    if record_no.cast_unsigned() != append.after.0 {
        return Err(conflict());
    }
    let first_seq = seq.cast_unsigned() + 1;
    let at = append.at.cast_signed();
    if !append.chunks.is_empty() {
        let mut insert = connection.prepare_cached(INSERT_CHUNK).map_err(failed)?;
        for (step, body) in &append.chunks {
            seq += 1;
            insert.execute(params![id, seq, tenant, at, step, body]).map_err(failed)?;
        }
    }
    let mut insert = connection.prepare_cached(INSERT_RECORD).map_err(failed)?;
    for body in &append.records {
        seq += 1;
        record_no += 1;
        let inserted = insert.execute(params![id, seq, record_no, tenant, at, body]);
        inserted.map_err(|error| conflict_or_failure(error, || format!("run {}", append.run_id)))?;
    }
    let updated = match append.status {
        None => connection.prepare_cached(ADVANCE).and_then(|mut update| update.execute(params![id, seq, record_no])),
        Some(status) => {
            let started_at = (status != RunStatus::Pending).then_some(at);
            let completed_at = status.is_terminal().then_some(at);
            let row = params![id, seq, record_no, status.to_string(), started_at, completed_at];
            connection.prepare_cached(ADVANCE_STATUS).and_then(|mut update| update.execute(row))
        }
    };
    updated.map_err(failed)?;
    Ok(Appended { first_seq, last_seq: seq.cast_unsigned() })
}

/// Puts an encoded document; gives its new version.
pub(super) fn put(
    connection: &Connection,
    key: &DocumentKey,
    body: &str,
    at: Millis,
    precondition: Precondition,
) -> Result<u64, StoreError> {
    let sql = "SELECT version FROM documents WHERE tenant = ?1 AND kind = ?2 AND id = ?3";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let row = statement.query_row(params![key.tenant.as_str(), key.kind, key.id], |row| row.get::<_, i64>(0));
    let present = row.optional().map_err(failed)?.unwrap_or(0).cast_unsigned();
    let version = precondition.next_version(present, key)?;
    let row = params![key.tenant.as_str(), key.kind, key.id, version.cast_signed(), at.cast_signed(), body];
    connection.prepare_cached(PUT).and_then(|mut statement| statement.execute(row)).map_err(failed)?;
    Ok(version)
}

pub(super) fn delete(connection: &Connection, key: &DocumentKey) -> Result<bool, StoreError> {
    let sql = "DELETE FROM documents WHERE tenant = ?1 AND kind = ?2 AND id = ?3";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let deleted = statement.execute(params![key.tenant.as_str(), key.kind, key.id]).map_err(failed)?;
    Ok(deleted > 0)
}

/// The stored form of a document's body.
pub(super) fn encode_body(body: &Value) -> Result<String, StoreError> {
    serde_json::to_string(body).map_err(malformed)
}

fn conflict_or_failure(error: rusqlite::Error, what: impl Fn() -> String) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => StoreError::Conflict(what()),
        _ => failed(error),
    }
}
