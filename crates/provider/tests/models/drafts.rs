//! The table: what a caller gets for everything that a model can do wrong, from the bytes of its server
//! to the plan or the error.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use expect_test::expect_file;
use partita_core::tool::Catalogue;
use partita_core::workflow::{PlanRequest, Planned, Purpose, Workflow, plan};
use partita_provider::model::{ModelConfig, Vendor};
use partita_provider::{
    AdkConfig, AdkProvider, Call, ComposeError, Composed, DraftError, DraftRequest, ModelFailure, Progress,
    ProgressEvent, compose,
};
use serde_json::json;
use tokio::sync::mpsc;

use crate::server::{Act, Reply, Server, chunk, json as json_reply, stream, stream_head};
use crate::shapes::{Answer, VENDORS, events, finish, label};
use crate::talk::{KEY, gateway, model};

const GOOD: &str = r#"{"name":"disk","steps":[{"name":"look","tool":"df","parameters":{"path":"/"}}]}"#;

/// A server that says each of these in turn.
fn says(vendor: Vendor, texts: &[&'static str]) -> Vec<Reply> {
    texts.iter().map(|text| ends(vendor, text, "stop")).collect()
}

fn ends(vendor: Vendor, text: &'static str, why: &str) -> Reply {
    // Cut in the middle, wherever that is.
    let at = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let pieces = [&text[..at], &text[at..]];
    stream(&events(vendor, &Answer { finish: Some(finish(vendor, why)), ..Answer::text(&pieces) }))
}

fn looks(vendor: Vendor) -> Reply {
    let calls = vec![("list_tools", vec!["{\"words\":", "\"disk\"}"]), ("no_such_look_up", vec!["{}"])];
    stream(&events(vendor, &Answer { calls, finish: Some(finish(vendor, "tools")), ..Answer::default() }))
}

fn large(vendor: Vendor) -> Reply {
    let piece: &'static str = (0..12_000).map(|number| format!("{number} ")).collect::<String>().leak();
    stream(&events(vendor, &Answer { finish: Some(finish(vendor, "stop")), ..Answer::text(&[piece; 160]) }))
}

type Case = (&'static str, fn(Vendor) -> Vec<Reply>);

const CASES: &[Case] = &[
    ("a plan", |v| says(v, &[GOOD])),
    ("look-ups, then a plan", |v| vec![looks(v), ends(v, GOOD, "stop")]),
    ("a fence and prose", |v| {
        says(
            v,
            &[
                "Here you are:\n```json\n{\"name\":\"disk\",\"steps\":[{\"name\":\"look\",\"tool\":\"df\",\"parameters\":{\"path\":\"/\"}}]}\n```\nEnjoy.",
            ],
        )
    }),
    ("trailing commas", |v| {
        says(v, &[r#"{"name":"disk","steps":[{"name":"look","tool":"df","parameters":{"path":"/",},},],}"#])
    }),
    ("single quotes", |v| {
        says(v, &["{'name':'disk','steps':[{'name':'look','tool':'df','parameters':{'path':'/'}}]}"])
    }),
    ("YAML", |v| says(v, &["name: disk\nsteps:\n  - name: look\n    tool: df\n    parameters: {path: /}\n"])),
    ("cut at the limit, then shorter", |v| {
        vec![ends(v, r#"{"name":"disk","steps":[{"name":"lo"#, "length"), ends(v, GOOD, "stop")]
    }),
    ("YAML cut at the limit, always", |v| {
        (0..3).map(|_| ends(v, "name: disk\nsteps:\n  - name: look\n    tool: df\n", "length")).collect()
    }),
    ("wrong types", |v| says(v, &[r#"{"name":7,"steps":"look"}"#; 3])),
    ("an unknown tool, then mended", |v| {
        says(v, &[r#"{"name":"disk","steps":[{"name":"look","tool":"dff","parameters":{"path":"/"}}]}"#, GOOD])
    }),
    ("an unknown tool, always", |v| {
        says(v, &[r#"{"name":"disk","steps":[{"name":"look","tool":"dff","parameters":{"path":"/"}}]}"#; 3])
    }),
    ("invented parameters", |v| {
        says(v, &[r#"{"name":"disk","steps":[{"name":"look","tool":"df","parameters":{"paht":"/","magic":true}}]}"#; 3])
    }),
    ("a cycle", |v| {
        says(
            v,
            &[r#"{"name":"disk","steps":[{"name":"a","tool":"df","depends":["b"]},{"name":"b","tool":"df","depends":["a"]}]}"#;
                3],
        )
    }),
    ("duplicate names", |v| {
        says(v, &[r#"{"name":"disk","steps":[{"name":"a","tool":"df"},{"name":"a","tool":"df"}]}"#; 3])
    }),
    ("no steps", |v| says(v, &[r#"{"name":"disk","steps":[]}"#; 3])),
    ("two different plans", |v| {
        says(v, &["```json\n{\"name\":\"a\",\"steps\":[]}\n```\nor\n```json\n{\"name\":\"b\",\"steps\":[]}\n```"; 3])
    }),
    ("a refusal in words", |v| says(v, &["I'm sorry, but I can't help with that."; 3])),
    ("a refusal by the vendor", |v| vec![ends(v, "No.", "filter")]),
    ("blanks", |v| says(v, &["  \n "; 8])),
    ("a bomb of brackets", |v| {
        let bomb: &'static str = "{\"steps\":[".repeat(500).leak();
        says(v, &[bomb; 3])
    }),
    ("10 MB", |v| (0..8).map(|_| large(v)).collect()),
    ("the connection cut in the middle", |v| {
        let start = events(v, &Answer::text(&["{\"name\":"]));
        vec![vec![stream_head(), chunk(start.as_bytes())]]
    }),
    ("silent in the middle", |v| {
        let start = events(v, &Answer::text(&["{\"name\":"]));
        vec![vec![stream_head(), chunk(start.as_bytes()), Act::Hang]]
    }),
    ("silent from the start", |_| vec![vec![Act::Hang], vec![Act::Hang]]),
    ("401", |_| vec![json_reply("401 Unauthorized", &[], &json!({"error": {"message": "bad key sk-very-secret"}}))]),
    ("429 for an hour", |_| vec![json_reply("429 Too Many Requests", &[("retry-after", "3600")], &json!({}))]),
    ("500, twice", |_| vec![json_reply("500 Internal Server Error", &[], &json!({})); 2]),
    ("an unknown tool, then 500 twice", |v| {
        let mut replies = says(v, &[r#"{"name":"disk","steps":[{"name":"look","tool":"dff"}]}"#]);
        replies.extend(vec![json_reply("500 Internal Server Error", &[], &json!({})); 2]);
        replies
    }),
];

fn check(workflow: &Workflow) -> Planned {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::builtin);
    plan(workflow, &PlanRequest::lenient(&CATALOGUE, Purpose::Validate))
}

/// What the server's status is for an error, and what it tells.
fn told(outcome: &Result<Composed, ComposeError>) -> String {
    match outcome {
        Ok(composed) => {
            assert!(!composed.workflow.steps.is_empty() && composed.planned.is_valid());
            let rounds = composed.metadata.iterations;
            format!(
                "plan of {} step(s) in round {rounds}, {} calls",
                composed.workflow.steps.len(),
                composed.metadata.usage.calls
            )
        }
        Err(ComposeError::Invalid { iterations, issues, draft }) => {
            assert!(issues.iter().any(partita_core::Diagnostic::is_error));
            let codes: BTreeSet<&str> =
                issues.iter().filter(|issue| issue.is_error()).map(|issue| issue.code.as_str()).collect();
            format!(
                "422 after {iterations} rounds: {}; {} bytes of draft",
                codes.into_iter().collect::<Vec<_>>().join(", "),
                draft.len()
            )
        }
        Err(ComposeError::Draft(DraftError::Model { failure: failure @ ModelFailure::TimedOut { .. }, .. })) => {
            format!("504 {failure}")
        }
        Err(ComposeError::Draft(error)) => format!("502 {error}"),
    }
}

async fn outcome(vendor: Vendor, replies: Vec<Reply>) -> (String, usize) {
    let server = Server::start(replies).await;
    let config = ModelConfig { first_byte_ms: 400, idle_ms: 400, ..model("m", vendor, &server) };
    let models = Arc::new(gateway(vec![config]).0);
    let provider = AdkProvider::new(AdkConfig::default(), models).unwrap();
    let (tx, mut progress) = mpsc::channel(100_000);
    let call = Call { retries_max: 1, progress: Progress::to(tx), ..Call::default() };
    let request = DraftRequest { task: "Look at the disk".to_owned(), ..DraftRequest::default() };
    let composed = compose(&provider, request, &call, &check, 3).await;
    drop(call);
    let mut line = told(&composed);
    while let Some(event) = progress.recv().await {
        if let ProgressEvent::Warning { code: "draft_mended", message } = event {
            let _ = write!(line, "; {message}");
        }
    }
    let sent = server.requests();
    for request in &sent {
        assert!(!request.body.to_string().contains(KEY), "a key is in what was sent");
    }
    (line, sent.len())
}

#[tokio::test]
async fn for_everything_that_a_model_does_wrong_the_caller_gets_a_plan_or_a_clear_error() {
    let mut table = String::new();
    for (name, replies) in CASES {
        let _ = writeln!(table, "{name}");
        for vendor in VENDORS {
            let (line, sent) = outcome(vendor, replies(vendor)).await;
            assert!(!line.contains(KEY), "{name}: {line}");
            let _ = writeln!(table, "  {:9} {line}; {sent} sent", label(vendor));
        }
    }
    expect_file!["../../testdata/wire/drafts.txt"].assert_eq(&table);
}
