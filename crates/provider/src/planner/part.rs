//! The parts that a workflow is put together from.

use partita_core::workflow::document::Param;
use partita_core::workflow::planning::misfit;
use regex::Regex;
use serde_json::{Map, Value, json};

/// Steps that belong together, and the parameters that they need.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// What it is called in notes, and what the workflow is named after: `host-health`.
    pub(super) name: String,
    pub(super) params: Map<String, Value>,
    /// In their order. A step without `depends` follows the one before it; `depends: []` means the
    /// beginning of the part.
    pub(super) steps: Vec<Value>,
    /// What the author of the task should know.
    pub(super) suggestions: Vec<String>,
    /// Whether it asks for `on_failure: rollback`.
    pub(super) rollback: bool,
    /// Steps for when the run's fate is known.
    pub(super) handlers: Map<String, Value>,
    /// Whether it is done beside the part before it.
    pub(super) together: bool,
    /// Whether it is for when something fails: its step becomes the handler of failures.
    pub(super) on_failure: bool,
}

impl Part {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Declares a parameter with a value that is known, or that is harmless.
    pub(super) fn param(&mut self, name: &str, kind: &str, description: &str, default: impl Into<Value>) {
        let declared = json!({"type": kind, "description": description, "default": default.into()});
        self.params.entry(name).or_insert(declared);
    }

    /// Declares a parameter: with its value when it is known, else as required.
    pub(super) fn needed(&mut self, name: &str, description: &str, value: Option<String>) {
        let declared = match value {
            Some(value) => json!({"type": "string", "description": description, "default": value}),
            None => json!({"type": "string", "description": description, "required": true}),
        };
        self.params.entry(name).or_insert(declared);
    }

    /// The parameters and steps of a template that ships with Partita.
    pub(super) fn of_template(name: &str, id: &str) -> Self {
        let document = crate::templates::document(id);
        let map = |key: &str| document[key].as_object().cloned().unwrap_or_default();
        let mut steps = document["steps"].as_array().cloned().unwrap_or_default();
        if let Some(first) = steps.first_mut().filter(|first| first.get("depends").is_none()) {
            first["depends"] = json!([]);
        }
        let rollback = document["on_failure"] == "rollback";
        Self {
            name: name.to_owned(),
            params: map("params"),
            handlers: map("handlers"),
            steps,
            rollback,
            ..Self::default()
        }
    }

    /// Gives a declared parameter the value that was said, if one was. A value that the parameter
    /// can't have is told, and the parameter stays as it is.
    pub(super) fn set(&mut self, name: &str, value: Option<impl Into<Value>>) {
        let (Some(param), Some(value)) = (self.params.get_mut(name), value.map(Into::into)) else { return };
        let declared: Param = serde_json::from_value(param.clone()).unwrap_or_default();
        if let Some(misfit) = misfit(name, &declared, &value) {
            self.suggestions.push(format!("{}, so it was not taken over.", misfit.message));
            return;
        }
        param["default"] = value;
        if let Some(param) = param.as_object_mut() {
            param.remove("required");
        }
    }

    /// `run the query "select ${id}"`: what the author refers to and nothing makes is a required
    /// parameter. In commands such a name may be a variable of the shell, and is left alone.
    fn declare_what_is_referred_to(&mut self) {
        let Ok(reference) = Regex::new(r"\$\{([A-Za-z][A-Za-z0-9_]*)\}") else { return };
        let texts: Vec<String> =
            self.steps.iter().filter_map(|step| step.get("parameters")).map(Value::to_string).collect();
        for found in texts.iter().flat_map(|text| reference.captures_iter(text)) {
            let name = &found[1];
            let is_made = name == "ITEM" || self.steps.iter().any(|step| step["output"] == name);
            if !is_made {
                self.needed(name, &format!("What `${{{name}}}` in the task stands for"), None);
            }
        }
    }

    /// Lets the first step be the beginning of the part.
    pub(super) fn begin(&mut self) {
        if let Some(first) = self.steps.first_mut() {
            first["depends"] = json!([]);
        }
    }

    /// Leaves out steps.
    pub(super) fn without(&mut self, names: &[&str]) {
        self.steps.retain(|step| !step["name"].as_str().is_some_and(|name| names.contains(&name)));
        self.begin();
    }

    /// Leaves out parameters.
    pub(super) fn without_params(&mut self, names: &[&str]) {
        self.params.retain(|name, _| !names.contains(&name.as_str()));
    }

    /// Does every step for each item. What the part needs and nobody named is the item.
    pub(super) fn for_each(&mut self, items: &[String]) {
        self.handlers.clear();
        let is_open = |param: &Value| param["required"] == true && param.get("default").is_none();
        let open: Vec<String> =
            self.params.iter().filter(|(_, param)| is_open(param)).map(|(name, _)| name.clone()).collect();
        if let [name] = open.as_slice() {
            self.rename_param(name, "ITEM");
            self.params.remove("ITEM");
        }
        for step in &mut self.steps {
            if let Some(command) = step["command"].as_str() {
                let command =
                    command.replace("{}", "${ITEM}").replace("$item", "${ITEM}").replace("${item}", "${ITEM}");
                step["command"] = json!(command);
            }
            step["foreach"] = json!({"items": items});
        }
        let uses =
            self.steps.iter().any(|step| step.to_string().contains("${ITEM}") || step.to_string().contains("$ITEM"));
        if !uses {
            self.suggest("Nothing in the steps uses the item; write `${ITEM}` where it belongs.");
        }
    }

    /// Calls a parameter by another name, everywhere in the part.
    pub(super) fn rename_param(&mut self, from: &str, to: &str) {
        self.params = std::mem::take(&mut self.params)
            .into_iter()
            .map(|(name, param)| if name == from { (to.to_owned(), param) } else { (name, param) })
            .collect();
        let steps = self.steps.iter_mut().chain(self.handlers.values_mut());
        steps.for_each(|step| rename_variable(step, from, to));
    }

    /// Writes a value where a parameter was: only for values that can't be anything else.
    pub(super) fn fix_param(&mut self, name: &str, value: &str) {
        self.params.remove(name);
        if let Ok(pattern) = Regex::new(&format!(r"()\$\{{{}\}}", regex::escape(name))) {
            self.steps.iter_mut().for_each(|step| replace(step, &pattern, value));
        }
    }

    fn rename_output(&mut self, from: &str, to: &str) {
        for step in self.steps.iter_mut().chain(self.handlers.values_mut()) {
            rename_variable(step, from, to);
            if step["output"] == from {
                step["output"] = json!(to);
            }
        }
    }

    pub(super) fn step(&mut self, step: Value) {
        self.steps.push(step);
    }

    pub(super) fn suggest(&mut self, text: impl Into<String>) {
        self.suggestions.push(text.into());
    }
}

/// The name of a thing as a part of a step's name.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for character in text.chars().take(40) {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.ends_with('_') && !slug.is_empty() {
            slug.push('_');
        }
    }
    slug.trim_end_matches('_').to_owned()
}

/// `$from`, `${from…}`, `params.from` become the same of `to`.
fn rename_variable(value: &mut Value, from: &str, to: &str) {
    let Ok(pattern) = Regex::new(&format!(r"(\$\{{?(?:params\.)?|\bparams\.){}\b", regex::escape(from))) else {
        return;
    };
    replace(value, &pattern, to);
}

fn replace(value: &mut Value, pattern: &Regex, to: &str) {
    match value {
        Value::String(text) => {
            let replaced =
                pattern.replace_all(text, |found: &regex::Captures<'_>| format!("{}{to}", &found[1])).into_owned();
            *text = replaced;
        }
        Value::Array(list) => list.iter_mut().for_each(|item| replace(item, pattern, to)),
        Value::Object(map) => map.values_mut().for_each(|item| replace(item, pattern, to)),
        _ => {}
    }
}

/// A name that is not taken: `name`, `name_2`, …
fn free(wished: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut name = wished.to_owned();
    let mut number = 2;
    while taken(&name) {
        name = format!("{wished}_{number}");
        number += 1;
    }
    name
}

/// Parameters that mean the same in every part: what one part does not say, another may.
const SHARED: [&str; 6] = ["namespace", "app", "image", "image_tag", "image_prefix", "replicas"];

/// Declares a part's parameters; one that means something else than its namesake gets another name.
fn declare(params: &mut Map<String, Value>, part: &mut Part) {
    for (name, declared) in part.params.clone() {
        let Some(there) = params.get_mut(&name) else {
            params.insert(name, declared);
            continue;
        };
        let same = there.get("default") == declared.get("default");
        if same && (declared.get("default").is_some() || SHARED.contains(&name.as_str())) {
            continue;
        }
        if SHARED.contains(&name.as_str()) {
            let is_open = |param: &Value| param.get("default").is_none_or(|value| value == "default" || value == "");
            if is_open(there) {
                *there = declared;
                continue;
            }
            if is_open(&declared) {
                continue;
            }
        }
        let other = free(&name, |name| params.contains_key(name) || part.params.contains_key(name));
        part.rename_param(&name, &other);
        params.insert(other, declared);
    }
}

/// Outputs of a part that have the name of an earlier one get another name.
fn tell_outputs_apart(part: &mut Part, before: &[Value]) {
    let outputs: Vec<String> =
        part.steps.iter().filter_map(|step| Some(step.get("output")?.as_str()?.to_owned())).collect();
    for output in outputs {
        let taken = |name: &str| before.iter().any(|step| step["output"] == name);
        if taken(&output) {
            let other = free(&output, taken);
            part.rename_output(&output, &other);
        }
    }
}

/// Puts parts together, one after the other. Steps that would have the same name get a number;
/// parameters of the same name and meaning are one.
pub(super) fn assemble(name: &str, description: &str, parts: Vec<Part>) -> (Value, Vec<String>) {
    let (mut params, mut steps, mut suggestions) = (Map::new(), Vec::<Value>::new(), Vec::new());
    let mut handlers = Map::new();
    let mut rollback = false;
    let mut ends: Vec<String> = Vec::new();
    // Where the group of parts that are done side by side began.
    let mut fork: Vec<String> = Vec::new();
    for mut part in parts {
        part.declare_what_is_referred_to();
        declare(&mut params, &mut part);
        tell_outputs_apart(&mut part, &steps);
        suggestions.extend(part.suggestions);
        rollback |= part.rollback;
        handlers.extend(part.handlers);
        if part.on_failure && part.steps.len() == 1 && !handlers.contains_key("failure") {
            let mut step = part.steps.remove(0);
            if let Some(step) = step.as_object_mut() {
                step.remove("depends");
            }
            handlers.insert("failure".to_owned(), step);
            continue;
        }
        if part.on_failure {
            suggestions.push("What should be done after a failure is more than one step, so it is part of the run in any case; give it a workflow of its own.".to_owned());
        }
        if !part.together {
            fork.clone_from(&ends);
        }
        let (renamed, part_ends) = place(part.steps, &steps, &fork);
        steps.extend(renamed);
        if part.together {
            ends.retain(|end| !fork.contains(end));
            ends.extend(part_ends);
        } else if !part_ends.is_empty() {
            ends = part_ends;
        }
    }
    suggestions.dedup();
    let mut workflow = json!({"name": name, "description": description});
    for (key, map) in [("params", params), ("handlers", handlers)] {
        if !map.is_empty() {
            workflow[key] = Value::Object(map);
        }
    }
    if rollback {
        workflow["on_failure"] = json!("rollback");
    }
    workflow["steps"] = Value::Array(steps);
    (workflow, suggestions)
}

/// Names and orders the steps of one part after what is there; gives them and the names of those that
/// nothing in the part waits for.
fn place(steps: Vec<Value>, before: &[Value], ends: &[String]) -> (Vec<Value>, Vec<String>) {
    let taken = |name: &str, placed: &[Value]| before.iter().chain(placed).any(|step| step["name"] == name);
    let mut placed: Vec<Value> = Vec::new();
    let mut renamed: Vec<(String, String)> = Vec::new();
    for mut step in steps {
        let wished = step["name"].as_str().unwrap_or("step").to_owned();
        let name = free(&wished, |name| taken(name, &placed));
        step["name"] = json!(name);
        let known = |dependency: &str| {
            renamed.iter().rev().find(|(wished, _)| wished == dependency).map(|(_, name)| name.clone())
        };
        let depends = match step.get("depends").and_then(Value::as_array) {
            Some(list) if list.is_empty() => ends.to_vec(),
            Some(list) => list.iter().filter_map(|name| known(name.as_str()?)).collect(),
            None => placed
                .last()
                .map_or_else(|| ends.to_vec(), |last| vec![last["name"].as_str().unwrap_or_default().to_owned()]),
        };
        step["depends"] = json!(depends);
        renamed.push((wished, name));
        placed.push(step);
    }
    for (from, to) in renamed.iter().filter(|(from, to)| from != to) {
        if let Ok(pattern) = Regex::new(&format!(r"(\bsteps\.){}\b", regex::escape(from))) {
            placed.iter_mut().for_each(|step| replace(step, &pattern, to));
        }
    }
    let needed = |name: &str| {
        placed.iter().any(|step| step["depends"].as_array().is_some_and(|list| list.iter().any(|it| it == name)))
    };
    let names: Vec<String> = placed.iter().filter_map(|step| step["name"].as_str().map(str::to_owned)).collect();
    let part_ends = names.iter().filter(|name| !needed(name)).cloned().collect();
    (placed, part_ends)
}
