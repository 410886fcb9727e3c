//! Sentences and requirements for the built-in planner.

use partita_core::Diagnostic;
use partita_core::workflow::Workflow;
use partita_provider::{DraftError, DraftRequest, Planner, RefineRequest};

use crate::document::planned;

fn drafted(task: &str) -> Option<Workflow> {
    let request = DraftRequest { task: task.to_owned(), ..DraftRequest::default() };
    match Planner::new().draft(&request) {
        Ok(draft) => Some(draft.workflow),
        Err(DraftError::NotUnderstood { message, help, .. }) => {
            assert!(!message.is_empty() && !help.is_empty(), "a refusal without a reason");
            None
        }
        Err(other) => panic!("the planner failed: {other}"),
    }
}

fn assert_is_a_plan(workflow: &Workflow) {
    let planned = planned(workflow);
    // A query that the author spelled out can be wrong by itself; that is theirs to mend.
    let is_ours = |issue: &Diagnostic| issue.is_error() && issue.code != "reference_in_code";
    assert!(!planned.issues.iter().any(is_ours), "{:#?}", planned.issues);
}

/// Whatever is said becomes a workflow that is a plan, or is refused with help.
pub fn sentence(data: &[u8]) {
    let Ok(task) = std::str::from_utf8(data) else { return };
    if let Some(workflow) = drafted(task) {
        assert_is_a_plan(&workflow);
    }
}

/// A sentence on the first line, a requirement on each further one: each is met or listed as unmet.
pub fn requirement(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let Some(workflow) = lines.next().and_then(drafted) else { return };
    let requirements: Vec<String> = lines.map(str::to_owned).filter(|line| !line.trim().is_empty()).take(8).collect();
    let request = RefineRequest { workflow, requirements: requirements.clone(), ..RefineRequest::default() };
    let refinement = Planner::new().refine(&request).expect("the planner refines what it made");
    assert_is_a_plan(&refinement.workflow);
    for requirement in &requirements {
        let met = refinement.changes.iter().any(|change| change.requirement == *requirement);
        let unmet = refinement.unmet.iter().any(|unmet| unmet.requirement == *requirement);
        assert!(met || unmet, "{requirement:?} was dropped");
    }
}
