//! From a text to clauses in their order, each with what it denies.

use std::sync::LazyLock;

use regex::Regex;

/// A part of a task that asks for one thing, or for a few that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clause {
    /// As it was written.
    pub(super) text: String,
    /// In lower case, for looking at words.
    pub(super) lower: String,
    /// Whether it says what should not happen.
    pub(super) denies: bool,
}

impl Clause {
    pub(super) fn new(text: &str) -> Self {
        let text = text.trim().trim_end_matches([',', ';', '.', '!']).trim();
        let lower = text.to_lowercase();
        let denies = DENIAL.is_match(&lower);
        Self { text: text.to_owned(), lower, denies }
    }

    /// Whether one of these words (or phrases) is in it, as a whole.
    pub(super) fn has(&self, words: &[&str]) -> bool {
        words.iter().any(|word| has_word(&self.lower, word))
    }
}

/// Whether a phrase is in a text as whole words.
pub(super) fn has_word(text: &str, phrase: &str) -> bool {
    let mut from = 0;
    while let Some(at) = text[from..].find(phrase) {
        let (start, end) = (from + at, from + at + phrase.len());
        let before = text[..start].chars().next_back().is_none_or(|character| !character.is_alphanumeric());
        let after = text[end..].chars().next().is_none_or(|character| !character.is_alphanumeric());
        if before && after {
            return true;
        }
        from = end;
    }
    false
}

fn pattern(text: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "the patterns are constants, and a test goes through them all")]
    Regex::new(text).expect("a valid pattern")
}

static DENIAL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(don't|don’t|do not|dont|without|never|not|no need|skip the|but no|no) ?\b"));

/// Where one clause ends and the next begins: sentences, lines, list items, and words of order.
static BORDER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:\s*[;\n]\s*(?:[-*•]\s+|\d{1,2}[.)]\s+)?|\.\s+(?:\d{1,2}[.)]\s+)?|,?\s+(?:and\s+)?(?:then|after that|afterwards|next|finally|lastly)\b,?\s+|,\s*(?:and|but)\s+|,\s+(?:without|don't|do not)\b)",
    )
});

/// Splits a task into clauses. Text in quotes or backticks is never split.
pub(super) fn clauses(task: &str) -> Vec<Clause> {
    let hidden = hide_quotes(task);
    let mut clauses = Vec::new();
    let mut start = 0;
    for border in BORDER.find_iter(&hidden) {
        // `without` and `don't` belong to what follows.
        let keep = ["without", "don't", "do not"].iter().find_map(|word| border.as_str().to_lowercase().rfind(word));
        push(&mut clauses, &task[start..border.start()]);
        start = keep.map_or(border.end(), |at| border.start() + at);
    }
    push(&mut clauses, &task[start..]);
    clauses
}

/// What follows is denied: a clause of its own.
static TURN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\s+(?:but\s+)?(?:and\s+)?(?:don't|don’t|do not|without|never|but not|but no)\s"));

fn push(clauses: &mut Vec<Clause>, text: &str) {
    if let Some(turn) = TURN.find(&hide_quotes(text)).filter(|turn| turn.start() > 0) {
        push_one(clauses, &text[..turn.start()]);
        // What comes after a comma is no longer denied.
        let denied = &text[turn.start()..];
        for piece in hide_quotes(denied).split(',').scan(0, |at, piece| {
            let start = *at;
            *at += piece.len() + 1;
            Some(&denied[start..start + piece.len()])
        }) {
            push_one(clauses, piece);
        }
    } else {
        push_one(clauses, text);
    }
}

fn push_one(clauses: &mut Vec<Clause>, text: &str) {
    let text = text.trim().trim_start_matches(['-', '*', '•']).trim();
    let text = LIST_NUMBER.replace(text, "");
    let clause = Clause::new(&text);
    if clause.lower.chars().any(char::is_alphabetic) {
        clauses.push(clause);
    }
}

static LIST_NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^\d{1,2}[.)]\s+|^(?i:first|firstly|please|also|and|then|next|finally|lastly|afterwards)\b,?\s+")
});

/// The same text with everything in quotes blotted out, byte for byte.
fn hide_quotes(task: &str) -> String {
    let mut hidden = String::with_capacity(task.len());
    let mut open: Option<char> = None;
    for character in task.chars() {
        let blot = |hidden: &mut String| hidden.extend(std::iter::repeat_n('_', character.len_utf8()));
        match open {
            Some(quote) if character == quote => {
                open = None;
                blot(&mut hidden);
            }
            Some(_) => blot(&mut hidden),
            None if matches!(character, '`' | '"') => {
                open = Some(character);
                blot(&mut hidden);
            }
            None => hidden.push(character),
        }
    }
    // An unclosed quote hides nothing.
    if open.is_some() { task.to_owned() } else { hidden }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(task: &str, expected: &[&str]) {
        let found: Vec<String> = clauses(task).into_iter().map(|clause| clause.text).collect();
        assert_eq!(found, expected, "{task}");
    }

    #[test]
    fn tasks_fall_into_clauses() {
        check(
            "Check disk space and memory on this host, write a report to a file, and warn if the disk is more than 80% full",
            &[
                "Check disk space and memory on this host, write a report to a file",
                "warn if the disk is more than 80% full",
            ],
        );
        check("First build the image, then push it. Finally tell #ops", &["build the image", "push it", "tell #ops"]);
        check("1. run `a; b`\n2. wait 10 seconds\n- done", &["run `a; b`", "wait 10 seconds", "done"]);
        check("check the disk but don't write a file", &["check the disk", "but don't write a file"]);
        check("check the disk, but don't write a file", &["check the disk", "don't write a file"]);
        check(
            "deploy v1.2.3 to https://x.example.com/a without rollback",
            &["deploy v1.2.3 to https://x.example.com/a", "without rollback"],
        );
        check("   ", &[]);
    }
}
