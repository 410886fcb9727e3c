//! What sends a draft back for another round, and what a model that goes in circles is told.

use super::scripted::{Scripted, check, ends, good, provider, says, text_of};
use crate::call::Call;
use crate::compose::compose;
use crate::model::Finish;
use crate::provider::DraftRequest;

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
