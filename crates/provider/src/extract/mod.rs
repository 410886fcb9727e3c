//! From what a model wrote to a document: finds it in fences and prose, and mends what can only have
//! been meant in one way. What is guesswork is not mended; the author gets it back.

use partita_core::Diagnostic;
use partita_core::workflow::read_text;
use serde_json::Value;

/// A document that was found in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Extracted {
    pub value: Value,
    /// What was mended on the way, in one line each.
    pub repairs: Vec<String>,
}

/// Finds the document in a text.
///
/// # Errors
///
/// A finding that says what is wrong, so that the author can mend it.
pub fn document(text: &str) -> Result<Extracted, Diagnostic> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Diagnostic::error("empty_draft", "", "the answer is empty").help("answer with a workflow"));
    }
    match read_text(text, None) {
        Ok(value) if value.is_object() => Ok(Extracted { value, repairs: Vec::new() }),
        Ok(_) => Err(Diagnostic::error("no_document", "", "there is no workflow in the answer")
            .help("answer with one JSON object that is a workflow, and nothing else")),
        Err(diagnostic) => Err(diagnostic),
    }
}
