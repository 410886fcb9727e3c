//! From words to workflows: generation and refinement. Everything that composes goes through here, and
//! from here through the one loop of the providers.

use std::sync::Arc;

use partita_core::workflow::{Purpose, Workflow};
use partita_provider::{
    Call, ComposeError, Composed, DraftError, DraftRequest, Meter, Progress, ProgressEvent, RefineRequest, Usage,
    compose, refine,
};
use serde_json::{Map, Value};

use super::planning::{self, Wishes};
use super::providers::{Chosen, Feature, choose};
use super::{App, AppError, Principal, Scope, WorkflowSource, spending, surroundings};

/// Rounds that a provider gets to make a valid workflow, when nobody says otherwise.
pub(crate) const ITERATIONS_DEFAULT: u32 = 3;
/// Longest task, in characters; longer ones are documents, not sentences.
const TASK_CHARS_MAX: usize = 20_000;

/// What should be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) task: String,
    pub(crate) context: Map<String, Value>,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) author: Author,
}

/// What should be made better.
#[derive(Clone, Debug)]
pub(crate) struct Improvement {
    pub(crate) source: WorkflowSource,
    pub(crate) requirements: Vec<String>,
    pub(crate) previous_errors: Vec<String>,
    pub(crate) context: Map<String, Value>,
    pub(crate) author: Author,
}

/// Who is asked to do it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Author {
    /// The tenant's default one when absent.
    pub(crate) provider: Option<String>,
    pub(crate) model: Option<String>,
    /// Rounds to make it valid; [`ITERATIONS_DEFAULT`] when absent.
    pub(crate) iterations_max: Option<u32>,
    /// What was spent in the caller's session before; absent outside of one.
    pub(crate) session_usage: Option<Usage>,
}

/// Makes a workflow from words.
pub(crate) async fn generate(
    app: &Arc<App>,
    principal: &Principal,
    wish: Wish,
    progress: &Progress,
) -> Result<Composed, AppError> {
    principal.need(Scope::Generate)?;
    if wish.task.chars().count() > TASK_CHARS_MAX {
        return Err(AppError::field("/task", format!("is longer than {TASK_CHARS_MAX} characters")));
    }
    let chosen = choose(app, principal, wish.author.provider.as_deref(), Feature::Generation).await?;
    let wishes = Wishes { parameters: wish.parameters.clone(), context: wish.context.clone(), ..Wishes::default() };
    let request = DraftRequest {
        task: wish.task,
        context: wish.context,
        parameters: wish.parameters,
        model: wish.author.model.clone().or_else(|| chosen.config.model.clone()),
        ..DraftRequest::default()
    };
    let ask = Ask { app, principal, chosen: &chosen, author: &wish.author, progress };
    ask.carry_out(&wishes, Job::Draft(Box::new(request))).await
}

/// Makes a workflow better.
pub(crate) async fn improve(
    app: &Arc<App>,
    principal: &Principal,
    wish: Improvement,
    progress: &Progress,
) -> Result<Composed, AppError> {
    principal.need(Scope::Generate)?;
    let chosen = choose(app, principal, wish.author.provider.as_deref(), Feature::Refinement).await?;
    let loaded = wish.source.load();
    let Some(workflow) = loaded.workflow else {
        return Err(AppError::InvalidWorkflow { issues: loaded.diagnostics, suggestions: Vec::new() });
    };
    let wishes = Wishes { context: wish.context.clone(), ..Wishes::default() };
    let request = RefineRequest {
        workflow,
        requirements: wish.requirements,
        previous_errors: wish.previous_errors,
        context: wish.context,
        model: wish.author.model.clone().or_else(|| chosen.config.model.clone()),
        ..RefineRequest::default()
    };
    let ask = Ask { app, principal, chosen: &chosen, author: &wish.author, progress };
    ask.carry_out(&wishes, Job::Refine(Box::new(request))).await
}

enum Job {
    Draft(Box<DraftRequest>),
    Refine(Box<RefineRequest>),
}

/// One call of a provider, and what surrounds it.
struct Ask<'a> {
    app: &'a Arc<App>,
    principal: &'a Principal,
    chosen: &'a Chosen,
    author: &'a Author,
    progress: &'a Progress,
}

impl Ask<'_> {
    /// Goes through the compose loop, within the provider's time limit and the caller's budgets.
    async fn carry_out(&self, wishes: &Wishes, job: Job) -> Result<Composed, AppError> {
        let Self { app, principal, chosen, author, progress } = *self;
        let meter = spending::meter(app, principal, author.session_usage).await?;
        let call = Call {
            surroundings: surroundings::gather(app, principal).await?,
            progress: progress.clone(),
            meter: meter.clone(),
            retries_max: chosen.config.retries_max,
            deadline: tokio::time::Instant::now().checked_add(chosen.config.timeout),
        };
        let check = |workflow: &Workflow| planning::prove_workflow(app, workflow, wishes, Purpose::Validate, None);
        let iterations_max = author.iterations_max.unwrap_or(ITERATIONS_DEFAULT);
        let provider = &*chosen.provider;
        let composing = async {
            match job {
                Job::Draft(request) => compose(provider, *request, &call, &check, iterations_max).await,
                Job::Refine(request) => refine(provider, *request, &call, &check, iterations_max).await,
            }
        };
        let counted = CountedToTheEnd { app: Arc::clone(app), principal: principal.clone(), meter: Some(meter) };
        let outcome = tokio::time::timeout(chosen.config.timeout, composing).await;
        counted.settle().await?;
        let composed = outcome.map_err(|_| self.timed_out())?.map_err(|error| refusal(error, provider.name()))?;
        Ok(self.noted(composed).await)
    }

    fn timed_out(&self) -> AppError {
        let limit_ms = u64::try_from(self.chosen.config.timeout.as_millis()).unwrap_or(u64::MAX);
        AppError::ProviderTimedOut { provider: self.chosen.provider.name().to_owned(), limit_ms }
    }

    /// Adds that another provider than the default one did it.
    async fn noted(&self, mut composed: Composed) -> Composed {
        if let Some(note) = &self.chosen.note {
            composed.metadata.notes.push(note.clone());
            self.progress.tell(ProgressEvent::Warning { code: "provider_fallback", message: note.clone() }).await;
        }
        composed
    }
}

/// Sees to it that what was spent is kept, also when nobody waits for the answer any more.
struct CountedToTheEnd {
    app: Arc<App>,
    principal: Principal,
    /// Absent when there is nothing left to see to.
    meter: Option<Meter>,
}

impl CountedToTheEnd {
    async fn settle(mut self) -> Result<(), AppError> {
        match self.meter.take() {
            Some(meter) => spending::settle(&self.app, &self.principal, &meter).await,
            None => Ok(()),
        }
    }
}

impl Drop for CountedToTheEnd {
    fn drop(&mut self) {
        let (Some(meter), Ok(runtime)) = (self.meter.take(), tokio::runtime::Handle::try_current()) else { return };
        let (app, principal) = (Arc::clone(&self.app), self.principal.clone());
        runtime.spawn(async move {
            if let Err(error) = spending::settle(&app, &principal, &meter).await {
                tracing::warn!("what a request spent could not be kept: {error}");
            }
        });
    }
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
