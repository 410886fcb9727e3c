//! What goes out, besides events and problems.

use partita_core::Millis;
use partita_core::event::seconds;
use partita_core::plan::ComposedBy;
use partita_core::run::record::{EntryBody, OutputStream};
use partita_core::run::{ApprovalView, RunView, StepView};
use partita_core::time::rfc3339;
use partita_core::tool::Tool;
use partita_core::workflow::{to_mermaid, to_value, to_yaml};
use partita_provider::{Composed, Template, Usage};
use partita_store::RunSummary;
use serde_json::{Map, Value, json};

use super::request::{AuthoringOptions, OutputFormat};
use crate::app::keys::KeyInfo;
use crate::app::orchestrate::Orchestrated;
use crate::app::planning;
use crate::app::runs::Log;
use crate::app::sessions::{Session, Taken, Turn};

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
        "composed": view.composed.as_ref().map(composed_by),
        "steps": view.steps.iter().map(step).collect::<Vec<_>>(),
        "approvals": (!approvals.is_empty()).then_some(approvals),
    }))
}

/// Who composed a run's workflow, with what it took of models.
fn composed_by(by: &ComposedBy) -> Value {
    let spent = Usage {
        calls: by.calls,
        input_tokens: by.input_tokens,
        output_tokens: by.output_tokens,
        cost_usd: by.cost_usd,
    };
    json!({"provider": by.provider, "model": by.model, "usage": usage(spent)})
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
        "iterations": metadata.iterations, "notes": metadata.notes, "usage": usage(metadata.usage),
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

/// What an order came to.
pub(crate) fn orchestrated(orchestrated: &Orchestrated, options: &AuthoringOptions, at: Millis) -> Map<String, Value> {
    let mut answer = composed(&orchestrated.composed, options, at);
    answer.insert("validation".to_owned(), orchestrated.validation());
    answer.insert("strategy".to_owned(), orchestrated.strategy.clone());
    if !orchestrated.unmet.is_empty() {
        answer.insert("unmet_requirements".to_owned(), json!(orchestrated.unmet));
    }
    if let Some(metadata) = answer.get_mut("metadata") {
        metadata["usage"] = usage(orchestrated.usage);
        if let Some(asked) = orchestrated.strategy["generation"].get("requested_model") {
            metadata["requested_model"] = asked.clone();
        }
    }
    answer
}

/// What was spent on models.
fn usage(usage: Usage) -> Value {
    json!({
        "calls": usage.calls, "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens,
        "tokens": usage.tokens(), "cost_usd": usage.cost_usd,
    })
}

/// A session that was begun.
pub(crate) fn new_session(session: &Session) -> Value {
    json!({
        "session_id": session.id, "created_at": rfc3339(session.created_at), "expires_at": rfc3339(session.expires_at),
        "context": session.context, "preferences": session.preferences,
    })
}

/// A session in a list.
pub(crate) fn session_in_list(session: &Session) -> Value {
    let mut shown = new_session(session);
    shown["turns"] = json!(session.turns);
    shown["usage"] = usage(session.usage);
    if let Some(workflow) = &session.workflow {
        shown["workflow_name"] = workflow["name"].clone();
    }
    shown
}

/// A session with everything that was said in it.
pub(crate) fn session(session: &Session, turns: &[Turn]) -> Value {
    let mut shown = session_in_list(session);
    shown["workflow"] = json!(session.workflow);
    let turns = turns.iter().map(|turn| {
        without_nulls(json!({
            "turn": turn.turn, "at": rfc3339(turn.at), "message": turn.message, "kind": turn.kind,
            "context": turn.context, "workflow": turn.workflow, "diff": turn.diff, "changes": turn.changes,
            "unmet_requirements": turn.unmet_requirements, "validation": turn.validation,
            "provider": turn.provider, "model": turn.model, "usage": usage(turn.usage), "run_id": turn.run_id,
        }))
    });
    shown["turns"] = turns.collect();
    shown
}

/// A turn that was taken.
pub(crate) fn turn(taken: &Taken, options: &AuthoringOptions, at: Millis) -> Value {
    let mut answer = refined(&taken.composed, options, at);
    answer.insert("session_id".to_owned(), json!(taken.session.id));
    answer.insert("turn".to_owned(), json!(taken.turn.turn));
    answer.insert("message".to_owned(), json!(told(taken)));
    Value::Object(answer)
}

/// What a turn did, in a sentence.
fn told(taken: &Taken) -> String {
    let composed = &taken.composed;
    let name = &composed.workflow.name;
    if taken.turn.kind == "generated" {
        return format!("Made the workflow `{name}` with {} steps.", composed.workflow.steps.len());
    }
    let done: Vec<&str> = composed.changes.iter().map(|change| change.summary.as_str()).collect();
    let undone: Vec<&str> = composed.unmet.iter().map(|unmet| unmet.reason.as_str()).collect();
    match (done.is_empty(), undone.is_empty()) {
        (true, true) => format!("Nothing in `{name}` had to change."),
        (false, true) => format!("Changed `{name}`: {}.", done.join("; ")),
        (true, false) => format!("Left `{name}` as it is: {}.", undone.join("; ")),
        (false, false) => format!("Changed `{name}`: {}. Not done: {}.", done.join("; "), undone.join("; ")),
    }
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
