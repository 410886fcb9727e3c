//! Providers, sessions and orchestration, from outside.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bench::{Bench, KEY, Server};
use crate::scripted_model::{Reply, ScriptedModel};

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

async fn get(server: &Server, path: &str) -> (u16, Value) {
    let answer = client().get(format!("{}{path}", server.url)).bearer_auth(KEY).send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// A server with this in its configuration file.
fn configured(bench: &Bench, config: &str) -> Server {
    std::fs::create_dir_all(bench.file("data")).unwrap();
    std::fs::write(bench.file("data/partita.yaml"), config).unwrap();
    bench.serve()
}

fn workflow(steps: &[&str]) -> String {
    let steps: Vec<Value> =
        steps.iter().map(|name| json!({"name": name, "tool": "wait", "parameters": {"duration": "0s"}})).collect();
    json!({"name": "made-by-a-model", "steps": steps}).to_string()
}

/// The names of the events of a stream, each once in a row.
fn names(stream: &str) -> Vec<String> {
    let mut names: Vec<String> =
        stream.lines().filter_map(|line| Some(line.strip_prefix("event: ")?.to_owned())).collect();
    names.dedup();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_the_page_gets_the_shape_of_the_page() {
    let mut bench = Bench::new();
    bench.recording(&["kubectl", "helm"]);
    let server = configured(&bench, "runners: {kubernetes-runner: local}\n");
    let (_, providers) = get(&server, "/providers").await;
    assert_eq!(providers["default"], "adk");
    for (name, title, execution) in [("adk", "ADKProvider", true), ("mcp", "MCPProvider", false)] {
        let provider = &providers["providers"][name];
        assert_eq!((&provider["name"], &provider["available"]), (&json!(title), &json!(true)), "{providers}");
        assert_eq!(provider["features"]["execution"], execution);
    }
    let body = json!({
        "task": "Deploy application to Kubernetes", "context": {"environment": "staging", "namespace": "app-staging"},
        "provider": "adk", "options": {"include_validation": true, "format": "yaml"},
    });
    let (status, generated) = server.post("/generate", &body).await;
    assert_eq!(status, 200, "{generated}");
    for key in ["workflow", "validation", "metadata", "workflow_yaml"] {
        assert!(generated.get(key).is_some(), "{key}: {generated}");
    }
    let strategy = json!({
        "generation": {"provider": "adk", "model": "deepseek-ai/DeepSeek-V3"},
        "validation": {"provider": "mcp", "tools": ["kubernetes-validator", "prometheus-validator"]},
        "execution": {"provider": "adk", "runner": "kubernetes-runner"},
    });
    let context = json!({
        "services": ["api", "web", "worker"], "infrastructure": "kubernetes", "monitoring_stack": "prometheus+grafana",
    });
    let body =
        json!({"task": "Set up comprehensive monitoring for microservices", "strategy": strategy, "context": context});
    let (status, orchestrated) = server.post("/orchestrate", &body).await;
    assert_eq!(status, 200, "{orchestrated}");
    assert_eq!(orchestrated["metadata"]["requested_model"], "deepseek-ai/DeepSeek-V3");
    assert_eq!(orchestrated["metadata"]["model"], "builtin/planner");
    assert_eq!(orchestrated["strategy"]["execution"]["runs_on"], "local");
    assert_eq!(orchestrated["execution"]["status"], "success", "{orchestrated}");
    let (status, switched) = server
        .post("/providers/switch", &json!({"provider": "mcp", "config": {"timeout": 60_000, "max_retries": 3}}))
        .await;
    assert_eq!((status, &switched["previous"]), (200, &json!("adk")), "{switched}");
    let (status, refined) = server
        .post(
            "/refine",
            &json!({"workflow": generated["workflow"], "requirements": ["Add health checks after deployment"]}),
        )
        .await;
    assert_eq!(status, 200, "{refined}");
    assert!(refined["metadata"]["notes"].to_string().contains("`mcp` has no refinement"), "{refined}");
    let (status, refused) = server
        .post("/refine", &json!({"workflow": generated["workflow"], "requirements": ["x"], "provider": "mcp"}))
        .await;
    assert_eq!((status, &refused["code"]), (400, &json!("feature_not_supported")), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_makes_a_workflow_in_turns_and_survives_the_server() {
    let bench = Bench::new();
    let mut server = bench.serve();
    let body = json!({"context": {"namespace": "shop", "team": {"name": "a"}}, "preferences": {"provider": "adk", "streaming": false}});
    let (status, session) = server.post("/sessions", &body).await;
    assert_eq!((status, &session["context"]), (200, &body["context"]), "{session}");
    let id = session["session_id"].as_str().unwrap().to_owned();
    let path = format!("/sessions/{id}/continue");
    let (status, first) =
        server.post(&path, &json!({"message": "Deploy registry.example.com/web:v2 to Kubernetes"})).await;
    assert_eq!((status, &first["turn"], &first["session_id"]), (200, &json!(1), &json!(id)), "{first}");
    assert!(first["workflow"].to_string().contains("shop"), "the session's context counts: {first}");
    let more = json!({"message": "Include rollback strategy", "context": {"team": {"lead": "b"}}});
    let (status, second) = server.post(&path, &more).await;
    assert_eq!((status, &second["turn"]), (200, &json!(2)), "{second}");
    assert_eq!(second["workflow"]["on_failure"], "rollback", "{second}");
    assert!(
        !second["changes"].as_array().unwrap().is_empty() && !second["diff"].as_array().unwrap().is_empty(),
        "{second}"
    );

    server.kill();
    server = bench.serve();
    let (status, stored) = get(&server, &format!("/sessions/{id}")).await;
    assert_eq!((status, &stored["workflow"]), (200, &second["workflow"]), "{stored}");
    assert_eq!(stored["context"], json!({"namespace": "shop", "team": {"name": "a", "lead": "b"}}));
    let turns = stored["turns"].as_array().unwrap();
    assert_eq!(
        (turns.len(), &turns[1]["message"], &turns[0]["kind"]),
        (2, &json!("Include rollback strategy"), &json!("generated"))
    );
    let (_, third) = server.post(&path, &json!({"message": "retry 3 times", "stream": true})).await;
    let stream = third.as_str().unwrap_or_default();
    assert_eq!(names(stream), ["validation", "text", "workflow"], "{stream}");
    let compose = json!({"task": "a timeout of 20 minutes", "session_id": id, "stream": false});
    let (_, fourth) = server.post("/compose", &compose).await;
    assert_eq!((&fourth["turn"], &fourth["session_id"]), (&json!(4), &json!(id)), "{fourth}");
    let own = json!({"task": "wait 1 second", "session_id": "a-chat-of-mine", "stream": false});
    assert_eq!(server.post("/compose", &own).await.1["metadata"]["session_id"], "a-chat-of-mine");
    let (_, list) = get(&server, "/sessions").await;
    assert_eq!((&list["sessions"][0]["session_id"], &list["sessions"][0]["turns"]), (&json!(id), &json!(4)));

    let (_, key) = server.post("/keys", &json!({"name": "other", "scopes": ["*"], "tenant": "other"})).await;
    let foreign = client().get(format!("{}/sessions/{id}", server.url)).bearer_auth(key["key"].as_str().unwrap());
    assert_eq!(foreign.send().await.unwrap().status().as_u16(), 404);
    let gone = client().delete(format!("{}/sessions/{id}", server.url)).bearer_auth(KEY).send().await.unwrap();
    assert_eq!(gone.status().as_u16(), 200);
    assert_eq!(get(&server, &format!("/sessions/{id}")).await.0, 404);
    assert_eq!(server.post(&path, &json!({"message": "again"})).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_the_middle_of_a_turn_loses_nothing_that_was_answered() {
    let bench = Bench::new();
    let model = ScriptedModel::new([Reply::Text(workflow(&["one"])), Reply::Silence]);
    let config = format!("{}session_ttl_s: 3600\n", model.config());
    let mut server = configured(&bench, &config);
    let (_, session) = server.post("/sessions", &json!({})).await;
    let id = session["session_id"].as_str().unwrap().to_owned();
    let path = format!("/sessions/{id}/continue");
    let (status, first) = server.post(&path, &json!({"message": "do one thing"})).await;
    assert_eq!((status, &first["metadata"]["model"]), (200, &json!("scripted")), "{first}");
    let pending =
        client().post(format!("{}{path}", server.url)).bearer_auth(KEY).json(&json!({"message": "do another"}));
    let pending = tokio::spawn(pending.send());
    let begun = Instant::now();
    while model.seen().len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the second turn asks the model");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.kill();
    pending.abort();
    server = bench.serve();
    let (_, stored) = get(&server, &format!("/sessions/{id}")).await;
    assert_eq!((stored["turns"].as_array().map(Vec::len), &stored["workflow"]), (Some(1), &first["workflow"]));
    let by_planner = json!({"message": "retry 3 times", "options": {"model": "builtin/planner"}});
    let (status, second) = server.post(&path, &by_planner).await;
    assert_eq!((status, &second["turn"]), (200, &json!(2)), "{second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_turns_at_once_wait_for_each_other() {
    let bench = Bench::new();
    let server = bench.serve();
    let (_, session) = server.post("/sessions", &json!({})).await;
    let path = format!("/sessions/{}/continue", session["session_id"].as_str().unwrap());
    let (_, first) = server.post(&path, &json!({"message": "wait 1 second"})).await;
    assert_eq!(first["turn"], 1, "{first}");
    let (left, right) = (json!({"message": "retry 3 times"}), json!({"message": "Include rollback strategy"}));
    let (left, right) = tokio::join!(server.post(&path, &left), server.post(&path, &right));
    let mut turns = [left.1["turn"].as_u64(), right.1["turn"].as_u64()];
    turns.sort_unstable();
    assert_eq!(turns, [Some(2), Some(3)], "{left:?} {right:?}");
}

/// A model says what changes and what it did; what it did not do is unmet, and a draft that is good enough is answered
/// before the provider's time is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_refinement_by_a_model_is_held_to_its_word_and_to_its_time() {
    let bench = Bench::new();
    let changes = json!({
        "changes": {"steps": [{"name": "check", "after": "one", "tool": "df", "parameters": {"path": "/"}}], "remove": ["two"]},
        "requirements": [
            {"number": 1, "met": true, "summary": "looks at the disk", "steps": ["check"]},
            {"number": 2, "met": true, "summary": "added probes", "steps": ["probes"]},
        ],
    });
    let model = ScriptedModel::new([Reply::Text(changes.to_string()), Reply::Silence]);
    let server = configured(&bench, &model.config());
    let (status, _) = server.post("/providers/switch", &json!({"provider": "adk", "config": {"timeout": 4000}})).await;
    assert_eq!(status, 200);
    let base: Value = serde_json::from_str(&workflow(&["one", "two"])).unwrap();
    let body = json!({"workflow": base, "requirements": ["Look at the disk", "Add readiness probes"]});
    let (status, refined) = server.post("/refine", &body).await;
    assert_eq!(status, 200, "{refined}");
    let steps = refined["workflow"]["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["one", "check", "two"], "nobody asked to remove a step");
    assert_eq!(refined["changes"][0]["steps"], json!(["check"]), "{refined}");
    assert_eq!(refined["unmet_requirements"][0]["requirement"], "Add readiness probes", "{refined}");
    let told = model.seen()[1].to_string();
    assert!(told.contains("requirement 2 is not met") && told.contains("changes to the draft"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_provider_and_its_limits_are_in_force_and_kept() {
    let bench = Bench::new();
    let model = ScriptedModel::new([Reply::Silence]);
    let config = format!("{}providers: {{patient: {{kind: adk, model: builtin/planner}}}}\n", model.config());
    let mut server = configured(&bench, &config);
    let (_, providers) = get(&server, "/providers").await;
    assert_eq!(providers["providers"]["patient"]["available"], true, "{providers}");
    assert!(providers["providers"]["adk"]["models"].to_string().contains("scripted"), "{providers}");
    for (config, place) in [
        (json!({"timeout": 0}), "timeout"),
        (json!({"max_retries": 1000}), "max_retries"),
        (json!({"model": "nobody"}), "model"),
        (json!({"color": 1}), "color"),
    ] {
        let (status, refused) = server.post("/providers/switch", &json!({"provider": "adk", "config": config})).await;
        assert_eq!((status, &refused["errors"][0]["pointer"]), (400, &json!(format!("#/config/{place}"))), "{refused}");
    }
    let body = json!({"provider": "adk", "config": {"timeout": 700, "max_retries": 0, "model": "scripted"}});
    let (status, switched) = server.post("/providers/switch", &body).await;
    assert_eq!((status, &switched["config"]), (200, &body["config"]), "{switched}");
    server.kill();
    server = bench.serve();
    assert_eq!(get(&server, "/providers").await.1["providers"]["adk"]["config"], body["config"]);
    let (status, refused) = server.post("/generate", &json!({"task": "wait 1 second"})).await;
    assert_eq!((status, &refused["code"]), (504, &json!("provider_timed_out")), "{refused}");
    let (status, made) = server.post("/generate", &json!({"task": "wait 1 second", "provider": "patient"})).await;
    assert_eq!((status, &made["metadata"]["provider"]), (200, &json!("patient")), "{made}");
    let (status, refused) = server.post("/generate", &json!({"task": "wait 1 second", "provider": "nobody"})).await;
    assert_eq!(status, 404, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_stop_before_the_next_call_also_after_a_restart() {
    let bench = Bench::new();
    let model = ScriptedModel::new([Reply::Text(workflow(&["one"]))]);
    let config = format!("{}budgets: {{key_per_day: {{tokens: 200}}}}\n", model.config());
    let mut server = configured(&bench, &config);
    let body = json!({"task": "do one thing"});
    let (status, made) = server.post("/generate", &body).await;
    assert_eq!(status, 200, "{made}");
    let usage = &made["metadata"]["usage"];
    assert_eq!(
        (&usage["calls"], &usage["tokens"], &usage["cost_usd"]),
        (&json!(1), &json!(120), &json!(0.00014)),
        "{usage}"
    );
    assert_eq!(server.post("/generate", &body).await.0, 200, "120 of 200 were spent");
    server.kill();
    server = bench.serve();
    let (status, refused) = server.post("/generate", &body).await;
    assert_eq!((status, &refused["code"]), (429, &json!("budget_spent")), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("240 of 200 tokens"), "{refused}");
    assert_eq!(model.seen().len(), 2, "nothing was sent any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_a_validator_finds_is_mended_before_anything_runs() {
    let mut bench = Bench::new();
    bench.recording(&["kubectl"]);
    let manifest = |probe: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop}}\nspec:\n  selector: {{matchLabels: {{app: {probe}}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      containers:\n        - name: web\n          image: web:v2\n          resources: {{limits: {{cpu: 100m, memory: 64Mi}}, requests: {{cpu: 50m, memory: 32Mi}}}}\n          readinessProbe: {{httpGet: {{path: /, port: 80}}}}\n          livenessProbe: {{httpGet: {{path: /, port: 80}}}}\n"
        )
    };
    let document = |selector: &str| {
        json!({"name": "deploy-web", "steps": [
            {"name": "write", "tool": "file", "parameters": {"operation": "write", "path": "web.yaml", "content": manifest(selector)}},
            {"name": "apply", "tool": "kubectl", "parameters": {"command": "apply -f web.yaml"}},
            {"name": "wait", "tool": "kubectl", "parameters": {"command": "rollout status deployment/web -n shop"}},
        ]})
    };
    let mended = json!({"workflow": document("web"), "requirements": [{"requirement": "1", "met": true, "summary": "the selector matches"}]});
    let model = ScriptedModel::new([Reply::Text(document("wrong").to_string()), Reply::Text(mended.to_string())]);
    let server = configured(&bench, &model.config());
    let body = json!({
        "task": "Deploy web", "options": {"stream": true, "allow": ["unknown", "destructive"]},
        "strategy": {"validation": {"provider": "mcp", "tools": ["kubernetes-validator"]}, "execution": {"provider": "adk", "runner": "local"}},
    });
    let (status, stream) = server.post("/orchestrate", &body).await;
    let stream = stream.as_str().unwrap_or_default();
    assert_eq!(status, 200, "{stream}");
    let phases: Vec<String> = stream
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .filter(|event| event["event"] == "phase_complete")
        .map(|event| {
            format!("{} {}", event["phase"].as_str().unwrap_or_default(), event["status"].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        phases,
        ["generation success", "validation invalid", "refinement success", "validation success"],
        "{stream}"
    );
    assert!(
        stream.contains("event: execution_complete") && bench.calls().contains("kubectl apply -f web.yaml"),
        "{stream}"
    );
    assert!(model.seen()[1].to_string().contains("selector"), "the finding is told to the author");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_names_what_is_not_there_asks_no_model() {
    let bench = Bench::new();
    let model = ScriptedModel::new([Reply::Text(workflow(&["one"]))]);
    let server = configured(&bench, &model.config());
    let body = json!({"task": "do one thing", "strategy": {
        "generation": {"provider": "nobody"},
        "refinement": {"provider": "mcp"},
        "validation": {"tools": ["kubernetes-validator", "no-such-validator"]},
        "execution": {"provider": "mcp", "runner": "kubernetes-runner"},
    }});
    let (status, refused) = server.post("/orchestrate", &body).await;
    assert_eq!(status, 400, "{refused}");
    let errors = refused["errors"].as_array().unwrap();
    let pointers: Vec<&str> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    for part in
        ["generation/provider", "refinement/provider", "validation/tools/1", "execution/provider", "execution/runner"]
    {
        assert!(pointers.contains(&format!("#/strategy/{part}").as_str()), "{part}: {refused}");
    }
    assert!(refused.to_string().contains("prometheus-validator"), "what exists is listed: {refused}");
    assert!(model.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_tell_how_a_workflow_comes_about_in_the_form_and_measure_that_is_asked_for() {
    let bench = Bench::new();
    let model = ScriptedModel::new([
        Reply::Call("list_tools", json!({"query": "wait"})),
        Reply::Text("{\"name\": \"x\", \"steps\": [{\"name\": \"a\", \"tool\": \"wiat\"}]}".to_owned()),
        Reply::Text(workflow(&["one"])),
    ]);
    let server = configured(&bench, &model.config());
    let body = json!({"task": "do one thing", "mode": "act", "stream": true, "stream_format": "ndjson"});
    let (status, text) = server.post("/compose", &body).await;
    let text = text.as_str().unwrap_or_default();
    assert_eq!(status, 200, "{text}");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    names.dedup();
    for name in ["tool_call", "tool_result", "validation", "workflow", "execution_start", "execution_complete"] {
        assert!(names.contains(&name), "{name}: {text}");
    }
    let checks: Vec<&Value> = events.iter().filter(|event| event["event"] == "validation").collect();
    assert_eq!((checks[0]["valid"].clone(), checks[1]["valid"].clone()), (json!(false), json!(true)), "{text}");
    let filtered = json!({
        "task": "do one thing", "stream": true, "stream_filter": {"include_tool_calls": false, "min_importance": "high"},
    });
    let (_, stream) = server.post("/compose", &filtered).await;
    assert_eq!(self::names(stream.as_str().unwrap_or_default()), ["workflow"], "{stream}");
}

/// A server of MCP over standard input that lists one validator and dies when it is called.
const DYING: &str = r#"
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    method, id = request.get("method"), request.get("id")
    if method == "initialize":
        result = {"protocolVersion": request["params"]["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": {"name": "dying", "version": "1"}}
    elif method == "tools/list":
        result = {"tools": [{"name": "check", "description": "checks", "inputSchema": {"type": "object", "properties": {"workflow": {"type": "object"}}, "required": ["workflow"]}}]}
    elif method == "tools/call":
        sys.exit(1)
    else:
        if id is not None:
            print(json.dumps({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "no such method"}}), flush=True)
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": id, "result": result}), flush=True)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_that_dies_is_a_clear_error_of_its_phase() {
    let bench = Bench::new();
    std::fs::write(bench.file("dying.py"), DYING).unwrap();
    let script = bench.file("dying.py").display().to_string();
    let servers = json!({"mcp_servers": {"dying": {"command": "python3", "args": [script], "timeout": 5}}});
    let server = configured(&bench, &servers.to_string());
    let strategy =
        json!({"validation": {"provider": "mcp", "tools": ["dying/check"]}, "execution": {"provider": "adk"}});
    let mut body = json!({"task": "wait 1 second", "strategy": strategy});
    let begun = Instant::now();
    let (status, refused) = server.post("/orchestrate", &body).await;
    assert_eq!((status, &refused["code"]), (502, &json!("validator_failed")), "{refused}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(refused["detail"].as_str().unwrap().contains("`dying/check`"), "{refused}");
    body["options"] = json!({"stream": true});
    let (_, stream) = server.post("/orchestrate", &body).await;
    let stream = stream.as_str().unwrap_or_default();
    assert!(stream.contains("\"phase\":\"validation\",\"status\":\"failed\""), "{stream}");
    assert_eq!(names(stream).last().map(String::as_str), Some("error"), "{stream}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_streams_when_it_prefers_to_and_ends_when_nobody_uses_it() {
    let bench = Bench::new();
    let server = configured(&bench, "session_ttl_s: 2\n");
    let (_, session) = server.post("/sessions", &json!({"preferences": {"provider": "mcp", "streaming": true}})).await;
    let id = session["session_id"].as_str().unwrap().to_owned();
    let path = format!("/sessions/{id}/continue");
    let (_, first) = server.post(&path, &json!({"message": "wait 1 second"})).await;
    assert!(first.as_str().is_some_and(|stream| stream.contains("event: workflow")), "{first}");
    // `mcp` does not refine: as a preference it gives way, as a demand it is refused.
    let (status, second) = server.post(&path, &json!({"message": "retry 3 times", "stream": false})).await;
    assert_eq!((status, &second["metadata"]["provider"]), (200, &json!("adk")), "{second}");
    let demand = json!({"message": "retry 4 times", "stream": false, "provider": "mcp"});
    assert_eq!(server.post(&path, &demand).await.1["code"], "feature_not_supported");
    let begun = Instant::now();
    while get(&server, &format!("/sessions/{id}")).await.0 != 404 {
        assert!(begun.elapsed() < Duration::from_secs(30), "it has expired long ago");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(get(&server, "/sessions").await.1["sessions"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_makes_does_not_run_unseen_if_it_could_hurt() {
    let bench = Bench::new();
    let document = json!({"name": "x", "steps": [{"name": "a", "command": "touch ran", "effects": "read"}], "options": {"allow": ["unknown"]}});
    let model = ScriptedModel::new([Reply::Text(document.to_string())]);
    let server = configured(&bench, &model.config());
    let body = json!({"task": "do one thing", "mode": "act", "stream": false});
    let (status, refused) = server.post("/compose", &body).await;
    assert_eq!((status, &refused["code"]), (409, &json!("needs_approval")), "{refused}");
    let (_, session) = server.post("/sessions", &json!({})).await;
    let path = format!("/sessions/{}/continue", session["session_id"].as_str().unwrap());
    let (status, refused) = server.post(&path, &json!({"message": "do one thing", "mode": "act"})).await;
    assert_eq!((status, &refused["code"]), (409, &json!("needs_approval")), "{refused}");
    assert!(!bench.file("ran").exists());
    let sent = model.seen().iter().map(Value::to_string).collect::<String>();
    for secret in ["hunter2", "sk-scripted-key", KEY] {
        assert!(!sent.contains(secret), "{secret} is in a prompt");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_asks_no_model_again_and_shows_the_same_run() {
    let bench = Bench::new();
    let model = ScriptedModel::new([Reply::Text(workflow(&["one"])), Reply::Text(workflow(&["another"]))]);
    let server = configured(&bench, &model.config());
    let (_, session) = server.post("/sessions", &json!({})).await;
    let turn = format!("/sessions/{}/continue", session["session_id"].as_str().unwrap());
    let requests = [
        ("/compose", json!({"task": "do one thing", "mode": "act", "stream": false}), "execution_result"),
        ("/orchestrate", json!({"task": "do one thing", "strategy": {"execution": {"provider": "adk"}}}), "execution"),
        (&*turn, json!({"message": "do one thing", "mode": "act"}), "execution"),
    ];
    for (path, body, key) in requests {
        let send = || {
            let request = client().post(format!("{}{path}", server.url)).bearer_auth(KEY).json(&body);
            request.header("idempotency-key", format!("key-{key}-{path}")).header("prefer", "wait=60")
        };
        let first: Value = send().send().await.unwrap().json().await.unwrap();
        let asked = model.seen().len();
        let second: Value = send().send().await.unwrap().json().await.unwrap();
        assert_eq!(second[key]["run_id"], first[key]["run_id"], "{path}: {second}");
        assert!(first[key]["run_id"].is_string() && second["workflow"]["steps"].is_array(), "{path}: {second}");
        assert_eq!(second["metadata"]["idempotent_replayed"], true, "{path}");
        assert_eq!(model.seen().len(), asked, "{path} asked the model again");
        // What the run's workflow cost stays with the run.
        let (_, run) = get(&server, &format!("/executions/{}", first[key]["run_id"].as_str().unwrap())).await;
        assert_eq!(run["composed"]["provider"], "adk", "{path}: {run}");
        assert!(run["composed"]["usage"]["tokens"].as_u64().unwrap() > 0, "{path}: {run}");
    }
    assert_eq!(get(&server, turn.trim_end_matches("/continue")).await.1["turns"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_only_compose_can_lead_a_session() {
    let bench = Bench::new();
    let server = bench.serve();
    let (_, key) = server.post("/keys", &json!({"name": "author", "scopes": ["generate"]})).await;
    let key = key["key"].as_str().unwrap().to_owned();
    let post = async |path: &str, body: &Value| -> (u16, Value) {
        let answer = client().post(format!("{}{path}", server.url)).bearer_auth(&key).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    };
    let (_, session) = post("/sessions", &json!({})).await;
    let path = format!("/sessions/{}/continue", session["session_id"].as_str().unwrap());
    let (status, made) = post(&path, &json!({"message": "wait 1 second"})).await;
    assert_eq!((status, &made["turn"]), (200, &json!(1)), "{made}");
    let (status, refused) = post(&path, &json!({"message": "retry 3 times", "mode": "act"})).await;
    assert_eq!((status, &refused["scope"]), (403, &json!("execute")), "{refused}");
}
