//! The port that keeps everything but runs: sessions, templates, keys, settings, the audit log.

use async_trait::async_trait;
use partita_core::{Millis, TenantId};
use serde_json::Value;

use crate::{Page, StoreError};

/// Keeps versioned JSON documents by tenant, kind and id. Every method is atomic and durable.
#[async_trait]
pub trait Documents: Send + Sync {
    /// The document, or `None`.
    async fn get(&self, key: &DocumentKey) -> Result<Option<Document>, StoreError>;

    /// Writes a document; `Conflict` when the precondition does not hold. Gives the new version.
    async fn put(
        &self,
        key: &DocumentKey,
        body: Value,
        at: Millis,
        precondition: Precondition,
    ) -> Result<u64, StoreError>;

    /// Documents of one kind, by id, after a cursor.
    async fn list(
        &self,
        tenant: &TenantId,
        kind: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Document>, StoreError>;

    /// Removes a document; whether there was one.
    async fn delete(&self, key: &DocumentKey) -> Result<bool, StoreError>;
}

/// Where a document stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentKey {
    pub tenant: TenantId,
    pub kind: String,
    pub id: String,
}

/// A stored document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub key: DocumentKey,
    /// Counts from 1.
    pub version: u64,
    pub updated_at: Millis,
    pub body: Value,
}

/// What must be true for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing is there yet.
    Absent,
    /// Exactly this version is there.
    Version(u64),
    /// Whatever is there is replaced.
    None,
}

impl Precondition {
    /// The version that a write gives a document that has version `present`, 0 when there is none.
    pub(crate) fn next_version(self, present: u64, key: &DocumentKey) -> Result<u64, StoreError> {
        let holds = match self {
            Self::Absent => present == 0,
            Self::Version(version) => version > 0 && version == present,
            Self::None => true,
        };
        if holds { Ok(present + 1) } else { Err(StoreError::Conflict(format!("{} {}", key.kind, key.id))) }
    }
}
