//! A store in one SQLite file: what a single server uses.
//!
//! ```text
//! callers --(bounded queue)--> one writing thread: a batch = a transaction = one fsync --> answers
//! callers ------------------> a few reading connections on blocking threads
//! ```
//!
//! Callers encode, the writing thread only binds and inserts. WAL, so readers never wait for the writer.

mod read;
mod schema;
mod write;
mod writer;

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use partita_core::run::record::{Entry, UnreadableRecord};
use partita_core::{Millis, RunId, TenantId};
use refinery::Runner;
use rusqlite::{Connection, ffi};
use serde_json::Value;

use crate::{
    Append, Appended, Document, DocumentKey, Documents, EntryQuery, Idempotency, NewRun, Page, Precondition, RunFilter,
    RunLog, RunSummary, StoreError, StoredRecord, Submitted,
};
use read::Readers;
use write::{EncodedAppend, EncodedRun};
use writer::Writer;

pub use schema::OpenError;

/// Keeps everything in one SQLite file (and the two that SQLite puts beside it while it is open).
/// Clones share it.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
}

impl SqliteStore {
    /// Opens a database, making it when it is not there. One of an earlier version is copied to
    /// `<file>.before-<version>` and brought to this program's version.
    ///
    /// # Errors
    ///
    /// When the file can't be used, holds something else, or was written by a newer program.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(path.as_ref(), schema::migrations())
    }

    fn open_with(path: &Path, migrations: Runner) -> Result<Self, OpenError> {
        let connection = schema::open_writer(path, migrations)?;
        Self::with(connection, path).map_err(|error| OpenError::Io { path: path.to_owned(), error })
    }

    fn with(connection: Connection, path: &Path) -> std::io::Result<Self> {
        Ok(Self { writer: Arc::new(Writer::start(connection)?), readers: Readers::new(path.to_owned()) })
    }

    /// Commits what is queued, refuses everything after it, and closes the file. A store that is dropped
    /// without it is as safe; only the last words of its writing thread are not waited for.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl RunLog for SqliteStore {
    async fn submit(&self, run: NewRun) -> Result<Submitted, StoreError> {
        let run = EncodedRun::of(run)?;
        self.writer.write(move |connection| write::submit(connection, &run)).await
    }

    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let append = EncodedAppend::of(&append)?;
        self.writer.write(move |connection| write::append(connection, &append)).await
    }

    async fn replay(&self, run: &RunId) -> Result<Vec<StoredRecord>, StoreError> {
        let run = run.clone();
        self.readers.read(move |connection| read::replay(connection, &run)).await
    }

    async fn entries(&self, query: EntryQuery) -> Result<Vec<Entry>, StoreError> {
        self.readers.read(move |connection| read::entries(connection, &query)).await
    }

    async fn begun_under(&self, tenant: &TenantId, idempotency: &Idempotency) -> Result<Option<RunId>, StoreError> {
        let (tenant, idempotency) = (tenant.clone(), idempotency.clone());
        self.readers.read(move |connection| read::begun_under(connection, &tenant, &idempotency)).await
    }

    async fn get(&self, tenant: &TenantId, run: &RunId) -> Result<Option<RunSummary>, StoreError> {
        let (tenant, run) = (tenant.clone(), run.clone());
        self.readers.read(move |connection| read::get(connection, &tenant, &run)).await
    }

    async fn list(&self, filter: RunFilter) -> Result<Page<RunSummary>, StoreError> {
        self.readers.read(move |connection| read::list(connection, &filter)).await
    }

    async fn unfinished(&self) -> Result<Vec<RunSummary>, StoreError> {
        self.readers.read(read::unfinished).await
    }
}

#[async_trait]
impl Documents for SqliteStore {
    async fn get(&self, key: &DocumentKey) -> Result<Option<Document>, StoreError> {
        let key = key.clone();
        self.readers.read(move |connection| read::document(connection, &key)).await
    }

    async fn put(
        &self,
        key: &DocumentKey,
        body: Value,
        at: Millis,
        precondition: Precondition,
    ) -> Result<u64, StoreError> {
        let (key, body) = (key.clone(), write::encode_body(&body)?);
        self.writer.write(move |connection| write::put(connection, &key, &body, at, precondition)).await
    }

    async fn list(
        &self,
        tenant: &TenantId,
        kind: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Document>, StoreError> {
        let (tenant, kind, cursor) = (tenant.clone(), kind.to_owned(), cursor.map(str::to_owned));
        self.readers.read(move |connection| read::documents(connection, &tenant, &kind, limit, cursor.as_deref())).await
    }

    async fn delete(&self, key: &DocumentKey) -> Result<bool, StoreError> {
        let key = key.clone();
        self.writer.write(move |connection| write::delete(connection, &key)).await
    }
}

/// What SQLite's word means for a caller.
fn failed(error: rusqlite::Error) -> StoreError {
    let code = error.sqlite_error().map(|error| error.extended_code);
    // Without room for its index SQLite can't begin to write, and says so in another way.
    let full = matches!(code, Some(ffi::SQLITE_FULL | ffi::SQLITE_IOERR_SHMSIZE));
    StoreError::Unavailable { message: error.to_string(), full }
}

fn unavailable(message: impl Into<String>) -> StoreError {
    StoreError::Unavailable { message: message.into(), full: false }
}

/// What stands in the database is not what was written there.
fn damaged(error: impl Display) -> StoreError {
    unavailable(format!("the database is damaged: {error}"))
}

fn malformed(error: serde_json::Error) -> StoreError {
    StoreError::Unreadable(UnreadableRecord::Malformed(error))
}

#[cfg(test)]
mod tests;
