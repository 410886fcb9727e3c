//! Servers to connect to, and waiting for what must come.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use partita_mcp::{CallError, CallFollow, Pool, PoolOptions, ServerConfig, ToolCall, ToolResult, Transport};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Longer than anything that works takes, on a machine that is busy.
pub(crate) const LONG: Duration = Duration::from_secs(40);

#[expect(clippy::disallowed_methods, reason = "asks where `scripts/setup.sh test` put things")]
fn cache() -> PathBuf {
    PathBuf::from(std::env::var_os("HOME").expect("a home directory")).join(".cache/partita")
}

fn installed(path: &str) -> String {
    let file = cache().join(path);
    assert!(file.exists(), "{} is missing: call `scripts/setup.sh test`", file.display());
    file.display().to_string()
}

fn ours(name: &str) -> String {
    format!("{}/tests/servers/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn python() -> String {
    installed("venv/bin/python")
}

/// The script of a server from npm.
pub(crate) fn node_server(name: &str) -> String {
    installed(&format!("node/node_modules/@modelcontextprotocol/server-{name}/dist/index.js"))
}

pub(crate) fn stdio(name: &str, command: &str, args: &[&str]) -> ServerConfig {
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let transport = Transport::Stdio { command: command.to_owned(), args, env: BTreeMap::new(), dir: None };
    ServerConfig { connect_timeout: LONG, ..ServerConfig::new(name, transport) }
}

pub(crate) fn dual_stdio() -> ServerConfig {
    stdio("dual", &python(), &[&ours("dual.py"), "stdio"])
}

pub(crate) fn raw(how: &str) -> ServerConfig {
    stdio("raw", &python(), &[&ours("raw.py"), how])
}

/// A server over HTTP that ends with the test.
pub(crate) struct Http {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Http {
    /// Starts a program and waits until it says where it listens.
    pub(crate) async fn start(command: &mut Command, said: &str) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let place = loop {
            let line = lines.next_line().await.unwrap().expect("the server says where it listens");
            if let Some((_, place)) = line.split_once(said) {
                break place.split_whitespace().next().unwrap_or_default().to_owned();
            }
        };
        // Whatever else it says must not block it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, url: place }
    }

    pub(crate) async fn dual() -> Self {
        let mut started = Self::start(Command::new(python()).args([&ours("dual.py"), "http"]), "running on ").await;
        started.url.push_str("/mcp");
        started
    }

    pub(crate) fn config(&self, name: &str) -> ServerConfig {
        let transport = Transport::Http { url: self.url.clone(), headers: BTreeMap::new(), bearer: None };
        ServerConfig { connect_timeout: LONG, ..ServerConfig::new(name, transport) }
    }
}

/// A pool over one server, which is connected unless it can't be.
pub(crate) async fn pool(config: ServerConfig) -> Pool {
    let environment = [("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())].into();
    let pool = Pool::start(PoolOptions { servers: vec![config], environment }).unwrap();
    pool.settled(LONG).await;
    pool
}

pub(crate) fn to(server: &str, tool: &str, arguments: Value) -> ToolCall {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    ToolCall { server: server.to_owned(), tool: tool.to_owned(), arguments }
}

pub(crate) async fn call(pool: &Pool, server: &str, tool: &str, arguments: Value) -> Result<ToolResult, CallError> {
    pool.call(to(server, tool, arguments), &CallFollow::default()).await
}

/// Waits until something holds, and fails when it never does.
#[track_caller]
pub(crate) fn eventually(what: &'static str, mut holds: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let end = tokio::time::Instant::now() + LONG;
        while !holds() {
            assert!(tokio::time::Instant::now() < end, "{caller}: {what} never came");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Whether a process is there and no zombie.
pub(crate) fn is_alive(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

pub(crate) fn status(pool: &Pool, name: &str) -> partita_mcp::ServerStatus {
    pool.servers().into_iter().find(|server| server.name == name).unwrap()
}
