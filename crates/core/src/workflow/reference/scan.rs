//! Where references stand in a text, whatever their spelling.

/// A reference in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// How many bytes it takes, braces included.
    pub(super) length: usize,
    /// What stands between the braces.
    pub(super) inside: &'a str,
    pub(super) spelling: Spelling,
}

/// How a reference is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// `${name}`: the shell has a meaning for it, too.
    Dollar,
    /// `${{ name }}`.
    DollarDouble,
    /// `{{name}}` or `{{.name}}`.
    Double,
}

/// The reference that a text begins with.
pub(super) fn at_start(text: &str) -> Option<Found<'_>> {
    let (open, close, spelling) = if text.starts_with("${{") {
        ("${{", "}}", Spelling::DollarDouble)
    } else if text.starts_with("${") {
        ("${", "}", Spelling::Dollar)
    } else if text.starts_with("{{") {
        ("{{", "}}", Spelling::Double)
    } else {
        return None;
    };
    let rest = &text[open.len()..];
    let end = if spelling == Spelling::Dollar { closing_brace(rest)? } else { rest.find(close)? };
    let inside = &rest[..end];
    let one_line = !inside.contains('\n') && inside.len() <= 512;
    one_line.then_some(Found { length: open.len() + end + close.len(), inside, spelling })
}

/// Where the brace that closes `${` stands: `${a:-${b}}` has two.
fn closing_brace(rest: &str) -> Option<usize> {
    let mut depth = 0u32;
    let mut previous = ' ';
    for (index, character) in rest.char_indices() {
        match character {
            '{' if previous == '$' => depth += 1,
            '}' if depth == 0 => return Some(index),
            '}' => depth -= 1,
            _ => {}
        }
        previous = character;
    }
    None
}

/// Whether a text can be the name of a variable of a shell.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next().is_some_and(|first| first == '_' || first.is_ascii_alphabetic());
    first && characters.all(|character| character == '_' || character.is_ascii_alphanumeric())
}

/// The name that a text begins with, as a shell reads `$name`.
pub(super) fn identifier_at_start(text: &str) -> Option<&str> {
    let end = text.find(|character: char| character != '_' && !character.is_ascii_alphanumeric()).unwrap_or(text.len());
    let name = &text[..end];
    is_identifier(name).then_some(name)
}
