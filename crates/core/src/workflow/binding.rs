//! Binding: from the templates of a plan and the values of a run to a [`Task`], in which a value is
//! always one data item and never code.

use serde_json::{Map, Value};

use crate::Millis;
use crate::id::RunId;
use crate::plan::{ItemSource, Plan, PlannedAction, PlannedStep, Script};
use crate::run::{RunStatus, StepStatus};
use crate::task::{Outcome, Task, Text};
use crate::workflow::reference::Template;

/// Everything that references and expressions can see at one point of a run.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub plan: &'a Plan,
    /// What the steps gave so far.
    pub results: &'a dyn Results,
    /// The step whose `env`, `dir`, limits … are in force.
    pub step: Option<&'a PlannedStep>,
    /// The item of a `foreach` and its 0-based index.
    pub item: Option<(&'a Value, u32)>,
    /// The step's own last outcome, for `repeat` and `outputs`: `output`, `exit_code`, `json`.
    pub own: Option<&'a Outcome>,
    pub run: RunFacts<'a>,
}

/// Facts about the run as a whole.
#[derive(Clone, Copy)]
pub struct RunFacts<'a> {
    pub id: &'a RunId,
    pub status: RunStatus,
    /// Why the run fails, when it does.
    pub error: Option<&'a str>,
    pub started_at: Option<Millis>,
}

/// Gives the results of steps by index.
pub trait Results {
    /// What a step gave; `None` while it has not ended.
    fn result(&self, step: u32) -> Option<StepResult<'_>>;
}

/// What an ended step gave.
#[derive(Clone, Copy)]
pub struct StepResult<'a> {
    pub status: StepStatus,
    pub output: Option<&'a str>,
    pub exit_code: Option<i32>,
    pub outputs: &'a Map<String, Value>,
}

/// A value could not be bound; the attempt fails with this text instead of starting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BindError {
    pub message: String,
}

/// Binds a step's action (or that of its rollback).
///
/// # Errors
///
/// When a value is missing, has the wrong type, or could be taken for code.
pub fn task(action: &PlannedAction, scope: &Scope<'_>) -> Result<Task, BindError> {
    let _ = (action, scope);
    Err(BindError { message: "not written yet".to_owned() })
}

/// Binds a shell precondition.
///
/// # Errors
///
/// As [`task`].
pub fn check_task(script: &Script, scope: &Scope<'_>) -> Result<Task, BindError> {
    let _ = (script, scope);
    Err(BindError { message: "not written yet".to_owned() })
}

/// Binds a template.
///
/// # Errors
///
/// As [`task`].
pub fn text(template: &Template, scope: &Scope<'_>) -> Result<Text, BindError> {
    let _ = (template, scope);
    Err(BindError { message: "not written yet".to_owned() })
}

/// The items of a `foreach`.
///
/// # Errors
///
/// When the value is no list, or longer than [`crate::limits::ITEMS_MAX`].
pub fn items(source: &ItemSource, scope: &Scope<'_>) -> Result<Vec<Value>, BindError> {
    let _ = (source, scope);
    Err(BindError { message: "not written yet".to_owned() })
}
