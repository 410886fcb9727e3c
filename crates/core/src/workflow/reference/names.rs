//! What a name in a reference means.

use super::{Reference, ReferenceRoot};

/// The names that a string can refer to.
pub trait Names {
    /// Whether there is a parameter of this name.
    fn is_param(&self, name: &str) -> bool;
    /// Whether the workflow or the step declares this variable, or the server lets it be seen.
    fn is_env(&self, name: &str) -> bool;
    /// The step that captures its output under this name.
    fn output(&self, name: &str) -> Option<u32>;
    /// The step of this name or id.
    fn step(&self, name: &str) -> Option<u32>;
    /// Whether this is a declared output of a step.
    fn is_step_output(&self, step: u32, name: &str) -> bool;
    /// Whether an item is at hand: the step has a `foreach`.
    fn has_item(&self) -> bool;
    /// Every name, for "did you mean".
    fn candidates(&self) -> Vec<String>;
}

/// A reference that means nothing, or not what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceIssue {
    /// `unknown_reference`, `reference_in_quotes`, …
    pub code: &'static str,
    /// Whether a plan can't be made with it.
    pub is_error: bool,
    pub message: String,
    pub help: Option<String>,
}

/// Reads what stands between the braces of a reference.
///
/// # Errors
///
/// When the name is not known; the issue suggests the nearest that is.
pub fn resolve(inside: &str, names: &dyn Names) -> Result<Reference, ReferenceIssue> {
    let (path, default) = match inside.split_once(":-") {
        Some((path, default)) => (path.trim(), Some(default.to_owned())),
        None => (inside.trim(), None),
    };
    let secret = path.strip_prefix("secret:").map(|name| Ok(ReferenceRoot::Secret(name.trim().to_owned())));
    let parts = split_path(path.trim_start_matches('.'));
    let (root, used) = match secret {
        Some(root) => (root, parts.len()),
        None => root_of(&parts, names),
    };
    let path = parts.into_iter().skip(used).collect();
    Ok(Reference { root: root.map_err(|()| unknown(inside, names))?, path, default })
}

/// Splits `a.b[0]["c d"]` into its parts.
fn split_path(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut bracket = false;
    for character in path.chars() {
        match character {
            '[' if !bracket => {
                bracket = true;
                parts.push(String::new());
            }
            ']' if bracket => bracket = false,
            '.' if !bracket => parts.push(String::new()),
            '"' | '\'' if bracket => {}
            _ => {
                if let Some(part) = parts.last_mut() {
                    part.push(character);
                }
            }
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// The root that the first parts name, and how many parts it takes.
fn root_of(parts: &[String], names: &dyn Names) -> (Result<ReferenceRoot, ()>, usize) {
    let part = |index: usize| parts.get(index).map(String::as_str);
    let Some(first) = part(0) else { return (Err(()), 0) };
    if let Some(second) = part(1) {
        match first {
            "params" | "inputs" | "parameters" if names.is_param(second) => {
                return (Ok(ReferenceRoot::Param(second.to_owned())), 2);
            }
            "env" if names.is_env(second) => return (Ok(ReferenceRoot::Env(second.to_owned())), 2),
            "secrets" => return (Ok(ReferenceRoot::Secret(second.to_owned())), 2),
            "run" if RUN_FACTS.contains(&second) => return (Ok(ReferenceRoot::Run(second.to_owned())), 2),
            "steps" => {
                let (root, used) = step_root(names.step(second), &parts[2..], names);
                return (root, used + 2);
            }
            _ => {}
        }
    }
    match first {
        "ITEM" | "item" if names.has_item() => return (Ok(ReferenceRoot::Item), 1),
        "ITEM_INDEX" | "item_index" if names.has_item() => return (Ok(ReferenceRoot::ItemIndex), 1),
        _ => {}
    }
    if names.is_param(first) {
        return (Ok(ReferenceRoot::Param(first.to_owned())), 1);
    }
    if let Some(step) = names.output(first) {
        return (Ok(ReferenceRoot::Output(step)), 1);
    }
    if names.is_env(first) {
        return (Ok(ReferenceRoot::Env(first.to_owned())), 1);
    }
    match names.step(first) {
        Some(step) if parts.len() > 1 => {
            let (root, used) = step_root(Some(step), &parts[1..], names);
            (root, used + 1)
        }
        _ => (Err(()), 0),
    }
}

/// Facts about the run that a reference can name.
const RUN_FACTS: [&str; 6] = ["id", "name", "status", "error", "started_at", "dir"];

/// What `steps.<name>.…` means.
fn step_root(step: Option<u32>, rest: &[String], names: &dyn Names) -> (Result<ReferenceRoot, ()>, usize) {
    let Some(step) = step else { return (Err(()), 0) };
    match rest.first().map(String::as_str) {
        Some("outputs") => match rest.get(1) {
            Some(name) => (Ok(ReferenceRoot::StepOutput(step, name.clone())), 2),
            None => (Err(()), 0),
        },
        Some("output" | "stdout" | "json" | "result") => (Ok(ReferenceRoot::Output(step)), 1),
        Some("exit_code" | "exitCode") => (Ok(ReferenceRoot::ExitCode(step)), 1),
        Some("status") => (Ok(ReferenceRoot::StepStatus(step)), 1),
        Some(name) if names.is_step_output(step, name) => (Ok(ReferenceRoot::StepOutput(step, name.to_owned())), 1),
        _ => (Err(()), 0),
    }
}

fn unknown(inside: &str, names: &dyn Names) -> ReferenceIssue {
    let shown: String = inside.trim().chars().take(80).collect();
    let name = shown.trim_start_matches('.');
    let others = names.candidates().into_iter().filter(|candidate| candidate != name);
    let nearest = nearest(name, others);
    let help = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "refer to a parameter (`${params.x}`), a declared variable (`${env.X}`), an output of an earlier step \
             (`${steps.x.output}`), an item (`${ITEM}`) or a secret (`${secrets.X}`)"
            .to_owned(),
    };
    let message = format!("nothing is called `{shown}` here");
    ReferenceIssue { code: "unknown_reference", is_error: true, message, help: Some(help) }
}

/// The candidate that is most like a name, if any is.
pub(crate) fn nearest(name: &str, candidates: impl IntoIterator<Item = String>) -> Option<String> {
    let name_lower = name.to_lowercase();
    let scored = candidates.into_iter().map(|candidate| {
        let score = strsim::jaro_winkler(&name_lower, &candidate.to_lowercase());
        (score, candidate)
    });
    let best = scored.filter(|(score, _)| *score > 0.8).max_by(|one, other| one.0.total_cmp(&other.0));
    best.map(|(_, candidate)| candidate)
}
