//! Any tool of any server as a validator of workflows: what it is given, and how its answer is read.

use partita_core::workflow::{Workflow, to_value, to_yaml};
use partita_core::{Diagnostic, Severity};
use serde_json::{Map, Value};

use crate::clean;
use crate::config::BUILTIN_SERVER;
use crate::error::CallError;
use crate::limits::{DESCRIPTION_CHARS_MAX, ISSUES_MAX, LINE_CHARS_MAX};
use crate::pool::{CallFollow, Pool, ToolCall};
use crate::result::ToolResult;
use crate::tool::ToolInfo;
use crate::validators::texts;

/// Names of parameters that take a whole workflow as text.
const TEXT_NAMES: [&str; 4] = ["yaml", "content", "document", "text"];
/// Names of parameters that take the manifests in a workflow, or the workflow itself when it has none.
const MANIFEST_NAMES: [&str; 2] = ["manifest", "manifests"];

/// Why a validator gave no findings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorError {
    /// Nothing is called so: the caller's mistake.
    #[error("there is no validator `{name}`; there are: {}", .known.join(", "))]
    Unknown { name: String, known: Vec<String> },
    /// More than one server has such a tool.
    #[error("`{name}` could be: {}", .candidates.join(", "))]
    Ambiguous { name: String, candidates: Vec<String> },
    /// The tool takes nothing that a workflow could be given as, or more.
    #[error("`{name}` can't be called as a validator: {problem}")]
    NoValidator { name: String, problem: String },
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Pool {
    /// The tool that a name in `strategy.validation.tools` means: `server/tool`, or the name of a tool that
    /// one server has; the built-in server goes first.
    ///
    /// # Errors
    ///
    /// When there is none, with the names of all; or more than one.
    pub fn validator(&self, name: &str) -> Result<std::sync::Arc<ToolInfo>, ValidatorError> {
        let tools = self.tools();
        if let Some(found) = tools.iter().find(|tool| tool.full_name() == name) {
            return Ok(std::sync::Arc::clone(found));
        }
        let mut same: Vec<_> = tools.iter().filter(|tool| tool.name == name).collect();
        if let Some(ours) = same.iter().position(|tool| tool.server == BUILTIN_SERVER) {
            same = vec![same[ours]];
        }
        match same.as_slice() {
            [found] => Ok(std::sync::Arc::clone(found)),
            [] => {
                // A configured server that never came is another mistake than a name that nothing has.
                let server = name.split_once('/').map(|(server, _)| server);
                let absent =
                    self.servers().into_iter().find(|one| Some(one.name.as_str()) == server && one.tools.is_empty());
                if let Some(absent) = absent {
                    let reason = absent.reason.unwrap_or_else(|| absent.state.to_owned());
                    return Err(CallError::Unavailable { server: absent.name, reason }.into());
                }
                let known = tools.iter().map(|tool| shown_name(tool)).collect();
                Err(ValidatorError::Unknown { name: clean::line(name, 64), known })
            }
            several => {
                let candidates = several.iter().map(|tool| tool.full_name()).collect();
                Err(ValidatorError::Ambiguous { name: name.to_owned(), candidates })
            }
        }
    }

    /// Has a tool look at a workflow, and reads its answer as findings.
    ///
    /// # Errors
    ///
    /// When there is no such tool, it can't be called with a workflow, or the call fails.
    pub async fn validate(
        &self,
        name: &str,
        workflow: &Workflow,
        follow: &CallFollow,
    ) -> Result<Vec<Diagnostic>, ValidatorError> {
        let tool = self.validator(name)?;
        let arguments = arguments(&tool, workflow)?;
        let call = ToolCall { server: tool.server.clone(), tool: tool.name.clone(), arguments };
        let result = self.call(call, follow).await?;
        Ok(findings(&tool, &result))
    }
}

/// The built-in validators are known by their own names.
fn shown_name(tool: &ToolInfo) -> String {
    if tool.server == BUILTIN_SERVER { tool.name.clone() } else { tool.full_name() }
}

/// What the tool's schema takes: the workflow as an object, or as text, or the manifests in it.
fn arguments(tool: &ToolInfo, workflow: &Workflow) -> Result<Map<String, Value>, ValidatorError> {
    let schema = tool.schema.as_value();
    let refuse = |problem: String| ValidatorError::NoValidator { name: tool.full_name(), problem };
    let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let is_text =
        |name: &str| properties.get(name).and_then(|one| one.get("type")).is_some_and(|kind| kind == "string");
    let is_list = |name: &str| properties.get(name).and_then(|one| one.get("type")).is_some_and(|kind| kind == "array");
    let (name, value) = if properties.contains_key("workflow") {
        let value = if is_text("workflow") { Value::String(to_yaml(workflow)) } else { to_value(workflow) };
        ("workflow", value)
    } else if let Some(name) = MANIFEST_NAMES.into_iter().find(|name| properties.contains_key(*name)) {
        let mut manifests = texts::manifests(&to_value(workflow));
        if manifests.is_empty() {
            manifests.push(to_yaml(workflow));
        }
        let value = if is_list(name) { Value::from(manifests) } else { Value::String(manifests.join("\n---\n")) };
        (name, value)
    } else if let Some(name) = TEXT_NAMES.into_iter().find(|name| properties.contains_key(*name)) {
        (name, Value::String(to_yaml(workflow)))
    } else {
        let taken = [&["workflow"][..], &MANIFEST_NAMES, &TEXT_NAMES].concat().join("`, `");
        return Err(refuse(format!("it has none of the parameters `{taken}`")));
    };
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let more: Vec<&str> = required.filter(|one| *one != name).collect();
    if !more.is_empty() {
        return Err(refuse(format!("it also needs `{}`", more.join("`, `"))));
    }
    Ok([(name.to_owned(), value)].into_iter().collect())
}

/// Reads `{valid, issues: [{severity, code?, message, path?, help?}]}` from the structured content or the
/// text; else the text itself.
fn findings(tool: &ToolInfo, result: &ToolResult) -> Vec<Diagnostic> {
    let name = shown_name(tool);
    let report = result.structured.clone().or_else(|| serde_json::from_str(&result.text).ok());
    let report = report.filter(|report| report.get("valid").is_some() || report.get("issues").is_some());
    let Some(report) = report else {
        let said = if result.text.trim().is_empty() { result.output() } else { result.text.clone() };
        let said = clean::line(&said, DESCRIPTION_CHARS_MAX);
        let mut finding = Diagnostic::error("validator_failed", "", format!("{name}: {said}"));
        if !result.is_error {
            (finding.code, finding.severity) = ("validator_note".to_owned(), Severity::Info);
        }
        return if said.is_empty() && !result.is_error { Vec::new() } else { vec![finding] };
    };
    let valid = report["valid"].as_bool();
    let is_fine = valid.unwrap_or(!result.is_error) && !result.is_error;
    let issues = report["issues"].as_array().map_or(&[][..], Vec::as_slice);
    let mut findings: Vec<Diagnostic> = issues.iter().take(ISSUES_MAX).map(|one| issue(&name, one, is_fine)).collect();
    if issues.len() > ISSUES_MAX {
        let more = format!("{name}: {} more findings are not shown", issues.len() - ISSUES_MAX);
        findings.push(Diagnostic::warning("more_findings", "", more));
    }
    if !is_fine && !findings.iter().any(Diagnostic::is_error) {
        let message = format!("{name} says that the workflow is not valid, and names no error");
        findings.push(Diagnostic::error("validator_failed", "", message));
    }
    findings
}

fn issue(name: &str, issue: &Value, is_fine: bool) -> Diagnostic {
    let text = |key: &str| issue[key].as_str().unwrap_or_default();
    let message = issue.as_str().unwrap_or_else(|| text("message"));
    let message = clean::line(message, DESCRIPTION_CHARS_MAX);
    let code: String =
        text("code").chars().filter(|one| one.is_ascii_alphanumeric() || "_-.".contains(*one)).take(64).collect();
    let path = clean::line(text("path"), LINE_CHARS_MAX);
    let is_pointer = path.is_empty() || path.starts_with('/');
    let message = if is_pointer { message } else { format!("{path}: {message}") };
    let code = if code.is_empty() { "validator_finding" } else { &code };
    let path = if is_pointer { path } else { String::new() };
    let mut finding =
        Diagnostic::error(code, path, if message.is_empty() { format!("{name} found something") } else { message });
    finding.severity = match text("severity").to_ascii_lowercase().as_str() {
        "error" | "critical" | "fatal" | "high" => Severity::Error,
        "info" | "note" | "hint" | "low" => Severity::Info,
        "" if !is_fine => Severity::Error,
        _ => Severity::Warning,
    };
    match text("help") {
        "" => finding,
        help => finding.help(clean::line(help, DESCRIPTION_CHARS_MAX)),
    }
}
