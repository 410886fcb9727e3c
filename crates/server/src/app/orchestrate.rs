//! Each part of the way from words to a run by its own provider, model, tools and runner.
//!
//! ```text
//! generation -> validation -(errors)-> refinement -> validation … -> execution
//! ```
//!
//! Generation and refinement are the compose loop; validation is ours and that of the named validators;
//! execution begins only if it is asked for and the plan may run unseen.

use std::sync::Arc;

use partita_core::workflow::{Workflow, to_value};
use partita_core::{Diagnostic, Millis, RunId};
use partita_mcp::{CallFollow, ValidatorError};
use partita_provider::{Composed, Progress, ProgressEvent, Usage};
use serde_json::{Map, Value, json};

use super::author::{self, Author, Improvement, Wish};
use super::execute::Envelope;
use super::planning::{self, Wishes};
use super::providers::{Feature, choose};
use super::{App, AppError, FieldError, Principal, Scope, WorkflowSource, act};
use crate::wire::request::RunOptions;

/// Rounds of refinement after a failed validation, when nobody says otherwise.
const ROUNDS_DEFAULT: u32 = 3;

/// What should happen, and who does which part of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    pub(crate) task: String,
    pub(crate) context: Map<String, Value>,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) strategy: Strategy,
    pub(crate) options: RunOptions,
}

/// Who does what; parts that are absent are done by the tenant's default provider, but for execution, which
/// is then left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strategy {
    pub(crate) generation: Part,
    pub(crate) validation: Validation,
    pub(crate) refinement: Part,
    pub(crate) execution: Option<Execution>,
}

/// Who writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    pub(crate) provider: Option<String>,
    pub(crate) model: Option<String>,
    /// Rounds at most.
    pub(crate) iterations_max: Option<u32>,
}

/// Who checks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Validation {
    pub(crate) provider: Option<String>,
    /// Tools of MCP servers: `kubernetes-validator`, `server/tool`.
    pub(crate) tools: Vec<String>,
}

/// Where it runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Execution {
    pub(crate) provider: Option<String>,
    pub(crate) runner: Option<String>,
}

/// What came of an order, before anything runs.
#[derive(Clone, Debug)]
pub(crate) struct Orchestrated {
    pub(crate) composed: Composed,
    /// What the validators found in the last round.
    pub(crate) findings: Vec<Diagnostic>,
    /// Who did what, in the shape of the request.
    pub(crate) strategy: Value,
    /// What all parts spent on models.
    pub(crate) usage: Usage,
    /// Errors that refinement could not mend.
    pub(crate) unmet: Vec<Value>,
}

impl Orchestrated {
    /// The findings of both kinds together.
    pub(crate) fn validation(&self) -> Value {
        let mut planned = self.composed.planned.clone();
        planned.issues.extend(self.findings.iter().cloned());
        planning::validation(&planned)
    }

    fn is_valid(&self) -> bool {
        !self.findings.iter().any(Diagnostic::is_error)
    }
}

/// Makes a workflow by the strategy, and proves it.
pub(crate) async fn orchestrate(
    app: &Arc<App>,
    principal: &Principal,
    order: &Order,
    progress: &Progress,
) -> Result<Orchestrated, AppError> {
    principal.need(Scope::Generate)?;
    let names = check(app, principal, order).await?;
    let mut work = Work { app, principal, order, progress, names, usage: Usage::default(), rounds: 0 };
    let mut composed = work.generate().await?;
    let mut unmet = Vec::new();
    let rounds_max = order.strategy.refinement.iterations_max.unwrap_or(ROUNDS_DEFAULT);
    loop {
        let findings = work.validate(&composed.workflow).await?;
        let errors: Vec<&Diagnostic> = findings.iter().filter(|finding| finding.is_error()).collect();
        if errors.is_empty() || work.rounds >= rounds_max {
            let strategy = work.strategy(&composed);
            return Ok(Orchestrated { composed, findings, strategy, usage: work.usage, unmet });
        }
        let refined = work.refine(&composed.workflow, &errors).await?;
        unmet = refined.unmet.iter().map(|unmet| json!(unmet)).collect();
        if refined.diff.is_empty() {
            // The same workflow again would be found wrong again.
            let strategy = work.strategy(&composed);
            return Ok(Orchestrated { composed, findings, strategy, usage: work.usage, unmet });
        }
        composed = refined;
    }
}

/// Begins the run, when the order asks for one: only of a workflow that no validator found wrong.
pub(crate) async fn begin(
    app: &Arc<App>,
    principal: &Principal,
    (order, orchestrated): (&Order, &Orchestrated),
    envelope: Envelope,
    progress: &Progress,
) -> Result<Option<RunId>, AppError> {
    let Some(execution) = &order.strategy.execution else { return Ok(None) };
    if !orchestrated.is_valid() {
        let unsound = json!({
            "workflow": to_value(&orchestrated.composed.workflow), "validation": orchestrated.validation(),
            "unmet_requirements": orchestrated.unmet,
        });
        return Err(AppError::FoundWrong { unsound: Box::new(unsound) });
    }
    let options = &order.options;
    let wishes = Wishes {
        parameters: order.parameters.clone(),
        context: order.context.clone(),
        on_failure: options.on_failure,
        timeout_ms: options.timeout,
        runner: execution.runner.clone().or_else(|| options.runner.clone()),
    };
    if options.dry_run == Some(true) {
        return Ok(None);
    }
    let provider = execution.provider.clone().unwrap_or_else(|| orchestrated.composed.metadata.provider.clone());
    progress.tell(ProgressEvent::PhaseStart { phase: "execution", provider, model: None }).await;
    let composed = &orchestrated.composed;
    let of = (&composed.workflow, act::composed_by(&composed.metadata, orchestrated.usage));
    let begun = act::begin_unseen(app, principal, of, (&wishes, &options.allow), envelope).await;
    if let Err(error) = &begun {
        // The end of one that begins is the run's own last event.
        let (status, details) = ("failed", json!({"error": error.to_string()}));
        progress.tell(ProgressEvent::PhaseComplete { phase: "execution", status, duration_ms: 0, details }).await;
    }
    begun.map(Some)
}

/// The names of the providers of each part.
struct Names {
    generation: String,
    validation: String,
    refinement: String,
}

/// Refuses an order that names something that is not there, before any model is asked.
async fn check(app: &App, principal: &Principal, order: &Order) -> Result<Names, AppError> {
    let strategy = &order.strategy;
    let mut wrong = Vec::new();
    let mut name_of = |pointer: &str, found: Result<String, AppError>| -> Result<String, AppError> {
        match found {
            Ok(name) => Ok(name),
            Err(
                error @ (AppError::NotFound { .. }
                | AppError::FeatureNotSupported { .. }
                | AppError::ProviderUnavailable { .. }),
            ) => {
                wrong.push(FieldError { pointer: pointer.to_owned(), detail: error.to_string() });
                Ok(String::new())
            }
            Err(error) => Err(error),
        }
    };
    let generation = named(app, principal, strategy.generation.provider.as_deref(), Feature::Generation).await;
    let generation = name_of("/strategy/generation/provider", generation)?;
    let refiner = strategy.refinement.provider.as_deref();
    let refinement =
        name_of("/strategy/refinement/provider", named(app, principal, refiner, Feature::Refinement).await)?;
    // Whoever is named for validation, the validation itself is ours and the tools'.
    let validator = strategy.validation.provider.as_deref();
    let validation = named(app, principal, validator, Feature::Generation).await;
    let validation = name_of("/strategy/validation/provider", validation)?;
    if let Some(execution) = &strategy.execution {
        let executor = named(app, principal, execution.provider.as_deref(), Feature::Execution).await;
        name_of("/strategy/execution/provider", executor)?;
        if let Some(runner) = &execution.runner
            && !app.parts.runners.contains_key(runner)
            && !app.parts.runners.values().any(|name| name == runner)
        {
            let known: Vec<&str> = app.parts.runners.keys().map(String::as_str).collect();
            let shown: String = runner.chars().take(64).collect();
            let detail = format!(
                "there is no runner `{shown}`; there are {}. Map the name under `runners:` of the configuration",
                known.join(", ")
            );
            wrong.push(FieldError { pointer: "/strategy/execution/runner".to_owned(), detail });
        }
    }
    for (index, tool) in strategy.validation.tools.iter().enumerate() {
        if let Err(error) = app.validators()?.validator(tool) {
            let pointer = format!("/strategy/validation/tools/{index}");
            wrong.push(FieldError { pointer, detail: error.to_string() });
        }
    }
    if wrong.is_empty() {
        Ok(Names { generation, validation, refinement })
    } else {
        Err(AppError::InvalidRequest(wrong))
    }
}

async fn named(app: &App, principal: &Principal, provider: Option<&str>, feature: Feature) -> Result<String, AppError> {
    Ok(choose(app, principal, provider, feature).await?.provider.name().to_owned())
}

/// An order that is being carried out.
struct Work<'a> {
    app: &'a Arc<App>,
    principal: &'a Principal,
    order: &'a Order,
    progress: &'a Progress,
    names: Names,
    usage: Usage,
    /// Rounds of refinement so far.
    rounds: u32,
}

impl Work<'_> {
    fn now(&self) -> Millis {
        (self.app.parts.now)()
    }

    async fn start(&self, phase: &'static str, provider: &str, model: Option<&String>) -> Millis {
        let event = ProgressEvent::PhaseStart { phase, provider: provider.to_owned(), model: model.cloned() };
        self.progress.tell(event).await;
        self.now()
    }

    /// Tells how a part ended.
    async fn complete<T>(
        &self,
        (phase, begun): (&'static str, Millis),
        outcome: &Result<T, AppError>,
        details: impl FnOnce(&T) -> (&'static str, Value),
    ) {
        let (status, details) = match outcome {
            Ok(done) => details(done),
            Err(AppError::Internal(_)) => ("failed", json!({})),
            Err(error) => ("failed", json!({"error": error.to_string()})),
        };
        let duration_ms = self.now().saturating_sub(begun);
        self.progress.tell(ProgressEvent::PhaseComplete { phase, status, duration_ms, details }).await;
    }

    fn author(&self, part: &Part) -> Author {
        Author { provider: part.provider.clone(), model: part.model.clone(), iterations_max: None, session_usage: None }
    }

    async fn generate(&mut self) -> Result<Composed, AppError> {
        let part = &self.order.strategy.generation;
        let begun = self.start("generation", &self.names.generation, part.model.as_ref()).await;
        let author = Author { iterations_max: part.iterations_max, ..self.author(part) };
        let wish = Wish {
            task: self.order.task.clone(),
            context: self.order.context.clone(),
            parameters: self.order.parameters.clone(),
            author,
        };
        let composed = author::generate(self.app, self.principal, wish, self.progress).await;
        self.complete(("generation", begun), &composed, |composed| {
            let metadata = &composed.metadata;
            let steps = composed.workflow.steps.len();
            ("success", json!({"model": metadata.model, "iterations": metadata.iterations, "steps": steps}))
        })
        .await;
        let composed = composed?;
        self.usage.add(composed.metadata.usage);
        Ok(composed)
    }

    /// What the validators find; the workflow has passed ours.
    async fn validate(&self, workflow: &Workflow) -> Result<Vec<Diagnostic>, AppError> {
        let begun = self.start("validation", &self.names.validation, None).await;
        let tools = &self.order.strategy.validation.tools;
        let findings = self.ask_validators(workflow, tools).await;
        self.complete(("validation", begun), &findings, |findings| {
            let valid = !findings.iter().any(Diagnostic::is_error);
            (if valid { "success" } else { "invalid" }, json!({"tools": tools, "valid": valid, "issues": findings}))
        })
        .await;
        findings
    }

    async fn ask_validators(&self, workflow: &Workflow, tools: &[String]) -> Result<Vec<Diagnostic>, AppError> {
        let mut findings = Vec::new();
        for tool in tools {
            let id = format!("validate-{tool}-{}", self.rounds + 1);
            let arguments = json!({"workflow": workflow.name});
            let (name, call_id) = (tool.clone(), id.clone());
            self.progress.tell(ProgressEvent::ToolCall { id: call_id, name, arguments }).await;
            let found = self.app.validators()?.validate(tool, workflow, &CallFollow::default()).await;
            let (result, is_error) = match &found {
                Ok(found) => (json!({"valid": !found.iter().any(Diagnostic::is_error), "issues": found}), false),
                Err(error) => (json!({"error": error.to_string()}), true),
            };
            self.progress.tell(ProgressEvent::ToolResult { id, name: tool.clone(), result, is_error }).await;
            findings.extend(found.map_err(|error| validator_failed(tool, &error))?);
        }
        Ok(findings)
    }

    async fn refine(&mut self, workflow: &Workflow, errors: &[&Diagnostic]) -> Result<Composed, AppError> {
        self.rounds += 1;
        let part = &self.order.strategy.refinement;
        let begun = self.start("refinement", &self.names.refinement, part.model.as_ref()).await;
        let improvement = Improvement {
            source: WorkflowSource::Value(to_value(workflow)),
            requirements: Vec::new(),
            previous_errors: errors.iter().map(|error| told(error)).collect(),
            context: self.order.context.clone(),
            author: self.author(part),
        };
        let refined = author::improve(self.app, self.principal, improvement, self.progress).await;
        self.complete(("refinement", begun), &refined, |refined| {
            let details = json!({
                "model": refined.metadata.model, "changes": refined.changes, "unmet_requirements": refined.unmet,
            });
            (if refined.diff.is_empty() { "unchanged" } else { "success" }, details)
        })
        .await;
        let refined = refined?;
        self.usage.add(refined.metadata.usage);
        Ok(refined)
    }

    /// Who did what.
    fn strategy(&self, composed: &Composed) -> Value {
        let order = &self.order.strategy;
        let mut strategy = json!({
            "generation": {"provider": self.names.generation, "model": composed.metadata.model},
            "validation": {"provider": self.names.validation, "tools": order.validation.tools},
        });
        if let Some(asked) = &order.generation.model {
            strategy["generation"]["requested_model"] = json!(asked);
        }
        if self.rounds > 0 {
            strategy["refinement"] = json!({"provider": self.names.refinement, "rounds": self.rounds});
        }
        if let Some(execution) = &order.execution {
            let runner = execution.runner.as_deref().unwrap_or("local");
            let runs_on = self.app.parts.runners.get(runner).map_or(runner, String::as_str);
            strategy["execution"] = json!({"provider": execution.provider, "runner": runner, "runs_on": runs_on});
        }
        strategy
    }
}

/// A finding as an author is told it.
fn told(finding: &Diagnostic) -> String {
    let mut text = finding.message.clone();
    if !finding.path.is_empty() {
        text = format!("{text} (at {})", finding.path);
    }
    if let Some(help) = &finding.help {
        text = format!("{text}: {help}");
    }
    text
}

fn validator_failed(tool: &str, error: &ValidatorError) -> AppError {
    AppError::ValidatorFailed { tool: tool.to_owned(), reason: error.to_string() }
}
