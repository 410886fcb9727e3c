//! Splitting a command into words by POSIX quoting rules, with references as units that no rule looks
//! into. There is no shell: nothing is expanded.

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(String),
    /// The text of a reference, with its braces.
    Reference(String),
}

/// One word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) segments: Vec<Segment>,
    /// Whether any part of it stood in quotes or after a backslash.
    pub(super) quoted: bool,
}

impl Word {
    /// The text, when there is no reference in it.
    pub(super) fn literal(&self) -> Option<String> {
        self.segments
            .iter()
            .map(|segment| if let Segment::Literal(text) = segment { Some(text.as_str()) } else { None })
            .collect()
    }

    /// The literal text that it begins with.
    pub(super) fn beginning(&self) -> &str {
        if let Some(Segment::Literal(text)) = self.segments.first() { text } else { "" }
    }

    pub(super) fn has_reference(&self) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::Reference(_)))
    }

    fn push(&mut self, character: char) {
        if let Some(Segment::Literal(text)) = self.segments.last_mut() {
            text.push(character);
        } else {
            self.segments.push(Segment::Literal(character.to_string()));
        }
    }
}

/// Says whether a text such as `{{.Names}}` is a reference that means something here.
pub(super) type Knows<'a> = &'a dyn Fn(&str) -> bool;

/// Splits a command into words.
///
/// # Errors
///
/// The quote that is never closed.
pub(super) fn words(text: &str, knows: Knows<'_>) -> Result<Vec<Word>, char> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote: Option<char> = None;
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        if let Some(length) = reference_length(&text[at..], knows) {
            word.get_or_insert_default().segments.push(Segment::Reference(text[at..at + length].to_owned()));
            at += length;
            continue;
        }
        at += character.len_utf8();
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                let word = word.get_or_insert_default();
                word.quoted = true;
                if word.segments.is_empty() {
                    word.segments.push(Segment::Literal(String::new()));
                }
            }
            (None | Some('"'), '\\') => {
                let Some(next) = text[at..].chars().next() else {
                    word.get_or_insert_default().push('\\');
                    continue;
                };
                at += next.len_utf8();
                if next == '\n' {
                    continue;
                }
                let word = word.get_or_insert_default();
                word.quoted = true;
                if quote.is_some() && !matches!(next, '$' | '`' | '"' | '\\') {
                    word.push('\\');
                }
                word.push(next);
            }
            (None, ' ' | '\t' | '\n' | '\r') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    quote.map_or(Ok(words), Err)
}

/// Cuts a text into literal parts and references; `\${` stands for a literal `${`.
pub(super) fn segments(text: &str, knows: Knows<'_>) -> Vec<Segment> {
    let mut word = Word::default();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        if let Some(length) = reference_length(&text[at..], knows) {
            word.segments.push(Segment::Reference(text[at..at + length].to_owned()));
            at += length;
        } else if text[at..].starts_with("\\${") {
            word.push('$');
            at += 2;
        } else {
            word.push(character);
            at += character.len_utf8();
        }
    }
    word.segments
}

/// How many bytes the reference at the beginning of a text is long.
fn reference_length(text: &str, knows: Knows<'_>) -> Option<usize> {
    let closed = |open: &str, close: &str| {
        let end = text.strip_prefix(open)?.find(close)?;
        Some(open.len() + end + close.len())
    };
    if text.starts_with("${{") {
        return closed("${{", "}}");
    }
    if text.starts_with("{{") {
        return closed("{{", "}}").filter(|length| knows(&text[..*length]));
    }
    if !text.starts_with("${") {
        return None;
    }
    let mut depth = 0_u32;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(at + 1),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let words = words(text, &|text| text == "{{name}}").map(|words| {
            words
                .iter()
                .map(|word| {
                    let parts = word.segments.iter().map(|segment| match segment {
                        Segment::Literal(text) => text.clone(),
                        Segment::Reference(text) => format!("<{text}>"),
                    });
                    parts.collect::<String>()
                })
                .collect::<Vec<_>>()
        });
        assert_eq!(words.unwrap_or_else(|quote| vec![format!("unclosed {quote}")]), expected, "{text}");
    }

    #[test]
    fn words_follow_the_quoting_rules() {
        check("get ns  x", &["get", "ns", "x"]);
        check("a 'b c' \"d e\" f\\ g", &["a", "b c", "d e", "f g"]);
        check("'' \"\"", &["", ""]);
        check("a\\\n b 'it'\\''s'", &["a", "b", "it's"]);
        check("\"\\$x \\a \\\"\"", &["$x \\a \""]);
        check("-l app=${app} --x='${a b}'", &["-l", "app=<${app}>", "--x=<${a b}>"]);
        check("${a:-x y}z {{name}} {{.Names}}", &["<${a:-x y}>z", "<{{name}}>", "{{.Names}}"]);
        check("${{ params.x }} ${a:-${b}}", &["<${{ params.x }}>", "<${a:-${b}}>"]);
        check("a 'b", &["unclosed '"]);
        check("tab\there\r\nnext", &["tab", "here", "next"]);
    }
}
