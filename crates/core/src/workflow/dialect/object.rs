//! An object of a document, read key by key; what is left over in the end is what nobody knows.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{Reading, described};
use crate::Millis;
use crate::time::parse_duration;
use crate::workflow::reference::nearest;

/// An object and its place.
pub(super) struct Object<'a> {
    map: &'a Map<String, Value>,
    path: String,
    taken: Vec<&'a str>,
    offered: Vec<&'static str>,
}

/// A value and its place.
#[derive(Clone)]
pub(super) struct Field<'a> {
    pub(super) value: &'a Value,
    pub(super) path: String,
    pub(super) key: &'a str,
}

/// A key as a part of a JSON pointer.
pub(super) fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl<'a> Object<'a> {
    pub(super) fn new(map: &'a Map<String, Value>, path: impl Into<String>) -> Self {
        Self { map, path: path.into(), taken: Vec::new(), offered: Vec::new() }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn map(&self) -> &'a Map<String, Value> {
        self.map
    }

    /// Whether a key is there, without taking it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_null())
    }

    /// Takes the value of a key, under the first of its names that is there. `imported` names mark the
    /// document as imported.
    pub(super) fn take(
        &mut self,
        reading: &mut Reading,
        names: &[&'static str],
        imported: &[&'static str],
    ) -> Option<Field<'a>> {
        self.offered.extend(names.iter().take(1));
        for name in names.iter().chain(imported) {
            let Some((key, value)) = self.map.get_key_value(*name) else { continue };
            self.taken.push(key);
            if imported.contains(name) {
                reading.imported = true;
            }
            if !value.is_null() {
                return Some(Field { value, path: format!("{}/{}", self.path, token(key)), key });
            }
        }
        None
    }

    pub(super) fn text(
        &mut self,
        reading: &mut Reading,
        names: &[&'static str],
        imported: &[&'static str],
    ) -> Option<String> {
        self.take(reading, names, imported)?.text(reading)
    }

    /// Says that a key is known, and what happens instead of what it asks for.
    pub(super) fn not_supported(&mut self, reading: &mut Reading, name: &'static str, instead: &str) {
        if let Some(field) = self.take(reading, &[], &[name]) {
            let message = format!("`{name}` is not carried out: {instead}");
            reading.warning("key_not_supported", &field.path, message);
        }
    }

    /// Warns about every key that was not taken.
    pub(super) fn finish(self, reading: &mut Reading) {
        for key in self.map.keys().filter(|key| !self.taken.contains(&key.as_str())) {
            let path = format!("{}/{}", self.path, token(key));
            let shown: String = key.chars().take(60).collect();
            let help = match nearest(key, self.offered.iter().map(|name| (*name).to_owned())) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "it is ignored; remove it if that is fine".to_owned(),
            };
            reading.warning("unknown_key", &path, format!("the key `{shown}` is not known here")).help = Some(help);
        }
    }
}

impl<'a> Field<'a> {
    pub(super) fn object(&self, reading: &mut Reading) -> Option<Object<'a>> {
        match self.value {
            Value::Object(map) => Some(Object::new(map, self.path.clone())),
            other => {
                reading.wrong_type(&self.path, "an object", other);
                None
            }
        }
    }

    /// Text; numbers and truth values count as their text.
    pub(super) fn text(&self, reading: &mut Reading) -> Option<String> {
        match self.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            other => {
                reading.wrong_type(&self.path, "text", other);
                None
            }
        }
    }

    /// A list of texts; a single text is a list of one.
    pub(super) fn texts(&self, reading: &mut Reading) -> Vec<String> {
        match self.value {
            Value::Array(_) => self.items().filter_map(|item| item.text(reading)).collect(),
            Value::String(text) => vec![text.clone()],
            other => {
                reading.wrong_type(&self.path, "a list of texts", other);
                Vec::new()
            }
        }
    }

    /// The items of a list; the value itself when it is none.
    pub(super) fn items(&self) -> Box<dyn Iterator<Item = Field<'a>> + 'a> {
        match self.value {
            Value::Array(items) => {
                let (path, key) = (self.path.clone(), self.key);
                Box::new(items.iter().enumerate().map(move |(index, value)| Field {
                    value,
                    path: format!("{path}/{index}"),
                    key,
                }))
            }
            _ => Box::new(std::iter::once(self.clone())),
        }
    }

    pub(super) fn boolean(&self, reading: &mut Reading) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(*value),
            Value::String(text) if text == "true" || text == "false" => Some(text == "true"),
            other => {
                reading.wrong_type(&self.path, "true or false", other);
                None
            }
        }
    }

    pub(super) fn number(&self, reading: &mut Reading) -> Option<f64> {
        let number = match self.value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            reading.wrong_type(&self.path, "a number", self.value);
        }
        number
    }

    /// A whole number that is not negative; text that is one counts.
    pub(super) fn count(&self, reading: &mut Reading) -> Option<u32> {
        let number = match self.value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let count = number.and_then(|number| u32::try_from(number).ok());
        if count.is_none() {
            reading.wrong_type(&self.path, "a whole number that is not negative", self.value);
        }
        count
    }

    pub(super) fn integer(&self, reading: &mut Reading) -> Option<i32> {
        let number = match self.value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let integer = number.and_then(|number| i32::try_from(number).ok());
        if integer.is_none() {
            reading.wrong_type(&self.path, "a whole number", self.value);
        }
        integer
    }

    /// A span of time; a bare number is seconds.
    pub(super) fn duration(&self, reading: &mut Reading) -> Option<Millis> {
        let text = match self.value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            other => {
                reading.wrong_type(&self.path, "a duration", other);
                return None;
            }
        };
        match parse_duration(text.trim()) {
            Ok(duration) => Some(duration),
            Err(error) => {
                let message = format!("{} is no duration", described(self.value));
                let help = error.to_string();
                let help = help.split(": ").nth(1).unwrap_or_default().to_owned();
                reading.error("invalid_duration", &self.path, message).help = Some(help);
                None
            }
        }
    }

    /// Names and texts: an object, a list of objects, or a list of `NAME=value`.
    pub(super) fn pairs(&self, reading: &mut Reading) -> IndexMap<String, String> {
        let mut pairs = IndexMap::new();
        for item in self.items() {
            match item.value {
                Value::Object(map) => {
                    for (key, value) in map {
                        let field = Field { value, path: format!("{}/{}", item.path, token(key)), key };
                        if !value.is_null() {
                            pairs.extend(field.text(reading).map(|text| (key.clone(), text)));
                        }
                    }
                }
                Value::String(text) if text.contains('=') => {
                    let (name, value) = text.split_once('=').unwrap_or((text, ""));
                    pairs.insert(name.trim().to_owned(), value.to_owned());
                }
                other => reading.wrong_type(&item.path, "names with values", other),
            }
        }
        pairs
    }
}
