//! Tools of MCP servers as steps: a real server for files, from the configuration to the end of a run.

use std::path::PathBuf;

use serde_json::json;

use crate::bench::{Bench, KEY, Server};

#[expect(clippy::disallowed_methods, reason = "asks where `scripts/setup.sh test` put things")]
fn files_server() -> String {
    let cache = PathBuf::from(std::env::var_os("HOME").expect("a home directory")).join(".cache/partita");
    let script = cache.join("node/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js");
    assert!(script.exists(), "{} is missing: call `scripts/setup.sh test`", script.display());
    script.display().to_string()
}

/// A bench whose configuration has the server `files` over `root`, and one that can't be started.
fn bench() -> (Bench, String) {
    let bench = Bench::new();
    let root = bench.file("root");
    std::fs::create_dir_all(&root).unwrap();
    let root = root.canonicalize().unwrap().display().to_string();
    std::fs::create_dir_all(bench.file("data")).unwrap();
    let servers = json!({
        "files": {"command": "node", "args": [files_server(), root], "effects": {"write_file": "write", "read_text_file": "read"}},
        "broken": {"command": "/no/such/server"},
    });
    std::fs::write(bench.file("data/partita.yaml"), json!({"mcp_servers": servers}).to_string()).unwrap();
    (bench, root)
}

async fn execute(server: &Server, steps: serde_json::Value, parameters: serde_json::Value) -> (u16, serde_json::Value) {
    let workflow = json!({"name": "files", "params": {"text": "from a parameter"}, "steps": steps});
    server.post("/execute", &json!({"workflow": workflow, "parameters": parameters})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_writes_and_reads_through_a_real_server() {
    let (bench, root) = bench();
    let server = bench.serve();
    let hostile = "it's \"x\" $(touch pwned) `id` {{y}}\nsecond line";
    let steps = json!([
        {"name": "write", "tool": "files/write_file", "parameters": {"path": format!("{root}/a.txt"), "content": "${params.text}"}},
        {"name": "read", "tool": "files/read_text_file", "parameters": {"path": format!("{root}/a.txt")}, "output": "READ"},
        {"name": "say", "command": "printf %s \"${READ.content}\""},
        {"name": "secret", "tool": "files/edit_file", "parameters": {"path": format!("{root}/a.txt"), "edits": [{"oldText": "second line", "newText": "${secrets.TOKEN}"}]}},
    ]);
    let (status, run) = execute(&server, steps, json!({"text": hostile})).await;
    assert_eq!((status, &run["status"]), (200, &json!("success")), "{run:#}");
    assert_eq!(run["steps"][2]["output"], json!(hostile));
    // The secret reached the server, which answers with a diff that has it, and no reader of the run.
    let written = hostile.replace("second line", "hunter2-hunter2");
    assert_eq!(std::fs::read_to_string(format!("{root}/a.txt")).unwrap(), written);
    assert!(run["steps"][3]["output"].as_str().unwrap().contains("***"), "{run:#}");
    assert!(!run.to_string().contains("hunter2"), "{run:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_fails_fails_its_step_and_rolls_back() {
    let (bench, root) = bench();
    let server = bench.serve();
    let steps = json!([
        {"name": "write", "tool": "files/write_file", "parameters": {"path": format!("{root}/b.txt"), "content": "new"},
         "rollback": {"tool": "files/write_file", "parameters": {"path": format!("{root}/b.txt"), "content": "old"}}},
        {"name": "outside", "tool": "files/read_text_file", "parameters": {"path": "/etc/passwd"}},
    ]);
    let workflow = json!({"name": "files", "on_failure": "rollback", "steps": steps});
    let (_, run) = server.post("/execute", &json!({"workflow": workflow})).await;
    assert_eq!(run["status"], "rolled_back", "{run:#}");
    assert!(run["steps"][1]["error"].as_str().unwrap().contains("denied"), "{run:#}");
    assert_eq!(std::fs::read_to_string(format!("{root}/b.txt")).unwrap(), "old");
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_names_and_absent_servers_are_told_before_a_run() {
    let (bench, _) = bench();
    let server = bench.serve();
    let table = [
        (json!({"tool": "files/write_file", "parameters": {"path": "x"}}), "missing_parameter", "content"),
        (json!({"tool": "files/write_fil", "parameters": {}}), "unknown_tool", "did you mean `files/write_file`?"),
        (json!({"tool": "broken/any", "parameters": {}}), "unknown_tool", "can't be started"),
        (json!({"tool": "elsewhere/any", "parameters": {}}), "unknown_tool", "there is no MCP server `elsewhere`"),
    ];
    for (mut step, code, said) in table {
        step["name"] = json!("a");
        let (status, problem) = execute(&server, json!([step]), json!({})).await;
        assert_eq!(status, 400, "{problem:#}");
        let text = problem.to_string();
        assert!(text.contains(code) && text.contains(said), "{code}: {problem:#}");
    }
    let risk = json!({"name": "files", "steps": [
        {"name": "a", "tool": "files/write_file", "parameters": {"path": "x", "content": "y"}},
        {"name": "b", "tool": "files/move_file", "parameters": {"source": "x", "destination": "y"}},
    ]});
    let (_, said) = server.post("/validate", &json!({"workflow": risk})).await;
    assert_eq!(
        (&said["risk"][0]["effects"], &said["risk"][1]["effects"]),
        (&json!("write"), &json!("unknown")),
        "{said:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_after_the_server_was_killed() {
    let (bench, root) = bench();
    let mut server = bench.serve();
    let gate = bench.file("gate");
    let steps = json!([
        {"name": "wait", "command": format!("while [ ! -e '{}' ]; do sleep 0.1; done", gate.display()), "retry": {"max_attempts": 3, "delay": 0}},
        {"name": "write", "tool": "files/write_file", "parameters": {"path": format!("{root}/c.txt"), "content": "${params.text}"}},
    ]);
    let workflow = json!({"name": "files", "params": {"text": "after"}, "steps": steps});
    std::fs::write(bench.file("w.json"), workflow.to_string()).unwrap();
    let started = bench.partita(&["--server", &server.url, "--key", KEY, "run", "--detach", "w.json"]);
    assert_eq!(started.code, 0, "{started:?}");
    server.kill();
    std::fs::write(&gate, "").unwrap();
    let _again = bench.serve();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !std::path::Path::new(&format!("{root}/c.txt")).exists() {
        assert!(std::time::Instant::now() < end, "the run did not go on");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(std::fs::read_to_string(format!("{root}/c.txt")).unwrap(), "after");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_plans_over_the_tools_of_servers() {
    let (bench, root) = bench();
    let server = bench.serve();
    let task =
        format!("Write a file {root}/plan.txt with content \"made by words\", then read the text file {root}/plan.txt");
    let (status, made) = server.post("/generate", &json!({"task": task, "provider": "mcp"})).await;
    assert_eq!(status, 200, "{made:#}");
    let tools: Vec<&str> =
        made["workflow"]["steps"].as_array().unwrap().iter().filter_map(|step| step["tool"].as_str()).collect();
    assert_eq!(tools, ["files/write_file", "files/read_text_file"], "{made:#}");
    let (_, run) = server.post("/execute", &json!({"workflow": made["workflow"]})).await;
    assert_eq!(run["status"], "success", "{run:#}");
    assert_eq!(std::fs::read_to_string(format!("{root}/plan.txt")).unwrap(), "made by words");
}

#[test]
fn the_workflow_in_the_documentation_runs() {
    let (bench, root) = bench();
    let text = std::fs::read_to_string(format!("{}/../../docs/mcp.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let workflow = text.split("```yaml\n").nth(2).unwrap().split("```").next().unwrap();
    std::fs::write(bench.file("w.yaml"), workflow.replace("/srv/shared", &root)).unwrap();
    let said = bench.partita(&["run", "--output", "json", "w.yaml"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("2.1.0"), "{said:?}");
    assert_eq!(std::fs::read_to_string(format!("{root}/version.txt")).unwrap(), "2.1.0");
}
