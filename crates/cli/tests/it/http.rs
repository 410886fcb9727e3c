//! The API of a real server, from outside.

use std::time::{Duration, Instant};

use expect_test::expect;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::bench::{Bench, KEY, Server};

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

fn ask(server: &Server, method: Method, path: &str) -> RequestBuilder {
    client().request(method, format!("{}{path}", server.url)).bearer_auth(KEY)
}

async fn send(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn greeting(command: &str) -> Value {
    json!({"workflow": {"name": "hello", "steps": [{"name": "greet", "command": command}]}})
}

/// What differs from run to run, told alike.
fn normalised(stream: &str) -> String {
    let mut lines = String::new();
    for line in stream.lines().filter(|line| !line.starts_with(':')) {
        let Some(data) = line.strip_prefix("data: ") else {
            lines.push_str(&format!("{line}\n"));
            continue;
        };
        let mut data: Value = serde_json::from_str(data).unwrap();
        for (key, value) in data.as_object_mut().unwrap() {
            match key.as_str() {
                "run_id" | "timestamp" => *value = json!("…"),
                "duration" => *value = json!(0.0),
                _ => {}
            }
        }
        lines.push_str(&format!("data: {data}\n"));
    }
    lines.trim().to_owned() + "\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_a_run_from_its_beginning_to_its_end() {
    let bench = Bench::new();
    let server = bench.serve();
    let mut body = greeting("echo \"caf\u{e9} $who\"");
    body["parameters"] = json!({"who": "world"});
    body["options"] = json!({"stream": true});
    let (status, stream) = send(ask(&server, Method::POST, "/execute").json(&body)).await;
    assert_eq!(status, 200);
    let stream = stream.as_str().unwrap();
    assert!(stream.is_ascii(), "{stream}");
    expect![[r#"
        id: 2
        event: execution_start
        data: {"workflow":"hello","steps":1,"status":"running","event":"execution_start","type":"execution_start","run_id":"…","seq":2,"timestamp":"…"}

        id: 3
        event: step_start
        data: {"step":"greet","index":0,"event":"step_start","type":"step_start","run_id":"…","seq":3,"timestamp":"…"}

        id: 4
        event: step_output
        data: {"step":"greet","index":0,"output":"café world\n","stream":"stdout","event":"step_output","type":"step_output","run_id":"…","seq":4,"timestamp":"…"}

        id: 6
        event: step_complete
        data: {"step":"greet","index":0,"status":"success","duration":0.0,"exit_code":0,"output":"café world","event":"step_complete","type":"step_complete","run_id":"…","seq":6,"timestamp":"…"}

        id: 7
        event: execution_complete
        data: {"status":"success","duration":0.0,"outputs":{},"event":"execution_complete","type":"execution_complete","run_id":"…","seq":7,"timestamp":"…"}
    "#]].assert_eq(&normalised(stream));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_stream_goes_on_where_it_was_cut() {
    let bench = Bench::new();
    let server = bench.serve();
    let (_, run) = send(ask(&server, Method::POST, "/execute").json(&greeting("seq 1 3"))).await;
    let path = format!("/executions/{}/events", run["run_id"].as_str().unwrap());
    let ids = |stream: &Value| -> Vec<u64> {
        let lines = stream.as_str().unwrap_or_default().lines();
        lines.filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect()
    };
    let (_, whole) = send(ask(&server, Method::GET, &path)).await;
    let all = ids(&whole);
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
    for (index, id) in all.iter().enumerate() {
        let (status, rest) = send(ask(&server, Method::GET, &path).header("last-event-id", id.to_string())).await;
        let expected = &all[index + 1..];
        assert_eq!((status, ids(&rest).as_slice()), (if expected.is_empty() { 204 } else { 200 }, expected));
        let (_, rest) = send(ask(&server, Method::GET, &format!("{path}?starting_after={id}"))).await;
        assert_eq!(ids(&rest).as_slice(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_stops_nothing_and_silence_is_broken() {
    let bench = Bench::new();
    let server = bench.serve();
    let mut body = greeting("sleep 3; echo done > done");
    body["options"] = json!({"stream": true});
    let mut answer = ask(&server, Method::POST, "/execute").json(&body).send().await.unwrap();
    let begun = Instant::now();
    let mut seen = String::new();
    while !seen.contains(": hb") {
        seen.push_str(&String::from_utf8_lossy(&answer.chunk().await.unwrap().unwrap()));
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "a heartbeat comes every two seconds");
    drop(answer);
    let run = seen.split("\"run_id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    loop {
        let (_, shown) = send(ask(&server, Method::GET, &format!("/executions/{run}"))).await;
        if shown["status"] != "running" {
            assert_eq!(shown["status"], "success", "{shown}");
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_answers_are_padded_and_impatient_clients_can_ask_for_none() {
    let bench = Bench::new();
    let server = bench.serve();
    let execute = ask(&server, Method::POST, "/execute").json(&greeting("sleep 4"));
    let text = execute.try_clone().unwrap().send().await.unwrap().text().await.unwrap();
    assert!(text.starts_with(' ') && text.trim_start().starts_with('{'), "{text}");
    let answer = execute.header("prefer", "wait=30").send().await.unwrap();
    assert_eq!(answer.headers().get("preference-applied").unwrap(), "wait=30");
    assert!(answer.text().await.unwrap().starts_with('{'));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_under_the_same_key_is_the_same_run() {
    let bench = Bench::new();
    let server = bench.serve();
    let request =
        |command: &str| ask(&server, Method::POST, "/execute").header("idempotency-key", "k1").json(&greeting(command));
    let (_, first) = send(request("echo 1 >> /dev/null")).await;
    let (_, again) = send(request("echo 1 >> /dev/null")).await;
    assert_eq!(first["run_id"], again["run_id"]);
    let (status, problem) = send(request("echo 2")).await;
    assert_eq!((status, problem["code"].as_str()), (422, Some("idempotency_mismatch")));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_with_what_and_where() {
    let bench = Bench::new();
    let server = bench.serve();
    let post = |path: &str| ask(&server, Method::POST, path);
    let json_body = |text: &str| post("/execute").header("content-type", "application/json").body(text.to_owned());
    let (status, problem) = send(json_body("{\"workflow\": [}")).await;
    assert_eq!((status, problem["code"].as_str()), (400, Some("unparsable_body")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("column 15"), "{problem}");
    let invalid = json!({"workflow": {"name": "x", "steps": [
        {"name": "a", "command": "true", "depends": ["b"]}, {"name": "b", "command": "true", "depends": ["a"]},
        {"name": "c", "tool": "kubctl", "parameters": {"command": "get pods"}},
    ]}, "options": {"stream": true}});
    let (status, problem) = send(post("/execute").json(&invalid)).await;
    let issues = problem["issues"].as_array().unwrap();
    assert!(status == 400 && issues.len() >= 2, "{problem}");
    assert!(problem.to_string().contains("a -> b -> a") || problem.to_string().contains("b -> a -> b"), "{problem}");
    let (status, _) = send(json_body(&format!("{{\"workflow\": \"{}\"}}", "x".repeat(11 << 20)))).await;
    assert_eq!(status, 413);
    let (status, problem) = send(json_body(&format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)))).await;
    assert_eq!(status, 400, "{problem}");
    let (status, problem) =
        send(post("/execute").json(&json!({"workflow": {"name": "x", "steps": []}, "options": {"timeout": "soon"}})))
            .await;
    assert!(status == 400 && problem.to_string().contains("/options/timeout"), "{problem}");
    let (status, _) = send(post("/no/such/thing")).await;
    assert_eq!(status, 404);
    let (status, _) = send(ask(&server, Method::DELETE, "/execute")).await;
    assert_eq!(status, 405);
    let (status, _) = send(ask(&server, Method::GET, "/executions/exec_00000000000000000000000000")).await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_open_what_their_scopes_say_and_no_other_tenant() {
    let bench = Bench::new();
    let server = bench.serve();
    let url = |path: &str| format!("{}{path}", server.url);
    let answer = client().get(url("/executions")).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().contains_key("www-authenticate"));
    let (_, run) = send(ask(&server, Method::POST, "/execute").json(&greeting("echo mine"))).await;
    let make = |body: Value| ask(&server, Method::POST, "/keys").json(&body);
    let (status, key) = send(make(json!({"name": "tools", "scopes": ["read", "execute"], "tenant": "other"}))).await;
    assert_eq!(status, 201, "{key}");
    let secret = key["key"].as_str().unwrap().to_owned();
    let other = |method: Method, path: &str| {
        client().request(method, url(path)).header("authorization", format!("UserKey {secret}"))
    };
    let (status, problem) = send(other(Method::POST, "/execute").json(&greeting("echo hi"))).await;
    assert!(status == 403 && problem.to_string().contains("execute:code"), "{problem}");
    let wait =
        json!({"workflow": {"name": "w", "steps": [{"name": "w", "tool": "wait", "parameters": {"duration": "0"}}]}});
    let (status, done) = send(other(Method::POST, "/execute").json(&wait)).await;
    assert_eq!((status, &done["status"]), (200, &json!("success")), "{done}");
    let path = format!("/executions/{}", run["run_id"].as_str().unwrap());
    for path in [path.clone(), format!("{path}/events"), format!("{path}/steps/greet/logs")] {
        assert_eq!(send(other(Method::GET, &path)).await.0, 404, "{path}");
    }
    assert_eq!(send(other(Method::POST, &format!("{path}/cancel"))).await.0, 404);
    let revoke = ask(&server, Method::DELETE, &format!("/keys/{}", key["id"].as_str().unwrap()));
    assert_eq!(send(revoke).await.0, 204);
    assert_eq!(send(other(Method::GET, "/executions")).await.0, 401);
    let listed = send(ask(&server, Method::GET, "/keys")).await.1;
    assert!(!listed.to_string().contains(&secret), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_decide_pause_and_cancel() {
    let bench = Bench::new();
    let server = bench.serve();
    let workflow = json!({"name": "w", "steps": [
        {"name": "ask", "approval": {"message": "go on?"}}, {"name": "work", "command": "sleep 600"},
    ]});
    let body = json!({"workflow": workflow, "options": {"stream": true}});
    let mut answer = ask(&server, Method::POST, "/execute").json(&body).send().await.unwrap();
    let mut seen = String::new();
    let mut until = async |text: &str| {
        while !seen.contains(text) {
            let chunk = answer.chunk().await.unwrap().unwrap_or_else(|| panic!("ended before {text}: {seen}"));
            seen.push_str(&String::from_utf8_lossy(&chunk));
        }
        seen.clone()
    };
    let text = until("approval_requested").await;
    let field =
        |name: &str| text.split(&format!("\"{name}\":\"")).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (run, approval) = (field("run_id"), field("approval_id"));
    let path = |rest: &str| format!("/executions/{run}{rest}");
    let post = |rest: &str, body: Value| send(ask(&server, Method::POST, &path(rest)).json(&body));
    assert_eq!(post("/pause", json!({})).await.1["status"], "paused");
    let (status, _) = post(&format!("/approvals/{approval}"), json!({"decision": "approve", "comment": "go"})).await;
    assert_eq!(status, 200);
    assert_eq!(post(&format!("/approvals/{approval}"), json!({"decision": "approve"})).await.0, 404);
    post("/resume", json!({})).await;
    until("\"step\":\"work\"").await;
    post("/cancel", json!({"reason": "enough"})).await;
    let text = until("execution_complete").await;
    assert!(text.contains("\"status\":\"cancelled\"") && text.contains("enough"), "{text}");
    assert_eq!(post("/cancel", json!({})).await.0, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_seen_needs_leave_and_a_dry_run_starts_nothing() {
    let bench = Bench::new();
    let server = bench.serve();
    let compose = |options: Value| {
        let body = json!({"task": "run `touch done`", "mode": "act", "stream": false, "options": options});
        send(ask(&server, Method::POST, "/compose").json(&body))
    };
    let (status, problem) = compose(json!({})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("needs_approval")), "{problem}");
    assert!(problem["risk"].is_array() && problem["workflow"]["steps"].is_array(), "{problem}");
    let mut dry = greeting("touch done");
    dry["options"] = json!({"dry_run": true});
    let (status, answer) = send(ask(&server, Method::POST, "/execute").json(&dry)).await;
    assert_eq!((status, &answer["dry_run"]), (200, &json!(true)), "{answer}");
    let (_, listed) = send(ask(&server, Method::GET, "/executions")).await;
    assert_eq!(listed["executions"], json!([]));
    let (status, answer) = compose(json!({"allow": ["unknown"]})).await;
    assert_eq!((status, &answer["execution_result"]["status"]), (200, &json!("success")), "{answer}");
}
