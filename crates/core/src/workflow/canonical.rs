//! From the model back to a document with the canonical keys.

use serde_json::{Map, Value, json};

use super::Workflow;
use super::document::{
    Action, ContinueOn, Foreach, Handlers, Items, Kind, Param, Precondition, Repeat, Retry, RetryOn, Rollback,
    RollbackWhen, Step,
};
use crate::time::{Millis, format_duration};

/// An object under construction: what is absent is left out.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    fn optional<T: Into<Value>>(&mut self, key: &str, value: Option<T>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// Leaves out lists and objects without anything in them.
    fn filled(&mut self, key: &str, value: Value) {
        let empty = match &value {
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Null => true,
            _ => false,
        };
        if !empty {
            self.put(key, value);
        }
    }
}

fn duration(span_ms: Millis) -> Value {
    Value::String(format_duration(span_ms))
}

fn texts<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Value {
    Value::Object(pairs.into_iter().map(|(name, text)| (name.clone(), Value::String(text.clone()))).collect())
}

/// The canonical document: reading it again gives an equal workflow.
#[must_use]
pub fn to_value(workflow: &Workflow) -> Value {
    let mut fields = Fields::default();
    fields.put("name", workflow.name.clone());
    fields.optional("description", workflow.description.clone());
    fields.optional("version", workflow.version.clone());
    let params = workflow.params.iter().map(|(name, declared)| (name.clone(), param(declared)));
    fields.filled("params", Value::Object(params.collect()));
    fields.filled("env", texts(&workflow.env));
    fields.optional("runner", workflow.runner.clone());
    fields.optional("timeout", workflow.timeout_ms.map(duration));
    if workflow.kind == Kind::Graph {
        fields.put("type", "graph");
    }
    fields.optional("max_active_steps", workflow.max_active_steps);
    fields.filled("preconditions", preconditions(&workflow.preconditions));
    fields.put("steps", workflow.steps.iter().map(step).collect::<Vec<_>>());
    fields.filled("handlers", handlers(&workflow.handlers));
    fields.optional("on_failure", workflow.on_failure.map(|policy| json!(policy)));
    if let Some(budget) = &workflow.budget {
        let mut bounds = Fields::default();
        bounds.optional("tokens", budget.tokens);
        bounds.optional("seconds", budget.seconds);
        bounds.optional("cost_usd", budget.cost_usd);
        fields.put("budget", bounds.0);
    }
    fields.filled("secrets", json!(workflow.secrets));
    fields.filled("tags", json!(workflow.tags));
    fields.filled("outputs", texts(&workflow.outputs));
    fields.optional("schedule", workflow.schedule.clone());
    fields.filled("files", texts(&workflow.files));
    Value::Object(fields.0)
}

fn param(param: &Param) -> Value {
    let mut fields = Fields::default();
    fields.optional("type", param.kind.map(|kind| json!(kind)));
    fields.optional("description", param.description.clone());
    fields.optional("default", param.default.clone());
    if param.required {
        fields.put("required", true);
    }
    fields.filled("enum", Value::Array(param.choices.clone()));
    fields.optional("min", param.min);
    fields.optional("max", param.max);
    fields.optional("pattern", param.pattern.clone());
    if param.secret {
        fields.put("secret", true);
    }
    let bare =
        fields.0.len() == 1 && param.default.as_ref().is_some_and(|default| !default.is_object() && !default.is_null());
    match &param.default {
        Some(default) if bare => default.clone(),
        _ if fields.0.is_empty() => Value::Null,
        _ => Value::Object(fields.0),
    }
}

fn step(step: &Step) -> Value {
    let mut fields = Fields::default();
    fields.put("name", step.name.clone());
    fields.optional("id", step.id.clone());
    fields.optional("description", step.description.clone());
    fields.optional("depends", step.depends.as_ref().map(|depends| json!(depends)));
    fields.optional("if", step.condition.clone());
    fields.filled("preconditions", preconditions(&step.preconditions));
    if let Some(does) = &step.action {
        action(does, &mut fields);
    }
    fields.filled("env", texts(&step.env));
    fields.optional("dir", step.dir.clone());
    fields.optional("runner", step.runner.clone());
    fields.optional("output", step.output.clone());
    fields.filled("outputs", texts(&step.outputs));
    fields.optional("retry", step.retry.as_ref().map(retry));
    fields.optional("timeout", step.timeout_ms.map(duration));
    fields.filled("continue_on", continue_on(&step.continue_on));
    fields.optional("foreach", step.foreach.as_ref().map(foreach));
    fields.optional("repeat", step.repeat.as_ref().map(repeat));
    fields.optional("rollback", step.rollback.as_ref().map(rollback));
    fields.optional("effects", step.effects.map(|effects| json!(effects)));
    fields.optional("stdout", step.stdout.clone());
    fields.optional("stderr", step.stderr.clone());
    fields.optional("signal_on_stop", step.signal_on_stop.clone());
    Value::Object(fields.0)
}

fn action(action: &Action, fields: &mut Fields) {
    match action {
        Action::Tool { tool, parameters } => {
            fields.put("tool", tool.clone());
            fields.filled("parameters", Value::Object(parameters.clone()));
        }
        Action::Command { command, shell } => {
            fields.put("command", command.clone());
            fields.optional("shell", shell.clone());
        }
        Action::Script { script, interpreter } => {
            fields.optional("shell", interpreter.clone());
            fields.put("script", script.clone());
        }
        Action::Http(request) => {
            let mut http = Fields::default();
            http.put("url", request.url.clone());
            http.optional("method", request.method.clone());
            http.filled("headers", texts(&request.headers));
            http.filled("query", texts(&request.query));
            http.optional("body", request.body.clone());
            http.filled("expect_status", json!(request.expect_status));
            http.filled("redirect_hosts", json!(request.redirect_hosts));
            http.optional("timeout", request.timeout_ms.map(duration));
            fields.put("http", http.0);
        }
        Action::Approval(question) => {
            let mut approval = Fields::default();
            approval.optional("message", question.message.clone());
            approval.optional("timeout", question.timeout_ms.map(duration));
            fields.put("approval", approval.0);
        }
        Action::Container { image, command } => {
            fields.put("image", image.clone());
            fields.optional("command", command.clone());
        }
        Action::Workflow { workflow, parameters } => {
            fields.put("workflow", workflow.clone());
            fields.filled("parameters", Value::Object(parameters.clone()));
        }
        Action::Agent { config } => fields.put("agent", config.clone()),
        Action::Unsupported { executor, config } => fields.put("executor", json!({"type": executor, "config": config})),
    }
}

fn preconditions(list: &[Precondition]) -> Value {
    let one = |precondition: &Precondition| match precondition {
        Precondition::Command { command } => Value::String(command.clone()),
        Precondition::Match { condition, expected } => json!({"condition": condition, "expected": expected}),
    };
    Value::Array(list.iter().map(one).collect())
}

fn retry(retry: &Retry) -> Value {
    let mut fields = Fields::default();
    fields.put("max_attempts", retry.max_attempts);
    fields.put("delay", duration(retry.delay_ms));
    if (retry.backoff - 1.0).abs() > f64::EPSILON || retry.max_delay_ms.is_some() {
        fields.put("backoff", retry.backoff);
    }
    fields.optional("max_delay", retry.max_delay_ms.map(duration));
    if retry.jitter > 0.0 {
        fields.put("jitter", retry.jitter);
    }
    let on = |on: &RetryOn| match on {
        RetryOn::ExitCode(code) => json!({"exit_code": code}),
        other => json!(other),
    };
    fields.filled("on", Value::Array(retry.on.iter().map(on).collect()));
    Value::Object(fields.0)
}

fn continue_on(policy: &ContinueOn) -> Value {
    let mut fields = Fields::default();
    for (key, set) in [("failure", policy.failure), ("skipped", policy.skipped), ("mark_success", policy.mark_success)]
    {
        if set {
            fields.put(key, true);
        }
    }
    fields.filled("exit_code", json!(policy.exit_code));
    fields.filled("output", json!(policy.output));
    Value::Object(fields.0)
}

fn foreach(foreach: &Foreach) -> Value {
    let items = match &foreach.items {
        Items::List(list) => Value::Array(list.clone()),
        Items::Reference(text) | Items::Expression(text) => Value::String(text.clone()),
    };
    let mut fields = Fields::default();
    fields.put("items", items);
    fields.optional("max_active", foreach.max_active);
    Value::Object(fields.0)
}

fn repeat(repeat: &Repeat) -> Value {
    let mut fields = Fields::default();
    fields.optional("while", repeat.while_.clone());
    fields.optional("until", repeat.until.clone());
    fields.filled("exit_code", json!(repeat.exit_codes));
    if let Some((condition, expected)) = &repeat.until_match {
        fields.put("condition", condition.clone());
        fields.put("expected", expected.clone());
    }
    fields.optional("limit", repeat.limit);
    fields.put("delay", duration(repeat.delay_ms));
    Value::Object(fields.0)
}

fn rollback(rollback: &Rollback) -> Value {
    let mut fields = Fields::default();
    action(&rollback.action, &mut fields);
    fields.optional("retry", rollback.retry.as_ref().map(retry));
    fields.optional("timeout", rollback.timeout_ms.map(duration));
    if rollback.when == RollbackWhen::Started {
        fields.put("when", "started");
    }
    Value::Object(fields.0)
}

fn handlers(handlers: &Handlers) -> Value {
    let mut fields = Fields::default();
    let all = [
        ("success", &handlers.success),
        ("failure", &handlers.failure),
        ("cancel", &handlers.cancel),
        ("exit", &handlers.exit),
    ];
    for (name, handler) in all {
        fields.optional(name, handler.as_deref().map(step));
    }
    Value::Object(fields.0)
}

/// The canonical document as YAML.
#[must_use]
pub fn to_yaml(workflow: &Workflow) -> String {
    super::text::to_yaml(&to_value(workflow))
}
