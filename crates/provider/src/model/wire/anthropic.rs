//! Anthropic's messages.

use serde_json::{Map, Value, json};

use super::{Asked, Held, parameters, text};
use crate::model::failure::Failed;
use crate::model::gathering::{CallPiece, Gathering, Piece};
use crate::model::history::Turn;
use crate::model::limits::ANSWER_TOKENS_DEFAULT;
use crate::model::port::{Finish, ToolCall};

pub(super) fn body(asked: &Asked<'_>) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(asked.target.model));
    body.insert("max_tokens".to_owned(), json!(asked.tokens_max.unwrap_or(ANSWER_TOKENS_DEFAULT)));
    if !asked.history.system.is_empty() {
        body.insert("system".to_owned(), json!(asked.history.system));
    }
    body.insert("messages".to_owned(), messages(&asked.history.turns));
    if !asked.request.tools.is_empty() {
        let tools = asked.request.tools.iter().map(|tool| {
            json!({
                "name": tool.name,
                "description": tool.description,
                "input_schema": parameters(&tool.parameters),
            })
        });
        body.insert("tools".to_owned(), tools.collect());
    }
    if let Held::Strictly(_, schema) = &asked.held {
        body.insert("output_config".to_owned(), json!({ "format": { "type": "json_schema", "schema": schema } }));
    }
    if let Some(temperature) = asked.temperature {
        body.insert("temperature".to_owned(), json!(temperature));
    }
    body.insert("stream".to_owned(), json!(true));
    Value::Object(body)
}

/// Results of tools are the user's words here, so they share a message with what the user says next.
fn messages(turns: &[Turn]) -> Value {
    let mut messages: Vec<(&str, Vec<Value>)> = Vec::new();
    for turn in turns {
        let (role, blocks) = match turn {
            Turn::User(text) => ("user", vec![json!({ "type": "text", "text": text })]),
            Turn::Assistant { text, calls } => {
                let said = (!text.is_empty()).then(|| json!({ "type": "text", "text": text }));
                ("assistant", said.into_iter().chain(calls.iter().map(call)).collect())
            }
            Turn::Results(results) => {
                let block = |result: &crate::model::history::ToolResult| json!({ "type": "tool_result", "tool_use_id": result.call_id, "content": result.content });
                ("user", results.iter().map(block).collect())
            }
        };
        match messages.last_mut() {
            Some((before, content)) if *before == role => content.extend(blocks),
            _ => messages.push((role, blocks)),
        }
    }
    messages.into_iter().map(|(role, content)| json!({ "role": role, "content": content })).collect()
}

fn call(call: &ToolCall) -> Value {
    // What was cut off or no JSON can't be sent as it came: the API takes objects only.
    let input = if call.arguments.is_object() { call.arguments.clone() } else { json!({ "text": call.arguments }) };
    json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input })
}

pub(super) fn read(value: &Value, gathering: &mut Gathering) -> Result<Vec<Piece>, Failed> {
    let mut pieces = Vec::new();
    let kind = text(value, "type");
    match kind {
        "message_start" => count(value.pointer("/message/usage"), gathering),
        "content_block_start" => {
            let block = value.get("content_block").unwrap_or(&Value::Null);
            read_block(block, place(value), gathering, &mut pieces)?;
        }
        "content_block_delta" => {
            let delta = value.get("delta").unwrap_or(&Value::Null);
            match text(delta, "type") {
                "text_delta" => gathering.say(text(delta, "text"), &mut pieces),
                "thinking_delta" => gathering.think(text(delta, "thinking"), &mut pieces),
                "input_json_delta" => {
                    let arguments = text(delta, "partial_json");
                    gathering.call(CallPiece { place: place(value), arguments, ..CallPiece::default() })?;
                }
                _ => {}
            }
        }
        "message_delta" => {
            count(value.get("usage"), gathering);
            finish(value.pointer("/delta/stop_reason"), gathering);
        }
        "message_stop" => gathering.done = true,
        // A server that does not stream.
        "message" => {
            for (index, block) in value.get("content").and_then(Value::as_array).into_iter().flatten().enumerate() {
                read_block(block, index as u64, gathering, &mut pieces)?;
            }
            count(value.get("usage"), gathering);
            finish(value.get("stop_reason"), gathering);
            gathering.done = true;
        }
        // Pings, ends of blocks, and what will be added to the protocol.
        _ => return Ok(pieces),
    }
    gathering.begun = true;
    Ok(pieces)
}

fn place(value: &Value) -> u64 {
    value.get("index").and_then(Value::as_u64).unwrap_or_default()
}

fn read_block(block: &Value, place: u64, gathering: &mut Gathering, pieces: &mut Vec<Piece>) -> Result<(), Failed> {
    match text(block, "type") {
        "text" => gathering.say(text(block, "text"), pieces),
        "thinking" => gathering.think(text(block, "thinking"), pieces),
        "tool_use" => {
            // In a stream the input begins as an empty object and comes in pieces.
            let input = block.get("input").filter(|input| input.as_object().is_some_and(|map| !map.is_empty()));
            gathering.call(CallPiece {
                place,
                id: text(block, "id"),
                name: text(block, "name"),
                whole: input.cloned(),
                ..CallPiece::default()
            })?;
        }
        _ => {}
    }
    Ok(())
}

/// Tokens read from and written to the vendor's cache were read by the model all the same.
fn count(usage: Option<&Value>, gathering: &mut Gathering) {
    let Some(usage) = usage else { return };
    let number = |key: &str| usage.get(key).and_then(Value::as_u64);
    if let Some(input) = number("input_tokens") {
        let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"].map(|key| number(key).unwrap_or(0));
        gathering.input_tokens = Some(input + cached[0] + cached[1]);
    }
    gathering.output_tokens = number("output_tokens").or(gathering.output_tokens);
}

fn finish(reason: Option<&Value>, gathering: &mut Gathering) {
    let Some(reason) = reason.and_then(Value::as_str) else { return };
    gathering.finish = Some(match reason {
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "refusal" => Finish::Declined,
        "tool_use" => Finish::ToolCalls,
        _ => Finish::Stop,
    });
}
