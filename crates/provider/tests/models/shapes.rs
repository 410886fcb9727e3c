//! Answers in the shapes of the three APIs.

use partita_provider::model::Vendor;
use serde_json::{Value, json};

/// The vendors whose shapes differ.
pub(crate) const VENDORS: [Vendor; 3] = [Vendor::OpenAi, Vendor::Anthropic, Vendor::Gemini];

pub(crate) fn label(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Anthropic => "anthropic",
        Vendor::Gemini => "gemini",
        _ => "openai",
    }
}

/// A scripted answer.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    pub(crate) texts: Vec<&'static str>,
    pub(crate) thoughts: Vec<&'static str>,
    /// Name, and the pieces of the arguments.
    pub(crate) calls: Vec<(&'static str, Vec<&'static str>)>,
    /// In the vendor's words; nothing when the answer breaks off.
    pub(crate) finish: Option<&'static str>,
    pub(crate) uncounted: bool,
}

impl Answer {
    pub(crate) fn text(texts: &[&'static str]) -> Self {
        Self { texts: texts.to_vec(), ..Self::default() }
    }
}

/// Why an answer ends, in a vendor's words.
pub(crate) fn finish(vendor: Vendor, what: &str) -> &'static str {
    match (vendor, what) {
        (Vendor::Anthropic, "stop") => "end_turn",
        (Vendor::Anthropic, "length") => "max_tokens",
        (Vendor::Anthropic, "tools") => "tool_use",
        (Vendor::Anthropic, "filter") => "refusal",
        (Vendor::Gemini, "length") => "MAX_TOKENS",
        (Vendor::Gemini, "filter") => "SAFETY",
        (Vendor::Gemini, _) => "STOP",
        (_, "length") => "length",
        (_, "tools") => "tool_calls",
        (_, "filter") => "content_filter",
        _ => "stop",
    }
}

fn event(name: Option<&str>, data: &Value) -> String {
    match name {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }
}

/// The text of the stream that carries an answer.
pub(crate) fn events(vendor: Vendor, answer: &Answer) -> String {
    match vendor {
        Vendor::Anthropic => anthropic(answer),
        Vendor::Gemini => gemini(answer),
        _ => openai(answer),
    }
}

fn openai(answer: &Answer) -> String {
    let delta = |delta: Value, finish: Option<&str>| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        event(None, &json!({ "id": "c1", "object": "chat.completion.chunk", "choices": [choice] }))
    };
    let mut text = delta(json!({ "role": "assistant", "content": "" }), None);
    for thought in &answer.thoughts {
        text += &delta(json!({ "reasoning_content": thought }), None);
    }
    for piece in &answer.texts {
        text += &delta(json!({ "content": piece }), None);
    }
    for (index, (name, arguments)) in answer.calls.iter().enumerate() {
        let start = json!({ "index": index, "id": format!("id{index}"), "type": "function", "function": { "name": name, "arguments": "" } });
        text += &delta(json!({ "tool_calls": [start] }), None);
        for piece in arguments {
            let call = json!({ "index": index, "function": { "arguments": piece } });
            text += &delta(json!({ "tool_calls": [call] }), None);
        }
    }
    if let Some(finish) = answer.finish {
        text += &delta(json!({}), Some(finish));
        if !answer.uncounted {
            text += &event(None, &json!({ "choices": [], "usage": { "prompt_tokens": 11, "completion_tokens": 5 } }));
        }
        text += "data: [DONE]\n\n";
    }
    text
}

fn anthropic(answer: &Answer) -> String {
    let typed = |value: Value| event(value["type"].as_str(), &value);
    let usage = if answer.uncounted {
        json!({})
    } else {
        json!({ "input_tokens": 8, "cache_read_input_tokens": 3, "output_tokens": 1 })
    };
    let mut text =
        typed(json!({ "type": "message_start", "message": { "role": "assistant", "content": [], "usage": usage } }));
    text += &typed(json!({ "type": "ping" }));
    let mut index = 0;
    let mut block = |start: Value, deltas: Vec<Value>| {
        let mut text = typed(json!({ "type": "content_block_start", "index": index, "content_block": start }));
        for delta in deltas {
            text += &typed(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        }
        text += &typed(json!({ "type": "content_block_stop", "index": index }));
        index += 1;
        text
    };
    if !answer.thoughts.is_empty() {
        let deltas = answer.thoughts.iter().map(|thought| json!({ "type": "thinking_delta", "thinking": thought }));
        text += &block(json!({ "type": "thinking", "thinking": "" }), deltas.collect());
    }
    if !answer.texts.is_empty() {
        let deltas = answer.texts.iter().map(|piece| json!({ "type": "text_delta", "text": piece }));
        text += &block(json!({ "type": "text", "text": "" }), deltas.collect());
    }
    for (number, (name, arguments)) in answer.calls.iter().enumerate() {
        let deltas = arguments.iter().map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }));
        let start = json!({ "type": "tool_use", "id": format!("id{number}"), "name": name, "input": {} });
        text += &block(start, deltas.collect());
    }
    if let Some(finish) = answer.finish {
        let usage = if answer.uncounted { json!({}) } else { json!({ "output_tokens": 5 }) };
        text += &typed(json!({ "type": "message_delta", "delta": { "stop_reason": finish }, "usage": usage }));
        text += &typed(json!({ "type": "message_stop" }));
    }
    text
}

fn gemini(answer: &Answer) -> String {
    let parts =
        |parts: Value| event(None, &json!({ "candidates": [{ "content": { "role": "model", "parts": parts } }] }));
    let mut text = String::new();
    for thought in &answer.thoughts {
        text += &parts(json!([{ "text": thought, "thought": true }]));
    }
    for piece in &answer.texts {
        text += &parts(json!([{ "text": piece }]));
    }
    for (name, arguments) in &answer.calls {
        let args: Value = serde_json::from_str(&arguments.concat()).unwrap_or_else(|_| json!({}));
        text += &parts(json!([{ "functionCall": { "name": name, "args": args }, "thoughtSignature": "sig" }]));
    }
    if let Some(finish) = answer.finish {
        let mut last = json!({ "candidates": [{ "finishReason": finish, "content": {} }] });
        if !answer.uncounted {
            last["usageMetadata"] =
                json!({ "promptTokenCount": 11, "candidatesTokenCount": 3, "thoughtsTokenCount": 2 });
        }
        text += &event(None, &last);
    }
    text
}
