//! Reads the fields of a request one by one, so that every wrong one is reported at once, with its
//! place and what was expected.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::app::{AppError, FieldError};

/// An object of a request that is being read.
pub(crate) struct Fields {
    object: Map<String, Value>,
    /// The JSON pointer of this object.
    base: String,
    known: BTreeSet<&'static str>,
    errors: Vec<FieldError>,
    warnings: Vec<String>,
}

impl Fields {
    /// Begins with the whole body, which must be an object.
    pub(crate) fn of(body: Value) -> Result<Self, AppError> {
        match body {
            Value::Object(object) => Ok(Self::at(object, String::new())),
            Value::Null => Err(AppError::field("", "the body is empty; expected an object")),
            other => Err(AppError::field("", format!("expected an object, got {}", kind(&other)))),
        }
    }

    fn at(object: Map<String, Value>, base: String) -> Self {
        Self { object, base, known: BTreeSet::new(), errors: Vec::new(), warnings: Vec::new() }
    }

    /// Takes a field out, whatever its type; `null` counts as absent.
    pub(crate) fn value(&mut self, name: &'static str) -> Option<Value> {
        self.known.insert(name);
        self.object.shift_remove(name).filter(|value| !value.is_null())
    }

    /// Whether a field is there and not `null`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(|value| !value.is_null())
    }

    /// A text, left where it is.
    pub(crate) fn peek_text(&self, name: &str) -> Option<&str> {
        self.object.get(name)?.as_str()
    }

    /// Reports something wrong with a field.
    pub(crate) fn wrong(&mut self, name: &str, detail: impl Into<String>) {
        let pointer = if name.is_empty() { self.base.clone() } else { format!("{}/{name}", self.base) };
        self.errors.push(FieldError { pointer, detail: detail.into() });
    }

    /// Whether anything was wrong so far.
    pub(crate) fn is_wrong(&self) -> bool {
        !self.errors.is_empty()
    }

    fn unexpected(&mut self, name: &str, expected: &str, got: &Value) {
        self.wrong(name, format!("expected {expected}, got {}", kind(got)));
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text),
            other => {
                self.unexpected(name, "a string", &other);
                None
            }
        }
    }

    /// A text that must be there and not blank; the first of several names that is there counts.
    pub(crate) fn required_text(&mut self, names: &[&'static str]) -> String {
        let text = names.iter().fold(None, |found, name| {
            let given = self.text(name);
            found.or(given)
        });
        match text {
            Some(text) if !text.trim().is_empty() => text,
            Some(_) => {
                self.wrong(names[0], "must not be empty");
                String::new()
            }
            None if self.errors.iter().any(|error| names.iter().any(|name| error.pointer.ends_with(name))) => {
                String::new()
            }
            None => {
                self.wrong(names[0], "is missing; expected a string");
                String::new()
            }
        }
    }

    /// A truth value.
    pub(crate) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(value) => Some(value),
            other => {
                self.unexpected(name, "true or false", &other);
                None
            }
        }
    }

    /// A positive whole number.
    pub(crate) fn positive(&mut self, name: &'static str, meaning: &str) -> Option<u64> {
        let value = self.value(name)?;
        let whole = value.as_u64().or_else(|| {
            value
                .as_f64()
                .filter(|number| number.fract() == 0.0 && *number > 0.0 && *number < 9e15)
                .map(|number| number as u64)
        });
        match whole {
            Some(number) if number > 0 => Some(number),
            _ => {
                self.wrong(name, format!("expected a positive whole number ({meaning}), got {}", shown(&value)));
                None
            }
        }
    }

    /// An object, taken as it is; empty when absent.
    pub(crate) fn map(&mut self, name: &'static str) -> Map<String, Value> {
        match self.value(name) {
            Some(Value::Object(map)) => map,
            Some(other) => {
                self.unexpected(name, "an object", &other);
                Map::new()
            }
            None => Map::new(),
        }
    }

    /// A list of texts; a single text counts as a list of one.
    pub(crate) fn texts(&mut self, name: &'static str) -> Vec<String> {
        match self.value(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => {
                let mut texts = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    match item {
                        Value::String(text) => texts.push(text),
                        other => self.unexpected(&format!("{name}/{index}"), "a string", &other),
                    }
                }
                texts
            }
            Some(other) => {
                self.unexpected(name, "a list of strings", &other);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// One of a fixed set of words.
    pub(crate) fn choice<T: Copy>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let value = self.value(name)?;
        let chosen = value.as_str().and_then(|word| choices.iter().find(|(known, _)| *known == word));
        if let Some((_, chosen)) = chosen {
            return Some(*chosen);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        self.wrong(name, format!("expected one of {}, got {}", words.join(", "), shown(&value)));
        None
    }

    /// An object with fields of its own; hand it back to [`Fields::absorb`] when it is read.
    pub(crate) fn nested(&mut self, name: &'static str) -> Self {
        let base = format!("{}/{name}", self.base);
        Self::at(self.map(name), base)
    }

    /// Takes over what was found in a nested object.
    pub(crate) fn absorb(&mut self, nested: Self) {
        let (errors, warnings) = nested.close();
        self.errors.extend(errors);
        self.warnings.extend(warnings);
    }

    fn close(mut self) -> (Vec<FieldError>, Vec<String>) {
        let known: Vec<&str> = self.known.iter().copied().collect();
        for name in self.object.keys().take(20) {
            let name: String = name.chars().take(64).collect();
            self.warnings.push(format!(
                "`{}/{name}` is not known here and was ignored; known: {}",
                self.base,
                known.join(", ")
            ));
        }
        (self.errors, self.warnings)
    }

    /// Ends the reading: all errors, or what the caller should know.
    pub(crate) fn finish(self) -> Result<Vec<String>, AppError> {
        let (errors, warnings) = self.close();
        if errors.is_empty() { Ok(warnings) } else { Err(AppError::InvalidRequest(errors)) }
    }
}

/// The type of a value, with its article.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A value for a message: short ones as they are, others by their type.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().count() <= 40 => format!("`{text}`"),
        Value::Number(number) => format!("`{number}`"),
        other => kind(other).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_wrong_fields_are_reported_with_their_places() {
        let body =
            json!({"task": 5, "context": [], "options": {"timeout": -1, "format": "xml", "extra": 1}, "other": 2});
        let mut fields = Fields::of(body).expect("an object");
        assert_eq!(fields.required_text(&["task", "prompt"]), "");
        fields.map("context");
        let mut options = fields.nested("options");
        assert_eq!(options.positive("timeout", "milliseconds"), None);
        assert_eq!(options.choice("format", &[("json", 1), ("yaml", 2)]), None);
        fields.absorb(options);
        let Err(AppError::InvalidRequest(errors)) = fields.finish() else { panic!("errors were expected") };
        let lines: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.pointer, error.detail)).collect();
        expect_test::expect![[r#"
            [
                "/task: expected a string, got a number",
                "/context: expected an object, got a list",
                "/options/timeout: expected a positive whole number (milliseconds), got `-1`",
                "/options/format: expected one of json, yaml, got `xml`",
            ]
        "#]]
        .assert_debug_eq(&lines);
    }

    #[test]
    fn unknown_fields_are_told_not_swallowed() {
        let mut fields = Fields::of(json!({"tsk": "x", "task": "y"})).expect("an object");
        assert_eq!(fields.required_text(&["task"]), "y");
        assert_eq!(
            fields.finish().expect("no errors"),
            ["`/tsk` is not known here and was ignored; known: task".to_owned()]
        );
    }
}
