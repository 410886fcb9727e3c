//! What is wrong with a document: what, where, and how to mend it.

use expect_test::{Expect, expect};
use partita_core::workflow::{Format, parse};

fn check(text: &str, expected: &Expect) {
    expected.assert_eq(&findings(text, None));
}

fn findings(text: &str, format: Option<Format>) -> String {
    let loaded = parse(text, format);
    let mut lines = String::new();
    for finding in loaded.diagnostics {
        let place = format!("{}:{}", finding.line.unwrap_or(0), finding.column.unwrap_or(0));
        let (code, path, message) = (finding.code, finding.path, finding.message);
        lines.push_str(&format!("{place} {code} {path} {message}"));
        lines.push_str(&finding.help.map(|help| format!(" | {help}")).unwrap_or_default());
        lines.push('\n');
    }
    lines
}

#[test]
fn unparsable_text_is_refused_with_its_place() {
    check(
        "{\"name\": \"x\",\n \"steps\": [}",
        &expect![[r#"
        2:12 malformed_json  expected a value, found `}`
    "#]],
    );
    check(
        "{\"name\": \"x\", \"steps\": [{\"name\": 'a'}]}x",
        &expect![[r#"
        1:34 malformed_json  `'a'` is no value of JSON | put text in double quotes
    "#]],
    );
    check(
        "{\"name\": \"x\",\n \"steps\": [\n",
        &expect![[r#"
        3:1 malformed_json  expected a value, found the end of the document
    "#]],
    );
    check(
        "name: x\nsteps:\n  - name: a\n   command: b\n",
        &expect![[r#"
        4:4 malformed_yaml  while parsing a block collection, did not find expected '-' indicator
    "#]],
    );
    check(
        "",
        &expect![[r#"
        0:0 document_empty  the document is empty | a workflow has at least `name` and `steps`
    "#]],
    );
    check(
        "just words",
        &expect![[r#"
        1:1 not_a_workflow  expected a workflow, found the text `just words` | a workflow is an object with `name` and `steps`
    "#]],
    );
    check(
        "[1, 2]",
        &expect![[r#"
        1:1 not_a_workflow  expected a workflow, found a list | a workflow is an object with `name` and `steps`
    "#]],
    );
}

#[test]
fn keys_that_are_there_twice_are_refused() {
    check(
        "{\"name\": \"x\",\n\"name\": \"y\", \"steps\": []}",
        &expect![[r#"
        2:1 duplicate_key  the key `name` is there twice | keep one of them: the other would be ignored
    "#]],
    );
    check(
        "name: x\nsteps: []\nname: y\n",
        &expect![[r#"
        3:1 duplicate_key  the key `name` is there twice | keep one of them: the other would be ignored
    "#]],
    );
}

#[test]
fn everything_is_found_in_one_pass() {
    check(
        "name: x\ntimout: 5m\nsteps:\n  - name: a\n    comand: echo\n    command: echo\n    timeout: soon\n    retry: {max_attempts: many}\n  - 7\n  - name: b\n    tool: kubectl\n    command: ls\n",
        &expect![[r#"
            8:13 wrong_type /steps/0/retry/max_attempts expected a whole number that is not negative, found the text `many`
            7:5 invalid_duration /steps/0/timeout the text `soon` is no duration | write `30s`, `5m`, `1h30m`, `250ms`, `PT5M`, or a number of seconds
            5:5 unknown_key /steps/0/comand the key `comand` is not known here | did you mean `command`?
            9:5 wrong_type /steps/1 expected an object, found the number 7
            10:5 ambiguous_action /steps/2 a step does one thing, and this one has `tool` and `command` | make a step of each, in the order in which they should happen
            2:1 unknown_key /timout the key `timout` is not known here | did you mean `timeout`?
        "#]],
    );
}

#[test]
fn keys_that_nothing_carries_out_say_what_happens_instead() {
    check(
        "name: x\nschedule: '0 * * * *'\nmailOn: {failure: true}\nsteps: [{name: a, command: b}]\n",
        &expect![[r#"
            3:1 key_not_supported /mailOn `mailOn` is not carried out: use `handlers` with the tool `email`
        "#]],
    );
}

#[test]
fn small_texts_do_not_become_large_documents() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = level - 1;
        let line = vec![format!("*a{before}"); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{line}]\n"));
    }
    let found = findings(&bomb, Some(Format::Yaml));
    assert!(found.contains("document_too_large"), "{found}");
    let deep = format!("{{\"name\": \"x\", \"steps\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(findings(&deep, None).contains("document_too_deep"), "{}", findings(&deep, None));
    let deep = format!("name: x\nsteps: {}1{}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(
        findings(&deep, Some(Format::Yaml)).contains("document_too_deep"),
        "{}",
        findings(&deep, Some(Format::Yaml))
    );
    let deep = format!("a: {}", "{a: ".repeat(5_000));
    assert!(findings(&deep, None).contains("document_too_deep"), "{}", findings(&deep, None));
}

#[test]
fn large_documents_are_refused_at_once() {
    let steps = vec![r#"{"name": "a", "command": "b"}"#; 100_000].join(",");
    let found = findings(&format!("{{\"name\": \"x\", \"steps\": [{steps}]}}"), None);
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(found.contains("too_many_steps"), "{found}");
    let found = findings(&"x".repeat(11 * 1024 * 1024), None);
    assert!(found.contains("document_too_large"), "{found}");
}
