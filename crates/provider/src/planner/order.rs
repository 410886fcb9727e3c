//! Words of order: a sentence falls into segments in the order in which they are to be done.

use std::sync::LazyLock;

use regex::Regex;

use super::phrases::pattern;
use super::sentence::{VERBS, hide_quotes};

/// A piece of a task; the clauses of the segments of one group are done side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) text: String,
    pub(super) group: Option<usize>,
}

static SENTENCE: LazyLock<Regex> = LazyLock::new(|| pattern(r"[;\n]|\.\s"));
/// `before deploying web, back up …`
static BEFORE_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)^\s*(?:before|prior to)\s+(.+?)(?:\s*,\s*(?:please\s+)?|\s+)((?i-u:(?:{})\b).*)$",
        VERBS.join("|")
    ))
});
/// `after backing up the database, deploy …`, `once the build is done, push it`
static AFTER_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(r"(?i)^\s*(?:after|once|when|as soon as)\s+(?:(\w+ing\b.+?)|(.+?)\s+{DONE})\s*,\s*(.+)$"))
});
/// `restart nginx once the backup is done`
static ONCE_DONE: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?i)^(.+?\w)\s+(?:after|once|when|as soon as)\s+(.+?)\s+{DONE}\s*[.!]?\s*$")));
/// `deploy web after backing up the database`
static AFTER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^(.+?\w)\s*,?\s+after\s+(\w+ing\b.+)$"));
/// `back up the database before updating the packages`
static BEFORE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^(.+?\w)\s*,?\s+(?:before|prior to)\s+(\w+ing\b.+)$"));
/// `run the migrations, take a backup before`
static BEFOREHAND: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)^(.+\w)(?:\s*,\s*(?:but\s+|and\s+)?|\s+(?:and|but)\s+)((?i-u:(?:{})\b)\s.+?)\s+(?:before|beforehand|before that|first)\s*[.!]?\s*$",
        VERBS.join("|")
    ))
});
static SPAN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(?:\d+|\w+)\s+(?:seconds?|minutes?|hours?|days?|weeks?|months?)\s*$"));
static SIDE_BY_SIDE_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^\s*(?:in parallel|side by side|at the same time|simultaneously|concurrently)\s*[:,]?\s+(.+)$")
});
static SIDE_BY_SIDE_LAST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(.+?)\s*,?\s+(?:all\s+)?(?:in parallel|side by side|at the same time|simultaneously|concurrently)\s*[.!]?\s*$",
    )
});
/// `check a and, at the same time, measure b`
static MEANWHILE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(.+?\w)\s*,?\s+and\s*,?\s*(?:at the same time|meanwhile|simultaneously|in parallel|side by side)\s*,?\s+(.+)$",
    )
});
/// `while scanning the image, run the tests`
static WHILE_FIRST: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^\s*while\s+(\w+ing\b.+?)\s*,\s*(.+)$"));
static WHILE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^(.+?\w)\s*,?\s+while\s+(\w+ing\b.+)$"));

const DONE: &str = r"(?:is|are|has|have)\s+(?:been\s+)?(?:done|finished|complete|completed|through|over|ready|passed|green|successful|succeeded)";

/// Takes a task apart at its words of order; what stands in quotes is never looked at.
pub(super) fn segments(task: &str) -> Vec<Segment> {
    let hidden = hide_quotes(task);
    let mut found = Vec::new();
    let mut groups = 0;
    let mut start = 0;
    for border in SENTENCE.find_iter(&hidden) {
        sentence(&task[start..border.end()], &mut found, &mut groups);
        start = border.end();
    }
    sentence(&task[start..], &mut found, &mut groups);
    // What needs no other order stays one text, so that clauses see what stands beside them.
    if found.iter().all(|segment| segment.group.is_none())
        && found.iter().map(|it| it.text.as_str()).collect::<String>() == task
    {
        return vec![Segment { text: task.to_owned(), group: None }];
    }
    found
}

fn sentence(text: &str, found: &mut Vec<Segment>, groups: &mut usize) {
    if text.trim().is_empty() {
        return;
    }
    let hidden = hide_quotes(text);
    let part = |pattern: &Regex, group: usize| pattern.captures(&hidden).and_then(|it| Some(it.get(group)?.range()));
    let side_by_side = [part(&SIDE_BY_SIDE_FIRST, 1), part(&SIDE_BY_SIDE_LAST, 1)].into_iter().flatten().next();
    if let Some(range) = side_by_side {
        *groups += 1;
        let inner = &text[range];
        let halves = part_of(&WHILE, inner).unwrap_or_else(|| vec![inner.to_owned()]);
        found.extend(halves.into_iter().map(|text| Segment { text, group: Some(*groups) }));
        return;
    }
    if let Some(halves) = [&*WHILE_FIRST, &*WHILE, &*MEANWHILE].iter().find_map(|pattern| part_of(pattern, text)) {
        *groups += 1;
        found.extend(halves.into_iter().map(|text| Segment { text, group: Some(*groups) }));
        return;
    }
    let swapped = [&*BEFORE_FIRST, &*ONCE_DONE, &*AFTER, &*BEFOREHAND];
    // `warn 14 days before` speaks of a time, and of no order.
    let is_span = |halves: &Vec<String>| halves.last().is_some_and(|last| SPAN.is_match(last));
    if let Some(halves) = swapped.iter().find_map(|pattern| part_of(pattern, text)).filter(|halves| !is_span(halves)) {
        for half in halves.iter().rev() {
            sentence(half, found, groups);
        }
        return;
    }
    if let Some(halves) = [&*AFTER_FIRST, &*BEFORE].iter().find_map(|pattern| part_of(pattern, text)) {
        for half in &halves {
            sentence(half, found, groups);
        }
        return;
    }
    found.push(Segment { text: text.to_owned(), group: None });
}

/// The groups of a pattern as texts.
fn part_of(pattern: &Regex, text: &str) -> Option<Vec<String>> {
    let hidden = hide_quotes(text);
    let found = pattern.captures(&hidden)?;
    Some(found.iter().skip(1).flatten().map(|part| text[part.range()].to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(task: &str, expected: &[(&str, Option<usize>)]) {
        let found = segments(task);
        let found: Vec<(&str, Option<usize>)> = found.iter().map(|it| (it.text.trim(), it.group)).collect();
        assert_eq!(found, expected, "{task}");
    }

    #[test]
    fn words_of_order_are_heard() {
        check("Before deploying api back up shop", &[("back up shop", None), ("deploying api", None)]);
        check("deploy api after backing up shop", &[("backing up shop", None), ("deploy api", None)]);
        check(
            "Restart nginx once the backup of /etc is done",
            &[("the backup of /etc", None), ("Restart nginx", None)],
        );
        check("back up /srv before updating it", &[("back up /srv", None), ("updating it", None)]);
        check("run the migrations, take a backup before", &[("take a backup", None), ("run the migrations", None)]);
        check("build it while testing that", &[("build it", Some(1)), ("testing that", Some(1))]);
        check("check a and, at the same time, measure b", &[("check a", Some(1)), ("measure b", Some(1))]);
        check("In parallel: check a and check b", &[("check a and check b", Some(1))]);
        check("tell me when it is down", &[("tell me when it is down", None)]);
        check("run `a after building b`", &[("run `a after building b`", None)]);
        check("check it and warn 14 days before", &[("check it and warn 14 days before", None)]);
        check("a. b\nc", &[("a. b\nc", None)]);
    }
}
