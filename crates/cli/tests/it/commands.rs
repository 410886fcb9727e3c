//! The commands and their exit codes.

use crate::bench::{Bench, KEY};

#[test]
fn mistakes_are_shown_with_their_place_and_how_to_mend_them() {
    let bench = Bench::new();
    std::fs::write(
        bench.file("wrong.yaml"),
        "name: x\nsteps:\n  - name: a\n    comand: echo\n  - name: b\n    tool: kubctl\n    depends: [c]\n",
    )
    .unwrap();
    let said = bench.partita(&["validate", "wrong.yaml"]);
    assert_eq!(said.code, 3, "{said:?}");
    let text = format!("{}{}", said.stdout, said.stderr);
    for expected in ["wrong.yaml:4", "did you mean `command`", "did you mean `kubectl`", "did you mean"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let said = bench.partita(&["run", "absent.yaml"]);
    assert_eq!(said.code, 2, "{said:?}");
}

#[test]
fn secrets_reach_steps_and_nobody_else() {
    let bench = Bench::new();
    std::fs::write(bench.file("w.yaml"), "name: s\nsteps:\n  - name: a\n    env: {T: '${secrets.TOKEN}'}\n    command: echo \"${#T} $T\"; env | grep -c PARTITA_SECRET || true\n").unwrap();
    let said = bench.partita(&["run", "w.yaml"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("a | 15 ***") && said.stdout.contains("a | 0"), "{}", said.stdout);
    let database = std::fs::read(bench.file("data/partita.db")).unwrap();
    assert!(!database.windows(15).any(|window| window == b"hunter2-hunter2"));
}

#[test]
fn a_server_is_found_and_watched_from_another_command() {
    let bench = Bench::new();
    let server = bench.serve();
    std::fs::write(bench.file("w.yaml"), "name: hello\nparams: {who: world}\nsteps:\n  - name: greet\n    command: echo \"hello $who\"\n    output: SAID\n").unwrap();
    let remote = |args: &[&str]| bench.partita(&[&["--server", &server.url, "--key", KEY], args].concat());
    let said = remote(&["run", "w.yaml", "-p", "who=you"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("greet | hello you"), "{}", said.stdout);
    let listed = remote(&["runs", "list", "--output", "json"]);
    assert!(listed.stdout.contains("\"success\""), "{listed:?}");
    let said = bench.partita(&["--server", &server.url, "--key", "wrong", "runs", "list"]);
    assert_eq!(said.code, 5, "{said:?}");
    let second = bench.partita(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(second.code != 0 && second.stderr.contains("in use by"), "{second:?}");
}

#[test]
fn what_can_be_had_is_listed() {
    let bench = Bench::new();
    for (args, text) in [
        (vec!["templates", "--output", "json"], "host-health-report"),
        (vec!["tools", "--output", "json"], "kubectl"),
        (vec!["schema"], "$schema"),
    ] {
        let said = bench.partita(&args);
        assert_eq!(said.code, 0, "{args:?}: {said:?}");
        assert!(said.stdout.contains(text), "{args:?}: {}", said.stdout);
    }
}

#[test]
fn a_session_is_led_and_a_file_is_refined_from_the_command_line() {
    let bench = Bench::new();
    let id = bench.partita(&["sessions", "new", "--context", "namespace=shop"]).stdout.trim().to_owned();
    assert!(id.starts_with("sess_"), "{id}");
    let said = bench.partita(&["sessions", "say", &id, "Deploy registry.example.com/web:v2 to Kubernetes"]);
    assert!(said.code == 0 && said.stdout.contains("kubectl set image"), "{said:?}");
    let said = bench.partita(&["sessions", "say", &id, "Include rollback strategy"]);
    assert!(said.code == 0 && said.stderr.contains("Changed"), "{said:?}");
    let shown = bench.partita(&["sessions", "show", &id]);
    assert!(shown.stdout.contains("2. Include rollback strategy"), "{shown:?}");
    assert!(bench.partita(&["sessions", "list"]).stdout.contains(&id));
    assert_eq!(bench.partita(&["sessions", "delete", &id]).code, 0);
    assert_eq!(bench.partita(&["sessions", "show", &id]).code, 6);

    std::fs::write(bench.file("w.yaml"), "name: w\nsteps:\n  - name: a\n    command: echo hello\n").unwrap();
    let refined = bench.partita(&["refine", "w.yaml", "retry 3 times", "paint it blue"]);
    assert!(
        refined.stdout.contains("max_attempts: 4") && refined.stderr.contains("paint it blue: not done"),
        "{refined:?}"
    );
    assert_eq!(refined.code, 1, "a requirement was not met");
    let listed = bench.partita(&["providers"]);
    assert!(listed.stdout.contains("builtin/planner"), "{listed:?}");
    let switched = bench.partita(&["providers", "--switch", "mcp", "--timeout", "60000"]);
    assert_eq!(switched.code, 0, "{switched:?}");
    let listed = bench.partita(&["providers", "--output", "json"]);
    assert!(listed.stdout.replace(' ', "").contains("\"default\":\"mcp\""), "{listed:?}");
}
