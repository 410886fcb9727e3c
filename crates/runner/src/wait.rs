//! Waits. No process, no allocation of its own: `wait 0` is what one uses to measure everything else.

use std::time::Duration;

use partita_core::Millis;
use partita_core::task::{Outcome, OutcomeResult};
use tokio_util::sync::CancellationToken;

/// Waits for a duration, or until it is told to stop.
pub(crate) async fn carry_out(duration_ms: Millis, stop: &CancellationToken) -> Outcome {
    if duration_ms > 0 {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_millis(duration_ms)) => return Outcome::of(OutcomeResult::Success),
        }
    } else if !stop.is_cancelled() {
        return Outcome::of(OutcomeResult::Success);
    }
    Outcome::of(OutcomeResult::Stopped)
}
