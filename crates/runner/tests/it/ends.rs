//! How attempts are ended: asked first, killed later, with everything they started.

use std::time::{Duration, Instant};

use partita_core::task::OutcomeResult;
use partita_runner::{LocalOptions, LocalRunner, Runner};

use crate::bench::{Bench, PATIENCE, environment, sh};

/// Waits until a process is gone.
async fn gone(pid: &str) -> bool {
    let path = format!("/proc/{pid}/stat");
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        // A zombie that nobody has waited for yet does nothing any more.
        match std::fs::read_to_string(&path) {
            Err(_) => return true,
            Ok(stat) if stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z') => return true,
            Ok(_) => tokio::task::yield_now().await,
        }
    }
    false
}

#[tokio::test]
async fn a_step_that_is_asked_to_end_may_tidy_up() {
    let bench = Bench::new();
    let mut running = bench.start(sh("trap 'echo tidied up; exit 0' TERM; echo ready; while :; do sleep 0.05; done"));
    running.until("ready").await;
    running.stop.cancel();
    let carried = running.finish().await;
    assert_eq!(carried.outcome.result, OutcomeResult::Stopped);
    assert!(carried.stdout().contains("tidied up"), "{carried:?}");
}

#[tokio::test]
async fn a_step_that_does_not_listen_is_killed_with_all_that_it_started() {
    let bench = Bench::new();
    let mut task =
        sh("trap '' TERM; sh -c 'trap \"\" TERM; echo child $$; while :; do sleep 0.05; done' & echo ready; wait");
    task.grace_ms = 200;
    let mut running = bench.start(task);
    let seen = running.until("child").await;
    let child = seen.split("child ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap().to_owned();
    running.stop.cancel();
    let carried = running.finish().await;
    assert_eq!(carried.outcome.result, OutcomeResult::Stopped);
    assert!(gone(&child).await, "process {child} is still there");
}

#[tokio::test]
async fn what_a_step_leaves_running_is_ended_and_said() {
    let bench = Bench::new();
    let carried = bench.sh("sleep 600 & echo left $!").await;
    assert_eq!(carried.outcome.result, OutcomeResult::Success);
    let left = carried.stdout().split("left ").nth(1).unwrap().trim().to_owned();
    assert!(gone(&left).await, "process {left} is still there");
    assert!(carried.stderr().contains("left running"), "{carried:?}");
}

#[tokio::test]
async fn what_a_dead_server_left_behind_is_ended_before_anything_goes_on() {
    let bench = Bench::new();
    let mut running = bench.start(sh("echo pid $$; exec sleep 600"));
    let seen = running.until("pid").await;
    let pid = seen.split("pid ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap().to_owned();
    // The same data directory, the next start.
    let options = LocalOptions::new(environment(), bench.data_dir.path().to_owned(), "boot-next".to_owned());
    LocalRunner::new(options).end_strays().await;
    assert!(gone(&pid).await, "process {pid} is still there");
    let carried = running.finish().await;
    assert!(!carried.outcome.is_success(), "{carried:?}");
}

#[tokio::test]
async fn a_step_that_prints_without_end_costs_no_memory_and_is_cut() {
    let bench = Bench::new();
    let mut task = sh("head -c 200000000 /dev/zero | tr '\\0' 'x'; echo; echo done");
    task.log_bytes_max = 100_000;
    task.output_bytes_max = 1_000;
    let carried = bench.run(task).await;
    assert!(carried.outcome.is_success(), "{:?}", carried.outcome.result);
    assert!(carried.outcome.output_truncated && carried.output().len() <= 1_000);
    let printed: usize = carried.pieces.iter().map(|piece| piece.text.len()).sum();
    assert!(printed < 101_000, "{printed}");
    assert!(carried.pieces.iter().all(|piece| piece.text.len() <= 8 * 1024));
    assert!(carried.stdout().contains("log limit"), "the cut is said");
}

#[tokio::test]
async fn bytes_that_are_no_text_become_text() {
    let carried = Bench::new().sh("printf 'a\\377b\\303'; printf '\\251c\\n'").await;
    assert_eq!(carried.stdout(), "a\u{fffd}b\u{e9}c\n");
}

#[tokio::test]
async fn a_wait_can_be_stopped() {
    let bench = Bench::new();
    let running = bench.start(crate::bench::task(partita_core::task::TaskAction::Wait { duration_ms: 600_000 }));
    running.stop.cancel();
    let begun = Instant::now();
    assert_eq!(running.finish().await.outcome.result, OutcomeResult::Stopped);
    assert!(begun.elapsed() < Duration::from_secs(10));
}
