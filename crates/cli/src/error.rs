//! What a command says when it can't do what was asked: what went wrong, and what to do about it.

use serde_json::Value;

use crate::exit_code::ExitCode;

/// An error for a person.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) code: ExitCode,
    pub(crate) message: String,
    /// What to do about it, a sentence each.
    pub(crate) hints: Vec<String>,
    /// The server's problem document, for `--output json`.
    pub(crate) problem: Option<Box<Value>>,
}

impl CliError {
    /// An error without hints.
    pub(crate) fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hints: Vec::new(), problem: None }
    }

    /// Adds a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// From a problem document of the server.
    pub(crate) fn from_problem(problem: Value) -> Self {
        let status = problem["status"].as_u64().unwrap_or(500);
        let code = match (status, problem["code"].as_str()) {
            (_, Some("needs_approval")) => ExitCode::NeedsApproval,
            (401 | 403, _) => ExitCode::Connection,
            (400 | 413 | 415 | 422, _) => ExitCode::Invalid,
            (404 | 405 | 409 | 429, _) => ExitCode::Refused,
            _ => ExitCode::Internal,
        };
        let text = |key: &str| problem[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let message =
            text("detail").or_else(|| text("title")).unwrap_or_else(|| format!("the server answered {status}"));
        let mut error = Self::new(code, message);
        if status == 401 {
            error = error.hint(format!("Set {} to a key of this server, or pass --key.", crate::env::API_KEY));
        }
        let places = problem["errors"].as_array().into_iter().flatten();
        for place in places.take(20) {
            let (pointer, detail) =
                (place["pointer"].as_str().unwrap_or_default(), place["detail"].as_str().unwrap_or_default());
            if !detail.is_empty() && detail != error.message {
                error.hints.push(if pointer.is_empty() { detail.to_owned() } else { format!("{pointer}: {detail}") });
            }
        }
        for suggestion in problem["suggestions"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            error.hints.push(suggestion.to_owned());
        }
        error.problem = Some(Box::new(problem));
        error
    }
}

impl std::fmt::Display for CliError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::new(ExitCode::Internal, error.to_string())
    }
}
