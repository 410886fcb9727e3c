//! Chat completions, as OpenAI made them and many others speak them.

use serde_json::{Map, Value, json};

use super::{Asked, Held, parameters, text};
use crate::model::config::Vendor;
use crate::model::failure::Failed;
use crate::model::gathering::{CallPiece, Gathering, Piece};
use crate::model::history::Turn;
use crate::model::port::{Finish, ToolCall};

/// Longest name of a schema that the API takes.
const NAME_CHARS_MAX: usize = 64;

pub(super) fn body(asked: &Asked<'_>) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(asked.target.model));
    body.insert("messages".to_owned(), messages(asked));
    if !asked.request.tools.is_empty() {
        let tools = asked.request.tools.iter().map(|tool| {
            json!({ "type": "function", "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": parameters(&tool.parameters),
            } })
        });
        body.insert("tools".to_owned(), tools.collect());
    }
    if let Some(format) = response_format(&asked.held) {
        body.insert("response_format".to_owned(), format);
    }
    if let Some(temperature) = asked.temperature {
        body.insert("temperature".to_owned(), json!(temperature));
    }
    if let Some(tokens) = asked.tokens_max {
        // OpenAI's newer models refuse the older word, and everyone else knows only that.
        let word = if asked.target.vendor == Vendor::OpenAi { "max_completion_tokens" } else { "max_tokens" };
        body.insert(word.to_owned(), json!(tokens));
    }
    body.insert("stream".to_owned(), json!(true));
    body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
    Value::Object(body)
}

fn messages(asked: &Asked<'_>) -> Value {
    let mut messages = Vec::new();
    if !asked.history.system.is_empty() {
        messages.push(json!({ "role": "system", "content": asked.history.system }));
    }
    for turn in &asked.history.turns {
        match turn {
            Turn::User(text) => messages.push(json!({ "role": "user", "content": text })),
            Turn::Assistant { text, calls } if calls.is_empty() => {
                messages.push(json!({ "role": "assistant", "content": text }));
            }
            Turn::Assistant { text, calls } => {
                let content = if text.is_empty() { Value::Null } else { json!(text) };
                let calls: Vec<Value> = calls.iter().map(call).collect();
                messages.push(json!({ "role": "assistant", "content": content, "tool_calls": calls }));
            }
            Turn::Results(results) => messages.extend(
                results
                    .iter()
                    .map(|result| json!({ "role": "tool", "tool_call_id": result.call_id, "content": result.content })),
            ),
        }
    }
    Value::Array(messages)
}

fn call(call: &ToolCall) -> Value {
    // Servers that read the arguments fail over what was cut off or is no object.
    let arguments = match &call.arguments {
        Value::Object(_) => call.arguments.to_string(),
        other => json!({ "text": other }).to_string(),
    };
    json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": arguments } })
}

fn response_format(held: &Held<'_>) -> Option<Value> {
    let format = |name: &str, schema: &Value, strict: bool| {
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
            .take(NAME_CHARS_MAX)
            .collect();
        json!({ "type": "json_schema", "json_schema": { "name": name, "strict": strict, "schema": schema } })
    };
    match held {
        Held::Free | Held::ByWords => None,
        Held::Strictly(schema, closed) => Some(format(&schema.name, closed, true)),
        Held::Loosely(schema) => Some(format(&schema.name, &schema.schema, false)),
        Held::ToJson => Some(json!({ "type": "json_object" })),
    }
}

pub(super) fn read(value: &Value, gathering: &mut Gathering) -> Result<Vec<Piece>, Failed> {
    let mut pieces = Vec::new();
    let usage = value.get("usage").filter(|usage| usage.is_object()).or_else(|| value.pointer("/x_groq/usage"));
    if let Some(usage) = usage {
        gathering.begun = true;
        let count = |key: &str| usage.get(key).and_then(Value::as_u64);
        gathering.input_tokens = count("prompt_tokens").or(gathering.input_tokens);
        gathering.output_tokens = count("completion_tokens").or(gathering.output_tokens);
    }
    let Some(choice) = value.pointer("/choices/0") else { return Ok(pieces) };
    gathering.begun = true;
    let whole = choice.get("message");
    // Servers that don't stream send the message where the others send a piece of it.
    let delta = choice.get("delta").or(whole).unwrap_or(&Value::Null);
    for key in ["reasoning_content", "reasoning"] {
        gathering.think(text(delta, key), &mut pieces);
    }
    gathering.say(text(delta, "content"), &mut pieces);
    gathering.refusal.push_str(text(delta, "refusal"));
    for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        read_call(call, whole.is_some(), gathering)?;
    }
    if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
        gathering.finish = Some(match reason {
            "length" => Finish::Length,
            "content_filter" => Finish::Declined,
            "tool_calls" | "function_call" => Finish::ToolCalls,
            _ => Finish::Stop,
        });
    }
    gathering.done |= whole.is_some();
    Ok(pieces)
}

fn read_call(call: &Value, whole: bool, gathering: &mut Gathering) -> Result<(), Failed> {
    let function = call.get("function").unwrap_or(&Value::Null);
    let id = text(call, "id");
    let place = match call.get("index").and_then(Value::as_u64) {
        Some(index) => index,
        None if whole || !id.is_empty() || !gathering.has_calls() => gathering.next_place(),
        None => gathering.last_place(),
    };
    let arguments = function.get("arguments");
    gathering.call(CallPiece {
        place,
        id,
        name: text(function, "name"),
        arguments: arguments.and_then(Value::as_str).unwrap_or_default(),
        // Some servers send an object instead of its text.
        whole: arguments.filter(|arguments| arguments.is_object()).cloned(),
        signature: None,
    })
}
