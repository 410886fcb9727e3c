//! The one loop from words to a checked workflow. Generation, refinement, sessions and every other
//! way in go through it.

use std::time::Duration;

use partita_core::Diagnostic;
use partita_core::tool::Catalogue;
use partita_core::workflow::{Change, Planned, Workflow, diff, from_value, to_value};
use serde_json::Value;

use crate::call::{Call, ProgressEvent};
use crate::changes;
use crate::claims::{Claim, claim_for, claims, latest};
use crate::extract;
use crate::provider::{
    Content, Draft, DraftError, DraftRequest, Provider, RefineRequest, Refinement, RequirementChange, UnmetRequirement,
};
use crate::usage::Usage;

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
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    pub provider: String,
    pub model: String,
    /// Rounds it took, from 1.
    pub iterations: u32,
    pub notes: Vec<String>,
    /// What the call spent on models, all rounds together.
    pub usage: Usage,
}

/// Why nothing could be composed.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// No draft passed the check; the last one as its author wrote it, and its findings.
    #[error("no valid workflow after {iterations} rounds")]
    Invalid { iterations: u32, issues: Vec<Diagnostic>, draft: String },
}

/// Makes a workflow from words.
///
/// # Errors
///
/// When the provider can't, or when no draft passed within `iterations_max` rounds.
pub async fn compose(
    provider: &dyn Provider,
    request: DraftRequest,
    call: &Call,
    check: Check<'_>,
    iterations_max: u32,
) -> Result<Composed, ComposeError> {
    // On the heap: what goes round holds drafts and workflows, and whoever calls holds it in turn.
    Box::pin(go_round(provider, Job::Draft(Box::new(request)), call, check, iterations_max)).await
}

/// Changes a workflow until it meets its requirements, as far as the provider can.
///
/// # Errors
///
/// As [`compose()`].
pub async fn refine(
    provider: &dyn Provider,
    request: RefineRequest,
    call: &Call,
    check: Check<'_>,
    iterations_max: u32,
) -> Result<Composed, ComposeError> {
    Box::pin(go_round(provider, Job::Refine(Box::new(request)), call, check, iterations_max)).await
}

/// Whether a finding that is no error is still most likely a mistake of a model: it has one round to mend it.
fn is_doubt(issue: &Diagnostic) -> bool {
    issue.code == "unknown_command"
}

/// How long before the caller goes a round that only betters a good draft is left.
const LEFT_BEFORE: Duration = Duration::from_secs(2);

/// What comes of a round, if it comes in time.
async fn in_time<T>(call: &Call, round: impl Future<Output = T>) -> Option<T> {
    match call.deadline {
        Some(deadline) => {
            let until = deadline.checked_sub(LEFT_BEFORE).unwrap_or(deadline);
            tokio::time::timeout_at(until, round).await.ok()
        }
        None => Some(round.await),
    }
}

/// What is asked of the provider, round after round.
enum Job {
    Draft(Box<DraftRequest>),
    Refine(Box<RefineRequest>),
}

/// A draft as it was read and checked.
struct Reading {
    workflow: Option<Workflow>,
    planned: Planned,
    /// As its author wrote it.
    draft: String,
    /// As it was read, changes made: what a refiner's next round begins with.
    document: Option<Value>,
    /// Whether the author works by rules, so that another round would give the same again.
    is_by_rules: bool,
    notes: Vec<String>,
    /// What the author says about each requirement.
    claims: Vec<Claim>,
}

/// Most of a failed draft that is handed to the caller; the rest of a novel helps nobody.
const DRAFT_BYTES_SHOWN: usize = 64 * 1024;

async fn go_round(
    provider: &dyn Provider,
    mut job: Job,
    call: &Call,
    check: Check<'_>,
    iterations_max: u32,
) -> Result<Composed, ComposeError> {
    let mut iterations = 0;
    let mut findings = Vec::new();
    let mut claimed: Vec<Claim> = Vec::new();
    // A valid draft that another round may better.
    let mut doubtful: Option<(Composed, Vec<Claim>)> = None;
    loop {
        iterations += 1;
        let asked = match doubtful.take() {
            None => job.ask(provider, call).await?,
            Some(kept) => match in_time(call, job.ask(provider, call)).await {
                Some(Ok(asked)) => {
                    doubtful = Some(kept);
                    asked
                }
                Some(Err(_)) | None => return Ok(job.settle_for(kept, iterations, call)),
            },
        };
        let Refinement { content, model, changes, unmet, suggestions, mut notes } = asked;
        let Reading { workflow, mut planned, draft, document, is_by_rules, notes: read, claims } =
            read(content, job.changed(), check, &call.surroundings.catalogue);
        claimed = latest(claims, claimed);
        let claims = claimed.clone();
        if !read.is_empty() {
            let message = format!("the draft was mended: {}", read.join("; "));
            call.progress.tell(ProgressEvent::Warning { code: "draft_mended", message }).await;
        }
        let (valid, issues) = (planned.is_valid(), planned.issues.clone());
        call.progress.tell(ProgressEvent::Validation { iteration: iterations, valid, issues }).await;
        if let Some(workflow) = workflow.filter(|_| valid) {
            planned.suggestions.extend(suggestions);
            if !is_by_rules {
                planned.suggestions.extend(job.not_said(&workflow));
            }
            notes.extend(read);
            let provider = provider.name().to_owned();
            let metadata = Metadata { provider, model, iterations, notes, usage: call.meter.used() };
            let mut doubts: Vec<Diagnostic> = planned.issues.iter().filter(|issue| is_doubt(issue)).cloned().collect();
            doubts.extend(job.unproven(&workflow, &claims));
            let composed = Composed { workflow, planned, metadata, changes, unmet, diff: Vec::new() };
            if doubts.is_empty() || is_by_rules || doubtful.is_some() || iterations >= iterations_max {
                return Ok(job.settle(composed, claims));
            }
            doubtful = Some((composed, claims));
            job.take_back(draft, document, doubts);
            continue;
        }
        if let Some(kept) = doubtful {
            return Ok(job.settle_for(kept, iterations, call));
        }
        let is_news = findings != planned.issues || !is_by_rules;
        if iterations >= iterations_max || !is_news {
            return Err(ComposeError::Invalid { iterations, issues: planned.issues, draft: shortened(draft) });
        }
        findings.clone_from(&planned.issues);
        job.take_back(draft, document, planned.issues);
    }
}

impl Job {
    async fn ask(&self, provider: &dyn Provider, call: &Call) -> Result<Refinement, DraftError> {
        match self {
            Self::Refine(request) => provider.refine(request, call).await,
            Self::Draft(request) => {
                let Draft { content, model, suggestions, notes } = provider.draft(request, call).await?;
                Ok(Refinement { content, model, changes: Vec::new(), unmet: Vec::new(), suggestions, notes })
            }
        }
    }

    /// The refinement that it is, if it is one.
    fn changed(&self) -> Option<&RefineRequest> {
        match self {
            Self::Refine(request) => Some(request),
            Self::Draft(_) => None,
        }
    }

    /// Hands a draft that failed the check to the next round.
    fn take_back(&mut self, draft: String, document: Option<Value>, issues: Vec<Diagnostic>) {
        let (findings, previous, is_stuck, draft) = match self {
            Self::Draft(request) => (&mut request.findings, &mut request.previous, &mut request.is_stuck, draft),
            Self::Refine(request) => {
                let draft = document.map_or(draft, |document| document.to_string());
                (&mut request.findings, &mut request.previous, &mut request.is_stuck, draft)
            }
        };
        *is_stuck = previous.as_ref() == Some(&draft);
        (*findings, *previous) = (issues, Some(draft));
    }

    /// Falls back on an earlier draft; what came to nothing after it was spent all the same.
    fn settle_for(self, (mut composed, claims): (Composed, Vec<Claim>), iterations: u32, call: &Call) -> Composed {
        composed.metadata.iterations = iterations;
        composed.metadata.usage = call.meter.used();
        self.settle(composed, claims)
    }

    /// Values that an author chose by itself.
    fn not_said(&self, workflow: &Workflow) -> Vec<String> {
        let Self::Draft(request) = self else { return Vec::new() };
        let Ok(context) = serde_json::to_string(&(&request.context, &request.parameters)) else { return Vec::new() };
        extract::not_said(&to_value(workflow), &format!("{} {context}", request.task))
    }

    /// What an author says it did and did not, as findings for it.
    fn unproven(&self, workflow: &Workflow, claims: &[Claim]) -> Vec<Diagnostic> {
        let Self::Refine(request) = self else { return Vec::new() };
        let diff = diff(&request.workflow, workflow);
        let all: Vec<&String> = request.requirements.iter().chain(&request.previous_errors).collect();
        let faults = all.iter().enumerate().filter_map(|(index, requirement)| {
            let claim = claim_for(claims, index, all.len(), requirement).filter(|claim| claim.met)?;
            let reason = claim.proven(&diff, workflow, all.len() == 1).err()?;
            let message = format!("requirement {} is not met: {reason}", index + 1);
            let help = "add what is missing to `changes`; or say `\"met\": false` and why; or, where the workflow met it before, \
                        begin the summary with \"already\"";
            Some(Diagnostic::warning("unproven_requirement", format!("requirements[{index}]"), message).help(help))
        });
        faults.collect()
    }

    /// Holds a refinement to its word: every requirement is met or unmet, and what is said to be done must
    /// show in the document.
    fn settle(self, mut composed: Composed, claims: Vec<Claim>) -> Composed {
        let Self::Refine(request) = self else { return composed };
        composed.diff = diff(&request.workflow, &composed.workflow);
        let all: Vec<String> = request.requirements.into_iter().chain(request.previous_errors).collect();
        let count = all.len();
        for (index, requirement) in all.into_iter().enumerate() {
            let is_told = composed.changes.iter().any(|change| change.requirement == requirement)
                || composed.unmet.iter().any(|unmet| unmet.requirement == requirement);
            if is_told {
                continue;
            }
            let claim = claim_for(&claims, index, count, &requirement);
            let reason = match claim {
                Some(claim) if claim.met => match claim.proven(&composed.diff, &composed.workflow, count == 1) {
                    Ok(steps) => {
                        let summary = claim.summary.clone();
                        composed.changes.push(RequirementChange { requirement, summary, steps });
                        continue;
                    }
                    Err(reason) => reason,
                },
                Some(claim) => claim.summary.clone(),
                None => "the author does not say what was done about it".to_owned(),
            };
            composed.unmet.push(UnmetRequirement { requirement, reason });
        }
        composed
    }
}

/// A draft as callers are shown it.
fn shortened(mut draft: String) -> String {
    if draft.len() > DRAFT_BYTES_SHOWN {
        let end = (0..=DRAFT_BYTES_SHOWN).rev().find(|at| draft.is_char_boundary(*at)).unwrap_or(0);
        draft.truncate(end);
        draft.push_str("\n… (cut)");
    }
    draft
}

/// Reads what an author wrote, and checks it. `asked` is the refinement that it belongs to.
fn read(content: Content, asked: Option<&RefineRequest>, check: Check<'_>, catalogue: &Catalogue) -> Reading {
    let (text, is_cut) = match content {
        Content::Workflow(workflow) => {
            let planned = check(&workflow);
            let document = to_value(&workflow);
            let (draft, notes, claims) = (document.to_string(), Vec::new(), Vec::new());
            let (workflow, document) = (Some(*workflow), Some(document));
            return Reading { workflow, planned, draft, document, is_by_rules: true, notes, claims };
        }
        Content::Text(text) => (text, false),
        Content::CutText(text) => (text, true),
    };
    let unread = |issues, draft, document| Reading {
        workflow: None,
        planned: Planned { issues, ..Planned::default() },
        draft,
        document,
        is_by_rules: false,
        notes: Vec::new(),
        claims: Vec::new(),
    };
    let mut extracted = match extract::workflow(&text, is_cut) {
        Ok(extracted) => extracted,
        Err(issue) => return unread(vec![issue], text, None),
    };
    let claims = claims(&extracted.value);
    let whole = extracted.value.get_mut("workflow").filter(|inner| inner.is_object()).map(Value::take);
    let mut document = match (whole, extracted.value.get_mut("changes"), asked) {
        (Some(whole), ..) => whole,
        (None, Some(changes), Some(asked)) => {
            // Changes to the draft of it that the last round made, where there is one.
            let base = asked.draft().unwrap_or_else(|| to_value(&asked.workflow));
            let kept =
                changes::keep_what_nobody_gives_up(changes, asked.requirements.iter().chain(&asked.previous_errors));
            extracted.repairs.extend(kept.map(|names| format!("kept {names}: no requirement asks to remove it")));
            match changes::apply(&base, changes) {
                Ok(changed) => changed,
                Err(faults) => return unread(faults, text, None),
            }
        }
        (None, ..) => extracted.value.take(),
    };
    extracted.repairs.extend(extract::written_out(&mut document, catalogue));
    extracted.repairs.extend(extract::split_up(&mut document, catalogue));
    if asked.is_none() {
        extracted.repairs.extend(extract::without_unused(&mut document));
    }
    let loaded = from_value(&document);
    let Some(workflow) = loaded.workflow else {
        return unread(loaded.diagnostics, text, Some(document));
    };
    let mut planned = check(&workflow);
    if loaded.diagnostics.iter().any(Diagnostic::is_error) {
        planned.plan = None;
    }
    planned.issues.splice(0..0, loaded.diagnostics);
    let notes = extracted.repairs;
    let (workflow, document) = (Some(workflow), Some(document));
    Reading { workflow, planned, draft: text, document, is_by_rules: false, notes, claims }
}
