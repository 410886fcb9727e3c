//! Why a use case refused. What each becomes over HTTP stands in one table: `wire/problem.rs`.

use std::time::Duration;

use partita_core::Diagnostic;
use partita_engine::EngineError;
use partita_provider::{Exhausted, ModelFailure};
use partita_store::StoreError;
use serde_json::Value;

use super::principal::Scope;

/// A refusal or a failure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    /// The body can't be read at all.
    #[error("the body is not valid {format}: {message}")]
    Unparsable {
        format: &'static str,
        message: String,
        /// 1-based line and column, where known.
        place: Option<(u32, u32)>,
    },
    /// Fields of the request are missing or wrong; never empty.
    #[error("{}", of_fields(.0))]
    InvalidRequest(Vec<FieldError>),
    /// The workflow has errors.
    #[error("{}", of_issues(.issues))]
    InvalidWorkflow { issues: Vec<Diagnostic>, suggestions: Vec<String> },
    #[error("{0}")]
    Unauthenticated(&'static str),
    #[error("this key lacks the scope `{0}`")]
    ScopeMissing(Scope),
    #[error("a key can't give away the scope `{0}`, which it does not have itself")]
    ScopeNotOwned(Scope),
    /// There is no such thing, or it belongs to another tenant.
    #[error("there is no {kind} `{id}`")]
    NotFound { kind: &'static str, id: String },
    #[error("there is no endpoint `{0}`: `GET /openapi.json` lists them all")]
    NoSuchEndpoint(String),
    #[error("`{path}` does not take {method}")]
    MethodNotAllowed { method: String, path: String },
    /// It makes no sense in the present state.
    #[error("{0}")]
    Refused(String),
    /// A plan that nobody has seen could hurt.
    #[error("the plan was not started: {}", of_risk(&.unseen["risk"]))]
    NeedsApproval {
        /// `{workflow, risk, validation}`.
        unseen: Box<Value>,
    },
    #[error("the idempotency key was used before with another request: use a new key for a new request")]
    IdempotencyMismatch,
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body did not arrive in time")]
    BodyTimeout,
    #[error("`{0}` is not understood: send application/json or application/yaml")]
    UnsupportedMediaType(String),
    #[error("too many requests: try again in {} s", .retry_after.as_secs_f64().ceil())]
    RateLimited { retry_after: Duration },
    #[error("too many wrong keys from this address: try again in {} s", .retry_after.as_secs_f64().ceil())]
    TooManyFailedLogins { retry_after: Duration },
    #[error("{message}")]
    FeatureNotSupported { provider: String, feature: &'static str, message: String },
    #[error("the provider `{provider}` is not available: {reason}")]
    ProviderUnavailable { provider: String, reason: String },
    /// No draft became a valid workflow.
    #[error("{detail}")]
    NotComposed { detail: String, issues: Vec<Diagnostic>, suggestions: Vec<String>, draft: Option<String> },
    /// A model that a provider asked failed, after every retry and fallback.
    #[error("the model `{model}` {failure}")]
    ModelFailed { model: String, failure: ModelFailure },
    #[error(transparent)]
    BudgetSpent(Exhausted),
    /// The whole call of a provider took longer than it may.
    #[error("the provider `{provider}` did not come to an end in {limit_ms} ms")]
    ProviderTimedOut { provider: String, limit_ms: u64 },
    /// A validator gave no answer.
    #[error("the validator `{tool}` failed: {reason}")]
    ValidatorFailed { tool: String, reason: String },
    /// A workflow in which a validator finds errors that could not be mended.
    #[error("the workflow was not started: {}", of_validation(&.unsound["validation"]))]
    FoundWrong {
        /// `{workflow, validation, unmet_requirements}`.
        unsound: Box<Value>,
    },
    #[error("{0}")]
    Busy(String),
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("the server's disk is full")]
    StorageFull,
    /// Nobody's fault but ours; the text is for the log only.
    #[error("{0}")]
    Internal(String),
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// A JSON pointer into the body (`/options/timeout`); empty for the whole.
    pub(crate) pointer: String,
    /// What is wrong and what was expected.
    pub(crate) detail: String,
}

impl AppError {
    /// One wrong field.
    pub(crate) fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::InvalidRequest(vec![FieldError { pointer: pointer.into(), detail: detail.into() }])
    }

    /// Nothing of this kind and id.
    pub(crate) fn not_found(kind: &'static str, id: impl Into<String>) -> Self {
        Self::NotFound { kind, id: id.into() }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::IdempotencyMismatch => Self::IdempotencyMismatch,
            StoreError::Unavailable { full: true, .. } => Self::StorageFull,
            StoreError::Conflict(what) => Self::Refused(format!("{what} was changed by somebody else in the meantime")),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<EngineError> for AppError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NoSuchRun(run) => Self::not_found("run", run.as_str()),
            EngineError::NoSuchApproval(approval) => Self::not_found("open approval", approval.as_str()),
            EngineError::Refused(why) => Self::Refused(why),
            EngineError::Busy { limit } => Self::Busy(format!("{limit} runs wait already: try again shortly")),
            error @ EngineError::Damaged { .. } => Self::Internal(error.to_string()),
            EngineError::ShuttingDown => Self::ShuttingDown,
            EngineError::Store(error) => error.into(),
        }
    }
}

fn of_fields(errors: &[FieldError]) -> String {
    match errors {
        [FieldError { pointer, detail }] if pointer.is_empty() => detail.clone(),
        [FieldError { pointer, detail }] => format!("`{pointer}`: {detail}"),
        errors => format!("{} fields of the request are wrong", errors.len()),
    }
}

fn of_issues(issues: &[Diagnostic]) -> String {
    let mut errors = issues.iter().filter(|issue| issue.is_error());
    match (errors.next(), errors.count()) {
        (Some(first), 0) => format!("the workflow is not valid: {}", first.message),
        (Some(first), more) => format!("the workflow is not valid: {} (and {more} more)", first.message),
        (None, _) => "the workflow is not valid".to_owned(),
    }
}

fn of_risk(risk: &Value) -> String {
    let risky: Vec<String> = risk
        .as_array()
        .into_iter()
        .flatten()
        .filter(|step| matches!(step["effects"].as_str(), Some("destructive" | "unknown")))
        .map(|step| {
            format!("`{}` ({})", step["step"].as_str().unwrap_or("?"), step["effects"].as_str().unwrap_or("unknown"))
        })
        .collect();
    format!(
        "{} could hurt or can't be judged; read the plan, then send it to /execute, or allow it with options.allow",
        risky.join(", ")
    )
}

fn of_validation(validation: &Value) -> String {
    let issues = validation["issues"].as_array().into_iter().flatten();
    let errors: Vec<&str> =
        issues.filter(|issue| issue["severity"] == "error").filter_map(|issue| issue["message"].as_str()).collect();
    match errors.as_slice() {
        [] => "a validator finds it wrong".to_owned(),
        [one] => (*one).to_owned(),
        [first, more @ ..] => format!("{first} (and {} more)", more.len()),
    }
}
