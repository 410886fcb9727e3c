//! A store in one SQLite file: write-ahead log, every commit synced.
//!
//! One thread writes. It takes whatever is queued into one transaction, never waits for more, and
//! answers after the commit. A few connections read, on blocking threads.

mod error;
mod open;
mod read;
mod write;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use partita_core::run::record::Entry;
use partita_core::{Millis, RunId, TenantId};
use serde_json::Value;

use crate::{
    Append, Appended, Document, DocumentKey, Documents, EntryQuery, NewRun, Page, Precondition, RunFilter, RunLog,
    RunSummary, StoreError, StoredRecord, Submitted,
};
pub use open::OpenError;
use read::Readers;
use writer::{Job, Writer};

/// A store in one SQLite file. Dropping the last clone finishes what is queued and closes the file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    readers: Arc<Readers>,
    writer: Arc<Writer>,
}

impl SqliteStore {
    /// Opens a store, making the file (readable by its owner only) when it is absent. An older file is
    /// copied beside itself before it is brought up to date.
    ///
    /// # Errors
    ///
    /// When the file can't be opened, is no store, or was written by a newer program.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let connection = open::open(path)?;
        let readers = Readers::open(path)?;
        let writer = Writer::start(connection).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        Ok(Self { readers: Arc::new(readers), writer: Arc::new(writer) })
    }
}

#[async_trait]
impl RunLog for SqliteStore {
    async fn submit(&self, run: NewRun) -> Result<Submitted, StoreError> {
        self.writer.call(|answer| Job::Submit(Box::new(run), answer)).await
    }

    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        self.writer.call(|answer| Job::Append(Box::new(append), answer)).await
    }

    async fn replay(&self, run: &RunId) -> Result<Vec<StoredRecord>, StoreError> {
        let run = run.clone();
        self.readers.read(move |connection| read::replay(connection, &run)).await
    }

    async fn entries(&self, query: EntryQuery) -> Result<Vec<Entry>, StoreError> {
        self.readers.read(move |connection| read::entries(connection, &query)).await
    }

    async fn get(&self, tenant: &TenantId, run: &RunId) -> Result<Option<RunSummary>, StoreError> {
        let (tenant, run) = (tenant.clone(), run.clone());
        self.readers.read(move |connection| read::run(connection, &tenant, &run)).await
    }

    async fn list(&self, filter: RunFilter) -> Result<Page<RunSummary>, StoreError> {
        self.readers.read(move |connection| read::runs(connection, &filter)).await
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
        let write = write::Put { key: key.clone(), body: body.to_string(), at, precondition };
        self.writer.call(|answer| Job::Put(Box::new(write), answer)).await
    }

    async fn list(
        &self,
        tenant: &TenantId,
        kind: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Document>, StoreError> {
        let (tenant, kind, cursor) = (tenant.clone(), kind.to_owned(), cursor.map(str::to_owned));
        self.readers
            .read(move |connection| read::documents(connection, (&tenant, &kind), limit, cursor.as_deref()))
            .await
    }

    async fn delete(&self, key: &DocumentKey) -> Result<bool, StoreError> {
        let key = key.clone();
        self.writer.call(|answer| Job::Delete(Box::new(key), answer)).await
    }
}
