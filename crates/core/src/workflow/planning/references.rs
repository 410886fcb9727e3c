//! Reading references and expressions, and keeping account of what they use.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Findings, nearest};
use super::graph::Graph;
use super::names::{Tables, Visible};
use crate::Diagnostic;
use crate::plan::{Script, ScriptPiece};
use crate::tool::Reader;
use crate::workflow::expression;
use crate::workflow::reference::{
    self, Language, Names, Reference, ReferenceIssue, ReferenceRoot, ScriptStyle, Template,
};

/// What reading collects, for the whole workflow.
pub(super) struct Sink<'a> {
    pub(super) findings: Findings<'a>,
    /// Which step uses the result of which, and where.
    uses: Vec<(u32, u32, String)>,
    /// Steps whose output something refers to.
    pub(super) captured: Vec<bool>,
    /// Variables of the server that are used, with their values.
    pub(super) server_env: BTreeMap<String, String>,
    /// Programs that were looked for, so that each is reported once.
    pub(super) looked_for: BTreeSet<String>,
    /// The same for secrets that the workflow doesn't declare.
    undeclared_secrets: BTreeSet<String>,
}

impl<'a> Sink<'a> {
    pub(super) fn new(findings: Findings<'a>, steps: usize) -> Self {
        Self {
            findings,
            uses: Vec::new(),
            captured: vec![false; steps],
            server_env: BTreeMap::new(),
            looked_for: BTreeSet::new(),
            undeclared_secrets: BTreeSet::new(),
        }
    }

    /// Reports every use of a result that need not be there yet.
    pub(super) fn check_uses(&mut self, tables: &Tables<'_>, graph: &Graph) {
        let pairs: Vec<(u32, u32)> = self.uses.iter().map(|(step, target, _)| (*step, *target)).collect();
        for position in graph.not_upstream(&pairs) {
            let (step, target, path) = &self.uses[position];
            let name = |index: u32| tables.workflow.steps.get(index as usize).map_or("", |step| step.name.as_str());
            let (step, target) = (name(*step), name(*target));
            let message = format!("`{step}` uses the result of `{target}`, but need not run after it");
            let help = format!("add `{target}` to the `depends` of `{step}`");
            self.findings.error("output_not_upstream", path.clone(), message, help);
        }
    }
}

/// Reads the strings of one part of a workflow.
pub(super) struct PartReader<'a, 's> {
    pub(super) names: Visible<'a>,
    pub(super) sink: &'s mut Sink<'a>,
}

impl<'a> PartReader<'a, '_> {
    fn issue(&mut self, issue: ReferenceIssue, path: &str) {
        let finding = if issue.is_error {
            Diagnostic::error(issue.code, path, issue.message)
        } else {
            Diagnostic::warning(issue.code, path, issue.message)
        };
        self.sink.findings.add(match issue.help {
            Some(help) => finding.help(help),
            None => finding,
        });
    }

    fn issues(&mut self, issues: Vec<ReferenceIssue>, path: &str) {
        for issue in issues {
            self.issue(issue, path);
        }
    }

    /// Notes what a reference uses.
    pub(super) fn used(&mut self, reference: &Reference, path: &str) {
        match &reference.root {
            ReferenceRoot::StepOutput(step, name) if !self.names.is_step_output(*step, name) => {
                let declared = &self.names.tables.workflow.steps[*step as usize];
                let near = nearest(name, declared.outputs.keys().map(String::as_str));
                let help = match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("declare it under `outputs` of `{}`", declared.name),
                };
                let message = format!("`{}` has no output `{name}`", declared.name);
                self.sink.findings.error("unknown_output", path, message, help);
            }
            ReferenceRoot::Env(name) => {
                let is_own = self.names.step_env.is_some_and(|env| env.contains_key(name));
                if let Some(value) = self.names.tables.visible_env(name).filter(|_| !is_own) {
                    self.sink.server_env.insert(name.clone(), value.clone());
                }
            }
            ReferenceRoot::Secret(name) => self.secret(name, path),
            _ => {}
        }
        if let Some(target) = reference.step() {
            self.used_step(target, path);
        }
    }

    fn secret(&mut self, name: &str, path: &str) {
        let declared = &self.names.tables.workflow.secrets;
        if declared.is_empty() || declared.iter().any(|one| one == name) {
            return;
        }
        if self.sink.undeclared_secrets.insert(name.to_owned()) {
            let help = match nearest(name, declared.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "add it to `secrets`, so that people see what the workflow needs".to_owned(),
            };
            let message = format!("the secret `{name}` is not among the declared `secrets`");
            self.sink.findings.warning("undeclared_secret", path, message, help);
        }
    }

    fn used_step(&mut self, target: u32, path: &str) {
        if let Some(captured) = self.sink.captured.get_mut(target as usize) {
            *captured = true;
        }
        match self.names.step {
            Some(step) if step == target && self.names.sees_itself => {}
            Some(step) if step == target => {
                let name = self.names.tables.workflow.steps.get(step as usize).map_or("", |step| step.name.as_str());
                let message = format!("`{name}` uses its own result, which is not there while it runs");
                let help = "refer to an earlier step, or give one of the two outputs another name";
                self.sink.findings.error("own_output", path, message, help);
            }
            Some(step) => self.sink.uses.push((step, target, path.to_owned())),
            None => {}
        }
    }

    /// `${params.x}` and its like mean nothing to a shell, so an unknown one is a mistake there, too.
    fn dotted_leftovers(&mut self, script: &Script, path: &str) {
        for piece in &script.pieces {
            let ScriptPiece::Text(text) = piece else { continue };
            for root in ["${steps.", "${params.", "${env.", "${secrets.", "${inputs."] {
                for (at, _) in text.match_indices(root) {
                    let inside = &text[at + 2..];
                    let Some(end) = inside.find('}') else { continue };
                    if text[..at].ends_with('\\') {
                        continue;
                    }
                    if let Err(issue) = reference::resolve(&inside[..end], &self.names) {
                        self.issue(issue, path);
                    }
                }
            }
        }
    }

    /// Checks an expression, and notes what it uses; `None` when it is no expression.
    pub(super) fn expression(&mut self, source: &str, path: &str) -> Option<String> {
        let source = source.trim();
        if source.contains("${") || source.contains("{{") {
            let message = format!("`{source}` holds a reference; in an expression names stand by themselves");
            let help = "write `params.x`, `env.X`, `steps.name.output` without `${…}`";
            self.sink.findings.error("reference_in_expression", path, message, help);
            return None;
        }
        if let Err(error) = expression::check(source) {
            let help = "expressions are CEL over `params env steps run context item`, as in `params.replicas > 2`";
            self.sink.findings.error("invalid_expression", path, error.to_string(), help);
            return None;
        }
        self.check_roots(source, path);
        for (root, name, is_asked_for) in members(source) {
            match root.as_str() {
                "steps" => self.step_in_expression(&name, path),
                "params" if !is_asked_for && !self.names.is_param(&name) => {
                    self.unknown_in_expression(
                        "parameter",
                        &name,
                        path,
                        nearest(&name, self.names.tables.param_names()),
                    );
                }
                "env" if self.names.is_env(&name) => self.used(&Reference::to(ReferenceRoot::Env(name)), path),
                _ => {}
            }
        }
        if expression::steps_named(source).is_none() {
            // A name that is computed: any step may be meant.
            self.sink.captured.fill(true);
        }
        Some(source.to_owned())
    }

    /// Reports a name that no expression knows. Macros such as `all` bring names of their own.
    fn check_roots(&mut self, source: &str, path: &str) {
        const ROOTS: [&str; 11] =
            ["params", "env", "steps", "run", "context", "item", "ITEM", "item_index", "output", "exit_code", "json"];
        let has_macro =
            [".all(", ".exists(", ".exists_one(", ".map(", ".filter("].iter().any(|one| source.contains(one));
        if has_macro {
            return;
        }
        for name in expression::variables(source).unwrap_or_default() {
            if ROOTS.contains(&name.as_str()) {
                continue;
            }
            let help = if self.names.is_param(&name) {
                format!("write `params.{name}`")
            } else if self.names.output(&name).is_some() {
                format!("write `steps.<name>.output` for the step whose output is called `{name}`")
            } else {
                format!("an expression sees: {}", ROOTS.join(", "))
            };
            let message = format!("nothing is called `{name}` in an expression");
            self.sink.findings.error("unknown_reference", path, message, help);
        }
    }

    fn step_in_expression(&mut self, name: &str, path: &str) {
        match self.names.step(name) {
            Some(step) => self.used_step(step, path),
            None => {
                let names = self.names.tables.step_names();
                let dashed = self.names.tables.step_names().find(|step| step.contains('-') && step.starts_with(name));
                match dashed {
                    Some(step) => {
                        let message = format!("no step is called `{name}`; in an expression `-` means subtraction");
                        let help = format!("write `steps[\"{step}\"]`");
                        self.sink.findings.error("unknown_step", path, message, help);
                    }
                    None => self.unknown_in_expression("step", name, path, nearest(name, names)),
                }
            }
        }
    }

    fn unknown_in_expression(&mut self, what: &str, name: &str, path: &str, near: Option<&str>) {
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write the name of a {what} of this workflow"),
        };
        let code = if what == "step" { "unknown_step" } else { "unknown_reference" };
        self.sink.findings.error(code, path, format!("no {what} is called `{name}`"), help);
    }
}

impl Reader for PartReader<'_, '_> {
    fn template(&mut self, text: &str, path: &str) -> Template {
        if text.contains('\0') {
            let message = "the text holds a NUL character";
            self.sink.findings.error("nul_in_value", path, message, "remove it: no program can be given one");
        }
        let parsed = reference::template(text, &self.names);
        self.issues(parsed.issues, path);
        for reference in parsed.value.references() {
            self.used(reference, path);
        }
        parsed.value
    }

    fn url(&mut self, text: &str, path: &str) -> Template {
        self.template(text, path)
    }

    fn script(&mut self, text: &str, interpreter: &[String], path: &str) -> Script {
        if text.contains('\0') {
            let message = "the program text holds a NUL character";
            self.sink.findings.error("nul_in_value", path, message, "remove it: no program can be given one");
        }
        let language = if is_shell(interpreter) { Language::Shell } else { Language::Other };
        let style = ScriptStyle { language, imported: self.names.tables.is_imported() };
        let parsed = reference::script(text, style, &self.names);
        self.issues(parsed.issues, path);
        for piece in &parsed.value.pieces {
            match piece {
                ScriptPiece::Variable { reference, .. }
                | ScriptPiece::Bound { reference, .. }
                | ScriptPiece::SingleQuoted { reference }
                | ScriptPiece::HereDocument { reference, .. } => self.used(reference, path),
                ScriptPiece::Text(_) => {}
            }
        }
        if language == Language::Shell {
            self.dotted_leftovers(&parsed.value, path);
        }
        parsed.value
    }

    fn knows(&self, text: &str) -> bool {
        let inside = text.trim_start_matches('{').trim_end_matches('}');
        reference::resolve(inside, &self.names).is_ok()
    }

    fn report(&mut self, finding: Diagnostic) {
        self.sink.findings.add(finding);
    }
}

/// Whether an interpreter expands `${name}`.
pub(super) fn is_shell(interpreter: &[String]) -> bool {
    let program = interpreter.first().map_or("sh", |program| program.rsplit('/').next().unwrap_or(program));
    ["sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"].contains(&program)
}

/// The members of `steps`, `params` and `env` in an expression: the root, the name, and whether the
/// expression only asks whether it is there. What stands in quotes elsewhere is no name.
fn members(source: &str) -> Vec<(String, String, bool)> {
    let characters: Vec<char> = source.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let character = characters[at];
        if character == '"' || character == '\'' {
            at = after_string(&characters, at).1;
        } else if is_name(character) {
            let start = at;
            while at < characters.len() && is_name(characters[at]) {
                at += 1;
            }
            let root: String = characters[start..at].iter().collect();
            let is_member = start > 0 && characters[start - 1] == '.';
            if is_member || !matches!(root.as_str(), "steps" | "params" | "env") {
                continue;
            }
            let before: String = characters[..start].iter().collect();
            let is_asked_for = before.trim_end().ends_with("has(");
            match characters.get(at) {
                Some('.') => {
                    let start = at + 1;
                    let end =
                        (start..characters.len()).find(|at| !is_name(characters[*at])).unwrap_or(characters.len());
                    found.push((root, characters[start..end].iter().collect(), is_asked_for));
                    at = end;
                }
                Some('[') if matches!(characters.get(at + 1), Some('"' | '\'')) => {
                    let (name, end) = after_string(&characters, at + 1);
                    found.push((root, name, is_asked_for));
                    at = end;
                }
                _ => {}
            }
        } else {
            at += 1;
        }
    }
    found
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The text of the string that begins here, and where it ends.
fn after_string(characters: &[char], start: usize) -> (String, usize) {
    let mut text = String::new();
    let mut at = start + 1;
    while let Some(character) = characters.get(at) {
        at += 1;
        match character {
            '\\' => at += 1,
            _ if *character == characters[start] => return (text, at),
            _ => text.push(*character),
        }
    }
    (text, at)
}
