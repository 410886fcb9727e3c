//! The passive voice, and its kin: what is to be done to something, as a command to do it.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::rules::VERBS;
use crate::planner::phrases::pattern;

/// What a text asks for in the passive voice, in the active one.
pub(super) fn active_voice(text: &str) -> String {
    let text = ONCE.replace_all(text, once).into_owned();
    let text = PASSIVE.replace_all(&text, |found: &Captures<'_>| {
        let not = if found.get(3).is_some() { "don't " } else { "" };
        format!("{}{not}{}", &found[1], active(&found[2], &found[4], &found[5]))
    });
    let wanted = |found: &Captures<'_>| format!("{}{}", &found[1], active(&found[3], &found[4], &found[5]));
    WANTED.replace_all(&text, wanted).into_owned()
}

/// Past participles of the table, as an alternative of a pattern.
fn participles() -> String {
    VERBS.map(|(form, _)| form).join("|")
}

/// A few words that are no border of a clause.
const WORDS: &str = r"(?:[^\s,;.]+\s+){1,6}?";
/// More words than most things have: `files under /data that are older than six weeks`.
const MANY_WORDS: &str = r"(?:[^\s,;.]+\s+){1,12}?";
const TEN_WORDS: &str = r"(?:[^\s,;.]+\s+){1,10}?";
/// `built`, `built and pushed`, `built, scanned and pushed`
static PARTICIPLE: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?i)\b(?:{})\b", participles())));

fn participle_list() -> String {
    let forms = participles();
    format!(r"((?:{forms})(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+)(?:then\s+)?(?:{forms}))*)\b")
}

/// `nginx should be restarted after that`, `the image must be built and pushed`.
static PASSIVE: LazyLock<Regex> = LazyLock::new(|| {
    let must = "(?:should|must|shall|can|may|ought to|needs? to|ha(?:s|ve) to|is to|are to)";
    pattern(&format!(
        r"(?i)(^|[,;.]\s+|\b(?:then|and|but|first)\s+)((?:the\s+)?(?:services|deployments|images|databases|hosts|containers|files|directories|packages)\s+[^;.]{{1,200}}?\s|(?:[\w\u{{f000}}-\u{{f7ff}}]+\s*,\s*)+[\w\u{{f000}}-\u{{f7ff}}]+\s*,?\s+and\s+[\w\u{{f000}}-\u{{f7ff}}]+\s+|{MANY_WORDS}){must}(\s+not)?\s+(?:then\s+|first\s+)?be\s+(?:then\s+|first\s+)?{}([^;.]*)",
        participle_list()
    ))
});
/// `I want web deployed to prod`, `have the code tested and linted`.
static WANTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)(^|[,;.]\s+|\b(?:then|and|but|first)\s+)(?:(?:i|we)\s*)?(?:want|need|have|get|see|(?:'d|would) like)()\s+({TEN_WORDS})(?:to be\s+)?{}([^;.]*)",
        participle_list()
    ))
});
/// `as soon as /srv has been archived to /backups, …`: what has to have happened, as what is to be done.
static ONCE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)\b(once|as soon as|after|when)\s+({WORDS})(?:has|have|is|are|was|were)\s+(?:been\s+)?(?:successfully\s+)?{}\b([^,;.]*)",
        participle_list()
    ))
});
fn verb(participle: &str) -> &'static str {
    let lower = participle.to_lowercase();
    VERBS.iter().find(|(form, _)| *form == lower).map_or("run", |(_, verb)| verb)
}

/// `the image`, `built and pushed`, ` from ./web and scanned`: `build and push the image from ./web and scan it`.
fn active(object: &str, done: &str, rest: &str) -> String {
    let verbs = PARTICIPLE.replace_all(done, |found: &Captures<'_>| verb(&found[0]).to_owned());
    let rest = TRAILING.replace_all(rest, |found: &Captures<'_>| format!("{}{} it", &found[1], verb(&found[2])));
    format!("{verbs} {}{rest}", object.trim())
}

/// `… and pushed`, behind something in the passive voice.
static TRAILING: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?i)((?:\s*,\s*(?:and\s+)?|\s+and\s+)(?:then\s+)?)({})\b", participles())));

fn once(found: &Captures<'_>) -> String {
    format!("{} {} is done", &found[1], active(&found[2], &found[3], &found[4]).trim_end())
}
