//! What every use case can reach.

use std::sync::Arc;

use partita_core::Millis;
use partita_engine::Engine;
use partita_store::{Documents, RunLog};
use tokio_util::sync::CancellationToken;

use crate::Options;

/// Tells the wall clock, in milliseconds since the Unix epoch.
pub type Now = Arc<dyn Fn() -> Millis + Send + Sync>;

/// Fills a buffer with random bytes that nobody can guess.
pub type Entropy = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// What the composition root chooses.
#[derive(Clone)]
pub struct Parts {
    pub engine: Arc<dyn Engine>,
    pub log: Arc<dyn RunLog>,
    pub documents: Arc<dyn Documents>,
    /// A key with all scopes in the default tenant (`PARTITA_API_KEY`); `None`: only stored keys count.
    pub bootstrap_key: Option<String>,
    pub options: Options,
    pub now: Now,
    pub entropy: Entropy,
}

/// The server's state; one per process, shared by all requests.
pub struct App {
    pub(crate) parts: Parts,
    pub(crate) started_at: Millis,
    /// Fires when the server stops: streams end (clients resume elsewhere or later).
    pub(crate) closing: CancellationToken,
}

impl App {
    /// Puts a server together.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let started_at = (parts.now)();
        Arc::new(Self { parts, started_at, closing: CancellationToken::new() })
    }
}
