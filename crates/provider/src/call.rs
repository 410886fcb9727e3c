//! What surrounds every call of a provider: what it may look up, whom it tells how it goes, what it may
//! spend.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use partita_core::Diagnostic;
use partita_core::tool::Catalogue;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::templates::Template;
use crate::usage::Meter;

/// What surrounds one call.
#[derive(Clone)]
pub struct Call {
    pub surroundings: Arc<Surroundings>,
    pub progress: Progress,
    pub meter: Meter,
    /// Tries of one request to a model after the first.
    pub retries_max: u32,
    /// When the caller will have gone: what only betters a draft that is good enough is left before that.
    pub deadline: Option<Instant>,
}

/// What a provider may look up while it drafts; of one tenant.
#[derive(Clone)]
pub struct Surroundings {
    /// Every tool that steps can call, those of MCP servers included.
    pub catalogue: Arc<Catalogue>,
    /// Those that ship and those that users saved.
    pub templates: Arc<[Template]>,
    /// Names that documents may use.
    pub runners: Vec<String>,
    pub past_runs: Arc<dyn PastRuns>,
}

/// Looks up runs that ended, without their output.
#[async_trait]
pub trait PastRuns: Send + Sync {
    /// The latest runs of a workflow (of all, when absent), the newest first: status, duration, the step
    /// that failed and why. Empty when that can't be told.
    async fn of(&self, workflow: Option<&str>, limit: usize) -> Vec<Value>;
}

/// No runs at all; for tests and tools that have no store.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPastRuns;

#[async_trait]
impl PastRuns for NoPastRuns {
    async fn of(&self, _workflow: Option<&str>, _limit: usize) -> Vec<Value> {
        Vec::new()
    }
}

impl Default for Surroundings {
    fn default() -> Self {
        // Reading what ships takes a while, and is the same every time.
        static BUILTIN: LazyLock<Surroundings> = LazyLock::new(|| Surroundings {
            catalogue: Arc::new(Catalogue::builtin()),
            templates: crate::Templates::builtin().iter().cloned().collect(),
            runners: vec!["local".to_owned()],
            past_runs: Arc::new(NoPastRuns),
        });
        BUILTIN.clone()
    }
}

impl Default for Call {
    /// A call that may look up what ships with Partita, tells nobody and may spend anything.
    fn default() -> Self {
        Self {
            surroundings: Arc::default(),
            progress: Progress::default(),
            meter: Meter::default(),
            retries_max: RETRIES_DEFAULT,
            deadline: None,
        }
    }
}

/// Tries of one request to a model after the first, when nobody says otherwise.
pub const RETRIES_DEFAULT: u32 = 3;

/// What readers are told while a workflow comes about; the wire names are those of SSE events.
#[derive(Clone, Debug, PartialEq)]
pub enum ProgressEvent {
    /// A piece of what the author says.
    Text {
        content: String,
    },
    /// A piece of what the author thinks, where a model shows that.
    Thought {
        content: String,
    },
    /// The author looks something up.
    ToolCall {
        id: String,
        name: String,
        arguments: Value,
    },
    ToolResult {
        id: String,
        name: String,
        result: Value,
        is_error: bool,
    },
    /// A draft was checked; `issues` are those of this round.
    Validation {
        iteration: u32,
        valid: bool,
        issues: Vec<Diagnostic>,
    },
    /// Something that a reader should know: a fallback, a retry, a repair.
    Warning {
        code: &'static str,
        message: String,
    },
    /// A part of the work begins, and who does it.
    PhaseStart {
        phase: &'static str,
        provider: String,
        model: Option<String>,
    },
    /// A part of the work is over; `details` holds what came of it.
    PhaseComplete {
        phase: &'static str,
        status: &'static str,
        duration_ms: u64,
        details: Value,
    },
    /// The workflow, in the shape of the answer that shows it.
    Workflow {
        answer: Value,
    },
}

/// Where progress goes; by default nowhere.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    tx: Option<mpsc::Sender<ProgressEvent>>,
}

impl Progress {
    /// Progress that goes to `tx`.
    #[must_use]
    pub fn to(tx: mpsc::Sender<ProgressEvent>) -> Self {
        Self { tx: Some(tx) }
    }

    /// Tells one event. Waits while the reader is busy; does nothing when there is none or it has gone
    /// away.
    pub async fn tell(&self, event: ProgressEvent) {
        if let Some(tx) = &self.tx {
            let _ = tx.send(event).await;
        }
    }
}
