//! YAML for people: text of several lines as a block, other text in quotes only where it would be read
//! as something else.

use serde_json::{Map, Value};

use crate::time::parse_duration;

/// Writes a value as YAML. Reading it again gives the same value.
pub(crate) fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => object(map, 0, &mut out),
        Value::Array(list) if !list.is_empty() => items(list, 0, &mut out),
        other => {
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
    out
}

fn object(map: &Map<String, Value>, depth: usize, out: &mut String) {
    for (index, (key, value)) in map.iter().enumerate() {
        if index > 0 || out.ends_with('\n') || out.is_empty() {
            out.push_str(&"  ".repeat(depth));
        }
        out.push_str(&text(key));
        out.push(':');
        nested(value, depth, out);
    }
}

/// What stands behind a key.
fn nested(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            object(map, depth + 1, out);
        }
        Value::Array(list) if list.iter().all(is_short) => {
            let words: Vec<String> = list.iter().map(flow).collect();
            out.push_str(&format!(" [{}]\n", words.join(", ")));
        }
        Value::Array(list) => {
            out.push('\n');
            items(list, depth + 1, out);
        }
        Value::String(lines) if is_block(lines) => block(lines, depth + 1, out),
        other => out.push_str(&format!(" {}\n", scalar(other))),
    }
}

fn items(list: &[Value], depth: usize, out: &mut String) {
    for item in list {
        out.push_str(&"  ".repeat(depth));
        out.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => object(map, depth + 1, out),
            Value::Array(inner) => {
                let words: Vec<String> = inner.iter().map(flow).collect();
                out.push_str(&format!("[{}]\n", words.join(", ")));
            }
            Value::String(lines) if is_block(lines) => {
                out.pop();
                block(lines, depth + 1, out);
            }
            other => out.push_str(&format!("{}\n", scalar(other))),
        }
    }
}

/// Whether a value fits into a list on one line.
fn is_short(value: &Value) -> bool {
    match value {
        Value::Object(_) | Value::Array(_) => false,
        Value::String(text) => text.len() <= 40 && !text.contains('\n'),
        _ => true,
    }
}

/// A value on one line, whatever it is: JSON is YAML.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) && !text.contains([',', '[', ']', '{', '}']) => text.clone(),
        other => other.to_string(),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(content) => text(content),
        other => other.to_string(),
    }
}

fn text(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}

/// Whether text can stand without quotes and still be read as this text.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let harmless = |character: char| {
        !character.is_control() && !matches!(character, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{85}')
    };
    let begins = first.is_alphabetic() || matches!(first, '_' | '/' | '.' | '$' | '(' | '<');
    let reads_as_other = || {
        let lower = text.to_lowercase();
        let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "~", "nan", ".nan", ".inf", "inf"];
        words.contains(&lower.as_str()) || text.parse::<f64>().is_ok() || text.starts_with("...")
    };
    let is_duration = text.ends_with(['s', 'm', 'h', 'd']) && parse_duration(text).is_ok();
    (begins || is_duration)
        && text.chars().all(harmless)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !reads_as_other()
}

/// Whether text is better read as a block of lines.
fn is_block(text: &str) -> bool {
    let control = |character: char| {
        character != '\n'
            && (character.is_control() || matches!(character, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{85}'))
    };
    let first_line = text.split('\n').next().unwrap_or_default();
    text.trim_end_matches('\n').contains('\n')
        && !text.contains(control)
        && !first_line.starts_with([' ', '\t'])
        && !first_line.is_empty()
        && !text.lines().any(|line| line.ends_with([' ', '\t']) || line.starts_with('\t'))
}

fn block(text: &str, depth: usize, out: &mut String) {
    let body = text.trim_end_matches('\n');
    out.push_str(match text.len() - body.len() {
        0 => " |-\n",
        1 => " |\n",
        _ => " |+\n",
    });
    let kept = if text.len() - body.len() > 1 { text.strip_suffix('\n').unwrap_or(text) } else { body };
    for line in kept.split('\n') {
        if !line.is_empty() {
            out.push_str(&"  ".repeat(depth));
            out.push_str(line);
        }
        out.push('\n');
    }
}
