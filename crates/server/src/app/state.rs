//! What every use case can reach.

use std::collections::BTreeMap;
use std::sync::Arc;

use partita_core::Millis;
use partita_engine::Engine;
use partita_mcp::{Pool, Tools};
use partita_provider::{Provider, Templates};
use partita_store::{Documents, RunLog};
use tokio_util::sync::CancellationToken;

use super::AppError;
use super::keys::{KeyCache, digest};
use super::sessions::Busy;
use super::spending::Spending;
use crate::Options;
use crate::limit::{LoginLimit, RequestLimit};

/// Tells the wall clock, in milliseconds since the Unix epoch.
pub type Now = Arc<dyn Fn() -> Millis + Send + Sync>;

/// Fills a buffer with random bytes that nobody can guess.
pub type Entropy = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Tells whether a program is installed where steps run.
pub type Installed = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What the composition root chooses.
#[derive(Clone)]
pub struct Parts {
    pub engine: Arc<dyn Engine>,
    pub log: Arc<dyn RunLog>,
    pub documents: Arc<dyn Documents>,
    /// What steps can call: the catalogue, and the tools of MCP servers.
    pub tools: Tools,
    /// The default one first.
    pub providers: Vec<Arc<dyn Provider>>,
    pub templates: Arc<Templates>,
    /// Names of runners that documents may use -> the runner that is meant.
    pub runners: BTreeMap<String, String>,
    /// Variables of the server that steps may refer to.
    pub visible_env: BTreeMap<String, String>,
    pub installed: Installed,
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
    pub(crate) keys: KeyCache,
    pub(crate) bootstrap_digest: Option<[u8; 32]>,
    pub(crate) request_limit: RequestLimit,
    pub(crate) login_limit: LoginLimit,
    pub(crate) spending: Spending,
    /// Who takes a turn in which session.
    pub(crate) sessions: Busy,
}

impl App {
    /// Puts a server together.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let started_at = (parts.now)();
        Arc::new(Self {
            started_at,
            closing: CancellationToken::new(),
            keys: KeyCache::default(),
            bootstrap_digest: parts.bootstrap_key.as_deref().map(digest),
            request_limit: RequestLimit::new(parts.options.requests_per_minute),
            login_limit: LoginLimit::new(parts.options.failed_logins_per_minute),
            spending: Spending::default(),
            sessions: Busy::default(),
            parts,
        })
    }

    /// Where validators are: tools of MCP servers.
    pub(crate) fn validators(&self) -> Result<&Pool, AppError> {
        let none = || AppError::Internal("there is no pool of MCP servers".to_owned());
        self.parts.tools.pool().ok_or_else(none)
    }

    /// A new id with a prefix; sortable by time.
    pub(crate) fn new_id(&self, prefix: &str) -> String {
        let mut random = [0; 16];
        (self.parts.entropy)(&mut random);
        let id = partita_core::RunId::from_parts((self.parts.now)(), u128::from_le_bytes(random));
        let tail = id.as_str().strip_prefix(partita_core::RunId::PREFIX).unwrap_or_default();
        format!("{prefix}{tail}")
    }
}
