//! Finds what could be a document in an answer: between tags, in fences, in braces, as YAML. Reads each
//! part of the answer once, so that the time grows with its length alone.

use std::collections::BTreeSet;

use partita_core::Diagnostic;
use partita_core::workflow::{Format, read_text};
use serde_json::Value;

use super::lenient::{self, Fault};
use super::repair::Repair;

/// Something that could be a document.
pub(super) struct Found {
    pub outcome: Result<Value, Diagnostic>,
    pub dress: Dress,
    /// Of the text that was scanned.
    pub start: usize,
    pub end: usize,
    pub repairs: BTreeSet<Repair>,
    /// Whether it goes on to the very end without anything that closes it.
    pub is_open: bool,
}

/// How it stands in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dress {
    Bare,
    Fenced,
    Tagged,
}

/// The tag that older orchestration servers ask models for.
const TAG: &str = "<workflow>";
const TAG_END: &str = "</workflow>";
/// Keys that a workflow in YAML begins with.
const YAML_KEYS: [&str; 8] = ["name", "description", "version", "workflow", "params", "steps", "type", "env"];
/// Languages of fences in which braces are looked at; a shell script is full of others.
const DATA_LANGUAGES: [&str; 16] = [
    "",
    "json",
    "json5",
    "jsonc",
    "javascript",
    "js",
    "typescript",
    "ts",
    "python",
    "py",
    "text",
    "txt",
    "plaintext",
    "yaml",
    "yml",
    "workflow",
];
/// Things in one answer that are looked at; more are noise.
const FOUND_MAX: usize = 64;

/// Braces in words (`${name}`) that stop making sense before so many bytes were never meant as a document.
const WORDS_BYTES: usize = 64;

/// Where something could begin.
enum Opener {
    Tag,
    Fence,
    Brace,
    Yaml,
}

/// What may still stand inside of what is scanned; tags hold fences, fences hold brackets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Brackets,
    Fences,
    Tags,
}

/// Everything in a text that could be a document, in its order.
pub(super) fn scan(text: &str) -> Vec<Found> {
    scan_level(text, Level::Tags)
}

fn scan_level(text: &str, level: Level) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((opener, start)) = next(text, at, level) {
        if found.len() >= FOUND_MAX {
            break;
        }
        at = match opener {
            Opener::Tag => tagged(text, start, &mut found),
            Opener::Fence => fenced(text, start, &mut found),
            Opener::Brace => braced(text, start, Dress::Bare, &mut found),
            Opener::Yaml => plain_yaml(text, start, &mut found),
        };
    }
    found
}

/// The next place from `from` on where something could begin.
fn next(text: &str, from: usize, level: Level) -> Option<(Opener, usize)> {
    let bytes = text.as_bytes();
    let mut is_line_start = from == 0 || bytes.get(from - 1) == Some(&b'\n');
    let mut is_blank_before = is_line_start;
    for (offset, byte) in bytes[from..].iter().enumerate() {
        let at = from + offset;
        match byte {
            b'{' => return Some((Opener::Brace, at)),
            b'[' if text[at + 1..].trim_start().starts_with('{') => return Some((Opener::Brace, at)),
            b'<' if level == Level::Tags && begins_with(&text[at..], TAG) => return Some((Opener::Tag, at)),
            b'`' | b'~' if level >= Level::Fences && is_blank_before && fence_length(&text[at..]) >= 3 => {
                return Some((Opener::Fence, at));
            }
            letter if is_line_start && letter.is_ascii_lowercase() && is_yaml_line(&text[at..]) => {
                return Some((Opener::Yaml, at));
            }
            _ => {}
        }
        is_line_start = *byte == b'\n';
        is_blank_before = is_line_start || (is_blank_before && matches!(byte, b' ' | b'\t'));
    }
    None
}

fn begins_with(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

/// Where a word is, whatever its case.
fn find(text: &str, word: &str) -> Option<usize> {
    let initial = word.chars().next()?;
    text.match_indices(initial).map(|(at, _)| at).find(|at| begins_with(&text[*at..], word))
}

fn fence_length(text: &str) -> usize {
    let Some(mark) = text.chars().next() else { return 0 };
    text.chars().take_while(|letter| *letter == mark).count()
}

fn is_yaml_line(text: &str) -> bool {
    YAML_KEYS.iter().any(|key| text.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))
}

/// What stands between tags; gives the place behind it.
fn tagged(text: &str, start: usize, found: &mut Vec<Found>) -> usize {
    let inside = start + TAG.len();
    let blanks = text[inside..].len() - text[inside..].trim_start().len();
    let begin = inside + blanks;
    if text[begin..].starts_with(['{', '[']) {
        return braced(text, begin, Dress::Tagged, found);
    }
    let end = find(&text[inside..], TAG_END).map_or(text.len(), |end| inside + end);
    let inner = &text[inside..end];
    let mut within = scan_level(inner, Level::Fences);
    if within.is_empty() {
        within.extend(yaml(inner, 0));
    }
    found.extend(within.into_iter().map(|one| Found {
        dress: Dress::Tagged,
        start: one.start + inside,
        end: one.end + inside,
        is_open: one.is_open && end == text.len(),
        ..one
    }));
    // The tag that closes it holds nothing.
    (end + TAG_END.len()).min(text.len())
}

/// What stands in a fence; gives the place behind it.
fn fenced(text: &str, start: usize, found: &mut Vec<Found>) -> usize {
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let indent = start - line_start;
    let length = fence_length(&text[start..]);
    let mark = &text[start..start + length];
    let info_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let info = text[start + length..info_end].trim();
    if info.contains(mark) {
        // A fence that ends on its own line is a word in code.
        return braces_of_line(text, start + length, info_end, found);
    }
    let language = info.split([' ', '{', ',']).next().unwrap_or_default().to_lowercase();
    let inside = (info_end + 1).min(text.len());
    let (end, after) = fence_end(text, inside, mark, indent);
    let inner = &text[inside..end];
    if DATA_LANGUAGES.contains(&language.as_str()) {
        let within = in_fence(inner, &language);
        found.extend(within.into_iter().map(|one| Found {
            dress: Dress::Fenced,
            start: one.start + inside,
            end: one.end + inside,
            is_open: one.is_open && after == text.len() && end == text.len(),
            ..one
        }));
    }
    after
}

fn braces_of_line(text: &str, from: usize, to: usize, found: &mut Vec<Found>) -> usize {
    match text[from..to].find('{') {
        Some(at) => braced(text, from + at, Dress::Bare, found),
        None => to,
    }
}

/// Where the inside of a fence ends, and where its last line does.
fn fence_end(text: &str, from: usize, mark: &str, indent: usize) -> (usize, usize) {
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        let trimmed = line.trim_start();
        if line.len() - trimmed.len() <= indent && trimmed.starts_with(mark) {
            return (at, at + line.len());
        }
        at += line.len();
    }
    (text.len(), text.len())
}

fn in_fence(inner: &str, language: &str) -> Vec<Found> {
    let begins_as_json = inner.trim_start().starts_with(['{', '[']);
    if !begins_as_json && matches!(language, "yaml" | "yml" | "workflow") {
        return yaml(inner, 0).into_iter().collect();
    }
    scan_level(inner, Level::Brackets)
}

/// JSON from a bracket on; gives the place behind it, or where it stopped making sense.
fn braced(text: &str, start: usize, dress: Dress, found: &mut Vec<Found>) -> usize {
    match lenient::read(&text[start..]) {
        Ok(read) => {
            let end = start + read.end;
            let repairs = read.repairs;
            found.push(Found { outcome: Ok(read.value), dress, start, end, repairs, is_open: false });
            end
        }
        Err(unread) => {
            let is_cut = unread.fault == Fault::Cut;
            let end = start + unread.at.max(1);
            let end = if is_cut { text.len() } else { super::ceiling(text, end) };
            // Text in braces may be YAML's own notation.
            let is_first = text[..start].trim().is_empty();
            if is_first
                && !is_cut
                && let Some(read) = flow_yaml(&text[start..])
            {
                found.push(Found { start, end: text.len(), dress, ..read });
                return text.len();
            }
            if dress == Dress::Bare && !is_first && !is_cut && unread.at < WORDS_BYTES {
                return end;
            }
            let at = lenient::Unread { at: start + unread.at, fault: unread.fault };
            let outcome = Err(lenient::diagnostic(&at, text));
            found.push(Found { outcome, dress, start, end, repairs: BTreeSet::new(), is_open: is_cut });
            end
        }
    }
}

/// YAML's notation in braces, when nothing follows it and it reads as a workflow.
fn flow_yaml(text: &str) -> Option<Found> {
    let text = text.trim_end();
    // Only worth a second look when it ends as it begins, and is no novel.
    if !text.ends_with('}') || text.len() > super::FLOW_BYTES_MAX {
        return None;
    }
    yaml(text, 0).filter(|found| matches!(&found.outcome, Ok(value) if super::shape::is_document(value)))
}

/// A whole text as YAML; nothing when it is blank.
fn yaml(text: &str, start: usize) -> Option<Found> {
    if text.trim().is_empty() {
        return None;
    }
    let outcome = read_text(text, Some(Format::Yaml)).map_err(|issue| match issue.help {
        Some(_) => issue,
        None => issue.help("write JSON, or look after the indentation and the quotes"),
    });
    let repairs = BTreeSet::from([Repair::Yaml]);
    Some(Found { outcome, dress: Dress::Bare, start, end: start + text.len(), repairs, is_open: true })
}

/// YAML between words: from a line with a key of a workflow to the first line that is none of it. Gives
/// the place behind it.
fn plain_yaml(text: &str, start: usize, found: &mut Vec<Found>) -> usize {
    let mut end = start;
    for line in text[start..].split_inclusive('\n') {
        if !goes_on(line) {
            break;
        }
        end += line.len();
    }
    let region = &text[start..end];
    let Some(mut read) = yaml(region, start) else { return end };
    read.is_open = end == text.len();
    let has_steps = region.lines().any(|line| line.trim_start().starts_with("steps:"));
    match &read.outcome {
        Ok(value) if super::shape::is_document(value) => {}
        Err(_) if has_steps => {}
        _ => return end,
    }
    found.push(read);
    end
}

/// Whether a line can belong to a document in YAML that began above it.
fn goes_on(line: &str) -> bool {
    let trimmed = line.trim_end();
    let is_inside = trimmed.is_empty() || trimmed.starts_with([' ', '\t', '-', '#', '}', ']']);
    let key = trimmed.split(':').next().unwrap_or_default();
    let is_key = key.len() < trimmed.len() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_inside || is_key
}
