//! The queries, and the few connections they are made on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use partita_core::run::record::{Entry, EntryBody};
use partita_core::run::{Record, RunStatus};
use partita_core::{RunId, TenantId};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use tokio::sync::Semaphore;

use super::{damaged, failed, malformed, schema, unavailable};
use crate::{
    Document, DocumentKey, EntryQuery, Idempotency, Page, RunFilter, RunSummary, StoreError, StoredRecord, cursor,
};

/// Reads at a time, and connections that are kept: more would only fight over two or three cores.
const READERS: usize = 4;

/// The reading connections.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, idle: Mutex::new(Vec::new()), permits: Arc::new(Semaphore::new(READERS)) })
    }

    /// Runs a query on a blocking thread.
    pub(super) async fn read<T, F>(self: &Arc<Self>, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let closed = || unavailable("the store is closed");
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| closed())?;
        let readers = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || {
            // Both go back even when nobody waits for the answer any more.
            let _permit = permit;
            let connection = readers.take()?;
            let result = query(&connection);
            readers.idle().push(connection);
            result
        });
        read.await.unwrap_or_else(|error| Err(unavailable(format!("a query was given up: {error}"))))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let idle = self.idle().pop();
        idle.map_or_else(|| schema::open_reader(&self.path).map_err(failed), Ok)
    }

    /// Lets no query begin any more, and closes the connections when the last one has ended.
    pub(super) async fn close(&self) {
        if let Ok(all) = self.permits.acquire_many(READERS as u32).await {
            all.forget();
        }
        self.permits.close();
        self.idle().clear();
    }
}

pub(super) fn replay(connection: &Connection, run: &RunId) -> Result<Vec<StoredRecord>, StoreError> {
    let sql = "SELECT record_no, seq, at, body FROM records WHERE run = (SELECT id FROM runs WHERE run_id = ?1) \
         ORDER BY seq";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query([run.as_str()]).map_err(failed)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let record = Record::decode(text(row, 3)?)?;
        records.push(StoredRecord { record_no: number(row, 0)?, seq: number(row, 1)?, at: number(row, 2)?, record });
    }
    Ok(records)
}

pub(super) fn entries(connection: &Connection, query: &EntryQuery) -> Result<Vec<Entry>, StoreError> {
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let after = i64::try_from(query.after).unwrap_or(i64::MAX);
    match query.output_of {
        None => {
            let sql = "SELECT seq, at, body, 1 FROM records \
                 WHERE run = (SELECT id FROM runs WHERE run_id = ?1) AND seq > ?2 \
                 UNION ALL SELECT seq, at, body, 0 FROM chunks \
                 WHERE run = (SELECT id FROM runs WHERE run_id = ?1) AND seq > ?2 ORDER BY seq LIMIT ?3";
            collect_entries(connection, sql, params![query.run_id.as_str(), after, limit])
        }
        Some(step) => {
            let sql = "SELECT seq, at, body, 0 FROM chunks \
                 WHERE run = (SELECT id FROM runs WHERE run_id = ?1) AND seq > ?2 AND step = ?4 ORDER BY seq LIMIT ?3";
            collect_entries(connection, sql, params![query.run_id.as_str(), after, limit, step])
        }
    }
}

fn collect_entries(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<Entry>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(parameters).map_err(failed)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let is_record: bool = row.get(3).map_err(failed)?;
        let body = text(row, 2)?;
        let body = if is_record {
            EntryBody::Record(Record::decode(body)?)
        } else {
            EntryBody::Chunk(serde_json::from_str(body).map_err(malformed)?)
        };
        entries.push(Entry { seq: number(row, 0)?, at: number(row, 1)?, body });
    }
    Ok(entries)
}

const SUMMARY: &str = "SELECT run_id, tenant, principal, workflow, status, created_at, started_at, completed_at, \
     last_seq, traceparent FROM runs";

/// The run that was begun under an idempotency key.
pub(super) fn begun_under(
    connection: &Connection,
    tenant: &TenantId,
    idempotency: &Idempotency,
) -> Result<Option<RunId>, StoreError> {
    let sql = "SELECT fingerprint, run_id FROM idempotency JOIN runs ON runs.id = idempotency.run \
         WHERE idempotency.tenant = ?1 AND scope = ?2 AND key = ?3";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let key = params![tenant.as_str(), idempotency.scope, idempotency.key];
    let row = statement.query_row(key, |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    match row.optional().map_err(failed)? {
        Some((fingerprint, _)) if fingerprint != idempotency.fingerprint => Err(StoreError::IdempotencyMismatch),
        Some((_, run_id)) => run_id.parse().map(Some).map_err(damaged),
        None => Ok(None),
    }
}

pub(super) fn get(connection: &Connection, tenant: &TenantId, run: &RunId) -> Result<Option<RunSummary>, StoreError> {
    let sql = format!("{SUMMARY} WHERE run_id = ? AND tenant = ?");
    let ids = [run.as_str().to_owned().into(), tenant.as_str().to_owned().into()];
    Ok(summaries(connection, &sql, ids.into())?.pop())
}

pub(super) fn list(connection: &Connection, filter: &RunFilter) -> Result<Page<RunSummary>, StoreError> {
    let limit = filter.limit.clamp(1, i64::MAX as usize - 1);
    let mut sql = format!("{SUMMARY} WHERE tenant = ?");
    let mut values: Vec<SqlValue> = vec![filter.tenant.as_str().to_owned().into()];
    if let Some(status) = filter.status {
        sql.push_str(" AND status = ?");
        values.push(status.to_string().into());
    }
    if let Some(workflow) = &filter.workflow {
        sql.push_str(" AND workflow = ?");
        values.push(workflow.clone().into());
    }
    if let Some(before) = &filter.cursor {
        let (at, run_id) = cursor::to_run(before)?;
        sql.push_str(" AND (created_at, run_id) < (?, ?)");
        values.extend([at.cast_signed().into(), run_id.as_str().to_owned().into()]);
    }
    sql.push_str(" ORDER BY created_at DESC, run_id DESC LIMIT ?");
    values.push((limit as i64 + 1).into());
    Ok(cursor::page(summaries(connection, &sql, values)?, limit, cursor::of_run))
}

pub(super) fn unfinished(connection: &Connection) -> Result<Vec<RunSummary>, StoreError> {
    let sql = format!("{SUMMARY} WHERE completed_at IS NULL ORDER BY created_at, run_id");
    summaries(connection, &sql, Vec::new())
}

fn summaries(connection: &Connection, sql: &str, values: Vec<SqlValue>) -> Result<Vec<RunSummary>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
    let mut summaries = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        summaries.push(RunSummary {
            run_id: text(row, 0)?.parse().map_err(damaged)?,
            tenant: TenantId::new(text(row, 1)?),
            principal: row.get(2).map_err(failed)?,
            workflow: row.get(3).map_err(failed)?,
            status: status(text(row, 4)?)?,
            created_at: number(row, 5)?,
            started_at: row.get::<_, Option<i64>>(6).map_err(failed)?.map(i64::cast_unsigned),
            completed_at: row.get::<_, Option<i64>>(7).map_err(failed)?.map(i64::cast_unsigned),
            last_seq: number(row, 8)?,
            traceparent: row.get(9).map_err(failed)?,
        });
    }
    Ok(summaries)
}

pub(super) fn document(connection: &Connection, key: &DocumentKey) -> Result<Option<Document>, StoreError> {
    let sql = "SELECT version, updated_at, body FROM documents WHERE tenant = ?1 AND kind = ?2 AND id = ?3";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let parameters = params![key.tenant.as_str(), key.kind, key.id];
    let row = statement.query_row(parameters, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional();
    row.map_err(failed)?.map(|row| decode_document(key.clone(), row)).transpose()
}

pub(super) fn documents(
    connection: &Connection,
    tenant: &TenantId,
    kind: &str,
    limit: usize,
    after: Option<&str>,
) -> Result<Page<Document>, StoreError> {
    let limit = limit.clamp(1, i64::MAX as usize - 1);
    let after = after.map(cursor::decode).transpose()?;
    let sql = "SELECT version, updated_at, body, id FROM documents \
         WHERE tenant = ?1 AND kind = ?2 AND (?3 IS NULL OR id > ?3) ORDER BY id LIMIT ?4";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(params![tenant.as_str(), kind, after, limit as i64 + 1]).map_err(failed)?;
    let mut documents = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let key = DocumentKey { tenant: tenant.clone(), kind: kind.to_owned(), id: row.get(3).map_err(failed)? };
        let row = (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?, row.get(2).map_err(failed)?);
        documents.push(decode_document(key, row)?);
    }
    Ok(cursor::page(documents, limit, |last| cursor::encode(&last.key.id)))
}

fn decode_document(key: DocumentKey, (version, at, body): (i64, i64, String)) -> Result<Document, StoreError> {
    let body = serde_json::from_str(&body).map_err(malformed)?;
    Ok(Document { key, version: version.cast_unsigned(), updated_at: at.cast_unsigned(), body })
}

fn number(row: &Row<'_>, column: usize) -> Result<u64, StoreError> {
    row.get::<_, i64>(column).map(i64::cast_unsigned).map_err(failed)
}

fn text<'row>(row: &'row Row<'_>, column: usize) -> Result<&'row str, StoreError> {
    row.get_ref(column).map_err(failed)?.as_str().map_err(damaged)
}

fn status(text: &str) -> Result<RunStatus, StoreError> {
    let status: Result<RunStatus, serde::de::value::Error> = RunStatus::deserialize(text.into_deserializer());
    status.map_err(damaged)
}
