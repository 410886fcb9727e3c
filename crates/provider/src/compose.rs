//! The one loop from words to a checked workflow. Generation, refinement, sessions and every other
//! way in go through it.

use partita_core::Diagnostic;
use partita_core::workflow::{Change, Planned, Workflow, diff, to_value};
use serde_json::Value;

use crate::provider::{
    Draft, DraftError, DraftRequest, Provider, RefineRequest, Refinement, RequirementChange, UnmetRequirement,
};

/// Proves a draft: the caller brings the catalogue, the runners and whatever else is in force.
pub type Check<'a> = &'a (dyn Fn(&Workflow) -> Planned + Send + Sync);

/// A checked workflow and how it came about.
#[derive(Clone, Debug)]
pub struct Composed {
    pub workflow: Workflow,
    /// The result of the last check; never with an error.
    pub planned: Planned,
    pub metadata: Metadata,
    /// Of a refinement: what was done for each requirement.
    pub changes: Vec<RequirementChange>,
    /// Of a refinement: what was not done.
    pub unmet: Vec<UnmetRequirement>,
    /// Of a refinement: what changed in the document.
    pub diff: Vec<Change>,
}

/// Where a workflow came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    pub provider: String,
    pub model: String,
    /// Rounds it took, from 1.
    pub iterations: u32,
    pub notes: Vec<String>,
}

/// Why nothing could be composed.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// No draft passed the check; the last one and its findings.
    #[error("no valid workflow after {iterations} rounds")]
    Invalid { iterations: u32, issues: Vec<Diagnostic>, draft: Box<Value> },
}

/// Makes a workflow from words.
///
/// # Errors
///
/// When the provider can't, or when no draft passed within `iterations_max` rounds.
pub async fn compose(
    provider: &dyn Provider,
    mut request: DraftRequest,
    check: Check<'_>,
    iterations_max: u32,
) -> Result<Composed, ComposeError> {
    let mut iterations = 0;
    loop {
        iterations += 1;
        let Draft { workflow, model, suggestions, notes } = provider.draft(&request).await?;
        let mut planned = check(&workflow);
        if planned.is_valid() {
            planned.suggestions.extend(suggestions);
            let metadata = Metadata { provider: provider.name().to_owned(), model, iterations, notes };
            let (changes, unmet, diff) = (Vec::new(), Vec::new(), Vec::new());
            return Ok(Composed { workflow, planned, metadata, changes, unmet, diff });
        }
        next_round(&mut request.findings, planned, iterations, iterations_max, &workflow)?;
    }
}

/// Changes a workflow until it meets its requirements, as far as the provider can.
///
/// # Errors
///
/// As [`compose()`].
pub async fn refine(
    provider: &dyn Provider,
    mut request: RefineRequest,
    check: Check<'_>,
    iterations_max: u32,
) -> Result<Composed, ComposeError> {
    let mut iterations = 0;
    loop {
        iterations += 1;
        let Refinement { workflow, model, changes, unmet, suggestions } = provider.refine(&request).await?;
        let mut planned = check(&workflow);
        if planned.is_valid() {
            planned.suggestions.extend(suggestions);
            let metadata = Metadata { provider: provider.name().to_owned(), model, iterations, notes: Vec::new() };
            let diff = diff(&request.workflow, &workflow);
            return Ok(Composed { workflow, planned, metadata, changes, unmet, diff });
        }
        next_round(&mut request.findings, planned, iterations, iterations_max, &workflow)?;
    }
}

/// Hands the findings of a failed check to the next round, or gives up.
fn next_round(
    findings: &mut Vec<Diagnostic>,
    planned: Planned,
    iterations: u32,
    iterations_max: u32,
    workflow: &Workflow,
) -> Result<(), ComposeError> {
    let no_news = *findings == planned.issues;
    if iterations >= iterations_max || no_news {
        let draft = Box::new(to_value(workflow));
        return Err(ComposeError::Invalid { iterations, issues: planned.issues, draft });
    }
    *findings = planned.issues;
    Ok(())
}
