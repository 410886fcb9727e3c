//! What goes out, and what comes back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::scripted::{Scripted, calls, check, ends, good, listened, provider, says, text_of, told};
use crate::adk::{AdkConfig, AdkProvider};
use crate::call::{Call, ProgressEvent};
use crate::compose::{ComposeError, compose, refine};
use crate::model::{ChatEvent, Finish, Message};
use crate::provider::{DraftError, DraftRequest, ModelFailure, Provider as _, RefineRequest};

fn task(task: &str) -> DraftRequest {
    DraftRequest { task: task.to_owned(), ..DraftRequest::default() }
}

#[tokio::test]
async fn instructions_go_out_as_the_system_and_braces_stay_as_they_are() {
    let model = Scripted::new(vec![says(&good())]);
    let (call, mut rx) = listened();
    let composed = compose(&provider(&model), task("Look at {disk} of ${host}"), &call, &check, 3).await.unwrap();
    assert_eq!((composed.workflow.name.as_str(), composed.metadata.model.as_str()), ("disk", "scripted"));
    assert_eq!(composed.metadata.usage.calls, 1);
    let request = model.request(0);
    let [Message::System(system), Message::User(user)] = request.messages.as_slice() else {
        panic!("{:#?}", request.messages);
    };
    assert!(system.starts_with("You write workflows") && system.contains(r#"{"name": "kebab-case""#), "{system}");
    assert!(user.contains("Look at {disk} of ${host}"), "{user}");
    let names: Vec<&str> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["describe_tool", "list_runners", "list_templates", "list_tools", "past_runs", "read_template"]);
    let events = told(&mut rx);
    let text: String = events
        .iter()
        .filter_map(|event| match event {
            ProgressEvent::Text { content } => Some(content.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(text, good());
    assert!(matches!(events.last(), Some(ProgressEvent::Validation { iteration: 1, valid: true, .. })), "{events:?}");
}

#[tokio::test]
async fn an_answer_in_pieces_stays_in_one_piece() {
    // A draft that fails comes back to the model letter by letter as it was, whatever its pieces were.
    let bad = r#"{"name": "report", "steps": [{"name": "send it", "tool": "no-such-tool"}]}"#;
    let model = Scripted::new(vec![says(bad), says(&good())]);
    compose(&provider(&model), task("Look at the disk"), &Call::default(), &check, 3).await.unwrap();
    let second = model.request(1);
    assert!(text_of(&second.messages[1]).contains(bad), "{:#?}", second.messages);
    assert!(text_of(&second.messages[1]).contains("no-such-tool"), "the findings are there");
    assert!(second.tools.is_empty(), "who mends has no need to look around");
    let schema = second.schema.unwrap();
    let text = schema.schema.to_string();
    assert_eq!(text.matches(r#""type":"object""#).count(), text.matches(r#""additionalProperties":false"#).count());
}

#[tokio::test]
async fn looks_things_up_and_is_stopped_when_it_goes_in_circles() {
    let look = || {
        calls(&[("list_tools", json!({"words": "how full the disk is"})), ("describe_tool", json!({"name": "nope"}))])
    };
    let model = Scripted::new(vec![look(), look(), look(), look(), says(&good())]);
    let (call, mut rx) = listened();
    let composed = compose(&provider(&model), task("Look at the disk"), &call, &check, 1).await.unwrap();
    assert_eq!(composed.metadata.usage.calls, 5);
    let second = model.request(1);
    let kinds: Vec<&str> = second
        .messages
        .iter()
        .map(|message| match message {
            Message::System(_) => "system",
            Message::User(_) => "user",
            Message::Assistant { calls, .. } if calls.len() == 2 => "two calls",
            Message::Assistant { .. } => "assistant",
            Message::ToolResult { .. } => "result",
        })
        .collect();
    assert_eq!(kinds, ["system", "user", "two calls", "result", "result"]);
    let (Message::Assistant { calls, .. }, Message::ToolResult { call_id, content, .. }) =
        (&second.messages[2], &second.messages[4])
    else {
        panic!("{second:?}");
    };
    assert_eq!((calls[1].id.as_str(), calls[1].signature.as_deref()), (call_id.as_str(), Some("sealed")));
    assert!(content.contains("there is no tool nope: see list_tools"), "{content}");
    assert!(text_of(&second.messages[3]).contains("df - "), "{}", text_of(&second.messages[3]));
    // The last request offers nothing to call, shows no calls, and is held to the schema instead.
    let last = model.request(4);
    assert!(last.tools.is_empty() && last.schema.is_some());
    assert_eq!(last.messages.len(), 2);
    let events = told(&mut rx);
    let results = events.iter().filter(|event| matches!(event, ProgressEvent::ToolResult { .. })).count();
    let failed =
        events.iter().filter(|event| matches!(event, ProgressEvent::ToolResult { is_error: true, .. })).count();
    assert_eq!((results, failed), (8, 4));
}

#[tokio::test]
async fn a_model_that_only_ever_looks_around_ends() {
    let model = Scripted::new((0..40).map(|_| calls(&[("list_runners", json!({}))])).collect());
    let failed = compose(&provider(&model), task("Look at the disk"), &Call::default(), &check, 3).await.unwrap_err();
    assert!(
        matches!(&failed, ComposeError::Invalid { iterations: 3, issues, .. } if issues[0].code == "no_document"),
        "{failed:?}"
    );
}

#[tokio::test]
async fn calls_that_stand_in_the_text_are_carried_out_and_others_are_not_read_into_it() {
    let said = "<tool_call>\n{\"name\": \"list_runners\", \"arguments\": {}}\n</tool_call>";
    let in_text = r#"{"name": "a", "steps": [{"name": "b", "tool": "shell", "parameters": {"command": "echo '<tool_call>list_runners</tool_call>'"}}]}"#;
    let model = Scripted::new(vec![says(said), says(in_text)]);
    let composed = compose(&provider(&model), task("Look at the disk"), &Call::default(), &check, 1).await.unwrap();
    assert!(text_of(&model.request(1).messages[3]).contains("local"));
    assert!(format!("{:?}", composed.workflow).contains("<tool_call>list_runners</tool_call>"));
}

#[tokio::test]
async fn what_was_cut_goes_back_with_the_wish_for_less() {
    let cut = "name: disk\nsteps:\n  - name: look\n    tool: df\n    parameters: {path: /}\n";
    let model = Scripted::new(vec![ends(cut, Finish::Length), says(&good())]);
    let composed = compose(&provider(&model), task("Look at the disk"), &Call::default(), &check, 3).await.unwrap();
    assert_eq!(composed.metadata.iterations, 2);
    assert!(text_of(&model.request(1).messages[1]).contains("shorter"), "{}", model.everything());
}

#[tokio::test]
async fn failures_come_out_as_they_are() {
    let failure =
        || DraftError::Model { model: "scripted".to_owned(), failure: ModelFailure::TimedOut { after_ms: 5 } };
    let model = Scripted::new(vec![vec![Err(failure())]]);
    let failed = provider(&model).draft(&task("Look at the disk"), &Call::default()).await.unwrap_err();
    assert_eq!(failed.to_string(), failure().to_string());
    let model = Scripted::new(vec![vec![Ok(ChatEvent::Text("half".to_owned()))]]);
    let failed = provider(&model).draft(&task("Look at the disk"), &Call::default()).await.unwrap_err();
    assert!(matches!(failed, DraftError::Model { failure: ModelFailure::BrokenOff, .. }), "{failed}");
    let model = Scripted::new(vec![ends("No, I won't.", Finish::Declined)]);
    let failed = provider(&model).draft(&task("Look at the disk"), &Call::default()).await.unwrap_err();
    assert!(
        matches!(&failed, DraftError::Model { failure: ModelFailure::Declined { message }, .. } if message == "No, I won't.")
    );
}

#[tokio::test]
async fn dropping_the_future_drops_the_answer() {
    let model = Scripted::new(Vec::new());
    let (provider, request, call) = (provider(&model), task("Look at the disk"), Call::default());
    {
        let mut draft = provider.draft(&request, &call);
        // One look is enough to send the request; the answer never comes.
        while model.seen.lock().unwrap().is_empty() {
            assert!(futures::poll!(draft.as_mut()).is_pending());
        }
        assert!(!model.was_dropped.load(Ordering::SeqCst));
    }
    assert!(model.was_dropped.load(Ordering::SeqCst));
}

#[tokio::test]
async fn requirements_are_matched_by_their_numbers() {
    let base = partita_core::workflow::from_value(&serde_json::from_str(&good()).unwrap()).workflow.unwrap();
    let claims = json!([
        {"number": 2, "met": true, "summary": "added a step", "steps": ["again"]},
        {"number": 1, "met": false, "summary": "there is no such tool", "steps": []},
    ]);
    let mut changed: serde_json::Value = serde_json::from_str(&good()).unwrap();
    changed["steps"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "again", "tool": "df", "parameters": {"path": "/home"}}));
    let model = Scripted::new(vec![says(&json!({"workflow": changed, "requirements": claims}).to_string())]);
    let request = RefineRequest {
        workflow: base,
        requirements: vec!["Teleport it".to_owned(), "Look at   /home, too".to_owned(), "Be nice".to_owned()],
        ..RefineRequest::default()
    };
    let config = AdkConfig { lookups_max: 0, ..AdkConfig::default() };
    let provider = AdkProvider::new(config, Arc::new(super::scripted::Only(Arc::clone(&model)))).unwrap();
    let composed = refine(&provider, request, &Call::default(), &check, 3).await.unwrap();
    assert_eq!(composed.changes.len(), 1);
    assert_eq!(
        (composed.changes[0].requirement.as_str(), composed.changes[0].steps.len()),
        ("Look at   /home, too", 1)
    );
    let unmet: Vec<(&str, &str)> =
        composed.unmet.iter().map(|unmet| (unmet.requirement.as_str(), unmet.reason.as_str())).collect();
    assert_eq!(
        unmet,
        [("Teleport it", "there is no such tool"), ("Be nice", "the author does not say what was done about it")]
    );
    let request = model.request(0);
    assert!(request.tools.is_empty() && request.schema.is_some_and(|schema| schema.name == "refinement"));
    assert!(text_of(&request.messages[1]).contains("1. Teleport it\n2. Look at"));
}
