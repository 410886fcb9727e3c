//! Templates about source code run, with the real programs where they are there.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::{Bench, KEY, Server};

fn file(bench: &Bench, name: &str, text: &str) {
    let path = bench.file(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
}

fn place(bench: &Bench, name: &str) -> String {
    bench.file(name).display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn node_and_rust_projects_are_tested_and_a_failing_test_fails() {
    let mut bench = Bench::new();
    bench.stand_in(
        "cargo",
        "case \"$PWD $*\" in *bad*test*) echo 'test result: FAILED'; exit 101 ;; *) echo \"cargo $*\" ;; esac",
    );
    bench.stand_in_unless_there("npm", "case \"$PWD $*\" in *bad*test*) exit 1 ;; esac");
    let scripts = |test: &str| {
        json!({"name": "p", "version": "1.0.0", "scripts": {"test": test, "lint": "echo looked > linted", "build": "echo made > built"}}).to_string()
    };
    file(&bench, "good/package.json", &scripts("node -e 0"));
    file(&bench, "bad/package.json", &scripts("node -e 'process.exit(3)'"));
    file(&bench, ".npmrc", "offline=true\nupdate-notifier=false\n");
    let server = bench.serve();
    let run = server.run_template("node-ci", &json!({"project": place(&bench, "good")})).await;
    assert_eq!(run["status"], "success", "{run:#}");
    let run = server.run_template("node-ci", &json!({"project": place(&bench, "bad"), "lint": false})).await;
    assert_eq!(run["status"], "failed", "{run:#}");
    assert!(!bench.file("bad/linted").exists() && !bench.file("bad/built").exists());
    let run = server.run_template("rust-ci", &json!({"project": place(&bench, "good")})).await;
    assert_eq!(run["status"], "success", "{run:#}");
    let run = server.run_template("rust-ci", &json!({"project": place(&bench, "bad"), "format": false})).await;
    assert_eq!(run["status"], "failed", "{run:#}");
    let calls = bench.calls();
    for call in
        ["cargo fmt --all --check", "cargo clippy --workspace --all-targets -- -D warnings", "cargo test --workspace"]
    {
        assert!(calls.contains(call), "{calls}");
    }
    assert_eq!(calls.matches("cargo fmt").count(), 1, "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_project_is_installed_looked_at_and_tested() {
    let mut bench = Bench::new();
    // An environment without the package index: its programs stand in for pip, ruff and pytest.
    let program = "#!/bin/sh\necho \"$(basename \"$0\") $*\" >> \"$HOME/environment\"\ncase \"$PWD $*\" in *bad*pytest*) exit 1 ;; esac\n";
    file(&bench, "program", program);
    bench.stand_in(
        "python3",
        "mkdir -p venv/bin && for name in pip ruff python; do cp \"$HOME/program\" venv/bin/$name && chmod +x venv/bin/$name; done",
    );
    file(&bench, "good/requirements.txt", "attrs\n");
    file(&bench, "bad/pyproject.toml", "[project]\nname = 'p'\n");
    let server = bench.serve();
    let run = server.run_template("python-ci", &json!({"project": place(&bench, "good")})).await;
    assert_eq!(run["status"], "success", "{run:#}");
    let run = server.run_template("python-ci", &json!({"project": place(&bench, "bad"), "lint": false})).await;
    assert_eq!(run["status"], "failed", "{run:#}");
    let done = std::fs::read_to_string(bench.file("environment")).unwrap();
    for call in ["requirements.txt", "ruff check", "python -m pytest -q -- ."] {
        assert!(done.contains(call), "{call}: {done}");
    }
    assert_eq!(done.matches("ruff check").count(), 1, "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_tagged_and_a_push_that_fails_takes_the_tag_back() {
    let mut bench = Bench::new();
    bench.stand_in_unless_there("git", "case \"$*\" in *push*nowhere*) exit 1 ;; *tag*) echo \"$*\" ;; esac");
    file(&bench, ".gitconfig", "[user]\n\tname = Anna\n\temail = anna@example.com\n[init]\n\tdefaultBranch = main\n");
    let server = bench.serve();
    let git = |command: &str, directory: Option<&str>| {
        let mut parameters = json!({"command": command});
        if let Some(directory) = directory {
            parameters["directory"] = json!(place(&bench, directory));
        }
        json!({"tool": "git", "parameters": parameters})
    };
    let (hub, work) = (place(&bench, "hub.git"), place(&bench, "work"));
    let mut steps = vec![
        git(&format!("init --bare {hub}"), None),
        git(&format!("init {work}"), None),
        git("commit --allow-empty -m begin", Some("work")),
        git(&format!("remote add origin {hub}"), Some("work")),
        git("remote add nowhere /nowhere/at/all.git", Some("work")),
    ];
    steps.iter_mut().enumerate().for_each(|(at, step)| step["name"] = json!(format!("s{at}")));
    let (_, run) = server.post("/execute", &json!({"workflow": {"name": "prepare", "steps": steps}})).await;
    assert_eq!(run["status"], "success", "{run:#}");
    let run = server.run_template("git-release", &json!({"directory": work, "version": "v1.0.0"})).await;
    assert_eq!(run["status"], "success", "{run:#}");
    let mut failing =
        server.workflow_of("git-release", &json!({"directory": work, "version": "v1.1.0", "remote": "nowhere"})).await;
    for step in failing["steps"].as_array_mut().unwrap() {
        step.as_object_mut().unwrap().remove("retry");
    }
    let (_, run) = server.post("/execute", &json!({"workflow": failing})).await;
    assert_eq!(run["status"], "rolled_back", "{run:#}");
    if !bench.file("bin/git").exists() {
        let tags: Vec<_> =
            std::fs::read_dir(bench.file("work/.git/refs/tags")).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(tags, ["v1.0.0"]);
        assert!(bench.file("hub.git/refs/tags/v1.0.0").exists());
        file(&bench, "work/new.txt", "not committed");
        let run = server.run_template("git-release", &json!({"directory": work, "version": "v1.2.0"})).await;
        assert!(run["status"] == "rolled_back" && run.to_string().contains("?? new.txt"), "{run:#}");
    }
}

/// Runs a workflow that asks a person, decides, and gives its whole stream.
async fn decided(server: &Server, workflow: &Value, decision: &str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let body = json!({"workflow": workflow, "options": {"stream": true}});
    let request = client.post(format!("{}/execute", server.url)).bearer_auth(KEY).json(&body);
    let mut answer = request.timeout(Duration::from_secs(300)).send().await.unwrap();
    let (mut seen, mut answered) = (String::new(), false);
    while let Some(chunk) = answer.chunk().await.unwrap() {
        seen.push_str(&String::from_utf8_lossy(&chunk));
        let field = |name: &str| Some(seen.split(&format!("\"{name}\":\"")).nth(1)?.split('"').next()?.to_owned());
        if let (false, true, Some(run), Some(approval)) =
            (answered, seen.contains("approval_requested"), field("run_id"), field("approval_id"))
        {
            let path = format!("/executions/{run}/approvals/{approval}");
            let (status, said) = server.post(&path, &json!({"decision": decision})).await;
            assert_eq!(status, 200, "{said}");
            answered = true;
        }
    }
    assert!(answered, "nobody was asked: {seen}");
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn infrastructure_is_changed_only_as_planned_and_only_after_a_yes() {
    let mut bench = Bench::new();
    bench.stand_in_unless_there(
        "terraform",
        "case \"$1\" in validate) grep -q resource main.tf ;; plan) echo plan > partita.tfplan ;; show) echo '1 to add' ;; apply) echo '{}' > terraform.tfstate ;; esac",
    );
    file(&bench, ".terraformrc", "disable_checkpoint = true\n");
    let configuration = "resource \"terraform_data\" \"one\" {\n  input = \"hello\"\n}\n";
    for name in ["yes", "no"] {
        file(&bench, &format!("{name}/main.tf"), configuration);
    }
    file(&bench, "wrong/main.tf", "resurce {\n");
    let server = bench.serve();
    for (name, decision, expected) in [("yes", "approve", "success"), ("no", "reject", "failed")] {
        let workflow = server.workflow_of("terraform-apply", &json!({"directory": place(&bench, name)})).await;
        let stream = decided(&server, &workflow, decision).await;
        let end = stream.rsplit("event: execution_complete").next().unwrap_or_default();
        assert!(end.contains(&format!("\"status\":\"{expected}\"")), "{name}: {stream}");
        assert_eq!(bench.file(&format!("{name}/terraform.tfstate")).exists(), name == "yes", "{stream}");
        assert!(!bench.file(&format!("{name}/partita.tfplan")).exists(), "a plan can hold secrets");
    }
    let mut wrong = server.workflow_of("terraform-apply", &json!({"directory": place(&bench, "wrong")})).await;
    for step in wrong["steps"].as_array_mut().unwrap() {
        step.as_object_mut().unwrap().remove("retry");
    }
    let (_, run) = server.post("/execute", &json!({"workflow": wrong})).await;
    assert_eq!(run["status"], "failed", "{run:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_are_updated_and_nobody_reboots_without_a_yes() {
    let mut bench = Bench::new();
    bench.stand_in("apt-get", "case \"$*\" in *upgrade*) [ ! -e \"$HOME/locked\" ] || { echo 'E: Could not get lock' >&2; exit 100; } ;; esac; echo \"apt-get $*\"");
    bench.stand_in("systemctl", "echo \"systemctl $*\"");
    let server = bench.serve();
    let run = server.run_template("system-update", &json!({})).await;
    assert_eq!(run["status"], "success", "{run:#}");
    let asking = server.workflow_of("system-update", &json!({"reboot": true})).await;
    let stream = decided(&server, &asking, "reject").await;
    assert!(stream.contains("\"status\":\"failed\"") && !bench.calls().contains("reboot"), "{stream}");
    decided(&server, &asking, "approve").await;
    assert!(bench.calls().contains(" reboot"), "{}", bench.calls());
    file(&bench, "locked", "");
    let run = server.run_template("system-update", &json!({})).await;
    assert!(run["status"] == "failed" && run.to_string().contains("Could not get lock"), "{run:#}");
}
