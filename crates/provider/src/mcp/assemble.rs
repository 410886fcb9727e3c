//! From clauses to one workflow: steps of MCP tools, and parts of the built-in planner, in the order in which
//! the task names them.

use std::collections::BTreeSet;

use partita_core::tool::Tool;
use partita_core::workflow::{from_value, to_value};
use serde_json::{Map, Value, json};

use super::matching::{self, Asked};
use super::{arguments, clauses};
use crate::planner::{Drafted, MODEL, Planner};
use crate::provider::{DraftError, DraftRequest};

/// A clause, or several that no tool fits.
enum Part<'a> {
    Tool { clause: String, tool: &'a Tool },
    Rest(Vec<String>),
}

/// The document while it grows.
#[derive(Default)]
struct Whole {
    params: Map<String, Value>,
    steps: Vec<Value>,
    /// Keys of the document that a part of the planner brought.
    others: Map<String, Value>,
    names: BTreeSet<String>,
    /// The steps that the next part follows.
    ends: Vec<String>,
    suggestions: Vec<String>,
    notes: Vec<String>,
}

/// Makes a draft.
pub(super) fn draft(planner: &Planner, request: &DraftRequest, tools: &[&Tool]) -> Result<Drafted, DraftError> {
    let mut whole = Whole::default();
    let parts = parts(&clauses::of(&request.task), tools, &mut whole);
    if !parts.iter().any(|part| matches!(part, Part::Tool { .. })) {
        let mut drafted = planner.draft(request)?;
        let why = if tools.is_empty() {
            "No MCP server is connected that has tools, so the built-in planner made this."
        } else {
            "No tool of an MCP server fits, so the built-in planner made this."
        };
        drafted.suggestions.insert(0, why.to_owned());
        drafted.suggestions.append(&mut whole.suggestions);
        return Ok(drafted);
    }
    let mut context = request.context.clone();
    context.extend(request.parameters.clone());
    for part in parts {
        match part {
            Part::Tool { clause, tool } => whole.tool(&clause, tool, &context),
            Part::Rest(clauses) => whole.rest(&clauses, planner, request),
        }
    }
    whole.finish(request)
}

/// Places every clause; one with ` and ` is cut when that brings out a tool.
fn parts<'a>(clauses: &[String], tools: &[&'a Tool], whole: &mut Whole) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    for clause in clauses {
        place(clause, tools, (&mut parts, whole), 4);
    }
    parts
}

fn place<'a>(clause: &str, tools: &[&'a Tool], (parts, whole): (&mut Vec<Part<'a>>, &mut Whole), depth: usize) {
    if depth > 0 {
        for (first, second) in clauses::halves(clause) {
            let both = (matching::tool(&first, tools), matching::tool(&second, tools));
            if matches!(both, (Asked::Tool(_), Asked::Tool(_))) {
                place(&first, tools, (parts, whole), depth - 1);
                place(&second, tools, (parts, whole), depth - 1);
                return;
            }
        }
    }
    match matching::tool(clause, tools) {
        Asked::Tool(tool) => parts.push(Part::Tool { clause: clause.to_owned(), tool }),
        asked => {
            if let Asked::Several(several) = asked {
                let names: Vec<&str> = several.iter().map(|tool| tool.name.as_str()).take(5).collect();
                let text = format!("“{clause}” could mean {}: name the one that is meant.", names.join(" or "));
                whole.suggestions.push(text);
            }
            match parts.last_mut() {
                Some(Part::Rest(rest)) => rest.push(clause.to_owned()),
                _ => parts.push(Part::Rest(vec![clause.to_owned()])),
            }
        }
    }
}

impl Whole {
    /// Adds a step that calls a tool.
    fn tool(&mut self, clause: &str, tool: &Tool, context: &Map<String, Value>) {
        let given = arguments::of(clause, context, tool);
        let short = tool.name.split_once('/').map_or(tool.name.as_str(), |(_, short)| short);
        let name = self.free_name(&short.replace(['_', '.'], "-").to_lowercase());
        let mut parameters = Map::new();
        for (property, declared) in given.params {
            let param = self.free_param(&property, &declared, &name);
            parameters.insert(property, json!(format!("${{params.{param}}}")));
            self.params.insert(param, declared);
        }
        let mut step = json!({"name": name, "description": clause, "tool": tool.name, "parameters": parameters});
        if !self.ends.is_empty() {
            step["depends"] = json!(self.ends);
        }
        self.steps.push(step);
        self.ends = vec![name.clone()];
        self.notes.push(format!("`{name}`: the MCP tool {} for “{clause}”", tool.name));
        self.suggestions.push(format!("The step `{name}` calls the MCP tool {}.", tool.name));
        if !given.missing.is_empty() {
            let missing = given.missing.join("`, `");
            self.suggestions
                .push(format!("`{name}` needs `{missing}`, which the task doesn't say: give it as a parameter."));
        }
    }

    /// Adds what the built-in planner makes of the clauses that no tool fits.
    fn rest(&mut self, clauses: &[String], planner: &Planner, request: &DraftRequest) {
        let task = clauses.join(", then ");
        let part = DraftRequest { task: task.clone(), model: None, ..request.clone() };
        match planner.draft(&part) {
            Ok(drafted) => {
                let text = format!("The built-in planner made the steps for “{task}”, since no MCP tool fits.");
                self.suggestions.push(text);
                self.suggestions.extend(drafted.suggestions);
                self.notes.extend(drafted.notes);
                self.append(&to_value(&drafted.workflow));
            }
            Err(_) => self.suggestions.push(format!("Nothing was made of “{task}”: no MCP tool and no template fits.")),
        }
    }

    /// Appends a whole document: its first steps follow what is there.
    fn append(&mut self, document: &Value) {
        let mut document = document.clone();
        let steps = document["steps"].as_array().cloned().unwrap_or_default();
        for step in &steps {
            let Some(old) = step["name"].as_str() else { continue };
            if self.names.contains(old) {
                let new = self.free_name(old);
                document = renamed(document, old, &new);
            } else {
                self.names.insert(old.to_owned());
            }
        }
        for (name, declared) in document["params"].as_object().cloned().unwrap_or_default() {
            self.params.entry(name).or_insert(declared);
        }
        let is_graph = document["type"] == "graph";
        let mut ends: Vec<String> = Vec::new();
        let mut steps = document["steps"].as_array().cloned().unwrap_or_default();
        for (index, step) in steps.iter_mut().enumerate() {
            let name = step["name"].as_str().unwrap_or_default().to_owned();
            let needs: Option<Vec<String>> = match step.get("depends") {
                Some(Value::Array(names)) => {
                    Some(names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
                }
                Some(Value::String(name)) => Some(vec![name.clone()]),
                _ if is_graph => Some(Vec::new()),
                _ => None,
            };
            let is_first = needs.as_ref().map_or(index == 0, Vec::is_empty);
            if is_first {
                step["depends"] = json!(self.ends);
            } else if let Some(needs) = needs {
                ends.retain(|end| !needs.contains(end));
            } else {
                ends.pop();
            }
            ends.push(name);
        }
        self.steps.append(&mut steps);
        self.ends = ends;
        for (key, value) in document.as_object().into_iter().flatten() {
            if !["name", "description", "steps", "params", "type"].contains(&key.as_str()) {
                self.others.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    }

    fn free_name(&mut self, wished: &str) -> String {
        let mut name = wished.to_owned();
        let mut number = 2;
        while !self.names.insert(name.clone()) {
            name = format!("{wished}-{number}");
            number += 1;
        }
        name
    }

    /// A parameter of the property's name; when another value has it, one with the step's name before it.
    fn free_param(&self, property: &str, declared: &Value, step: &str) -> String {
        let plain = |text: &str| -> String {
            text.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '_' }).collect()
        };
        let wished = plain(property);
        let wished =
            if wished.starts_with(|first: char| first.is_ascii_digit()) { format!("_{wished}") } else { wished };
        let reserved = wished.chars().all(|one| one.is_ascii_uppercase() || one == '_');
        let is_free = |name: &str| self.params.get(name).is_none_or(|other| other == declared);
        if is_free(&wished) && !reserved {
            return wished;
        }
        let mut name = format!("{}_{wished}", plain(step));
        while !is_free(&name) {
            name.push('_');
        }
        name
    }

    fn finish(mut self, request: &DraftRequest) -> Result<Drafted, DraftError> {
        let name = self.steps.iter().filter_map(|step| step["name"].as_str()).take(3).collect::<Vec<_>>().join("-");
        let mut document = Map::new();
        document.insert("name".to_owned(), json!(name.chars().take(64).collect::<String>()));
        document.insert("description".to_owned(), json!(request.task.trim()));
        document.insert("params".to_owned(), Value::Object(self.params));
        document.insert("steps".to_owned(), Value::Array(self.steps));
        document.extend(self.others);
        let loaded = from_value(&Value::Object(document));
        let Some(workflow) = loaded.workflow else {
            let message = "the planner made a draft that it can't read itself".to_owned();
            return Err(DraftError::Unavailable { message });
        };
        if let Some(asked) = request.model.as_deref().filter(|model| *model != MODEL) {
            self.suggestions.push(format!("The model {asked} is not configured, so rules made this."));
            self.notes.push(format!("requested_model: {asked}"));
        }
        Ok(Drafted { workflow, suggestions: self.suggestions, notes: self.notes })
    }
}

/// A document in which a step has another name.
fn renamed(mut document: Value, old: &str, new: &str) -> Value {
    fn walk(value: &mut Value, old: &str, new: &str) {
        match value {
            Value::String(text) => {
                *text = text.replace(&format!("steps.{old}."), &format!("steps.{new}."));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, old, new)),
            Value::Object(entries) => {
                for (key, entry) in entries {
                    match entry {
                        Value::Array(names) if key == "depends" => {
                            for name in names.iter_mut().filter(|name| *name == old) {
                                *name = json!(new);
                            }
                        }
                        Value::String(name) if (key == "depends" || key == "name") && name == old => {
                            *entry = json!(new);
                        }
                        other => walk(other, old, new),
                    }
                }
            }
            _ => {}
        }
    }
    walk(&mut document["steps"], old, new);
    walk(&mut document["outputs"], old, new);
    walk(&mut document["handlers"], old, new);
    document
}
