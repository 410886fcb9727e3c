//! Any workflow comes back equal from its canonical document, and from that written as YAML.

use indexmap::IndexMap;
use partita_core::workflow::document::{
    Action, ContinueOn, Effects, Foreach, Items, Param, Repeat, Retry, Rollback, RollbackWhen, Step,
};
use partita_core::workflow::{Workflow, diff, from_value, parse, to_value, to_yaml};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Text of every awkward kind.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z][a-zA-Z0-9 _.:#-]{0,12}",
        Just("yes".to_owned()),
        Just("0x10".to_owned()),
        Just("1.0".to_owned()),
        Just("- a: b".to_owned()),
        Just("a\nb\n".to_owned()),
        Just("a\n\n  b".to_owned()),
        Just("  a\nb".to_owned()),
        Just("a\nb\n\n\n".to_owned()),
        Just("a \nb\t\n".to_owned()),
        Just("${x} '\"\\ {{.y}} \u{1f600} \u{85}".to_owned()),
        "\\PC{1,20}",
        "[ -~\n]{1,40}",
    ]
}

fn step(index: usize) -> impl Strategy<Value = Step> {
    let action = prop_oneof![
        (text(), proptest::option::of(Just("bash".to_owned())))
            .prop_map(|(command, shell)| Action::Command { command, shell }),
        text().prop_map(|text| Action::Tool {
            tool: "kubectl".to_owned(),
            parameters: json!({"command": text}).as_object().unwrap().clone()
        }),
        text().prop_map(|script| Action::Script { script, interpreter: None }),
    ];
    let extras = (any::<bool>(), 0..100_000u64, proptest::option::of(text()), text());
    (action, extras).prop_map(move |(action, (flag, millis, description, word))| Step {
        name: format!("step {index}"),
        description: description.filter(|text| !text.is_empty()),
        depends: flag.then(Vec::new),
        condition: flag.then(|| format!("params.x == {word:?}")),
        env: IndexMap::from([("A".to_owned(), word.clone())]),
        timeout_ms: flag.then_some(millis),
        retry: flag.then(|| Retry {
            max_attempts: 2,
            delay_ms: millis,
            backoff: 1.5,
            max_delay_ms: None,
            jitter: 0.25,
            on: vec![],
        }),
        continue_on: ContinueOn { failure: flag, exit_code: vec![1], ..ContinueOn::default() },
        foreach: flag.then(|| Foreach {
            items: Items::List(vec![Value::String(word.clone()), json!({"k": [1, null]})]),
            max_active: Some(2),
        }),
        repeat: (!flag).then(|| Repeat {
            until: Some("exit_code == 0".to_owned()),
            limit: Some(3),
            delay_ms: millis,
            ..Repeat::default()
        }),
        rollback: flag.then(|| Rollback {
            action: action.clone(),
            retry: None,
            timeout_ms: Some(millis),
            when: RollbackWhen::Started,
        }),
        effects: flag.then_some(Effects::Write),
        action: Some(action),
        ..Step::default()
    })
}

fn workflow() -> impl Strategy<Value = Workflow> {
    let steps = (0..4usize).prop_flat_map(|count| (0..count).map(step).collect::<Vec<_>>());
    (steps, text(), text()).prop_map(|(steps, description, default)| Workflow {
        name: "any".to_owned(),
        description: Some(description).filter(|text| !text.is_empty()),
        params: IndexMap::from([("x".to_owned(), Param { default: Some(Value::String(default)), ..Param::default() })]),
        steps,
        ..Workflow::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_workflow_comes_back_equal(workflow in workflow()) {
        let value = to_value(&workflow);
        let loaded = from_value(&value);
        prop_assert_eq!(loaded.diagnostics, vec![]);
        prop_assert_eq!(loaded.workflow.as_ref(), Some(&workflow));
        let yaml = to_yaml(&workflow);
        let loaded = parse(&yaml, Some(partita_core::workflow::Format::Yaml));
        prop_assert_eq!(loaded.workflow.as_ref(), Some(&workflow), "{}", yaml);
        prop_assert_eq!(diff(&workflow, &workflow), vec![]);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}", yaml in "[a-z:\\- \n\\[\\]{}&*!|>'\"#]{0,80}") {
        let _ = (parse(&text, None), parse(&yaml, None));
    }
}
