//! The context loader: what a model has to know for one task, as much of it as fits and is likely to
//! matter. Values of parameters and whatever is named like a secret are never among it.

use std::collections::{BTreeMap, BTreeSet};

use partita_core::Diagnostic;
use partita_core::tool::Tool;
use partita_core::workflow::to_value;
use serde_json::{Map, Value};

use super::{describe, relevance};
use crate::call::Surroundings;
use crate::planner::Planner;
use crate::prompt::{self, Fence};
use crate::provider::{DraftRequest, RefineRequest};
use crate::templates::Template;

/// Most of a task that is sent; who writes more has pasted a book.
const TASK_BYTES_MAX: usize = 32 * 1024;
/// Most of a draft or a workflow that is sent.
const DRAFT_BYTES_MAX: usize = 128 * 1024;
/// Findings that are sent back; mending these mends most others.
const FINDINGS_MAX: usize = 20;
/// Tools that are shown with their parameters.
const TOOLS_MAX: usize = 10;
/// Templates that are named.
const TEMPLATES_MAX: usize = 5;
/// Templates whose tools count as likely.
const TEMPLATES_READ: usize = 2;
/// The tool that does what no other does.
const ALWAYS: &str = "shell";
/// How likely a tool is that the planner would use, beside one of which the words speak.
const PLANNED: usize = 100;
/// The same for a tool of a template that is about the words.
const IN_TEMPLATE: usize = 10;
/// What a template is about beyond a single word in passing.
const ABOUT: usize = 6;

/// What a prompt is made of.
pub(super) struct Context<'a> {
    /// What is said in the message, by kind, in its order.
    parts: Vec<(&'static str, String, usize)>,
    /// Tools that are shown with their parameters, and to which an answer can be held.
    pub tools: Vec<&'a Tool>,
}

impl Context<'_> {
    /// The message: every part in a fence that none of them can close.
    pub(super) fn message(&self) -> (Fence, String) {
        let fence = Fence::around(self.parts.iter().map(|(_, text, _)| text.as_str()));
        let message = self.parts.iter().map(|(kind, text, most)| fence.wrap(kind, text, *most)).collect();
        (fence, message)
    }
}

/// What a draft needs.
pub(super) fn of_draft<'a>(
    request: &DraftRequest,
    around: &'a Surroundings,
    bytes_max: usize,
    offer: bool,
) -> Context<'a> {
    let context = shown(&request.context);
    let plan = planned(request).filter(|_| offer);
    let named = request.previous.as_deref().unwrap_or_default();
    let likely = likely_tools(&request.task, around);
    let words = format!("{} {context}", request.task);
    let mut loaded = surroundings(&words, named, &likely, around, bytes_max);
    add_facts(&mut loaded, &request.context, &request.parameters);
    if request.previous.is_none()
        && let Some(plan) = plan
    {
        loaded.parts.push((
            "starting point, made by rules: mend what does not fit the task",
            plan.to_string(),
            DRAFT_BYTES_MAX,
        ));
    }
    loaded.parts.push(("task", request.task.clone(), TASK_BYTES_MAX));
    add_draft(&mut loaded, "draft", request.previous.as_deref().filter(|_| !request.is_stuck), &request.findings);
    loaded
}

/// What a refinement needs.
pub(super) fn of_refinement<'a>(request: &RefineRequest, around: &'a Surroundings, bytes_max: usize) -> Context<'a> {
    let workflow = to_value(&request.workflow);
    let all: Vec<&String> = request.requirements.iter().chain(&request.previous_errors).collect();
    let words: String = all.iter().map(|text| format!("{text} ")).collect();
    let named = format!("{workflow} {}", request.previous.as_deref().unwrap_or_default());
    let mut loaded = surroundings(&words, &named, &BTreeMap::new(), around, bytes_max);
    add_facts(&mut loaded, &request.context, &Map::new());
    let draft = request.draft();
    // What the next changes are changes to is all that is shown: the draft has the workflow in it.
    if draft.is_none() {
        loaded.parts.push(("workflow", workflow.to_string(), DRAFT_BYTES_MAX));
    }
    let numbered: Vec<String> = all.iter().enumerate().map(|(index, text)| format!("{}. {text}", index + 1)).collect();
    let kind = if request.previous_errors.is_empty() {
        "requirements"
    } else {
        "requirements, and errors that must not come back"
    };
    loaded.parts.push((kind, numbered.join("\n"), TASK_BYTES_MAX));
    let previous = request.previous.as_deref().filter(|_| !request.is_stuck);
    add_draft(&mut loaded, if draft.is_some() { "draft" } else { "answer" }, previous, &request.findings);
    loaded
}

/// Tools, templates and runners: those that a draft names first, then those that the words are about.
fn surroundings<'a>(
    words: &str,
    named: &str,
    likely: &BTreeMap<String, usize>,
    around: &'a Surroundings,
    bytes_max: usize,
) -> Context<'a> {
    let wanted = relevance::words(words);
    let is_named = |tool: &Tool| named.contains(&format!("\"{}\"", tool.name));
    let mut ranked = relevance::of_tools(&wanted, around.catalogue.iter());
    for (score, tool) in &mut ranked {
        *score += 1000 * usize::from(is_named(tool)) + likely.get(&tool.name).copied().unwrap_or_default();
        *score += 10_000 * usize::from(tool.name == ALWAYS);
    }
    ranked.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let (mut lines, mut tools, mut bytes) = (Vec::new(), Vec::new(), 0);
    for (score, tool) in ranked {
        let line = describe::tool(tool);
        if score == 0 || tools.len() >= TOOLS_MAX || bytes + line.len() > bytes_max * 2 / 3 {
            continue;
        }
        bytes += line.len();
        lines.push(line);
        tools.push(tool);
    }
    let rest: Vec<&str> = around
        .catalogue
        .iter()
        .map(|tool| tool.name.as_str())
        .filter(|name| !tools.iter().any(|tool| tool.name == *name))
        .collect();
    let mut parts =
        vec![("tools", lines.join("\n"), bytes_max), ("names of other tools", rest.join(", "), bytes_max / 6)];
    let templates = best_templates(&wanted, around);
    if !templates.is_empty() {
        let lines: Vec<String> = templates.into_iter().take(TEMPLATES_MAX).map(describe::template).collect();
        parts.push(("templates", lines.join("\n"), bytes_max / 6));
    }
    if around.runners.len() > 1 {
        parts.push(("runners", around.runners.join(", "), bytes_max / 8));
    }
    Context { parts, tools }
}

/// What the planner makes of a task: a second opinion on which tools matter.
fn planned(request: &DraftRequest) -> Option<Value> {
    Planner::new().draft(request).ok().map(|drafted| to_value(&drafted.workflow))
}

/// Tools that the planner would use for some words, and those of the templates that are about them, each with
/// how much that is worth.
pub(super) fn likely_tools(words: &str, around: &Surroundings) -> BTreeMap<String, usize> {
    let request = DraftRequest { task: words.to_owned(), ..DraftRequest::default() };
    let mut likely = BTreeMap::new();
    for template in best_templates(&relevance::words(words), around).into_iter().take(TEMPLATES_READ) {
        likely.extend(named_tools(&to_value(&template.workflow)).into_iter().map(|name| (name, IN_TEMPLATE)));
    }
    let planned = planned(&request).as_ref().map(named_tools).unwrap_or_default();
    likely.extend(planned.into_iter().map(|name| (name, PLANNED)));
    likely
}

/// Templates that are about some words, the best first.
fn best_templates<'a>(wanted: &BTreeSet<String>, around: &'a Surroundings) -> Vec<&'a Template> {
    let mut templates = relevance::of_templates(wanted, &around.templates);
    templates.retain(|(score, _)| *score > ABOUT);
    templates.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    templates.into_iter().map(|(_, template)| template).collect()
}

/// The tools that a workflow calls.
fn named_tools(workflow: &Value) -> BTreeSet<String> {
    let steps = workflow["steps"].as_array().into_iter().flatten();
    let names = |step: &Value| {
        [step["tool"].as_str(), step["rollback"]["tool"].as_str()]
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    steps.flat_map(names).collect()
}

fn add_facts(loaded: &mut Context<'_>, context: &Map<String, Value>, parameters: &Map<String, Value>) {
    if !context.is_empty() {
        loaded.parts.push(("context", shown(context), TASK_BYTES_MAX));
    }
    if !parameters.is_empty() {
        // Their values are bound when it runs, and are nobody's business before.
        let names: Vec<&str> = parameters.keys().map(String::as_str).collect();
        loaded.parts.push(("parameters that have values already", names.join(", "), TASK_BYTES_MAX));
    }
}

fn add_draft(loaded: &mut Context<'_>, kind: &'static str, previous: Option<&str>, findings: &[Diagnostic]) {
    if let Some(previous) = previous {
        loaded.parts.push((kind, previous.to_owned(), DRAFT_BYTES_MAX));
    }
    if !findings.is_empty() {
        // What is wrong comes before what is only odd.
        let mut sorted: Vec<&Diagnostic> = findings.iter().collect();
        sorted.sort_by_key(|finding| !finding.is_error());
        let lines: Vec<String> = sorted.into_iter().take(FINDINGS_MAX).map(finding).collect();
        loaded.parts.push(("findings", lines.join("\n"), TASK_BYTES_MAX));
    }
}

fn finding(finding: &Diagnostic) -> String {
    let help = finding.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
    let place = match finding.line {
        Some(line) if finding.path.is_empty() => format!("line {line}"),
        _ => finding.path.clone(),
    };
    format!("- {place}: {}{help}", finding.message)
}

/// A context without what is named like a secret.
fn shown(context: &Map<String, Value>) -> String {
    Value::Object(context.iter().map(|(key, value)| (key.clone(), without_secrets(key, value))).collect()).to_string()
}

fn without_secrets(key: &str, value: &Value) -> Value {
    match value {
        _ if is_secret_name(key) && !value.is_null() => {
            Value::String(format!("a secret: refer to it as ${{secrets.{}}}", key.to_uppercase().replace('-', "_")))
        }
        Value::Object(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.clone(), without_secrets(key, value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| without_secrets("", item)).collect()),
        other => other.clone(),
    }
}

/// Whether values under this name are usually secret.
fn is_secret_name(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    [
        "password",
        "passwd",
        "secret",
        "token",
        "api_key",
        "apikey",
        "access_key",
        "private_key",
        "credential",
        "credentials",
    ]
    .iter()
    .any(|word| key == *word || key.ends_with(&format!("_{word}")))
}

/// The system prompt for a fence.
pub(super) fn system(fence: &Fence, task: &str, looks_up: bool) -> String {
    let mut system = prompt::AUTHOR.replace("FENCE", fence.word());
    if looks_up {
        system.push('\n');
        system.push_str(prompt::LOOK_UP);
    }
    system.push('\n');
    system.push_str(task.trim_end());
    system
}
