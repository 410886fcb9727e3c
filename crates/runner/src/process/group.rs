//! The process group of an attempt: asked to end, then killed, and never left behind.

use std::collections::HashSet;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::Instant;

/// After a kill, how long the system may take to end a process. Only one that hangs in the kernel
/// (a dead network file system) takes longer.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// The processes of one attempt. Dropped, it kills the whole group.
pub(crate) struct Group {
    /// The group's number; `None` once it has been ended.
    leader: Option<Pid>,
    /// `NAME=value` in the environment of every process of the attempt.
    marker: String,
}

impl Group {
    /// The group that a process leads.
    pub(crate) fn new(leader: Option<u32>, marker: String) -> Self {
        let leader = leader.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        Self { leader, marker }
    }

    /// Ends what is left of the group after its main process has ended, and returns how many processes that were.
    /// Costs one system call when there is nothing left, as usual. Processes that left the group
    /// on purpose are let go.
    pub(crate) async fn end_rest(&mut self, signal: Signal, grace: Duration) -> usize {
        let Some(leader) = self.leader else { return 0 };
        if kill_process_group(leader, signal).is_err() {
            self.leader = None;
            return 0;
        }
        // Somebody took the signal, even if nobody was there any more to be counted.
        self.end(signal, grace, Scope::Group).await.max(1)
    }

    /// Asks all processes of the attempt to end, also those that left the group, and kills what remains
    /// after the grace period. Returns when they are gone.
    pub(crate) async fn end_all(&mut self, signal: Signal, grace: Duration) {
        if let Some(leader) = self.leader {
            let _ = kill_process_group(leader, signal);
            self.end(signal, grace, Scope::Attempt).await;
        }
    }

    /// Nothing is left to be ended.
    fn disarm(&mut self) {
        self.leader = None;
    }
}

/// What is to be ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Group,
    Attempt,
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

#[cfg(target_os = "linux")]
impl Group {
    /// The group has got the signal; looks who is there until nobody is.
    async fn end(&mut self, signal: Signal, grace: Duration, scope: Scope) -> usize {
        use super::table::members;

        let Some(leader) = self.leader else { return 0 };
        let (mut asked, deadline) = (HashSet::new(), Instant::now() + grace);
        loop {
            let marker = self.marker.clone();
            let looked = tokio::task::spawn_blocking(move || members(leader, &marker)).await;
            let mut found = looked.unwrap_or_default();
            found.retain(|process| process.in_group || scope == Scope::Attempt);
            if found.is_empty() {
                self.disarm();
                return asked.len();
            }
            let kill = Instant::now() >= deadline;
            for process in &found {
                let news = asked.insert(process.pid);
                if kill {
                    process.signal(Signal::KILL);
                } else if news && !process.in_group {
                    process.signal(signal);
                }
            }
            if kill && Instant::now() >= deadline + KILL_PATIENCE {
                tracing::warn!(group = leader.as_raw_nonzero().get(), "processes do not end although they were killed");
                self.disarm();
                return asked.len();
            }
            let until = if kill { deadline + KILL_PATIENCE } else { deadline };
            let gone = futures::future::join_all(found.into_iter().map(super::table::Found::gone));
            let _ = tokio::time::timeout_at(until, gone).await;
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Group {
    /// The group has got the signal; asks the system until nobody is there. Without a process table to look
    /// into, processes that left the group are not found.
    async fn end(&mut self, signal: Signal, grace: Duration, scope: Scope) -> usize {
        const LOOK_AGAIN: Duration = Duration::from_millis(10);
        let Some(leader) = self.leader else { return 0 };
        let deadline = Instant::now() + grace;
        let _ = (signal, scope);
        while rustix::process::test_kill_process_group(leader).is_ok() && Instant::now() < deadline + KILL_PATIENCE {
            if Instant::now() >= deadline {
                let _ = kill_process_group(leader, Signal::KILL);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        self.disarm();
        1
    }
}
