//! Planning, as a reader of its findings sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use serde_json::{Map, Value, json};

use super::{PlanRequest, Planned, Purpose, plan};
use crate::plan::{PlannedAction, ScriptPiece};
use crate::tool::Catalogue;
use crate::workflow::Workflow;
use crate::workflow::document::{Action, Effects, Kind, Step};

/// Lays the given keys over those of a default value.
fn laid_over(base: Value, over: &Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (key, value) in over {
                let before = base.remove(key).unwrap_or(Value::Null);
                base.insert(key.clone(), laid_over(before, value));
            }
            Value::Object(base)
        }
        (_, over) => over.clone(),
    }
}

/// A step from its fields; `command` is short for that action.
fn step(fields: &Value) -> Value {
    let mut base = serde_json::to_value(Step::default()).unwrap();
    let mut fields = fields.clone();
    if let Some(command) = fields.as_object_mut().unwrap().shift_remove("command") {
        base["action"] = json!({"command": {"command": command, "shell": null}});
    }
    if let Some(tool) = fields.as_object_mut().unwrap().shift_remove("tool") {
        let parameters = fields.as_object_mut().unwrap().shift_remove("parameters").unwrap_or_else(|| json!({}));
        base["action"] = json!({"tool": {"tool": tool, "parameters": parameters}});
    }
    laid_over(base, &fields)
}

fn workflow(fields: &Value) -> Workflow {
    let mut fields = fields.clone();
    if let Some(steps) = fields.get_mut("steps").and_then(Value::as_array_mut) {
        for one in steps {
            *one = step(one);
        }
    }
    if let Some(params) = fields.get_mut("params").and_then(Value::as_object_mut) {
        for (_, param) in params {
            *param = laid_over(serde_json::to_value(crate::workflow::document::Param::default()).unwrap(), param);
        }
    }
    let mut base = serde_json::to_value(Workflow { name: "test".to_owned(), ..Workflow::default() }).unwrap();
    base = laid_over(base, &fields);
    serde_json::from_value(base).unwrap()
}

fn planned(workflow: &Workflow, parameters: &Map<String, Value>) -> Planned {
    let runners = BTreeSet::from(["kubernetes".to_owned()]);
    let visible_env = BTreeMap::from([("HOME".to_owned(), "/home/me".to_owned())]);
    plan(
        workflow,
        &PlanRequest {
            parameters,
            runners: &runners,
            installed: &|program| program != "helm",
            visible_env: &visible_env,
            ..PlanRequest::lenient(&Catalogue::builtin(), Purpose::Execute)
        },
    )
}

/// Compares the findings of a workflow, one line each.
#[track_caller]
fn check(fields: Value, parameters: Value, expected: Expect) {
    let planned = planned(&workflow(&fields), parameters.as_object().unwrap());
    let mut shown = String::new();
    for issue in &planned.issues {
        let severity = if issue.is_error() { "error" } else { "warning" };
        let help = issue.help.as_deref().unwrap_or("-");
        writeln!(shown, "{severity} {} {}: {} ({help})", issue.code, issue.path, issue.message).unwrap();
    }
    assert_eq!(planned.plan.is_none(), planned.issues.iter().any(crate::Diagnostic::is_error));
    expected.assert_eq(&shown);
}

#[test]
fn a_plain_chain_has_no_findings() {
    check(
        json!({"params": {"target": {"default": "/tmp"}}, "steps": [
            {"name": "a", "command": "echo ${target}", "output": "OUT"},
            {"name": "b", "command": "echo ${OUT} ${UNKNOWN_TO_US}"},
            {"name": "c", "tool": "wait", "parameters": {"duration": "${params.target}"}},
        ]}),
        json!({}),
        expect![[""]],
    );
}

#[test]
fn names_and_order() {
    check(
        json!({"steps": []}),
        json!({}),
        expect![[r#"
        error no_steps /steps: the workflow has no steps (add at least one step with a name and a `command` or a `tool`)
    "#]],
    );
    check(
        json!({"steps": [
            {"name": "a", "command": "true", "depends": ["a", "biuld"]},
            {"name": "build", "command": "true", "depends": []},
            {"name": "build", "command": "true"},
            {"name": "nothing"},
        ]}),
        json!({}),
        expect![[r#"
            error duplicate_step /steps/2/name: two steps are called `build`: the 2nd and the 3rd (give each step a name of its own)
            error depends_on_itself /steps/0/depends/0: `a` depends on itself (remove this entry of `depends`)
            error unknown_step /steps/0/depends/1: `a` depends on `biuld`, and no step is called so (did you mean `build`?)
            error no_action /steps/3: `nothing` does nothing (give it one of `command`, `script`, `tool`, `http` or `approval`)
        "#]],
    );
    check(
        json!({"steps": [
            {"name": "a", "command": "true", "depends": ["c"]},
            {"name": "b", "command": "true"},
            {"name": "c", "command": "true", "depends": ["b"]},
        ]}),
        json!({}),
        expect![[r#"
            error cycle /steps/0/depends: the steps wait for each other in a circle: a -> c -> b -> a (`b` has no `depends`, so it follows `a`: free it with `depends: []`, or set `type: graph`)
        "#]],
    );
}

#[test]
fn parameters() {
    check(
        json!({"params": {
            "count": {"kind": null, "type": "integer", "min": 1.0, "max": 5.0},
            "stage": {"enum": ["staging", "production"], "default": "stagin"},
            "needed": {"required": true, "description": "the thing"},
            "LD_PRELOAD": {"default": "x"},
            "on": {"type": "boolean", "default": "perhaps"},
        }, "steps": [{"name": "a", "command": "true"}]}),
        json!({"count": "9", "cuont": 3, "BASH_ENV": "x", "evil": "a\u{0}b"}),
        expect![[r#"
            error invalid_value /params/count: `count` is `9`, which is more than 5 (choose a value within the bounds)
            error invalid_value /params/stage/default: `stage` can't be `stagin` (did you mean `staging`? it is one of: staging, production)
            error missing_value /params/needed: the parameter `needed` has no value (pass it in `parameters`: the thing)
            error reserved_name /params/LD_PRELOAD: `LD_PRELOAD` steers the programs that a step starts; a parameter can't be called so (give the parameter another name, such as one in lower case)
            error invalid_value /params/on/default: `on` must be boolean, and `perhaps` is a string (give it a value of type `boolean`)
            error reserved_name /params: `BASH_ENV` steers the programs that a step starts; a parameter can't be called so (give the parameter another name, such as one in lower case)
            error nul_in_value /params: the value of `evil` holds a NUL character (remove it: no program can be given one)
            warning undeclared_parameter /params: the workflow declares no parameter `cuont`, `BASH_ENV`, `evil` (did you mean `count` instead of `cuont`? otherwise declare it under `params`)
        "#]],
    );
}

#[test]
fn references_and_expressions() {
    check(
        json!({"kind": "graph", "params": {"image": {"default": "x"}}, "env": {"B": "${A}", "A": "1"}, "steps": [
            {"name": "make", "command": "echo 1", "output": "TAG"},
            {"name": "use", "tool": "kubectl", "parameters": {"command": "get pods ${TAG} ${imge}"}},
            {"name": "look", "command": "echo ${params.imge}", "condition": "params.image == 'x' && steps.mkae.output == '1'"},
            {"name": "bad", "command": "true", "condition": "1 +", "depends": ["make"]},
            {"name": "root", "command": "true", "condition": "image == 'x'"},
            {"name": "own", "command": "echo ${ME}", "output": "ME"},
            {"name": "fine", "command": "echo ${TAG}", "depends": ["bad"]},
        ]}),
        json!({}),
        expect![[r#"
            error unknown_reference /steps/1/parameters/command: nothing is called `imge` here (did you mean `image`?)
            error unknown_reference /steps/2/command: nothing is called `params.imge` here (refer to a parameter (`${params.x}`), a declared variable (`${env.X}`), an output of an earlier step (`${steps.x.output}`), an item (`${ITEM}`) or a secret (`${secrets.X}`))
            error unknown_step /steps/2/if: no step is called `mkae` (did you mean `make`?)
            error invalid_expression /steps/3/if: `1 +` is no expression: ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER} (expressions are CEL over `params env steps run context item`, as in `params.replicas > 2`)
            error unknown_reference /steps/4/if: nothing is called `image` in an expression (write `params.image`)
            error own_output /steps/5/command: `own` uses its own result, which is not there while it runs (refer to an earlier step, or give one of the two outputs another name)
            error env_order /env/B: `B` is made of `A`, which is declared after it (move `A` before `B`)
            error output_not_upstream /steps/1/parameters/command: `use` uses the result of `make`, but need not run after it (add `make` to the `depends` of `use`)
        "#]],
    );
}

#[test]
fn tools() {
    check(
        json!({"steps": [
            {"name": "a", "tool": "kubctl", "parameters": {}},
            {"name": "b", "tool": "kubectl", "parameters": {"comand": "get pods"}},
            {"name": "c", "tool": "kubectl", "parameters": {"command": "get pods | grep x"}},
            {"name": "d", "tool": "docker", "parameters": {"command": "exec web sh -c 'echo ${x}'"}},
            {"name": "e", "tool": "helm", "parameters": {"command": "list", "namespace": "-x"}},
            {"name": "f", "tool": "psql", "parameters": {"query": "select 'a ${b}'", "port": "many"}},
            {"name": "g", "tool": "http", "parameters": {"url": "example.com", "method": "GET"}},
            {"name": "h", "tool": "file", "parameters": {"operation": "write", "path": "x"}},
        ]}),
        json!({"x": 1, "b": 2}),
        expect![[r#"
            error unknown_tool /steps/0/tool: there is no tool `kubctl` (did you mean `kubectl`?)
            error unknown_parameter /steps/1/parameters/comand: `kubectl` has no parameter `comand` (did you mean `command`?)
            error missing_parameter /steps/1/parameters: `kubectl` needs `command` (add `command`: the sub-command with its arguments, such as `get pods -o wide`)
            error shell_syntax /steps/2/parameters/command: `|` means something to a shell only, and a tool's command has none (use `command:` (or `tool: shell`) for this step, or put it into quotes to pass it on as it is)
            error reference_in_code /steps/3/parameters/command: `${x}` would become code of the program that the command starts (pass it as an argument after the code: `sh -c 'echo "$1"' sh ${name}`)
            error parameter_type /steps/5/parameters/port: `port` must be integer, not string (it is: which port)
            error invalid_request /steps/6/parameters/url: `example.com` doesn't begin with `http://` or `https://` (write the whole URL)
            error missing_parameter /steps/7/parameters: `file` with this operation needs `content` (add `content` to `parameters`)
            warning undeclared_parameter /params: the workflow declares no parameter `x`, `b` (they can be used as any other; declare them under `params` to have them checked)
            warning program_missing /steps/4/tool: `helm` is not installed (install it where the steps run: https://helm.sh/docs/intro/install/)
        "#]],
    );
}

#[test]
fn rollback_limits_runners_and_secrets() {
    check(
        json!({"on_failure": "rollback", "runner": "kubernets", "files": {"../x": ""}, "steps": [
            {"name": "up", "tool": "helm", "parameters": {"command": "install web ./chart"}},
            {"name": "key", "command": "echo AKIAABCDEFGHIJKLMNOP", "timeout_ms": 0,
             "retry": {"max_attempts": 0, "delay_ms": 0, "backoff": 0.0, "max_delay_ms": null, "jitter": 2.0, "on": []}},
            {"name": "sub", "action": {"workflow": {"workflow": "other", "parameters": {}}}},
        ]}),
        json!({}),
        expect![[r#"
            error unknown_runner /runner: there is no runner `kubernets` (did you mean `kubernetes`?)
            error invalid_limit /steps/1/timeout: a timeout of 0 ends everything at once (write a longer one, or leave it out)
            error invalid_retry /steps/1/retry/max_attempts: `max_attempts` counts the first try, so 0 would never run (write 1 for no further try)
            error invalid_retry /steps/1/retry/backoff: a backoff of 0 is not between 1 and 100 (write 1 for a constant delay, 2 to double it)
            error invalid_retry /steps/1/retry/jitter: a jitter of 2 is not between 0 and 1 (write the part of the delay that is random, as 0.1)
            error not_supported /steps/2/workflow: the workflow `other` as a step is not carried out by this version (copy its steps into this workflow)
            error invalid_name /files/..~1x: `../x` can't be the name of a file (use a name without `/` and `..`)
            warning program_missing /steps/0/tool: `helm` is not installed (install it where the steps run: https://helm.sh/docs/intro/install/)
            warning secret_in_plain_text /steps/1/command: a key of AWS stands here in plain text (write `${secrets.NAME}`, and set it as `PARTITA_SECRET_NAME` on the server)
            warning no_rollback /steps/0: `up` changes something and has no `rollback`, so a failure can't take it back (add a `rollback`: `helm rollback <release>`, or `helm uninstall` for a first install)
            warning no_rollback /on_failure: `on_failure` is `rollback`, but no step has a `rollback` (add a `rollback` to the steps that change something)
        "#]],
    );
}

#[test]
fn effects_are_told_and_never_lowered() {
    let document = workflow(&json!({"steps": [
        {"name": "look", "tool": "kubectl", "parameters": {"command": "-n prod get pods"}},
        {"name": "odd", "tool": "kubectl", "parameters": {"command": "--odd get delete pods"}},
        {"name": "gone", "tool": "kubectl", "parameters": {"command": "delete ns x"}, "effects": "read"},
        {"name": "text", "command": "echo hello", "effects": "read"},
        {"name": "wipe", "command": "rm -rf /srv/x"},
        {"name": "push", "tool": "git", "parameters": {"command": "push --force origin main"}},
        {"name": "post", "tool": "curl", "parameters": {"command": "-sXPOST https://example.com"}},
        {"name": "sql", "tool": "psql", "parameters": {"query": "select count(*) from t"}},
        {"name": "call", "tool": "psql", "parameters": {"query": "select pg_terminate_backend(1)"}},
        {"name": "raised", "tool": "df", "parameters": {}, "effects": "write"},
    ]}));
    let planned = planned(&document, &Map::new());
    let found: Vec<(&str, Effects)> = planned.risk.iter().map(|risk| (risk.step.as_str(), risk.effects)).collect();
    let expected = [
        ("look", Effects::Read),
        ("odd", Effects::Unknown),
        ("gone", Effects::Destructive),
        ("text", Effects::Unknown),
        ("wipe", Effects::Destructive),
        ("push", Effects::Destructive),
        ("post", Effects::Write),
        ("sql", Effects::Read),
        ("call", Effects::Unknown),
        ("raised", Effects::Write),
    ];
    assert_eq!(found, expected);
    assert!(planned.risk.iter().all(|risk| !risk.reasons.is_empty()));
}

#[test]
fn a_shell_gets_values_through_its_environment() {
    let document = workflow(&json!({"params": {"x": {"default": "$(touch y)"}}, "steps": [
        {"name": "a", "command": "echo ${x} ${params.x}"},
    ]}));
    let plan = planned(&document, &Map::new()).plan.unwrap();
    let PlannedAction::Script { interpreter, script } = &plan.steps[0].action else { panic!("no script") };
    assert_eq!(interpreter, &["sh", "-e"]);
    let in_text = |piece: &ScriptPiece| matches!(piece, ScriptPiece::Text(text) if text.contains("touch"));
    assert!(!script.pieces.iter().any(in_text));
    assert_eq!(script.pieces.iter().filter(|piece| !matches!(piece, ScriptPiece::Text(_))).count(), 2);
}

#[test]
fn the_other_names_of_the_local_runner_are_known() {
    for name in ["local", "default", "kubiya-hosted"] {
        let document = workflow(&json!({"runner": name, "steps": [{"name": "a", "command": "true"}]}));
        let plan = planned(&document, &Map::new()).plan.unwrap();
        assert_eq!((plan.runner.as_str(), plan.steps[0].runner.as_str()), ("local", "local"), "{name}");
    }
}

#[test]
fn only_plans_with_code_need_the_scope_for_it() {
    let needs = |step: Value| {
        let planned = planned(&workflow(&json!({"steps": [step]})), &Map::new());
        super::needs_code(&planned.plan.unwrap(), &Catalogue::builtin())
    };
    assert!(needs(json!({"name": "a", "command": "true"})));
    assert!(needs(json!({"name": "a", "tool": "python", "parameters": {"code": "print(1)"}})));
    assert!(needs(json!({"name": "a", "tool": "ssh", "parameters": {"host": "h", "command": "true"}})));
    assert!(!needs(json!({"name": "a", "tool": "kubectl", "parameters": {"command": "get pods"}})));
    assert!(!needs(json!({"name": "a", "tool": "wait", "parameters": {"duration": 1}})));
}

#[test]
fn outputs_are_kept_whole_only_when_somebody_looks_at_them() {
    let document = workflow(&json!({"steps": [
        {"name": "a", "command": "true"},
        {"name": "b", "command": "true"},
        {"name": "c", "command": "true", "condition": "steps.a.output == ''"},
    ]}));
    let plan = planned(&document, &Map::new()).plan.unwrap();
    let sizes: Vec<u64> = plan.steps.iter().map(|step| step.output_bytes_max).collect();
    assert_eq!(sizes, [1024 * 1024, 4096, 4096]);
}

#[test]
fn every_example_is_a_plan() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let loaded = crate::workflow::parse(&std::fs::read_to_string(&path).unwrap(), None);
        let planned = planned(&loaded.workflow.unwrap(), &loaded.parameters);
        assert!(planned.is_valid(), "{}: {:#?}", path.display(), planned.issues);
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} examples");
}

#[test]
fn a_finding_has_its_place() {
    let text = "name: x\nsteps:\n  - name: a\n    tool: kubctl\n    parameters: {}\n";
    let loaded = crate::workflow::parse(text, None);
    let planned = plan(
        &loaded.workflow.unwrap(),
        &PlanRequest { places: Some(&loaded.places), ..PlanRequest::lenient(&Catalogue::builtin(), Purpose::Validate) },
    );
    assert_eq!(planned.issues[0].code, "unknown_tool");
    assert_eq!(planned.issues[0].line, Some(4));
}

fn command(name: String, command: String) -> Step {
    Step { name, action: Some(Action::Command { command, shell: None }), ..Step::default() }
}

/// The tests run unoptimised on a busy machine, so the bounds are wide; anything quadratic exceeds them.
#[test]
fn the_cost_is_linear() {
    let chain = (0..10_000).map(|index| Step {
        output: Some(format!("OUT_{index}")),
        ..command(format!("step-{index}"), format!("echo ${{OUT_{}}}", index.max(1) - 1))
    });
    let mut steps: Vec<Step> = chain.collect();
    steps[0].action = Some(Action::Command { command: "echo".to_owned(), shell: None });
    let begin = Instant::now();
    let document = Workflow { name: "chain".to_owned(), steps, ..Workflow::default() };
    assert!(planned(&document, &Map::new()).is_valid());
    assert!(begin.elapsed() < Duration::from_secs(20), "the chain took {:?}", begin.elapsed());

    let mut steps: Vec<Step> = (0..1_000)
        .map(|index| Step {
            output: Some(format!("OUT_{index}")),
            ..command(format!("step-{index}"), "echo".to_owned())
        })
        .collect();
    let all: String = (0..1_000).map(|index| format!("echo ${{OUT_{index}}}\n")).collect();
    let depends = Some((0..1_000).map(|index| format!("step-{index}")).collect());
    steps.push(Step { depends, ..command("join".to_owned(), all) });
    let document = Workflow { name: "join".to_owned(), kind: Kind::Graph, steps, ..Workflow::default() };
    let begin = Instant::now();
    assert!(planned(&document, &Map::new()).is_valid());
    assert!(begin.elapsed() < Duration::from_secs(5), "the join took {:?}", begin.elapsed());
}
