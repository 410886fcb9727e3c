//! A workflow as facts are looked for in it: one line for each thing that happens, with the values of parameters
//! in their places, and who waits for whom.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

/// What happens at some place of a workflow.
#[derive(Debug)]
pub(super) struct Happening {
    /// Which step it is; handlers come after all steps.
    pub(super) step: usize,
    /// `kubectl scale deployment/api --replicas=3 retry={"max_attempts":3}`.
    pub(super) line: String,
    pub(super) is_conditional: bool,
}

/// A workflow, laid out.
#[derive(Debug)]
pub(super) struct Layout {
    /// Steps, one for each item where they are done for each, and handlers.
    pub(super) happenings: Vec<Happening>,
    /// `failure: slack {…}`.
    pub(super) handlers: Vec<String>,
    /// How steps are taken back.
    pub(super) undos: Vec<String>,
    /// Of each step: those that have ended when it starts.
    before: Vec<BTreeSet<usize>>,
}

impl Layout {
    /// Lays out a workflow in canonical form.
    pub(super) fn of(workflow: &Value) -> Self {
        let values = values(&workflow["params"]);
        let steps = workflow["steps"].as_array().map_or(&[][..], Vec::as_slice);
        let mut happenings = Vec::new();
        let mut undos = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let is_conditional = step.get("if").is_some() || step.get("preconditions").is_some();
            for values in of_items(step, &values) {
                happenings.push(Happening { step: index, line: line(step, &values), is_conditional });
                if let Some(rollback) = step.get("rollback") {
                    undos.push(line(rollback, &values));
                }
            }
        }
        let mut before = before(workflow, steps);
        let mut handlers = Vec::new();
        for (name, handler) in workflow["handlers"].as_object().into_iter().flatten() {
            let step = before.len();
            let line = line(handler, &values);
            handlers.push(format!("{name}: {line}"));
            happenings.push(Happening { step, line, is_conditional: name != "exit" });
            before.push((0..steps.len()).collect());
        }
        Self { happenings, handlers, undos, before }
    }

    /// Whether one step has surely ended when the other starts.
    pub(super) fn is_before(&self, one: usize, other: usize) -> bool {
        self.before.get(other).is_some_and(|before| before.contains(&one))
    }

    /// Everything that happens or may happen.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        let steps = self.happenings.iter().map(|happening| happening.line.as_str());
        steps.chain(self.undos.iter().map(String::as_str))
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The values of parameters: their defaults.
fn values(params: &Value) -> HashMap<String, String> {
    let default = |param: &Value| match param {
        Value::Object(declared) => declared.get("default").cloned(),
        value => Some(value.clone()),
    };
    let params = params.as_object().into_iter().flatten();
    params.filter_map(|(name, param)| Some((name.clone(), bare(&default(param)?)))).collect()
}

/// The values for each item of a step that is done for each of a list.
fn of_items(step: &Value, values: &HashMap<String, String>) -> Vec<HashMap<String, String>> {
    // A list, or a reference to a parameter that is one.
    let referred = step["foreach"]["items"].as_str().map(|text| in_place(text, values));
    let referred = referred.and_then(|text| serde_json::from_str::<Vec<Value>>(&text).ok());
    let listed = || step["foreach"]["items"].as_array().cloned();
    let Some(items) = referred.or_else(listed).filter(|items| !items.is_empty()) else {
        return vec![values.clone()];
    };
    let with = |item: &Value| {
        let item = in_place(&bare(item), values);
        values.clone().into_iter().chain([("ITEM".to_owned(), item)]).collect()
    };
    items.iter().map(with).collect()
}

/// Which steps have ended when each starts.
fn before(workflow: &Value, steps: &[Value]) -> Vec<BTreeSet<usize>> {
    let position = |name: &Value| steps.iter().position(|step| step["name"] == *name);
    let is_chain = workflow["type"] != "graph";
    let needs: Vec<Vec<usize>> = steps
        .iter()
        .enumerate()
        .map(|(index, step)| match step.get("depends").and_then(Value::as_array) {
            Some(depends) => depends.iter().filter_map(position).collect(),
            None => index.checked_sub(1).filter(|_| is_chain).into_iter().collect(),
        })
        .collect();
    let all = |first: usize| {
        let mut found = BTreeSet::new();
        let mut open = needs[first].clone();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(&needs[next]);
            }
        }
        found
    };
    (0..steps.len()).map(all).collect()
}

/// What a step (or a rollback) does, on one line.
fn line(step: &Value, values: &HashMap<String, String>) -> String {
    let empty = Map::new();
    let step = step.as_object().unwrap_or(&empty);
    let mut words = Vec::new();
    if let Some(tool) = step.get("tool") {
        words.push(bare(tool));
        let parameters = step.get("parameters").and_then(Value::as_object).unwrap_or(&empty);
        match parameters.get("command").and_then(Value::as_str).filter(|_| parameters.len() == 1) {
            Some(command) => words.push(command.to_owned()),
            None => words.push(Value::Object(parameters.clone()).to_string()),
        }
    }
    for kind in ["command", "script", "http", "approval"] {
        if let Some(action) = step.get(kind) {
            words.push(format!("{kind} {}", bare(action)));
        }
    }
    for key in ["if", "env", "dir", "foreach", "retry", "timeout", "repeat", "continue_on"] {
        if let Some(set) = step.get(key) {
            words.push(format!("{key}={}", bare(set)));
        }
    }
    in_place(&words.join(" "), values)
}

static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let forms = [
        r"\$\{\{\s*(?:params\.)?(\w+)\s*\}\}",
        r"\{\{\s*\.?(?:params\.)?(\w+)\s*\}\}",
        r"\$\{(?:params\.)?(\w+)\}",
        r"\$(\w+)",
        r"\bparams\.(\w+)",
    ];
    Regex::new(&forms.join("|")).ok()
});

/// Text with the values of what it refers to.
fn in_place(text: &str, values: &HashMap<String, String>) -> String {
    let Some(reference) = REFERENCE.as_ref() else { return text.to_owned() };
    let value = |found: &regex::Captures<'_>| {
        let name = found.iter().skip(1).flatten().next();
        let value = name.and_then(|name| values.get(name.as_str()));
        value.cloned().unwrap_or_else(|| found[0].to_owned())
    };
    reference.replace_all(text, value).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_stand_in_their_places_and_items_on_lines_of_their_own() {
        let layout = Layout::of(&json!({
            "params": {"namespace": "shop", "replicas": {"type": "integer", "default": 3}, "app": {"required": true}},
            "steps": [
                {"name": "a", "tool": "kubectl", "parameters": {"command": "scale deployment/${ITEM} --replicas=${replicas} -n ${namespace}"},
                 "foreach": {"items": ["api", "web"]}, "rollback": {"tool": "kubectl", "parameters": {"command": "undo ${ITEM}"}}},
                {"name": "b", "command": "echo $namespace ${app} $(date)", "if": "params.replicas > 2"},
            ],
        }));
        let lines: Vec<&str> = layout.happenings.iter().map(|it| it.line.as_str()).collect();
        assert!(lines[0].starts_with("kubectl scale deployment/api --replicas=3 -n shop"), "{lines:?}");
        assert!(lines[1].starts_with("kubectl scale deployment/web --replicas=3 -n shop"), "{lines:?}");
        assert_eq!(lines[2], "command echo shop ${app} $(date) if=3 > 2");
        assert_eq!(layout.undos, ["kubectl undo api", "kubectl undo web"]);
        assert_eq!([false, false, true], [0, 1, 2].map(|at: usize| layout.happenings[at].is_conditional));
    }

    #[test]
    fn who_waits_for_whom_is_followed_through_the_graph() {
        let layout = Layout::of(&json!({
            "steps": [
                {"name": "a", "command": "1"}, {"name": "b", "command": "2"}, {"name": "c", "command": "3", "depends": ["a"]},
                {"name": "d", "command": "4", "depends": []},
            ],
            "handlers": {"exit": {"name": "e", "tool": "slack", "parameters": {"text": "done"}}},
        }));
        assert!(layout.is_before(0, 1) && layout.is_before(0, 2) && layout.is_before(3, 4));
        assert!(!layout.is_before(1, 2) && !layout.is_before(2, 3) && !layout.is_before(1, 0));
        assert_eq!(layout.handlers, [r#"exit: slack {"text":"done"}"#]);
        let graph = Layout::of(&json!({"type": "graph", "steps": [{"name": "a"}, {"name": "b"}]}));
        assert!(!graph.is_before(0, 1));
    }
}
