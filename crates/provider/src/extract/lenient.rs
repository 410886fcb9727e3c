//! JSON as models write it: read strictly where it is strict, and mended where there is only one thing
//! it can mean. Everything else is refused with the place.

use std::collections::BTreeSet;

use partita_core::Diagnostic;
use partita_core::limits::DOCUMENT_DEPTH_MAX;
use serde_json::{Map, Value};

use super::repair::Repair;

/// A value that was read, and where it ended.
pub(super) struct Read {
    pub value: Value,
    /// Bytes of the text that it took.
    pub end: usize,
    pub repairs: BTreeSet<Repair>,
}

/// Why there is no value, and where reading stopped.
pub(super) struct Unread {
    pub fault: Fault,
    /// Byte of the text.
    pub at: usize,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The text ended before the value did.
    Cut,
    TooDeep,
    /// `...` in the place of something.
    LeftOut,
    /// The same key twice, with different values.
    TwiceSet(String),
    /// Anything else; says what was expected and what was found.
    Malformed(String),
}

/// Reads the value at the beginning of a text.
pub(super) fn read(text: &str) -> Result<Read, Unread> {
    let mut reader = Reader { text, at: 0, depth: 0, repairs: BTreeSet::new() };
    match reader.value() {
        Ok(value) => Ok(Read { value, end: reader.at, repairs: reader.repairs }),
        Err(fault) => Err(Unread { fault, at: reader.at }),
    }
}

/// A fault as a finding, with its place in the text.
pub(super) fn diagnostic(unread: &Unread, text: &str) -> Diagnostic {
    let before = &text[..super::floor(text, unread.at)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    let place = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let diagnostic = match &unread.fault {
        Fault::Cut => Diagnostic::error("draft_truncated", "", "the answer ends in the middle of the document")
            .help(super::SHORTER),
        Fault::TooDeep => {
            let message = format!("the document is nested deeper than {DOCUMENT_DEPTH_MAX} levels");
            Diagnostic::error("document_too_deep", "", message).help("a workflow needs no more than a dozen")
        }
        Fault::LeftOut => Diagnostic::error("draft_elided", "", "`...` stands where something was left out")
            .help("write the whole document, nothing left out"),
        Fault::TwiceSet(key) => {
            let shown: String = key.chars().take(80).collect();
            Diagnostic::error("duplicate_key", "", format!("the key `{shown}` is there twice"))
                .help("keep one of them: the other would be ignored")
        }
        Fault::Malformed(message) => Diagnostic::error("malformed_json", "", message.clone())
            .help("write strict JSON: keys and texts in double quotes, `\\\\` for a backslash, `\\n` for a new line"),
    };
    diagnostic.at(place(line), place(column))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    repairs: BTreeSet<Repair>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        if is_there {
            self.at += wanted.len_utf8();
        }
        is_there
    }

    fn mended(&mut self, repair: Repair) {
        self.repairs.insert(repair);
    }

    fn malformed<T>(&self, expected: &str) -> Result<T, Fault> {
        match self.peek() {
            None => Err(Fault::Cut),
            Some(_) if self.rest().starts_with("...") || self.rest().starts_with('…') => Err(Fault::LeftOut),
            Some(found) => Err(Fault::Malformed(format!("expected {expected}, found `{found}`"))),
        }
    }

    /// Passes over blanks and comments.
    fn blanks(&mut self) -> Result<(), Fault> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{a0}', '\u{feff}']);
            self.at += rest.len() - trimmed.len();
            let skipped = if trimmed.starts_with("//") || trimmed.starts_with('#') {
                trimmed.find('\n').unwrap_or(trimmed.len())
            } else if let Some(inner) = trimmed.strip_prefix("/*") {
                inner.find("*/").ok_or(Fault::Cut)? + 4
            } else {
                return Ok(());
            };
            self.at += skipped;
            self.mended(Repair::Comment);
        }
    }

    fn value(&mut self) -> Result<Value, Fault> {
        if self.depth >= DOCUMENT_DEPTH_MAX {
            return Err(Fault::TooDeep);
        }
        self.depth += 1;
        let value = match self.peek() {
            Some('{') => self.object(),
            Some('[') => self.list(),
            Some('"' | '\'' | '“' | '”' | '‘' | '’') => self.string().map(Value::String),
            _ => self.word(),
        }?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value, Fault> {
        self.at += 1;
        let mut values = Map::new();
        self.blanks()?;
        while !self.take('}') {
            let key = self.key()?;
            self.blanks()?;
            if !self.take(':') {
                return self.malformed("`:`");
            }
            self.blanks()?;
            let value = self.value()?;
            match values.get(&key) {
                Some(earlier) if *earlier == value => self.mended(Repair::SameKeyTwice),
                Some(_) => return Err(Fault::TwiceSet(key)),
                None => {
                    values.insert(key, value);
                }
            }
            self.separator('}')?;
        }
        Ok(Value::Object(values))
    }

    fn list(&mut self) -> Result<Value, Fault> {
        self.at += 1;
        let mut values = Vec::new();
        self.blanks()?;
        while !self.take(']') {
            values.push(self.value()?);
            self.separator(']')?;
        }
        Ok(Value::Array(values))
    }

    /// What stands between two members, or between the last one and the end.
    fn separator(&mut self, end: char) -> Result<(), Fault> {
        let from = self.at;
        self.blanks()?;
        if self.take(',') {
            self.blanks()?;
            if self.peek() == Some(end) {
                self.mended(Repair::TrailingComma);
            }
            return Ok(());
        }
        if self.peek() == Some(end) {
            return Ok(());
        }
        // A member that begins on a line of its own can't be anything else.
        let is_new_line = self.text[from..self.at].contains('\n');
        let begins = if end == '}' { self.peek() == Some('"') } else { matches!(self.peek(), Some('{' | '[')) };
        if is_new_line && begins {
            self.mended(Repair::MissingComma);
            return Ok(());
        }
        self.malformed(if end == '}' { "`,` or `}`" } else { "`,` or `]`" })
    }

    fn key(&mut self) -> Result<String, Fault> {
        if matches!(self.peek(), Some('"' | '\'' | '“' | '”' | '‘' | '’')) {
            return self.string();
        }
        let rest = self.rest();
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
        if end == 0 || rest.starts_with(|letter: char| letter.is_ascii_digit()) {
            return self.malformed("a key in double quotes");
        }
        self.at += end;
        self.mended(Repair::BareKey);
        Ok(rest[..end].to_owned())
    }

    fn string(&mut self) -> Result<String, Fault> {
        let Some(open) = self.peek() else { return Err(Fault::Cut) };
        self.at += open.len_utf8();
        let closes = |letter: char| match open {
            '“' | '”' => letter == '”' || letter == '“',
            '‘' | '’' => letter == '’' || letter == '‘',
            open => letter == open,
        };
        match open {
            '"' => {}
            '\'' => self.mended(Repair::SingleQuotes),
            _ => self.mended(Repair::SmartQuotes),
        }
        let mut text = String::new();
        loop {
            let Some(letter) = self.peek() else { return Err(Fault::Cut) };
            if closes(letter) {
                self.at += letter.len_utf8();
                return Ok(text);
            }
            match letter {
                '\\' => self.escape(&mut text)?,
                // An apostrophe that was never closed would swallow the rest of the answer.
                '\n' if open != '"' => return self.malformed("the end of the text in single quotes on its line"),
                control if control < ' ' => {
                    self.mended(Repair::RawControl);
                    self.at += 1;
                    text.push(control);
                }
                plain => {
                    self.at += plain.len_utf8();
                    text.push(plain);
                }
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), Fault> {
        let rest = &self.rest()[1..];
        let Some(letter) = rest.chars().next() else { return Err(Fault::Cut) };
        let meant = match letter {
            '"' | '\\' | '/' => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode(text),
            '\'' => {
                self.mended(Repair::SingleQuotes);
                letter
            }
            other => {
                let message = format!("`\\{other}` is no escape of JSON");
                return Err(Fault::Malformed(message));
            }
        };
        self.at += 2;
        text.push(meant);
        Ok(())
    }

    /// `\u` with four digits, or two of them that are one character.
    fn unicode(&mut self, text: &mut String) -> Result<(), Fault> {
        let rest = self.rest();
        let unit = |from: usize| {
            let digits = rest.get(from..from + 4).filter(|_| rest[..from].ends_with("\\u"))?;
            u32::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        };
        if rest.len() < 6 {
            return Err(Fault::Cut);
        }
        let first = unit(2);
        let one = first.and_then(char::from_u32);
        let pair = || {
            let (high, low) =
                (first?, if rest.len() >= 12 && rest.is_char_boundary(8) { unit(8)? } else { return None });
            let is_pair = (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low);
            is_pair.then(|| char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)))?
        };
        let (letter, taken) = match (one, pair()) {
            (Some(letter), _) => (letter, 6),
            (None, Some(letter)) => (letter, 12),
            (None, None) => return Err(Fault::Malformed("`\\u` without the number of a character".to_owned())),
        };
        self.at += taken;
        text.push(letter);
        Ok(())
    }

    /// A number, or one of the words that JSON and Python know.
    fn word(&mut self) -> Result<Value, Fault> {
        let rest = self.rest();
        let ends = |letter: char| letter.is_whitespace() || ",}]:{[\"'#/".contains(letter);
        let end = rest.find(ends).unwrap_or(rest.len());
        let word = &rest[..end];
        let value = match word {
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            "None" => Some(Value::Null),
            _ => None,
        };
        if let Some(value) = value {
            self.at += end;
            self.mended(Repair::PythonWord);
            return Ok(value);
        }
        match serde_json::from_str::<Value>(word) {
            Ok(value) => {
                self.at += end;
                Ok(value)
            }
            Err(_) if word.is_empty() || word.starts_with("...") || word.starts_with('…') => {
                self.malformed("a value")
            }
            // The last word of a text that was cut may be the beginning of any.
            Err(_) if end == rest.len() => Err(Fault::Cut),
            Err(_) => {
                let shown: String = word.chars().take(40).collect();
                Err(Fault::Malformed(format!("`{shown}` is no value of JSON: put text in double quotes")))
            }
        }
    }
}
