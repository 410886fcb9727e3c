//! Documents as text: values, and where each of them stands.

mod json;
mod places;
mod write;
mod yaml;

use serde_json::Value;

use crate::Diagnostic;
use crate::limits::{DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX};
pub use places::Places;
pub(crate) use write::to_yaml;

/// How a document is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Yaml,
}

/// Reads a text into a value, with the place of every part of it.
pub(super) fn read(text: &str, format: Option<Format>) -> Result<(Value, Places), Diagnostic> {
    if text.len() > DOCUMENT_BYTES_MAX {
        let (bytes, most) = (text.len(), DOCUMENT_BYTES_MAX);
        let message = format!("the document is {bytes} bytes long, more than the {most} that are read");
        return Err(Diagnostic::error("document_too_large", "", message));
    }
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        let help = "a workflow has at least `name` and `steps`";
        return Err(Diagnostic::error("document_empty", "", "the document is empty").help(help));
    }
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    match format {
        Some(Format::Json) => json::read(text),
        Some(Format::Yaml) => yaml::read(text),
        // Text in braces is JSON, unless only YAML can make sense of it.
        None if looks_like_json => json::read(text).or_else(|error| yaml::read(text).map_err(|_| error)),
        None => yaml::read(text),
    }
}

/// A document that is nested too deeply.
fn too_deep(line: u32, column: u32) -> Diagnostic {
    let message = format!("the document is nested deeper than {DOCUMENT_DEPTH_MAX} levels");
    Diagnostic::error("document_too_deep", "", message).at(line, column)
}

/// A key that an object has twice.
fn duplicate_key(key: &str, line: u32, column: u32) -> Diagnostic {
    let shown: String = key.chars().take(80).collect();
    Diagnostic::error("duplicate_key", "", format!("the key `{shown}` is there twice"))
        .at(line, column)
        .help("keep one of them: the other would be ignored")
}

/// Reads a text as a value, whatever it is about.
///
/// # Errors
///
/// When it is malformed, too large or too deep; the finding has the place.
pub fn read_text(text: &str, format: Option<Format>) -> Result<Value, Diagnostic> {
    read(text, format).map(|(value, _)| value)
}
