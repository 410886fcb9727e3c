//! What readers see: the last commit, never half of one.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use partita_core::run::record::{Chunk, Entry, EntryBody};
use partita_core::run::{Record, RunStatus};
use partita_core::{RunId, TenantId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::error::{malformed, of_sqlite};
use super::open::{OpenError, connect};
use super::write::{signed, unsigned};
use crate::memory::page;
use crate::{Document, DocumentKey, EntryQuery, Page, RunFilter, RunSummary, StoreError, StoredRecord};

/// Connections that read at a time.
const CONNECTIONS: usize = 3;

/// The connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let connections: Result<Vec<Connection>, rusqlite::Error> = (0..CONNECTIONS).map(|_| connect(path)).collect();
        let idle = connections.map_err(|source| OpenError::Sqlite { path: path.to_owned(), source })?;
        Ok(Self { idle: Arc::new(Mutex::new(idle)), permits: Arc::new(Semaphore::new(CONNECTIONS)) })
    }

    /// Reads on a blocking thread.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let closed = || StoreError::Unavailable { message: "the store is closed".to_owned(), full: false };
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| closed())?;
        let idle = Arc::clone(&self.idle);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop().ok_or_else(closed)?;
            let result = read(&connection);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            result
        });
        done.await.map_err(|error| StoreError::Unavailable { message: error.to_string(), full: false })?
    }
}

type Read<T> = Result<T, StoreError>;

/// Runs a query and reads its rows.
fn rows<T>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Read<Vec<T>> {
    let mut statement = connection.prepare_cached(sql).map_err(|error| of_sqlite(&error))?;
    let rows = statement.query_map(params, read).map_err(|error| of_sqlite(&error))?;
    rows.collect::<Result<_, _>>().map_err(|error| of_sqlite(&error))
}

pub(super) fn replay(connection: &Connection, run: &RunId) -> Read<Vec<StoredRecord>> {
    let sql = "SELECT record_no, seq, at, body FROM records WHERE run = (SELECT run FROM runs WHERE run_id = ?1) \
               ORDER BY seq";
    let columns = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?));
    let stored = rows(connection, sql, [run.as_str()], columns)?;
    let record = |(record_no, seq, at, body): (i64, i64, i64, String)| {
        let record = Record::decode(&body)?;
        Ok(StoredRecord { record_no: unsigned(record_no), seq: unsigned(seq), at: unsigned(at), record })
    };
    stored.into_iter().map(record).collect()
}

pub(super) fn entries(connection: &Connection, query: &EntryQuery) -> Read<Vec<Entry>> {
    let (run, after) = (query.run_id.as_str(), signed(query.after));
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let columns = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, bool>(2)?, row.get::<_, String>(3)?));
    let found = match query.output_of {
        None => {
            let sql = "SELECT seq, at, 1, body FROM records WHERE run = (SELECT run FROM runs WHERE run_id = ?1) AND seq > ?2 \
                       UNION ALL \
                       SELECT seq, at, 0, body FROM chunks WHERE run = (SELECT run FROM runs WHERE run_id = ?1) AND seq > ?2 \
                       ORDER BY 1 LIMIT ?3";
            rows(connection, sql, params![run, after, limit], columns)?
        }
        Some(step) => {
            let sql = "SELECT seq, at, 0, body FROM chunks WHERE run = (SELECT run FROM runs WHERE run_id = ?1) AND seq > ?2 \
                       AND step = ?4 ORDER BY seq LIMIT ?3";
            rows(connection, sql, params![run, after, limit, i64::from(step)], columns)?
        }
    };
    let entry = |(seq, at, is_record, body): (i64, i64, bool, String)| {
        let body = if is_record {
            EntryBody::Record(Record::decode(&body)?)
        } else {
            let chunk: Chunk = serde_json::from_str(&body).map_err(|_| malformed("a piece of output"))?;
            EntryBody::Chunk(chunk)
        };
        Ok(Entry { seq: unsigned(seq), at: unsigned(at), body })
    };
    found.into_iter().map(entry).collect()
}

const RUN_COLUMNS: &str =
    "run_id, tenant, principal, workflow, status, created_at, started_at, completed_at, last_seq, traceparent";

/// A run's row, with its id and its status still as text.
struct RunRow {
    run_id: String,
    status: String,
    tenant: String,
    rest: (String, String, i64, Option<i64>, Option<i64>, i64, Option<String>),
}

impl RunRow {
    fn read(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            run_id: row.get(0)?,
            tenant: row.get(1)?,
            status: row.get(4)?,
            rest: (row.get(2)?, row.get(3)?, row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?),
        })
    }

    fn summary(self) -> Read<RunSummary> {
        let (principal, workflow, created_at, started_at, completed_at, last_seq, traceparent) = self.rest;
        let status: RunStatus =
            serde_json::from_value(Value::String(self.status)).map_err(|_| malformed("a status"))?;
        Ok(RunSummary {
            run_id: self.run_id.parse().map_err(|_| malformed("a run id"))?,
            tenant: TenantId::new(self.tenant),
            principal,
            workflow,
            status,
            created_at: unsigned(created_at),
            started_at: started_at.map(unsigned),
            completed_at: completed_at.map(unsigned),
            last_seq: unsigned(last_seq),
            traceparent,
        })
    }
}

fn summaries(connection: &Connection, tail: &str, params: impl rusqlite::Params) -> Read<Vec<RunSummary>> {
    let sql = format!("SELECT {RUN_COLUMNS} FROM runs {tail}");
    rows(connection, &sql, params, RunRow::read)?.into_iter().map(RunRow::summary).collect()
}

pub(super) fn run(connection: &Connection, tenant: &TenantId, run: &RunId) -> Read<Option<RunSummary>> {
    let found = summaries(connection, "WHERE run_id = ?1 AND tenant = ?2", params![run.as_str(), tenant.as_str()])?;
    Ok(found.into_iter().next())
}

pub(super) fn runs(connection: &Connection, filter: &RunFilter) -> Read<Page<RunSummary>> {
    let limit = i64::try_from(filter.limit.saturating_add(1)).unwrap_or(i64::MAX);
    let tail = "WHERE tenant = ?1 AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR workflow = ?3) \
                AND (?4 IS NULL OR run_id < ?4) ORDER BY run_id DESC LIMIT ?5";
    let status = filter.status.map(|status| status.to_string());
    let params = params![filter.tenant.as_str(), status, filter.workflow, filter.cursor, limit];
    let items = summaries(connection, tail, params)?;
    Ok(page(items, filter.limit, |summary| summary.run_id.to_string()))
}

pub(super) fn unfinished(connection: &Connection) -> Read<Vec<RunSummary>> {
    summaries(connection, "WHERE completed_at IS NULL ORDER BY run_id", [])
}

const DOCUMENT_COLUMNS: &str = "id, version, updated_at, body";

fn document_of(tenant: &TenantId, kind: &str, row: &Row<'_>) -> Result<(Document, String), rusqlite::Error> {
    let key = DocumentKey { tenant: tenant.clone(), kind: kind.to_owned(), id: row.get(0)? };
    let (version, updated_at) = (unsigned(row.get(1)?), unsigned(row.get(2)?));
    Ok((Document { key, version, updated_at, body: Value::Null }, row.get(3)?))
}

fn with_body((mut document, body): (Document, String)) -> Read<Document> {
    document.body = serde_json::from_str(&body).map_err(|_| malformed("a document"))?;
    Ok(document)
}

pub(super) fn document(connection: &Connection, key: &DocumentKey) -> Read<Option<Document>> {
    let sql = format!("SELECT {DOCUMENT_COLUMNS} FROM documents WHERE tenant = ?1 AND kind = ?2 AND id = ?3");
    let mut statement = connection.prepare_cached(&sql).map_err(|error| of_sqlite(&error))?;
    let read = |row: &Row<'_>| document_of(&key.tenant, &key.kind, row);
    let found = statement.query_row(params![key.tenant.as_str(), key.kind, key.id], read).optional();
    found.map_err(|error| of_sqlite(&error))?.map(with_body).transpose()
}

pub(super) fn documents(
    connection: &Connection,
    (tenant, kind): (&TenantId, &str),
    limit: usize,
    cursor: Option<&str>,
) -> Read<Page<Document>> {
    let sql = format!(
        "SELECT {DOCUMENT_COLUMNS} FROM documents WHERE tenant = ?1 AND kind = ?2 AND (?3 IS NULL OR id > ?3) \
         ORDER BY id LIMIT ?4"
    );
    let count = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let params = params![tenant.as_str(), kind, cursor, count];
    let found = rows(connection, &sql, params, |row| document_of(tenant, kind, row))?;
    let items: Read<Vec<Document>> = found.into_iter().map(with_body).collect();
    Ok(page(items?, limit, |document| document.key.id.clone()))
}
