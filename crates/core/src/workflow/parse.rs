//! From text in any dialect to the one model, with the place of every finding.

use serde_json::{Map, Value};

use super::{Workflow, dialect, text};
use crate::Diagnostic;

pub use super::text::{Format, Places};

/// What became of a document: as much of a workflow as could be read, and all that was noticed.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// `None` when nothing that resembles a workflow was there. Present beside errors, so that all
    /// findings come in one pass; with an error among `diagnostics` it must not be run.
    pub workflow: Option<Workflow>,
    pub diagnostics: Vec<Diagnostic>,
    pub places: Places,
    /// Runtime values that an imported dialect carries inside the document.
    pub parameters: Map<String, Value>,
}

impl Loaded {
    /// Whether nothing in the document forbids a run so far.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.workflow.is_some() && !self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Reads a document. `format` absent: JSON when it begins with a brace, else YAML.
#[must_use]
pub fn parse(text: &str, format: Option<Format>) -> Loaded {
    match text::read(text, format) {
        Ok((value, places)) => load(&value, places),
        Err(diagnostic) => Loaded { diagnostics: vec![diagnostic], ..Loaded::default() },
    }
}

/// Reads a document that was JSON already; findings have no line.
#[must_use]
pub fn from_value(value: &Value) -> Loaded {
    load(value, Places::default())
}

fn load(value: &Value, places: Places) -> Loaded {
    let mut loaded = dialect::normalise(value);
    for diagnostic in &mut loaded.diagnostics {
        if let (None, Some((line, column))) = (diagnostic.line, places.find(&diagnostic.path)) {
            (diagnostic.line, diagnostic.column) = (Some(line), Some(column));
        }
    }
    Loaded { places, ..loaded }
}
