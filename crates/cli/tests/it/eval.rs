//! The planner is held to its scores, through the command that anyone can run.

use serde_json::Value;

use crate::bench::{Bench, Said};

fn scored(bench: &Bench, name: &str, arguments: &[&str]) -> Said {
    let file = format!("{}/../provider/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    bench.partita(&[&["eval", &file], arguments].concat())
}

/// The share of facts that a set has, in percent; its workflows are all valid, its refusals all right.
fn percent(name: &str) -> f64 {
    let said = scored(&Bench::new(), name, &["--output", "json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let scores: Value = serde_json::from_str(&said.stdout).unwrap();
    let total = &scores["total"];
    assert_eq!(total["refusals_right"], total["refusals"], "{total}");
    let made = scores["sentences"].as_array().unwrap().iter().filter(|one| one["refused"] == false);
    assert!(made.clone().all(|one| one["valid"] == true), "{total}");
    total["facts_percent"].as_f64().unwrap()
}

#[test]
fn the_sentences_that_the_planner_was_built_on_keep_their_score() {
    let percent = percent("eval.yaml");
    assert!(percent >= 99.0, "{percent}");
}

/// The set that docs/planner.md shows can be scored, and everything that it expects is there.
#[test]
fn the_set_in_the_documentation_is_one() {
    let path = format!("{}/../../docs/planner.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let set = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("\n```").next()).unwrap();
    let bench = Bench::new();
    std::fs::write(bench.file("set.yaml"), set).unwrap();
    let said = bench.partita(&["eval", "set.yaml", "--at-least", "100"]);
    assert_eq!(said.code, 0, "{said:?}");
}

/// The scores that docs/planner.md names for sentences that the planner was changed for later, or never.
#[test]
fn other_sentences_keep_theirs() {
    let [second, third] = ["eval-second.yaml", "eval-third.yaml"].map(percent);
    assert!(second >= 99.0 && third >= 99.0, "{second} {third}");
    let held_out = scored(&Bench::new(), "eval-held-out.yaml", &["--at-least", "88"]);
    assert_eq!(held_out.code, 0, "{}", held_out.stdout);
}

#[test]
fn a_score_below_what_is_asked_for_is_an_exit_code_and_a_broken_set_is_told() {
    let bench = Bench::new();
    let set = "cases:\n  - { category: a, say: wait 5 seconds, facts: [ { step: '^wait' }, { step: nothing } ] }\n  - { category: b, say: florp, refused: true }\n";
    std::fs::write(bench.file("set.yaml"), set).unwrap();
    let said = bench.partita(&["eval", "set.yaml", "--at-least", "50"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("lacks step nothing") && said.stdout.contains("1/2"), "{said:?}");
    assert_eq!(bench.partita(&["eval", "set.yaml", "--at-least", "51"]).code, 1);
    let said = bench.partita(&["eval", "set.yaml", "--model", "gpt-4"]);
    assert_eq!(said.code, 6, "a score of the planner is none of a model: {said:?}");
    for (text, told) in [
        ("cases: []", "no list `cases`"),
        ("cases: [{ category: a, say: b }]", "expects nothing"),
        ("cases: [{ category: a, say: b, facts: [{ stp: x }] }]", "sentence 1 (`b`)"),
        ("cases: [{ category: a, say: b, facts: [{ step: '(' }] }]", "sentence 1"),
    ] {
        std::fs::write(bench.file("set.yaml"), text).unwrap();
        let said = bench.partita(&["eval", "set.yaml"]);
        assert!(said.code == 3 && said.stderr.contains(told), "{text}: {said:?}");
    }
}
