//! Every knob of the HTTP surface with its default and the reason for it.

use std::time::Duration;

use crate::app::Budgets;

/// How the server behaves at its edge. The defaults suit a server for one team on one machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// What `/health` and `/discover` call this server's version.
    pub version: String,
    /// What clients may find under `/discover`; shown, never used to connect.
    pub server_name: String,
    /// Origins whose pages may call the API from a browser; `*` allows all. Empty: none may.
    pub cors_origins: Vec<String>,
    /// Largest request body in bytes; that of the largest document.
    pub body_bytes_max: usize,
    /// Requests per minute that one key may make. Far above what people and their scripts need, far
    /// below what hurts.
    pub requests_per_minute: u32,
    /// Wrong keys per minute that one address may try.
    pub failed_logins_per_minute: u32,
    /// How often a silent stream says that it is alive. Clients with a read timeout of 5 s exist.
    pub heartbeat_every: Duration,
    /// How long a JSON answer may take before its headers are sent and blanks keep the client patient.
    pub padding_after: Duration,
    /// How often a blank is sent then.
    pub padding_every: Duration,
    /// How long a client may leave a write unread before it is cut off.
    pub write_timeout: Duration,
    /// How long a client may take to send the head of a request.
    pub header_timeout: Duration,
    /// How long open connections get to finish when the server stops.
    pub shutdown_grace: Duration,
    /// What may be spent on models. Any amount by default: without a configured model nothing is spent.
    pub budgets: Budgets,
    /// How long a session is kept after its latest turn.
    pub session_ttl: Duration,
    /// Longest wait that `Prefer: wait=N` can ask for.
    pub wait_max: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            server_name: "partita".to_owned(),
            cors_origins: Vec::new(),
            body_bytes_max: partita_core::limits::DOCUMENT_BYTES_MAX,
            requests_per_minute: 6_000,
            failed_logins_per_minute: 20,
            heartbeat_every: Duration::from_secs(2),
            padding_after: Duration::from_secs(3),
            padding_every: Duration::from_secs(2),
            write_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(10),
            budgets: Budgets::default(),
            session_ttl: Duration::from_secs(7 * 24 * 60 * 60),
            wait_max: Duration::from_secs(3_600),
        }
    }
}
