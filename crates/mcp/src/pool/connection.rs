//! One connection to one server: made, listed, followed, closed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use rmcp::model::{
    ClientCapabilities, ClientConfig, ClientRequest, Implementation, ListPromptsRequest, ListResourcesRequest,
    ListToolsRequest, PaginatedRequestParams, ProgressNotificationParam, ProgressToken, ProtocolVersion, ServerResult,
    SubscriptionFilter,
};
use rmcp::service::{NotificationContext, PeerRequestOptions, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt as _, Peer, RoleClient};
use tokio::sync::{Notify, broadcast};

use super::child::{self, Bounded, LastWords, Process};
use crate::clean;
use crate::config::{ServerConfig, Transport};
use crate::limits::{LINE_CHARS_MAX, LIST_TIMEOUT, LISTED_MAX, MESSAGE_BYTES_MAX, PAGES_MAX, TOOLS_MAX};
use crate::tool::{Listed, ToolInfo};

/// Progress of some call on a connection.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) token: ProgressToken,
    pub(super) progress: f64,
    pub(super) total: Option<f64>,
    pub(super) message: Option<String>,
}

/// Our end: takes progress and news of changed lists; asks for nothing and answers nothing.
#[derive(Clone)]
pub(super) struct Handler {
    progress: broadcast::Sender<Told>,
    changed: Arc<Notify>,
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        let ours = Implementation::new("partita", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), ours)
    }

    async fn on_progress(&self, told: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        let message = told.message.map(|message| clean::line(&message, LINE_CHARS_MAX));
        let told = Told { token: told.progress_token, progress: told.progress, total: told.total, message };
        // Nobody listens when no call runs.
        let _ = self.progress.send(told);
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }

    async fn on_prompt_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }

    async fn on_resource_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }
}

/// What a call needs of a connection.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) peer: Peer<RoleClient>,
    pub(super) progress: broadcast::Sender<Told>,
    /// Told to when a call fails as if the server were gone.
    pub(super) suspect: Arc<Notify>,
    pub(super) words: LastWords,
}

/// A connection, held by the one task that keeps it.
pub(super) struct Connection {
    pub(super) service: RunningService<RoleClient, Handler>,
    pub(super) line: Line,
    pub(super) changed: Arc<Notify>,
    pub(super) process: Option<Process>,
    pub(super) protocol: String,
}

/// What a server has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    pub(crate) tools: Vec<Arc<ToolInfo>>,
    pub(crate) prompts: Vec<Listed>,
    pub(crate) resources: Vec<Listed>,
    /// What was left out, and why.
    pub(crate) left_out: Vec<String>,
}

/// Connects: starts the process or opens HTTP, and shakes hands in the newest way both know.
pub(super) async fn connect(config: &ServerConfig, base: &BTreeMap<String, String>) -> Result<Connection, String> {
    let words = LastWords::default();
    let (progress, _) = broadcast::channel(256);
    let (changed, suspect) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = Handler { progress: progress.clone(), changed: Arc::clone(&changed) };
    let mut process = None;
    let limit = config.connect_timeout;
    let shaken = match &config.transport {
        Transport::Stdio { .. } => {
            let (started, (stdout, stdin)) = child::start(&config.transport, base, &config.name, &words)?;
            process = Some(started);
            let transport = AsyncRwTransport::new_client(stdout, stdin).with_max_line_length(MESSAGE_BYTES_MAX + 1);
            tokio::time::timeout(limit, handler.serve_with_lifecycle(transport, lifecycle())).await
        }
        Transport::Builtin => {
            let (ours, theirs) = tokio::io::duplex(256 * 1024);
            tokio::spawn(crate::builtin::serve(theirs));
            let (read, write) = tokio::io::split(ours);
            let transport = AsyncRwTransport::new_client(Bounded::new(read, words.clone()), write);
            tokio::time::timeout(limit, handler.serve_with_lifecycle(transport, lifecycle())).await
        }
        Transport::Http { url, headers, bearer } => {
            let transport = http(url, headers, bearer.as_deref())?;
            tokio::time::timeout(limit, handler.serve_with_lifecycle(transport, lifecycle())).await
        }
    };
    let service = match shaken {
        Ok(Ok(service)) => service,
        failed => {
            let ended = match &mut process {
                // The pipe closes a moment before the process can be waited for.
                Some(process) => {
                    tokio::task::yield_now().await;
                    process.ended()
                }
                None => None,
            };
            let why = match failed {
                Ok(Err(error)) => clean::line(&chain(&error), LINE_CHARS_MAX),
                _ => format!("no handshake within {} s", limit.as_secs_f64()),
            };
            return Err([Some(why), ended, words.get()].into_iter().flatten().collect::<Vec<_>>().join("; "));
        }
    };
    let protocol = service.peer().peer_info().map_or_else(String::new, |info| info.protocol_version.to_string());
    let line = Line { peer: service.peer().clone(), progress, suspect, words };
    Ok(Connection { service, line, changed, process, protocol })
}

fn lifecycle() -> ClientLifecycleMode {
    ClientLifecycleMode::Auto { preferred_versions: vec![ProtocolVersion::V_2026_07_28], legacy_version: None }
}

fn http(
    url: &str,
    headers: &BTreeMap<String, String>,
    bearer: Option<&str>,
) -> Result<StreamableHttpClientTransport<reqwest::Client>, String> {
    // A second installation is refused, and the first one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .no_proxy()
        // A connection whose last answer was not read to its end costs 40 ms when it is used again.
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| format!("the client for HTTP can't be made: {error}"))?;
    let mut own = HashMap::new();
    for (name, value) in headers {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        let (name, value) = parsed.ok_or_else(|| format!("the header `{name}` is malformed"))?;
        own.insert(name, value);
    }
    let mut config = StreamableHttpClientTransportConfig::with_uri(url)
        .custom_headers(own)
        .max_sse_event_size(MESSAGE_BYTES_MAX)
        .max_json_response_size(MESSAGE_BYTES_MAX);
    if let Some(token) = bearer {
        config = config.auth_header(token);
    }
    Ok(StreamableHttpClientTransport::with_client(client, config))
}

/// An error and its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(one) = cause {
        let more = one.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = one.source();
    }
    text
}

/// Asks for everything that a server has.
pub(super) async fn list(peer: &Peer<RoleClient>, config: &ServerConfig) -> Result<Lists, String> {
    let info = peer.peer_info();
    let has =
        |what: fn(&rmcp::model::ServerCapabilities) -> bool| info.as_ref().is_none_or(|info| what(&info.capabilities));
    let mut lists = Lists::default();
    if has(|all| all.tools.is_some()) {
        let mut seen = BTreeSet::new();
        let tools =
            pages(peer, |params| ClientRequest::ListToolsRequest(ListToolsRequest::with_param(params)), TOOLS_MAX + 1);
        for tool in tools.await?.into_iter().filter_map(Item::tool) {
            match ToolInfo::read(&tool, config) {
                _ if lists.tools.len() >= TOOLS_MAX => {
                    lists.left_out.push(format!("more than {TOOLS_MAX} tools"));
                    break;
                }
                Ok(info) if !seen.insert(info.name.clone()) => {
                    lists.left_out.push(format!("a second tool `{}`", info.name));
                }
                Ok(info) => lists.tools.push(Arc::new(info)),
                Err(why) if lists.left_out.len() < 20 => lists.left_out.push(why),
                Err(_) => {}
            }
        }
    }
    // What follows is for people and models to look at: a server that can't list it is still of use.
    if has(|all| all.prompts.is_some()) {
        let prompts = |params| ClientRequest::ListPromptsRequest(ListPromptsRequest::with_param(params));
        let items = pages(peer, prompts, LISTED_MAX).await.unwrap_or_default();
        lists.prompts = items.iter().filter_map(Item::prompt).map(Listed::prompt).take(LISTED_MAX).collect();
    }
    if has(|all| all.resources.is_some()) {
        let resources = |params| ClientRequest::ListResourcesRequest(ListResourcesRequest::with_param(params));
        let items = pages(peer, resources, LISTED_MAX).await.unwrap_or_default();
        lists.resources = items.iter().filter_map(Item::resource).map(Listed::resource).take(LISTED_MAX).collect();
    }
    Ok(lists)
}

enum Item {
    Tool(Box<rmcp::model::Tool>),
    Prompt(Box<rmcp::model::Prompt>),
    Resource(Box<rmcp::model::Resource>),
}

impl Item {
    fn tool(self) -> Option<rmcp::model::Tool> {
        if let Self::Tool(tool) = self { Some(*tool) } else { None }
    }

    fn prompt(&self) -> Option<&rmcp::model::Prompt> {
        if let Self::Prompt(prompt) = self { Some(prompt) } else { None }
    }

    fn resource(&self) -> Option<&rmcp::model::Resource> {
        if let Self::Resource(resource) = self { Some(resource) } else { None }
    }
}

/// Reads a list to its end, or to where we stop believing it.
async fn pages(
    peer: &Peer<RoleClient>,
    request: impl Fn(PaginatedRequestParams) -> ClientRequest,
    items_max: usize,
) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let params = PaginatedRequestParams::default().with_cursor(cursor.take());
        let options = PeerRequestOptions::with_timeout(LIST_TIMEOUT);
        let answer = async { peer.send_cancellable_request(request(params), options).await?.await_response().await };
        let next = match answer.await {
            Ok(ServerResult::ListToolsResult(page)) => {
                items.extend(page.tools.into_iter().map(|tool| Item::Tool(Box::new(tool))));
                page.next_cursor
            }
            Ok(ServerResult::ListPromptsResult(page)) => {
                items.extend(page.prompts.into_iter().map(|prompt| Item::Prompt(Box::new(prompt))));
                page.next_cursor
            }
            Ok(ServerResult::ListResourcesResult(page)) => {
                items.extend(page.resources.into_iter().map(|resource| Item::Resource(Box::new(resource))));
                page.next_cursor
            }
            Ok(_) => return Err("it answers a list with something else".to_owned()),
            Err(error) => return Err(clean::line(&chain(&error), LINE_CHARS_MAX)),
        };
        match next {
            Some(next) if items.len() < items_max => cursor = Some(next),
            _ => break,
        }
    }
    items.truncate(items_max);
    Ok(items)
}

/// Follows the changes of the newer era, where a server tells only those who ask. Returns when the server
/// ends the subscription or has none.
pub(super) async fn follow(peer: Peer<RoleClient>, changed: Arc<Notify>) -> Result<(), ServiceError> {
    let filter = SubscriptionFilter::builder().tools_list_changed().prompts_list_changed().resources_list_changed();
    let mut subscription = peer.listen(filter.build()).await?;
    // What changed between listing and listening, nobody told us.
    changed.notify_one();
    while subscription.next().await?.is_some() {
        changed.notify_one();
    }
    Ok(())
}
