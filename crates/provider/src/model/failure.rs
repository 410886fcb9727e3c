//! From what went wrong on the wire to how a model failed, and whether trying again makes sense.

use std::time::Duration;

use partita_core::Millis;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::config::ApiKey;
use super::limits;
use crate::provider::ModelFailure;

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) failure: ModelFailure,
    pub(super) again: Again,
}

/// Whether trying again makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    No,
    /// After a wait of our own choice.
    Yes,
    /// After the wait that the vendor asks for.
    After(Duration),
}

impl Failed {
    /// A failure that trying again does not mend.
    pub(super) fn finally(failure: ModelFailure) -> Self {
        Self { failure, again: Again::No }
    }

    /// A failure that may be gone the next time.
    pub(super) fn for_now(failure: ModelFailure) -> Self {
        Self { failure, again: Again::Yes }
    }

    pub(super) fn unusable(message: impl Into<String>) -> Self {
        Self::finally(ModelFailure::Unusable { message: message.into() })
    }

    /// Silence for too long.
    pub(super) fn silent(after_ms: u64) -> Self {
        Self::for_now(ModelFailure::TimedOut { after_ms })
    }

    /// A request that did not reach the vendor, or whose answer never began.
    pub(super) fn unreachable(error: &reqwest::Error) -> Self {
        let mut innermost: &dyn std::error::Error = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self::for_now(ModelFailure::Unreachable { message: innermost.to_string() })
    }
}

/// An answer with a status that says no.
pub(super) struct Refusal<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    /// The beginning of its body.
    pub(super) body: &'a [u8],
    pub(super) key: Option<&'a ApiKey>,
    pub(super) now: Millis,
}

impl Refusal<'_> {
    /// What it means.
    pub(super) fn read(&self) -> Failed {
        let text = String::from_utf8_lossy(self.body);
        let parsed: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        // Gemini may wrap its error into a list.
        let parsed = parsed.get(0).unwrap_or(&parsed);
        let message = match message_of(parsed) {
            Some(message) => clean(message, self.key),
            None if looks_like_html(self.headers, &text) => "an HTML page".to_owned(),
            None => clean(&text, self.key),
        };
        let status = self.status.as_u16();
        let error = parsed.get("error").unwrap_or(parsed);
        let mut failed = judge(status, error, message);
        let header = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        if failed.again == Again::No {
            return failed;
        }
        if header("x-should-retry") == Some("false") {
            failed.again = Again::No;
        }
        let wait = header("retry-after-ms")
            .and_then(|text| text.trim().parse().ok().map(Duration::from_millis))
            .or_else(|| header("retry-after").and_then(|text| retry_after(text, self.now)));
        if let ModelFailure::RateLimited { retry_after } = &mut failed.failure {
            *retry_after = wait;
        }
        if let Some(wait) = wait {
            failed.again = if wait > limits::RETRY_AFTER_MAX { Again::No } else { Again::After(wait) };
        }
        failed
    }
}

/// An error that a vendor reports in the middle of an answer.
pub(super) fn reported(error: &Value, key: Option<&ApiKey>) -> Failed {
    let message = message_of(error).map_or_else(|| clean(&error.to_string(), key), |message| clean(message, key));
    let error = error.get("error").unwrap_or(error);
    let kind = error.get("type").or_else(|| error.get("status")).and_then(Value::as_str).unwrap_or_default();
    let code = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let status = code.unwrap_or(match kind {
        "overloaded_error" | "UNAVAILABLE" => 529,
        "rate_limit_error" | "RESOURCE_EXHAUSTED" => 429,
        "authentication_error" | "permission_error" => 401,
        "invalid_request_error" | "INVALID_ARGUMENT" => 400,
        "request_too_large" => 413,
        _ => 500,
    });
    judge(status, error, message)
}

/// Statuses that may be gone the next time: time-outs, overload, faults of servers and of what stands
/// before them (Cloudflare's 520 to 524, Anthropic's 529).
fn passes(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 520..=524 | 529)
}

fn judge(status: u16, error: &Value, message: String) -> Failed {
    let code = ["code", "type"].iter().filter_map(|key| error.get(*key)?.as_str()).collect::<Vec<_>>();
    match status {
        401 | 403 => Failed::finally(ModelFailure::Unauthorized),
        // Gemini says it like this.
        400 if message.contains("API key not valid") => Failed::finally(ModelFailure::Unauthorized),
        413 => Failed::finally(ModelFailure::ContextOverflow { message }),
        // OpenAI's servers and llama.cpp's answer 400, some proxies 500.
        400 | 422 | 500 if is_overflow(&code, &message) => Failed::finally(ModelFailure::ContextOverflow { message }),
        // No money left: waiting does not help.
        429 if code.contains(&"insufficient_quota") => Failed::finally(ModelFailure::Status { status, message }),
        429 => Failed::for_now(ModelFailure::RateLimited { retry_after: None }),
        _ if passes(status) => Failed::for_now(ModelFailure::Status { status, message }),
        _ => Failed::finally(ModelFailure::Status { status, message }),
    }
}

fn is_overflow(codes: &[&str], message: &str) -> bool {
    const CODES: &[&str] = &["context_length_exceeded", "exceed_context_size_error", "string_above_max_length"];
    const WORDS: &[&str] = &[
        "context length",
        "context size",
        "context window",
        "prompt is too long",
        "input token count",
        "too many tokens",
        "reduce the length",
    ];
    let message = message.to_lowercase();
    codes.iter().any(|code| CODES.contains(code)) || WORDS.iter().any(|words| message.contains(words))
}

/// What an error says, in the places where vendors put it.
fn message_of(value: &Value) -> Option<&str> {
    ["/error/message", "/message", "/error", "/detail", "/error_description"]
        .iter()
        .find_map(|pointer| value.pointer(pointer)?.as_str())
}

fn looks_like_html(headers: &HeaderMap, text: &str) -> bool {
    let declared = headers.get("content-type").and_then(|value| value.to_str().ok());
    let start = text.trim_start().get(..14).unwrap_or_default().to_lowercase();
    declared.is_some_and(|kind| kind.contains("html"))
        || start.starts_with("<!doctype html")
        || start.starts_with("<html")
}

/// One line of a vendor's words, not too long, without our key.
pub(super) fn clean(text: &str, key: Option<&ApiKey>) -> String {
    let masked = match key {
        Some(key) => text.replace(key.reveal(), "[our key]"),
        None => text.to_owned(),
    };
    let line = masked.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = line.collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return "it gave no reason".to_owned();
    }
    match line.char_indices().nth(limits::MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// `Retry-After`: seconds, or a date of HTTP.
fn retry_after(text: &str, now: Millis) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    Some(Duration::from_millis(http_date(text.trim())?.saturating_sub(now)))
}

/// Milliseconds since the Unix epoch of `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<Millis> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = text.split_once(", ")?;
    let parts: Vec<&str> = rest.split([' ', ':']).collect();
    let [day, month, year, hour, minute, second, "GMT"] = parts[..] else { return None };
    let number = |text: &str| text.parse::<u64>().ok();
    let month = MONTHS.iter().position(|name| *name == month)?;
    let (day, year) = (number(day)?, number(year)?);
    let (hour, minute, second) = (number(hour)?, number(minute)?, number(second)?);
    if !(1..=31).contains(&day) || !(1970..=9999).contains(&year) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = years + lengths[..month].iter().sum::<u64>() + day - 1;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, headers: &[(&'static str, &str)], body: &str) -> Failed {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let key = ApiKey::new("sk-secret");
        let status = StatusCode::from_u16(status).unwrap();
        let refusal = Refusal { status, headers: &map, body: body.as_bytes(), key: Some(&key), now: 784_111_777_000 };
        refusal.read()
    }

    #[test]
    fn a_wait_is_read_from_seconds_milliseconds_and_dates() {
        let wait = |name, value| refused(429, &[(name, value)], "").again;
        assert_eq!(wait("retry-after", "7"), Again::After(Duration::from_secs(7)));
        assert_eq!(wait("retry-after", "0.25"), Again::After(Duration::from_millis(250)));
        assert_eq!(wait("retry-after-ms", "90"), Again::After(Duration::from_millis(90)));
        assert_eq!(wait("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT"), Again::After(Duration::from_secs(10)));
        assert_eq!(wait("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), Again::After(Duration::ZERO));
        for nonsense in ["soon", "-3", "Sun, 99 Nov 1994 08:49:47 GMT", "inf", ""] {
            assert_eq!(wait("retry-after", nonsense), Again::Yes, "{nonsense}");
        }
    }

    #[test]
    fn a_vendor_that_wants_us_gone_for_long_is_not_asked_again() {
        let failed = refused(429, &[("retry-after", "3600")], "");
        let retry_after = Some(Duration::from_secs(3600));
        assert_eq!(failed, Failed::finally(ModelFailure::RateLimited { retry_after }));
        assert_eq!(refused(503, &[("x-should-retry", "false")], "").again, Again::No);
        assert_eq!(refused(429, &[], r#"{"error":{"code":"insufficient_quota"}}"#).again, Again::No);
    }

    #[test]
    fn messages_are_one_line_without_our_key() {
        let failed = refused(400, &[], "{\"error\":{\"message\":\"no\\n  such\\u0007 sk-secret thing\"}}");
        assert_eq!(failed.failure.to_string(), "answered with status 400: no such [our key] thing");
        let failed = refused(502, &[("content-type", "text/html")], "<html><body>sk-secret</body></html>");
        assert_eq!(failed.failure.to_string(), "answered with status 502: an HTML page");
        let long = clean(&"x".repeat(10_000), None);
        assert_eq!(long.chars().count(), limits::MESSAGE_CHARS_MAX + 1);
    }

    #[test]
    fn dates_are_counted_like_everyone_counts_them() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777_000));
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000_000));
    }
}
