//! Every dress and every fault that models are known for.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::Map;

use super::*;

fn outcome(text: &str, is_cut: bool) -> String {
    match workflow(text, is_cut) {
        Ok(extracted) if extracted.repairs.is_empty() => extracted.value.to_string(),
        Ok(extracted) => format!("{}\n  {}", extracted.value, extracted.repairs.join("\n  ")),
        Err(issue) => {
            assert!(issue.is_error() && issue.help.is_some(), "{issue:?} says not what to do");
            let place = issue.line.map_or(String::new(), |line| format!("{line}:{} ", issue.column.unwrap_or(0)));
            format!("{place}{}: {}", issue.code, issue.message)
        }
    }
}

/// Each text, and what becomes of it.
#[track_caller]
fn check(texts: &[&str], expected: &Expect) {
    let mut all = String::new();
    for text in texts {
        let _ = writeln!(all, "{}", outcome(text, false));
    }
    expected.assert_eq(&all);
}

#[test]
fn finds_the_document_in_its_dress() {
    check(
        &[
            r#"{"name":"a","steps":[]}"#,
            "```json\n{\"name\":\"a\",\"steps\":[]}\n```",
            "Sure! Here is ${your} workflow:\n\n```\n{\"name\":\"a\",\"steps\":[]}\n```\nIt has no steps. {Enjoy!}",
            "Here it is: {\"name\":\"a\",\"steps\":[]} and that is all.",
            "~~~ json\n{\"name\":\"a\",\"steps\":[]}\n~~~",
            "1. First\n   ```json\n   {\"name\":\"a\",\"steps\":[]}\n   ```\n2. Second",
            "<workflow>{\"name\":\"a </workflow>\",\"steps\":[]}</workflow>",
            "<workflow>\n```json\n{\"name\":\"a\",\"steps\":[]}\n```\n</workflow>",
            "<think>I could write {\"name\":\"z\",\"steps\":[1]}</think>\n{\"name\":\"a\",\"steps\":[]}",
            "they want a\n</think>\n{\"name\":\"a\",\"steps\":[]}",
            "```json\n{\"name\":\"a\",\"steps\":[]}",
            "```python\nworkflow = {'name': 'a', 'steps': []}\n```",
            "\u{feff}{\"name\":\"a\",\"steps\":[]}",
        ],
        &expect![[r#"
            {"name":"a","steps":[]}
            {"name":"a","steps":[]}
            {"name":"a","steps":[]}
              left out the words around the document
            {"name":"a","steps":[]}
              left out the words around the document
            {"name":"a","steps":[]}
            {"name":"a","steps":[]}
              left out the words around the document
            {"name":"a </workflow>","steps":[]}
            {"name":"a","steps":[]}
            {"name":"a","steps":[]}
              left out what the author thought aloud
            {"name":"a","steps":[]}
              left out what the author thought aloud
            {"name":"a","steps":[]}
            {"name":"a","steps":[]}
              read single quotes as double ones
            {"name":"a","steps":[]}
        "#]],
    );
}

#[test]
fn takes_the_document_out_of_its_wrappings() {
    check(
        &[
            r#"[{"name":"a","steps":[]}]"#,
            r#""{\"name\":\"a\",\"steps\":[]}""#,
            r#"{"workflow":"{\"name\":\"a\",\"steps\":[]}"}"#,
            r#"{"workflow":"name: a\nsteps: []\n","requirements":[]}"#,
            r#"{"name":"create_workflow","arguments":{"name":"a","steps":[]}}"#,
            r#"{"name":"create_workflow","arguments":"{\"name\":\"a\",\"steps\":[]}"}"#,
            r#"{"result":{"workflow":{"name":"a","steps":[]}}}"#,
            r#"{"name":"a","description":null,"steps":[{"name":"b","if":null,"tool":"t","parameters":{"x":null,"y":{"z":null}}}]}"#,
        ],
        &expect![[r#"
            {"name":"a","steps":[]}
              took the document out of a list of one
            {"name":"a","steps":[]}
              read the document out of a text that held it
            {"workflow":{"name":"a","steps":[]}}
              read the document out of a text that held it
            {"workflow":{"name":"a","steps":[]},"requirements":[]}
              read the document out of a text that held it
            {"name":"a","steps":[]}
              took the document out of a call of a tool that it was dressed as
            {"name":"a","steps":[]}
              took the document out of a call of a tool that it was dressed as
            {"workflow":{"name":"a","steps":[]}}
              took the document out of an object around it
            {"name":"a","steps":[{"name":"b","tool":"t","parameters":{"y":{"z":null}}}]}
              took `null` for an optional key as absent
        "#]],
    );
}

#[test]
fn mends_what_can_only_be_meant_in_one_way() {
    check(
        &[
            r#"{"name":"a","steps":[],}"#,
            "{\"name\":\"a\", // the name\n \"steps\":[] /* none */ # yet\n}",
            "{'name': 'it\\'s', 'steps': []}",
            "{“name”: “a”, ‘steps’: []}",
            r#"{"name":"a","steps":[{"x":True,"y":None,"z":False}]}"#,
            r#"{name:"a",steps:[]}"#,
            "{\"name\":\"a\",\"steps\":[{\"command\":\"one\n\ttwo\"}]}",
            "{\"name\":\"a\"\n \"steps\":[{\"x\":1}\n {\"y\":2}]}",
            r#"{"name":"a","name":"a","steps":[]}"#,
            "name: a\nsteps:\n  - name: b\n    command: echo hi\n",
            "Here:\n\nname: a\nsteps:\n- name: b\n  tool: df\n  parameters: {path: /}\n\nThat was it.",
            "```yaml\nname: a\nsteps:\n  - name: b\n    command: |\n      cat <<X\n      ```\n      X\n```",
            "<workflow>\nname: a\nsteps: []\n</workflow>",
            "{name: a, steps: [{name: b, command: echo hi}]}",
            "```json\n{\"name\":\"a\",\"steps\":[]}\n```\nAgain:\n```json\n{\"name\":\"a\", \"steps\":[]}\n```",
            "Parameters: {\"x\": 1}\n```json\n{\"name\":\"a\",\"steps\":[]}\n```",
        ],
        &expect![[r#"
            {"name":"a","steps":[]}
              left out commas before a closing bracket
            {"name":"a","steps":[]}
              left out comments
            {"name":"it's","steps":[]}
              read single quotes as double ones
            {"name":"a","steps":[]}
              read typographic quotes as plain ones
            {"name":"a","steps":[{"x":true,"z":false}]}
              read `True`, `False` and `None` as JSON's words
              took `null` for an optional key as absent
            {"name":"a","steps":[]}
              put keys in quotes
            {"name":"a","steps":[{"command":"one\n\ttwo"}]}
              took line breaks and tabs inside of texts as they are
            {"name":"a","steps":[{"x":1},{"y":2}]}
              put commas between members on lines of their own
            {"name":"a","steps":[]}
              took a key once that was there twice with the same value
            {"name":"a","steps":[{"name":"b","command":"echo hi"}]}
              read YAML
            {"name":"a","steps":[{"name":"b","tool":"df","parameters":{"path":"/"}}]}
              left out the words around the document
              read YAML
            {"name":"a","steps":[{"name":"b","command":"cat <<X\n```\nX\n"}]}
              read YAML
            {"name":"a","steps":[]}
              read YAML
            {"name":"a","steps":[{"name":"b","command":"echo hi"}]}
              read YAML
            {"name":"a","steps":[]}
              took once what was there twice
            {"name":"a","steps":[]}
              left out what else stood in braces or fences and is no workflow
        "#]],
    );
}

#[test]
fn defaults_in_a_list_of_params_take_the_type_that_is_said() {
    let list = r#"{"name":"a","params":[{"name":"n","type":"integer","default":"10"},{"name":"x","type":"number","default":" 0.5 "},{"name":"b","type":"boolean","default":"true"}],"steps":[]}"#;
    let kept = r#"{"name":"a","params":[{"name":"n","type":"integer","default":"1.5"},{"name":"s","type":"string","default":"10"},{"name":"u","default":"10"},{"name":"e","type":"integer","default":"errors"}],"steps":[]}"#;
    check(
        &[list, kept],
        &expect![[r#"
        {"name":"a","params":{"n":{"type":"integer","default":10},"x":{"type":"number","default":0.5},"b":{"type":"boolean","default":true}},"steps":[]}
          read `params` that were a list by their names
        {"name":"a","params":{"n":{"type":"integer","default":"1.5"},"s":{"type":"string","default":"10"},"u":{"default":"10"},"e":{"type":"integer","default":"errors"}},"steps":[]}
          read `params` that were a list by their names
    "#]],
    );
}

#[test]
fn refuses_what_is_guesswork() {
    let deep = format!("{{\"steps\":{}{}}}", "[".repeat(100), "]".repeat(100));
    let many_tags = "<workflow>".repeat(10_000);
    check(
        &[
            "",
            "  \n ",
            "I'm sorry, but I can’t help with deleting\nproduction.",
            "I think you should look at the documentation.",
            "42",
            "[1, 2]",
            "{\"name\":\"a\",\"steps\":[{\"name\":\"b\",\"comm",
            "```json\n{\"name\":\"a\",\"steps\":[{\"name\":\"b\"",
            "<think>What would they want",
            "{\"name\":\"a\",\"steps\":[...]}",
            "{\"name\":\"a\",\"steps\":[{\"name\":\"b\"}, …]}",
            "{'name': 'don't', 'steps': []}",
            r#"{"name":"a","steps":[{"command":"echo \$HOME"}]}"#,
            r#"{"name":"a","name":"b","steps":[]}"#,
            r#"{"name":"a","steps":[1,,2]}"#,
            "{\"name\":\"a\",\"steps\":[\"x\"\n\"y\"]}",
            "```json\n{\"name\":\"a\",\"steps\":[]}\n```\nor\n```json\n{\"name\":\"b\",\"steps\":[]}\n```",
            "name: a\nsteps:\n  - name: b\n   command: x\n",
            &deep,
            &many_tags,
        ],
        &expect![[r#"
            empty_draft: the answer is empty
            empty_draft: the answer is empty
            declined: the model declines: I'm sorry, but I can’t help with deleting production.
            no_document: there is no workflow in the answer
            no_document: there is no workflow in the answer
            no_document: there is no workflow in the answer
            1:39 draft_truncated: the answer ends in the middle of the document
            1:33 draft_truncated: the answer ends in the middle of the document
            draft_truncated: the answer ends in the middle of the document
            {"name":"a","steps":["..."]}
              read YAML
            {"name":"a","steps":[{"name":"b"},"…"]}
              read YAML
            1:15 malformed_json: expected `,` or `}`, found `t`
            1:39 malformed_json: `\$` is no escape of JSON
            1:23 duplicate_key: the key `name` is there twice
            1:24 malformed_json: expected a value, found `,`
            2:1 malformed_json: expected `,` or `]`, found `"`
            two_documents: there is more than one document in the answer
            4:4 malformed_yaml: while parsing a block collection, did not find expected '-' indicator
            1:73 document_too_deep: the document is nested deeper than 64 levels
            no_document: the answer holds a list or a single value, and no workflow
        "#]],
    );
    let huge = format!("{{\"name\":\"{}\",\"steps\":[]}}", "x".repeat(ANSWER_BYTES_MAX));
    expect!["draft_too_large: the answer is 2097174 bytes long, more than the 2097152 that are read"]
        .assert_eq(&outcome(&huge, false));
}

#[test]
fn what_was_cut_and_has_no_end_of_its_own_is_not_taken_for_whole() {
    let mut all = String::new();
    for text in [
        "name: a\nsteps:\n  - name: b\n    command: echo hi",
        "```yaml\nname: a\nsteps: []\n",
        "```yaml\nname: a\nsteps: []\n```\nThis work",
        "{\"name\":\"a\",\"steps\":[]}\nThis work",
    ] {
        let _ = writeln!(all, "{}", outcome(text, true));
    }
    expect![[r#"
        draft_truncated: the answer ends in the middle of the document
        draft_truncated: the answer ends in the middle of the document
        {"name":"a","steps":[]}
          left out the words around the document
          read YAML
        {"name":"a","steps":[]}
          left out the words around the document
    "#]]
    .assert_eq(&all);
}

/// Long enough that reading any part again and again would take minutes.
const LONG_BYTES: usize = 128 * 1024;

#[test]
fn reads_every_part_of_an_answer_once() {
    let pieces = [
        "{",
        "[{",
        "{a:",
        "{\"a\":",
        "{'a'",
        "${x} ",
        "name:\n",
        "steps: {\n",
        "a\n",
        "```\n",
        "```json\n{",
        "``` x ```\n",
        "<workflow>",
        "<workflow>{",
        "<workflow></workflow>",
        "{ #\n",
        "/*",
        "\"",
        "\\u",
        "“",
        "{}",
        "- {}\n",
        "name: {\n",
        "<think>",
    ];
    for piece in pieces {
        let text = piece.repeat(LONG_BYTES / piece.len());
        let _ = workflow(&text, false);
        let _ = workflow(&format!("{{\"steps\":[{text}"), false);
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((texts(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Texts, among them those that look like what the reader looks for.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~\\n]{0,24}",
        prop::sample::select(vec![
            "```",
            "```json\n{",
            "<workflow>",
            "</workflow>",
            "</think>",
            "name: x\nsteps:",
            "it's",
            "“quoted”",
            "// no",
            "# no",
            "/* no",
            "True",
            "${x}",
            "...",
            "{\"steps\":1}",
            "\\u0041",
            "\u{1f600}",
            "~~~",
        ])
        .prop_map(str::to_owned),
    ]
}

fn objects() -> impl Strategy<Value = Value> {
    prop::collection::vec((texts(), values()), 0..6)
        .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>()))
}

/// JSON in the loosest notation that is understood.
fn loose(value: &Value, style: usize) -> String {
    let quoted = |text: &str| {
        let json = serde_json::to_string(text).unwrap();
        let inner = &json[1..json.len() - 1];
        match style {
            0 => format!("'{}'", inner.replace("\\\"", "\"").replace('\'', "\\'")),
            1 if !text.contains(['“', '”']) => format!("“{}”", inner.replace("\\\"", "\"")),
            _ => json,
        }
    };
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => quoted(text),
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(|item| format!("{}, // one\n", loose(item, style))).collect();
            format!("[{}]", items.concat())
        }
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{} : {} ,\n# next\n", quoted(key), loose(value, style)))
                .collect();
            format!("{{/* an object */{}}}", entries.concat())
        }
        other => other.to_string(),
    }
}

fn dressed(value: &Value, dress: usize) -> String {
    let (plain, pretty) = (value.to_string(), serde_json::to_string_pretty(value).unwrap());
    match dress {
        0 => plain,
        1 => format!("```json\n{pretty}\n```"),
        2 => format!("Here it is, with ${{x}} and {{y}}:\n\n```\n{pretty}\n```\n\nThat's {{all}}."),
        3 => format!("Of course: {plain} is what you want."),
        4 => format!("<workflow>\n{pretty}\n</workflow>"),
        5 => format!("<think>\nhm {{\"steps\": [}}\n</think>\n{pretty}"),
        6 => loose(value, 0),
        7 => format!("```python\n{}\n```", loose(value, 0)),
        8 => loose(value, 1),
        _ => loose(value, 2),
    }
}

proptest! {
    #[test]
    fn any_document_comes_out_of_any_dress(value in objects(), dress in 0usize..10) {
        let text = dressed(&value, dress);
        let extracted = document(&text);
        prop_assert!(extracted.as_ref().is_ok_and(|extracted| extracted.value == value), "{text}\n{extracted:?}");
    }

    #[test]
    fn a_document_in_yaml_comes_out(value in objects()) {
        let mut workflow = Map::from_iter([("name".to_owned(), Value::from("a")), ("steps".to_owned(), Value::Array(Vec::new()))]);
        if let Value::Object(entries) = value {
            workflow.extend(entries.into_iter().filter(|(key, _)| !key.contains(char::is_control)));
        }
        let value = Value::Object(workflow);
        let yaml = partita_core::workflow::to_yaml(&partita_core::workflow::from_value(&value).workflow.unwrap_or_default());
        let plain = partita_core::workflow::read_text(&yaml, None).unwrap();
        for text in [format!("```yaml\n{yaml}\n```"), format!("Here:\n{yaml}\nThat was it."), format!("<workflow>\n{yaml}</workflow>")] {
            let extracted = document(&text);
            prop_assert!(extracted.as_ref().is_ok_and(|extracted| extracted.value == plain), "{text}\n{extracted:?}");
        }
    }

    #[test]
    fn what_was_cut_is_never_taken_for_whole(value in objects(), part in 0.0f64..1.0) {
        let workflow = serde_json::json!({"name": "a", "more": value, "steps": []}).to_string();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short text")]
        let at = floor(&workflow, (workflow.len() as f64 * part) as usize);
        prop_assert!(document(&workflow[..at]).is_err(), "{}", &workflow[..at]);
    }

    #[test]
    fn any_text_is_read_or_refused_with_help(text in any::<String>()) {
        if let Err(issue) = document(&text) {
            prop_assert!(issue.is_error() && issue.help.is_some(), "{issue:?}");
        }
    }
}
