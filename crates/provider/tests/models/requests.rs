//! What goes over the wire.

use std::fmt::Write as _;

use expect_test::expect_file;
use partita_provider::Call;
use partita_provider::model::{AnswerSchema, ChatRequest, Message, SchemaSupport, ToolCall, ToolSpec, Vendor};
use serde_json::json;

use crate::server::{Request, Server, stream};
use crate::shapes::{Answer, events, finish};
use crate::talk::{model, question, talk};

const ALL: [(&str, Vendor); 8] = [
    ("openai", Vendor::OpenAi),
    ("anthropic", Vendor::Anthropic),
    ("gemini", Vendor::Gemini),
    ("together", Vendor::Together),
    ("groq", Vendor::Groq),
    ("deepseek", Vendor::DeepSeek),
    ("ollama", Vendor::Ollama),
    ("openai-compatible", Vendor::OpenAiCompatible),
];

fn schema() -> AnswerSchema {
    let step = json!({ "type": "object", "required": ["name"], "properties": {
        "name": { "type": "string", "minLength": 1 },
        "timeout": { "type": "integer" },
    } });
    let schema = json!({ "type": "object", "required": ["steps"], "properties": {
        "steps": { "type": "array", "items": step },
    } });
    AnswerSchema { name: "a workflow".to_owned(), schema }
}

fn tools() -> Vec<ToolSpec> {
    let parameters = json!({ "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } });
    vec![
        ToolSpec { name: "look".into(), description: "Looks a tool up.".into(), parameters },
        ToolSpec { name: "templates".into(), description: "Lists templates.".into(), parameters: json!(null) },
    ]
}

/// A chat in which everything occurs.
fn history() -> Vec<Message> {
    let call = |id: &str, arguments, signature: Option<&str>| ToolCall {
        id: id.to_owned(),
        name: "look".to_owned(),
        arguments,
        signature: signature.map(str::to_owned),
    };
    let result = |id: &str, content: &str| Message::ToolResult {
        call_id: id.to_owned(),
        name: "look".to_owned(),
        content: content.to_owned(),
    };
    vec![
        Message::System("You write workflows.".into()),
        Message::System("Only JSON.".into()),
        Message::User("Back up the database.".into()),
        Message::User("<context>{\"db\": \"shop\"}</context>".into()),
        Message::Assistant { text: "I'll lo".into(), calls: Vec::new() },
        Message::Assistant {
            text: "ok.".into(),
            calls: vec![
                call("id0", json!({ "name": "pg_dump" }), Some("sig")),
                call("partita_call_1", json!("{\"na"), None),
            ],
        },
        result("id0", "{\"runs\": \"pg_dump\"}"),
        result("partita_call_1", "no such tool"),
        Message::User("Go on.".into()),
    ]
}

async fn sent(vendor: Vendor, request: ChatRequest) -> Request {
    let answer = Answer { finish: Some(finish(vendor, "stop")), ..Answer::text(&["{}"]) };
    let server = Server::start(vec![stream(&events(vendor, &answer))]).await;
    let talk = talk(vec![model("vendor/Model-70B-high", vendor, &server)], request, Call::default()).await;
    assert_eq!(talk.ended.unwrap().text, "{}");
    server.requests().remove(0)
}

fn show(request: &Request) -> String {
    let mut text = format!("{}\n", request.line);
    for name in ["authorization", "x-api-key", "x-goog-api-key", "anthropic-version", "accept", "content-type"] {
        if let Some(value) = request.header(name) {
            let _ = writeln!(text, "{name}: {value}");
        }
    }
    let _ = writeln!(text, "{}\n", serde_json::to_string_pretty(&request.body).unwrap());
    text
}

#[tokio::test]
async fn every_vendor_is_asked_in_its_own_words() {
    let mut text = String::new();
    for (name, vendor) in &ALL[..3] {
        let request = ChatRequest {
            messages: history(),
            tools: tools(),
            schema: Some(schema()),
            temperature: Some(0.0),
            vary: false,
            tokens_max: Some(900),
        };
        let _ = writeln!(text, "=== {name}: everything at once");
        text += &show(&sent(*vendor, request).await);
    }
    for (name, vendor) in ALL {
        let request = ChatRequest { schema: Some(schema()), ..question() };
        let _ = writeln!(text, "=== {name}: a schema");
        text += &show(&sent(vendor, request).await);
    }
    expect_file!["../../testdata/wire/requests.txt"].assert_eq(&text);
}

#[tokio::test]
async fn another_answer_is_asked_for_only_where_a_temperature_is_set() {
    for (set, sent_as) in [(Some(0.0), json!(0.7)), (Some(1.2), json!(1.2)), (None, serde_json::Value::Null)] {
        let request = ChatRequest { temperature: set, vary: true, ..question() };
        assert_eq!(sent(Vendor::OpenAi, request).await.body["temperature"], sent_as);
    }
}

#[tokio::test]
async fn a_schema_that_can_not_be_closed_is_not_called_strict() {
    let open = json!({ "type": "object", "properties": { "parameters": { "type": "object" } } });
    let request = ChatRequest { schema: Some(AnswerSchema { name: "w".into(), schema: open.clone() }), ..question() };
    let body = sent(Vendor::OpenAi, request.clone()).await.body;
    assert_eq!(body["response_format"]["json_schema"], json!({ "name": "w", "strict": false, "schema": open }));
    let body = sent(Vendor::Anthropic, request).await.body;
    assert!(body.get("output_config").is_none());
    assert!(body["system"].as_str().unwrap().contains(&open.to_string()));
}

#[tokio::test]
async fn tools_and_a_schema_go_together_only_where_the_vendor_can() {
    let request = ChatRequest { schema: Some(schema()), tools: tools(), ..question() };
    for (name, vendor) in ALL {
        let body = sent(vendor, request.clone()).await.body.to_string();
        let held =
            body.contains("response_format") || body.contains("output_config") || body.contains("responseMimeType");
        assert_eq!(held, ["openai", "anthropic"].contains(&name), "{name}");
        assert_eq!(body.contains("It must fit this JSON Schema"), !held, "{name}");
    }
}

#[tokio::test]
async fn the_configuration_decides_how_a_model_is_held_to_a_schema() {
    let vendor = Vendor::OpenAiCompatible;
    for (support, format) in
        [(SchemaSupport::JsonObject, json!({ "type": "json_object" })), (SchemaSupport::Prompt, json!(null))]
    {
        let answer = Answer { finish: Some("stop"), ..Answer::text(&["{}"]) };
        let server = Server::start(vec![stream(&events(vendor, &answer))]).await;
        let mut config = model("m", vendor, &server);
        config.schema = Some(support);
        config.tokens_max = Some(50);
        config.temperature = Some(0.25);
        config.model = Some("other-name".to_owned());
        let request = ChatRequest { schema: Some(schema()), tokens_max: Some(100), ..question() };
        talk(vec![config], request, Call::default()).await.ended.unwrap();
        let body = &server.requests()[0].body;
        assert_eq!(body["response_format"], format);
        assert_eq!((&body["max_tokens"], &body["temperature"]), (&json!(50), &json!(0.25)));
        assert_eq!(body["model"], "other-name");
        assert!(body["messages"][0]["content"].as_str().unwrap().contains("It must fit this JSON Schema"));
    }
}
