//! Cursors: where the next page of a list begins. Opaque to callers, so what is in them may change.

use std::str::FromStr;

use partita_core::{Millis, RunId};

use crate::{Page, RunSummary, StoreError};

/// Longest part of a wrong cursor that its error repeats, in characters.
const SHOWN_CHARS_MAX: usize = 64;

/// Where the page after `text` begins.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// What was encoded.
pub(crate) fn decode(cursor: &str) -> Result<String, StoreError> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = cursor.as_bytes().chunks(2).map(pair).collect();
    bytes
        .filter(|_| cursor.len().is_multiple_of(2))
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| invalid(cursor))
}

/// Where in the list of runs, newest first, a page ends.
pub(crate) fn of_run(run: &RunSummary) -> String {
    encode(&format!("{} {}", run.created_at, run.run_id))
}

/// The birth and the id of the run that the page before ended with.
pub(crate) fn to_run(cursor: &str) -> Result<(Millis, RunId), StoreError> {
    let text = decode(cursor)?;
    let parts = text.split_once(' ');
    let parts = parts.and_then(|(at, run_id)| Some((at.parse().ok()?, RunId::from_str(run_id).ok()?)));
    parts.ok_or_else(|| invalid(cursor))
}

/// A page of at most `limit` items, made from one more than that when there are more.
pub(crate) fn page<T>(mut items: Vec<T>, limit: usize, cursor_of: impl Fn(&T) -> String) -> Page<T> {
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = if has_more { items.last().map(cursor_of) } else { None };
    Page { items, next_cursor }
}

fn invalid(cursor: &str) -> StoreError {
    StoreError::InvalidCursor(cursor.chars().take(SHOWN_CHARS_MAX).collect())
}
