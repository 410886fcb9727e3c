//! Answers of models.

use partita_core::workflow::from_value;
use partita_provider::extract;
use serde_json::Value;

use crate::document::planned;

/// Whatever a model answers becomes a document that validation can look at, or is refused with help; and
/// an answer that was cut is never worth more than the whole one.
pub fn answer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match extract::workflow(text, false) {
        Ok(extracted) => {
            assert!(extracted.value.is_object());
            if let Some(workflow) = from_value(&extracted.value).workflow {
                planned(&workflow);
            }
            // Not compared as a whole: the last digit of a number with a point may differ.
            let again = extract::workflow(&extracted.value.to_string(), false).expect("what was read reads again");
            let keys = |value: &Value| value.as_object().map(|entries| entries.keys().cloned().collect::<Vec<_>>());
            assert_eq!(keys(&again.value), keys(&extracted.value), "what was read reads as something else");
        }
        Err(issue) => {
            assert!(issue.is_error() && !issue.message.is_empty() && issue.help.is_some(), "{issue:?} is no help");
            assert!(extract::workflow(text, true).is_err(), "the end of an answer made it whole");
        }
    }
}
