//! The runner `local`: attempts are children of this server, or done by the server itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use partita_core::RunId;
use partita_core::run::AttemptId;
use partita_core::task::{Outcome, TaskAction};
use partita_mcp::Pool;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::environment::BaseEnvironment;
use crate::http::HttpClient;
use crate::runner::{Attempt, OutputPiece, Runner};
use crate::secrets::{NamedSecrets, Revealer, Secrets};
use crate::{file, mcp, process, wait};

/// What a local runner is told once, by the composition root.
#[derive(Clone)]
pub struct LocalOptions {
    /// The server's environment. Processes get the few variables of the pass list from it, and those
    /// that `pass_env` names.
    pub environment: BTreeMap<String, String>,
    /// More variables to pass on. Names that begin with `PARTITA_` are never passed on.
    pub pass_env: Vec<String>,
    /// Where the plaintext of secrets comes from.
    pub secrets: Arc<dyn Secrets>,
    /// The data directory whose runs these are; marks their processes.
    pub data_dir: PathBuf,
    /// Names this start of the server; processes that carry another one are strays.
    pub boot_id: String,
    /// Whether requests to private and loopback addresses are refused. Off by default: a self-hosted
    /// server talks to its neighbours. Link-local and metadata addresses are always refused.
    pub block_private: bool,
    /// Where calls of tools of MCP servers go.
    pub mcp: Option<Pool>,
}

impl LocalOptions {
    /// What other children of the server, such as MCP servers, get as their environment: the pass list, and
    /// the markers by which the next start finds those that outlived a crash.
    #[must_use]
    pub fn environment_of_children(&self) -> BTreeMap<String, String> {
        BaseEnvironment::new(&self.environment, &[], &self.boot_id, &self.data_dir).of_child()
    }

    /// Options with everything else at its default; secrets come from `PARTITA_SECRET_X`.
    #[must_use]
    pub fn new(environment: BTreeMap<String, String>, data_dir: PathBuf, boot_id: String) -> Self {
        let secrets = Arc::new(NamedSecrets::from_environment(&environment));
        Self { environment, pass_env: Vec::new(), secrets, data_dir, boot_id, block_private: false, mcp: None }
    }
}

/// Carries out attempts on this machine, with the rights of the server.
pub struct LocalRunner {
    base: BaseEnvironment,
    secrets: Arc<dyn Secrets>,
    http: HttpClient,
    mcp: Option<Pool>,
}

impl LocalRunner {
    /// Makes a runner. The data directory should exist, so that its marker is the same at every start.
    #[must_use]
    pub fn new(options: LocalOptions) -> Self {
        let base = BaseEnvironment::new(&options.environment, &options.pass_env, &options.boot_id, &options.data_dir);
        Self { base, secrets: options.secrets, http: HttpClient::new(options.block_private), mcp: options.mcp }
    }
}

#[async_trait]
impl Runner for LocalRunner {
    #[expect(clippy::unnecessary_literal_bound, reason = "the signature of the port")]
    fn name(&self) -> &str {
        "local"
    }

    async fn carry_out(&self, attempt: Attempt, output: mpsc::Sender<OutputPiece>, stop: CancellationToken) -> Outcome {
        let revealer = Revealer::new(self.secrets.as_ref());
        // Boxed one by one, so that a wait is not as large as a request.
        match &attempt.task.action {
            TaskAction::Wait { duration_ms } => wait::carry_out(*duration_ms, &stop).await,
            TaskAction::Script { .. } | TaskAction::Program { .. } => {
                Box::pin(process::carry_out(&self.base, &attempt, revealer, output, stop)).await
            }
            TaskAction::Http(task) => Box::pin(self.http.carry_out(&attempt, task, revealer, (output, stop))).await,
            TaskAction::Mcp(task) => {
                Box::pin(mcp::carry_out(self.mcp.as_ref(), &attempt, task, revealer, (output, stop))).await
            }
            TaskAction::File { .. } => Box::pin(file::carry_out(&attempt, revealer, output)).await,
        }
    }

    async fn adopt(&self, _run: &RunId, _ids: &[AttemptId]) -> Vec<AttemptId> {
        Vec::new()
    }

    async fn end_strays(&self) {
        process::end_strays(&self.base).await;
    }
}
