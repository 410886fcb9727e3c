//! A server that follows a script, byte by byte: one reply per connection, in order.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// One thing that the server does after it has read a request.
#[derive(Clone)]
pub(crate) enum Act {
    Send(Vec<u8>),
    /// Says nothing more until the client goes away.
    Hang,
    /// Sends this again and again until the client goes away.
    Endless(Vec<u8>),
}

/// A reply; the connection is closed after its last act.
pub(crate) type Reply = Vec<Act>;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// `POST /v1/chat/completions`
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A running server.
pub(crate) struct Server {
    /// Where it listens, without a path.
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    /// One message for every client that went away while the server was hanging or sending.
    gone: mpsc::UnboundedReceiver<()>,
}

impl Server {
    /// Listens, and answers each connection with the next reply; further connections are closed at once.
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (tx, gone) = mpsc::unbounded_channel();
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut replies = replies.into_iter();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, replies.next(), Arc::clone(&seen), tx.clone()));
            }
        });
        Self { url, requests, gone }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until a client has closed its connection in the middle of a reply.
    pub(crate) async fn client_has_gone(&mut self) {
        self.gone.recv().await.unwrap();
    }
}

async fn serve(
    mut stream: TcpStream,
    reply: Option<Reply>,
    seen: Arc<Mutex<Vec<Request>>>,
    gone: mpsc::UnboundedSender<()>,
) {
    let Some(request) = read_request(&mut stream).await else { return };
    seen.lock().unwrap().push(request);
    for act in reply.unwrap_or_default() {
        match act {
            Act::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    let _ = gone.send(());
                    return;
                }
                // Each piece travels alone, so that the client sees it cut where the script cuts it.
                let _ = stream.flush().await;
                tokio::task::yield_now().await;
            }
            Act::Hang => {
                let mut rest = [0; 64];
                while matches!(stream.read(&mut rest).await, Ok(read) if read > 0) {}
                let _ = gone.send(());
                return;
            }
            Act::Endless(bytes) => {
                while stream.write_all(&bytes).await.is_ok() {}
                let _ = gone.send(());
                return;
            }
        }
    }
    let _ = stream.shutdown().await;
}

async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes[head_end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { line, headers, body: serde_json::from_slice(&body).unwrap() })
}

/// A whole reply with a body of known length.
pub(crate) fn whole(status: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    vec![Act::Send(format!("{text}\r\n{body}").into_bytes())]
}

/// A JSON body.
pub(crate) fn json(status: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
    let headers: Vec<(&str, &str)> = [("content-type", "application/json")].iter().chain(headers).copied().collect();
    whole(status, &headers, &body.to_string())
}

/// The head of a stream of events.
pub(crate) fn stream_head() -> Act {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    Act::Send(head.as_bytes().to_vec())
}

/// A piece of a stream.
pub(crate) fn chunk(bytes: &[u8]) -> Act {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    Act::Send(chunk)
}

/// The formal end of a stream.
pub(crate) fn stream_end() -> Act {
    Act::Send(b"0\r\n\r\n".to_vec())
}

/// A stream of events that ends as it should.
pub(crate) fn stream(text: &str) -> Reply {
    vec![stream_head(), chunk(text.as_bytes()), stream_end()]
}
