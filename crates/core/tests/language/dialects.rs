//! Documents as other systems write them, and what they mean here.

use expect_test::{Expect, expect};
use partita_core::workflow::{parse, to_yaml};

fn check(text: &str, expected: &Expect) {
    let loaded = parse(text, None);
    let mut shown = loaded.workflow.as_ref().map(to_yaml).unwrap_or_default();
    for finding in &loaded.diagnostics {
        shown.push_str(&format!("# {} {}: {}\n", finding.code, finding.path, finding.message));
    }
    if !loaded.parameters.is_empty() {
        shown.push_str(&format!("# parameters {:?}\n", loaded.parameters));
    }
    expected.assert_eq(&shown);
    let workflow = loaded.workflow.unwrap();
    let mut again = parse(&to_yaml(&workflow), None).workflow.unwrap();
    // The canonical form is written in the canonical dialect.
    again.dialect = workflow.dialect;
    assert_eq!(again, workflow, "{}", to_yaml(&workflow));
}

#[test]
fn the_simplest_form() {
    check(
        r#"{"name": "deploy", "steps": [{"name": "look", "tool": "kubectl", "parameters": {"command": "get ns shop"}}]}"#,
        &expect![[r#"
            name: deploy
            steps:
              - name: look
                tool: kubectl
                parameters:
                  command: get ns shop
        "#]],
    );
}

#[test]
fn camel_case_with_policies() {
    check(
        r#"{
          "name": "camel", "type": "graph", "maxActiveSteps": "2", "timeoutSec": 60, "tags": "a, b",
          "parameters": {"P": "1"}, "params": {"A": "1", "B": {"default": 2, "required": true}},
          "env": [{"X": "1"}, "Y=2"], "runner": "kubiya-hosted",
          "handlerOn": {"failure": {"command": "echo bad"}, "exit": "echo end"},
          "steps": [
            {"name": "a", "command": "echo", "executor": {"type": "command", "config": {}}, "output": "$OUT",
             "retryPolicy": {"limit": "2", "intervalSec": 5, "exponentialBase": 3, "maxIntervalSec": 60, "exitCodes": [1, 2]},
             "continueOn": {"failure": true, "markSuccess": false, "exitCode": [3], "output": "re:x.*"},
             "signalOnStop": "SIGINT", "preconditions": ["test -f x", {"condition": "${A}", "expected": "1"}]},
            {"name": "b", "depends": "a", "command": ["ls", "-l", "two words"], "repeatPolicy": {"intervalSec": 2, "limit": 3, "exitCode": [1]}},
            {"name": "c", "depends": ["a"], "command": "echo ${ITEM}", "parallel": {"items": {"items": [1, 2], "maxConcurrent": 2}}},
            {"name": "d", "command": "python", "script": "print(1)"},
            {"name": "e", "executor": {"type": "http", "config": {"url": "http://x/", "method": "POST", "body": {"a": 1}}}},
            {"name": "f", "executor": "http", "url": "http://x/", "method": "GET"},
            {"name": "g", "executor": {"type": "http"}, "command": "GET http://x/"},
            {"name": "h", "executor": {"type": "docker", "config": {"image": "alpine", "command": "true"}}},
            {"name": "i", "executor": {"type": "tool", "config": {"tool_name": "jq", "args": {"filter": "."}}}},
            {"name": "j", "executor": {"type": "llm_completion", "config": {"prompt": "hi"}}},
            {"name": "k", "run": "other", "params": "A=1 B=2"},
            {"name": "l", "type": "get_secret", "secret_name": "x"},
            {"name": "m", "executor": {"type": "ssh", "config": {"host": "h", "user": "u", "keyFile": "k"}}, "command": "ls"},
            {"name": "n", "executor": {"type": "agent", "config": {"agent_name": "x"}}, "mailOnError": true}
          ]
        }"#,
        &expect![[r#"
            name: camel
            params:
              A: "1"
              B:
                default: 2
                required: true
            env:
              X: "1"
              "Y": "2"
            runner: kubiya-hosted
            timeout: 1m
            type: graph
            max_active_steps: 2
            steps:
              - name: a
                preconditions:
                  - test -f x
                  - condition: ${A}
                    expected: "1"
                command: echo
                output: OUT
                retry:
                  max_attempts: 3
                  delay: 5s
                  backoff: 3.0
                  max_delay: 1m
                  "on":
                    - exit_code: 1
                    - exit_code: 2
                continue_on:
                  failure: true
                  exit_code: [3]
                  output: [re:x.*]
                signal_on_stop: SIGINT
              - name: b
                depends: [a]
                command: ls -l "two words"
                repeat:
                  exit_code: [1]
                  limit: 3
                  delay: 2s
              - name: c
                depends: [a]
                command: echo ${ITEM}
                foreach:
                  items: [1, 2]
                  max_active: 2
              - name: d
                shell: python
                script: print(1)
              - name: e
                http:
                  url: http://x/
                  method: POST
                  body:
                    a: 1
              - name: f
                http:
                  url: http://x/
                  method: GET
              - name: g
                http:
                  url: http://x/
                  method: GET
              - name: h
                image: alpine
                command: "true"
              - name: i
                tool: jq
                parameters:
                  filter: .
              - name: j
                executor:
                  type: llm_completion
                  config:
                    prompt: hi
              - name: k
                workflow: other
                parameters:
                  A: "1"
                  B: "2"
              - name: l
                executor:
                  type: get_secret
                  config:
                    secret_name: x
              - name: m
                tool: ssh
                parameters:
                  host: h
                  user: u
                  key_file: k
                  command: ls
              - name: "n"
                agent:
                  agent_name: x
            handlers:
              failure:
                name: on-failure
                command: echo bad
              exit:
                name: on-exit
                command: echo end
            tags: [a, b]
            # key_not_supported /steps/13/mailOnError: `mailOnError` is not carried out: use the `failure` handler
            # parameters {"P": String("1")}
        "#]],
    );
}

#[test]
fn the_spellings_of_documentation() {
    check(
        "name: docs\nsteps:\n  fetch:\n    action: http\n    inputs: {url: 'http://x/${{ params.id }}'}\n  run:\n    executor: command\n    command: echo {{name}}\n    depends_on: fetch\n    condition: '{{env}} == \"prod\"'\n    timeout: 30s\n    retry: 2\n",
        &expect![[r#"
            name: docs
            steps:
              - name: fetch
                tool: http
                parameters:
                  url: http://x/${{ params.id }}
              - name: run
                depends: [fetch]
                if: "{{env}} == \"prod\""
                command: echo {{name}}
                retry:
                  max_attempts: 3
                  delay: 0s
                timeout: 30s
        "#]],
    );
}

#[test]
fn everything_in_our_own_words() {
    check(
        "name: whole\ndescription: all keys\nversion: '1.0'\nparams:\n  tag: v1\n  n: {type: integer, min: 1, max: 9, required: true}\n  key: {secret: true}\nenv: {A: b}\ntimeout: 1h\non_failure: rollback\nmax_active_steps: 4\nsecrets: [TOKEN]\ntags: [x]\noutputs: {tag: '${OUT.tag}'}\nbudget: {seconds: 10}\nfiles: {a.txt: \"one\\ntwo\\n\"}\nsteps:\n  - name: a\n    command: |\n      echo one\n      echo two\n    output: OUT\n    outputs: {tag: json.tag}\n    retry: {max_attempts: 3, delay: 2s, backoff: 2, max_delay: 10s, jitter: 0.2, on: [failure, timeout, lost, {exit_code: 7}]}\n    rollback: {command: undo, when: started}\n    effects: write\n  - name: b\n    depends: []\n    if: params.n > 3\n    foreach: {items: '${OUT.list}', max_active: 3}\n    tool: shell\n    parameters: {command: ls}\n    continue_on: {failure: true, mark_success: true}\n    stdout: out.txt\n  - name: c\n    approval: go on?\n  - name: d\n    repeat: {until: exit_code == 0, limit: 5, delay: 1s}\n    script: import os\n    shell: python3\n    dir: /tmp\n    env: {B: c}\n  - name: e\n    http: {url: 'http://x', headers: {A: b}, expect_status: [200, 204], redirect_hosts: [y], timeout: 3s}\nhandlers:\n  failure: {command: echo bad}\n  exit: echo end\n",
        &expect![[r#"
            name: whole
            description: all keys
            version: "1.0"
            params:
              tag: v1
              "n":
                type: integer
                required: true
                min: 1.0
                max: 9.0
              key:
                secret: true
            env:
              A: b
            timeout: 1h
            max_active_steps: 4
            steps:
              - name: a
                command: |
                  echo one
                  echo two
                output: OUT
                outputs:
                  tag: json.tag
                retry:
                  max_attempts: 3
                  delay: 2s
                  backoff: 2.0
                  max_delay: 10s
                  jitter: 0.2
                  "on":
                    - failure
                    - timeout
                    - lost
                    - exit_code: 7
                rollback:
                  command: undo
                  when: started
                effects: write
              - name: b
                depends: []
                if: params.n > 3
                tool: shell
                parameters:
                  command: ls
                continue_on:
                  failure: true
                  mark_success: true
                foreach:
                  items: ${OUT.list}
                  max_active: 3
                stdout: out.txt
              - name: c
                approval:
                  message: go on?
              - name: d
                shell: python3
                script: import os
                env:
                  B: c
                dir: /tmp
                repeat:
                  until: exit_code == 0
                  limit: 5
                  delay: 1s
              - name: e
                http:
                  url: http://x
                  headers:
                    A: b
                  expect_status: [200, 204]
                  redirect_hosts: ["y"]
                  timeout: 3s
            handlers:
              failure:
                name: on-failure
                command: echo bad
              exit:
                name: on-exit
                command: echo end
            on_failure: rollback
            budget:
              seconds: 10.0
            secrets: [TOKEN]
            tags: [x]
            outputs:
              tag: ${OUT.tag}
            files:
              a.txt: |
                one
                two
        "#]],
    );
}
