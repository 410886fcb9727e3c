//! One pool of connections for the whole program.
//!
//! ```text
//! configuration -> one keeper task per server -> state (phase, lists) -> tools(), call(), validate()
//! ```
//!
//! A keeper connects, lists, follows changes and tries again after a pause that grows. What was listed stays
//! while a server is away: workflows stay valid, and a call waits for one new attempt before it fails.

mod call;
mod child;
mod connection;
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use call::Bounds;
pub use call::{CallFollow, CallProgress, ToolCall};
pub(crate) use connection::Lists;
use server::{Phase, Server, State};

use crate::builtin;
use crate::config::{ConfigError, ServerConfig, check_name};
use crate::error::CallError;
use crate::limits::SERVERS_MAX;
use crate::result::ToolResult;
use crate::tool::{Listed, ToolInfo};

/// What a pool is made of.
#[derive(Clone, Debug, Default)]
pub struct PoolOptions {
    pub servers: Vec<ServerConfig>,
    /// What every process of a server gets as its environment, besides what is configured for it. Nothing
    /// else of our own environment reaches one.
    pub environment: BTreeMap<String, String>,
}

/// Connections to all servers; cheap to clone.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    servers: BTreeMap<String, Server>,
    version: Arc<AtomicU64>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// How it stands with a server, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerStatus {
    pub name: String,
    /// `connecting`, `connected`, `failed` or `stopped`.
    pub state: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The protocol's version that both agreed on; empty before.
    pub protocol: String,
    /// Names of its tools, as last listed.
    pub tools: Vec<String>,
    pub prompts: Vec<Listed>,
    pub resources: Vec<Listed>,
    /// What was left out of its lists, and why.
    pub left_out: Vec<String>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pool").field("servers", &self.inner.servers.keys()).finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts connecting to every server, and to the one that Partita brings, and returns at once. Must be
    /// called on a runtime.
    ///
    /// # Errors
    ///
    /// When a name is wrong or there twice, or there are too many servers.
    pub fn start(options: PoolOptions) -> Result<Self, ConfigError> {
        let version = Arc::new(AtomicU64::new(1));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let mut servers = BTreeMap::new();
        let mut add = |of: (ServerConfig, Lists)| {
            let name = of.0.name.clone();
            let (server, keep) = Server::new(of, options.environment.clone(), Arc::clone(&version), stop.child_token());
            tasks.spawn(keep);
            servers.insert(name, server).is_some()
        };
        add(builtin::server());
        let mut seen = 0;
        for config in options.servers {
            let name = config.name.clone();
            let wrong = |problem: String| ConfigError { server: name.clone(), problem };
            check_name(&name).map_err(wrong)?;
            seen += 1;
            if seen > SERVERS_MAX {
                return Err(wrong(format!("more than {SERVERS_MAX} servers are configured")));
            }
            if add((config, Lists::default())) {
                return Err(wrong("is configured twice".to_owned()));
            }
        }
        Ok(Self { inner: Arc::new(Inner { servers, version, stop, tasks }) })
    }

    /// Changes whenever some server's state or list does.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.inner.version.load(Ordering::Acquire)
    }

    /// Waits until every server was tried once, at most so long.
    pub async fn settled(&self, limit: Duration) {
        let all = self.inner.servers.values().map(|server| {
            let mut state = server.state.clone();
            async move {
                let _ = state.wait_for(|state| !matches!(state.phase, Phase::Connecting) || state.tries > 0).await;
            }
        });
        let _ = tokio::time::timeout(limit, futures::future::join_all(all)).await;
    }

    /// Every tool of every server, in the order of their names: what was listed last stays while a server is
    /// away.
    #[must_use]
    pub fn tools(&self) -> Vec<Arc<ToolInfo>> {
        let mut tools = Vec::new();
        for server in self.inner.servers.values() {
            tools.extend(server.state.borrow().lists.tools.iter().cloned());
        }
        tools.sort_by_key(|tool| tool.full_name());
        tools
    }

    /// How it stands with every configured server, and with the one that Partita brings.
    #[must_use]
    pub fn servers(&self) -> Vec<ServerStatus> {
        self.inner.servers.values().map(|server| status(&server.config.name, &server.state.borrow())).collect()
    }

    /// Calls a tool and waits for its end: its result, also when the tool says that it failed.
    ///
    /// Dropping the future takes the call back; so does `follow.stop`.
    ///
    /// # Errors
    ///
    /// When there is no such tool, its server is not there or goes away, the arguments don't fit, the server
    /// refuses, or the call takes too long.
    pub async fn call(&self, mut call: ToolCall, follow: &CallFollow) -> Result<ToolResult, CallError> {
        let Some(server) = self.inner.servers.get(&call.server) else {
            let known: Vec<&str> = self.inner.servers.keys().map(String::as_str).collect();
            return Err(CallError::NoSuchServer { server: call.server, known: known.join(", ") });
        };
        let connected = async {
            let line = server.line().await?;
            let permit = server.calls.acquire().await.map_err(|_| CallError::Stopped)?;
            Ok((line, permit))
        };
        let (line, _permit) = tokio::select! {
            biased;
            () = follow.stop.cancelled() => return Err(CallError::Stopped),
            connected = connected => connected?,
        };
        let info = find(server, &call.tool)?;
        fit(&info, &mut call)?;
        let bounds = Bounds { silent: server.config.timeout, total: server.config.total_timeout };
        // Large: boxed, so that a step that waits is not as large as one that calls.
        call::carry_out(&line, call, bounds, follow).boxed().await
    }

    /// Ends every connection and every process that serves one.
    pub async fn shut_down(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn find(server: &Server, tool: &str) -> Result<Arc<ToolInfo>, CallError> {
    let lists = Arc::clone(&server.state.borrow().lists);
    let found = lists.tools.iter().find(|info| info.name == tool).cloned();
    found.ok_or_else(|| {
        let names: Vec<&str> = lists.tools.iter().map(|info| info.name.as_str()).take(40).collect();
        let help = if names.is_empty() { String::new() } else { format!("; it has: {}", names.join(", ")) };
        CallError::NoSuchTool { server: server.config.name.clone(), tool: tool.chars().take(64).collect(), help }
    })
}

/// Fits the arguments to the tool's schema and refuses what doesn't, before the server sees it.
pub(crate) fn fit(info: &ToolInfo, call: &mut ToolCall) -> Result<(), CallError> {
    info.schema.fit(&mut call.arguments);
    let problems = info.schema.problems(&Value::Object(call.arguments.clone()));
    if problems.is_empty() {
        return Ok(());
    }
    Err(CallError::Arguments { tool: info.full_name(), problem: problems.join("; ") })
}

fn status(name: &str, state: &State) -> ServerStatus {
    let (word, reason) = match &state.phase {
        Phase::Connecting => ("connecting", None),
        Phase::Ready(_) => ("connected", None),
        Phase::Failed(reason) => ("failed", Some(reason.clone())),
        Phase::Stopped => ("stopped", None),
    };
    ServerStatus {
        name: name.to_owned(),
        state: word,
        reason,
        protocol: state.protocol.clone(),
        tools: state.lists.tools.iter().map(|tool| tool.name.clone()).collect(),
        prompts: state.lists.prompts.clone(),
        resources: state.lists.resources.clone(),
        left_out: state.lists.left_out.clone(),
    }
}
