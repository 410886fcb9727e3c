//! Retries, repetition, items, preconditions: what surrounds the work of a step.

use serde_json::Value;

use super::Reading;
use super::object::{Field, Object};
use crate::workflow::document::{ContinueOn, Foreach, Items, Precondition, Repeat, Retry, RetryOn};

/// Reads `retry` (ours), `retryPolicy` (imported) or a bare number of retries.
pub(super) fn retry(reading: &mut Reading, field: &Field<'_>) -> Option<Retry> {
    let plain = |max_attempts| Retry {
        max_attempts,
        delay_ms: 0,
        backoff: 1.0,
        max_delay_ms: None,
        jitter: 0.0,
        on: Vec::new(),
    };
    if !field.value.is_object() {
        reading.imported = reading.imported || field.key == "retries";
        return field.count(reading).map(|retries| plain(retries.saturating_add(1)));
    }
    let mut object = field.object(reading)?;
    let attempts = object.take(reading, &["max_attempts"], &["maxAttempts"]).and_then(|field| field.count(reading));
    let limit = object.take(reading, &[], &["limit", "count"]).and_then(|field| field.count(reading));
    let max_attempts = attempts.or_else(|| limit.map(|limit| limit.saturating_add(1))).unwrap_or(3).max(1);
    let delay = object.take(reading, &["delay"], &["intervalSec", "interval", "interval_sec", "delay_seconds"]);
    let delay_ms =
        delay.and_then(|field| field.duration(reading)).unwrap_or(if limit.is_some() { 30_000 } else { 1_000 });
    let max_delay = object.take(reading, &["max_delay"], &["maxIntervalSec", "max_interval_sec", "maxDelay"]);
    let max_delay_ms = max_delay.and_then(|field| field.duration(reading));
    let backoff = match object.take(reading, &["backoff"], &["exponentialBase", "exponential_base"]) {
        Some(Field { value: Value::Bool(true), .. }) => 2.0,
        Some(Field { value: Value::Bool(false), .. }) => 1.0,
        Some(Field { value: Value::String(name), .. }) if name == "exponential" => 2.0,
        Some(Field { value: Value::String(name), .. }) if matches!(name.as_str(), "constant" | "fixed" | "linear") => {
            1.0
        }
        Some(field) => field.number(reading).unwrap_or(1.0),
        None if max_delay_ms.is_some() => 2.0,
        None => 1.0,
    };
    let jitter = match object.take(reading, &["jitter"], &[]) {
        Some(Field { value: Value::Bool(on), .. }) => f64::from(u8::from(*on)) * 0.5,
        Some(field) => field.number(reading).unwrap_or(0.0),
        None => 0.0,
    };
    let mut on = Vec::new();
    if let Some(field) = object.take(reading, &["on"], &["retryOn", "retry_on"]) {
        on.extend(field.items().filter_map(|item| retry_on(reading, &item)));
    }
    if let Some(field) = object.take(reading, &[], &["exitCodes", "exitCode", "exit_code", "exit_codes"]) {
        on.extend(field.items().filter_map(|item| item.integer(reading).map(RetryOn::ExitCode)));
    }
    object.finish(reading);
    Some(Retry { max_attempts, delay_ms, backoff, max_delay_ms, jitter, on })
}

fn retry_on(reading: &mut Reading, item: &Field<'_>) -> Option<RetryOn> {
    if let Value::Object(map) = item.value {
        let mut object = Object::new(map, item.path.clone());
        let code = object.take(reading, &["exit_code"], &[]).and_then(|field| field.integer(reading));
        object.finish(reading);
        return code.map(RetryOn::ExitCode);
    }
    match item.value.as_str() {
        Some("failure" | "error") => Some(RetryOn::Failure),
        Some("timeout") => Some(RetryOn::Timeout),
        Some("lost") => Some(RetryOn::Lost),
        _ if item.value.is_number() => item.integer(reading).map(RetryOn::ExitCode),
        _ => {
            reading.wrong_type(&item.path, "failure, timeout, lost or an exit code", item.value);
            None
        }
    }
}

/// Reads `continue_on`, or `continue_on_error: true`.
pub(super) fn continue_on(reading: &mut Reading, field: &Field<'_>) -> ContinueOn {
    if field.value.is_boolean() || field.value.is_string() {
        let failure = field.boolean(reading).unwrap_or(false);
        return ContinueOn { failure, ..ContinueOn::default() };
    }
    let Some(mut object) = field.object(reading) else { return ContinueOn::default() };
    let flag = |object: &mut Object<'_>, reading: &mut Reading, names: &[&'static str], imported: &[&'static str]| {
        object.take(reading, names, imported).and_then(|field| field.boolean(reading)).unwrap_or(false)
    };
    let failure = flag(&mut object, reading, &["failure"], &[]);
    let skipped = flag(&mut object, reading, &["skipped"], &[]);
    let mark_success = flag(&mut object, reading, &["mark_success"], &["markSuccess"]);
    let codes = object.take(reading, &["exit_code"], &["exitCode", "exitCodes"]);
    let exit_code =
        codes.map(|field| field.items().filter_map(|item| item.integer(reading)).collect()).unwrap_or_default();
    let output = object.take(reading, &["output"], &[]).map(|field| field.texts(reading)).unwrap_or_default();
    object.finish(reading);
    ContinueOn { failure, skipped, exit_code, output, mark_success }
}

/// Reads `foreach` (ours) or `parallel` (imported, also with `items` inside `items`).
pub(super) fn foreach(reading: &mut Reading, field: &Field<'_>) -> Option<Foreach> {
    let mut max_active = None;
    let mut items = field.clone();
    while let Value::Object(_) = items.value {
        let mut object = items.object(reading)?;
        let limit = object.take(reading, &["max_active"], &["maxConcurrent", "max_concurrent", "maxActive"]);
        max_active = limit.and_then(|field| field.count(reading)).or(max_active);
        let inside = object.take(reading, &["items"], &[]);
        let path = items.path.clone();
        object.finish(reading);
        let Some(inside) = inside else {
            reading.error("missing_key", &path, "`items` is missing: what should it go through?");
            return None;
        };
        items = inside;
    }
    let source = match items.value {
        Value::Array(list) => Items::List(list.clone()),
        Value::String(text) if text.contains("${") || text.contains("{{") => Items::Reference(text.clone()),
        Value::String(text) => Items::Expression(text.clone()),
        other => {
            reading.wrong_type(&items.path, "a list, a reference or an expression", other);
            return None;
        }
    };
    Some(Foreach { items: source, max_active })
}

/// Reads `repeat` (ours) or `repeatPolicy` (imported).
pub(super) fn repeat(reading: &mut Reading, field: &Field<'_>) -> Option<Repeat> {
    let mut object = field.object(reading)?;
    let mut repeat = Repeat {
        while_: object.text(reading, &["while"], &[]),
        until: object.text(reading, &["until"], &[]),
        limit: object.take(reading, &["limit"], &[]).and_then(|field| field.count(reading)),
        ..Repeat::default()
    };
    let delay = object.take(reading, &["delay"], &["intervalSec", "interval", "interval_sec"]);
    repeat.delay_ms = delay.and_then(|field| field.duration(reading)).unwrap_or(1_000);
    let expected = object.text(reading, &[], &["expected"]);
    let condition = object.take(reading, &[], &["condition"]);
    match (condition, expected) {
        (Some(condition), Some(expected)) => {
            repeat.until_match = condition.text(reading).map(|condition| (condition, expected));
        }
        (Some(condition), None) => {
            let message =
                "a `condition` without `expected` is a command to run after each round, which is not carried out";
            reading.error("not_supported", &condition.path, message).help =
                Some("write `while` or `until` with an expression, such as `until: exit_code == 0`".to_owned());
        }
        _ => {}
    }
    if let Some(codes) = object.take(reading, &[], &["exitCode", "exitCodes", "exit_code"])
        && repeat.until_match.is_none()
    {
        repeat.exit_codes = codes.items().filter_map(|item| item.integer(reading)).collect();
    }
    if let Some(flag) = object.take(reading, &[], &["repeat"])
        && flag.boolean(reading) == Some(false)
    {
        return None;
    }
    object.finish(reading);
    Some(repeat)
}

/// Reads `preconditions`: commands, or values that must match.
pub(super) fn preconditions(reading: &mut Reading, field: &Field<'_>) -> Vec<Precondition> {
    field.items().filter_map(|item| precondition(reading, &item)).collect()
}

fn precondition(reading: &mut Reading, item: &Field<'_>) -> Option<Precondition> {
    match item.value {
        Value::String(command) => Some(Precondition::Command { command: command.clone() }),
        Value::Object(map) => {
            let mut object = Object::new(map, item.path.clone());
            let command = object.text(reading, &["command"], &[]);
            let condition = object.text(reading, &["condition"], &[]);
            let expected = object.text(reading, &["expected"], &[]);
            object.finish(reading);
            match (command, condition, expected) {
                (Some(command), _, _) | (None, Some(command), None) => Some(Precondition::Command { command }),
                (None, Some(condition), Some(expected)) => Some(Precondition::Match { condition, expected }),
                _ => {
                    let message = "a precondition is a command, or `condition` with `expected`";
                    reading.error("missing_key", &item.path, message);
                    None
                }
            }
        }
        other => {
            reading.wrong_type(&item.path, "a precondition", other);
            None
        }
    }
}
