//! A store in memory, for tests and for servers that need not remember: everything is lost with the
//! process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use partita_core::run::record::{Entry, EntryBody};
use partita_core::run::{AttemptKind, RunStatus};
use partita_core::{Millis, RunId, TenantId};
use serde_json::Value;

use crate::{
    Append, Appended, Document, DocumentKey, Documents, EntryQuery, Idempotency, NewRun, Page, Precondition, RunFilter,
    RunLog, RunSummary, StoreError, StoredRecord, Submitted,
};

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    runs: BTreeMap<RunId, RunState>,
    idempotency: HashMap<(TenantId, String, String), (String, RunId)>,
    documents: BTreeMap<(TenantId, String, String), Document>,
}

#[derive(Debug)]
struct RunState {
    summary: RunSummary,
    entries: Vec<Entry>,
    records: u64,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RunLog for MemoryStore {
    async fn submit(&self, run: NewRun) -> Result<Submitted, StoreError> {
        let mut state = self.state();
        if let Some(Idempotency { scope, key, fingerprint }) = &run.idempotency {
            let key = (run.tenant.clone(), scope.clone(), key.clone());
            match state.idempotency.get(&key) {
                Some((earlier, _)) if earlier != fingerprint => return Err(StoreError::IdempotencyMismatch),
                Some((_, run_id)) => return Ok(Submitted::Existing(run_id.clone())),
                None => drop(state.idempotency.insert(key, (fingerprint.clone(), run.run_id.clone()))),
            }
        }
        if state.runs.contains_key(&run.run_id) {
            return Err(StoreError::Conflict(format!("run {}", run.run_id)));
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
            last_seq: 1,
            traceparent: run.traceparent,
        };
        let first = Entry { seq: 1, at: run.created_at, body: EntryBody::Record(run.first) };
        state.runs.insert(run.run_id, RunState { summary, entries: vec![first], records: 1 });
        Ok(Submitted::New)
    }

    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let mut state = self.state();
        let run = state.runs.get_mut(&append.run_id);
        let run = run.ok_or_else(|| StoreError::Conflict(format!("run {}", append.run_id)))?;
        if run.records != append.after.0 {
            return Err(StoreError::Conflict(format!("run {}", append.run_id)));
        }
        let first_seq = run.summary.last_seq + 1;
        run.records += append.records.len() as u64;
        let chunks = append.chunks.into_iter().map(EntryBody::Chunk);
        for body in chunks.chain(append.records.into_iter().map(EntryBody::Record)) {
            run.summary.last_seq += 1;
            run.entries.push(Entry { seq: run.summary.last_seq, at: append.at, body });
        }
        if let Some(status) = append.status {
            run.summary.status = status;
            if status != RunStatus::Pending {
                run.summary.started_at.get_or_insert(append.at);
            }
            if status.is_terminal() {
                run.summary.completed_at = Some(append.at);
            }
        }
        Ok(Appended { first_seq, last_seq: run.summary.last_seq })
    }

    async fn replay(&self, run: &RunId) -> Result<Vec<StoredRecord>, StoreError> {
        let state = self.state();
        let entries = state.runs.get(run).map(|run| run.entries.as_slice()).unwrap_or_default();
        let records = entries.iter().filter_map(|entry| match &entry.body {
            EntryBody::Record(record) => Some((entry.seq, entry.at, record.clone())),
            EntryBody::Chunk(_) => None,
        });
        let numbered = (1u64..).zip(records);
        Ok(numbered.map(|(record_no, (seq, at, record))| StoredRecord { record_no, seq, at, record }).collect())
    }

    async fn entries(&self, query: EntryQuery) -> Result<Vec<Entry>, StoreError> {
        let state = self.state();
        let entries = state.runs.get(&query.run_id).map(|run| run.entries.as_slice()).unwrap_or_default();
        let begin = usize::try_from(query.after).unwrap_or(usize::MAX).min(entries.len());
        let wanted = |entry: &&Entry| match (query.output_of, &entry.body) {
            (None, _) => true,
            (Some(step), EntryBody::Chunk(chunk)) => chunk.id.step == step && chunk.id.kind != AttemptKind::Handler,
            (Some(_), EntryBody::Record(_)) => false,
        };
        Ok(entries[begin..].iter().filter(wanted).take(query.limit).cloned().collect())
    }

    async fn get(&self, tenant: &TenantId, run: &RunId) -> Result<Option<RunSummary>, StoreError> {
        let state = self.state();
        let summary = state.runs.get(run).map(|run| &run.summary);
        Ok(summary.filter(|summary| summary.tenant == *tenant).cloned())
    }

    async fn list(&self, filter: RunFilter) -> Result<Page<RunSummary>, StoreError> {
        let state = self.state();
        let wanted = |summary: &&RunSummary| {
            summary.tenant == filter.tenant
                && filter.status.is_none_or(|status| summary.status == status)
                && filter.workflow.as_ref().is_none_or(|workflow| summary.workflow == *workflow)
                && filter.cursor.as_ref().is_none_or(|cursor| summary.run_id.as_str() < cursor.as_str())
        };
        let found = state.runs.values().rev().map(|run| &run.summary).filter(wanted);
        let items: Vec<RunSummary> = found.take(filter.limit.saturating_add(1)).cloned().collect();
        Ok(page(items, filter.limit, |summary| summary.run_id.to_string()))
    }

    async fn unfinished(&self) -> Result<Vec<RunSummary>, StoreError> {
        let state = self.state();
        let open = state.runs.values().filter(|run| !run.summary.status.is_terminal());
        Ok(open.map(|run| run.summary.clone()).collect())
    }
}

/// Cuts one item too many off, and makes a cursor of the last that stays.
pub(crate) fn page<T>(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = if more { items.last().map(cursor) } else { None };
    Page { items, next_cursor }
}

/// The version that a write gives a document, when its precondition holds.
pub(crate) fn next_version(
    key: &DocumentKey,
    present: Option<u64>,
    precondition: Precondition,
) -> Result<u64, StoreError> {
    let holds = match precondition {
        Precondition::Absent => present.is_none(),
        Precondition::Version(version) => present == Some(version),
        Precondition::None => true,
    };
    if holds { Ok(present.unwrap_or(0) + 1) } else { Err(StoreError::Conflict(format!("{} {}", key.kind, key.id))) }
}

#[async_trait]
impl Documents for MemoryStore {
    async fn get(&self, key: &DocumentKey) -> Result<Option<Document>, StoreError> {
        Ok(self.state().documents.get(&triple(key)).cloned())
    }

    async fn put(
        &self,
        key: &DocumentKey,
        body: Value,
        at: Millis,
        precondition: Precondition,
    ) -> Result<u64, StoreError> {
        let mut state = self.state();
        let present = state.documents.get(&triple(key)).map(|document| document.version);
        let version = next_version(key, present, precondition)?;
        state.documents.insert(triple(key), Document { key: key.clone(), version, updated_at: at, body });
        Ok(version)
    }

    async fn list(
        &self,
        tenant: &TenantId,
        kind: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Document>, StoreError> {
        let state = self.state();
        let wanted = |document: &&Document| {
            let key = &document.key;
            key.tenant == *tenant && key.kind == kind && cursor.is_none_or(|cursor| key.id.as_str() > cursor)
        };
        let items = state.documents.values().filter(wanted).take(limit.saturating_add(1)).cloned().collect();
        Ok(page(items, limit, |document| document.key.id.clone()))
    }

    async fn delete(&self, key: &DocumentKey) -> Result<bool, StoreError> {
        Ok(self.state().documents.remove(&triple(key)).is_some())
    }
}

fn triple(key: &DocumentKey) -> (TenantId, String, String) {
    (key.tenant.clone(), key.kind.clone(), key.id.clone())
}
