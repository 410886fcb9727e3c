//! The workflow as a whole.

use serde_json::Value;

use super::object::{Field, Object};
use super::{Reading, params, policy, step};
use crate::limits::STEPS_MAX;
use crate::workflow::Workflow;
use crate::workflow::document::{Budget, Dialect, Handlers, Kind, OnFailure, Step};

/// Keys of imported dialects that nothing here carries out, and what happens instead.
const NOT_SUPPORTED: [(&str, &str); 17] = [
    ("group", "use `tags`"),
    ("dotenv", "write the variables under `env`"),
    ("queue", "runs wait in the order in which they come"),
    ("maxActiveRuns", "runs wait in the order in which they come"),
    ("maxOutputSize", "outputs are kept up to 1 MiB"),
    ("maxCleanUpTimeSec", "processes get 5 seconds to end"),
    ("delaySec", "use a step with the tool `wait`"),
    ("restartWaitSec", "runs are not restarted by themselves"),
    ("skipIfSuccessful", "every run is carried out"),
    ("histRetentionDays", "runs are kept"),
    ("logDir", "logs are kept with the run"),
    ("otel", "nothing is exported"),
    ("mailOn", "use `handlers` with the tool `email`"),
    ("smtp", "use `handlers` with the tool `email`"),
    ("errorMail", "use `handlers` with the tool `email`"),
    ("infoMail", "use `handlers` with the tool `email`"),
    ("retryPolicy", "give the steps a `retry`"),
];

pub(super) fn read(reading: &mut Reading, mut object: Object<'_>) -> Workflow {
    let object_ref = &mut object;
    let mut workflow = Workflow { name: name(reading, object_ref), ..Workflow::default() };
    workflow.description = object_ref.text(reading, &["description"], &[]);
    workflow.version = object_ref.text(reading, &["version"], &[]);
    let declared = object_ref.take(reading, &["params"], &["variables", "inputs"]);
    workflow.params = declared.map(|field| params::read(reading, &field)).unwrap_or_default();
    if let Some(field) = object_ref.take(reading, &[], &["parameters"]) {
        match field.value {
            Value::Object(values) => reading.parameters = values.clone(),
            other => reading.wrong_type(&field.path, "an object with values of parameters", other),
        }
    }
    workflow.env =
        object_ref.take(reading, &["env"], &["environment"]).map(|field| field.pairs(reading)).unwrap_or_default();
    workflow.runner = object_ref.text(reading, &["runner"], &[]);
    let timeout = object_ref.take(reading, &["timeout"], &["timeoutSec", "timeout_sec", "timeout_seconds"]);
    workflow.timeout_ms = timeout.and_then(|field| field.duration(reading));
    workflow.kind = kind(reading, object_ref);
    let active = object_ref.take(reading, &["max_active_steps"], &["maxActiveSteps", "max_parallel"]);
    workflow.max_active_steps = active.and_then(|field| field.count(reading)).filter(|count| *count > 0);
    let preconditions = object_ref.take(reading, &["preconditions"], &["precondition"]);
    workflow.preconditions = preconditions.map(|field| policy::preconditions(reading, &field)).unwrap_or_default();
    workflow.steps = steps(reading, object_ref);
    workflow.handlers = handlers(reading, object_ref);
    workflow.on_failure =
        object_ref.take(reading, &["on_failure"], &["onFailure"]).and_then(|field| on_failure(reading, &field));
    workflow.budget = object_ref.take(reading, &["budget"], &[]).and_then(|field| budget(reading, &field));
    workflow.secrets =
        object_ref.take(reading, &["secrets"], &[]).map(|field| secrets(reading, &field)).unwrap_or_default();
    workflow.tags = object_ref.take(reading, &["tags"], &[]).map(|field| tags(reading, &field)).unwrap_or_default();
    workflow.outputs =
        object_ref.take(reading, &["outputs"], &[]).map(|field| field.pairs(reading)).unwrap_or_default();
    workflow.schedule = schedule(reading, object_ref);
    workflow.files = object_ref.take(reading, &["files"], &[]).map(|field| field.pairs(reading)).unwrap_or_default();
    rest(reading, object_ref);
    object.finish(reading);
    workflow.dialect = if reading.imported { Dialect::Imported } else { Dialect::Canonical };
    workflow
}

fn name(reading: &mut Reading, object: &mut Object<'_>) -> String {
    match object.text(reading, &["name"], &[]) {
        Some(name) if !name.trim().is_empty() => name,
        _ => {
            let help = "add `name: …`; it is what runs are listed by";
            reading.warning("missing_name", object.path(), "the workflow has no name").help = Some(help.to_owned());
            "workflow".to_owned()
        }
    }
}

/// Keys that are known and not honoured.
fn rest(reading: &mut Reading, object: &mut Object<'_>) {
    for (key, instead) in NOT_SUPPORTED {
        object.not_supported(reading, key, instead);
    }
    // What clients add to a document on its way; it says nothing about the work.
    if object.map().get("command").and_then(Value::as_str) == Some("execute_workflow") {
        object.take(reading, &[], &["command"]);
    }
    object.take(reading, &[], &["metadata"]);
}

fn schedule(reading: &mut Reading, object: &mut Object<'_>) -> Option<String> {
    let field = object.take(reading, &["schedule"], &[])?;
    match field.value {
        Value::String(phrase) => Some(phrase.clone()),
        other => Some(other.to_string()),
    }
}

fn kind(reading: &mut Reading, object: &mut Object<'_>) -> Kind {
    let Some(field) = object.take(reading, &["type"], &[]) else { return Kind::Chain };
    match field.value.as_str() {
        Some("chain" | "sequential") => Kind::Chain,
        Some("graph" | "dag") => Kind::Graph,
        _ => {
            reading.wrong_type(&field.path, "chain or graph", field.value);
            Kind::Chain
        }
    }
}

fn steps(reading: &mut Reading, object: &mut Object<'_>) -> Vec<Step> {
    let Some(field) = object.take(reading, &["steps"], &[]) else {
        let help = "add `steps: [{name: …, command: …}]`";
        reading.error("missing_steps", object.path(), "the workflow has no steps").help = Some(help.to_owned());
        return Vec::new();
    };
    let count = match field.value {
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        other => {
            reading.wrong_type(&field.path, "a list of steps", other);
            return Vec::new();
        }
    };
    if count > STEPS_MAX {
        let message = format!("the workflow has {count} steps, more than the {STEPS_MAX} that one may have");
        let help = "split it, or let one step go through many items with `foreach`";
        reading.error("too_many_steps", &field.path, message).help = Some(help.to_owned());
        return Vec::new();
    }
    if let Value::Object(map) = field.value {
        reading.imported = true;
        let named = map.iter().filter_map(|(name, value)| {
            let path = format!("{}/{}", field.path, super::object::token(name));
            let step = Field { value, path, key: name };
            step.object(reading).map(|object| step::read(reading, object, name))
        });
        return named.collect();
    }
    let mut steps = Vec::with_capacity(count);
    for (index, item) in field.items().enumerate() {
        if let Value::String(command) = item.value {
            // A bare command, as Dagu has it.
            reading.imported = true;
            let action = crate::workflow::document::Action::Command { command: command.clone(), shell: None };
            steps.push(Step { name: format!("step-{}", index + 1), action: Some(action), ..Step::default() });
        } else if let Some(object) = item.object(reading) {
            steps.push(step::read(reading, object, &format!("step-{}", index + 1)));
        }
    }
    steps
}

fn handlers(reading: &mut Reading, object: &mut Object<'_>) -> Handlers {
    let mut handlers = Handlers::default();
    let Some(field) = object.take(reading, &["handlers"], &["handlerOn", "handler_on"]) else { return handlers };
    let Some(mut object) = field.object(reading) else { return handlers };
    let mut handler = |names: &[&'static str], name: &str, reading: &mut Reading| {
        let field = object.take(reading, names, &[])?;
        step::handler(reading, &field, name).map(Box::new)
    };
    handlers.success = handler(&["success"], "on-success", reading);
    handlers.failure = handler(&["failure"], "on-failure", reading);
    handlers.cancel = handler(&["cancel"], "on-cancel", reading);
    handlers.exit = handler(&["exit"], "on-exit", reading);
    object.finish(reading);
    handlers
}

fn on_failure(reading: &mut Reading, field: &Field<'_>) -> Option<OnFailure> {
    match field.value.as_str() {
        Some("stop" | "fail") => Some(OnFailure::Stop),
        Some("continue") => Some(OnFailure::Continue),
        Some("rollback") => Some(OnFailure::Rollback),
        _ => {
            reading.wrong_type(&field.path, "stop, continue or rollback", field.value);
            None
        }
    }
}

fn budget(reading: &mut Reading, field: &Field<'_>) -> Option<Budget> {
    let mut object = field.object(reading)?;
    let tokens = object.take(reading, &["tokens"], &[]).and_then(|field| field.count(reading)).map(u64::from);
    let seconds = object.take(reading, &["seconds"], &[]).and_then(|field| field.number(reading));
    let cost_usd = object.take(reading, &["cost_usd"], &[]).and_then(|field| field.number(reading));
    object.finish(reading);
    Some(Budget { tokens, seconds, cost_usd })
}

fn secrets(reading: &mut Reading, field: &Field<'_>) -> Vec<String> {
    match field.value {
        Value::Object(map) => map.keys().cloned().collect(),
        _ => field.texts(reading),
    }
}

fn tags(reading: &mut Reading, field: &Field<'_>) -> Vec<String> {
    let texts = field.texts(reading);
    let tags = texts.iter().flat_map(|text| text.split(',')).map(|tag| tag.trim().to_owned());
    tags.filter(|tag| !tag.is_empty()).collect()
}
