//! Points in time and spans of time, both in whole milliseconds.

use serde::{Deserialize, Serialize};

/// Milliseconds: since the Unix epoch for a point in time, or the length of a span.
///
/// Fields that hold one are named `…_at` (a point) or `…_ms` (a span).
pub type Millis = u64;

/// What an input brings along from outside the pure core: the wall clock and fresh randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Milliseconds since the Unix epoch.
    pub now: Millis,
    /// 64 fresh random bits, for jitter and for ids; a test passes what it likes.
    pub entropy: u64,
}

/// A text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no duration: write `30s`, `5m`, `1h30m`, `250ms`, `PT5M`, or a number of seconds")]
pub struct InvalidDuration {
    /// What was given, cut to 64 characters.
    pub text: String,
}

/// Reads a duration: `250ms`, `30s`, `5m`, `1h30m`, `2d`, ISO 8601 (`PT1H30M`), or a bare number of
/// seconds.
///
/// # Errors
///
/// When it is none of these, negative, or longer than 10 years.
pub fn parse_duration(text: &str) -> Result<Millis, InvalidDuration> {
    Err(InvalidDuration { text: text.chars().take(64).collect() })
}

/// Writes a duration the way documents do: `1h30m`, `30s`, `250ms`; `0s` for none.
#[must_use]
pub fn format_duration(span_ms: Millis) -> String {
    format!("{span_ms}ms")
}

/// Writes a point in time as RFC 3339 in UTC with milliseconds: `2026-01-15T10:30:00.000Z`.
#[must_use]
pub fn rfc3339(at: Millis) -> String {
    at.to_string()
}

/// Reads RFC 3339; `None` when it is not.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Millis> {
    text.parse().ok()
}
