//! Workflow documents.

use std::sync::LazyLock;

use partita_core::tool::Catalogue;
use partita_core::workflow::{
    PlanRequest, Planned, Purpose, Workflow, diff, from_value, parse, plan, to_mermaid, to_value, to_yaml,
};

pub(crate) fn planned(workflow: &Workflow) -> Planned {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::builtin);
    plan(workflow, &PlanRequest::lenient(&CATALOGUE, Purpose::Validate))
}

/// A text that is a workflow stays the same workflow through its canonical JSON and YAML; a text that
/// is none is refused with a reason; a plan is made or refused with a reason.
pub fn document(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let loaded = parse(text, None);
    assert!(
        loaded.workflow.is_some() || !loaded.diagnostics.is_empty(),
        "neither a workflow nor a reason why it is none"
    );
    let sound = loaded.is_sound();
    let Some(workflow) = loaded.workflow else { return };
    let planned = planned(&workflow);
    assert!(planned.plan.is_some() || !planned.issues.is_empty(), "neither a plan nor a reason why there is none");
    assert!(!to_mermaid(&workflow).is_empty());
    if !sound || !planned.is_valid() {
        return;
    }
    let value = to_value(&workflow);
    let again = from_value(&value).workflow.expect("the canonical JSON is a workflow");
    assert_eq!(to_value(&again), value, "the canonical JSON changed on its way");
    let differences = diff(&workflow, &again);
    assert!(differences.is_empty(), "a workflow differs from itself: {differences:#?}");
    let yaml = to_yaml(&workflow);
    let again = parse(&yaml, None).workflow.expect("the canonical YAML is a workflow");
    assert_eq!(to_value(&again), value, "the canonical YAML changed on its way:\n{yaml}");
}
