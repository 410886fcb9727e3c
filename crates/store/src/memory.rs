//! A store in memory, for tests and for servers that are to forget everything.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use partita_core::run::RunStatus;
use partita_core::run::record::{Entry, EntryBody};
use partita_core::{Millis, RunId, TenantId};
use serde_json::Value;

use crate::run_log::step_of;
use crate::{
    Append, Appended, Document, DocumentKey, Documents, EntryQuery, Idempotency, NewRun, Page, Precondition, RunFilter,
    RunLog, RunSummary, StoreError, StoredRecord, Submitted, cursor,
};

/// Keeps everything in memory; nothing survives the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    runs: BTreeMap<RunId, StoredRun>,
    /// By tenant, scope and key: the fingerprint and the run.
    idempotency: BTreeMap<(TenantId, String, String), (String, RunId)>,
    documents: BTreeMap<DocumentKey, Document>,
}

#[derive(Debug)]
struct StoredRun {
    summary: RunSummary,
    /// The entry with `seq` n is at n - 1.
    entries: Vec<Entry>,
    records: u64,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No call leaves the state half changed, so a panic elsewhere does not spoil it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StoredRun {
    fn push(&mut self, at: Millis, body: EntryBody) {
        self.records += u64::from(matches!(body, EntryBody::Record(_)));
        self.summary.last_seq += 1;
        self.entries.push(Entry { seq: self.summary.last_seq, at, body });
    }

    fn set_status(&mut self, status: RunStatus, at: Millis) {
        self.summary.status = status;
        if status != RunStatus::Pending {
            self.summary.started_at.get_or_insert(at);
        }
        if status.is_terminal() {
            self.summary.completed_at.get_or_insert(at);
        }
    }
}

impl State {
    /// The run that was begun under a key before.
    fn existing(&self, tenant: &TenantId, idempotency: &Idempotency) -> Result<Option<RunId>, StoreError> {
        let key = (tenant.clone(), idempotency.scope.clone(), idempotency.key.clone());
        match self.idempotency.get(&key) {
            Some((fingerprint, _)) if *fingerprint != idempotency.fingerprint => Err(StoreError::IdempotencyMismatch),
            Some((_, run)) => Ok(Some(run.clone())),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl RunLog for MemoryStore {
    async fn submit(&self, run: NewRun) -> Result<Submitted, StoreError> {
        let mut state = self.state();
        if let Some(idempotency) = &run.idempotency
            && let Some(earlier) = state.existing(&run.tenant, idempotency)?
        {
            return Ok(Submitted::Existing(earlier));
        }
        if state.runs.contains_key(&run.run_id) {
            return Err(StoreError::Conflict(format!("run {}", run.run_id)));
        }
        if let Some(Idempotency { scope, key, fingerprint }) = run.idempotency {
            state.idempotency.insert((run.tenant.clone(), scope, key), (fingerprint, run.run_id.clone()));
        }
        let summary = RunSummary {
            run_id: run.run_id.clone(),
            tenant: run.tenant,
            principal: run.principal,
            workflow: run.workflow,
            status: RunStatus::Pending,
            created_at: run.created_at,
            started_at: None,
            completed_at: None,
            last_seq: 0,
            traceparent: run.traceparent,
        };
        let mut stored = StoredRun { summary, entries: Vec::new(), records: 0 };
        stored.push(run.created_at, EntryBody::Record(run.first));
        state.runs.insert(run.run_id, stored);
        Ok(Submitted::New)
    }

    async fn begun_under(&self, tenant: &TenantId, idempotency: &Idempotency) -> Result<Option<RunId>, StoreError> {
        self.state().existing(tenant, idempotency)
    }

    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let mut state = self.state();
        let run = state.runs.get_mut(&append.run_id).filter(|run| run.records == append.after.0);
        let run = run.ok_or_else(|| StoreError::Conflict(format!("run {}", append.run_id)))?;
        let first_seq = run.summary.last_seq + 1;
        for chunk in append.chunks {
            run.push(append.at, EntryBody::Chunk(chunk));
        }
        for record in append.records {
            run.push(append.at, EntryBody::Record(record));
        }
        if let Some(status) = append.status {
            run.set_status(status, append.at);
        }
        Ok(Appended { first_seq, last_seq: run.summary.last_seq })
    }

    async fn replay(&self, run: &RunId) -> Result<Vec<StoredRecord>, StoreError> {
        let state = self.state();
        let entries = state.runs.get(run).map_or(&[][..], |run| &run.entries);
        let records = entries.iter().filter_map(|entry| match &entry.body {
            EntryBody::Record(record) => Some((entry, record)),
            EntryBody::Chunk(_) => None,
        });
        let stored = |(record_no, (entry, record)): (u64, (&Entry, &partita_core::run::Record))| StoredRecord {
            record_no,
            seq: entry.seq,
            at: entry.at,
            record: record.clone(),
        };
        Ok((1..).zip(records).map(stored).collect())
    }

    async fn entries(&self, query: EntryQuery) -> Result<Vec<Entry>, StoreError> {
        let state = self.state();
        let Some(run) = state.runs.get(&query.run_id) else { return Ok(Vec::new()) };
        let asked_for = |entry: &&Entry| match (&entry.body, query.output_of) {
            (_, None) => true,
            (EntryBody::Chunk(chunk), step) => step_of(chunk) == step,
            (EntryBody::Record(_), Some(_)) => false,
        };
        let after = usize::try_from(query.after).unwrap_or(usize::MAX);
        Ok(run.entries.iter().skip(after).filter(asked_for).take(query.limit).cloned().collect())
    }

    async fn get(&self, tenant: &TenantId, run: &RunId) -> Result<Option<RunSummary>, StoreError> {
        let state = self.state();
        let run = state.runs.get(run).filter(|run| run.summary.tenant == *tenant);
        Ok(run.map(|run| run.summary.clone()))
    }

    async fn list(&self, filter: RunFilter) -> Result<Page<RunSummary>, StoreError> {
        let before = filter.cursor.as_deref().map(cursor::to_run).transpose()?;
        let limit = filter.limit.max(1);
        let state = self.state();
        let mut runs: Vec<&RunSummary> = state.runs.values().map(|run| &run.summary).collect();
        runs.retain(|run| {
            run.tenant == filter.tenant
                && filter.status.is_none_or(|status| run.status == status)
                && filter.workflow.as_ref().is_none_or(|workflow| run.workflow == *workflow)
                && before.as_ref().is_none_or(|(at, run_id)| (run.created_at, &run.run_id) < (*at, run_id))
        });
        runs.sort_by(|left, right| (right.created_at, &right.run_id).cmp(&(left.created_at, &left.run_id)));
        let runs: Vec<RunSummary> = runs.into_iter().take(limit + 1).cloned().collect();
        Ok(cursor::page(runs, limit, cursor::of_run))
    }

    async fn unfinished(&self) -> Result<Vec<RunSummary>, StoreError> {
        let state = self.state();
        let runs = state.runs.values().map(|run| &run.summary);
        let mut runs: Vec<RunSummary> = runs.filter(|run| !run.status.is_terminal()).cloned().collect();
        runs.sort_by(|left, right| (left.created_at, &left.run_id).cmp(&(right.created_at, &right.run_id)));
        Ok(runs)
    }
}

#[async_trait]
impl Documents for MemoryStore {
    async fn get(&self, key: &DocumentKey) -> Result<Option<Document>, StoreError> {
        Ok(self.state().documents.get(key).cloned())
    }

    async fn put(
        &self,
        key: &DocumentKey,
        body: Value,
        at: Millis,
        precondition: Precondition,
    ) -> Result<u64, StoreError> {
        let mut state = self.state();
        let present = state.documents.get(key).map_or(0, |document| document.version);
        let version = precondition.next_version(present, key)?;
        state.documents.insert(key.clone(), Document { key: key.clone(), version, updated_at: at, body });
        Ok(version)
    }

    async fn list(
        &self,
        tenant: &TenantId,
        kind: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Document>, StoreError> {
        let limit = limit.max(1);
        let key = |id: String| DocumentKey { tenant: tenant.clone(), kind: kind.to_owned(), id };
        let start = match cursor {
            Some(cursor) => Bound::Excluded(key(cursor::decode(cursor)?)),
            None => Bound::Included(key(String::new())),
        };
        let state = self.state();
        let range = state.documents.range((start, Bound::Unbounded)).map(|(_, document)| document);
        let of_kind = range.take_while(|document| document.key.tenant == *tenant && document.key.kind == kind);
        Ok(cursor::page(of_kind.take(limit + 1).cloned().collect(), limit, |last| cursor::encode(&last.key.id)))
    }

    async fn delete(&self, key: &DocumentKey) -> Result<bool, StoreError> {
        Ok(self.state().documents.remove(key).is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::MemoryStore;
    use crate::conformance;

    #[tokio::test]
    async fn it_keeps_what_every_store_keeps() {
        let store = Arc::new(MemoryStore::new());
        conformance::run_log(Arc::clone(&store) as _).await;
        conformance::documents(store).await;
    }
}
