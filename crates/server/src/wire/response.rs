//! What goes out, besides events and problems.

use partita_core::Millis;
use partita_core::event::seconds;
use partita_core::run::record::{EntryBody, OutputStream};
use partita_core::run::{ApprovalView, RunView, StepView};
use partita_core::time::rfc3339;
use partita_core::tool::Tool;
use partita_core::workflow::{to_mermaid, to_value, to_yaml};
use partita_provider::{Composed, Template};
use partita_store::RunSummary;
use serde_json::{Map, Value, json};

use super::request::{AuthoringOptions, OutputFormat};
use crate::app::keys::KeyInfo;
use crate::app::planning;
use crate::app::runs::Log;

fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(map) = &mut value {
        map.retain(|_, value| !value.is_null());
    }
    value
}

/// A run.
pub(crate) fn run(view: &RunView) -> Value {
    let approvals: Vec<Value> = view.approvals.iter().map(approval).collect();
    without_nulls(json!({
        "run_id": view.run_id, "workflow": view.workflow, "status": view.status,
        "created_at": rfc3339(view.created_at), "started_at": view.started_at.map(rfc3339),
        "completed_at": view.completed_at.map(rfc3339), "duration": view.duration_ms.map(seconds),
        "parameters": view.parameters, "outputs": view.outputs, "error": view.error, "origin": view.origin,
        "steps": view.steps.iter().map(step).collect::<Vec<_>>(),
        "approvals": (!approvals.is_empty()).then_some(approvals),
    }))
}

fn step(step: &StepView) -> Value {
    without_nulls(json!({
        "name": step.name, "index": step.index, "status": step.status, "attempts": step.attempts,
        "started_at": step.started_at.map(rfc3339), "completed_at": step.completed_at.map(rfc3339),
        "duration": step.duration_ms.map(seconds), "output": step.output, "exit_code": step.exit_code,
        "outputs": (!step.outputs.is_empty()).then_some(&step.outputs), "error": step.error,
    }))
}

fn approval(open: &ApprovalView) -> Value {
    without_nulls(json!({
        "approval_id": open.approval, "step": open.name, "index": open.step, "message": open.message,
        "requested_at": rfc3339(open.requested_at), "expires_at": open.expires_at.map(rfc3339),
    }))
}

/// A run in a list.
pub(crate) fn summary(run: &RunSummary) -> Value {
    let span = |started: Millis, ended: Millis| seconds(ended.saturating_sub(started));
    without_nulls(json!({
        "run_id": run.run_id, "workflow": run.workflow, "status": run.status,
        "created_at": rfc3339(run.created_at), "started_at": run.started_at.map(rfc3339),
        "completed_at": run.completed_at.map(rfc3339),
        "duration": run.started_at.zip(run.completed_at).map(|(started, ended)| span(started, ended)),
        "principal": run.principal,
    }))
}

/// A composed workflow in the forms that were asked for.
pub(crate) fn composed(composed: &Composed, options: &AuthoringOptions, at: Millis) -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert("workflow".to_owned(), to_value(&composed.workflow));
    match options.format.unwrap_or_default() {
        OutputFormat::Json => {}
        OutputFormat::Yaml => drop(answer.insert("workflow_yaml".to_owned(), json!(to_yaml(&composed.workflow)))),
        OutputFormat::Mermaid => drop(answer.insert("diagram".to_owned(), json!(to_mermaid(&composed.workflow)))),
    }
    if options.include_validation != Some(false) {
        answer.insert("validation".to_owned(), planning::validation(&composed.planned));
    }
    answer.insert("risk".to_owned(), json!(composed.planned.risk));
    let metadata = &composed.metadata;
    let mut shown = json!({
        "generated_at": rfc3339(at), "provider": metadata.provider, "model": metadata.model,
        "iterations": metadata.iterations, "notes": metadata.notes,
    });
    if let Some(asked) = options.model.as_ref().filter(|asked| **asked != metadata.model) {
        shown["requested_model"] = json!(asked);
    }
    answer.insert("metadata".to_owned(), shown);
    answer
}

/// A refined workflow.
pub(crate) fn refined(refined: &Composed, options: &AuthoringOptions, at: Millis) -> Map<String, Value> {
    let mut answer = composed(refined, options, at);
    answer.insert("changes".to_owned(), json!(refined.changes));
    answer.insert("diff".to_owned(), json!(refined.diff));
    answer.insert("unmet_requirements".to_owned(), json!(refined.unmet));
    answer
}

/// A template in a list.
pub(crate) fn template(template: &Template) -> Value {
    let parameters: Vec<Value> = template
        .workflow
        .params
        .iter()
        .map(|(name, param)| {
            without_nulls(json!({
                "name": name, "type": param.kind, "description": param.description, "default": param.default,
                "required": param.required, "enum": (!param.choices.is_empty()).then_some(&param.choices),
                "min": param.min, "max": param.max, "pattern": param.pattern,
                "secret": param.secret.then_some(true),
            }))
        })
        .collect();
    json!({
        "id": template.id, "name": template.name, "description": template.description,
        "category": template.category, "tags": template.tags, "parameters": parameters,
    })
}

/// A template with its workflow.
pub(crate) fn whole_template(whole: &Template) -> Value {
    let mut answer = template(whole);
    answer["workflow"] = to_value(&whole.workflow);
    answer["workflow_yaml"] = json!(to_yaml(&whole.workflow));
    answer
}

/// A tool of the catalogue.
pub(crate) fn tool(tool: &Tool, installed: bool) -> Value {
    let commands: Map<String, Value> =
        tool.commands.iter().map(|(words, effects)| (words.join(" "), json!(effects))).collect();
    without_nulls(json!({
        "name": tool.name, "description": tool.description, "parameters": tool.parameters, "effects": tool.effects,
        "commands": (!commands.is_empty()).then_some(commands), "program": tool.program,
        "available": tool.program.is_none() || installed, "install_hint": tool.install_hint,
        "rollback_hint": tool.rollback_hint, "examples": tool.examples,
    }))
}

/// A key, without the key itself.
pub(crate) fn key(info: &KeyInfo) -> Value {
    let scopes: Vec<&str> = info.scopes.iter().map(|scope| scope.as_str()).collect();
    without_nulls(json!({
        "id": info.id, "name": info.name, "tenant": info.tenant.as_str(), "scopes": scopes,
        "created_at": rfc3339(info.created_at), "expires_at": info.expires_at.map(rfc3339),
        "created_by": info.created_by,
    }))
}

/// A part of a step's log.
pub(crate) fn log(step: &str, log: &Log) -> Value {
    let lines = log.entries.iter().filter_map(|entry| match &entry.body {
        EntryBody::Chunk(chunk) => Some(json!({
            "seq": entry.seq, "timestamp": rfc3339(entry.at), "text": chunk.text, "attempt": chunk.id.number,
            "stream": if chunk.stream == OutputStream::Stderr { "stderr" } else { "stdout" },
        })),
        EntryBody::Record(_) => None,
    });
    json!({"step": step, "entries": lines.collect::<Vec<_>>(), "next_after": log.next_after})
}
