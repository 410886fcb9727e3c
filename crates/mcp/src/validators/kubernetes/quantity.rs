//! Amounts of CPU and memory.

use serde_json::Value;

/// An amount as a number; `None`: it is none.
pub(super) fn parse(value: &Value) -> Option<f64> {
    let text = match value {
        Value::Number(number) => return number.as_f64().filter(|number| *number >= 0.0),
        Value::String(text) => text.trim(),
        _ => return None,
    };
    let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    let factor = match unit {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024f64.powi(4),
        "Pi" => 1024f64.powi(5),
        "Ei" => 1024f64.powi(6),
        _ => {
            let exponent = unit.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?;
            10f64.powi(exponent)
        }
    };
    Some(number * factor)
}
