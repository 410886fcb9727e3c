//! What a step does: exactly one action, in any of the spellings.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::Reading;
use super::object::{Field, Object};
use crate::workflow::document::{Action, Approval, Http};

/// Every kind of action that a step spells out, with the key that did.
type Spelled = Vec<(&'static str, Action)>;

/// Reads the action of a step, or of a rollback or handler.
pub(super) fn read(reading: &mut Reading, object: &mut Object<'_>) -> Option<Action> {
    let mut spelled = Spelled::new();
    match object.take(reading, &["executor"], &[]) {
        Some(field) => {
            reading.imported = true;
            spelled.extend(by_executor(reading, object, &field));
        }
        None => without_executor(reading, object, &mut spelled),
    }
    match spelled.len() {
        0 => None,
        1 => spelled.pop().map(|(_, action)| action),
        _ => {
            let names: Vec<String> = spelled.iter().map(|(name, _)| format!("`{name}`")).collect();
            let message = format!("a step does one thing, and this one has {}", names.join(" and "));
            let help = "make a step of each, in the order in which they should happen";
            reading.error("ambiguous_action", object.path(), message).help = Some(help.to_owned());
            spelled.into_iter().next().map(|(_, action)| action)
        }
    }
}

fn without_executor(reading: &mut Reading, object: &mut Object<'_>, spelled: &mut Spelled) {
    if let Some(field) = object.take(reading, &["tool"], &["action"]) {
        let parameters = parameters(reading, object);
        spelled.extend(field.text(reading).map(|tool| ("tool", Action::Tool { tool, parameters })));
    }
    if let Some(field) = object.take(reading, &["http"], &[]) {
        spelled.extend(http(reading, &field).map(|request| ("http", Action::Http(Box::new(request)))));
    }
    if let Some(field) = object.take(reading, &["workflow"], &["run"]) {
        let parameters = parameters(reading, object);
        spelled.extend(field.text(reading).map(|workflow| ("workflow", Action::Workflow { workflow, parameters })));
    }
    if let Some(field) = object.take(reading, &["agent"], &[]) {
        let mut config = match field.value {
            Value::Object(config) => config.clone(),
            other => Map::from_iter([("name".to_owned(), other.clone())]),
        };
        if let Some(task) = object.text(reading, &[], &["task"]) {
            config.insert("task".to_owned(), Value::String(task));
        }
        spelled.push(("agent", Action::Agent { config }));
    }
    if object.map().contains_key("approval") {
        let field = object.take(reading, &["approval"], &[]);
        spelled.push(("approval", Action::Approval(approval(reading, field.as_ref()))));
    }
    if let Some(image) = object.text(reading, &["image"], &[]) {
        let command = command_text(reading, object);
        spelled.push(("image", Action::Container { image, command }));
    }
    if let Some(action) = program(reading, object) {
        spelled.push(("command", action));
    }
    if object.has("secret_name") {
        reading.imported = true;
        let config = object.take(reading, &[], &["secret_name"]);
        let config = config.map(|field| (field.key.to_owned(), field.value.clone())).into_iter().collect();
        let executor = object.text(reading, &[], &["type"]).unwrap_or_else(|| "get_secret".to_owned());
        spelled.push(("type", Action::Unsupported { executor, config }));
    }
}

/// The values that a tool or a sub-workflow gets.
fn parameters(reading: &mut Reading, object: &mut Object<'_>) -> Map<String, Value> {
    match object.take(reading, &["parameters"], &["inputs", "args", "with", "params"]) {
        Some(Field { value: Value::Object(map), .. }) => map.clone(),
        Some(Field { value: Value::String(text), .. }) => {
            // `A=1 B=2` of a sub-workflow.
            let words = crate::workflow::reference::split_arguments(text).unwrap_or_default();
            let pair = |word: String| word.split_once('=').map(|(name, value)| (name.to_owned(), value.into()));
            words.into_iter().filter_map(pair).collect()
        }
        Some(field) => {
            reading.wrong_type(&field.path, "an object with parameters", field.value);
            Map::new()
        }
        None => Map::new(),
    }
}

/// `command`, which may be a list of arguments.
fn command_text(reading: &mut Reading, object: &mut Object<'_>) -> Option<String> {
    let field = object.take(reading, &["command"], &[])?;
    if let Value::Array(_) = field.value {
        reading.imported = true;
        let words: Vec<String> = field.texts(reading).iter().map(|word| quoted(word)).collect();
        return Some(words.join(" "));
    }
    field.text(reading)
}

/// A word as a shell reads it as one; references in it stay what they are.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "_-./:=@%+,${}".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"").replace('`', "\\`"))
}

/// A command, or a script with what reads it.
fn program(reading: &mut Reading, object: &mut Object<'_>) -> Option<Action> {
    let command = command_text(reading, object);
    let script = object.text(reading, &["script"], &["code"]);
    let shell = object.text(reading, &["shell"], &["language"]);
    match (command, script) {
        (Some(interpreter), Some(script)) => {
            reading.imported = true;
            Some(Action::Script { script, interpreter: Some(interpreter) })
        }
        (None, Some(script)) => Some(Action::Script { script, interpreter: shell }),
        (Some(command), None) => Some(Action::Command { command, shell }),
        (None, None) => None,
    }
}

/// Reads `http`.
fn http(reading: &mut Reading, field: &Field<'_>) -> Option<Http> {
    if let Value::String(url) = field.value {
        return Some(Http { url: url.clone(), ..Http::default() });
    }
    let mut object = field.object(reading)?;
    let request = http_fields(reading, &mut object);
    object.finish(reading);
    request
}

fn http_fields(reading: &mut Reading, object: &mut Object<'_>) -> Option<Http> {
    let url = object.text(reading, &["url"], &[]);
    let method = object.text(reading, &["method"], &[]);
    let pairs = |field: Option<Field<'_>>, reading: &mut Reading| {
        field.map_or_else(IndexMap::new, |field| field.pairs(reading))
    };
    let headers = object.take(reading, &["headers"], &[]);
    let headers = pairs(headers, reading);
    let query = object.take(reading, &["query"], &[]);
    let query = pairs(query, reading);
    let body = object.take(reading, &["body"], &["data", "json"]).map(|field| field.value.clone());
    let expect_status = object.take(reading, &["expect_status"], &["expected_status", "expectStatus"]);
    let code = |item: Field<'_>, reading: &mut Reading| item.count(reading).and_then(|code| u16::try_from(code).ok());
    let expect_status = expect_status.map(|field| field.items().filter_map(|item| code(item, reading)).collect());
    let redirect_hosts = object.take(reading, &["redirect_hosts"], &[]).map(|field| field.texts(reading));
    let timeout_ms = object.take(reading, &["timeout"], &["timeoutSec"]).and_then(|field| field.duration(reading));
    object.not_supported(reading, "silent", "the answer is the step's output");
    let Some(url) = url else {
        reading.error("missing_key", object.path(), "`url` is missing: where should the request go?");
        return None;
    };
    Some(Http {
        url,
        method,
        headers,
        query,
        body,
        expect_status: expect_status.unwrap_or_default(),
        redirect_hosts: redirect_hosts.unwrap_or_default(),
        timeout_ms,
    })
}

/// Reads `approval`: a question, an object, or nothing at all.
fn approval(reading: &mut Reading, field: Option<&Field<'_>>) -> Approval {
    match field {
        None | Some(Field { value: Value::Bool(_), .. }) => Approval::default(),
        Some(Field { value: Value::String(message), .. }) => {
            Approval { message: Some(message.clone()), ..Approval::default() }
        }
        Some(field) => {
            let Some(mut object) = field.object(reading) else { return Approval::default() };
            let message = object.text(reading, &["message"], &["question", "prompt"]);
            let timeout_ms =
                object.take(reading, &["timeout"], &["timeoutSec"]).and_then(|field| field.duration(reading));
            object.finish(reading);
            Approval { message, timeout_ms }
        }
    }
}

/// An action that is spelled with `executor`.
fn by_executor(reading: &mut Reading, object: &mut Object<'_>, field: &Field<'_>) -> Spelled {
    let empty = Map::new();
    let (kind, config) = match field.value {
        Value::String(kind) => (kind.clone(), Object::new(&empty, field.path.clone())),
        _ => {
            let Some(mut executor) = field.object(reading) else { return Spelled::new() };
            let kind = executor.text(reading, &["type"], &[]).unwrap_or_default();
            let config = executor.take(reading, &["config"], &[]);
            executor.finish(reading);
            let path = config.as_ref().map_or(field.path.clone(), |config| config.path.clone());
            let map = config.and_then(|config| config.value.as_object());
            (kind, Object::new(map.unwrap_or(&empty), path))
        }
    };
    let whole = config.map().clone();
    match kind.as_str() {
        "" | "command" | "shell" | "local" => {
            // Its settings say how the original platform starts a process; nothing here depends on them.
            let mut spelled = Spelled::new();
            without_executor(reading, object, &mut spelled);
            spelled
        }
        "http" => http_executor(reading, object, config),
        "docker" | "container" => docker(reading, object, config),
        "tool" => tool(reading, config, whole),
        "ssh" => ssh(reading, object, config),
        "agent" | "inline_agent" => vec![("executor", Action::Agent { config: whole })],
        "dag" | "workflow" => {
            let workflow = object.text(reading, &["workflow"], &["run"]).unwrap_or_default();
            vec![("executor", Action::Workflow { workflow, parameters: whole })]
        }
        _ => {
            object.take(reading, &["command"], &[]);
            object.take(reading, &["script"], &[]);
            vec![("executor", Action::Unsupported { executor: kind, config: whole })]
        }
    }
}

/// The request stands in the settings, in the step itself, or in `command` as `METHOD URL`.
fn http_executor(reading: &mut Reading, object: &mut Object<'_>, mut config: Object<'_>) -> Spelled {
    let line = command_text(reading, object);
    let request = if config.has("url") {
        http_fields(reading, &mut config)
    } else if object.has("url") {
        http_fields(reading, object)
    } else if let Some(line) = line {
        let mut words = line.split_whitespace();
        let (first, second) = (words.next().unwrap_or_default(), words.next());
        let (method, url) = second.map_or((None, first), |url| (Some(first.to_owned()), url));
        Some(Http { url: url.to_owned(), method, ..Http::default() })
    } else {
        reading.error("missing_key", object.path(), "`url` is missing: where should the request go?");
        None
    };
    config.finish(reading);
    request.map(|request| ("executor", Action::Http(Box::new(request)))).into_iter().collect()
}

fn docker(reading: &mut Reading, object: &mut Object<'_>, mut config: Object<'_>) -> Spelled {
    let image = config.text(reading, &[], &["image"]);
    let inside = config.text(reading, &[], &["command", "content"]);
    let command = command_text(reading, object).or(inside);
    let script = object.text(reading, &["script"], &[]);
    config.finish(reading);
    let Some(image) = image else {
        reading.error("missing_key", object.path(), "`image` is missing: which container should run?");
        return Spelled::new();
    };
    vec![("executor", Action::Container { image, command: command.or(script) })]
}

/// A tool by its name, or one that is defined on the spot.
fn tool(reading: &mut Reading, mut config: Object<'_>, whole: Map<String, Value>) -> Spelled {
    let Some(name) = config.text(reading, &[], &["tool_name", "name"]) else {
        return vec![("executor", Action::Unsupported { executor: "tool with tool_def".to_owned(), config: whole })];
    };
    let parameters = match config.take(reading, &[], &["args", "parameters"]) {
        Some(Field { value: Value::Object(map), .. }) => map.clone(),
        _ => Map::new(),
    };
    config.not_supported(reading, "timeout", "give the step a `timeout`");
    config.finish(reading);
    vec![("executor", Action::Tool { tool: name, parameters })]
}

fn ssh(reading: &mut Reading, object: &mut Object<'_>, config: Object<'_>) -> Spelled {
    let rename = |(key, value): (&String, &Value)| {
        let key = match key.as_str() {
            "keyFile" | "key" => "key_file",
            "ip" => "host",
            other => other,
        };
        (key.to_owned(), value.clone())
    };
    let mut parameters: Map<String, Value> = config.map().iter().map(rename).collect();
    if let Some(command) = command_text(reading, object) {
        parameters.insert("command".to_owned(), Value::String(command));
    }
    vec![("executor", Action::Tool { tool: "ssh".to_owned(), parameters })]
}
