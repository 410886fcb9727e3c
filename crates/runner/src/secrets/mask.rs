//! Hides secrets in text that comes in pieces.
//!
//! A secret is recognised as it is, in base64 (both alphabets, wherever in the encoded text it starts),
//! URL-encoded, JSON-escaped, and line by line when it has several lines. A piece that ends in what could
//! become a secret is held back until the next one comes. Secrets shorter than [`CHARS_MIN`] are not masked:
//! they are found in every other word, and masking them would ruin the text and confirm the guess.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What stands where a secret was.
const MASK: &str = "***";
/// Shortest secret that is masked.
const CHARS_MIN: usize = 4;
/// Shortest line of a longer secret that is masked by itself.
const LINE_CHARS_MIN: usize = 8;
/// Where tools that encode break their lines (PEM and MIME).
const WRAPS: [usize; 2] = [64, 76];

/// All the forms in which some secrets may show up.
#[derive(Clone, Default)]
pub(crate) struct Patterns(Arc<Forms>);

#[derive(Default)]
struct Forms {
    forms: Vec<String>,
    /// Whether a form begins with this byte.
    first_bytes: Vec<bool>,
    longest: usize,
}

impl Patterns {
    /// The forms of these values.
    pub(crate) fn of(values: &[String]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let mut forms = BTreeSet::new();
        for value in values {
            add_forms(value, &mut forms);
            add_forms(value.trim(), &mut forms);
            if value.trim().contains('\n') {
                let lines = value.lines().map(str::trim).filter(|line| line.chars().count() >= LINE_CHARS_MIN);
                forms.extend(lines.map(str::to_owned));
            }
        }
        forms.retain(|form| form.chars().count() >= CHARS_MIN);
        let mut first_bytes = vec![false; 256];
        for byte in forms.iter().filter_map(|form| form.bytes().next()) {
            first_bytes[usize::from(byte)] = true;
        }
        let longest = forms.iter().map(String::len).max().unwrap_or(0);
        Self(Arc::new(Forms { forms: forms.into_iter().collect(), first_bytes, longest }))
    }

    /// Whether there is nothing to mask.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.forms.is_empty()
    }

    /// A whole text, masked.
    pub(crate) fn mask(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let mut masker = Masker::new(self.clone());
        let mut masked = String::new();
        masker.push(text, &mut masked);
        masker.finish(&mut masked);
        masked
    }

    /// Where forms are found, overlapping ones too, by their starts.
    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let mut spans = Vec::new();
        for form in &self.0.forms {
            let step = form.chars().next().map_or(1, char::len_utf8);
            let mut from = 0;
            while let Some(place) = text[from..].find(form.as_str()) {
                let start = from + place;
                spans.push(start..start + form.len());
                from = start + step;
            }
        }
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// Where the first text begins that the end of `text` may cut in two; its length when there is none.
    fn undecided_from(&self, text: &str) -> usize {
        let first = text.len().saturating_sub(self.0.longest.saturating_sub(1));
        let candidates =
            text.as_bytes()[first..].iter().enumerate().filter(|(_, byte)| self.0.first_bytes[usize::from(**byte)]);
        for (offset, _) in candidates {
            let rest = &text.as_bytes()[first + offset..];
            if self.0.forms.iter().any(|form| form.len() > rest.len() && form.as_bytes().starts_with(rest)) {
                return first + offset;
            }
        }
        text.len()
    }
}

/// Masks one stream of text.
pub(crate) struct Masker {
    patterns: Patterns,
    /// The end of what came that is not decided yet.
    held: String,
    /// How much of the beginning of `held` is part of a secret that was recognised already.
    covered: usize,
    /// Whether the last that went out was a mask, so that overlapping secrets give one mask.
    masking: bool,
}

impl Masker {
    /// A stream that has just begun.
    pub(crate) fn new(patterns: Patterns) -> Self {
        Self { patterns, held: String::new(), covered: 0, masking: false }
    }

    /// Takes the next piece and appends what is decided now.
    pub(crate) fn push(&mut self, text: &str, masked: &mut String) {
        if self.patterns.is_empty() {
            masked.push_str(text);
            return;
        }
        self.held.push_str(text);
        let decided = self.patterns.undecided_from(&self.held);
        self.release(decided, masked);
    }

    /// Appends what was held back: the stream has ended.
    pub(crate) fn finish(&mut self, masked: &mut String) {
        self.release(self.held.len(), masked);
    }

    /// Lets go of the first `limit` bytes.
    fn release(&mut self, limit: usize, masked: &mut String) {
        let mut spans = self.patterns.spans(&self.held);
        spans.insert(0, 0..self.covered);
        let (mut position, mut covered) = (0, 0);
        for span in spans.iter().filter(|span| !span.is_empty() && span.start < limit) {
            if span.start > position {
                masked.push_str(&self.held[position..span.start]);
                self.masking = false;
            }
            if !self.masking {
                masked.push_str(MASK);
                self.masking = true;
            }
            position = position.max(span.end.min(limit));
            covered = covered.max(span.end.saturating_sub(limit));
        }
        if position < limit {
            masked.push_str(&self.held[position..limit]);
            self.masking = false;
        }
        self.held.drain(..limit);
        self.covered = covered;
    }
}

fn add_forms(value: &str, forms: &mut BTreeSet<String>) {
    if value.chars().count() < CHARS_MIN {
        return;
    }
    forms.insert(value.to_owned());
    add_base64(value.as_bytes(), forms);
    for left_alone in ["-._~", "-._~/", "-._~!'()*"] {
        for space in ["%20", "+"] {
            forms.insert(percent_encoded(value, left_alone, space, true));
            forms.insert(percent_encoded(value, left_alone, space, false));
        }
    }
    let json = serde_json::Value::from(value).to_string();
    let json = &json[1..json.len() - 1];
    forms.insert(json.to_owned());
    forms.insert(json.replace('/', "\\/"));
    forms.insert(ascii_only(json));
    // Inside a single-quoted word of a shell.
    forms.insert(value.replace('\'', r"'\''"));
}

/// What every base64 text that holds the value has in common, for each of the three places in a group
/// of four characters at which the value may start.
fn add_base64(value: &[u8], forms: &mut BTreeSet<String>) {
    for shift in 0..3usize {
        let mut bytes = vec![0; shift];
        bytes.extend_from_slice(value);
        // A character that also holds bits of the neighbours is not ours to know.
        let (first, last) = (shift + usize::from(shift > 0), usize::from(!bytes.len().is_multiple_of(3)));
        for text in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            let inner = &text[first..text.len() - last];
            if shift == 0 {
                for wrap in WRAPS.into_iter().filter(|wrap| inner.len() > *wrap) {
                    let lines = inner.as_bytes().chunks(wrap).filter(|line| line.len() >= 2 * LINE_CHARS_MIN);
                    forms.extend(lines.map(|line| String::from_utf8_lossy(line).into_owned()));
                }
            }
            forms.insert(inner.to_owned());
        }
    }
}

fn percent_encoded(value: &str, left_alone: &str, space: &str, upper: bool) -> String {
    let mut encoded = String::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        match byte {
            b' ' => encoded.push_str(space),
            _ if byte.is_ascii_alphanumeric() || left_alone.as_bytes().contains(&byte) => {
                encoded.push(char::from(byte))
            }
            _ if upper => encoded.push_str(&format!("%{byte:02X}")),
            _ => encoded.push_str(&format!("%{byte:02x}")),
        }
    }
    encoded
}

/// JSON as programs write it that escape all but ASCII.
fn ascii_only(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn patterns(secrets: &[&str]) -> Patterns {
        Patterns::of(&secrets.iter().map(|secret| (*secret).to_owned()).collect::<Vec<_>>())
    }

    /// Masks the text whole, then cut in two at every place, then character by character.
    fn check(secrets: &[&str], text: &str, expected: &str) {
        let patterns = patterns(secrets);
        assert_eq!(patterns.mask(text), expected, "whole");
        let cuts = (0..=text.len()).filter(|cut| text.is_char_boundary(*cut));
        for cut in cuts {
            let mut masker = Masker::new(patterns.clone());
            let mut masked = String::new();
            masker.push(&text[..cut], &mut masked);
            masker.push(&text[cut..], &mut masked);
            masker.finish(&mut masked);
            assert_eq!(masked, expected, "cut at {cut}");
        }
        let mut masker = Masker::new(patterns);
        let mut masked = String::new();
        for character in text.chars() {
            masker.push(character.encode_utf8(&mut [0; 4]), &mut masked);
        }
        masker.finish(&mut masked);
        assert_eq!(masked, expected, "by character");
    }

    #[test]
    fn hides_plain_text_however_it_is_cut() {
        check(&["hunter2!"], "the password is hunter2! ok", "the password is *** ok");
        check(&["hunter2!"], "hunter2!", "***");
        check(&["hunter2!"], "hunter2 hunter hunt hunter2!hunter2!", "hunter2 hunter hunt ***");
        check(&["größe-é"], "ein größe-é wort", "ein *** wort");
        check(&[], "nothing to hide", "nothing to hide");
    }

    #[test]
    fn overlapping_secrets_leave_nothing_behind() {
        check(&["abcd", "abcdef"], "x abcdef y abcd z", "x *** y *** z");
        check(&["XYab", "abQQ"], "-XYabQQ-", "-***-");
        check(&["aaaa"], "aaaaaaaaab", "***b");
        check(&["abab", "babc"], "ababc!", "***!");
    }

    #[test]
    fn hides_encoded_forms() {
        let secret = "p@ss \"w/rd\"é";
        for prefix in ["", "a", "ab", "abc"] {
            let encoded = STANDARD.encode(format!("{prefix}{secret}tail"));
            let masked = patterns(&[secret]).mask(&encoded);
            assert!(masked.contains(MASK), "{encoded}");
            let left = masked.replace(MASK, "").len();
            assert!(left <= STANDARD.encode(format!("{prefix}tail")).len() + 4, "{masked}");
        }
        check(&[secret], "u=p%40ss%20%22w%2Frd%22%C3%A9&", "u=***&");
        check(&[secret], "u=p%40ss+%22w%2frd%22%c3%a9&", "u=***&");
        check(&[secret], "u=p%40ss%20%22w/rd%22%C3%A9&", "u=***&");
        check(&[secret], r#"{"a":"p@ss \"w/rd\"é"}"#, r#"{"a":"***"}"#);
        check(&[secret], r#"{"a":"p@ss \"w\/rd\"é"}"#, r#"{"a":"***"}"#);
        check(&[secret], r#"{"a":"p@ss \"w/rd\"\u00e9"}"#, r#"{"a":"***"}"#);
        check(&["it's me"], r"echo 'it'\''s me'", "echo '***'");
    }

    #[test]
    fn hides_each_line_of_a_long_secret() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nab\n-----END KEY-----\n";
        check(&[key], "  MIIEvQIBADANBgkq\n", "  ***\n");
        check(&[key], "ab\n", "ab\n");
        check(&[key], &format!("key:\n{key}done"), "key:\n***done");
    }

    #[test]
    fn hides_base64_that_was_broken_into_lines() {
        let secret = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let encoded = STANDARD.encode(secret);
        let broken = format!("{}\n{}\n", &encoded[..76], &encoded[76..]);
        assert_eq!(patterns(&[secret]).mask(&broken).trim_end(), "***\n***");
    }

    #[test]
    fn short_secrets_are_not_masked() {
        check(&["abc"], "abc abcabc", "abc abcabc");
    }
}
