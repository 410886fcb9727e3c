//! Findings about a document, with the source line when there is a source.

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report, Severity};
use serde_json::Value;

use crate::output::Output;

/// A document as its author knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
}

/// Prints the issues of a validation to standard error.
pub(crate) fn print(output: &Output, issues: &[Value], source: Option<Source<'_>>) {
    for issue in issues {
        output.note(render(issue, source, output.is_live()).trim_end());
    }
}

/// One issue as text.
pub(crate) fn render(issue: &Value, source: Option<Source<'_>>, colour: bool) -> String {
    let text = |key: &str| issue[key].as_str().unwrap_or_default();
    let mut diagnostic = MietteDiagnostic::new(text("message")).with_code(text("code"));
    diagnostic = diagnostic.with_severity(match text("severity") {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        _ => Severity::Advice,
    });
    let mut help = text("help").to_owned();
    let place = source.and_then(|source| Some((source, offset(source.text, issue)?)));
    if place.is_none() && !text("path").is_empty() {
        help = format!("at {}{}{help}", text("path"), if help.is_empty() { "" } else { ": " });
    }
    if !help.is_empty() {
        diagnostic = diagnostic.with_help(help);
    }
    let report = match place {
        Some((source, (start, length))) => {
            let label = LabeledSpan::at(start..start + length, text("path").to_owned());
            Report::new(diagnostic.with_label(label))
                .with_source_code(NamedSource::new(source.name, source.text.to_owned()))
        }
        None => Report::new(diagnostic),
    };
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut rendered = String::new();
    // Writing to a string does not fail.
    let _ = GraphicalReportHandler::new_themed(theme).with_width(110).render_report(&mut rendered, report.as_ref());
    rendered
}

/// Byte offset and length of the word at an issue's line and column.
fn offset(text: &str, issue: &Value) -> Option<(usize, usize)> {
    let line = usize::try_from(issue["line"].as_u64()?).ok()?.checked_sub(1)?;
    let column = usize::try_from(issue["column"].as_u64().unwrap_or(1)).ok()?.max(1) - 1;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let content = text[start..].lines().next().unwrap_or_default();
    let within = content.char_indices().nth(column).map_or(content.len(), |(index, _)| index);
    let word = content[within..].find(|character: char| character.is_whitespace() || ",:]}".contains(character));
    let length = word.unwrap_or(content.len() - within).max(usize::from(within < content.len()));
    Some((start + within, length))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_issue_shows_its_line() {
        let text = "name: a\nsteps:\n  - nam: x\n";
        let issue = json!({"code": "unknown_key", "severity": "warning", "message": "unknown key `nam`", "path": "/steps/0/nam",
            "line": 3, "column": 5, "help": "did you mean `name`?"});
        expect![[r#"
            unknown_key

              ⚠ unknown key `nam`
               ╭─[w.yaml:3:5]
             2 │ steps:
             3 │   - nam: x
               ·     ─┬─
               ·      ╰── /steps/0/nam
               ╰────
              help: did you mean `name`?
        "#]]
        .assert_eq(&render(&issue, Some(Source { name: "w.yaml", text }), false));
    }
}
