//! Gemini's generated content.

use serde_json::{Map, Value, json};

use super::{Asked, Held, parameters, text};
use crate::model::failure::Failed;
use crate::model::gathering::{CallPiece, Gathering, Piece, is_vendors_id};
use crate::model::history::{ToolResult, Turn};
use crate::model::port::{Finish, ToolCall};

pub(super) fn path(model: &str) -> String {
    format!("models/{}:streamGenerateContent", model.trim_start_matches("models/"))
}

pub(super) fn body(asked: &Asked<'_>) -> Value {
    let mut body = Map::new();
    if !asked.history.system.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({ "parts": [{ "text": asked.history.system }] }));
    }
    body.insert("contents".to_owned(), contents(&asked.history.turns));
    if !asked.request.tools.is_empty() {
        let declarations: Vec<Value> = asked
            .request
            .tools
            .iter()
            .map(|tool| {
                json!({
                    "name": tool.name,
                    "description": tool.description,
                    "parametersJsonSchema": parameters(&tool.parameters),
                })
            })
            .collect();
        body.insert("tools".to_owned(), json!([{ "functionDeclarations": declarations }]));
    }
    let mut config = Map::new();
    match &asked.held {
        Held::Strictly(schema, _) | Held::Loosely(schema) => {
            config.insert("responseMimeType".to_owned(), json!("application/json"));
            config.insert("responseJsonSchema".to_owned(), schema.schema.clone());
        }
        Held::ToJson => {
            config.insert("responseMimeType".to_owned(), json!("application/json"));
        }
        Held::Free | Held::ByWords => {}
    }
    if let Some(temperature) = asked.temperature {
        config.insert("temperature".to_owned(), json!(temperature));
    }
    if let Some(tokens) = asked.tokens_max {
        config.insert("maxOutputTokens".to_owned(), json!(tokens));
    }
    if !config.is_empty() {
        body.insert("generationConfig".to_owned(), Value::Object(config));
    }
    Value::Object(body)
}

fn contents(turns: &[Turn]) -> Value {
    let mut contents: Vec<(&str, Vec<Value>)> = Vec::new();
    for turn in turns {
        let (role, parts) = match turn {
            Turn::User(text) => ("user", vec![json!({ "text": text })]),
            Turn::Assistant { text, calls } => {
                let said = (!text.is_empty()).then(|| json!({ "text": text }));
                ("model", said.into_iter().chain(calls.iter().map(call)).collect())
            }
            Turn::Results(results) => ("user", results.iter().map(result).collect()),
        };
        match contents.last_mut() {
            Some((before, content)) if *before == role => content.extend(parts),
            _ => contents.push((role, parts)),
        }
    }
    contents.into_iter().map(|(role, parts)| json!({ "role": role, "parts": parts })).collect()
}

fn call(call: &ToolCall) -> Value {
    let args = if call.arguments.is_object() { call.arguments.clone() } else { json!({ "text": call.arguments }) };
    let mut function = json!({ "name": call.name, "args": args });
    if is_vendors_id(&call.id) {
        function["id"] = json!(call.id);
    }
    let mut part = json!({ "functionCall": function });
    if let Some(signature) = &call.signature {
        part["thoughtSignature"] = json!(signature);
    }
    part
}

fn result(result: &ToolResult) -> Value {
    let mut response = json!({ "name": result.name, "response": { "result": result.content } });
    if is_vendors_id(&result.call_id) {
        response["id"] = json!(result.call_id);
    }
    json!({ "functionResponse": response })
}

pub(super) fn read(value: &Value, gathering: &mut Gathering) -> Result<Vec<Piece>, Failed> {
    let mut pieces = Vec::new();
    if let Some(usage) = value.get("usageMetadata") {
        gathering.begun = true;
        let sum = |keys: [&str; 2]| {
            let numbers = keys.map(|key| usage.get(key).and_then(Value::as_u64));
            numbers.iter().any(Option::is_some).then(|| numbers.iter().flatten().sum())
        };
        gathering.input_tokens = sum(["promptTokenCount", "toolUsePromptTokenCount"]).or(gathering.input_tokens);
        gathering.output_tokens = sum(["candidatesTokenCount", "thoughtsTokenCount"]).or(gathering.output_tokens);
    }
    if let Some(reason) = value.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
        gathering.begun = true;
        gathering.finish = Some(Finish::Declined);
        gathering.refusal = format!("the vendor blocked the prompt: {reason}");
        return Ok(pieces);
    }
    let Some(candidate) = value.pointer("/candidates/0") else { return Ok(pieces) };
    gathering.begun = true;
    for part in candidate.pointer("/content/parts").and_then(Value::as_array).into_iter().flatten() {
        let thought = part.get("thought").and_then(Value::as_bool).unwrap_or_default();
        if let Some(call) = part.get("functionCall") {
            gathering.call(CallPiece {
                place: gathering.next_place(),
                id: text(call, "id"),
                name: text(call, "name"),
                whole: Some(call.get("args").cloned().unwrap_or_else(|| json!({}))),
                signature: part.get("thoughtSignature").and_then(Value::as_str),
                ..CallPiece::default()
            })?;
        } else if thought {
            gathering.think(text(part, "text"), &mut pieces);
        } else {
            gathering.say(text(part, "text"), &mut pieces);
        }
    }
    if let Some(reason) = candidate.get("finishReason").and_then(Value::as_str) {
        let finish = match reason {
            "STOP" | "FINISH_REASON_UNSPECIFIED" => Finish::Stop,
            "MAX_TOKENS" => Finish::Length,
            "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "OTHER" => {
                return Err(Failed::for_now(crate::provider::ModelFailure::Unusable {
                    message: format!("it stopped with {reason}"),
                }));
            }
            // SAFETY, RECITATION, BLOCKLIST, PROHIBITED_CONTENT, SPII, LANGUAGE and their kind.
            _ => {
                gathering.refusal = format!("the vendor's filter stopped the answer: {reason}");
                Finish::Declined
            }
        };
        gathering.finish = Some(finish);
    }
    Ok(pieces)
}
