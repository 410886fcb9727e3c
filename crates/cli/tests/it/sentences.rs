//! Sentences become runs with the host's real numbers.

use crate::bench::Bench;

/// The number of percent in a line, as `df` would say it too.
fn percent_in(text: &str, before: &str) -> Option<u32> {
    let rest = text.split(before).nth(1)?;
    rest.split('%').next()?.split_whitespace().next_back()?.parse().ok()
}

#[test]
fn a_report_is_written_and_a_warning_comes_above_the_threshold() {
    let bench = Bench::new();
    let said = bench.partita(&[
        "compose", "--act", "--yes",
        "Check disk space and memory on this host, write a report to report.txt, and warn if the disk is more than 0% full",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    let runs = bench.file("data/runs");
    let run = std::fs::read_dir(runs).unwrap().next().unwrap().unwrap().path();
    let report = std::fs::read_to_string(run.join("report.txt")).unwrap();
    let used = percent_in(&report, "Disk /: ").unwrap();
    assert!((1..=100).contains(&used), "{report}");
    assert!(report.contains("Memory: "), "{report}");
    assert!(said.stdout.contains(&format!("WARNING: disk / is {used}% full (threshold 0%)")), "{}", said.stdout);
}

#[test]
fn below_the_threshold_nothing_warns() {
    let bench = Bench::new();
    let said =
        bench.partita(&["compose", "--act", "--yes", "check the disk and alert me when it is above 100 percent"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!said.stdout.contains("| WARNING"), "{}", said.stdout);
}

#[test]
fn a_denial_is_heard() {
    let bench = Bench::new();
    let said = bench.partita(&[
        "compose",
        "--act",
        "--yes",
        "Check disk space and memory on this host but don't write a file, and warn above 0%",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!said.stdout.contains("write_report") && said.stdout.contains("WARNING"), "{}", said.stdout);
}

#[test]
fn nothing_that_nobody_has_seen_runs_without_a_yes() {
    let bench = Bench::new();
    let said = bench.partita(&["compose", "--act", "run `touch done`"]);
    assert_ne!(said.code, 0, "{said:?}");
    assert!(said.stderr.contains("--yes"), "{}", said.stderr);
    let listed = bench.partita(&["runs", "list", "--output", "json"]);
    assert!(!listed.stdout.contains("exec_"), "{listed:?}");
}

#[test]
fn words_that_mean_nothing_here_are_refused_with_help() {
    let bench = Bench::new();
    let said = bench.partita(&["compose", "make me a sandwich"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.stderr.contains("did not understand") && said.stderr.contains("templates"), "{}", said.stderr);
}

#[test]
fn missing_values_are_asked_for_and_never_made_up() {
    let mut bench = Bench::new();
    bench.recording(&["kubectl"]);
    let said = bench.partita(&[
        "compose",
        "--act",
        "--yes",
        "Deploy the web service to namespace shop and roll back if it fails",
    ]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("image_tag"), "{}", said.stderr);
    let said = bench.partita(&[
        "compose",
        "--act",
        "--yes",
        "-p",
        "image_tag=v2",
        "Deploy the web service to namespace shop and roll back if it fails",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(bench.calls().contains("kubectl set image deployment/web web=web:v2 -n shop"), "{}", bench.calls());
}
