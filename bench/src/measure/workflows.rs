//! The workflows that are measured.

use serde_json::{Value, json};

/// A chain of steps that take no time and start no process.
#[must_use]
pub fn wait_chain(steps: usize) -> Value {
    let steps: Vec<Value> = (0..steps)
        .map(|index| json!({"name": format!("s{index}"), "tool": "wait", "parameters": {"duration": "0"}}))
        .collect();
    json!({"name": "wait-chain", "steps": steps})
}

/// A chain of steps that each start a shell.
#[must_use]
pub fn shell_chain(steps: usize) -> Value {
    let steps: Vec<Value> = (0..steps).map(|index| json!({"name": format!("s{index}"), "command": "true"})).collect();
    json!({"name": "shell-chain", "steps": steps})
}

/// One step, then many that wait for it, then one that waits for all.
#[must_use]
pub fn fan_out(width: usize) -> Value {
    let wait = |name: &str, depends: Vec<String>| json!({"name": name, "depends": depends, "tool": "wait", "parameters": {"duration": "0"}});
    let names: Vec<String> = (0..width).map(|index| format!("w{index}")).collect();
    let mut steps = vec![wait("start", Vec::new())];
    steps.extend(names.iter().map(|name| wait(name, vec!["start".to_owned()])));
    steps.push(wait("join", names));
    json!({"name": "fan-out", "type": "graph", "steps": steps})
}
