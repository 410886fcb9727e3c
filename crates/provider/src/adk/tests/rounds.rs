//! What sends a draft back for another round, and what a model that goes in circles is told.

use super::scripted::{Scripted, check, ends, good, provider, says, text_of};
use crate::call::Call;
use crate::compose::{Composed, compose, refine};
use crate::model::Finish;
use crate::provider::{DraftRequest, RefineRequest};

fn task() -> DraftRequest {
    DraftRequest { task: "Roll back the deployment web".to_owned(), ..DraftRequest::default() }
}

fn with(command: &str) -> String {
    serde_json::json!({"name": "back", "steps": [{"name": "back", "tool": "kubectl", "parameters": {"command": command}}]})
        .to_string()
}

#[tokio::test]
async fn a_draft_that_comes_again_is_not_shown_once_more() {
    let bad = r#"{"name": "report", "steps": [{"name": "send", "tool": "no-such-tool"}]}"#;
    let model = Scripted::new(vec![says(bad), says(bad), says(&good())]);
    let composed = compose(&provider(&model), task(), &Call::default(), &check, 3).await.unwrap();
    assert_eq!(composed.metadata.iterations, 3);
    let (second, third) = (model.request(1), model.request(2));
    assert!(text_of(&second.messages[1]).contains(bad) && !second.vary);
    assert!(!text_of(&third.messages[1]).contains(bad) && third.vary, "{:#?}", third.messages);
    assert!(text_of(&third.messages[1]).contains("no-such-tool"), "the findings are there still");
    assert!(text_of(&third.messages[0]).contains("in another way"));
}

#[tokio::test]
async fn a_command_that_is_not_known_has_one_round_to_be_mended() {
    let (odd, right) = (with("rollback deployment/web"), with("rollout undo deployment/web"));
    let model = Scripted::new(vec![says(&odd), says(&right)]);
    let composed = compose(&provider(&model), task(), &Call::default(), &check, 3).await.unwrap();
    assert_eq!((composed.metadata.iterations, composed.planned.issues.len()), (2, 0));
    let told = model.request(1);
    assert!(text_of(&told.messages[1]).contains("did you mean `rollout"), "{:#?}", told.messages);
    // Who insists may know better, and what comes to nothing costs no draft that is valid.
    for second in [says(&odd), says("I can't."), ends("", Finish::Declined)] {
        let model = Scripted::new(vec![says(&odd), second]);
        let composed = compose(&provider(&model), task(), &Call::default(), &check, 3).await.unwrap();
        assert_eq!(composed.planned.issues[0].code, "unknown_command");
        assert_eq!((composed.metadata.iterations, composed.metadata.usage.calls), (2, 2), "both were paid for");
    }
    let model = Scripted::new(vec![says(&odd)]);
    assert_eq!(compose(&provider(&model), task(), &Call::default(), &check, 1).await.unwrap().metadata.iterations, 1);
}

#[tokio::test]
async fn a_reference_that_can_only_mean_its_default_is_written_out() {
    let draft = serde_json::json!({"name": "tests", "params": [{"name": "target", "default": "test"}],
        "steps": [{"name": "run", "tool": "make", "parameters": {"target": "${target}"}}]});
    let model = Scripted::new(vec![says(&draft.to_string())]);
    let composed = compose(&provider(&model), task(), &Call::default(), &check, 3).await.unwrap();
    let workflow = partita_core::workflow::to_value(&composed.workflow);
    assert_eq!(workflow["steps"][0]["parameters"]["target"], "test");
    assert!(composed.metadata.notes.iter().any(|note| note.contains("written out")), "{:?}", composed.metadata.notes);
}

/// A workflow of two steps, and what it is to be changed for.
fn refinement(requirements: &[&str]) -> RefineRequest {
    let workflow = serde_json::json!({"name": "report", "steps": [
        {"name": "look", "depends": [], "tool": "df", "parameters": {"path": "/"}},
        {"name": "wait", "depends": ["look"], "tool": "wait", "parameters": {"duration": "1s"}},
    ]});
    RefineRequest {
        workflow: partita_core::workflow::from_value(&workflow).workflow.unwrap(),
        requirements: requirements.iter().map(|text| (*text).to_owned()).collect(),
        ..RefineRequest::default()
    }
}

fn changes(changes: &serde_json::Value, claims: &serde_json::Value) -> String {
    serde_json::json!({"changes": changes, "requirements": claims}).to_string()
}

fn names(composed: &Composed) -> Vec<&str> {
    composed.workflow.steps.iter().map(|step| step.name.as_str()).collect()
}

#[tokio::test]
async fn a_refinement_says_only_what_changes_and_mends_its_own_draft() {
    let claim = serde_json::json!([{"number": 1, "met": true, "summary": "looks at /home", "steps": ["home"]}]);
    let step = |tool: &str| serde_json::json!({"steps": [{"name": "home", "after": "look", "tool": tool, "parameters": {"path": "/home"}}]});
    let model =
        Scripted::new(vec![says(&changes(&step("fd"), &claim)), says(&changes(&step("df"), &serde_json::json!([])))]);
    let request = refinement(&["Look at /home, too"]);
    let composed = refine(&provider(&model), request, &Call::default(), &check, 3).await.unwrap();
    assert_eq!((names(&composed), composed.metadata.iterations), (vec!["look", "home", "wait"], 2));
    assert_eq!(composed.changes[0].steps, ["home"], "what was said before still counts");
    let (first, second) = (model.request(0), model.request(1));
    assert!(
        text_of(&first.messages[1]).contains("workflow") && text_of(&first.messages[0]).contains("\"after\": \"step\"")
    );
    let told = text_of(&second.messages[1]);
    assert!(told.contains("\"tool\":\"fd\"") && told.contains("look") && told.contains("fd"), "{told}");
    assert!(text_of(&second.messages[0]).contains("changes to the draft"));
}

#[tokio::test]
async fn changes_that_speak_of_nothing_that_is_there_are_asked_for_again() {
    let bad = changes(&serde_json::json!({"remove": ["lock"]}), &serde_json::json!([]));
    let claim = serde_json::json!([{"number": 1, "met": true, "summary": "removed it", "steps": ["look"]}]);
    let good = changes(&serde_json::json!({"remove": ["look"]}), &claim);
    let model = Scripted::new(vec![says(&bad), says(&good)]);
    let composed = refine(&provider(&model), refinement(&["Don't look"]), &Call::default(), &check, 3).await.unwrap();
    assert_eq!((names(&composed), composed.changes.len()), (vec!["wait"], 1));
    let told = model.request(1);
    assert!(text_of(&told.messages[1]).contains("there is no step `lock` (the steps are look, wait)"), "{told:#?}");
    assert!(text_of(&told.messages[0]).contains("could not be taken over"));
}

#[tokio::test]
async fn what_is_said_to_be_done_and_is_not_has_one_round_and_is_unmet_after_it() {
    let step = serde_json::json!({"steps": [{"name": "home", "tool": "df", "parameters": {"path": "/home"}}]});
    let claims = |steps: &str| {
        serde_json::json!([
            {"number": 1, "met": true, "summary": "looks at /home", "steps": ["home"]},
            {"number": 2, "met": true, "summary": "added probes", "steps": [steps]},
            {"number": 3, "met": true, "summary": "already waits", "steps": ["wait"]},
        ])
    };
    let requirements = ["Look at /home", "Add probes", "Wait a bit"];
    let boast = changes(&step, &claims("add_probes"));
    let model = Scripted::new(vec![says(&boast), says(&boast)]);
    let composed = refine(&provider(&model), refinement(&requirements), &Call::default(), &check, 3).await.unwrap();
    assert_eq!((composed.metadata.iterations, composed.changes.len()), (2, 2));
    assert_eq!(composed.unmet[0].requirement, "Add probes");
    assert!(composed.unmet[0].reason.contains("`add_probes`"), "{:?}", composed.unmet);
    assert!(text_of(&model.request(1).messages[1]).contains("requirement 2 is not met"), "{:#?}", model.request(1));
    // A step that is as it was before proves nothing.
    let model = Scripted::new(vec![says(&changes(&step, &claims("wait")))]);
    let composed = refine(&provider(&model), refinement(&requirements), &Call::default(), &check, 1).await.unwrap();
    assert!(composed.unmet[0].reason.contains("as it was before"), "{:?}", composed.unmet);
}

#[tokio::test]
async fn a_good_draft_is_not_lost_to_a_round_that_only_betters_it() {
    let odd = with("rollback deployment/web");
    let model = Scripted::new(vec![says(&odd)]);
    let call = Call {
        deadline: Some(tokio::time::Instant::now() + std::time::Duration::from_millis(2_300)),
        ..Call::default()
    };
    // The second request is never answered.
    let composed = compose(&provider(&model), task(), &call, &check, 3).await.unwrap();
    assert_eq!(composed.planned.issues[0].code, "unknown_command");
    assert_eq!(composed.metadata.iterations, 2);
}
