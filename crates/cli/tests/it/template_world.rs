//! Templates about hosts, names, logs, accounts and messages run, for real where that hurts nobody.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use serde_json::json;

use crate::bench::Bench;

/// Answers every request; those whose body says `fail` with a 500. Hands on the bodies.
fn web() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (send, bodies) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).unwrap_or(0) > 2 {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();
            let status = if body.contains("fail") { "500 Broken" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
            let _ = reader.get_mut().write_all(answer.as_bytes());
            let _ = send.send(body);
        }
    });
    (url, bodies)
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_sent_and_a_refusal_is_a_failure() {
    let (url, bodies) = web();
    let mut bench = Bench::new();
    bench.secret("SLACK_WEBHOOK", &url);
    bench.stand_in(
        "sendmail",
        "text=$(cat); echo \"$text\" >> \"$HOME/mails\"; case \"$text\" in *'please fail'*) exit 75 ;; esac",
    );
    let server = bench.serve();
    let table = [
        ("notify-slack", json!({"text": "v2 is \"out\""}), "{\"text\":\"v2 is \\\"out\\\"\"}"),
        (
            "notify-slack",
            json!({"text": "v2 is out", "channel": "#ops"}),
            "{\"text\":\"v2 is out\",\"channel\":\"#ops\"}",
        ),
        ("notify-webhook", json!({"url": url, "text": "v2 is out"}), "{\"text\":\"v2 is out\",\"run\":\"exec_"),
    ];
    for (id, parameters, expected) in table {
        let run = server.run_template(id, &parameters).await;
        assert_eq!(run["status"], "success", "{id}: {run:#}");
        let body = bodies.recv().unwrap();
        assert!(body.starts_with(expected), "{id}: {body}");
    }
    let run = server.run_template("notify-email", &json!({"to": "ops@example.com", "text": "v2 is out"})).await;
    assert_eq!(run["status"], "success", "{run:#}");
    let mail = std::fs::read_to_string(bench.file("mails")).unwrap();
    assert!(mail.contains("To: ops@example.com") && mail.contains("v2 is out"), "{mail}");
    let failing = [
        ("notify-slack", json!({"text": "fail"})),
        ("notify-webhook", json!({"url": url, "text": "fail"})),
        ("notify-email", json!({"to": "ops@example.com", "text": "please fail"})),
    ];
    for (id, parameters) in failing {
        let mut workflow = server.workflow_of(id, &parameters).await;
        for step in workflow["steps"].as_array_mut().unwrap() {
            step.as_object_mut().unwrap().remove("retry");
        }
        let (_, run) = server.post("/execute", &json!({"workflow": workflow})).await;
        assert_eq!(run["status"], "failed", "{id}: {run:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_ports_and_logs_are_looked_at() {
    let mut bench = Bench::new();
    bench.stand_in("dig", "case \"$*\" in *gone*) ;; *MX*) echo '10 mail.example.com.' ;; *) echo 203.0.113.10; echo 203.0.113.11 ;; esac");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap().port();
    let closed = {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        other.local_addr().unwrap().port()
    };
    let log = bench.file("app.log");
    std::fs::write(&log, "ok\nERROR user 17 not found\nERROR user 18 not found\nfatal: disk\n").unwrap();
    let server = bench.serve();
    let table = [
        ("dns-check", json!({"name": "www.example.com", "expected": "203.0.113.11"}), "success"),
        ("dns-check", json!({"name": "example.com", "record": "MX", "server": "192.0.2.1"}), "success"),
        ("dns-check", json!({"name": "www.example.com", "expected": "203.0.113.99"}), "failed"),
        ("dns-check", json!({"name": "gone.example.com"}), "failed"),
        ("port-check", json!({"host": "127.0.0.1", "port": open}), "success"),
        ("log-analysis", json!({"file": log}), "success"),
        ("log-analysis", json!({"file": log, "errors_max": 2}), "failed"),
        ("log-analysis", json!({"file": log, "errors_max": 3}), "success"),
        ("log-analysis", json!({"file": bench.file("absent.log")}), "failed"),
    ];
    for (id, parameters, expected) in table {
        let run = server.run_template(id, &parameters).await;
        assert_eq!(run["status"], expected, "{id} {parameters}: {run:#}");
        if id == "log-analysis" && expected == "success" {
            assert_eq!(run["outputs"]["errors"], json!(3), "{run:#}");
            assert!(run.to_string().contains("2 ERROR user <n> not found"), "{run:#}");
        }
    }
    assert!(bench.calls().contains("dig +short +time=5 +tries=2 @192.0.2.1 example.com MX"), "{}", bench.calls());
    let mut workflow =
        server.workflow_of("port-check", &json!({"host": "127.0.0.1", "port": closed, "seconds": 1})).await;
    workflow["steps"][0].as_object_mut().unwrap().remove("retry");
    let (_, run) = server.post("/execute", &json!({"workflow": workflow})).await;
    assert_eq!(run["status"], "failed", "{run:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_locked_and_its_home_archived_or_it_is_unlocked_again() {
    let mut bench = Bench::new();
    std::fs::create_dir_all(bench.file("homes/jdoe")).unwrap();
    std::fs::write(bench.file("homes/jdoe/notes.txt"), "notes").unwrap();
    bench.stand_in(
        "id",
        "case \"$*\" in *root*) echo 0 ;; *ghost*) echo 'no such user' >&2; exit 1 ;; *) echo 1001 ;; esac",
    );
    bench.stand_in("getent", "echo \"$2:x:1001:1001::$HOME/homes/$2:/bin/sh\"");
    bench.stand_in("usermod", "true");
    bench.stand_in("pkill", "exit 1");
    let server = bench.serve();
    let archives = bench.file("archives");
    let table = [("jdoe", "success"), ("root", "rolled_back"), ("ghost", "rolled_back"), ("homeless", "rolled_back")];
    for (user, expected) in table {
        let run = server.run_template("user-offboarding", &json!({"user": user, "destination": archives})).await;
        assert_eq!(run["status"], expected, "{user}: {run:#}");
    }
    let calls = bench.calls();
    assert!(
        calls.contains("usermod --lock --expiredate 1 jdoe") && !calls.contains("--unlock --expiredate  jdoe"),
        "{calls}"
    );
    assert!(calls.contains("usermod --unlock --expiredate  homeless"), "{calls}");
    assert!(!calls.contains("expiredate 1 root") && !calls.contains("expiredate 1 ghost"), "{calls}");
    assert_eq!(std::fs::read_dir(archives).unwrap().count(), 1, "one whole archive, and no half of one");
}
