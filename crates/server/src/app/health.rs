//! Whether the server lives, and whether it can work.

use partita_core::{Millis, TenantId};
use partita_store::RunFilter;

use super::{App, AppError};

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

/// Whether the server can take work: it is not stopping, and its store answers.
pub(crate) async fn ready(app: &App) -> Result<(), AppError> {
    if app.closing.is_cancelled() {
        return Err(AppError::ShuttingDown);
    }
    let filter = RunFilter { tenant: TenantId::default(), status: None, workflow: None, limit: 1, cursor: None };
    app.parts.log.list(filter).await?;
    Ok(())
}
