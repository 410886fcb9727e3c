//! CEL expressions of conditions and outputs.

use partita_core::id::RunId;
use partita_core::run::RunStatus;
use partita_core::workflow::binding::{Results, RunFacts, Scope, StepResult};
use partita_core::workflow::{expression, parse};

use crate::document::planned;

struct NoResults;

impl Results for NoResults {
    fn result(&self, _step: u32) -> Option<StepResult<'_>> {
        None
    }
}

/// An expression is refused, or has a value or an error; none of them takes long.
pub fn expression(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else { return };
    let is_well_formed = expression::check(source).is_ok();
    assert!(is_well_formed || expression::variables(source).is_err());
    let text = "{\"name\": \"x\", \"params\": {\"list\": [1, 2], \"text\": \"a\"}, \"steps\": [{\"name\": \"a\", \"command\": \"true\"}]}";
    let plan = planned(&parse(text, None).workflow.expect("a fixed workflow")).plan.expect("a fixed plan");
    let id: RunId = "exec_01jz0000000000000000000000".parse().expect("a fixed id");
    let run = RunFacts { id: &id, status: RunStatus::Running, error: None, started_at: Some(0) };
    let scope = Scope { plan: &plan, results: &NoResults, step: Some(&plan.steps[0]), item: None, own: None, run };
    let value = expression::evaluate(source, &scope);
    assert!(is_well_formed || value.is_err(), "an expression that is not well-formed has a value");
}
