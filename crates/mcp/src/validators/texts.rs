//! Where texts stand in a workflow: documents in parameters, files and here-documents; commands in steps and
//! scripts.

use std::collections::BTreeMap;

use partita_core::workflow::document::OnFailure;
use serde_json::{Map, Value};

use super::{shell, yaml};

/// Deepest place in the parameters of a step that is looked at.
const DEPTH_MAX: usize = 16;

/// Something that may be a manifest or a configuration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    /// Where it stands in the workflow.
    pub(super) path: String,
    /// Whether a place inside it can be added to the path: it stands there as an object, not as text.
    pub(super) is_addressable: bool,
    /// The content, or why it can't be read.
    pub(super) value: Result<Value, String>,
    /// The namespace that the command which reads it names.
    pub(super) namespace: Option<String>,
}

/// When a command is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Step,
    Rollback,
    Handler,
}

/// A call of a program.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) path: String,
    /// The index of the step; handlers come after all.
    pub(super) step: usize,
    pub(super) role: Role,
    /// The program, then its arguments.
    pub(super) words: Vec<String>,
    pub(super) namespace: Option<String>,
    /// Whether the step that does it has a time limit.
    pub(super) is_timed: bool,
    /// What it reads, when that is known.
    pub(super) input: Option<String>,
}

/// Everything of a workflow that validators look at.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) documents: Vec<Document>,
    pub(super) calls: Vec<Call>,
    /// Whether a failure takes back what was done.
    pub(super) rolls_back: bool,
    /// For each step: whether it has a rollback.
    pub(super) has_rollback: Vec<bool>,
    defaults: BTreeMap<String, String>,
}

/// The step that is being looked at.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a str,
    step: usize,
    role: Role,
    is_timed: bool,
}

/// Programs whose calls are looked at.
const PROGRAMS: [&str; 2] = ["kubectl", "helm"];
/// Tools whose `command` or `code` is a shell text.
const SHELLS: [&str; 3] = ["shell", "bash", "ssh"];

impl Texts {
    /// Looks through a workflow.
    pub(super) fn of(workflow: &Value) -> Self {
        let mut texts = Self { defaults: defaults(workflow), ..Self::default() };
        let rolls_back = serde_json::to_value(OnFailure::Rollback).unwrap_or_default();
        texts.rolls_back = workflow["on_failure"] == rolls_back;
        for (name, content) in workflow["files"].as_object().into_iter().flatten() {
            if let Some(text) = content.as_str() {
                texts.text(text, &format!("/files/{}", escape(name)), None);
            }
        }
        let steps = workflow["steps"].as_array().map_or(&[][..], Vec::as_slice);
        for (index, step) in steps.iter().enumerate() {
            let path = format!("/steps/{index}");
            let is_timed = step.get("timeout").is_some();
            texts.action(step, Place { path: &path, step: index, role: Role::Step, is_timed });
            texts.has_rollback.push(step.get("rollback").is_some());
            if let Some(rollback) = step.get("rollback") {
                let path = format!("{path}/rollback");
                texts.action(rollback, Place { path: &path, step: index, role: Role::Rollback, is_timed });
            }
        }
        for (name, handler) in workflow["handlers"].as_object().into_iter().flatten() {
            let path = format!("/handlers/{}", escape(name));
            texts.action(handler, Place { path: &path, step: steps.len(), role: Role::Handler, is_timed: true });
        }
        texts
    }

    /// One text by itself.
    pub(super) fn of_text(text: &str) -> Self {
        let mut texts = Self::default();
        for value in yaml::documents(&neutral(text, &BTreeMap::new())) {
            texts.documents.push(Document { path: String::new(), is_addressable: true, value, namespace: None });
        }
        texts
    }

    fn action(&mut self, action: &Value, place: Place<'_>) {
        let path = place.path;
        for key in ["command", "script"] {
            if let Some(text) = action[key].as_str() {
                self.script(text, &format!("{path}/{key}"), place);
            }
        }
        if let Some(body) = action["http"].get("body") {
            self.value(body, &format!("{path}/http/body"), 0);
        }
        let Some(parameters) = action["parameters"].as_object() else { return };
        let tool = action["tool"].as_str().unwrap_or_default();
        let path = format!("{path}/parameters");
        if PROGRAMS.contains(&tool) {
            self.program(tool, parameters, &path, place);
            return;
        }
        for (name, value) in parameters {
            let path = format!("{path}/{}", escape(name));
            match value.as_str() {
                Some(text) if SHELLS.contains(&tool) && name == "command" => self.script(text, &path, place),
                _ => self.value(value, &path, 0),
            }
        }
    }

    /// A call of `kubectl` or `helm` by the tool of that name.
    fn program(&mut self, tool: &str, parameters: &Map<String, Value>, path: &str, place: Place<'_>) {
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).map(|text| neutral(text, &self.defaults));
        let input = text("manifest").or_else(|| text("values"));
        let namespace = text("namespace");
        let command = match parameters.get("command") {
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            _ => text("command").unwrap_or_default(),
        };
        for found in shell::commands(&command) {
            let mut words = found.words;
            if words.first().is_none_or(|first| first != tool) {
                words.insert(0, tool.to_owned());
            }
            let namespace = namespace.clone().or_else(|| flag(&words, &["-n", "--namespace"]));
            self.calls.push(Call {
                path: format!("{path}/command"),
                step: place.step,
                role: place.role,
                words,
                namespace,
                is_timed: place.is_timed,
                input: input.clone(),
            });
        }
        if let Some(manifest) = parameters.get("manifest").and_then(Value::as_str) {
            self.text(manifest, &format!("{path}/manifest"), namespace);
        }
    }

    /// A shell text: its commands, and what they read.
    fn script(&mut self, text: &str, path: &str, place: Place<'_>) {
        for found in shell::commands(&neutral(text, &self.defaults)) {
            let namespace = flag(&found.words, &["-n", "--namespace"]);
            let program = found.words.first().map(|word| word.rsplit('/').next().unwrap_or(word).to_owned());
            if let Some(input) = &found.input {
                self.text(input, path, namespace.clone());
            }
            if program.is_some_and(|program| PROGRAMS.contains(&program.as_str())) {
                let (step, role, is_timed) = (place.step, place.role, place.is_timed);
                let path = path.to_owned();
                self.calls.push(Call { path, step, role, words: found.words, namespace, is_timed, input: found.input });
            }
        }
    }

    /// Texts and documents anywhere in a parameter.
    fn value(&mut self, value: &Value, path: &str, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        match value {
            Value::String(text) => self.text(text, path, None),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(item, &format!("{path}/{index}"), depth + 1);
                }
            }
            Value::Object(entries) if is_document(value) => {
                let mut value = Value::Object(entries.clone());
                neutral_value(&mut value, &self.defaults);
                let path = path.to_owned();
                self.documents.push(Document { path, is_addressable: true, value: Ok(value), namespace: None });
            }
            Value::Object(entries) => {
                for (key, entry) in entries {
                    self.value(entry, &format!("{path}/{}", escape(key)), depth + 1);
                }
            }
            _ => {}
        }
    }

    /// A text that looks like one of the documents that validators know.
    fn text(&mut self, text: &str, path: &str, namespace: Option<String>) {
        if !looks_like_document(text) {
            return;
        }
        for value in yaml::documents(&neutral(text, &self.defaults)) {
            let (path, namespace) = (path.to_owned(), namespace.clone());
            self.documents.push(Document { path, is_addressable: false, value, namespace });
        }
    }
}

/// The manifests in a workflow as texts, for validators that take those.
pub(crate) fn manifests(workflow: &Value) -> Vec<String> {
    let documents = Texts::of(workflow).documents.into_iter().filter_map(|document| document.value.ok());
    let manifests = documents.filter(|value| value.get("apiVersion").is_some() || value.get("kind").is_some());
    manifests.filter_map(|value| serde_saphyr::to_string(&value).ok()).collect()
}

const ROOTS: [&str; 8] =
    ["apiVersion", "kind", "groups", "scrape_configs", "rule_files", "alerting", "receivers", "scrape_config_files"];

fn looks_like_document(text: &str) -> bool {
    let is_root = |line: &str| {
        let key = line.strip_prefix("- ").unwrap_or(line).split_once(':').map(|(key, _)| key.trim_matches(['"', '\'']));
        key.is_some_and(|key| ROOTS.contains(&key))
    };
    let trimmed = text.trim_start();
    text.contains(':')
        && (text.lines().any(is_root)
            || (trimmed.starts_with('{') && ROOTS.iter().any(|root| trimmed.contains(&format!("\"{root}\"")))))
}

fn is_document(value: &Value) -> bool {
    let has = |name: &str| value.get(name).is_some();
    (has("apiVersion") && has("kind"))
        || has("scrape_configs")
        || value["groups"].as_array().is_some_and(|groups| groups.iter().any(|group| group.get("rules").is_some()))
}

/// The value of an option, in any of its spellings.
pub(super) fn flag(words: &[String], names: &[&str]) -> Option<String> {
    for (at, word) in words.iter().enumerate() {
        for name in names {
            if word == name {
                return words.get(at + 1).cloned();
            }
            let joined = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
            if let Some(value) = joined {
                return Some(value.to_owned());
            }
            let is_short = name.len() == 2 && !name.starts_with("--");
            if is_short && word.len() > 2 && word.starts_with(name) && !word.starts_with("--") {
                return Some(word[2..].trim_start_matches('=').to_owned());
            }
        }
    }
    None
}

/// Whether a text is decided only when the workflow runs.
pub(super) fn is_open(text: &str) -> bool {
    text.contains("${") || text.contains("$(") || text.contains("__open__")
}

/// A key as a part of a JSON pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn defaults(workflow: &Value) -> BTreeMap<String, String> {
    let mut defaults = BTreeMap::new();
    for (name, declared) in workflow["params"].as_object().into_iter().flatten() {
        let value = if declared.is_object() { declared.get("default") } else { Some(declared) };
        match value {
            Some(Value::String(text)) if !text.contains("${") => {
                defaults.insert(name.clone(), text.clone());
            }
            Some(value @ (Value::Number(_) | Value::Bool(_))) => {
                defaults.insert(name.clone(), value.to_string());
            }
            _ => {}
        }
    }
    defaults
}

/// Puts the defaults of parameters into their references, and makes every other reference one plain word, so
/// that `{{ … }}` is no YAML of its own.
fn neutral(text: &str, defaults: &BTreeMap<String, String>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['$', '{']) {
        let (before, reference) = rest.split_at(at);
        result.push_str(before);
        let found = [("${{", "}}"), ("{{", "}}"), ("${", "}")].into_iter().find_map(|(open, close)| {
            let inside = reference.strip_prefix(open)?;
            let end = inside.find(close)?;
            Some((&inside[..end], open.len() + end + close.len()))
        });
        let Some((inside, length)) = found else {
            let step = reference.chars().next().map_or(1, char::len_utf8);
            result.push_str(&reference[..step]);
            rest = &reference[step..];
            continue;
        };
        let name = inside.trim().trim_start_matches('.');
        let name = name.strip_prefix("params.").unwrap_or(name);
        let (name, fallback) = name.split_once(":-").map_or((name, None), |(name, fallback)| (name, Some(fallback)));
        match defaults.get(name).map(String::as_str).or(fallback) {
            Some(value) if !value.contains('\n') => result.push_str(value),
            _ => result.push_str("__open__"),
        }
        rest = &reference[length..];
    }
    result + rest
}

fn neutral_value(value: &mut Value, defaults: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => *text = neutral(text, defaults),
        Value::Array(items) => items.iter_mut().for_each(|item| neutral_value(item, defaults)),
        Value::Object(entries) => entries.values_mut().for_each(|entry| neutral_value(entry, defaults)),
        _ => {}
    }
}
