//! What a clause says about the steps that it became itself: how often they are tried, how long they may take, and
//! where they are done at all.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::facts::Facts;
use super::part::Part;
use super::phrases::pattern;
use super::sentence::Clause;

const RETRY: &[&str] = &["retry", "retries", "retried", "try again", "attempts", "tries"];
const LIMIT: &[&str] =
    &["timeout", "time limit", "limit", "no longer than", "at most", "give up after", "within", "limited to"];

static APART: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(\d+(?:\.\d+)?)\s*(ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\s+(?:apart|between|in between|pause)",
    )
});
static BOUND: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:timeout(?:\s+of)?|limit(?:\s+of)?|no longer than|at most|give up after|within|limited to)\s+(\d+(?:\.\d+)?\s*[a-z]+)|(\d+(?:\.\d+)?[\s-]*[a-z]+)\s+(?:time\s+)?(?:limit|timeout)",
    )
});

/// Gives the steps of a part the limits that its clauses name.
pub(super) fn apply(part: &mut Part, clauses: &[&Clause]) {
    for clause in clauses.iter().filter(|clause| !clause.denies) {
        let facts = Facts::read(&clause.text, &Map::new());
        let changes: Vec<usize> = (0..part.steps.len()).filter(|at| is_work(&part.steps[*at])).collect();
        if clause.has(RETRY)
            && let Some(times) = facts.times()
        {
            let delay = apart(&facts.text).unwrap_or_else(|| "5s".to_owned());
            for at in &changes {
                part.steps[*at]["retry"] = json!({"max_attempts": tries(clause, times), "delay": delay});
            }
        }
        let limit = bound(&facts).filter(|_| clause.has(LIMIT));
        if let Some(limit) = limit {
            for at in &changes {
                let step = &mut part.steps[*at];
                if step.get("http").is_some() {
                    step["http"]["timeout"] = json!(limit);
                } else {
                    step["timeout"] = json!(limit);
                }
            }
        }
    }
}

/// `retry it twice` is three tries; `up to 5 times` and `5 attempts` are five.
fn tries(clause: &Clause, times: u32) -> u32 {
    let all = clause.has(&["attempts", "tries", "up to"]);
    (if all { times } else { times.saturating_add(1) }).clamp(2, 100)
}

fn is_work(step: &Value) -> bool {
    step.get("approval").is_none() && step["tool"] != "wait"
}

pub(super) fn apart(text: &str) -> Option<String> {
    let found = APART.captures(text)?;
    unit(&found[1], &found[2])
}

fn unit(number: &str, unit: &str) -> Option<String> {
    let unit = unit.to_lowercase();
    let short = match unit.as_str() {
        "ms" => "ms",
        unit if unit.starts_with("milli") => "ms",
        unit if unit.starts_with('s') => "s",
        unit if unit.starts_with('m') => "m",
        unit if unit.starts_with('h') => "h",
        _ => return None,
    };
    Some(format!("{number}{short}"))
}

/// The limit that a text names: `a timeout of 90 seconds`, `a 2 hour limit`, `within 5 s`.
pub(super) fn bound(facts: &Facts) -> Option<String> {
    let found = BOUND.captures(&facts.text)?;
    let said = found.get(1).or_else(|| found.get(2))?.as_str();
    let number: String = said.chars().take_while(|it| it.is_ascii_digit() || *it == '.').collect();
    let limit = unit(&number, said[number.len()..].trim_matches(|it: char| it.is_whitespace() || it == '-'))?;
    partita_core::time::parse_duration(&limit).is_ok_and(|limit| limit > 0).then_some(limit)
}

/// Holds the steps of a part to one environment: they are passed over in every other.
pub(super) fn only_on(part: &mut Part, environment: &str, given: Option<String>) {
    part.needed("environment", "Which environment this is: staging, production, …", given);
    for step in &mut part.steps {
        let here = format!("params.environment == '{environment}'");
        let condition = step.get("if").and_then(Value::as_str).map(|other| format!("({other}) && {here}"));
        step["if"] = json!(condition.unwrap_or(here));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(bound(&Facts::read(text, &Map::new())).as_deref(), expected, "{text}");
        };
        check("restart it with a timeout of 90 seconds", Some("90s"));
        check("run it with a 2 hour limit", Some("2h"));
        check("get it within 5 s", Some("5s"));
        check("a time limit of 0 minutes", None);
        check("limit it", None);
        assert_eq!(apart("retry twice, 30 seconds apart").as_deref(), Some("30s"));
    }
}
