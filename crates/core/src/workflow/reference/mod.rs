//! References in strings: `${name}`, `${name:-default}`, `${OUT.json.path}`, `${steps.build.output.tag}`,
//! `${params.x}`, `${env.X}`, `${secrets.X}`, `${ITEM.key}`, `{{.name}}`, `{{name}}`, `${{ params.x }}`.
//! In a plan they are parsed: a [`Template`] is text and references in turn.

mod arguments;
mod names;
mod scan;
mod script;
mod template;

use serde::{Deserialize, Serialize};

pub use arguments::{UnbalancedQuote, split_arguments};
pub(crate) use names::nearest;
pub use names::{Names, ReferenceIssue, resolve};
pub use script::{Language, ScriptStyle, script};
pub use template::{Parsed, template};

/// A string with references, as a plan holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template {
    pub pieces: Vec<TemplatePiece>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplatePiece {
    Text(String),
    Reference(Reference),
}

/// Names one value that is known when an attempt starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    pub root: ReferenceRoot,
    /// Keys and indices into a JSON value, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// What stands in for an absent or empty value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// What a reference starts from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceRoot {
    Param(String),
    /// A variable that the workflow or the step declares in `env`.
    Env(String),
    Secret(String),
    /// The standard output of a step, by index.
    Output(u32),
    /// A declared output of a step: step index, name.
    StepOutput(u32, String),
    ExitCode(u32),
    /// The status of a step, as text.
    StepStatus(u32),
    /// The item of a `foreach`.
    Item,
    /// The 0-based index of the item.
    ItemIndex,
    /// A fact about the run: `id`, `name`, `status`, `error`, `started_at`, `dir`.
    Run(String),
}

impl Template {
    /// A template without references.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { pieces: vec![TemplatePiece::Text(text.into())] }
    }
}

impl Template {
    /// The references in it.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.pieces.iter().filter_map(|piece| match piece {
            TemplatePiece::Reference(reference) => Some(reference),
            TemplatePiece::Text(_) => None,
        })
    }

    /// The text, when there is no reference in it.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        let text = |piece: &TemplatePiece| match piece {
            TemplatePiece::Text(text) => Some(text.clone()),
            TemplatePiece::Reference(_) => None,
        };
        self.pieces.iter().map(text).collect()
    }
}

impl Reference {
    /// A reference without path or default.
    #[must_use]
    pub fn to(root: ReferenceRoot) -> Self {
        Self { root, path: Vec::new(), default: None }
    }

    /// The step whose result it needs.
    #[must_use]
    pub fn step(&self) -> Option<u32> {
        match &self.root {
            ReferenceRoot::Output(step)
            | ReferenceRoot::StepOutput(step, _)
            | ReferenceRoot::ExitCode(step)
            | ReferenceRoot::StepStatus(step) => Some(*step),
            _ => None,
        }
    }
}
