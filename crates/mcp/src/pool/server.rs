//! Keeps one server connected: one task per server owns its connection; everyone else reads its state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::connection::{self, Connection, Line, Lists};
use crate::config::ServerConfig;
use crate::error::CallError;
use crate::limits::{CALLS_MAX, CHILD_GRACE, GOOD_CONNECTION, RELIST_PAUSE, RETRY_DELAY, RETRY_DELAY_MAX};

/// How it stands with a server.
#[derive(Clone)]
pub(super) enum Phase {
    Connecting,
    Ready(Line),
    Failed(String),
    Stopped,
}

/// What everyone may know about a server.
#[derive(Clone)]
pub(super) struct State {
    pub(super) phase: Phase,
    /// As last listed: they stay while the server is away, so that workflows stay valid.
    pub(super) lists: Arc<Lists>,
    pub(super) protocol: String,
    /// Connections that were tried.
    pub(super) tries: u64,
}

/// A configured server.
pub(super) struct Server {
    pub(super) config: ServerConfig,
    pub(super) state: watch::Receiver<State>,
    pub(super) calls: Semaphore,
    /// Wakes a server that waits before it tries again.
    wake: Arc<Notify>,
}

/// What the task of a server works with.
struct Keeper {
    config: ServerConfig,
    base: BTreeMap<String, String>,
    state: watch::Sender<State>,
    wake: Arc<Notify>,
    version: Arc<AtomicU64>,
    stop: CancellationToken,
}

impl Server {
    /// Makes a server and the future that keeps it, until `stop` fires.
    pub(super) fn new(
        (config, lists): (ServerConfig, Lists),
        base: BTreeMap<String, String>,
        version: Arc<AtomicU64>,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let first = State { phase: Phase::Connecting, lists: Arc::new(lists), protocol: String::new(), tries: 0 };
        let (tx, rx) = watch::channel(first);
        let wake = Arc::new(Notify::new());
        let keeper = Keeper { config: config.clone(), base, state: tx, wake: Arc::clone(&wake), version, stop };
        (Self { config, state: rx, calls: Semaphore::new(CALLS_MAX), wake }, keeper.keep())
    }

    /// The connection, waiting for one new attempt when there is none.
    pub(super) async fn line(&self) -> Result<Line, CallError> {
        let mut state = self.state.clone();
        let away = |reason: String| CallError::Unavailable { server: self.config.name.clone(), reason };
        let before = state.borrow().tries;
        let ready = async {
            loop {
                let now = state.borrow_and_update().clone();
                match now.phase {
                    Phase::Ready(line) if !line.peer.is_transport_closed() => return Ok(line),
                    Phase::Failed(reason) if now.tries > before => return Err(away(reason)),
                    Phase::Stopped => return Err(away("this program is ending".to_owned())),
                    _ => self.wake.notify_one(),
                }
                if state.changed().await.is_err() {
                    return Err(away("this program is ending".to_owned()));
                }
            }
        };
        let limit = self.config.connect_timeout + Duration::from_secs(1);
        let late = |_| Err(away(format!("no connection within {} s", limit.as_secs_f64())));
        tokio::time::timeout(limit, ready).await.unwrap_or_else(late)
    }
}

impl Keeper {
    async fn keep(self) {
        let mut delay = RETRY_DELAY;
        loop {
            let began = Instant::now();
            let why = self.connect_and_hold().await;
            let Some((why, was_connected)) = why else { break };
            if began.elapsed() >= GOOD_CONNECTION {
                delay = RETRY_DELAY;
            }
            tracing::warn!(server = self.config.name, "an MCP server is not connected: {why}");
            self.publish(|state| {
                // A connection that ends is no attempt that failed: who waits for a new one goes on waiting.
                state.tries += u64::from(!was_connected);
                state.phase = Phase::Failed(why.clone());
            });
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = async {
                    tokio::time::sleep(RETRY_DELAY.min(delay)).await;
                    tokio::select! {
                        () = tokio::time::sleep(delay.saturating_sub(RETRY_DELAY)) => {}
                        () = self.wake.notified() => {}
                    }
                } => {}
            }
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
        self.publish(|state| state.phase = Phase::Stopped);
    }

    /// Connects and stays until the connection ends; says why it did, and whether there was one. `None`: we are
    /// to stop.
    async fn connect_and_hold(&self) -> Option<(String, bool)> {
        let connecting = connection::connect(&self.config, &self.base);
        let connection = tokio::select! {
            biased;
            () = self.stop.cancelled() => return None,
            connected = connecting => match connected {
                Ok(connection) => connection,
                Err(why) => return Some((why, false)),
            },
        };
        let listed = tokio::select! {
            biased;
            () = self.stop.cancelled() => {
                close(connection).await;
                return None;
            }
            listed = connection::list(&connection.line.peer, &self.config) => listed,
        };
        let lists = match listed {
            Ok(lists) => lists,
            Err(why) => {
                let told = [Some(format!("its tools can't be listed: {why}")), close(connection).await];
                return Some((told.into_iter().flatten().collect::<Vec<_>>().join("; "), false));
            }
        };
        tracing::info!(
            server = self.config.name,
            protocol = connection.protocol,
            tools = lists.tools.len(),
            "an MCP server is connected"
        );
        self.publish(|state| {
            state.lists = Arc::new(lists);
            state.protocol.clone_from(&connection.protocol);
            state.phase = Phase::Ready(connection.line.clone());
        });
        let stopped = self.hold(&connection).await;
        let words = connection.line.words.clone();
        self.publish(|state| state.phase = Phase::Connecting);
        let ended = close(connection).await;
        let told = [Some("the connection ended".to_owned()), ended, words.get()];
        (!stopped).then(|| (told.into_iter().flatten().collect::<Vec<_>>().join("; "), true))
    }

    /// Follows changed lists until the connection ends; gives whether we are to stop.
    async fn hold(&self, connection: &Connection) -> bool {
        let peer = &connection.line.peer;
        let is_news_asked_for = peer.peer_info().is_some_and(|info| {
            let lists = &info.capabilities;
            let says = [
                lists.tools.as_ref().and_then(|one| one.list_changed),
                lists.prompts.as_ref().and_then(|one| one.list_changed),
                lists.resources.as_ref().and_then(|one| one.list_changed),
            ];
            !info.protocol_version.has_initialize() && says.contains(&Some(true))
        });
        let follow = async {
            if !is_news_asked_for {
                return std::future::pending::<()>().await;
            }
            let mut pause = RETRY_DELAY;
            loop {
                if let Err(error) = connection::follow(peer.clone(), Arc::clone(&connection.changed)).await {
                    tracing::debug!(server = self.config.name, "no news of changed lists: {error}");
                }
                // A subscription that ends is taken up again, ever more seldom where there is none to be had.
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_DELAY_MAX);
            }
        };
        let news = async {
            loop {
                tokio::select! {
                    () = connection.changed.notified() => tokio::time::sleep(RELIST_PAUSE).await,
                    () = connection.line.suspect.notified() => {}
                }
                match connection::list(peer, &self.config).await {
                    Ok(lists) => self.publish(|state| state.lists = Arc::new(lists)),
                    Err(_) => return,
                }
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => true,
            () = closed(connection) => false,
            () = news => false,
            () = follow => false,
        }
    }

    fn publish(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(|state| {
            change(state);
            // Before anyone is woken: who sees the new state must not meet the old version beside it.
            self.version.fetch_add(1, Ordering::AcqRel);
        });
    }
}

/// Resolves when the connection has ended.
async fn closed(connection: &Connection) {
    // A pipe says when it ends. Over HTTP nothing does before the next request, and the client has no signal
    // that doesn't take it away from us.
    let looking = async {
        let mut pause = tokio::time::interval(Duration::from_secs(5));
        while !connection.service.is_closed() && !connection.line.peer.is_transport_closed() {
            pause.tick().await;
        }
    };
    tokio::select! {
        () = connection.line.words.closed() => {}
        () = looking => {}
    }
}

/// Closes a connection and ends the process at its other end; says how that ended.
async fn close(mut connection: Connection) -> Option<String> {
    let _ = connection.service.close_with_timeout(CHILD_GRACE).await;
    match connection.process.take() {
        Some(process) => process.end().await,
        None => None,
    }
}
