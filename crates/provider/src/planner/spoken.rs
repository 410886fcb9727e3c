//! Words that stand for signs: numbers, halves of hours, quotation marks, misspelt words.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::phrases::pattern;

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    let units = "milliseconds?|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|percent|replicas?|copies|times|lines|pods|instances|dumps|backups|archives";
    let numbers: Vec<&str> = NUMBERS.iter().map(|(word, _)| *word).collect();
    let kinds = "canary|more|newest|latest|last|most recent|old|full|recent|further|other";
    pattern(&format!(r"(?i)\b(half an|half a|an|a|{})(\s+(?:(?:{kinds})\s+)?)({units})\b", numbers.join("|")))
});

const NUMBERS: [(&str, u32); 25] = [
    ("zero", 0),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("fourteen", 14),
    ("fifteen", 15),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
    ("hundred", 100),
    ("couple of", 2),
];

/// A number, in digits or as a word.
pub(super) fn number(text: &str) -> Option<u32> {
    let named = NUMBERS.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
    named.or_else(|| text.parse().ok())
}

static LONG: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(\d{1,3})\s+(months?|years?)\b"));

/// `half an hour` is `30 minutes`, `two weeks` are `2 weeks`, `6 months` are `180 days`.
pub(super) fn numbers(text: &str) -> String {
    let text = NUMBER.replace_all(text, |found: &Captures<'_>| {
        let (word, unit) = (found[1].to_lowercase(), found[3].to_lowercase());
        if word.starts_with("half") {
            return match unit.as_str() {
                "hour" => "30 minutes".to_owned(),
                "minute" => "30 seconds".to_owned(),
                "day" => "12 hours".to_owned(),
                _ => found[0].to_owned(),
            };
        }
        let number = NUMBERS.iter().find(|(name, _)| *name == word).map_or(1, |(_, number)| *number);
        // `an hour` is one; `a backup` is a backup.
        let is_article = matches!(word.as_str(), "a" | "an");
        let is_time = ["second", "minute", "hour", "day", "week", "month", "year"].contains(&unit.as_str());
        if is_article && !is_time { found[0].to_owned() } else { format!("{number}{}{}", &found[2], &found[3]) }
    });
    let days = |found: &Captures<'_>| {
        let number: u32 = found[1].parse().unwrap_or(0);
        format!("{} days", number * if found[2].to_lowercase().starts_with('m') { 30 } else { 365 })
    };
    LONG.replace_all(&text, days).into_owned()
}

static SINGLE: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(^|[\s(:,])'([^'"`\n]+)'([\s).,;:!?]|$)"#));

/// Curly and single quotation marks become straight double ones; an apostrophe stays what it is.
pub(super) fn quotes(task: &str) -> String {
    let straight =
        task.replace(['\u{201c}', '\u{201d}', '\u{201e}', '\u{ab}', '\u{bb}'], "\"").replace('\u{2019}', "'");
    if straight.contains('"') || straight.contains('`') {
        return straight;
    }
    SINGLE.replace_all(&straight, "$1\"$2\"$3").into_owned()
}

/// Words that are worth correcting: those that give intents away, and are long enough to be told apart.
const KNOWN: &[&str] = &[
    "archive",
    "backup",
    "build",
    "certificate",
    "check",
    "clean",
    "clone",
    "compress",
    "container",
    "copies",
    "database",
    "delete",
    "deploy",
    "deployment",
    "directory",
    "docker",
    "download",
    "image",
    "install",
    "journal",
    "kubernetes",
    "logs",
    "measure",
    "memory",
    "migration",
    "migrations",
    "monitoring",
    "namespace",
    "notify",
    "postgres",
    "production",
    "prometheus",
    "python",
    "release",
    "report",
    "restart",
    "restore",
    "rollback",
    "rotate",
    "scale",
    "secret",
    "server",
    "service",
    "slack",
    "staging",
    "terraform",
    "upgrade",
    "verify",
    "vulnerabilities",
    "webhook",
];

/// The same words, with those that are one slip away from a known one corrected.
pub(super) fn corrected(lower: &str) -> Option<String> {
    let mut changed = false;
    let words = lower.split_inclusive(|character: char| !character.is_alphanumeric()).map(|piece| {
        let word = piece.trim_end_matches(|character: char| !character.is_alphanumeric());
        if word.len() < 4 || KNOWN.contains(&word) || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return piece.to_owned();
        }
        let near = |known: &&&str| {
            known.as_bytes()[0] == word.as_bytes()[0]
                && known.len() >= 5
                && strsim::osa_distance(known, word) == 1
                // A plural, a past tense or another ending is no slip.
                && !(word.starts_with(**known) || known.starts_with(word))
        };
        match KNOWN.iter().find(near) {
            Some(known) => {
                changed = true;
                format!("{known}{}", &piece[word.len()..])
            }
            None => piece.to_owned(),
        }
    });
    let text: String = words.collect();
    changed.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_signs() {
        assert_eq!(
            numbers("wait for half an hour, then two weeks and ninety percent"),
            "wait for 30 minutes, then 2 weeks and 90 percent"
        );
        assert_eq!(numbers("with two canary replicas"), "with 2 canary replicas");
        assert_eq!(
            numbers("older than 6 months, within an hour, a backup"),
            "older than 180 days, within 1 hour, a backup"
        );
        assert_eq!(quotes("run 'echo a, then b' in /tmp; don't stop"), "run \"echo a, then b\" in /tmp; don't stop");
        assert_eq!(quotes("post \u{201c}it's on\u{201d}"), "post \"it's on\"");
        assert_eq!(corrected("chek the disk and memmory"), Some("check the disk and memory".to_owned()));
        assert_eq!(corrected("checks the disks"), None);
    }
}
