//! The server dies at awkward moments, again and again; a file that it does not know of tells what its
//! steps really did.

use std::time::{Duration, Instant};

use crate::bench::{Bench, KEY};

/// Steps that leave a mark each time they finish their work.
fn workflow(bench: &Bench, fails: bool) -> String {
    let effects = bench.file("effects");
    let mut text = String::from("name: crash\non_failure: rollback\nsteps:\n");
    for step in 1..=6 {
        text.push_str(&format!(
            "  - name: s{step}\n    command: sleep 0.05; echo do {step} >> '{0}'\n    retry: {{max_attempts: 50, delay: 10ms}}\n    rollback: {{command: \"sleep 0.05; echo undo {step} >> '{0}'\", retry: {{max_attempts: 50, delay: 10ms}}}}\n",
            effects.display()
        ));
    }
    if fails {
        text.push_str("  - name: broken\n    command: exit 9\n");
    }
    text
}

/// Starts a run, kills the server a few times, and waits for the run's end by itself.
fn survive(fails: bool) -> (String, Vec<String>) {
    let bench = Bench::new();
    std::fs::write(bench.file("w.yaml"), workflow(&bench, fails)).unwrap();
    let mut server = bench.serve();
    let said = bench.partita(&["--server", &server.url, "--key", KEY, "run", "--detach", "w.yaml"]);
    assert_eq!(said.code, 0, "{said:?}");
    let run = said.stdout.trim().to_owned();
    for kill in 0..5u64 {
        std::thread::sleep(Duration::from_millis(60 + 37 * kill));
        server.kill();
        server = bench.serve();
    }
    let begun = Instant::now();
    let status = loop {
        let said = bench.partita(&["--server", &server.url, "--key", KEY, "runs", "show", &run, "--output", "json"]);
        let shown: serde_json::Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        let status = shown["status"].as_str().unwrap_or_default().to_owned();
        if ["success", "failed", "rolled_back", "rollback_failed"].contains(&status.as_str()) {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no end in sight: {said:?}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let effects = std::fs::read_to_string(bench.file("effects")).unwrap_or_default();
    (status, effects.lines().map(str::to_owned).collect())
}

/// The order in which things happened for the last time. A killed attempt may have left its mark before
/// its end was recorded, so a mark may be there twice; but nothing may happen again after what follows it.
fn in_order(effects: &[String], expected: &[&str]) {
    let mut at = 0;
    for effect in effects {
        if at < expected.len() && effect == expected[at] {
            at += 1;
        } else {
            assert!(
                at > 0 && effect == expected[at - 1],
                "`{effect}` happened again after what follows it: {effects:?}"
            );
        }
    }
    assert_eq!(at, expected.len(), "{effects:?}");
}

#[test]
fn a_run_goes_on_by_itself_and_no_finished_step_runs_again() {
    let (status, effects) = survive(false);
    assert_eq!(status, "success", "{effects:?}");
    in_order(&effects, &["do 1", "do 2", "do 3", "do 4", "do 5", "do 6"]);
}

#[test]
fn a_rollback_goes_on_by_itself() {
    let (status, effects) = survive(true);
    assert_eq!(status, "rolled_back", "{effects:?}");
    in_order(
        &effects,
        &["do 1", "do 2", "do 3", "do 4", "do 5", "do 6", "undo 6", "undo 5", "undo 4", "undo 3", "undo 2", "undo 1"],
    );
}
