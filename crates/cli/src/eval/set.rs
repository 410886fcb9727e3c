//! A set of sentences and their expected facts, as it stands in a file.

use std::fmt;

use indexmap::IndexMap;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::CliError;
use crate::exit_code::ExitCode;

/// A pattern of a set may compile to this much; one that is longer is a mistake.
const PATTERN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Sentences with their facts, in the order of the file.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) cases: Vec<Case>,
}

/// A sentence and what is expected of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The row of the table of scores that it counts for.
    pub(crate) category: String,
    /// The sentence.
    pub(crate) say: String,
    #[serde(default)]
    pub(crate) context: Map<String, Value>,
    /// Requirements that the workflow is then refined by.
    #[serde(default)]
    pub(crate) refine: Vec<String>,
    /// Whether it asks for nothing that a workflow could do.
    #[serde(default)]
    pub(crate) refused: bool,
    #[serde(default)]
    pub(crate) facts: Vec<Fact>,
}

/// Something that a workflow must have. Patterns are looked for in the lines that [`super::workflow`] makes of
/// steps.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fact {
    /// A step does it.
    Step(Pattern),
    /// Nothing does it: no step, handler or rollback.
    NoStep(Pattern),
    /// A step that matches the first must have ended before one that matches the second starts.
    Order([Pattern; 2]),
    /// Two steps of which none waits for the other.
    Parallel([Pattern; 2]),
    /// A step that only happens if something is so.
    Conditional(Pattern),
    /// A step is taken back like this.
    Undo(Pattern),
    /// No step is taken back like this.
    NoUndo(Pattern),
    /// `stop`, `continue` or `rollback`.
    OnFailure(String),
    /// `failure: slack …`, `exit: …`.
    Handler(Pattern),
    /// The cron phrase; `none` when there must be none.
    Schedule(Pattern),
    /// A suggestion says it.
    Says(Pattern),
    /// The value is used somewhere, as a whole word.
    Value(Value),
    /// So many steps.
    Count(usize),
    /// The name of the workflow.
    Name(String),
    /// The limit of the whole run.
    Timeout(String),
    /// A requirement is said to be unmet.
    Unmet(Pattern),
    /// One of these.
    Any(Vec<Self>),
}

/// A regular expression that doesn't mind case and lines.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Pattern(Regex);

impl Pattern {
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    pub(crate) fn text(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<String> for Pattern {
    type Error = regex::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut builder = RegexBuilder::new(&text);
        builder.case_insensitive(true).dot_matches_new_line(true).size_limit(PATTERN_BYTES_MAX);
        builder.build().map(Self)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "/{}/", self.0)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(pattern) => write!(formatter, "step {}", pattern.text()),
            Self::NoStep(pattern) => write!(formatter, "no_step {}", pattern.text()),
            Self::Order([first, second]) => write!(formatter, "order {} -> {}", first.text(), second.text()),
            Self::Parallel([one, other]) => write!(formatter, "parallel {} | {}", one.text(), other.text()),
            Self::Conditional(pattern) => write!(formatter, "conditional {}", pattern.text()),
            Self::Undo(pattern) => write!(formatter, "undo {}", pattern.text()),
            Self::NoUndo(pattern) => write!(formatter, "no_undo {}", pattern.text()),
            Self::OnFailure(word) => write!(formatter, "on_failure {word}"),
            Self::Handler(pattern) => write!(formatter, "handler {}", pattern.text()),
            Self::Schedule(pattern) => write!(formatter, "schedule {}", pattern.text()),
            Self::Says(pattern) => write!(formatter, "says {}", pattern.text()),
            Self::Value(value) => write!(formatter, "value {value}"),
            Self::Count(count) => write!(formatter, "count {count}"),
            Self::Name(name) => write!(formatter, "name {name}"),
            Self::Timeout(limit) => write!(formatter, "timeout {limit}"),
            Self::Unmet(pattern) => write!(formatter, "unmet {}", pattern.text()),
            Self::Any(facts) => {
                let facts: Vec<String> = facts.iter().map(ToString::to_string).collect();
                write!(formatter, "any of: {}", facts.join("; "))
            }
        }
    }
}

/// Reads a set from the text of a file.
///
/// # Errors
///
/// When it is no set; says in which sentence the fault is.
pub(crate) fn read(name: &str, text: &str) -> Result<Set, CliError> {
    let wrong = |message: String| {
        CliError::new(ExitCode::Invalid, format!("{name} is not a set of sentences: {message}"))
            .hint("It looks like `cases: [{category: backup, say: back up /srv to /backups, facts: [{step: tar}]}]`; docs/planner.md lists the facts.")
    };
    let value = partita_core::workflow::read_text(text, None).map_err(|issue| wrong(issue.message))?;
    let keys: Vec<&String> = value.as_object().into_iter().flat_map(Map::keys).filter(|key| *key != "cases").collect();
    if let Some(key) = keys.first() {
        return Err(wrong(format!("it has the key `{key}`, and only `cases` is known")));
    }
    let list = value["cases"].as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| wrong("it has no list `cases`".to_owned()))?;
    let mut cases = Vec::with_capacity(list.len());
    for (index, case) in list.iter().enumerate() {
        let said: String = case["say"].as_str().unwrap_or_default().chars().take(80).collect();
        let place = format!("sentence {} (`{said}`)", index + 1);
        let case: Case = serde_json::from_value(case.clone()).map_err(|error| wrong(format!("{place}: {error}")))?;
        if case.facts.is_empty() && !case.refused {
            return Err(wrong(format!("{place} expects nothing; give it `facts`, or `refused: true`")));
        }
        if case.refused && !(case.facts.is_empty() && case.refine.is_empty()) {
            return Err(wrong(format!("{place} is refused, so it can have neither facts nor refinements")));
        }
        cases.push(case);
    }
    Ok(Set { cases })
}

/// The categories of a set, in its order.
impl Set {
    pub(crate) fn categories(&self) -> Vec<&str> {
        let names: IndexMap<&str, ()> = self.cases.iter().map(|case| (case.category.as_str(), ())).collect();
        names.into_keys().collect()
    }
}
