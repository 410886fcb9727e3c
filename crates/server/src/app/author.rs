//! From words to workflows: generation, refinement, and the composing that may go on to a run.

use std::sync::Arc;

use partita_core::workflow::{Purpose, Workflow};
use partita_provider::{
    Availability, Call, ComposeError, Composed, DraftError, DraftRequest, Features, Meter, NoPastRuns, Progress,
    Provider, RETRIES_DEFAULT, RefineRequest, Surroundings, compose, refine,
};
use serde_json::{Map, Value};

use super::planning::{self, Wishes};
use super::{App, AppError, Principal, Scope, WorkflowSource, templates};

/// Rounds that a provider gets to make a valid workflow.
const ITERATIONS_MAX: u32 = 3;
/// Longest task, in characters; longer ones are documents, not sentences.
const TASK_CHARS_MAX: usize = 20_000;

/// What should be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) task: String,
    pub(crate) context: Map<String, Value>,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) provider: Option<String>,
    pub(crate) model: Option<String>,
}

/// What should be made better.
#[derive(Clone, Debug)]
pub(crate) struct Improvement {
    pub(crate) source: WorkflowSource,
    pub(crate) requirements: Vec<String>,
    pub(crate) previous_errors: Vec<String>,
    pub(crate) context: Map<String, Value>,
    pub(crate) provider: Option<String>,
    pub(crate) model: Option<String>,
}

/// The provider to ask: the one that is named, else the first that can do it.
fn provider(
    app: &App,
    named: Option<&str>,
    feature: &'static str,
    can: impl Fn(Features) -> bool,
) -> Result<Arc<dyn Provider>, AppError> {
    let providers = &app.parts.providers;
    let usable = |provider: &Arc<dyn Provider>| provider.availability() == Availability::Available;
    let Some(name) = named else {
        let first = providers.iter().find(|provider| usable(provider) && can(provider.features()));
        return first.cloned().ok_or_else(|| AppError::Internal("no provider is available".to_owned()));
    };
    let shown: String = name.chars().take(64).collect();
    let found = providers.iter().find(|provider| provider.name() == name);
    let provider = found.ok_or_else(|| AppError::not_found("provider", shown.clone()))?;
    if let Availability::Unavailable { reason } = provider.availability() {
        return Err(AppError::ProviderUnavailable { provider: shown, reason });
    }
    if !can(provider.features()) {
        let message = format!("the provider `{shown}` has no {feature}");
        return Err(AppError::FeatureNotSupported { provider: shown, feature, message });
    }
    Ok(Arc::clone(provider))
}

/// Makes a workflow from words.
pub(crate) async fn generate(app: &Arc<App>, principal: &Principal, wish: Wish) -> Result<Composed, AppError> {
    principal.need(Scope::Generate)?;
    if wish.task.chars().count() > TASK_CHARS_MAX {
        return Err(AppError::field("/task", format!("is longer than {TASK_CHARS_MAX} characters")));
    }
    let provider = provider(app, wish.provider.as_deref(), "generation", |features| features.generation)?;
    let wishes = Wishes { parameters: wish.parameters.clone(), context: wish.context.clone(), ..Wishes::default() };
    let check = |workflow: &Workflow| planning::prove_workflow(app, workflow, &wishes, Purpose::Validate, None);
    let request = DraftRequest {
        task: wish.task,
        context: wish.context,
        parameters: wish.parameters,
        model: wish.model,
        ..DraftRequest::default()
    };
    let call = call(app, principal).await?;
    compose(&*provider, request, &call, &check, ITERATIONS_MAX).await.map_err(|error| refusal(error, provider.name()))
}

/// Makes a workflow better.
pub(crate) async fn improve(app: &Arc<App>, principal: &Principal, wish: Improvement) -> Result<Composed, AppError> {
    principal.need(Scope::Generate)?;
    let provider = provider(app, wish.provider.as_deref(), "refinement", |features| features.refinement)?;
    let loaded = wish.source.load();
    let Some(workflow) = loaded.workflow else {
        return Err(AppError::InvalidWorkflow { issues: loaded.diagnostics, suggestions: Vec::new() });
    };
    let wishes = Wishes { context: wish.context.clone(), ..Wishes::default() };
    let check = |workflow: &Workflow| planning::prove_workflow(app, workflow, &wishes, Purpose::Validate, None);
    let request = RefineRequest {
        workflow,
        requirements: wish.requirements,
        previous_errors: wish.previous_errors,
        context: wish.context,
        model: wish.model,
        ..RefineRequest::default()
    };
    let call = call(app, principal).await?;
    refine(&*provider, request, &call, &check, ITERATIONS_MAX).await.map_err(|error| refusal(error, provider.name()))
}

/// What surrounds a call of a provider for this caller.
async fn call(app: &Arc<App>, principal: &Principal) -> Result<Call, AppError> {
    let surroundings = Surroundings {
        catalogue: app.parts.tools.current(),
        templates: templates::list(app, principal).await?.into(),
        runners: app.parts.runners.keys().cloned().collect(),
        past_runs: Arc::new(NoPastRuns),
    };
    Ok(Call {
        surroundings: Arc::new(surroundings),
        progress: Progress::default(),
        meter: Meter::default(),
        retries_max: RETRIES_DEFAULT,
    })
}

fn refusal(error: ComposeError, provider: &str) -> AppError {
    match error {
        ComposeError::Draft(DraftError::NotUnderstood { message, help, suggestions }) => {
            let detail = format!("{message}. {help}");
            AppError::NotComposed { detail, issues: Vec::new(), suggestions, draft: None }
        }
        ComposeError::Draft(DraftError::NotSupported { provider, feature }) => {
            let message = format!("the provider `{provider}` has no {feature}");
            AppError::FeatureNotSupported { provider, feature, message }
        }
        ComposeError::Draft(error @ DraftError::NoSuchModel { .. }) => {
            AppError::field("/options/model", error.to_string())
        }
        ComposeError::Draft(DraftError::Unavailable { message }) => {
            AppError::ProviderUnavailable { provider: provider.to_owned(), reason: message }
        }
        ComposeError::Draft(DraftError::Model { model, failure }) => AppError::ModelFailed { model, failure },
        ComposeError::Draft(DraftError::Exhausted(exhausted)) => AppError::BudgetSpent(exhausted),
        ComposeError::Invalid { iterations, issues, draft } => {
            let detail = format!("no valid workflow came of it in {iterations} rounds");
            AppError::NotComposed { detail, issues, suggestions: Vec::new(), draft: Some(draft) }
        }
    }
}
