//! A model that answers at once, or never: what is left is the time and the memory of the loop itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A server with the shape of OpenAI's chat completions, on a free port, for as long as it lives.
pub struct Model {
    port: u16,
    asked: Arc<AtomicUsize>,
    serving: tokio::task::JoinHandle<()>,
}

impl Model {
    /// Answers every request with a text, or none when that is absent.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start(text: Option<String>) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, answer) = (Arc::clone(&asked), text.map(|text| Arc::<str>::from(events(&text))));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone(), Arc::clone(&count)));
            }
        });
        Ok(Self { port, asked, serving })
    }

    /// Requests so far.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// The configuration that makes it the model of a server.
    #[must_use]
    pub fn config(&self) -> String {
        format!(
            "models:\n  - {{ name: bench, vendor: openai-compatible, url: 'http://127.0.0.1:{}/v1', api_key: none }}\n\
             requests_per_minute: 10000000\n",
            self.port
        )
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(stream: TcpStream, answer: Option<Arc<str>>, asked: Arc<AtomicUsize>) {
    let mut stream = BufReader::new(stream);
    while request(&mut stream).await.is_some() {
        asked.fetch_add(1, Ordering::Relaxed);
        let Some(answer) = &answer else {
            // Until the caller goes.
            let _ = stream.read_to_end(&mut Vec::new()).await;
            return;
        };
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n", answer.len());
        if stream.write_all(format!("{head}{answer}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads one request; `None` when there is none.
async fn request(stream: &mut BufReader<TcpStream>) -> Option<()> {
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.split_once(':') {
            _ if line.trim().is_empty() => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    stream.read_exact(&mut vec![0; length]).await.ok()?;
    Some(())
}

/// An answer as events of a stream.
fn events(text: &str) -> String {
    let chunk = |choices: Value, usage: Value| {
        let body =
            json!({"id": "c", "object": "chat.completion.chunk", "model": "bench", "choices": choices, "usage": usage});
        format!("data: {body}\n\n")
    };
    [
        chunk(
            json!([{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": null}]),
            Value::Null,
        ),
        chunk(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]), Value::Null),
        chunk(json!([]), json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120})),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat()
}
