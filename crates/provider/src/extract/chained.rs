//! Commands that only a shell understands, where a tool takes one. Those that are joined by `&&` become steps of their own;
//! what needs a shell otherwise (pipes, redirections) becomes a line for one, and is judged as such.

use partita_core::tool::{ArgvItem, Catalogue, Runs, Tool};
use serde_json::{Map, Value, json};

/// Gives each of several commands in one step a step of its own, and a shell to what needs one; says where.
pub(crate) fn split_up(document: &mut Value, catalogue: &Catalogue) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(steps) = document.get_mut("steps").and_then(Value::as_array_mut) else { return notes };
    let mut taken: Vec<String> = steps.iter().filter_map(|step| Some(step["name"].as_str()?.to_owned())).collect();
    // Each step that was split, with the names of its parts.
    let mut renamed: Vec<(String, Vec<String>)> = Vec::new();
    let mut split = Vec::with_capacity(steps.len());
    for mut step in std::mem::take(steps) {
        let name = step["name"].as_str().unwrap_or_default().to_owned();
        if for_a_shell(&mut step, catalogue) {
            notes.push(format!("`{name}` needs a shell: it became a line for one"));
        }
        let Some(commands) = commands(&step, catalogue).filter(|commands| commands.len() > 1 && !name.is_empty())
        else {
            split.push(step);
            continue;
        };
        let parts = parts(&step, &commands, catalogue, &mut taken);
        let names = parts.iter().filter_map(|part| Some(part["name"].as_str()?.to_owned())).collect();
        renamed.push((name.clone(), names));
        notes.push(format!("`{name}` held {} commands: each became a step of its own", commands.len()));
        split.extend(parts);
    }
    // Who waited for all of it waits for its last part.
    for (name, parts) in &renamed {
        let is_part = |step: &Value| parts.iter().any(|part| step["name"] == *part);
        for step in split.iter_mut().filter(|step| !is_part(step)) {
            for need in step.get_mut("depends").and_then(Value::as_array_mut).into_iter().flatten() {
                if need == name {
                    *need = json!(parts.last());
                }
            }
        }
    }
    *steps = split;
    for step in steps.iter_mut() {
        if let Some(rollback) = step.get_mut("rollback")
            && (for_a_shell(rollback, catalogue) || as_one_line(rollback, catalogue))
        {
            notes.push("a rollback held several commands: they became a line for a shell".to_owned());
        }
    }
    notes
}

/// A command of a tool: the tool's name, and its arguments; of `wait`, which stands for `sleep`, how long.
type Command = (String, String);

const WAIT: &str = "wait";

/// The commands of a call, when each is one of a tool that takes a command.
fn commands(call: &Value, catalogue: &Catalogue) -> Option<Vec<Command>> {
    let tool = call["tool"].as_str()?;
    let text = call["parameters"]["command"].as_str()?;
    if !takes_command(catalogue.get(tool)?) {
        return None;
    }
    // Further parameters (`directory`) are those of this tool alone.
    let is_plain = call["parameters"].as_object()?.len() == 1;
    let of = |part: String| {
        let (first, rest) = part.split_once(char::is_whitespace).unwrap_or((part.as_str(), ""));
        if first == "sleep" {
            let time =
                if rest.ends_with(|it: char| it.is_ascii_digit()) { format!("{rest}s") } else { rest.to_owned() };
            return partita_core::time::parse_duration(&time).ok().map(|_| (WAIT.to_owned(), time));
        }
        match catalogue.get(first) {
            Some(other) if other.name != tool => {
                (is_plain && takes_command(other)).then(|| (first.to_owned(), rest.trim().to_owned()))
            }
            _ => Some((tool.to_owned(), part)),
        }
    };
    chain(text)?.into_iter().map(of).collect()
}

/// Makes a line for a shell of a call whose command has pipes, redirections or other commands in it.
fn for_a_shell(call: &mut Value, catalogue: &Catalogue) -> bool {
    let Some(tool) = call["tool"].as_str().and_then(|name| catalogue.get(name)).filter(|tool| takes_command(tool))
    else {
        return false;
    };
    let Some(parameters) = call["parameters"].as_object().filter(|parameters| parameters.len() == 1) else {
        return false;
    };
    let Some(text) = parameters.get("command").and_then(Value::as_str).filter(|text| needs_shell(text)) else {
        return false;
    };
    let named = text.split_whitespace().next() == Some(tool.name.as_str());
    let line = if named { text.to_owned() } else { format!("{} {text}", tool.name) };
    if let Some(keys) = call.as_object_mut() {
        keys.retain(|key, _| key != "tool" && key != "parameters");
        keys.insert("command".to_owned(), json!(line));
    }
    true
}

/// Whether a text has words that mean something to a shell only, beside `&&`; what stands in quotes means nothing.
fn needs_shell(text: &str) -> bool {
    const OPERATORS: [&str; 10] = ["|", "||", ";", ">", ">>", "<", "<<", "&", "2>", "2>&1"];
    let mut open = None;
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match open {
            Some(quote) if quote == character => open = None,
            Some('\'') => {}
            Some(_) if !matches!(character, '`' | '$' | '(') => {}
            None if matches!(character, '\'' | '"') => open = Some(character),
            _ => plain.push(character),
        }
    }
    plain.contains("$(") || plain.contains('`') || plain.split_whitespace().any(|word| OPERATORS.contains(&word))
}

/// Whether a tool runs a program with the words of its parameter `command`.
fn takes_command(tool: &Tool) -> bool {
    let Runs::Program { argv, .. } = &tool.runs else { return false };
    argv.iter().any(|item| matches!(item, ArgvItem::Word(word) if word == "<command...>"))
}

/// The parts of a text between `&&` that stand in no quotes; `None` when one of them is empty.
fn chain(text: &str) -> Option<Vec<String>> {
    let (mut parts, mut part, mut open) = (Vec::new(), String::new(), None);
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match (open, character) {
            (None, '\'' | '"') => open = Some(character),
            (Some(quote), _) if quote == character => open = None,
            (None, '&') if rest.peek() == Some(&'&') => {
                rest.next();
                parts.push(std::mem::take(&mut part).trim().to_owned());
                continue;
            }
            _ => {}
        }
        part.push(character);
    }
    parts.push(part.trim().to_owned());
    (open.is_none() && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

/// The steps that one step becomes: each waits for the one before; what it gives comes from the last. What takes it back
/// is shared out where there is one for each, else it belongs to the first.
fn parts(step: &Value, all: &[Command], catalogue: &Catalogue, taken: &mut Vec<String>) -> Vec<Value> {
    let name = step["name"].as_str().unwrap_or_default();
    let undone = step.get("rollback").and_then(|rollback| commands(rollback, catalogue));
    let undone = undone.filter(|undone| undone.len() == all.len() && undone.len() > 1);
    let mut parts: Vec<Value> = Vec::with_capacity(all.len());
    for (at, (tool, command)) in all.iter().enumerate() {
        let mut part = step.clone();
        let Some(keys) = part.as_object_mut() else { continue };
        keys.insert("tool".to_owned(), json!(tool));
        if tool == WAIT {
            keys.insert("parameters".to_owned(), json!({"duration": command}));
        } else if let Some(parameters) = keys.get_mut("parameters").and_then(Value::as_object_mut) {
            parameters.insert("command".to_owned(), json!(command));
        }
        if at + 1 < all.len() {
            keys.remove("output");
        }
        match &undone {
            Some(undone) if undone[at].0 == WAIT => drop(keys.remove("rollback")),
            Some(undone) => {
                let (tool, command) = &undone[at];
                keys.insert("rollback".to_owned(), json!({"tool": tool, "parameters": {"command": command}}));
            }
            None if at > 0 => drop(keys.remove("rollback")),
            None => {}
        }
        if at > 0 {
            let free = (at + 1..).map(|number| format!("{name}_{number}")).find(|name| !taken.contains(name));
            let free = free.unwrap_or_default();
            taken.push(free.clone());
            keys.insert("depends".to_owned(), json!([parts.last().map(|before| before["name"].clone())]));
            keys.insert("name".to_owned(), json!(free));
        }
        parts.push(part);
    }
    parts
}

/// A rollback of several commands as one line for a shell.
fn as_one_line(rollback: &mut Value, catalogue: &Catalogue) -> bool {
    if rollback["parameters"].as_object().is_none_or(|parameters| parameters.len() > 1) {
        return false;
    }
    let Some(commands) = commands(rollback, catalogue).filter(|commands| commands.len() > 1) else { return false };
    let program = |tool: &str, command: &str| {
        if tool == WAIT {
            return format!("sleep {}", command.trim_end_matches('s'));
        }
        let known = command.split_whitespace().next() == Some(tool);
        if known { command.to_owned() } else { format!("{tool} {command}") }
    };
    let lines: Vec<String> = commands.iter().map(|(tool, command)| program(tool, command)).collect();
    *rollback = Value::Object(Map::from_iter([("command".to_owned(), json!(lines.join(" && ")))]));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(step: Value) -> (Vec<Value>, Vec<String>) {
        // Called as if it were a part, which it is not.
        let next = json!({"name": format!("{}_check", step["name"].as_str().unwrap_or_default()), "tool": "df", "parameters": {"path": "/"}, "depends": [step["name"]]});
        let mut document = json!({"steps": [step, next]});
        let notes = split_up(&mut document, &Catalogue::builtin());
        (document["steps"].as_array().unwrap().clone(), notes)
    }

    #[test]
    fn what_is_no_workflow_stays_as_it_is() {
        for steps in [
            json!(null),
            json!([1, "a", [], {}]),
            json!({"a": 1}),
            json!([{"tool": "kubectl", "parameters": 1, "rollback": []}]),
        ] {
            let mut document = json!({"steps": steps, "params": [{"name": 1}, 2]});
            let before = document.clone();
            assert!(split_up(&mut document, &Catalogue::builtin()).is_empty());
            assert_eq!(super::super::without_unused(&mut document), None);
            assert_eq!(document, before);
        }
    }

    #[test]
    fn each_command_becomes_a_step() {
        let (steps, notes) = split(json!({
            "name": "roll", "tool": "kubectl", "if": "params.x == 1", "output": "OUT",
            "parameters": {"command": "rollout restart deployment/a && kubectl rollout restart deployment/b"},
            "rollback": {"tool": "kubectl", "parameters": {"command": "rollout undo deployment/a && rollout undo deployment/b"}},
        }));
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert_eq!(steps.len(), 3);
        assert_eq!(steps[0]["parameters"]["command"], "rollout restart deployment/a");
        assert!(steps[0].get("output").is_none() && steps[0].get("depends").is_none());
        assert_eq!(
            (&steps[1]["name"], &steps[1]["depends"], &steps[1]["output"]),
            (&json!("roll_2"), &json!(["roll"]), &json!("OUT"))
        );
        assert_eq!((&steps[1]["if"], &steps[2]["depends"]), (&json!("params.x == 1"), &json!(["roll_2"])));
        assert_eq!(steps[1]["rollback"]["parameters"]["command"], "rollout undo deployment/b");
    }

    #[test]
    fn another_program_is_its_own_tool_and_a_rollback_of_several_is_for_a_shell() {
        let (steps, notes) = split(json!({
            "name": "a", "tool": "git", "parameters": {"command": "pull && make test"},
            "rollback": {"tool": "git", "parameters": {"command": "stash && git reset --hard && stash pop"}},
        }));
        // `make` takes no command, so nobody can tell what was meant.
        assert_eq!((steps.len(), notes.len()), (2, 1), "{notes:?}");
        assert_eq!(steps[0]["rollback"]["command"], "git stash && git reset --hard && git stash pop");
        let (steps, _) =
            split(json!({"name": "a", "tool": "git", "parameters": {"command": "pull && sleep 10 && fetch"}}));
        assert_eq!((&steps[1]["tool"], &steps[1]["parameters"]), (&json!("wait"), &json!({"duration": "10s"})));
        let (steps, _) = split(json!({"name": "a", "tool": "git", "parameters": {"command": "pull && helm list"}}));
        assert_eq!((&steps[1]["tool"], &steps[1]["parameters"]["command"]), (&json!("helm"), &json!("list")));
    }

    #[test]
    fn what_needs_a_shell_gets_one() {
        let (steps, notes) = split(json!({
            "name": "a", "tool": "kubectl", "parameters": {"command": "get pods -n ${ns} | grep api && echo ok"}, "timeout": "1m",
            "rollback": {"tool": "kubectl", "parameters": {"command": "kubectl delete pod $(cat name)"}},
        }));
        assert_eq!(steps[0]["command"], "kubectl get pods -n ${ns} | grep api && echo ok");
        assert!(steps[0].get("tool").is_none() && steps[0].get("parameters").is_none() && steps[0]["timeout"] == "1m");
        assert_eq!((&steps[0]["rollback"], notes.len()), (&json!({"command": "kubectl delete pod $(cat name)"}), 2));
        assert!(!needs_shell("get pods -o jsonpath='{a | b}' --filter \"x > y\" -l a!=b"));
        assert!(needs_shell("logs web > out.txt") && needs_shell("exec \"$(date)\""));
    }

    #[test]
    fn what_stands_in_quotes_or_is_for_a_shell_stays() {
        for step in [
            json!({"name": "a", "tool": "git", "parameters": {"command": "commit -m 'this && that'"}}),
            json!({"name": "a", "tool": "shell", "parameters": {"command": "a && b"}}),
            json!({"name": "a", "tool": "ssh", "parameters": {"host": "h", "command": "a && b"}}),
            json!({"name": "a", "tool": "git", "parameters": {"command": "pull &&"}}),
        ] {
            let (steps, notes) = split(step.clone());
            assert_eq!((&steps[0], notes.len()), (&step, 0));
        }
    }
}
