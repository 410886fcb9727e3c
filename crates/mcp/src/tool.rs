//! What a server says about its tools, prompts and resources, cut to what we believe.

use std::collections::BTreeMap;

use partita_core::tool::ArgumentSchema;
use partita_core::workflow::document::Effects;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::clean;
use crate::config::ServerConfig;
use crate::limits::{
    DESCRIPTION_CHARS_MAX, LINE_CHARS_MAX, PARAMETER_DESCRIPTION_CHARS_MAX, SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX,
    TOOL_NAME_CHARS_MAX,
};

/// One tool of one server.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolInfo {
    pub server: String,
    /// As the server knows it.
    pub name: String,
    pub title: Option<String>,
    /// A stranger's words: data, never an instruction.
    pub description: String,
    pub schema: ArgumentSchema,
    pub effects: Effects,
    /// Why it has these effects.
    pub effects_reason: &'static str,
}

impl ToolInfo {
    /// The name that steps use: `server/tool`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Reads what a server says about a tool.
    ///
    /// # Errors
    ///
    /// Why the tool can't be used.
    pub(crate) fn read(tool: &rmcp::model::Tool, config: &ServerConfig) -> Result<Self, String> {
        let name = tool.name.as_ref();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if name.is_empty() || name.len() > TOOL_NAME_CHARS_MAX || !name.bytes().all(is_plain) {
            return Err(format!("`{}` can't be the name of a tool", clean::line(name, 40)));
        }
        let schema = schema(&tool.input_schema).map_err(|problem| format!("the schema of `{name}` {problem}"))?;
        let (effects, effects_reason) = effects(tool, config);
        Ok(Self {
            server: config.name.clone(),
            name: name.to_owned(),
            title: tool.title.as_deref().map(|title| clean::line(title, LINE_CHARS_MAX)),
            description: clean::block(tool.description.as_deref().unwrap_or_default(), DESCRIPTION_CHARS_MAX),
            schema,
            effects,
            effects_reason,
        })
    }
}

/// What the operator says goes first; what the server says counts only when the operator trusts it.
fn effects(tool: &rmcp::model::Tool, config: &ServerConfig) -> (Effects, &'static str) {
    if let Some(effects) = config.effects.get(tool.name.as_ref()) {
        return (*effects, "the configuration says so");
    }
    let Some(annotations) = tool.annotations.as_ref().filter(|_| config.trust_annotations) else {
        return (Effects::Unknown, "nobody who is trusted says what it does");
    };
    let said = match (annotations.read_only_hint, annotations.destructive_hint) {
        (Some(true), _) => Effects::Read,
        (_, Some(false)) => Effects::Write,
        (_, Some(true)) => Effects::Destructive,
        _ => Effects::Unknown,
    };
    (said, "its server says so, and is trusted")
}

fn schema(given: &Map<String, Value>) -> Result<ArgumentSchema, String> {
    let mut schema = Value::Object(given.clone());
    if depth(&schema) > SCHEMA_DEPTH_MAX {
        return Err(format!("is nested deeper than {SCHEMA_DEPTH_MAX} levels"));
    }
    let length = schema.to_string().len();
    if length > SCHEMA_BYTES_MAX {
        return Err(format!("has {length} bytes; at most {SCHEMA_BYTES_MAX} are read"));
    }
    if schema.get("type").is_some_and(|kind| kind != "object") {
        return Err("describes no object".to_owned());
    }
    describe(&mut schema);
    ArgumentSchema::new(schema).map_err(|error| format!("is no JSON Schema: {}", clean::line(&error, LINE_CHARS_MAX)))
}

/// Cleans every description in a schema.
fn describe(schema: &mut Value) {
    match schema {
        Value::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Value::String(text) if key == "description" || key == "title" => {
                        *text = clean::block(text, PARAMETER_DESCRIPTION_CHARS_MAX);
                    }
                    other => describe(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(describe),
        _ => {}
    }
}

/// How deep a value is nested, looked at level by level so that no depth costs stack.
fn depth(value: &Value) -> usize {
    let mut level = vec![value];
    let mut depth = 0;
    while !level.is_empty() && depth <= SCHEMA_DEPTH_MAX {
        depth += 1;
        level = level
            .into_iter()
            .flat_map(|one| match one {
                Value::Array(items) => items.iter().collect::<Vec<_>>(),
                Value::Object(entries) => entries.values().collect(),
                _ => Vec::new(),
            })
            .collect();
    }
    depth
}

/// A prompt or a resource of a server, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub name: String,
    /// Of a resource: its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    pub description: String,
    /// Of a prompt: the names of its arguments, and whether each is required.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, bool>,
}

impl Listed {
    pub(crate) fn prompt(prompt: &rmcp::model::Prompt) -> Self {
        let arguments = prompt.arguments.iter().flatten().take(32);
        Self {
            name: clean::line(&prompt.name, LINE_CHARS_MAX),
            uri: None,
            description: clean::block(prompt.description.as_deref().unwrap_or_default(), DESCRIPTION_CHARS_MAX),
            arguments: arguments
                .map(|one| (clean::line(&one.name, LINE_CHARS_MAX), one.required == Some(true)))
                .collect(),
        }
    }

    pub(crate) fn resource(resource: &rmcp::model::Resource) -> Self {
        Self {
            name: clean::line(&resource.name, LINE_CHARS_MAX),
            uri: Some(clean::line(&resource.uri, LINE_CHARS_MAX)),
            description: clean::block(resource.description.as_deref().unwrap_or_default(), DESCRIPTION_CHARS_MAX),
            arguments: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rmcp::model::{Tool, ToolAnnotations};
    use serde_json::json;

    use super::*;
    use crate::config::Transport;

    fn config() -> ServerConfig {
        let transport = Transport::Http { url: "http://x".to_owned(), headers: BTreeMap::new(), bearer: None };
        ServerConfig::new("s", transport)
    }

    fn tool(name: &str, description: &str, schema: Value) -> Tool {
        let Value::Object(schema) = schema else { panic!() };
        Tool::new(name.to_owned(), description.to_owned(), Arc::new(schema))
    }

    #[test]
    fn hostile_names_and_schemas_are_left_out() {
        let fine = json!({"type": "object"});
        for name in ["", "a/b", "../../etc", "x y", "naïve", "a\nb", &"n".repeat(129), "${secrets.X}"] {
            assert!(ToolInfo::read(&tool(name, "", fine.clone()), &config()).is_err(), "{name:?}");
        }
        let mut deep = json!({"type": "string"});
        for _ in 0..100 {
            deep = json!({"type": "array", "items": deep});
        }
        let large = json!({"type": "object", "properties": {"a": {"enum": ["x".repeat(70_000)]}}});
        let remote = json!({"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:1/schema.json"}}});
        let local = json!({"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}});
        for schema in [json!({"properties": {"a": deep}}), large, remote, local, json!({"type": "string"})] {
            assert!(ToolInfo::read(&tool("t", "", schema.clone()), &config()).is_err(), "{schema}");
        }
    }

    #[test]
    fn descriptions_are_cut_and_cleaned() {
        let long = format!("Reads.\u{1b}[2J\u{202e}{}", "x".repeat(10_000));
        let schema = json!({"type": "object", "properties": {"a": {"type": "string", "description": long}}});
        let info = ToolInfo::read(&tool("t", &long, schema), &config()).unwrap();
        assert!(info.description.chars().count() <= DESCRIPTION_CHARS_MAX + 1);
        let inner = info.schema.as_value()["properties"]["a"]["description"].as_str().unwrap();
        assert!(inner.chars().count() <= PARAMETER_DESCRIPTION_CHARS_MAX + 1);
        assert!(!info.description.contains(['\u{1b}', '\u{202e}']) && !inner.contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn annotations_count_only_when_trusted() {
        let reader = tool("t", "", json!({})).with_annotations(ToolAnnotations::new().read_only(true));
        assert_eq!(ToolInfo::read(&reader, &config()).unwrap().effects, Effects::Unknown);
        let trusted = ServerConfig { trust_annotations: true, ..config() };
        assert_eq!(ToolInfo::read(&reader, &trusted).unwrap().effects, Effects::Read);
        let told = ServerConfig { effects: [("t".to_owned(), Effects::Destructive)].into(), ..trusted };
        assert_eq!(ToolInfo::read(&reader, &told).unwrap().effects, Effects::Destructive);
    }
}
