//! Every knob of the embedded engine with its default and the reason for it.

use std::time::Duration;

/// How much the engine does at a time.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// Runs that are driven at a time; others wait in the order in which they came.
    pub runs_active_max: usize,
    /// Runs that may be there and not have ended; beyond that, submissions are refused.
    pub runs_waiting_max: usize,
    /// Processes and requests at a time, over all runs. A machine with few cores gains nothing from more.
    pub attempts_max: usize,
    /// Messages that may wait for one run; a full mailbox slows the output of its steps down.
    pub mailbox: usize,
    /// Messages that one commit takes in.
    pub batch: usize,
    /// How long a commit waits before it is tried again when the store failed; doubles up to 64 times.
    pub store_retry: Duration,
    /// How long attempts get to end when the server stops.
    pub shutdown_grace: Duration,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            runs_active_max: 500,
            runs_waiting_max: 10_000,
            attempts_max: 128,
            mailbox: 128,
            batch: 128,
            store_retry: Duration::from_millis(100),
            shutdown_grace: Duration::from_secs(8),
        }
    }
}
