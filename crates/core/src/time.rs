//! Points in time and spans of time, both in whole milliseconds.

use chrono::{DateTime, SecondsFormat, Utc};
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

/// Longest duration that means anything: ten years.
const LONGEST_MS: f64 = 10.0 * 366.0 * 86_400_000.0;

/// Reads a duration: `250ms`, `30s`, `5m`, `1h30m`, `2d`, ISO 8601 (`PT1H30M`), or a bare number of
/// seconds.
///
/// # Errors
///
/// When it is none of these, negative, or longer than 10 years.
pub fn parse_duration(text: &str) -> Result<Millis, InvalidDuration> {
    let invalid = || InvalidDuration { text: text.chars().take(64).collect() };
    let lower = text.trim().to_ascii_lowercase();
    let span = if let Ok(seconds) = lower.parse::<f64>() {
        Some(seconds * 1_000.0)
    } else if let Some(iso) = lower.strip_prefix('p') {
        iso_span(iso)
    } else {
        units_span(&lower, &[("ms", 1.0), ("s", 1e3), ("m", 6e4), ("h", 3.6e6), ("d", 8.64e7), ("w", 6.048e8)])
    };
    let span = span.filter(|span| (0.0..=LONGEST_MS).contains(span)).ok_or_else(invalid)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and ten years")]
    let millis = span.round() as Millis;
    Ok(millis)
}

/// `t1h30m`, `1dt12h`: before the `t` an `m` would be months, which have no length.
fn iso_span(text: &str) -> Option<f64> {
    let (days, time) = text.split_once('t').map_or((text, None), |(days, time)| (days, Some(time)));
    let days_span = if days.is_empty() { Some(0.0) } else { units_span(days, &[("d", 8.64e7), ("w", 6.048e8)]) };
    let time_span = match time {
        None if days.is_empty() => None,
        None => Some(0.0),
        Some(time) => units_span(time, &[("s", 1e3), ("m", 6e4), ("h", 3.6e6)]),
    };
    Some(days_span? + time_span?)
}

/// Numbers with units, one after the other.
fn units_span(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = rest[end..].trim_start();
        let unit_end = rest.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(rest.len());
        let word = match &rest[..unit_end] {
            "sec" | "secs" | "second" | "seconds" => "s",
            "min" | "mins" | "minute" | "minutes" => "m",
            "hour" | "hours" | "hr" | "hrs" => "h",
            "day" | "days" => "d",
            "week" | "weeks" => "w",
            other => other,
        };
        let (_, factor) = units.iter().find(|(unit, _)| *unit == word)?;
        total += number * factor;
        rest = rest[unit_end..].trim_start();
    }
    Some(total)
}

/// Writes a duration the way documents do: `1h30m`, `30s`, `250ms`; `0s` for none. Reading it again
/// gives the same span.
#[must_use]
pub fn format_duration(span_ms: Millis) -> String {
    if span_ms == 0 {
        return "0s".to_owned();
    }
    let mut rest = span_ms;
    let mut text = String::new();
    for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    text
}

/// Writes a point in time as RFC 3339 in UTC with milliseconds: `2026-01-15T10:30:00.000Z`.
#[must_use]
pub fn rfc3339(at: Millis) -> String {
    let at =
        i64::try_from(at).ok().and_then(DateTime::<Utc>::from_timestamp_millis).unwrap_or(DateTime::<Utc>::MAX_UTC);
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Reads RFC 3339; `None` when it is not, or lies before 1970.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Millis> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Millis::try_from(at.timestamp_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_many_spellings() {
        for (text, expected) in [
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("2d", 172_800_000),
            ("90", 90_000),
            ("0.5", 500),
            ("1.5s", 1_500),
            ("PT1H30M", 5_400_000),
            ("P1DT12H", 129_600_000),
            ("P1W", 604_800_000),
            ("10 minutes", 600_000),
            ("0", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(expected), "{text}");
        }
        for text in ["", "soon", "5x", "-3", "P", "PT", "P1M", "1h30", "9999999d", "NaN", "inf", "s", "1..5s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for span in [0, 1, 999, 1_000, 61_001, 5_400_000, 90_061_007] {
            assert_eq!(parse_duration(&format_duration(span)), Ok(span), "{span}");
        }
        assert_eq!(rfc3339(1_768_473_000_123), "2026-01-15T10:30:00.123Z");
        assert_eq!(parse_rfc3339("2026-01-15T12:30:00.123+02:00"), Some(1_768_473_000_123));
        assert_eq!(parse_rfc3339("yesterday"), None);
    }
}
