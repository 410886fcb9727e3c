//! Parameters that are code in another language: every reference in them becomes a variable of that
//! language, so that a value is data there too.

use super::definition::CodeLanguage;
use super::split::Segment;

/// A text in which references became variables, and what each variable stands for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) text: String,
    /// The variable's name, and the text of the reference.
    pub(super) variables: Vec<(String, String)>,
}

/// Where in the text of a language one is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Quote {
    #[default]
    None,
    Single,
    Double,
}

/// Replaces the references of a text.
///
/// # Errors
///
/// What is wrong, and how to mend it, when the language has no way to take a value there.
pub(super) fn replace(language: CodeLanguage, segments: &[Segment]) -> Result<Code, (String, &'static str)> {
    let mut code = Code::default();
    let mut quote = Quote::None;
    let mut skip_quote = false;
    for (index, segment) in segments.iter().enumerate() {
        match segment {
            Segment::Literal(text) => {
                let text = if std::mem::take(&mut skip_quote) { &text[1..] } else { text };
                quote = after(language, quote, text);
                code.text.push_str(text);
            }
            Segment::Reference(reference) => {
                let variable = format!("partita_{}", code.variables.len() + 1);
                let next = segments
                    .get(index + 1)
                    .and_then(|next| if let Segment::Literal(text) = next { text.chars().next() } else { None });
                let written = placeholder(language, quote, &variable);
                match written {
                    Some(written) => code.text.push_str(&written),
                    None => {
                        // `'${name}'` is the whole of a string: the variable takes its place.
                        let mark = if quote == Quote::Single { '\'' } else { '"' };
                        if !code.text.ends_with(mark) || next != Some(mark) {
                            return Err((format!("`{reference}` stands inside a string"), way_out(language)));
                        }
                        code.text.pop();
                        code.text.push_str(&whole(language, quote, &variable));
                        (quote, skip_quote) = (Quote::None, true);
                    }
                }
                code.variables.push((variable, reference.clone()));
            }
        }
    }
    Ok(code)
}

/// How a variable is written; `None` inside a string that can't hold one.
fn placeholder(language: CodeLanguage, quote: Quote, variable: &str) -> Option<String> {
    match (language, quote) {
        (CodeLanguage::RemoteShell, Quote::None) => Some(format!("\"${{{variable}}}\"")),
        (CodeLanguage::RemoteShell, Quote::Double) => Some(format!("${{{variable}}}")),
        (CodeLanguage::RemoteShell, Quote::Single) => Some(format!("'\"${{{variable}}}\"'")),
        (CodeLanguage::Jq, Quote::Double) => Some(format!("\\(${variable})")),
        (CodeLanguage::Jq, _) => Some(format!("${variable}")),
        (CodeLanguage::Psql, Quote::None) => Some(format!(":'{variable}'")),
        (CodeLanguage::MySql, Quote::None) => Some(format!("@{variable}")),
        (CodeLanguage::Psql | CodeLanguage::MySql, _) => None,
    }
}

/// How a variable is written that is a whole string.
fn whole(language: CodeLanguage, quote: Quote, variable: &str) -> String {
    match (language, quote) {
        (CodeLanguage::Psql, Quote::Double) => format!(":\"{variable}\""),
        (CodeLanguage::Psql, _) => format!(":'{variable}'"),
        _ => format!("@{variable}"),
    }
}

fn way_out(language: CodeLanguage) -> &'static str {
    match language {
        CodeLanguage::MySql => "write it outside the quotes, as in `concat('prefix ', ${name})`",
        _ => "write it outside the quotes, as in `'prefix ' || ${name}`",
    }
}

/// The state of the quotes after a literal text.
fn after(language: CodeLanguage, mut quote: Quote, text: &str) -> Quote {
    let has_backslash = matches!(language, CodeLanguage::RemoteShell | CodeLanguage::Jq | CodeLanguage::MySql);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        quote = match (quote, character) {
            (Quote::None | Quote::Double, '\\') if has_backslash => {
                characters.next();
                quote
            }
            (Quote::Single, '\\') if language == CodeLanguage::MySql => {
                characters.next();
                quote
            }
            (Quote::None, '\'') if language != CodeLanguage::Jq => Quote::Single,
            (Quote::None, '"') => Quote::Double,
            (Quote::Single, '\'') | (Quote::Double, '"') => Quote::None,
            _ => quote,
        };
    }
    quote
}

#[cfg(test)]
mod tests {
    use super::super::split::segments;
    use super::*;

    fn check(language: CodeLanguage, text: &str, expected: &str) {
        let found = match replace(language, &segments(text, &|_| true)) {
            Ok(code) => code.text,
            Err((message, _)) => format!("error: {message}"),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn references_become_variables_of_the_language() {
        check(CodeLanguage::Psql, "select ${a}, '${b}', \"${c}\"", "select :'partita_1', :'partita_2', :\"partita_3\"");
        check(CodeLanguage::Psql, "select 'x ${a}'", "error: `${a}` stands inside a string");
        check(CodeLanguage::Psql, "select 'it''s', ${a}", "select 'it''s', :'partita_1'");
        check(CodeLanguage::MySql, "select '${a}' where b = ${b}", "select @partita_1 where b = @partita_2");
        check(
            CodeLanguage::Jq,
            ".[] | select(.x == ${a}) | \"<${b}>\"",
            ".[] | select(.x == $partita_1) | \"<\\($partita_2)>\"",
        );
        check(
            CodeLanguage::RemoteShell,
            "echo ${a} \"${b}\" '${c}'",
            "echo \"${partita_1}\" \"${partita_2}\" ''\"${partita_3}\"''",
        );
    }
}
