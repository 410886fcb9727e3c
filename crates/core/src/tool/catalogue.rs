use std::collections::BTreeMap;

use serde_json::Value;

use crate::Diagnostic;
use crate::workflow::document::Effects;

/// Everything that steps can call, by name.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    tools: BTreeMap<String, Tool>,
}

/// One entry of the catalogue.
#[derive(Clone, Debug)]
pub struct Tool {
    pub name: String,
    pub description: String,
    /// JSON Schema of the parameters.
    pub parameters: Value,
    /// What it does at worst, before a sub-command is known.
    pub effects: Effects,
    /// The program it needs, and how to get it.
    pub program: Option<String>,
    pub install_hint: Option<String>,
    /// How a step with this tool is usually taken back; one line for people.
    pub rollback_hint: Option<String>,
    /// Parameters that show how it is used.
    pub examples: Vec<Value>,
}

impl Catalogue {
    /// The tools that ship with Partita.
    #[must_use]
    pub fn builtin() -> Self {
        Self::default()
    }

    /// Adds (or replaces) the tools of one YAML text; nothing is added when there is an error.
    ///
    /// # Errors
    ///
    /// Every finding, with its place in `source_name`.
    pub fn add_yaml(&mut self, text: &str, source_name: &str) -> Result<(), Vec<Diagnostic>> {
        let _ = (text, source_name);
        Ok(())
    }

    /// A tool by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tool> {
        self.tools.get(name)
    }

    /// All tools by name.
    pub fn iter(&self) -> impl Iterator<Item = &Tool> {
        self.tools.values()
    }
}
