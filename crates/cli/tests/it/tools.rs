//! Every tool of the catalogue is carried out: what its program is called with, how a failure is
//! told, and that it can take a step back. `UPDATE_EXPECT=1` writes `tools.txt` anew.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use expect_test::expect_file;
use serde_json::{Value, json};

use crate::bench::{Bench, KEY, Server};

/// A program that writes down its arguments, each in brackets, and its standard input; its second
/// call fails.
fn recorder(program: &str) -> String {
    format!(
        r#"calls=$(cat "$0.count" 2>/dev/null || echo 0); calls=$((calls + 1)); echo "$calls" > "$0.count"
{{
    printf '{program}'; printf ' [%s]' "$@"; echo
    awk '{{ print "    < " $0 }}'
}} >> "$0.log"
if [ "$calls" = 2 ]; then echo '{program}: it broke' >&2; exit 9; fi"#
    )
}

async fn catalogue(server: &Server) -> Vec<Value> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = reqwest::Client::new().get(format!("{}/tools", server.url)).bearer_auth(KEY);
    let text = request.send().await.unwrap().text().await.unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["tools"].as_array().unwrap().clone()
}

/// Runs one example that goes well, one that fails, and the one that takes the first back.
async fn forth_and_back(server: &Server, tool: &Value, adjust: impl Fn(&mut Value)) -> Value {
    let mut examples = tool["examples"].as_array().unwrap().clone();
    examples.iter_mut().for_each(adjust);
    let (first, last) = (&examples[0], examples.last().unwrap());
    let steps = json!([
        {"name": "does", "tool": tool["name"], "parameters": first,
         "rollback": {"tool": tool["name"], "parameters": last}},
        {"name": "fails", "tool": tool["name"], "parameters": last},
    ]);
    let workflow = json!({"name": "each-tool", "on_failure": "rollback", "steps": steps});
    let (status, run) = server.post("/execute", &json!({"workflow": workflow})).await;
    assert_eq!(status, 200, "{}: {run:#}", tool["name"]);
    assert_eq!(run["status"], "rolled_back", "{}: {run:#}", tool["name"]);
    assert_eq!(run["steps"][0]["status"], "rolled_back", "{}: {run:#}", tool["name"]);
    assert_eq!(run["steps"][1]["status"], "failed", "{}: {run:#}", tool["name"]);
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn each_program_gets_its_arguments_and_its_failure_is_told() {
    let mut bench = Bench::new();
    let server = bench.serve();
    let tools: Vec<Value> = catalogue(&server).await.into_iter().filter(|tool| tool["program"].is_string()).collect();
    drop(server);
    for tool in &tools {
        let program = tool["program"].as_str().unwrap();
        if !["sh", "bash", "python3"].contains(&program) {
            bench.stand_in(program, &recorder(program));
        }
    }
    let server = bench.serve();
    let mut told = String::new();
    for tool in &tools {
        let (name, program) = (tool["name"].as_str().unwrap(), tool["program"].as_str().unwrap());
        if ["sh", "bash", "python3"].contains(&program) {
            continue;
        }
        let run = forth_and_back(&server, tool, |_| {}).await;
        assert_eq!(run["steps"][1]["exit_code"], 9, "{name}: {run:#}");
        let error = run["steps"][1]["error"].as_str().unwrap_or_default();
        let log = bench.file(&format!("bin/{program}.log"));
        let calls = std::fs::read_to_string(&log).unwrap();
        // Several tools may use one program: each begins with a log of its own.
        std::fs::remove_file(log).unwrap();
        std::fs::remove_file(bench.file(&format!("bin/{program}.count"))).unwrap();
        told.push_str(&format!("# {name}: {error}\n{calls}\n"));
    }
    expect_file!["tools.txt"].assert_eq(&told);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_and_files_and_waits_are_carried_out() {
    let bench = Bench::new();
    let server = bench.serve();
    let path = bench.file("note.txt").display().to_string();
    let table = [
        ("shell", json!({"command": "echo out; false"}), json!({"command": "echo hello"})),
        ("bash", json!({"command": "[[ a == b ]]"}), json!({"command": "[[ a == a ]] && echo hello"})),
        ("python", json!({"code": "raise SystemExit(3)"}), json!({"code": "print('hello')"})),
        (
            "file",
            json!({"operation": "read", "path": "/no/such"}),
            json!({"operation": "write", "path": path, "content": "x"}),
        ),
        ("wait", json!({"duration": "never"}), json!({"duration": 0})),
    ];
    for (tool, bad, good) in table {
        let well = json!({"name": "each", "steps": [{"name": "does", "tool": tool, "parameters": good}]});
        let (_, run) = server.post("/execute", &json!({"workflow": well})).await;
        assert_eq!(run["status"], "success", "{tool}: {run:#}");
        let steps = json!([
            {"name": "first", "tool": "wait", "parameters": {"duration": 0}, "rollback": {"tool": tool, "parameters": good}},
            {"name": "fails", "tool": tool, "parameters": bad},
        ]);
        let ill = json!({"name": "each", "on_failure": "rollback", "steps": steps});
        let (status, run) = server.post("/execute", &json!({"workflow": ill})).await;
        if tool == "wait" {
            assert_eq!((status, &run["code"]), (400, &json!("invalid_workflow")), "{run:#}");
        } else {
            assert_eq!((status, &run["status"]), (200, &json!("rolled_back")), "{tool}: {run:#}");
        }
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), "x");
}

/// Answers requests one after the other, the second with a 500, and hands on what it got.
fn web() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (send, requests) = channel();
    std::thread::spawn(move || {
        for (count, stream) in listener.incoming().enumerate() {
            let status = if count % 3 == 1 { "500 Broken" } else { "200 OK" };
            let _ = send.send(answered(stream.unwrap(), status));
        }
    });
    (url, requests)
}

/// Reads a request, answers it, and gives its first line and its body.
fn answered(stream: TcpStream, status: &str) -> String {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
    reader.get_mut().write_all(answer.as_bytes()).unwrap();
    format!("{} {}", first.trim_end(), String::from_utf8(body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_sent_and_their_failure_is_told() {
    let bench = Bench::new();
    let server = bench.serve();
    let tools = catalogue(&server).await;
    for name in ["http", "webhook", "slack"] {
        let (url, requests) = web();
        let tool = tools.iter().find(|tool| tool["name"] == name).unwrap();
        let run = forth_and_back(&server, tool, |parameters| {
            let key = if name == "slack" { "webhook" } else { "url" };
            parameters[key] = json!(url);
        })
        .await;
        let error = run["steps"][1]["error"].as_str().unwrap_or_default();
        assert!(error.contains("500"), "{name}: {error}");
        let got: Vec<String> = requests.try_iter().collect();
        let want = match name {
            "http" => ["GET /hook HTTP/1.1 ", "POST /hook HTTP/1.1 {\"name\":\"one\"}"],
            "webhook" => ["POST /hook HTTP/1.1 {\"status\":\"done\"}"; 2],
            _ => ["POST /hook HTTP/1.1 {\"text\":\"v2.1.0 is out\"}"; 2],
        };
        assert_eq!(got, [want[0], want[1], want[1]], "{name}");
    }
}
