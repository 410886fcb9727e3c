//! JSON, strictly, with the place of every value. Values are read by `serde_json`; this reader only
//! finds where they begin, which that crate does not tell.

use serde_json::{Map, Value};

use super::places::{Inside, Place};
use super::{Places, duplicate_key, too_deep};
use crate::Diagnostic;
use crate::limits::DOCUMENT_DEPTH_MAX;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    /// A place on this line whose column was counted already, so that long lines are counted once.
    counted: std::cell::Cell<(usize, u32)>,
    depth: usize,
}

pub(super) fn read(text: &str) -> Result<(Value, Places), Diagnostic> {
    let mut reader = Reader { text, at: 0, line: 1, counted: std::cell::Cell::new((0, 1)), depth: 0 };
    reader.blanks();
    let (value, place) = reader.value()?;
    reader.blanks();
    if reader.at < text.len() {
        return Err(reader.malformed("there is more after the end of the document"));
    }
    Ok((value, Places::new(place)))
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn position(&self) -> (u32, u32) {
        let (from, column) = self.counted.get();
        let more = self.text[from..self.at].chars().count();
        let column = column.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        self.counted.set((self.at, column));
        (self.line, column)
    }

    fn malformed(&self, message: impl Into<String>) -> Diagnostic {
        let (line, column) = self.position();
        Diagnostic::error("malformed_json", "", message).at(line, column)
    }

    fn blanks(&mut self) {
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.counted.set((self.at + 1, 1));
                }
                b' ' | b'\t' | b'\r' => {}
                _ => return,
            }
            self.at += 1;
        }
    }

    fn expect(&mut self, wanted: char, instead: &str) -> Result<(), Diagnostic> {
        if self.rest().starts_with(wanted) {
            self.at += wanted.len_utf8();
            return Ok(());
        }
        let found = match self.rest().chars().next() {
            Some(found) => format!("`{found}`"),
            None => "the end of the document".to_owned(),
        };
        Err(self.malformed(format!("expected {instead}, found {found}")))
    }

    fn value(&mut self) -> Result<(Value, Place), Diagnostic> {
        let (line, column) = self.position();
        if self.depth >= DOCUMENT_DEPTH_MAX {
            return Err(too_deep(line, column));
        }
        self.depth += 1;
        let (value, inside) = match self.rest().as_bytes().first() {
            Some(b'{') => self.object()?,
            Some(b'[') => self.list()?,
            Some(b'"') => (Value::String(self.string()?), Inside::Nothing),
            _ => (self.plain()?, Inside::Nothing),
        };
        self.depth -= 1;
        Ok((value, Place { line, column, inside }))
    }

    fn object(&mut self) -> Result<(Value, Inside), Diagnostic> {
        self.at += 1;
        let (mut values, mut places) = (Map::new(), Vec::new());
        self.blanks();
        while !self.rest().starts_with('}') {
            if !places.is_empty() {
                self.expect(',', "`,` or `}`")?;
                self.blanks();
            }
            let (line, column) = self.position();
            if !self.rest().starts_with('"') {
                return self.expect('"', "a key in double quotes").map(|()| (Value::Null, Inside::Nothing));
            }
            let key = self.string()?;
            self.blanks();
            self.expect(':', "`:`")?;
            self.blanks();
            let (value, place) = self.value()?;
            if values.insert(key.clone(), value).is_some() {
                return Err(duplicate_key(&key, line, column));
            }
            places.push((key, Place { line, column, inside: place.inside }));
            self.blanks();
        }
        self.at += 1;
        Ok((Value::Object(values), Inside::Object(places)))
    }

    fn list(&mut self) -> Result<(Value, Inside), Diagnostic> {
        self.at += 1;
        let (mut values, mut places) = (Vec::new(), Vec::new());
        self.blanks();
        while !self.rest().starts_with(']') {
            if !places.is_empty() {
                self.expect(',', "`,` or `]`")?;
                self.blanks();
            }
            let (value, place) = self.value()?;
            values.push(value);
            places.push(place);
            self.blanks();
        }
        self.at += 1;
        Ok((Value::Array(values), Inside::List(places)))
    }

    fn string(&mut self) -> Result<String, Diagnostic> {
        let bytes = self.rest().as_bytes();
        let mut end = 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(b'\n') | None => return Err(self.malformed("this text is never closed with `\"`")),
                Some(_) => end += 1,
            }
        }
        let read = serde_json::from_str(&self.rest()[..=end]);
        let text = read.map_err(|error| self.malformed(format!("this text is malformed: {}", cause(&error))))?;
        self.at += end + 1;
        Ok(text)
    }

    /// A number or a word.
    fn plain(&mut self) -> Result<Value, Diagnostic> {
        let rest = self.rest();
        let end = rest.find([',', '}', ']', ' ', '\t', '\r', '\n', ':', '{', '[', '"']).unwrap_or(rest.len());
        let word = &rest[..end];
        let read: Result<Value, _> = serde_json::from_str(word);
        match read {
            Ok(value) => {
                self.at += end;
                Ok(value)
            }
            Err(_) if word.is_empty() => {
                let found =
                    rest.chars().next().map_or("the end of the document".to_owned(), |found| format!("`{found}`"));
                Err(self.malformed(format!("expected a value, found {found}")))
            }
            Err(_) => {
                let shown: String = word.chars().take(40).collect();
                Err(self.malformed(format!("`{shown}` is no value of JSON")).help("put text in double quotes"))
            }
        }
    }
}

/// The reason alone, without the place inside the piece that was read.
fn cause(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}
