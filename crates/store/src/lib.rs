//! Ports of persistence: [`RunLog`] keeps what happened in runs, [`Documents`] keeps everything else.
//!
//! Both are plain data in, plain data out; every row carries its tenant. What an implementation must
//! do beyond its signatures is in the doc comments here and in the `conformance` suite, which every
//! implementation passes.

pub mod conformance;
mod cursor;
mod documents;
mod memory;
mod run_log;
mod sqlite;

pub use documents::{Document, DocumentKey, Documents, Precondition};
pub use memory::MemoryStore;
pub use run_log::{
    AfterRecord, Append, Appended, EntryQuery, Idempotency, NewRun, Page, RunFilter, RunLog, RunSummary, StoredRecord,
    Submitted,
};
pub use sqlite::{OpenError, SqliteStore};

/// What can go wrong in a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote first: the caller no longer owns what it thinks it owns.
    #[error("{0} was changed by somebody else in the meantime")]
    Conflict(String),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used before with another request")]
    IdempotencyMismatch,
    /// The data was written by a newer program.
    #[error(transparent)]
    Unreadable(#[from] partita_core::run::record::UnreadableRecord),
    /// What was given as a cursor is none that a page before gave.
    #[error("`{0}` is no cursor: pass on the one that the page before gave, or none")]
    InvalidCursor(String),
    /// The disk is full, the file is locked, the network is gone …; nothing of the call was written.
    #[error("the store failed: {message}")]
    Unavailable { message: String, full: bool },
}
