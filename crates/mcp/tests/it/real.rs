//! Servers that others wrote: `server-everything` and `server-filesystem`.

use partita_mcp::{CallFollow, ServerConfig};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::mpsc;

use crate::support::{Http, call, node_server, pool, status, stdio, to};

async fn exercise(config: ServerConfig) {
    let pool = pool(config).await;
    let stands = status(&pool, "every");
    assert_eq!((stands.state, stands.protocol.as_str()), ("connected", "2025-11-25"), "{stands:?}");
    assert!(stands.tools.len() >= 8 && !stands.prompts.is_empty() && !stands.resources.is_empty(), "{stands:?}");
    assert_eq!(call(&pool, "every", "echo", json!({"message": "hi"})).await.unwrap().text, "Echo: hi");
    let sum = call(&pool, "every", "get-sum", json!({"a": 2, "b": "40"})).await.unwrap();
    assert!(sum.text.contains("42"), "{sum:?}");
    let structured = call(&pool, "every", "get-structured-content", json!({"location": "Chicago"})).await.unwrap();
    assert!(structured.structured.is_some_and(|value| value["temperature"].is_number()));
    let (tx, mut rx) = mpsc::channel(64);
    let follow = CallFollow { progress: Some(tx), ..CallFollow::default() };
    let long = to("every", "trigger-long-running-operation", json!({"duration": 1, "steps": 4}));
    let result = pool.call(long, &follow).await.unwrap();
    assert!(!result.is_error, "{result:?}");
    assert!(rx.try_recv().is_ok(), "no progress came");
    pool.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_over_a_pipe() {
    exercise(stdio("every", "node", &[&node_server("everything"), "stdio"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_over_http() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("node");
    command.args([node_server("everything"), "streamableHttp".to_owned()]).env("PORT", free.to_string());
    let mut http = Http::start(&mut command, "listening on port ").await;
    http.url = format!("http://127.0.0.1:{free}/mcp");
    exercise(http.config("every")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_written_and_read_and_kept_inside() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().display().to_string();
    let pool = pool(stdio("files", "node", &[&node_server("filesystem"), &root])).await;
    let path = format!("{root}/note.txt");
    let content = "one\n$(touch pwned) `id` ${HOME}\n";
    let written = call(&pool, "files", "write_file", json!({"path": path, "content": content})).await.unwrap();
    assert!(!written.is_error, "{written:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    let read = call(&pool, "files", "read_text_file", json!({"path": path})).await.unwrap();
    assert_eq!(read.structured.map(|value| value["content"].clone()), Some(Value::String(content.to_owned())));
    let outside = call(&pool, "files", "read_text_file", json!({"path": "/etc/passwd"})).await.unwrap();
    assert!(outside.is_error && outside.text.contains("denied"), "{outside:?}");
    pool.shut_down().await;
}
