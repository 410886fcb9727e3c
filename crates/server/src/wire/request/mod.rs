//! What comes in: the requests, read by hand so that every wrong field is named at once.
//!
//! The structs say what is documented; each is made by its `read`, from a body in JSON or YAML.

mod authoring;
mod orchestrate;
mod running;
mod session;
mod settings;
mod streaming;
mod template;

pub(crate) use authoring::{AuthoringOptions, ComposeRequest, GenerateRequest, Mode, OutputFormat, RefineRequest};
pub(crate) use orchestrate::{
    ExecutionPart, OrchestrateFields, OrchestrateRequest, StrategyParts, ValidationPart, WritingPart,
};
pub(crate) use running::{CancelRequest, DecideRequest, ExecuteRequest, RunOptions, RunSource, ValidateRequest};
pub(crate) use session::{ContinueSessionRequest, CreateSessionRequest, PreferencesPart};
pub(crate) use settings::{CreateKeyRequest, SwitchProviderRequest};
pub(crate) use streaming::StreamFilterPart;
pub(crate) use template::{InstantiateRequest, SaveTemplateRequest};

use serde_json::Value;

use super::fields::{Fields, kind};
use crate::app::{AppError, WorkflowSource};

/// A request, and what its sender should know about it.
pub(crate) type Read<T> = Result<(T, Vec<String>), AppError>;

/// The words that stand for a task: the page's own, and those of older clients.
const TASK: [&str; 3] = ["task", "message", "prompt"];

fn workflow_source(fields: &mut Fields, names: &[&'static str]) -> Option<WorkflowSource> {
    let given = names.iter().find_map(|name| fields.value(name).map(|value| (*name, value)));
    match given {
        Some((_, Value::String(text))) => Some(WorkflowSource::Text(text)),
        Some((_, value @ Value::Object(_))) => Some(WorkflowSource::Value(value)),
        Some((name, other)) => {
            let got = kind(&other);
            fields.wrong(name, format!("expected an object, or a string with JSON or YAML, got {got}"));
            None
        }
        None => {
            fields.wrong(names[0], "is missing; expected an object, or a string with JSON or YAML");
            None
        }
    }
}

/// Whether a body is a workflow itself instead of holding one.
fn bare_workflow(body: &Value) -> bool {
    body.get("steps").is_some() && body.get("workflow").is_none()
}
