//! References in strings: `${name}`, `${name:-default}`, `${OUT.json.path}`, `${steps.build.output.tag}`,
//! `${params.x}`, `${env.X}`, `${secrets.X}`, `${ITEM.key}`, `{{.name}}`, `{{name}}`, `${{ params.x }}`.
//! In a plan they are parsed: a [`Template`] is text and references in turn.

use serde::{Deserialize, Serialize};

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
