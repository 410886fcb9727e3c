//! What the planner makes of sentences: `testdata/sentences.txt` holds each sentence (after `>`, with its
//! context after `||`) and what becomes of it. `UPDATE_EXPECT=1` writes the file anew.

use crate::support::{planned, summary};
use expect_test::expect_file;
use partita_core::workflow::{Purpose, to_value};
use partita_provider::{DraftError, DraftRequest, Planner};
use serde_json::{Map, Value, json};

fn told(line: &str) -> String {
    let (task, context) = line.split_once(" || ").unwrap_or((line, "{}"));
    let context: Map<String, Value> = serde_json::from_str(context).unwrap();
    let request = DraftRequest { task: task.replace("\\n", "\n"), context, ..DraftRequest::default() };
    match Planner::new().draft(&request) {
        Ok(draft) => {
            let planned = planned(&draft.workflow, &Map::new(), Purpose::Validate);
            assert!(planned.is_valid(), "{task}: {:#?}\n{:#}", planned.issues, to_value(&draft.workflow));
            summary(&draft.workflow, &draft.suggestions)
        }
        Err(DraftError::NotUnderstood { message, help, suggestions }) => {
            assert!(!help.is_empty() && !suggestions.is_empty());
            format!("  not understood: {message}\n")
        }
        Err(other) => panic!("{task}: {other}"),
    }
}

#[test]
fn sentences_become_what_they_ask_for() {
    let text = include_str!("../../testdata/sentences.txt");
    let sentences: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("> ")).collect();
    assert!(sentences.len() >= 60, "{}", sentences.len());
    let found: Vec<String> = sentences.iter().map(|line| format!("> {line}\n{}", told(line))).collect();
    expect_file!["../../testdata/sentences.txt"].assert_eq(&found.join("\n"));
}

#[test]
fn the_same_words_give_the_same_workflow() {
    let request = DraftRequest {
        task: "Deploy microservices with monitoring and logging".to_owned(),
        context: json!({"services": ["api", "web"], "environment": "production"}).as_object().unwrap().clone(),
        ..DraftRequest::default()
    };
    let drafts = [Planner::new().draft(&request).unwrap(), Planner::new().draft(&request).unwrap()];
    assert_eq!(drafts[0].workflow, drafts[1].workflow);
}

#[test]
fn a_model_that_is_not_there_is_said_and_the_planner_names_itself() {
    let request = DraftRequest {
        task: "restart the nginx service".to_owned(),
        model: Some("deepseek-ai/DeepSeek-V3".to_owned()),
        ..DraftRequest::default()
    };
    let draft = Planner::new().draft(&request).unwrap();
    assert!(draft.suggestions.iter().any(|text| text.contains("deepseek-ai/DeepSeek-V3")), "{:?}", draft.suggestions);
}
