//! Values that want to be code, in every place where a value can stand, carried out by real programs.

use std::sync::Arc;

use indexmap::IndexMap;
use partita_core::RunId;
use partita_core::plan::{Argument, Plan, PlannedAction, PlannedStep};
use partita_core::run::{Input, Run};
use partita_core::task::Task;
use partita_core::time::Moment;
use partita_core::workflow::reference::{
    Language, Names, Reference, ReferenceRoot, ScriptStyle, Template, TemplatePiece, script,
};
use serde_json::{Map, Value};

use crate::bench::Bench;

/// Values that would do something if anything took them for code. `$MARK` is a file that must not appear.
const HOSTILE: [&str; 14] = [
    "$(touch $MARK)",
    "`touch $MARK`",
    "'; touch $MARK; '",
    "\"; touch $MARK; \"",
    "\n touch $MARK\n",
    "&& touch $MARK",
    "| touch $MARK",
    "${IFS}touch${IFS}$MARK",
    "-oProxyCommand=touch $MARK",
    "EOF\ntouch $MARK\n",
    "\\'; touch $MARK #",
    "*",
    "a b\tc",
    "\u{1f600} %s %n {{.x}} ${other}",
];

struct OneParam;

impl Names for OneParam {
    fn is_param(&self, name: &str) -> bool {
        name == "x"
    }

    fn is_env(&self, _: &str) -> bool {
        false
    }

    fn output(&self, _: &str) -> Option<u32> {
        None
    }

    fn step(&self, _: &str) -> Option<u32> {
        None
    }

    fn is_step_output(&self, _: u32, _: &str) -> bool {
        false
    }

    fn has_item(&self) -> bool {
        false
    }

    fn candidates(&self) -> Vec<String> {
        vec!["x".to_owned()]
    }
}

/// The task of a run's only step, with the parameter `x`.
fn bound(action: PlannedAction, value: &str) -> Result<Task, String> {
    let step = PlannedStep { name: "s".to_owned(), action, output_bytes_max: 1 << 20, ..PlannedStep::default() };
    let parameters: Map<String, Value> = [("x".to_owned(), Value::String(value.to_owned()))].into_iter().collect();
    let plan = Plan {
        name: "hostile".to_owned(),
        steps: vec![step],
        parameters,
        max_active_steps: 1,
        env: IndexMap::new(),
        ..Plan::default()
    };
    let (mut run, _) = Run::create(RunId::from_parts(1, 1), Arc::new(plan), None, 0);
    run.advance(Input::Tick, Moment { now: 0, entropy: 0 });
    let id = *run.wanted().first().unwrap();
    run.task(id).map_err(|error| error.message)
}

fn shell(text: &str, imported: bool) -> PlannedAction {
    let style = ScriptStyle { language: Language::Shell, imported };
    let script = script(text, style, &OneParam).value;
    PlannedAction::Script { interpreter: vec!["sh".to_owned()], script }
}

/// Carries out an action with every hostile value, and compares what it printed.
async fn check(action: impl Fn() -> PlannedAction, expected: impl Fn(&str) -> String) {
    let bench = Bench::new();
    let mark = bench.dir().join("mark");
    for hostile in HOSTILE {
        let value = hostile.replace("$MARK", &mark.display().to_string());
        match bound(action(), &value) {
            Ok(task) => {
                let carried = bench.run(task).await;
                assert_eq!(carried.stdout(), expected(&value), "{value:?}: {carried:?}");
            }
            Err(refused) => assert!(refused.contains('-') || refused.contains("EOF"), "{value:?}: {refused}"),
        }
        assert!(!mark.exists(), "{value:?} was carried out");
    }
}

#[tokio::test]
async fn shell_text_gets_values_through_the_environment() {
    let line = |value: &str| format!("[{value}]\n");
    check(|| shell("printf '[%s]\\n' \"$x\"", false), line).await;
    check(|| shell("printf '[%s]\\n' \"${x}\"", false), line).await;
    check(|| shell("printf '[%s]\\n' \"${params.x}\"", false), line).await;
    check(|| shell("printf '[%s]\\n' \"{{.x}}\"", true), line).await;
    check(|| shell("printf '[%s]\\n' \"$(printf '%s.' \"${{ params.x }}\")\"", false), |value| format!("[{value}.]\n"))
        .await;
    check(|| shell("cat <<END\n[${params.x}]\nEND\n", false), line).await;
}

#[tokio::test]
async fn imported_documents_get_values_as_data_inside_quotes() {
    check(|| shell("printf '[%s]\\n' '{{.x}}'", true), |value| format!("[{value}]\n")).await;
    check(|| shell("cat <<'EOF'\n[{{.x}}]\nEOF\n", true), |value| format!("[{value}]\n")).await;
}

#[tokio::test]
async fn arguments_stay_one_argument_each() {
    let action = || PlannedAction::Program {
        tool: "printf".to_owned(),
        program: "printf".to_owned(),
        args: vec![
            Argument { value: Template::text("[%s]\\n"), dash_allowed: false, optional: false },
            Argument {
                value: Template {
                    pieces: vec![TemplatePiece::Reference(Reference::to(ReferenceRoot::Param("x".to_owned())))],
                },
                dash_allowed: false,
                optional: false,
            },
        ],
        stdin: None,
        install_hint: None,
    };
    check(action, |value| format!("[{value}]\n")).await;
    let refused = bound(action(), "-oProxyCommand=x").unwrap_err();
    assert!(refused.contains("begins with `-`"), "{refused}");
}

#[tokio::test]
async fn nul_characters_are_refused() {
    let refused = bound(shell("echo \"$x\"", false), "a\0b").unwrap_err();
    assert!(refused.contains("NUL"), "{refused}");
}

#[tokio::test]
async fn very_long_values_are_carried_or_refused_with_a_reason() {
    let bench = Bench::new();
    let carried = bench.run(bound(shell("printf %s \"$x\" | wc -c", false), &"y".repeat(100_000)).unwrap()).await;
    assert_eq!(carried.stdout().trim(), "100000");
    let carried = bench.run(bound(shell("printf %s \"$x\" | wc -c", false), &"y".repeat(1_000_000)).unwrap()).await;
    assert!(format!("{:?}", carried.outcome.result).contains("at most"), "{:?}", carried.outcome);
}
