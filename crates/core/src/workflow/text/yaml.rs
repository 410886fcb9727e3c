//! YAML, with the place of every value, and with budgets that keep small texts from becoming large
//! documents.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{DuplicateKeyPolicy, Error, Spanned};

use super::places::{Inside, Place};
use super::{Places, duplicate_key, too_deep};
use crate::Diagnostic;
use crate::limits::{DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX};

/// Values that a document may have, aliases spelled out.
const NODES_MAX: usize = 2_000_000;
/// Aliases that a document may use, and values they may stand for together.
const ALIASES_MAX: usize = 1_000;
const ALIASED_NODES_MAX: usize = 100_000;
/// A little deeper than a document may be, so that one that is too deep is told so with its place.
const DEPTH_MAX: usize = DOCUMENT_DEPTH_MAX + 4;
/// The stack for reading: the reader takes up to 60 KiB a level when built without optimisation, and
/// a server's threads have 2 MiB.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// A value as it is written.
enum Raw {
    Plain(Value),
    List(Vec<Spanned<Raw>>),
    Object(Vec<(Spanned<Key>, Spanned<Raw>)>),
}

/// A key, which may look like a number or a truth value and is text all the same.
struct Key(String);

pub(super) fn read(text: &str) -> Result<(Value, Places), Diagnostic> {
    stacker::grow(STACK_BYTES, || read_on_this_stack(text))
}

fn read_on_this_stack(text: &str) -> Result<(Value, Places), Diagnostic> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_events: NODES_MAX * 2,
            max_nodes: NODES_MAX,
            max_aliases: ALIASES_MAX,
            max_anchors: ALIASES_MAX,
            max_total_scalar_bytes: DOCUMENT_BYTES_MAX,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: ALIASED_NODES_MAX,
            max_replay_stack_depth: 16,
        },
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        strict_booleans: true,
        with_snippet: false,
    };
    let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options).map_err(|error| malformed(&error))?;
    let (value, place) = convert(raw, 0)?;
    Ok((value, Places::new(place)))
}

fn malformed(error: &serde_saphyr::Error) -> Diagnostic {
    let mut error = error.without_snippet();
    while let Error::AliasError { error: inner, .. } = error {
        error = inner;
    }
    let (line, column) = error.location().map_or((0, 0), |at| (number(at.line()), number(at.column())));
    let diagnostic = match error {
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => return too_deep(line, column),
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            Diagnostic::error("malformed_yaml", "", "there is more than one document in the text")
                .help("keep one; a line of `---` begins another one")
        }
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            let message = format!(
                "the document spells out to more than is read: {NODES_MAX} values, {ALIASES_MAX} aliases, {ALIASED_NODES_MAX} values by aliases"
            );
            Diagnostic::error("document_too_large", "", message).help("write out what aliases stand for, or split it")
        }
        other => {
            let shown = other.to_string();
            let message = shown.lines().next().unwrap_or_default().trim();
            let message = message.split(" at line ").next().unwrap_or(message);
            // The parser has a limit of its own for brackets in brackets, and no variant for it.
            if message.contains("recursion limit exceeded") {
                return too_deep(line, column);
            }
            Diagnostic::error("malformed_yaml", "", message.trim_end_matches('.'))
        }
    };
    if line == 0 { diagnostic } else { diagnostic.at(line, column) }
}

fn number(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn convert(raw: Spanned<Raw>, depth: usize) -> Result<(Value, Place), Diagnostic> {
    let (line, column) = (number(raw.referenced.line()), number(raw.referenced.column()));
    if depth >= DOCUMENT_DEPTH_MAX {
        return Err(too_deep(line, column));
    }
    let (value, inside) = match raw.value {
        Raw::Plain(value) => (value, Inside::Nothing),
        Raw::List(list) => {
            let (mut values, mut places) = (Vec::with_capacity(list.len()), Vec::with_capacity(list.len()));
            for item in list {
                let (value, place) = convert(item, depth + 1)?;
                values.push(value);
                places.push(place);
            }
            (Value::Array(values), Inside::List(places))
        }
        Raw::Object(object) => {
            let (mut values, mut places) = (Map::new(), Vec::with_capacity(object.len()));
            for (key, value) in object {
                let (line, column) = (number(key.referenced.line()), number(key.referenced.column()));
                let (value, place) = convert(value, depth + 1)?;
                let Key(key) = key.value;
                if values.insert(key.clone(), value).is_some() {
                    return Err(duplicate_key(&key, line, column));
                }
                places.push((key, Place { line, column, inside: place.inside }));
            }
            (Value::Object(values), Inside::Object(places))
        }
    };
    Ok((value, Place { line, column, inside }))
}

struct RawVisitor;

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Plain(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Plain(Value::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Plain(Value::from(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Plain(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Plain(Value::String(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Plain(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Plain(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut object = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            object.push(entry);
        }
        Ok(Raw::Object(object))
    }
}

struct KeyVisitor;

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyVisitor)
    }
}

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key that is text")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Key, E> {
        Ok(Key(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Key, E> {
        Ok(Key(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Key, E> {
        Ok(Key(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Key, E> {
        Ok(Key(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Key, E> {
        Ok(Key(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Key, E> {
        Ok(Key("null".to_owned()))
    }
}
