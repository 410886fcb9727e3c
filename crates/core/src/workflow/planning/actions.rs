//! What a step does: from the document's action to the plan's, with its effects.

use serde_json::{Map, Value};

use super::findings::nearest;
use super::references::{PartReader, is_shell};
use super::request::PlanRequest;
use crate::Diagnostic;
use crate::plan::PlannedAction;
use crate::tool::{self, Reader, raise};
use crate::workflow::document::{Action, Effects};

/// An action with what is known about it.
pub(super) struct Resolved {
    /// `None` when a finding forbids it.
    pub(super) action: Option<PlannedAction>,
    pub(super) effects: Effects,
    pub(super) reasons: Vec<String>,
}

impl Resolved {
    fn of(action: Option<PlannedAction>, effects: Effects, reason: &str) -> Self {
        Self { action, effects, reasons: vec![reason.to_owned()] }
    }
}

/// Reads an action; `path` is that of the step or rollback that has it.
pub(super) fn resolve(
    action: &Action,
    path: &str,
    request: &PlanRequest<'_>,
    reader: &mut PartReader<'_, '_>,
) -> Resolved {
    match action {
        Action::Tool { tool, parameters } => call(tool, parameters, path, request, reader),
        Action::Command { command, shell } => {
            let interpreter = interpreter(shell.as_deref(), None, reader);
            text(command, interpreter, &format!("{path}/command"), request, reader)
        }
        Action::Script { script, interpreter: wanted } => {
            let interpreter = interpreter(wanted.as_deref(), Some(script), reader);
            text(script, interpreter, &format!("{path}/script"), request, reader)
        }
        Action::Http(http) => {
            let planned = tool::request(http, &format!("{path}/http"), reader);
            let method = planned.as_ref().map_or("", |http| http.method.as_str());
            let effects = tool::method_effects(method);
            let reason = format!("a request with {method}");
            Resolved::of(planned.map(PlannedAction::Http), effects, &reason)
        }
        Action::Approval(approval) => {
            let message = approval.message.as_deref().unwrap_or("May this run go on?");
            let message = reader.template(message, &format!("{path}/approval/message"));
            let timeout_ms = approval.timeout_ms;
            Resolved::of(Some(PlannedAction::Approval { message, timeout_ms }), Effects::Read, "asks a person")
        }
        Action::Container { image, .. } => {
            let help = format!("use `tool: docker` with `command: run --rm {image} …`");
            unsupported("a step in a container of its own", &format!("{path}/image"), &help, reader)
        }
        Action::Workflow { workflow, .. } => {
            let what = format!("the workflow `{workflow}` as a step");
            unsupported(&what, &format!("{path}/workflow"), "copy its steps into this workflow", reader)
        }
        Action::Agent { .. } => {
            unsupported("a step that asks an agent", &format!("{path}/agent"), "use `http` to ask a model", reader)
        }
        Action::Unsupported { executor, .. } => {
            let what = format!("the executor `{executor}`");
            unsupported(&what, &format!("{path}/executor"), "use `command`, `script`, `http` or a `tool`", reader)
        }
    }
}

fn unsupported(what: &str, path: &str, help: &str, reader: &mut PartReader<'_, '_>) -> Resolved {
    let message = format!("{what} is not carried out by this version");
    reader.report(Diagnostic::error("not_supported", path, message).help(help));
    Resolved::of(None, Effects::Unknown, "is not carried out by this version")
}

fn call(
    name: &str,
    parameters: &Map<String, Value>,
    path: &str,
    request: &PlanRequest<'_>,
    reader: &mut PartReader<'_, '_>,
) -> Resolved {
    let Some(tool) = request.catalogue.get(name) else {
        let help = unknown_help(name, request);
        reader.report(
            Diagnostic::error("unknown_tool", format!("{path}/tool"), format!("there is no tool `{name}`")).help(help),
        );
        return Resolved::of(None, Effects::Unknown, "an unknown tool");
    };
    let call = tool.call(parameters, &format!("{path}/parameters"), reader);
    if let Some(program) = &tool.program {
        look_for(program, tool.install_hint.as_deref(), &format!("{path}/tool"), request, reader);
    }
    Resolved { action: call.action, effects: call.effects, reasons: call.reasons }
}

fn unknown_help(name: &str, request: &PlanRequest<'_>) -> String {
    if let Some((server, reason)) = request.catalogue.absent_server_of(name) {
        return format!("the MCP server `{server}` is configured, but its tools are not known: {reason}");
    }
    let names = || request.catalogue.iter().map(|tool| tool.name.as_str());
    let Some((server, _)) = name.split_once('/') else {
        return match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("use `command: {name} …`, or describe the tool in a catalogue file"),
        };
    };
    let beginning = format!("{server}/");
    let of_server: Vec<&str> = names().filter(|one| one.starts_with(&beginning)).collect();
    if !of_server.is_empty() {
        // The server's name is theirs all: only the rest tells them apart.
        let short = name.strip_prefix(&beginning).unwrap_or(name);
        return match nearest(short, of_server.iter().filter_map(|one| one.strip_prefix(&beginning))) {
            Some(near) => format!("did you mean `{beginning}{near}`?"),
            None => format!("the MCP server `{server}` has: {}", of_server.join(", ")),
        };
    }
    let mut servers: Vec<&str> = names().filter_map(|one| Some(one.split_once('/')?.0)).collect();
    servers.dedup();
    match nearest(server, servers.iter().copied()) {
        Some(near) => format!("did you mean a tool of the MCP server `{near}`?"),
        None if servers.is_empty() => format!("no MCP server is configured: add `{server}` to `mcp_servers`"),
        None => format!("there is no MCP server `{server}`; configured are: {}", servers.join(", ")),
    }
}

/// Warns once about a program that is not there.
fn look_for(program: &str, hint: Option<&str>, path: &str, request: &PlanRequest<'_>, reader: &mut PartReader<'_, '_>) {
    if !reader.sink.looked_for.insert(program.to_owned()) || (request.installed)(program) {
        return;
    }
    let help = match hint {
        Some(hint) => format!("install it where the steps run: {hint}"),
        None => "install it where the steps run".to_owned(),
    };
    reader.report(Diagnostic::warning("program_missing", path, format!("`{program}` is not installed")).help(help));
}

fn text(
    text: &str,
    interpreter: Vec<String>,
    path: &str,
    request: &PlanRequest<'_>,
    reader: &mut PartReader<'_, '_>,
) -> Resolved {
    if text.trim().is_empty() {
        let help = "write what should be carried out";
        reader.report(Diagnostic::error("no_action", path, "the program text is empty").help(help));
        return Resolved::of(None, Effects::Unknown, "an empty program text");
    }
    if let Some(program) = interpreter.first() {
        look_for(program, None, path, request, reader);
    }
    let script = reader.script(text, &interpreter, path);
    let mut effects = Effects::Unknown;
    let mut reasons = vec![
        if is_shell(&interpreter) { "shell text can do anything" } else { "a program text can do anything" }.to_owned(),
    ];
    if let Some(what) = super::risk::destroys(text) {
        raise(&mut effects, &mut reasons, Effects::Destructive, format!("the text holds `{what}`"));
    }
    Resolved { action: Some(PlannedAction::Script { interpreter, script }), effects, reasons }
}

/// The interpreter as a program and its arguments. A plain shell ends at the first failing command, but
/// in imported documents, which were written for one that goes on.
pub(super) fn interpreter(wanted: Option<&str>, script: Option<&str>, reader: &PartReader<'_, '_>) -> Vec<String> {
    let shebang = script.and_then(|script| script.lines().next()?.strip_prefix("#!"));
    let mut words: Vec<String> = match (wanted.map(str::trim).filter(|wanted| !wanted.is_empty()), shebang) {
        (Some(wanted), _) => wanted.split_whitespace().map(str::to_owned).collect(),
        (None, Some(line)) => {
            let words: Vec<&str> = line.split_whitespace().collect();
            let skipped = usize::from(words.first().is_some_and(|program| program.ends_with("/env")));
            words.into_iter().skip(skipped).map(str::to_owned).collect()
        }
        (None, None) => Vec::new(),
    };
    if words.is_empty() {
        words.push("sh".to_owned());
    }
    if words == ["python"] {
        words = vec!["python3".to_owned()];
    }
    if words.len() == 1 && shebang.is_none() && is_shell(&words) && !reader.names.tables.is_imported() {
        words.push("-e".to_owned());
    }
    words
}
