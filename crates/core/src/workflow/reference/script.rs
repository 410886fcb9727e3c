//! References in program text. A value never becomes code: where a shell expands variables, it gets
//! the value as a variable; where it does not, the reference is refused, or (in imported documents,
//! which count on it) the value is written as data inside its quotes.

use std::collections::BTreeSet;

use super::names::{Names, ReferenceIssue, resolve};
use super::scan::{Found, Spelling, at_start, identifier_at_start, is_identifier};
use super::template::Parsed;
use super::{Reference, ReferenceRoot};
use crate::plan::{Script, ScriptPiece};

/// What reads the program text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Shell,
    /// Anything else: Python, Perl, …
    Other,
}

/// How references in a program text are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptStyle {
    pub language: Language,
    /// Whether the document counts on references being filled in everywhere.
    pub imported: bool,
}

/// Where in a shell's text we are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Plain,
    Single,
    Double,
    Comment,
    /// Up to a line with this terminator; quoted: the shell expands nothing.
    HereDocument {
        terminator: String,
        quoted: bool,
        tabs: bool,
    },
}

struct Reader<'a> {
    names: &'a dyn Names,
    style: ScriptStyle,
    pieces: Vec<ScriptPiece>,
    plain: String,
    bound: BTreeSet<String>,
    generated: u32,
    issues: Vec<ReferenceIssue>,
}

/// Reads a program text.
#[must_use]
pub fn script(text: &str, style: ScriptStyle, names: &dyn Names) -> Parsed<Script> {
    let mut reader = Reader {
        names,
        style,
        pieces: Vec::new(),
        plain: String::new(),
        bound: BTreeSet::new(),
        generated: 0,
        issues: Vec::new(),
    };
    match style.language {
        Language::Shell => reader.shell(text),
        Language::Other => reader.other(text),
    }
    reader.flush();
    reader.issues.dedup();
    Parsed { value: Script { pieces: reader.pieces }, issues: reader.issues }
}

impl Reader<'_> {
    fn flush(&mut self) {
        if !self.plain.is_empty() {
            self.pieces.push(ScriptPiece::Text(std::mem::take(&mut self.plain)));
        }
    }

    /// Text that no shell reads.
    fn other(&mut self, text: &str) {
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if let Some(found) = at_start(rest) {
                self.reference_in_other(found);
                self.plain.push_str(&rest[..found.length]);
                rest = &rest[found.length..];
                continue;
            }
            self.plain.push(character);
            rest = &rest[character.len_utf8()..];
        }
        // `os.environ["port"]`: a name in quotes may be looked up in the environment.
        for name in self.names.candidates() {
            let quoted = text.contains(&format!("\"{name}\"")) || text.contains(&format!("'{name}'"));
            if quoted
                && is_identifier(&name)
                && let Ok(reference) = resolve(&name, self.names)
            {
                self.bind(&name, reference);
            }
        }
    }

    fn reference_in_other(&mut self, found: Found<'_>) {
        let Ok(reference) = resolve(found.inside, self.names) else { return };
        let name = found.inside.trim().trim_start_matches('.');
        let simple = is_identifier(name);
        if simple {
            self.bind(name, reference);
        }
        let variable = if simple { name } else { "x" };
        self.issues.push(ReferenceIssue {
            code: "reference_in_script",
            is_error: !simple && !self.style.imported,
            message: format!("the interpreter does not fill in `{}`", found.inside.trim()),
            help: Some(if simple {
                format!("read it from the environment: `os.environ[\"{variable}\"]` in Python")
            } else {
                "declare it under `env` of the step, and read it from the environment".to_owned()
            }),
        });
    }

    /// The shell finds the value in its environment under the name that the text has already.
    fn bind(&mut self, variable: &str, reference: Reference) {
        if self.bound.insert(variable.to_owned()) {
            self.flush();
            self.pieces.push(ScriptPiece::Bound { variable: variable.to_owned(), reference });
        }
    }

    /// The shell gets the value in a variable of ours, which takes the place of the reference.
    fn substitute(&mut self, reference: Reference) {
        self.flush();
        self.generated += 1;
        let variable = format!("PARTITA_REF_{}", self.generated);
        self.pieces.push(ScriptPiece::Variable { variable, reference });
    }

    fn shell(&mut self, text: &str) {
        let mut places = vec![Place::Plain];
        let mut pending: Vec<Place> = Vec::new();
        let mut rest = text;
        let mut line_start = true;
        let mut previous = '\n';
        while let Some(character) = rest.chars().next() {
            let place = places.last().cloned().unwrap_or(Place::Plain);
            if line_start && let Place::HereDocument { terminator, tabs, .. } = &place {
                let line = rest.split('\n').next().unwrap_or_default();
                let shown = if *tabs { line.trim_start_matches('\t') } else { line };
                if shown == terminator {
                    places.pop();
                    places.extend(pending.pop());
                    self.plain.push_str(line);
                    rest = &rest[line.len()..];
                    line_start = false;
                    continue;
                }
            }
            line_start = character == '\n';
            if let Some(used) = self.reference(rest, &place) {
                previous = '}';
                rest = &rest[used..];
                continue;
            }
            if place == Place::Plain && rest.starts_with("<<") && !rest.starts_with("<<<") && previous != '<' {
                let (used, document) = here_document(rest);
                pending.extend(document);
                self.plain.push_str(&rest[..used]);
                previous = ' ';
                rest = &rest[used..];
                continue;
            }
            let used = step(&mut places, &place, rest, previous);
            if character == '\n' && matches!(places.last(), Some(Place::Plain)) && !pending.is_empty() {
                pending.reverse();
                places.extend(pending.pop());
            }
            self.plain.push_str(&rest[..used]);
            previous = rest[..used].chars().next_back().unwrap_or(character);
            rest = &rest[used..];
        }
    }

    /// Handles a reference that the text begins with; how many bytes it took.
    fn reference(&mut self, rest: &str, place: &Place) -> Option<usize> {
        if *place == Place::Comment {
            return None;
        }
        let Some(found) = at_start(rest) else { return self.bare_variable(rest, place) };
        let resolved = resolve(variable_part(found), self.names);
        let Ok(reference) = resolved else {
            return self.unknown(found);
        };
        match place {
            Place::Single | Place::HereDocument { quoted: true, .. } => self.in_quotes(found, reference, place),
            _ => self.expanded(found, reference),
        }
        Some(found.length)
    }

    /// `$name` outside quotes that hide it: bound when it is known.
    fn bare_variable(&mut self, rest: &str, place: &Place) -> Option<usize> {
        let name = identifier_at_start(rest.strip_prefix('$')?)?;
        if matches!(place, Place::HereDocument { quoted: true, .. }) {
            return None;
        }
        let reference = resolve(name, self.names).ok()?;
        // Inside single quotes an inner shell may expand it: it finds the value in its environment.
        self.bind(name, reference);
        self.plain.push_str(&rest[..=name.len()]);
        Some(name.len() + 1)
    }

    /// A reference that names nothing of ours is the shell's own.
    fn unknown(&mut self, found: Found<'_>) -> Option<usize> {
        if found.spelling == Spelling::DollarDouble {
            let issue = resolve(found.inside, self.names).err()?;
            self.issues.push(issue);
        } else if found.spelling == Spelling::Double && self.style.imported {
            self.issues.push(ReferenceIssue {
                code: "unknown_reference",
                is_error: false,
                message: format!("nothing is called `{}` here; the text stays as it is", found.inside.trim()),
                help: None,
            });
        }
        None
    }

    /// A reference where the shell expands variables.
    fn expanded(&mut self, found: Found<'_>, mut reference: Reference) {
        let name = variable_part(found);
        let plain_name =
            found.spelling == Spelling::Dollar && is_identifier(name.split(":-").next().unwrap_or(name).trim());
        if plain_name {
            let variable = name.split(":-").next().unwrap_or(name).trim().to_owned();
            if variable.len() < found.inside.len() {
                // `${x:-y}`, `${x%.gz}`: the shell deals with an empty value itself.
                reference.default.get_or_insert_default();
            }
            self.bind(&variable, reference);
            let text = format!("${{{}}}", found.inside);
            self.plain.push_str(&text);
        } else {
            self.substitute(reference);
        }
    }

    /// A reference where the shell expands nothing.
    fn in_quotes(&mut self, found: Found<'_>, reference: Reference, place: &Place) {
        let shown = found.inside.trim();
        let simple = found.spelling == Spelling::Dollar && is_identifier(shown);
        let (where_, instead) = match place {
            Place::Single => ("single quotes", "use double quotes"),
            _ => ("a quoted here-document", "write its first line without quotes"),
        };
        let message = format!("the shell does not fill in `{shown}` inside {where_}");
        if !self.style.imported {
            let is_error = !simple;
            let help = Some(format!("{instead}, or write `\\${{` for the text itself"));
            self.issues.push(ReferenceIssue { code: "reference_in_quotes", is_error, message, help });
            if simple {
                self.bind(shown, reference);
            }
            self.plain.push_str(&spelled(found));
            return;
        }
        if simple && *place == Place::Single {
            // Programs in quotes (`awk`, `sh -c`) read `${x}` themselves, and find it in the environment.
            self.bind(shown, reference);
            self.plain.push_str(&spelled(found));
            return;
        }
        if let ReferenceRoot::Secret(_) = reference.root {
            let help = Some(format!("{instead}: a secret is only ever a variable of the shell"));
            self.issues.push(ReferenceIssue { code: "reference_in_quotes", is_error: true, message, help });
            return;
        }
        let help = Some("the value is written there as data".to_owned());
        self.issues.push(ReferenceIssue { code: "reference_in_quotes", is_error: false, message, help });
        self.flush();
        self.pieces.push(match place {
            Place::HereDocument { terminator, .. } => {
                ScriptPiece::HereDocument { reference, terminator: terminator.clone() }
            }
            _ => ScriptPiece::SingleQuoted { reference },
        });
    }
}

fn spelled(found: Found<'_>) -> String {
    match found.spelling {
        Spelling::Dollar => format!("${{{}}}", found.inside),
        Spelling::DollarDouble => format!("${{{{{}}}}}", found.inside),
        Spelling::Double => format!("{{{{{}}}}}", found.inside),
    }
}

/// What a reference is about: `x` of `${x%.gz}` and `${#x}`.
fn variable_part<'a>(found: Found<'a>) -> &'a str {
    if found.spelling != Spelling::Dollar {
        return found.inside;
    }
    let inside = found.inside.trim_start_matches(['#', '!']);
    match identifier_at_start(inside) {
        Some(name) if !inside[name.len()..].starts_with(['.', '[', '-']) && !inside[name.len()..].starts_with(":-") => {
            name
        }
        _ => inside,
    }
}

/// Moves one character on; how many bytes that took.
fn step(places: &mut Vec<Place>, place: &Place, rest: &str, previous: char) -> usize {
    let character = rest.chars().next().unwrap_or('\n');
    let length = character.len_utf8();
    match (place, character) {
        (Place::Comment, '\n') => drop(places.pop()),
        (Place::Plain, '#') if previous.is_whitespace() || previous == ';' => places.push(Place::Comment),
        (Place::Plain, '\'') => places.push(Place::Single),
        (Place::Single, '\'') | (Place::Double, '"') => drop(places.pop()),
        (Place::Plain, '"') => places.push(Place::Double),
        // Inside `$(…)` quotes begin anew.
        (Place::Plain | Place::Double, '$') if rest.starts_with("$(") => {
            places.push(Place::Plain);
            return 2;
        }
        (Place::Plain, ')') if places.len() > 1 => drop(places.pop()),
        (Place::Plain | Place::Double, '\\') => {
            let next = rest[1..].chars().next().map_or(0, char::len_utf8);
            return 1 + next;
        }
        _ => {}
    }
    length
}

/// Reads `<<WORD`, `<<-WORD`, `<<'WORD'`: how many bytes, and the document that begins on the next line.
fn here_document(rest: &str) -> (usize, Option<Place>) {
    let mut at = 2;
    let tabs = rest[at..].starts_with('-');
    at += usize::from(tabs);
    at += rest[at..].len() - rest[at..].trim_start_matches([' ', '\t']).len();
    let quote = rest[at..].chars().next().filter(|quote| matches!(quote, '\'' | '"'));
    let backslash = rest[at..].starts_with('\\');
    at += usize::from(quote.is_some() || backslash);
    let ends = |character: char| match quote {
        Some(quote) => character == quote || character == '\n',
        None => !(character.is_alphanumeric() || matches!(character, '_' | '-' | '.')),
    };
    let length = rest[at..].find(ends).unwrap_or(rest.len() - at);
    let terminator = rest[at..at + length].to_owned();
    at += length;
    if quote.is_some() && rest[at..].starts_with(['\'', '"']) {
        at += 1;
    }
    let place = Place::HereDocument { terminator: terminator.clone(), quoted: quote.is_some() || backslash, tabs };
    (at, (!terminator.is_empty()).then_some(place))
}
