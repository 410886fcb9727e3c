//! Whatever is said, the planner answers: with a workflow that is a plan, or with help.

use partita_core::Diagnostic;
use partita_core::workflow::Purpose;
use partita_provider::{DraftError, DraftRequest, Planner, RefineRequest};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Map, Value, json};

use crate::support::planned;

fn answers(task: &str, context: &Map<String, Value>) {
    let request = DraftRequest { task: task.to_owned(), context: context.clone(), ..DraftRequest::default() };
    match Planner::new().draft(&request) {
        Ok(draft) => {
            let planned = planned(&draft.workflow, &Map::new(), Purpose::Validate);
            // A query that the author spelled out can be wrong by itself; that is theirs to mend.
            let is_ours = |issue: &Diagnostic| issue.is_error() && issue.code != "reference_in_code";
            assert!(!planned.issues.iter().any(is_ours), "{task:?}: {:#?}", planned.issues);
        }
        Err(DraftError::NotUnderstood { message, help, .. }) => assert!(!message.is_empty() && !help.is_empty()),
        Err(other) => panic!("{task:?}: {other}"),
    }
}

const WORDS: &[&str] = &[
    "check",
    "the",
    "disk",
    "and",
    "memory",
    "deploy",
    "web:v2",
    "to",
    "namespace",
    "shop",
    "but",
    "don't",
    "without",
    "rollback",
    "`make test`",
    "\"quoted",
    "`",
    "restart",
    "nginx",
    "then",
    ",",
    ".",
    ";",
    "\n",
    "1.",
    "- ",
    "back up",
    "/etc",
    "/backups",
    "keep",
    "5",
    "copies",
    "80%",
    "https://example.com/health",
    "retry",
    "3 times",
    "for each of",
    "a, b, c",
    "in parallel",
    "wait",
    "10 seconds",
    "slack",
    "#ops",
    "ops@example.com",
    "approval",
    "before",
    "after",
    "every day",
    "at 3am",
    "${x}",
    "$(touch x)",
    "🚀",
    "é",
    "tell",
    "build",
    "image",
    "push it",
    "it",
    "scale",
    "replicas",
    "postgres",
    "database",
    "query",
    "\"select 1\"",
    "clone",
    "certificate",
    "example.com",
    "on",
    "host",
    "if",
    "warn",
    "write",
    "a report",
    "to",
    "out.txt",
    "helm",
    "release",
    "terraform",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sentences_of_known_words(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..24)) {
        answers(&words.join(" "), &Map::new());
    }

    #[test]
    fn any_text(task in "\\PC{0,120}") {
        answers(&task, &Map::new());
    }

    #[test]
    fn any_value_in_the_context(value in "\\PC{0,40}") {
        let context = json!({"namespace": value, "app": value, "image": value, "services": [value], "image_tag": value, "environment": value});
        answers("deploy the application with monitoring", context.as_object().unwrap());
    }

    #[test]
    fn any_requirement(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..10), text in "\\PC{0,40}") {
        let draft = Planner::new().draft(&DraftRequest { task: "deploy web:v2 to namespace shop".to_owned(), ..DraftRequest::default() }).unwrap();
        let requirements = vec![words.join(" "), text];
        let request = RefineRequest { workflow: draft.workflow, requirements: requirements.clone(), previous_errors: requirements, ..RefineRequest::default() };
        let refined = Planner::new().refine(&request).unwrap();
        prop_assert_eq!(refined.changes.len() + refined.unmet.len(), 4);
        let planned = planned(&refined.workflow, &Map::new(), Purpose::Validate);
        prop_assert!(!planned.issues.iter().any(|issue| issue.is_error() && issue.code != "reference_in_code"), "{:#?}", planned.issues);
    }
}

#[test]
fn long_tasks_are_read_too() {
    answers(&"check the disk and ".repeat(550), &Map::new());
    answers(&"x".repeat(10_000), &Map::new());
    answers(&"run `echo hi`, then ".repeat(500), &Map::new());
    answers(&"(((`\"'".repeat(1_600), &Map::new());
}
