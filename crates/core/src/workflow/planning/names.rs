//! The names of a workflow: what exists, and what each part of it may see.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::findings::Findings;
use crate::limits::{NAME_CHARS_MAX, STEPS_MAX};
use crate::workflow::Workflow;
use crate::workflow::document::Dialect;
use crate::workflow::reference::Names;

/// Every name of a workflow.
pub(super) struct Tables<'a> {
    pub(super) workflow: &'a Workflow,
    given: &'a Map<String, Value>,
    visible_env: &'a BTreeMap<String, String>,
    steps: HashMap<&'a str, u32>,
    /// The steps that capture their output under a name, in document order.
    outputs: HashMap<&'a str, Vec<u32>>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(
        workflow: &'a Workflow,
        given: &'a Map<String, Value>,
        visible_env: &'a BTreeMap<String, String>,
    ) -> Self {
        let mut tables = Self { workflow, given, visible_env, steps: HashMap::new(), outputs: HashMap::new() };
        for (index, step) in (0..).zip(&workflow.steps) {
            tables.steps.entry(&step.name).or_insert(index);
            if let Some(output) = &step.output {
                tables.outputs.entry(output).or_default().push(index);
            }
        }
        for (index, step) in (0..).zip(&workflow.steps) {
            if let Some(id) = &step.id {
                tables.steps.entry(id).or_insert(index);
            }
        }
        tables
    }

    pub(super) fn step(&self, name: &str) -> Option<u32> {
        self.steps.get(name).copied()
    }

    pub(super) fn step_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.workflow.steps.iter().map(|step| step.name.as_str())
    }

    pub(super) fn is_param(&self, name: &str) -> bool {
        self.workflow.params.contains_key(name) || self.given.contains_key(name)
    }

    pub(super) fn param_names(&self) -> impl Iterator<Item = &str> {
        self.workflow.params.keys().map(String::as_str).chain(self.given.keys().map(String::as_str))
    }

    pub(super) fn is_imported(&self) -> bool {
        self.workflow.dialect == Dialect::Imported
    }

    /// A variable of the server that may be seen and that the workflow doesn't declare itself.
    pub(super) fn visible_env(&self, name: &str) -> Option<&'a String> {
        self.visible_env.get(name).filter(|_| !self.workflow.env.contains_key(name))
    }
}

/// What one string may refer to.
#[derive(Clone, Copy)]
pub(super) struct Visible<'a> {
    pub(super) tables: &'a Tables<'a>,
    /// The step that the string belongs to; a handler and the workflow's outputs see every step.
    pub(super) step: Option<u32>,
    pub(super) step_env: Option<&'a IndexMap<String, String>>,
    /// The variable whose own value is being read.
    pub(super) defined_env: Option<&'a str>,
    pub(super) has_item: bool,
    /// Whether the step's own result is at hand: in `repeat` and `rollback`.
    pub(super) sees_itself: bool,
}

impl Names for Visible<'_> {
    fn is_param(&self, name: &str) -> bool {
        self.tables.is_param(name)
    }

    fn is_env(&self, name: &str) -> bool {
        self.defined_env != Some(name)
            && (self.step_env.is_some_and(|env| env.contains_key(name))
                || self.tables.workflow.env.contains_key(name)
                || self.tables.visible_env.contains_key(name))
    }

    /// Several steps may use one name: the nearest before this step is meant.
    fn output(&self, name: &str) -> Option<u32> {
        let producers = self.tables.outputs.get(name)?;
        let Some(step) = self.step else { return producers.last().copied() };
        if self.sees_itself && producers.binary_search(&step).is_ok() {
            return Some(step);
        }
        let before = producers.partition_point(|producer| *producer < step);
        let after = producers.iter().skip(before).find(|producer| **producer != step);
        before.checked_sub(1).and_then(|at| producers.get(at)).or(after).or(producers.first()).copied()
    }

    fn step(&self, name: &str) -> Option<u32> {
        self.tables.step(name)
    }

    fn is_step_output(&self, step: u32, name: &str) -> bool {
        self.tables.workflow.steps.get(step as usize).is_some_and(|step| step.outputs.contains_key(name))
    }

    fn has_item(&self) -> bool {
        self.has_item
    }

    fn candidates(&self) -> Vec<String> {
        let mut all: BTreeSet<String> = self.tables.param_names().map(str::to_owned).collect();
        all.extend(self.tables.outputs.keys().map(|name| (*name).to_owned()));
        all.extend(self.tables.workflow.env.keys().cloned());
        all.extend(self.step_env.into_iter().flat_map(IndexMap::keys).cloned());
        all.into_iter().take(1_000).collect()
    }
}

/// Checks the names themselves.
pub(super) fn check(workflow: &Workflow, findings: &mut Findings<'_>) {
    check_name("the workflow", &workflow.name, "/name", findings);
    if workflow.steps.is_empty() {
        findings.error(
            "no_steps",
            "/steps",
            "the workflow has no steps",
            "add at least one step with a name and a `command` or a `tool`",
        );
    }
    if workflow.steps.len() > STEPS_MAX {
        let message = format!("the workflow has {} steps; at most {STEPS_MAX} are carried out", workflow.steps.len());
        findings.error("too_many_steps", "/steps", message, "use `foreach`, or split the workflow");
    }
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, step) in workflow.steps.iter().enumerate() {
        let path = format!("/steps/{index}/name");
        check_name(&format!("step {}", index + 1), &step.name, &path, findings);
        if let Some(first) = seen.insert(&step.name, index).filter(|_| !step.name.is_empty()) {
            let message = format!("two steps are called `{}`: the {} and the {}", step.name, nth(first), nth(index));
            findings.error("duplicate_step", path, message, "give each step a name of its own");
        }
    }
    for (index, step) in workflow.steps.iter().enumerate() {
        if let Some(id) = &step.id
            && let Some(other) = seen.get(id.as_str()).filter(|other| **other != index)
        {
            let message = format!("the id `{id}` of the {} step is the name of the {}", nth(index), nth(*other));
            findings.error("duplicate_step", format!("/steps/{index}/id"), message, "give the step another id");
        }
        if let Some(output) = &step.output {
            check_output_name(output, &format!("/steps/{index}/output"), findings);
        }
        if let Some(output) = step.output.as_ref().filter(|output| workflow.params.contains_key(output.as_str())) {
            let message = format!("`{output}` is both a parameter and an output; references mean the parameter");
            findings.warning("same_name", format!("/steps/{index}/output"), message, "give the output another name");
        }
    }
}

fn check_output_name(name: &str, path: &str, findings: &mut Findings<'_>) {
    if !is_variable(name) {
        let help = "use letters, digits and `_`, and begin with a letter: `RESULT`";
        findings.error("invalid_name", path, format!("`{name}` can't be the name of an output"), help);
    } else if is_dangerous(name) {
        let message = format!("`{name}` steers the programs that a step starts; an output can't be called so");
        findings.error("reserved_name", path, message, "give the output another name");
    }
}

fn check_name(what: &str, name: &str, path: &str, findings: &mut Findings<'_>) {
    let length = name.chars().count();
    if name.trim().is_empty() {
        findings.error("no_name", path, format!("{what} has no name"), "add a `name`");
    } else if length > NAME_CHARS_MAX {
        let message = format!("the name of {what} has {length} characters; at most {NAME_CHARS_MAX} are allowed");
        findings.error("name_too_long", path, message, "shorten it, and put the rest into `description`");
    } else if name.chars().any(char::is_control) {
        findings.error("invalid_name", path, format!("the name of {what} holds a control character"), "remove it");
    }
}

fn nth(index: usize) -> String {
    let number = index + 1;
    let ending = match (number % 10, number % 100) {
        (1, hundred) if hundred != 11 => "st",
        (2, hundred) if hundred != 12 => "nd",
        (3, hundred) if hundred != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// Whether a text can be the name of a variable.
pub(super) fn is_variable(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first && name.len() <= NAME_CHARS_MAX && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Variables that steer a shell, a loader, an interpreter or a tool: a value in them could be code.
pub(super) fn is_dangerous(name: &str) -> bool {
    const NAMES: [&str; 56] = [
        "PATH",
        "ENV",
        "BASH_ENV",
        "BASHOPTS",
        "SHELLOPTS",
        "SHELL",
        "IFS",
        "CDPATH",
        "GLOBIGNORE",
        "PS0",
        "PS1",
        "PS2",
        "PS4",
        "PROMPT_COMMAND",
        "HOME",
        "ZDOTDIR",
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "PYTHONINSPECT",
        "PYTHONUSERBASE",
        "PYTHONWARNINGS",
        "PYTHONBREAKPOINT",
        "PERL5LIB",
        "PERL5OPT",
        "PERL5DB",
        "PERLLIB",
        "RUBYLIB",
        "RUBYOPT",
        "NODE_OPTIONS",
        "NODE_PATH",
        "JAVA_TOOL_OPTIONS",
        "_JAVA_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "CLASSPATH",
        "LUA_PATH",
        "LUA_CPATH",
        "LUA_INIT",
        "PAGER",
        "EDITOR",
        "VISUAL",
        "BROWSER",
        "LESSOPEN",
        "LESSCLOSE",
        "MAKEFLAGS",
        "MAKEFILES",
        "MANPAGER",
        "TERMINFO",
        "HOSTALIASES",
        "LOCALDOMAIN",
        "RES_OPTIONS",
        "NLSPATH",
        "GCONV_PATH",
        "TMPDIR",
        "SSH_ASKPASS",
        "RSYNC_RSH",
    ];
    const BEGINNINGS: [&str; 7] = ["LD_", "DYLD_", "BASH_FUNC_", "GIT_", "MALLOC_", "PARTITA_", "NPM_CONFIG_"];
    let upper = name.to_ascii_uppercase();
    let is_listed = NAMES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
    is_listed || matches!(upper.as_str(), "LD_PRELOAD" | "LD_LIBRARY_PATH" | "NPM_CONFIG_NODE_OPTIONS")
}
