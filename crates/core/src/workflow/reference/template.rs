//! References in strings that no shell reads.

use super::names::{Names, ReferenceIssue, resolve};
use super::scan::{Spelling, at_start};
use super::{Template, TemplatePiece};

/// What became of a text, and what was wrong in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed<T> {
    pub value: T,
    pub issues: Vec<ReferenceIssue>,
}

/// Reads a string with references. `\${x}` stands for `${x}` itself. A `{{…}}` that names nothing is
/// left as it is: other programs have templates of their own.
#[must_use]
pub fn template(text: &str, names: &dyn Names) -> Parsed<Template> {
    let (mut pieces, mut issues, mut plain) = (Vec::new(), Vec::new(), String::new());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if rest.starts_with("\\${") {
            plain.push('$');
            rest = &rest[2..];
            continue;
        }
        if let Some(found) = at_start(rest) {
            let (length, spelling) = (found.length, found.spelling);
            match resolve(found.inside, names) {
                Ok(reference) => {
                    if !plain.is_empty() {
                        pieces.push(TemplatePiece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(TemplatePiece::Reference(reference));
                    rest = &rest[length..];
                    continue;
                }
                Err(_) if spelling == Spelling::Double => {}
                Err(issue) => issues.push(issue),
            }
            plain.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        plain.push(character);
        rest = &rest[character.len_utf8()..];
    }
    if !plain.is_empty() {
        pieces.push(TemplatePiece::Text(plain));
    }
    Parsed { value: Template { pieces }, issues }
}
