//! The arguments of a tool, as far as the words and the context give them. Every value becomes the default of
//! a parameter: what a task says is data, and can be changed before a run.

use std::sync::LazyLock;

use partita_core::tool::Tool;
use regex::Regex;
use serde_json::{Map, Value, json};

use super::matching::spread;

/// Something in a clause that can be a value.
#[derive(Clone, Debug, PartialEq)]
struct Fact {
    kind: Kind,
    text: String,
    /// What stands right before it, in lower case.
    before: String,
    used: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Quoted,
    Url,
    Email,
    Path,
    Number,
}

fn pattern(text: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "the pattern is a constant, and every test goes through it")]
    Regex::new(text).expect("a valid pattern")
}

static FACTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r#"(?P<quoted>"[^"]*"|`[^`]*`|“[^”]*”|(?:^|\s)'[^']*')"#,
        r"|(?P<url>\bhttps?://[^\s,;]+)",
        r"|(?P<email>\b[\w.+-]+@[\w-]+\.[\w.-]*\w)",
        r"|(?P<path>(?:~|\.{1,2})?/[\w./@%+-]*[\w/]|\b[\w-]+(?:/[\w.-]+)+|\b[\w-]+\.(?:txt|md|json|ya?ml|csv|toml|log|html?|xml|sh|py|rs|js|ts|conf|ini|env|sql|pdf|png|jpe?g|gz|zip|tar)\b)",
        r"|(?P<number>-?\b\d+(?:\.\d+)?\b)",
    ))
});

fn facts(clause: &str) -> Vec<Fact> {
    let kinds = [
        ("quoted", Kind::Quoted),
        ("url", Kind::Url),
        ("email", Kind::Email),
        ("path", Kind::Path),
        ("number", Kind::Number),
    ];
    let read = |found: regex::Captures<'_>| {
        let (kind, place) = kinds.iter().find_map(|(name, kind)| Some((*kind, found.name(name)?)))?;
        let text = place.as_str().trim();
        let text = if kind == Kind::Quoted {
            let mut inside = text.chars();
            inside.next();
            inside.next_back();
            inside.as_str()
        } else {
            text.trim_end_matches(['.', ','])
        };
        let before: String = clause[..place.start()].to_lowercase();
        Some(Fact {
            kind,
            text: text.to_owned(),
            before: before.trim_end_matches([' ', ':', '=', '"']).to_owned(),
            used: false,
        })
    };
    FACTS.captures_iter(clause).filter_map(read).collect()
}

/// What a tool is given.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Name of a property -> the parameter's declaration, with its default when it is known.
    pub(super) params: Vec<(String, Value)>,
    /// Names of those that nobody said.
    pub(super) missing: Vec<String>,
}

/// Finds a value for each property of the tool's schema.
pub(super) fn of(clause: &str, context: &Map<String, Value>, tool: &Tool) -> Given {
    let mut facts = facts(clause);
    let empty = Map::new();
    let properties = tool.parameters.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required: Vec<&str> =
        tool.parameters["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut values: Vec<(&str, Option<Value>)> = Vec::new();
    // What is named goes first, what only has the right kind takes the rest.
    for (name, schema) in properties {
        values.push((name, named(name, schema, clause, &mut facts).or_else(|| from_context(name, schema, context))));
    }
    for (name, value) in &mut values {
        if value.is_none() {
            *value = by_kind(name, &properties[*name], required.contains(name), &mut facts);
        }
    }
    let mut given = Given::default();
    for (name, value) in values {
        let is_required = required.contains(&name);
        if value.is_none() && !is_required {
            continue;
        }
        let schema = &properties[name];
        let mut declared = json!({"type": kind_of(schema)});
        if let Some(text) = schema["description"].as_str() {
            declared["description"] = json!(text.lines().next().unwrap_or_default());
        }
        if let Some(choices) = schema["enum"].as_array() {
            declared["enum"] = json!(choices);
        }
        match value {
            Some(value) => declared["default"] = value,
            None => {
                declared["required"] = json!(true);
                given.missing.push(name.to_owned());
            }
        }
        given.params.push((name.to_owned(), declared));
    }
    given
}

fn kind_of(schema: &Value) -> &str {
    let kind = match &schema["type"] {
        Value::String(kind) => kind.as_str(),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("string"),
        _ => "string",
    };
    if ["string", "integer", "number", "boolean", "array", "object"].contains(&kind) { kind } else { "string" }
}

/// `limit 10`, `path: /tmp`, `branch = main`.
fn named(name: &str, schema: &Value, clause: &str, facts: &mut [Fact]) -> Option<Value> {
    let said = spread(name);
    let said = said.trim();
    let names = [said.to_owned(), name.to_lowercase()];
    let fact = facts.iter_mut().find(|fact| !fact.used && names.iter().any(|name| ends_with_word(&fact.before, name)));
    if let Some(fact) = fact
        && let Some(value) = typed(&fact.text, schema)
    {
        fact.used = true;
        return Some(value);
    }
    if let Some(choices) = schema["enum"].as_array() {
        let lower = clause.to_lowercase();
        let is_said = |choice: &&Value| choice.as_str().is_some_and(|choice| has_word(&lower, &choice.to_lowercase()));
        return choices.iter().find(is_said).cloned();
    }
    if kind_of(schema) == "object" {
        return None;
    }
    let lower = clause.to_lowercase();
    for name in &names {
        let Some(at) = lower.find(&format!("{name}=")).or_else(|| lower.find(&format!("{name}: "))) else { continue };
        let rest = clause.get(at + name.len() + 1..)?.trim_start();
        let word = rest.split([' ', ',', ';']).next().unwrap_or_default().trim_matches(['"', '\'', '`']);
        if !word.is_empty()
            && let Some(value) = typed(word, schema)
        {
            for fact in facts.iter_mut().filter(|fact| fact.text == word) {
                fact.used = true;
            }
            return Some(value);
        }
    }
    None
}

fn ends_with_word(text: &str, word: &str) -> bool {
    text.strip_suffix(word).is_some_and(|rest| rest.is_empty() || rest.ends_with(|last: char| !last.is_alphanumeric()))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|character: char| !character.is_alphanumeric() && character != '-' && character != '_')
        .any(|one| one == word)
}

fn from_context(name: &str, schema: &Value, context: &Map<String, Value>) -> Option<Value> {
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], "");
    let (_, value) = context.iter().find(|(key, _)| plain(key) == plain(name))?;
    match value {
        Value::String(text) => typed(text, schema),
        Value::Null => None,
        other if matches_kind(kind_of(schema), other) => Some(other.clone()),
        Value::Number(_) | Value::Bool(_) if kind_of(schema) == "string" => Some(Value::String(value.to_string())),
        _ => None,
    }
}

fn matches_kind(kind: &str, value: &Value) -> bool {
    match kind {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => value.is_string(),
    }
}

/// A text as a value of the schema's type.
fn typed(text: &str, schema: &Value) -> Option<Value> {
    if let Some(choices) = schema["enum"].as_array() {
        return choices
            .iter()
            .find(|choice| choice.as_str().is_some_and(|one| one.eq_ignore_ascii_case(text)))
            .cloned();
    }
    match kind_of(schema) {
        "string" => Some(json!(text)),
        "integer" => text.parse::<i64>().ok().map(|number| json!(number)),
        "number" => text
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(|number| text.parse::<i64>().map_or_else(|_| json!(number), |whole| json!(whole))),
        "boolean" => match text {
            "true" | "yes" | "on" => Some(json!(true)),
            "false" | "no" | "off" => Some(json!(false)),
            _ => None,
        },
        "array" if matches!(schema["items"]["type"].as_str(), Some("string") | None) => Some(json!([text])),
        _ => None,
    }
}

/// The next value of the kind that a property's name and type ask for.
fn by_kind(name: &str, schema: &Value, is_required: bool, facts: &mut [Fact]) -> Option<Value> {
    let kind = kind_of(schema);
    let said = spread(name);
    let is = |words: &[&str]| said.split_whitespace().any(|part| words.contains(&part));
    if matches!(kind, "integer" | "number") {
        // A number that nothing names is guessed only where one is needed.
        return if is_required { take(facts, &[Kind::Number], &|_| true, schema) } else { None };
    }
    let wanted: &[Kind] = if is(&["url", "uri", "link", "endpoint", "website", "page"]) || schema["format"] == "uri" {
        &[Kind::Url]
    } else if is(&["email", "recipient", "recipients"]) || schema["format"] == "email" {
        &[Kind::Email]
    } else if is(&[
        "path",
        "paths",
        "file",
        "filename",
        "filepath",
        "directory",
        "dir",
        "folder",
        "source",
        "destination",
        "target",
        "src",
        "dst",
    ]) {
        &[Kind::Path]
    } else if kind == "string" && is_required {
        &[Kind::Quoted]
    } else {
        return None;
    };
    if kind == "array" {
        let mut all = Vec::new();
        while let Some(value) = take(facts, wanted, &|_| true, &json!({"type": "string"})) {
            all.push(value);
        }
        return (!all.is_empty()).then_some(Value::Array(all));
    }
    if !matches!(kind, "string") {
        return None;
    }
    let after =
        |words: &'static [&'static str]| move |fact: &Fact| words.iter().any(|word| ends_with_word(&fact.before, word));
    let by_word = if is(&["destination", "target", "dst", "to"]) {
        take(facts, wanted, &after(&["to", "into", "as"]), schema)
    } else if is(&["source", "src", "from"]) {
        take(facts, wanted, &after(&["from", "of"]), schema)
    } else {
        None
    };
    let taken = by_word.or_else(|| take(facts, wanted, &|_| true, schema));
    // A path may stand in quotes, too.
    if wanted == [Kind::Path] && is_required && taken.is_none() {
        let is_path = |fact: &Fact| fact.text.contains(['/', '.']) && !fact.text.contains(' ');
        return take(facts, &[Kind::Quoted], &is_path, schema);
    }
    taken
}

fn take(facts: &mut [Fact], kinds: &[Kind], fits: &dyn Fn(&Fact) -> bool, schema: &Value) -> Option<Value> {
    let fact = facts.iter_mut().find(|fact| !fact.used && kinds.contains(&fact.kind) && fits(fact))?;
    let value = typed(&fact.text, schema)?;
    fact.used = true;
    Some(value)
}
