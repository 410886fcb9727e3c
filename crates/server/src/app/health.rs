//! Whether the server lives.

use partita_core::Millis;

use super::App;

/// How the server does.
pub(crate) struct Health {
    pub(crate) at: Millis,
    pub(crate) uptime_ms: Millis,
}

/// Tells that this process answers.
pub(crate) fn health(app: &App) -> Health {
    let at = (app.parts.now)();
    Health { at, uptime_ms: at.saturating_sub(app.started_at) }
}
