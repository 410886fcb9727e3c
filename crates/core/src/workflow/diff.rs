//! What changed from one workflow to another, by meaning and not by text.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Workflow, to_value};

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Names what changed: `steps.deploy.retry`, `params.tag`, `on_failure`.
    pub path: String,
    pub kind: ChangeKind,
    /// One line for people.
    pub summary: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// The kind of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Added,
    Removed,
    Changed,
}

/// What changed; empty when both mean the same. Steps are matched by name.
#[must_use]
pub fn diff(before: &Workflow, after: &Workflow) -> Vec<Change> {
    let (before, after) = (to_value(before), to_value(after));
    let mut changes = Vec::new();
    let empty = Map::new();
    let (before, after) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
    for key in keys(before, after) {
        match key.as_str() {
            "steps" => steps(before.get("steps"), after.get("steps"), &mut changes),
            "params" | "env" | "handlers" | "outputs" | "files" => {
                members(&key, before.get(&key), after.get(&key), &mut changes);
            }
            _ => compare(key.clone(), before.get(&key), after.get(&key), &mut changes),
        }
    }
    changes
}

/// The keys of both, those of the first in their order.
fn keys(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let added = after.keys().filter(|key| !before.contains_key(*key));
    before.keys().chain(added).cloned().collect()
}

fn compare(path: String, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    let kind = match (before, after) {
        (None, Some(_)) => ChangeKind::Added,
        (Some(_), None) => ChangeKind::Removed,
        (Some(before), Some(after)) if before != after => ChangeKind::Changed,
        _ => return,
    };
    let summary = match (kind, before, after) {
        (ChangeKind::Changed, Some(before), Some(after)) => {
            format!("changed {path} from {} to {}", short(before), short(after))
        }
        (ChangeKind::Added, _, Some(after)) => format!("added {path}: {}", short(after)),
        _ => format!("removed {path}"),
    };
    changes.push(Change { path, kind, summary, before: before.cloned(), after: after.cloned() });
}

/// A value on part of a line.
fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => format!("`{}`", text.trim().replace('\n', " ⏎ ")),
        other => other.to_string(),
    };
    let cut = text.chars().count() > 60;
    let shown: String = text.chars().take(60).collect();
    if cut { format!("{shown}…") } else { shown }
}

/// Compares two objects member by member.
fn members(path: &str, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    let empty = Map::new();
    let of = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_else(|| empty.clone());
    let (before, after) = (of(before), of(after));
    for key in keys(&before, &after) {
        compare(format!("{path}.{key}"), before.get(&key), after.get(&key), changes);
    }
}

fn steps(before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    let (before, after) = (named(before), named(after));
    for (name, step) in &before {
        match after.iter().find(|(other, _)| other == name) {
            Some((_, changed)) => members(&format!("steps.{name}"), Some(step), Some(changed), changes),
            None => compare(format!("steps.{name}"), Some(step), None, changes),
        }
    }
    for (name, step) in after.iter().filter(|(name, _)| !before.iter().any(|(other, _)| other == name)) {
        let what = ["description", "command", "tool", "script"].iter().find_map(|key| step.get(*key)?.as_str());
        let what = what.map(|what| format!(": {}", short(&Value::String(what.to_owned())))).unwrap_or_default();
        changes.push(Change {
            path: format!("steps.{name}"),
            kind: ChangeKind::Added,
            summary: format!("added step {name}{what}"),
            before: None,
            after: Some((*step).clone()),
        });
    }
    let kept = |one: &[(String, Value)], other: &[(String, Value)]| -> Vec<String> {
        one.iter().map(|(name, _)| name.clone()).filter(|name| other.iter().any(|(it, _)| it == name)).collect()
    };
    if kept(&before, &after) != kept(&after, &before) {
        let order =
            |steps: &[(String, Value)]| Value::from(steps.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
        compare("steps order".to_owned(), Some(&order(&before)), Some(&order(&after)), changes);
    }
}

fn named(steps: Option<&Value>) -> Vec<(String, Value)> {
    let steps = steps.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    steps.iter().map(|step| (step["name"].as_str().unwrap_or_default().to_owned(), step.clone())).collect()
}
