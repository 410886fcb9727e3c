//! Steps, their rollbacks, and handlers.

use serde_json::Value;

use super::object::{Field, Object};
use super::{Reading, action, policy};
use crate::workflow::document::{Effects, Rollback, RollbackWhen, Step};

/// Reads a step. `name` is what it is called when it has no name itself.
pub(super) fn read(reading: &mut Reading, mut object: Object<'_>, name: &str) -> Step {
    let object = &mut object;
    let mut step = Step { name: name.to_owned(), ..Step::default() };
    if let Some(name) = object.text(reading, &["name"], &[]) {
        step.name = name;
    } else if name.starts_with("step-") {
        let message = format!("the step has no name and is called `{name}`");
        reading.warning("missing_name", object.path(), message);
    }
    step.id = object.text(reading, &[], &["id"]);
    step.description = object.text(reading, &["description"], &["title"]);
    let depends = object.take(reading, &["depends"], &["depends_on", "dependsOn", "needs"]);
    step.depends = depends.map(|field| field.texts(reading));
    step.condition = object.text(reading, &["if"], &["condition", "when"]);
    let preconditions = object.take(reading, &["preconditions"], &["precondition"]);
    step.preconditions = preconditions.map(|field| policy::preconditions(reading, &field)).unwrap_or_default();
    step.action = action::read(reading, object);
    step.env = object.take(reading, &["env"], &["environment"]).map(|field| field.pairs(reading)).unwrap_or_default();
    step.dir = object.text(reading, &["dir"], &["working_dir", "workdir", "workingDir", "cwd"]);
    step.runner = object.text(reading, &["runner"], &[]);
    step.output = object.text(reading, &["output"], &[]).map(|name| name.trim_start_matches('$').to_owned());
    step.outputs = object.take(reading, &["outputs"], &[]).map(|field| field.pairs(reading)).unwrap_or_default();
    let retry = object.take(reading, &["retry"], &["retryPolicy", "retry_policy", "retries"]);
    step.retry = retry.and_then(|field| policy::retry(reading, &field));
    let timeout = object.take(reading, &["timeout"], &["timeoutSec", "timeout_sec", "timeout_seconds"]);
    step.timeout_ms = timeout.and_then(|field| field.duration(reading));
    let continue_on = object.take(reading, &["continue_on"], &["continueOn", "continue_on_error", "allow_failure"]);
    step.continue_on = continue_on.map(|field| policy::continue_on(reading, &field)).unwrap_or_default();
    let foreach = object.take(reading, &["foreach"], &["parallel", "for_each", "forEach"]);
    step.foreach = foreach.and_then(|field| policy::foreach(reading, &field));
    let repeat = object.take(reading, &["repeat"], &["repeatPolicy", "repeat_policy"]);
    step.repeat = repeat.and_then(|field| policy::repeat(reading, &field));
    step.rollback =
        object.take(reading, &["rollback"], &["compensate", "undo"]).and_then(|field| rollback(reading, &field));
    step.effects = object.take(reading, &["effects"], &[]).and_then(|field| effects(reading, &field));
    step.stdout = object.text(reading, &["stdout"], &[]);
    step.stderr = object.text(reading, &["stderr"], &[]);
    step.signal_on_stop = object.text(reading, &["signal_on_stop"], &["signalOnStop"]);
    object.not_supported(reading, "mailOnError", "use the `failure` handler");
    let whole = std::mem::replace(object, Object::new(object.map(), ""));
    whole.finish(reading);
    step
}

fn effects(reading: &mut Reading, field: &Field<'_>) -> Option<Effects> {
    match field.value.as_str() {
        Some("read") => Some(Effects::Read),
        Some("write") => Some(Effects::Write),
        Some("destructive") => Some(Effects::Destructive),
        Some("unknown") => Some(Effects::Unknown),
        _ => {
            reading.wrong_type(&field.path, "read, write or destructive", field.value);
            None
        }
    }
}

/// Reads `rollback`: a command, or an action with policies of its own.
fn rollback(reading: &mut Reading, field: &Field<'_>) -> Option<Rollback> {
    if let Value::String(command) = field.value {
        let action = crate::workflow::document::Action::Command { command: command.clone(), shell: None };
        return Some(Rollback { action, retry: None, timeout_ms: None, when: RollbackWhen::default() });
    }
    let mut object = field.object(reading)?;
    let action = action::read(reading, &mut object);
    let retry = object.take(reading, &["retry"], &["retryPolicy"]).and_then(|field| policy::retry(reading, &field));
    let timeout_ms = object.take(reading, &["timeout"], &["timeoutSec"]).and_then(|field| field.duration(reading));
    let when = match object.take(reading, &["when"], &[]) {
        None => RollbackWhen::default(),
        Some(field) => match field.value.as_str() {
            Some("succeeded" | "success") => RollbackWhen::Succeeded,
            Some("started") => RollbackWhen::Started,
            _ => {
                reading.wrong_type(&field.path, "succeeded or started", field.value);
                RollbackWhen::default()
            }
        },
    };
    object.finish(reading);
    let Some(action) = action else {
        let help = "give it a `command`, or a `tool` with `parameters`";
        reading.error("missing_action", &field.path, "the rollback does nothing").help = Some(help.to_owned());
        return None;
    };
    Some(Rollback { action, retry, timeout_ms, when })
}

/// Reads a handler: a step that may be spelled as its command alone.
pub(super) fn handler(reading: &mut Reading, field: &Field<'_>, name: &str) -> Option<Step> {
    if let Value::String(command) = field.value {
        let action = crate::workflow::document::Action::Command { command: command.clone(), shell: None };
        return Some(Step { name: name.to_owned(), action: Some(action), ..Step::default() });
    }
    let object = field.object(reading)?;
    Some(read(reading, object, name))
}
