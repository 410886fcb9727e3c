//! Every example runs, and ends as it should.

use crate::bench::Bench;

fn ends(name: &str, code: i32, text: &str) {
    let bench = Bench::new();
    let file = format!("{}/../../examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let said = bench.partita(&["run", &file]);
    assert_eq!(said.code, code, "{name}: {said:?}");
    assert!(said.stdout.contains(text), "{name}: {}", said.stdout);
}

#[test]
fn they_end_as_they_should() {
    ends("host-health", 0, "report: success");
    ends("parallel-checks", 0, "join: success");
    ends("third-try", 0, "it took until try 3");
    ends("outputs", 0, "built web:v1.4.2");
    ends("foreach", 0, "looking at worker");
    ends("repeat-until", 0, "use-it: success");
    ends("http-call", 0, "the service is green with 3 nodes");
    ends("directory-backup", 0, "verify: success");
}

#[test]
fn a_failure_takes_back_what_was_done() {
    ends("rollback", 7, "rollback: rolled_back");
}
