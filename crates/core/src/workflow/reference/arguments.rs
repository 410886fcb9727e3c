//! Splitting a line into arguments, without a shell and before any value is bound.

use super::scan::at_start;

/// A quote that nothing closes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quote {quote} is never closed")]
pub struct UnbalancedQuote {
    pub quote: char,
}

/// Splits a line at white space as a shell does, with its quotes and backslashes. A reference is
/// always part of one argument, whatever stands in it.
///
/// # Errors
///
/// When a quote is not closed.
pub fn split_arguments(line: &str) -> Result<Vec<String>, UnbalancedQuote> {
    let mut arguments = Vec::new();
    let mut current: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        if let Some(found) = at_start(rest) {
            current.get_or_insert_default().push_str(&rest[..found.length]);
            rest = &rest[found.length..];
            continue;
        }
        rest = &rest[character.len_utf8()..];
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                current.get_or_insert_default();
            }
            (None | Some('"'), '\\') => {
                let Some(next) = rest.chars().next() else {
                    current.get_or_insert_default().push('\\');
                    break;
                };
                // `\${x}` must reach the reader of references as it is.
                if next == '$' || quote.is_some() && !matches!(next, '"' | '\\' | '`') {
                    current.get_or_insert_default().push('\\');
                }
                if next != '\n' {
                    current.get_or_insert_default().push(next);
                }
                rest = &rest[next.len_utf8()..];
            }
            (None, _) if character.is_whitespace() => arguments.extend(current.take()),
            _ => current.get_or_insert_default().push(character),
        }
    }
    match quote {
        Some(quote) => Err(UnbalancedQuote { quote }),
        None => {
            arguments.extend(current);
            Ok(arguments)
        }
    }
}
