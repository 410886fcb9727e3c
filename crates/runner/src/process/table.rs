//! The process table of Linux: who belongs to a group, who carries a marker. Nothing is remembered
//! between two looks; a process is held by a descriptor (`pidfd`), so a number that was given to
//! another process meanwhile is never signalled.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};

/// A process that lives.
pub(crate) struct Found {
    pub(crate) pid: Pid,
    /// Whether it is in the group that was asked for.
    pub(crate) in_group: bool,
    started: u64,
    handle: OwnedFd,
}

/// Between two looks at a process that takes its time to end.
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// What `/proc/<pid>/stat` tells.
#[derive(Clone, Copy)]
struct Stat {
    parent: i32,
    group: i32,
    started: u64,
    zombie: bool,
}

/// All that belongs to an attempt: its group, those that carry its marker, and their descendants.
pub(crate) fn members(group: Pid, marker: &str) -> Vec<Found> {
    let table = read_table();
    let marked = |pid: i32| environment_has(pid, |entry| entry == marker.as_bytes());
    let mut chosen: BTreeMap<i32, bool> = BTreeMap::new();
    for (pid, stat) in &table {
        let in_group = stat.group == group.as_raw_nonzero().get();
        if in_group || marked(*pid) {
            chosen.insert(*pid, in_group);
        }
    }
    loop {
        let more: Vec<i32> = table
            .iter()
            .filter(|(pid, stat)| !chosen.contains_key(pid) && chosen.contains_key(&stat.parent))
            .map(|(pid, _)| *pid)
            .collect();
        if more.is_empty() {
            break;
        }
        chosen.extend(more.into_iter().map(|pid| (pid, false)));
    }
    chosen.into_iter().filter_map(|(pid, in_group)| hold(pid, table.get(&pid)?, in_group)).collect()
}

/// Those that an earlier server start of the same data directory left behind.
pub(crate) fn strays(data_marker: &str, boot_marker: &str) -> Vec<Found> {
    let boot_name = boot_marker.split_once('=').map_or(boot_marker, |(name, _)| name);
    let is_stray = |pid: i32| {
        environment_has(pid, |entry| entry == data_marker.as_bytes())
            && environment_has(pid, |entry| {
                entry.strip_prefix(boot_name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
                    && entry != boot_marker.as_bytes()
            })
    };
    let table = read_table();
    table.iter().filter(|(pid, _)| is_stray(**pid)).filter_map(|(pid, stat)| hold(*pid, stat, false)).collect()
}

impl Found {
    /// Sends a signal; `false` when the process is gone.
    pub(crate) fn signal(&self, signal: Signal) -> bool {
        pidfd_send_signal(&self.handle, signal).is_ok()
    }

    /// Waits until the process has ended, whether or not its parent has taken notice. Nothing tells of the
    /// end of a process that is not our child without `unsafe`, so this looks again and again, ever less often.
    pub(crate) async fn gone(self) {
        let mut pause = Duration::from_millis(1);
        while still_there(self.pid, self.started) {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

fn still_there(pid: Pid, started: u64) -> bool {
    read_stat(pid.as_raw_nonzero().get()).is_some_and(|stat| stat.started == started && !stat.zombie)
}

/// Every living process but this one.
fn read_table() -> BTreeMap<i32, Stat> {
    let own = getpid().as_raw_nonzero().get();
    let Ok(entries) = std::fs::read_dir("/proc") else { return BTreeMap::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let rows = pids.filter(|pid| *pid != own).filter_map(|pid| Some((pid, read_stat(pid)?)));
    rows.filter(|(_, stat)| !stat.zombie).collect()
}

fn read_stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything, parentheses too.
    let after = text.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(&text[after..]).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Stat {
        zombie: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

fn environment_has(pid: i32, matches: impl Fn(&[u8]) -> bool) -> bool {
    // Processes of other users can't be read, and are not ours.
    std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|text| text.split(|byte| *byte == 0).any(matches))
}

/// Takes hold of a process, unless its number names another one by now.
fn hold(pid: i32, seen: &Stat, in_group: bool) -> Option<Found> {
    let number = Pid::from_raw(pid)?;
    let handle = pidfd_open(number, PidfdFlags::empty()).ok()?;
    let started = seen.started;
    still_there(number, started).then_some(Found { pid: number, in_group, started, handle })
}
