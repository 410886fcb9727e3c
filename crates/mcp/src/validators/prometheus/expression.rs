//! PromQL, durations and names.

/// Longest expression that is parsed. The parser works by recursion.
const CHARS_MAX: usize = 16 * 1024;
/// Deepest nesting of brackets.
const DEPTH_MAX: usize = 100;

pub(super) const HELP: &str =
    "try it in the expression browser of Prometheus; PromQL names metrics, labels in `{…}`, ranges in `[5m]`";

/// Whether a text is PromQL.
pub(super) fn check(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut depth = 0_usize;
    for character in text.chars() {
        match character {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(format!("it is nested deeper than {DEPTH_MAX} brackets"));
        }
    }
    if text.len() > CHARS_MAX {
        return Err(format!("it is longer than {CHARS_MAX} bytes"));
    }
    promql_parser::parser::parse(text).map(drop).map_err(|problem| problem.chars().take(200).collect())
}

/// A duration of Prometheus in milliseconds: `1h30m`, `15s`, `500ms`.
pub(super) fn duration_ms(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("y", 365 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut total, mut next) = (text, 0_u64, 0);
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let tail = &rest[digits..];
        let length = tail.find(|character: char| character.is_ascii_digit()).unwrap_or(tail.len());
        // Units come from large to small, each once.
        let at = (next..UNITS.len()).find(|at| UNITS[*at].0 == &tail[..length])?;
        total = total.checked_add(number.checked_mul(UNITS[at].1)?)?;
        next = at + 1;
        rest = &tail[length..];
    }
    (!text.is_empty()).then_some(total)
}

/// Whether a text can be the name of a metric.
pub(super) fn is_metric(name: &str) -> bool {
    is_name(name, true)
}

/// Whether a text can be the name of a label.
pub(super) fn is_label(name: &str) -> bool {
    is_name(name, false)
}

fn is_name(name: &str, colon: bool) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (colon && byte == b':');
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(is_part)
}
