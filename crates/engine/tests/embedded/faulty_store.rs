//! Stores that fail, lie, or die with their server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use partita_core::run::record::Entry;
use partita_core::{RunId, TenantId};
use partita_store::{
    Append, Appended, EntryQuery, Idempotency, NewRun, Page, RunFilter, RunLog, RunSummary, StoreError, StoredRecord,
    Submitted,
};
use tokio::sync::Notify;

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// It fails, and nothing was written.
    Before,
    /// It fails, and was written all the same.
    After,
    /// The server dies before it is written.
    CrashBefore,
    /// The server dies when it is written, before it hears of it.
    CrashAfter,
    /// It is said to be written, and written later.
    Lie,
}

/// A store with faults, chosen by the number of the write.
pub(crate) struct FaultyStore {
    inner: Arc<dyn RunLog>,
    fault: Box<dyn Fn(u32) -> Fault + Send + Sync>,
    writes: AtomicU32,
    dead: AtomicBool,
    died: Notify,
    order: Arc<tokio::sync::Mutex<()>>,
}

impl FaultyStore {
    pub(crate) fn new(inner: &Arc<dyn RunLog>, fault: impl Fn(u32) -> Fault + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::clone(inner),
            fault: Box::new(fault),
            writes: AtomicU32::new(0),
            dead: AtomicBool::new(false),
            died: Notify::new(),
            order: Arc::default(),
        })
    }

    /// Waits for the crash.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }

    pub(crate) fn writes(&self) -> u32 {
        self.writes.load(Ordering::SeqCst)
    }

    fn next_fault(&self) -> Fault {
        (self.fault)(self.writes.fetch_add(1, Ordering::SeqCst))
    }

    async fn die<T>(&self) -> T {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
        std::future::pending().await
    }

    async fn alive(&self) {
        if self.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

fn full() -> StoreError {
    StoreError::Unavailable { message: "the disk is full".to_owned(), full: true }
}

#[async_trait]
impl RunLog for FaultyStore {
    async fn submit(&self, run: NewRun) -> Result<Submitted, StoreError> {
        self.alive().await;
        match self.next_fault() {
            Fault::None | Fault::Lie => self.inner.submit(run).await,
            Fault::Before => Err(full()),
            Fault::After => {
                self.inner.submit(run).await?;
                Err(full())
            }
            Fault::CrashBefore => self.die().await,
            Fault::CrashAfter => {
                self.inner.submit(run).await?;
                self.die().await
            }
        }
    }

    async fn begun_under(&self, tenant: &TenantId, idempotency: &Idempotency) -> Result<Option<RunId>, StoreError> {
        self.alive().await;
        self.inner.begun_under(tenant, idempotency).await
    }

    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        self.alive().await;
        match self.next_fault() {
            Fault::None => self.inner.append(append).await,
            Fault::Before => Err(full()),
            // Output alone carries no number that would tell whether it was written.
            Fault::After if append.records.is_empty() => Err(full()),
            Fault::After => {
                self.inner.append(append).await?;
                Err(full())
            }
            Fault::CrashBefore => self.die().await,
            Fault::CrashAfter => {
                self.inner.append(append).await?;
                self.die().await
            }
            Fault::Lie => {
                let (inner, order) = (Arc::clone(&self.inner), Arc::clone(&self.order).lock_owned().await);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    let _ = inner.append(append).await;
                    drop(order);
                });
                Ok(Appended { first_seq: 1, last_seq: 1 })
            }
        }
    }

    async fn replay(&self, run: &RunId) -> Result<Vec<StoredRecord>, StoreError> {
        self.alive().await;
        self.inner.replay(run).await
    }

    async fn entries(&self, query: EntryQuery) -> Result<Vec<Entry>, StoreError> {
        self.inner.entries(query).await
    }

    async fn get(&self, tenant: &TenantId, run: &RunId) -> Result<Option<RunSummary>, StoreError> {
        RunLog::get(&*self.inner, tenant, run).await
    }

    async fn list(&self, filter: RunFilter) -> Result<Page<RunSummary>, StoreError> {
        RunLog::list(&*self.inner, filter).await
    }

    async fn unfinished(&self) -> Result<Vec<RunSummary>, StoreError> {
        self.alive().await;
        self.inner.unfinished().await
    }
}
