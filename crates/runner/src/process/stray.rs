//! Processes that earlier servers of a data directory left behind. Found by the markers in their
//! environment, not by stored numbers, which may name other processes by now.

use crate::environment::BaseEnvironment;

/// Between being asked to end and being killed.
#[cfg(target_os = "linux")]
const GRACE: std::time::Duration = std::time::Duration::from_secs(2);

/// Ends them and returns when they are gone.
#[cfg(target_os = "linux")]
pub(crate) async fn end_strays(base: &BaseEnvironment) {
    use rustix::process::Signal;
    use tokio::time::Instant;

    use super::table::{Found, strays};
    use crate::environment::{MARKER_BOOT, MARKER_DATA};

    let data_marker = format!("{MARKER_DATA}={}", base.data_digest());
    let boot_marker = format!("{MARKER_BOOT}={}", base.boot_id());
    let deadline = Instant::now() + GRACE;
    loop {
        let (data, boot) = (data_marker.clone(), boot_marker.clone());
        let found = tokio::task::spawn_blocking(move || strays(&data, &boot)).await.unwrap_or_default();
        if found.is_empty() {
            return;
        }
        let late = Instant::now() >= deadline;
        if Instant::now() >= deadline + GRACE {
            tracing::warn!(count = found.len(), "processes of an earlier server do not end although they were killed");
            return;
        }
        for process in &found {
            let pid = process.pid.as_raw_nonzero().get();
            tracing::info!(pid, kill = late, "ending a process that an earlier server left behind");
            process.signal(if late { Signal::KILL } else { Signal::TERM });
        }
        let until = if late { deadline + GRACE } else { deadline };
        let gone = futures::future::join_all(found.into_iter().map(Found::gone));
        let _ = tokio::time::timeout_at(until, gone).await;
    }
}

/// Says that nothing can be done: this system shows no environments of other processes.
///
/// An attempt that was in flight is `Lost` all the same and decided by its policy; what it left running
/// is the operator's to end.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn end_strays(base: &BaseEnvironment) {
    tracing::warn!(
        data = base.data_digest(),
        boot = base.boot_id(),
        "this system does not show who started a process: processes of an earlier server, if any, go on"
    );
}
