//! What is handed back as the output.

/// The beginning of a text, trimmed, up to a limit.
pub(crate) struct Capture {
    text: String,
    limit: usize,
    truncated: bool,
}

impl Capture {
    /// Keeps at most `limit` bytes.
    pub(crate) fn new(limit: u64) -> Self {
        Self { text: String::new(), limit: usize::try_from(limit).unwrap_or(usize::MAX), truncated: false }
    }

    /// Whether more text would be kept.
    pub(crate) fn is_open(&self) -> bool {
        self.text.len() < self.limit && !self.truncated
    }

    /// Takes more text.
    pub(crate) fn push(&mut self, text: &str) {
        // White space in front is not part of the output, so it must not use up the limit.
        let text = if self.text.is_empty() { text.trim_start() } else { text };
        let room = if self.truncated { 0 } else { self.limit - self.text.len() };
        let (kept, rest) = text.split_at(text.floor_char_boundary(room));
        self.text.push_str(kept);
        self.skip(rest.as_bytes());
    }

    /// Hears of bytes that nobody decoded because the limit was reached before.
    pub(crate) fn skip(&mut self, bytes: &[u8]) {
        self.truncated = self.truncated || bytes.iter().any(|byte| !byte.is_ascii_whitespace());
    }

    /// The output, and whether it was cut. `None` when nothing was to be kept.
    pub(crate) fn take(&mut self) -> (Option<String>, bool) {
        let trimmed = self.text.trim_end().len();
        self.text.truncate(trimmed);
        ((self.limit > 0).then(|| std::mem::take(&mut self.text)), self.truncated && self.limit > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limit: u64, pieces: &[&str], expected: (Option<&str>, bool)) {
        let mut capture = Capture::new(limit);
        for piece in pieces {
            capture.push(piece);
        }
        let (text, truncated) = capture.take();
        assert_eq!((text.as_deref(), truncated), expected, "{pieces:?}");
    }

    #[test]
    fn keeps_the_beginning_and_says_when_it_cut() {
        check(5, &["\n  ", " ab", "c\n"], (Some("abc"), false));
        check(5, &["abcde", "\n\n"], (Some("abcde"), false));
        check(5, &["abcde", "\n", "f"], (Some("abcde"), true));
        check(5, &["abcdé"], (Some("abcd"), true));
        check(0, &["abc"], (None, false));
        check(5, &[], (Some(""), false));
    }
}
