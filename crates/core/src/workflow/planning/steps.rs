//! From a step of the document to a step of the plan.

use indexmap::IndexMap;

use super::actions::{self, Resolved};
use super::limits;
use super::names::{Tables, Visible, is_dangerous, is_variable};
use super::references::{PartReader, Sink};
use super::request::{PlanRequest, StepRisk};
use crate::limits::{ACTIVE_STEPS_DEFAULT, REPEAT_LIMIT_DEFAULT};
use crate::plan::{ItemSource, PlannedForeach, PlannedPrecondition, PlannedRepeat, PlannedRollback, PlannedStep};
use crate::tool::{Reader, escape, json_template, raise};
use crate::workflow::document::{Action, Effects, Foreach, Items, Precondition, Repeat, Rollback, Step};
use crate::workflow::reference::{Reference, ReferenceRoot, Template, TemplatePiece};

/// What all steps of one workflow have in common.
pub(super) struct Common<'a> {
    pub(super) tables: &'a Tables<'a>,
    pub(super) request: &'a PlanRequest<'a>,
    /// The runner of steps that name none.
    pub(super) runner: String,
}

/// A planned step, and what it may do.
pub(super) struct Done {
    pub(super) step: PlannedStep,
    pub(super) risk: StepRisk,
    pub(super) rollback_risk: Option<StepRisk>,
}

/// Plans one step. `index` is absent for a handler, which runs when all else is over.
pub(super) fn planned<'a>(
    common: &Common<'a>,
    step: &'a Step,
    index: Option<u32>,
    path: &str,
    sink: &mut Sink<'a>,
) -> Done {
    limits::check_step(step, common.tables.workflow, path, &mut sink.findings);
    let names = Visible {
        tables: common.tables,
        step: index,
        step_env: Some(&step.env),
        defined_env: None,
        has_item: step.foreach.is_some(),
        sees_itself: false,
    };
    let mut reader = PartReader { names, sink };
    let action = match &step.action {
        Some(action) => actions::resolve(action, path, common.request, &mut reader),
        None => {
            let help = "give it one of `command`, `script`, `tool`, `http` or `approval`";
            reader.sink.findings.error("no_action", path, format!("`{}` does nothing", step.name), help);
            Resolved { action: None, effects: Effects::Unknown, reasons: Vec::new() }
        }
    };
    let (step_risk, rollback_risk, rollback) = risks(common, step, path, &action, &mut reader);
    let mut planned = PlannedStep {
        name: step.name.clone(),
        condition: step.condition.as_ref().and_then(|text| reader.expression(text, &format!("{path}/if"))),
        preconditions: preconditions(&step.preconditions, &format!("{path}/preconditions"), &mut reader),
        env: environment(&step.env, &format!("{path}/env"), &mut reader),
        dir: optional(step.dir.as_ref(), &format!("{path}/dir"), &mut reader),
        runner: runner(common, step, path, &mut reader),
        output: step.output.clone(),
        timeout_ms: step.timeout_ms,
        continue_on: step.continue_on.clone(),
        rollback,
        effects: step_risk.effects,
        stdout: optional(step.stdout.as_ref(), &format!("{path}/stdout"), &mut reader),
        stderr: optional(step.stderr.as_ref(), &format!("{path}/stderr"), &mut reader),
        ..PlannedStep::default()
    };
    if let Some(foreach) = &step.foreach {
        // The list itself is read before there is an item.
        reader.names.has_item = false;
        planned.foreach = self::foreach(foreach, &format!("{path}/foreach"), &mut reader);
        reader.names.has_item = true;
    }
    reader.names.sees_itself = true;
    planned.repeat = step.repeat.as_ref().map(|one| repeat(one, &format!("{path}/repeat"), &mut reader));
    for (name, source) in &step.outputs {
        if let Some(source) = reader.expression(source, &format!("{path}/outputs/{}", escape(name))) {
            planned.outputs.insert(name.clone(), source);
        }
    }
    if let Some(retry) = &step.retry {
        planned.retry = retry.clone();
    }
    if let Some(signal) = &step.signal_on_stop {
        planned.stop_signal = stop_signal(signal, &format!("{path}/signal_on_stop"), &mut reader);
    }
    if let Some(action) = action.action {
        planned.action = action;
    }
    check_approval(step, index, path, &mut reader);
    Done { step: planned, risk: step_risk, rollback_risk }
}

/// What the step and its rollback may do. The author may raise the effects, never lower them.
fn risks<'a>(
    common: &Common<'a>,
    step: &'a Step,
    path: &str,
    action: &Resolved,
    reader: &mut PartReader<'a, '_>,
) -> (StepRisk, Option<StepRisk>, Option<PlannedRollback>) {
    let mut risk = StepRisk { step: step.name.clone(), effects: action.effects, reasons: action.reasons.clone() };
    if step.preconditions.iter().any(|one| matches!(one, Precondition::Command { .. })) {
        raise(&mut risk.effects, &mut risk.reasons, Effects::Unknown, "a precondition is shell text");
    }
    if let Some(said) = step.effects {
        if said > risk.effects {
            raise(&mut risk.effects, &mut risk.reasons, said, "the author says so");
        } else if said < risk.effects {
            risk.reasons.push("the author says less, which can't be proven".to_owned());
        }
    }
    let Some(rollback) = &step.rollback else { return (risk, None, None) };
    let (planned, undo) = self::rollback(common, rollback, &format!("{path}/rollback"), reader);
    let undo_risk = StepRisk { step: format!("{}.rollback", step.name), effects: undo.effects, reasons: undo.reasons };
    (risk, Some(undo_risk), planned)
}

fn rollback(
    common: &Common<'_>,
    rollback: &Rollback,
    path: &str,
    reader: &mut PartReader<'_, '_>,
) -> (Option<PlannedRollback>, Resolved) {
    limits::check_timeout(rollback.timeout_ms, &format!("{path}/timeout"), &mut reader.sink.findings);
    if let Some(retry) = &rollback.retry {
        limits::check_retry(retry, &format!("{path}/retry"), &mut reader.sink.findings);
    }
    if matches!(rollback.action, Action::Approval(_)) {
        let help = "use a `command` or a `tool` that takes the step back";
        reader.sink.findings.error("not_supported", path, "a rollback can't be a question to a person", help);
    }
    let before = std::mem::replace(&mut reader.names.sees_itself, true);
    let mut resolved = actions::resolve(&rollback.action, path, common.request, reader);
    reader.names.sees_itself = before;
    let planned = resolved.action.take().map(|action| PlannedRollback {
        action,
        retry: rollback.retry.clone().unwrap_or_else(|| PlannedStep::default().retry),
        timeout_ms: rollback.timeout_ms,
        when: rollback.when,
    });
    (planned, resolved)
}

fn optional(text: Option<&String>, path: &str, reader: &mut PartReader<'_, '_>) -> Option<Template> {
    text.map(|text| reader.template(text, path))
}

/// Reads an environment. A variable whose value names itself means the one outside.
pub(super) fn environment<'a>(
    env: &'a IndexMap<String, String>,
    path: &str,
    reader: &mut PartReader<'a, '_>,
) -> IndexMap<String, Template> {
    let mut read = IndexMap::with_capacity(env.len());
    for (name, text) in env {
        let path = format!("{path}/{}", escape(name));
        if !is_variable(name) {
            let help = "use letters, digits and `_`, and begin with a letter";
            reader.sink.findings.error(
                "invalid_name",
                path.clone(),
                format!("`{name}` can't be the name of a variable"),
                help,
            );
        }
        reader.names.defined_env = Some(name);
        let template = reader.template(text, &path);
        reader.names.defined_env = None;
        let template = expanded(template, name, &path, &read, reader);
        if is_dangerous(name) && template.references().next().is_some() {
            let message = format!("`{name}` steers the programs that a step starts, so it can't hold a reference");
            reader.sink.findings.error("reserved_name", path, message, "write its value out, or use another variable");
        }
        read.insert(name.clone(), template);
    }
    read
}

/// Fills in variables of the same environment, which must stand before, and (for the workflow's own) those
/// of the server, so that no variable is made of another when the run binds it.
fn expanded(
    template: Template,
    name: &str,
    path: &str,
    read: &IndexMap<String, Template>,
    reader: &mut PartReader<'_, '_>,
) -> Template {
    const PIECES_MAX: usize = 1_000;
    let own = reader.names.step_env.unwrap_or(&reader.names.tables.workflow.env);
    let is_workflow = reader.names.step_env.is_none();
    let mut pieces = Vec::with_capacity(template.pieces.len());
    for piece in template.pieces {
        let other = match &piece {
            TemplatePiece::Reference(Reference { root: ReferenceRoot::Env(other), .. }) => other.clone(),
            _ => {
                pieces.push(piece);
                continue;
            }
        };
        if let Some(earlier) = read.get(&other) {
            pieces.extend(earlier.pieces.iter().cloned());
        } else if own.contains_key(&other) && other != name {
            let message = format!("`{name}` is made of `{other}`, which is declared after it");
            let help = format!("move `{other}` before `{name}`");
            reader.sink.findings.error("env_order", path, message, help);
        } else if let Some(value) = reader.names.tables.visible_env(&other).filter(|_| is_workflow) {
            pieces.push(TemplatePiece::Text(value.clone()));
        } else {
            pieces.push(piece);
        }
        if pieces.len() > PIECES_MAX {
            let help = "make it of fewer others";
            reader.sink.findings.error("env_too_large", path, format!("`{name}` is made of too many variables"), help);
            break;
        }
    }
    Template { pieces }
}

pub(super) fn preconditions(
    preconditions: &[Precondition],
    path: &str,
    reader: &mut PartReader<'_, '_>,
) -> Vec<PlannedPrecondition> {
    let mut read = Vec::with_capacity(preconditions.len());
    for (position, precondition) in preconditions.iter().enumerate() {
        let path = format!("{path}/{position}");
        read.push(match precondition {
            Precondition::Command { command } => {
                let interpreter = actions::interpreter(None, None, reader);
                PlannedPrecondition::Command { script: reader.script(command, &interpreter, &path) }
            }
            Precondition::Match { condition, expected } => {
                limits::check_pattern(expected, &format!("{path}/expected"), &mut reader.sink.findings);
                let value = reader.template(condition, &format!("{path}/condition"));
                PlannedPrecondition::Match { value, expected: expected.clone() }
            }
        });
    }
    read
}

fn runner(common: &Common<'_>, step: &Step, path: &str, reader: &mut PartReader<'_, '_>) -> String {
    let Some(runner) = &step.runner else { return common.runner.clone() };
    check_runner(runner, common.request, &format!("{path}/runner"), reader.sink);
    canonical_runner(runner).to_owned()
}

/// The runner that a name means: `local` has two more names, which imported documents use.
pub(super) fn canonical_runner(name: &str) -> &str {
    match name {
        "default" | "kubiya-hosted" => "local",
        other => other,
    }
}

/// Reports a runner that doesn't exist.
pub(super) fn check_runner(runner: &str, request: &PlanRequest<'_>, path: &str, sink: &mut Sink<'_>) {
    if canonical_runner(runner) == "local" || request.runners.contains(runner) {
        return;
    }
    let known = request.runners.iter().map(String::as_str).chain(["local"]);
    let help = match super::findings::nearest(runner, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let mut all: Vec<&str> = request.runners.iter().map(String::as_str).collect();
            if !all.contains(&"local") {
                all.push("local");
            }
            format!("there are: {}; map other names in the configuration under `runners`", all.join(", "))
        }
    };
    sink.findings.error("unknown_runner", path, format!("there is no runner `{runner}`"), help);
}

fn foreach(foreach: &Foreach, path: &str, reader: &mut PartReader<'_, '_>) -> Option<PlannedForeach> {
    let path = format!("{path}/items");
    let items = match &foreach.items {
        Items::List(items) => {
            let read = |(position, item)| json_template(item, &format!("{path}/{position}"), reader);
            ItemSource::List(items.iter().enumerate().map(read).collect())
        }
        Items::Expression(source) => ItemSource::Expression(reader.expression(source, &path)?),
        Items::Reference(text) => {
            let template = reader.template(text.trim(), &path);
            let mut references = template.references();
            match (references.next(), template.pieces.len()) {
                (Some(reference), 1) => ItemSource::Reference(reference.clone()),
                (None, _) if reader.sink.findings.has_error() => return None,
                _ => {
                    let message = format!("`{text}` is no list");
                    let help = "write a list, one reference (`${services}`), or an expression";
                    reader.sink.findings.error("invalid_items", path, message, help);
                    return None;
                }
            }
        }
    };
    Some(PlannedForeach { items, max_active: foreach.max_active.unwrap_or(ACTIVE_STEPS_DEFAULT) })
}

fn repeat(repeat: &Repeat, path: &str, reader: &mut PartReader<'_, '_>) -> PlannedRepeat {
    PlannedRepeat {
        while_: repeat.while_.as_ref().and_then(|source| reader.expression(source, &format!("{path}/while"))),
        until: repeat.until.as_ref().and_then(|source| reader.expression(source, &format!("{path}/until"))),
        exit_codes: repeat.exit_codes.clone(),
        until_match: repeat.until_match.as_ref().map(|(text, expected)| {
            limits::check_pattern(expected, path, &mut reader.sink.findings);
            (reader.template(text, path), expected.clone())
        }),
        limit: repeat.limit.unwrap_or(REPEAT_LIMIT_DEFAULT),
        delay_ms: repeat.delay_ms,
    }
}

fn stop_signal(name: &str, path: &str, reader: &mut PartReader<'_, '_>) -> i32 {
    let short = name.trim().to_ascii_uppercase();
    let short = short.strip_prefix("SIG").unwrap_or(&short);
    match short {
        "HUP" | "1" => 1,
        "INT" | "2" => 2,
        "QUIT" | "3" => 3,
        "KILL" | "9" => 9,
        "USR1" | "10" => 10,
        "USR2" | "12" => 12,
        "TERM" | "15" => 15,
        _ => {
            let message = format!("`{name}` is no signal that asks a process to end");
            let help = "use SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 or SIGKILL";
            reader.sink.findings.error("invalid_signal", path, message, help);
            15
        }
    }
}

/// A question is decided by the run itself, once; a handler has nobody who would wait for the answer.
fn check_approval(step: &Step, index: Option<u32>, path: &str, reader: &mut PartReader<'_, '_>) {
    if !matches!(step.action, Some(Action::Approval(_))) {
        return;
    }
    let findings = &mut reader.sink.findings;
    if index.is_none() {
        findings.error(
            "not_supported",
            path,
            "a handler can't be a question to a person",
            "make it a step of the workflow",
        );
    }
    if step.foreach.is_some() || step.repeat.is_some() {
        let help = "ask once, in a step of its own before this one";
        findings.error("not_supported", path, "a question to a person can't be asked for each item or again", help);
    }
}

/// Whether the step captures its output for somebody.
pub(super) fn is_captured(step: &PlannedStep, is_referred_to: bool) -> bool {
    let looks_at_itself = step.repeat.is_some() || !step.continue_on.output.is_empty();
    is_referred_to || step.output.is_some() || !step.outputs.is_empty() || looks_at_itself
}
