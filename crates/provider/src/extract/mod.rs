//! From what a model wrote to a document: finds it in fences, tags and prose, and mends what can only
//! have been meant in one way. What is guesswork is not mended; the author gets it back as a finding.

mod chained;
mod lenient;
mod literal;
mod params;
mod refusal;
mod repair;
mod scan;
mod shape;

use std::collections::BTreeSet;

use partita_core::Diagnostic;
use serde_json::Value;

pub(crate) use chained::split_up;
pub(crate) use literal::written_out;
pub(crate) use params::{not_said, without_unused};
use repair::Repair;
use scan::{Dress, Found};

/// Longest answer that is read. A workflow of a thousand steps has some 300 KB; who writes more is lost.
pub const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Longest text in braces that is tried as YAML's own notation, which is read a second time.
const FLOW_BYTES_MAX: usize = 256 * 1024;
/// What is said about a document that was cut.
const SHORTER: &str = "answer with the whole document, and shorter: fewer steps, shorter texts, no explanation";

/// A document that was found in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Extracted {
    pub value: Value,
    /// What was mended on the way, in one line each.
    pub repairs: Vec<String>,
}

/// Finds the workflow in an answer, and takes it out of what it is wrapped in. `is_cut` says that the
/// answer ended at a limit, so that what has no end of its own may be half of what was meant.
///
/// # Errors
///
/// A finding that says what is wrong, so that the author can mend it.
pub fn workflow(text: &str, is_cut: bool) -> Result<Extracted, Diagnostic> {
    let (value, mut repairs) = found(text, is_cut)?;
    let value = shape::unwrapped(value, &mut repairs);
    told(value, &repairs)
}

/// Finds the one document in a text, whatever it is about.
///
/// # Errors
///
/// A finding that says what is wrong, so that the author can mend it.
pub fn document(text: &str) -> Result<Extracted, Diagnostic> {
    let (value, repairs) = found(text, false)?;
    told(value, &repairs)
}

fn told(value: Value, repairs: &BTreeSet<Repair>) -> Result<Extracted, Diagnostic> {
    if !value.is_object() {
        return Err(no_document("the answer holds a list or a single value, and no workflow"));
    }
    Ok(Extracted { value, repairs: repairs.iter().map(|repair| repair.told().to_owned()).collect() })
}

fn found(text: &str, is_cut: bool) -> Result<(Value, BTreeSet<Repair>), Diagnostic> {
    if text.len() > ANSWER_BYTES_MAX {
        let message =
            format!("the answer is {} bytes long, more than the {ANSWER_BYTES_MAX} that are read", text.len());
        return Err(Diagnostic::error("draft_too_large", "", message).help(SHORTER));
    }
    let whole = text.trim_start_matches('\u{feff}').trim();
    if whole.is_empty() {
        return Err(Diagnostic::error("empty_draft", "", "the answer is empty").help("answer with a workflow"));
    }
    let (text, mut repairs) = without_thoughts(whole)?;
    let mut all = if text.starts_with('"') { quoted(text) } else { Vec::new() };
    if all.is_empty() {
        all = scan::scan(text);
    }
    let chosen = choose(text, all)?;
    if chosen.is_open && is_cut {
        return Err(truncated());
    }
    if !text[..chosen.start].trim().is_empty() && chosen.dress == Dress::Bare || has_words_after(text, &chosen) {
        repairs.insert(Repair::Prose);
    }
    repairs.extend(chosen.repairs);
    chosen.outcome.map(|value| (value, repairs))
}

/// Whether something else than what closes its dress follows.
fn has_words_after(text: &str, chosen: &Found) -> bool {
    let after = text[chosen.end..].trim_start_matches(|letter: char| letter.is_whitespace() || "`~".contains(letter));
    let after = after.strip_prefix("</workflow>").unwrap_or(after);
    !after.trim().is_empty()
}

/// A whole answer that is one text in quotes, with the document inside.
fn quoted(text: &str) -> Vec<Found> {
    let Ok(read) = lenient::read(text) else { return Vec::new() };
    let (end, repairs) = (read.end, read.repairs);
    if !text[end..].trim().is_empty() || !shape::is_document(&read.value) {
        return Vec::new();
    }
    vec![Found { outcome: Ok(read.value), dress: Dress::Bare, start: 0, end, repairs, is_open: false }]
}

/// The answer without what a model thought aloud before it.
fn without_thoughts(text: &str) -> Result<(&str, BTreeSet<Repair>), Diagnostic> {
    for (open, close) in [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>")] {
        if let Some(thoughts) = text.strip_prefix(open) {
            let Some(end) = thoughts.find(close) else { return Err(truncated()) };
            let rest = thoughts[end + close.len()..].trim();
            if rest.is_empty() {
                return Err(no_document("the answer holds thoughts, and no workflow"));
            }
            return Ok((rest, BTreeSet::from([Repair::Thoughts])));
        }
    }
    // Some servers swallow the tag that opens them.
    match text.split_once("</think>") {
        Some((before, rest))
            if !before.contains(['{', '<']) && !before.contains("steps:") && !rest.trim().is_empty() =>
        {
            Ok((rest.trim(), BTreeSet::from([Repair::Thoughts])))
        }
        _ => Ok((text, BTreeSet::new())),
    }
}

fn truncated() -> Diagnostic {
    Diagnostic::error("draft_truncated", "", "the answer ends in the middle of the document").help(SHORTER)
}

fn no_document(message: &str) -> Diagnostic {
    Diagnostic::error("no_document", "", message)
        .help("answer with one JSON object that is a workflow, and nothing else")
}

/// Picks the one that is meant, or says why there is none.
fn choose(text: &str, all: Vec<Found>) -> Result<Found, Diagnostic> {
    let (mut read, unread): (Vec<Found>, Vec<Found>) = all.into_iter().partition(|found| found.outcome.is_ok());
    // A document that was cut beside one that was not: nobody knows which of them counts.
    let is_cut_document = |found: &&Found| found.is_open && text[found.start..found.end].contains("steps");
    let cut = unread.iter().find(is_cut_document).and_then(|found| found.outcome.clone().err());
    let objects = read.len();
    let is_document = |found: &Found| found.outcome.as_ref().is_ok_and(shape::is_document);
    if read.iter().any(is_document) {
        read.retain(is_document);
    }
    let best = read.iter().map(|found| found.dress).max().unwrap_or(Dress::Bare);
    if best == Dress::Tagged {
        read.retain(|found| found.dress == Dress::Tagged);
    } else if let Some(cut) = cut {
        return Err(cut);
    }
    let mut left = read.into_iter();
    let Some(mut chosen) = left.next() else { return Err(nothing(text, unread)) };
    for other in left {
        if other.outcome.as_ref().ok() != chosen.outcome.as_ref().ok() {
            return Err(Diagnostic::error("two_documents", "", "there is more than one document in the answer")
                .help("answer with one workflow alone"));
        }
        chosen.end = chosen.end.max(other.end);
        chosen.repairs.insert(Repair::SameTwice);
    }
    if objects > 1 && !chosen.repairs.contains(&Repair::SameTwice) {
        chosen.repairs.insert(Repair::OtherBlocks);
    }
    Ok(chosen)
}

/// Why there is nothing: the fault in what was most likely meant, a refusal, or words alone.
fn nothing(text: &str, unread: Vec<Found>) -> Diagnostic {
    // Braces in prose are no documents.
    let is_likely = |found: &Found| {
        found.dress > Dress::Bare
            || found.start == 0
            || text[found.start..found.end].contains("\"steps\"")
            || found.is_open
    };
    let likely = unread.into_iter().filter(is_likely).max_by_key(|found| (found.dress, found.end - found.start));
    if let Some(diagnostic) = likely.and_then(|found| found.outcome.err()) {
        return diagnostic;
    }
    refusal::of(text).unwrap_or_else(|| no_document("there is no workflow in the answer"))
}

/// The nearest boundary of a character at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The nearest boundary of a character at or after a byte.
fn ceiling(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
