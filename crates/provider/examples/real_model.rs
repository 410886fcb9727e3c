//! Drives a real OpenAI-compatible server through the gateway, says what held and what did not, and
//! records its answers byte by byte. `scripts/models.sh` starts the server.
//!
//! ```text
//! real_model --url http://127.0.0.1:18080/v1 --key KEY --suite plumbing|tools [--record DIR]
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use partita_provider::model::{
    AnswerSchema, ApiKey, ChatAnswer, ChatEvent, ChatRequest, Clock, Finish, Gateway, GatewayConfig, Message,
    ModelConfig, ToolSpec, Vendor,
};
use partita_provider::{Call, DraftError, ModelFailure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Larger than the 8,192 tokens of context that the server is started with.
const TOO_MANY_WORDS: usize = 20_000;

struct Options {
    url: String,
    key: String,
    suite: String,
    record: Option<PathBuf>,
}

fn options() -> Option<Options> {
    let mut options = Options { url: String::new(), key: String::new(), suite: String::new(), record: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next()?;
        match name.as_str() {
            "--url" => options.url = value,
            "--key" => options.key = value,
            "--suite" => options.suite = value,
            "--record" => options.record = Some(PathBuf::from(value)),
            _ => return None,
        }
    }
    (!options.url.is_empty() && !options.suite.is_empty()).then_some(options)
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(options) = options() else {
        println!("usage: real_model --url URL --key KEY --suite plumbing|tools [--record DIR]");
        return ExitCode::from(2);
    };
    let suite = Suite { options };
    let failures = match suite.options.suite.as_str() {
        "tools" => suite.tools().await,
        _ => suite.plumbing().await,
    };
    println!("{failures} failed");
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Suite {
    options: Options,
}

type Heard = (usize, Result<ChatAnswer, DraftError>);

impl Suite {
    /// What the smallest model is good for: everything but sense.
    async fn plumbing(&self) -> u32 {
        let mut failures = 0;
        let mut report = |name: &str, heard: &Heard, holds: bool| failures += u32::from(!say(name, heard, holds));
        let limited =
            |tokens| ChatRequest { tokens_max: Some(tokens), temperature: Some(0.0), ..question("Say hello.") };

        let heard = self.ask("stream", limited(40), &self.options.key).await;
        report("streams, and counts tokens", &heard, heard.0 > 1 && counted(&heard));

        let heard = self.ask("length", limited(3), &self.options.key).await;
        report("is cut at its limit of tokens", &heard, finish(&heard) == Some(Finish::Length));

        let request = ChatRequest { schema: Some(schema()), ..limited(200) };
        let heard = self.ask("schema", request, &self.options.key).await;
        let parsed = heard.1.as_ref().ok().and_then(|answer| serde_json::from_str::<Value>(&answer.text).ok());
        report("is held to a schema", &heard, parsed.is_some_and(|value| value["fine"].is_boolean()));

        let heard = self.ask("bad-key", limited(3), "sk-wrong").await;
        report("refuses a wrong key", &heard, matches!(failure(&heard), Some(ModelFailure::Unauthorized)));

        let request = ChatRequest { tokens_max: Some(3), ..question(&"word ".repeat(TOO_MANY_WORDS)) };
        let heard = self.ask("overflow", request, &self.options.key).await;
        report(
            "says that a text is too long",
            &heard,
            matches!(failure(&heard), Some(ModelFailure::ContextOverflow { .. })),
        );

        let (took, usage) = self.cancel().await;
        println!(
            "{} leaves a chat in the middle: {took:?}, {usage} tokens charged",
            if usage > 0 { "ok    " } else { "FAILED" }
        );
        failures + u32::from(usage == 0)
    }

    /// What a model that knows tools is good for.
    async fn tools(&self) -> u32 {
        let mut failures = 0;
        let request = ChatRequest {
            tools: vec![tool()],
            temperature: Some(0.0),
            tokens_max: Some(200),
            ..question("Look up the schema of the tool pg_dump with describe_tool.")
        };
        let heard = self.ask("tool-call", request, &self.options.key).await;
        let calls = heard.1.as_ref().map(|answer| answer.calls.clone()).unwrap_or_default();
        let holds =
            calls.first().is_some_and(|call| call.name == "describe_tool" && call.arguments["name"].is_string());
        failures +=
            u32::from(!say("calls a tool with arguments", &heard, holds && finish(&heard) == Some(Finish::ToolCalls)));

        let mut request = ChatRequest {
            tools: vec![tool()],
            temperature: Some(0.0),
            tokens_max: Some(100),
            ..question("Look up the schema of the tool pg_dump with describe_tool, then say what it does.")
        };
        request.messages.push(Message::Assistant { text: String::new(), calls: calls.clone() });
        for call in calls {
            let content = json!({ "description": "dumps a PostgreSQL database" }).to_string();
            request.messages.push(Message::ToolResult { call_id: call.id, name: call.name, content });
        }
        // What it says to the result is its own affair; that it takes the result is what counts.
        let heard = self.ask("tool-result", request, &self.options.key).await;
        failures += u32::from(!say("takes what a tool answered", &heard, heard.1.is_ok()));
        failures
    }

    async fn ask(&self, name: &str, request: ChatRequest, key: &str) -> Heard {
        let url = self.url(name).await;
        let gateway = gateway(url, key);
        let Some(model) = gateway.model("real") else { return (0, Err(no_model())) };
        let call = Call { retries_max: 0, ..Call::default() };
        let mut chat = model.chat(request, &call);
        let mut pieces = 0;
        while let Some(event) = chat.next().await {
            match event {
                Ok(ChatEvent::End(answer)) => return (pieces, Ok(answer)),
                Ok(_) => pieces += 1,
                Err(error) => return (pieces, Err(error)),
            }
        }
        (pieces, Err(no_model()))
    }

    /// Leaves after the first piece, and tells how long leaving took and what was charged.
    async fn cancel(&self) -> (Duration, u64) {
        let gateway = gateway(self.options.url.clone(), &self.options.key);
        let Some(model) = gateway.model("real") else { return (Duration::ZERO, 0) };
        let call = Call::default();
        let mut chat = model.chat(question("Count from one to one thousand, in words."), &call);
        let _ = chat.next().await;
        let began = Instant::now();
        drop(chat);
        (began.elapsed(), call.meter.used().tokens())
    }

    /// Where to ask: the server itself, or a recorder before it.
    async fn url(&self, name: &str) -> String {
        let Some(directory) = &self.options.record else { return self.options.url.clone() };
        let upstream = self.options.url.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
        match record(upstream, directory.join(format!("{name}.http"))).await {
            Ok(address) => format!("http://{address}/v1"),
            Err(_) => self.options.url.clone(),
        }
    }
}

/// Listens, passes one connection on, and keeps what comes back.
async fn record(upstream: String, file: PathBuf) -> std::io::Result<std::net::SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let (client, _) = listener.accept().await?;
        let server = TcpStream::connect(upstream).await?;
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
        let mut kept = Vec::new();
        let mut buffer = vec![0; 65_536];
        loop {
            let read = from_server.read(&mut buffer).await?;
            if read == 0 {
                return Ok::<(), std::io::Error>(());
            }
            kept.extend_from_slice(&buffer[..read]);
            // Before it is passed on: whoever has read the end may end the program.
            std::fs::write(&file, &kept)?;
            to_client.write_all(&buffer[..read]).await?;
        }
    });
    Ok(address)
}

fn gateway(url: String, key: &str) -> Gateway {
    let mut config = ModelConfig::new("real", Vendor::OpenAiCompatible);
    config.url = Some(url);
    config.api_key = Some(ApiKey::new(key));
    let clock = Clock::new(Arc::new(|| 0), Arc::new(|| 0));
    Gateway::new(&GatewayConfig { models: vec![config] }, &|_| None, &clock).unwrap_or_else(|errors| {
        println!("{errors:?}");
        std::process::exit(2)
    })
}

fn no_model() -> DraftError {
    DraftError::Unavailable { message: "the chat ended without an end".to_owned() }
}

fn question(text: &str) -> ChatRequest {
    let messages = vec![Message::System("You are brief.".into()), Message::User(text.to_owned())];
    ChatRequest { messages, ..ChatRequest::default() }
}

fn schema() -> AnswerSchema {
    let schema = json!({ "type": "object", "required": ["fine", "word"], "additionalProperties": false, "properties": {
        "fine": { "type": "boolean" },
        "word": { "type": "string", "enum": ["hello", "goodbye"] },
    } });
    AnswerSchema { name: "greeting".to_owned(), schema }
}

fn tool() -> ToolSpec {
    let parameters = json!({ "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } });
    ToolSpec { name: "describe_tool".into(), description: "Gives the schema of a tool.".into(), parameters }
}

fn finish(heard: &Heard) -> Option<Finish> {
    heard.1.as_ref().ok().map(|answer| answer.finish)
}

fn counted(heard: &Heard) -> bool {
    heard.1.as_ref().is_ok_and(|answer| !answer.usage_estimated && answer.usage.tokens() > 0)
}

fn failure(heard: &Heard) -> Option<&ModelFailure> {
    match &heard.1 {
        Err(DraftError::Model { failure, .. }) => Some(failure),
        _ => None,
    }
}

fn say(name: &str, heard: &Heard, holds: bool) -> bool {
    let mark = if holds { "ok    " } else { "FAILED" };
    match &heard.1 {
        Ok(answer) => {
            let calls: Vec<String> =
                answer.calls.iter().map(|call| format!("{} {}", call.name, call.arguments)).collect();
            let (input, output) = (answer.usage.input_tokens, answer.usage.output_tokens);
            println!(
                "{mark} {name}: {} pieces, {:?}, {input}+{output} tokens, {:?} {calls:?}",
                heard.0, answer.finish, answer.text
            );
        }
        Err(error) => println!("{mark} {name}: {error}"),
    }
    holds
}
