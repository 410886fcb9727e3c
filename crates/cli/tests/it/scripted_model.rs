//! A model that says what a test wants, in the shape of OpenAI's chat completions.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What the model does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Answers with this text.
    Text(String),
    /// Calls a tool with arguments.
    Call(&'static str, Value),
    /// Answers with a status and no chat.
    Status(u16),
    /// Takes the request and says nothing until the caller goes away.
    Silence,
}

/// A server on a free port. The last reply is given again and again.
pub(crate) struct ScriptedModel {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl ScriptedModel {
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let replies = Arc::new(Mutex::new(replies.into_iter().collect::<VecDeque<_>>()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (replies, heard) = (Arc::clone(&replies), Arc::clone(&heard));
                std::thread::spawn(move || serve(stream, &replies, &heard));
            }
        });
        Self { url, seen }
    }

    /// The bodies of all requests so far.
    pub(crate) fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    /// The section of a configuration file that makes it the only model, `scripted`.
    pub(crate) fn config(&self) -> String {
        format!(
            "models:\n  - name: scripted\n    vendor: openai-compatible\n    url: {}\n    api_key: sk-scripted-key\n    price: {{input: 1, output: 2}}\n",
            self.url
        )
    }
}

fn serve(stream: TcpStream, replies: &Mutex<VecDeque<Reply>>, seen: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let Some(body) = request(&mut reader) else { return };
        seen.lock().unwrap().push(body.clone());
        let reply = {
            let mut replies = replies.lock().unwrap();
            if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }
        };
        let streams = body["stream"] == true;
        let (status, kind, text) = match reply.unwrap_or(Reply::Status(500)) {
            Reply::Silence => {
                let _ = reader.read_to_end(&mut Vec::new());
                return;
            }
            Reply::Status(status) => (status, "application/json", json!({"error": {"message": "no"}}).to_string()),
            Reply::Text(text) => answer(streams, json!({"role": "assistant", "content": text}), "stop"),
            Reply::Call(name, arguments) => {
                let function = json!({"name": name, "arguments": arguments.to_string()});
                let call = json!([{"index": 0, "id": "call_1", "type": "function", "function": function}]);
                answer(streams, json!({"role": "assistant", "content": null, "tool_calls": call}), "tool_calls")
            }
        };
        let head = format!("HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", text.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(text.as_bytes())).is_err() {
            return;
        }
    }
}

fn answer(streams: bool, message: Value, finish: &str) -> (u16, &'static str, String) {
    let usage = json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120});
    if !streams {
        let choice = json!({"index": 0, "message": message, "finish_reason": finish});
        let body =
            json!({"id": "c", "object": "chat.completion", "model": "scripted", "choices": [choice], "usage": usage});
        return (200, "application/json", body.to_string());
    }
    let chunk = |choices: Value, usage: &Value| {
        let body = json!({"id": "c", "object": "chat.completion.chunk", "model": "scripted", "choices": choices, "usage": usage});
        format!("data: {body}\n\n")
    };
    let text = [
        chunk(json!([{"index": 0, "delta": message, "finish_reason": null}]), &Value::Null),
        chunk(json!([{"index": 0, "delta": {}, "finish_reason": finish}]), &Value::Null),
        chunk(json!([]), &usage),
        "data: [DONE]\n\n".to_owned(),
    ];
    (200, "text/event-stream", text.concat())
}

/// The body of the next request; `None` when there is none.
fn request(reader: &mut BufReader<TcpStream>) -> Option<Value> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
