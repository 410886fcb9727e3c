//! Small rules about argument templates and the words of a command.

use super::split::{Segment, Word};
use crate::plan::Argument;
use crate::workflow::reference::{Template, TemplatePiece};

/// `before<name>after` or `<name...>` in an argument template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placeholder<'a> {
    pub(super) before: &'a str,
    pub(super) name: &'a str,
    pub(super) after: &'a str,
    /// Whether it may become several arguments.
    pub(super) is_many: bool,
}

impl Placeholder<'_> {
    pub(super) fn is_bare(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }
}

/// The parameter that an item of an argument template stands for.
pub(super) fn placeholder(word: &str) -> Option<Placeholder<'_>> {
    let (before, rest) = word.split_once('<')?;
    let (name, after) = rest.split_once('>')?;
    let (name, is_many) = name.strip_suffix("...").map_or((name, false), |name| (name, true));
    let is_name =
        !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    is_name.then_some(Placeholder { before, name, after, is_many })
}

/// An argument of the catalogue or the author.
pub(super) fn literal(text: &str) -> Argument {
    Argument { value: Template::text(text), dash_allowed: false, optional: false }
}

/// A word of the catalogue.
pub(super) fn literal_word(text: &str) -> Word {
    Word { segments: vec![Segment::Literal(text.to_owned())], quoted: true }
}

/// A template with a text before it.
pub(super) fn prefixed(before: &str, mut value: Template) -> Template {
    value.pieces.insert(0, TemplatePiece::Text(before.to_owned()));
    value
}

/// What only a shell would understand, and the way out.
pub(super) fn shell_syntax(words: &[Word]) -> Option<(String, &'static str)> {
    for word in words.iter().filter(|word| !word.quoted) {
        let beginning = word.beginning();
        let operator = ["|", "||", "&&", ";", ">", ">>", "<", "2>&1", "2>", "&", "<<"].contains(&beginning);
        if operator || beginning.contains("$(") || beginning.contains('`') {
            let message = format!("`{beginning}` means something to a shell only, and a tool's command has none");
            let help = if matches!(beginning, "&&" | ";") {
                "make each command a step of its own, or use `command:` (or `tool: shell`) for all of them"
            } else {
                "use `command:` (or `tool: shell`) for this step, or put it into quotes to pass it on as it is"
            };
            return Some((message, help));
        }
        let is_variable =
            |rest: &str| rest.starts_with(|character: char| character.is_ascii_alphabetic() || character == '_');
        if beginning.strip_prefix('$').is_some_and(is_variable) {
            let message = format!("`{beginning}` is not expanded: a tool's command has no shell");
            return Some((message, "write `${name}`, or put it into single quotes to pass it on as it is"));
        }
    }
    None
}

/// A reference inside the code that an interpreter named in the command would be given.
pub(super) fn reference_in_code(words: &[Word]) -> Option<String> {
    const INTERPRETERS: [&str; 17] = [
        "sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "python", "python2", "python3", "perl", "ruby", "node",
        "php", "lua", "eval", "busybox",
    ];
    let mut has_interpreter = false;
    let mut takes_code = false;
    for word in words {
        let text = word.literal();
        if takes_code && word.has_reference() {
            return word.segments.iter().find_map(|segment| match segment {
                Segment::Reference(text) => Some(text.clone()),
                Segment::Literal(_) => None,
            });
        }
        takes_code = has_interpreter
            && text.as_deref().is_some_and(|text| {
                text.starts_with('-') && !text.starts_with("--") && text.ends_with(['c', 'e', 'r', 'E'])
            });
        has_interpreter |= text
            .as_deref()
            .and_then(|text| text.rsplit('/').next())
            .is_some_and(|name| INTERPRETERS.contains(&name) || name == "pwsh");
    }
    None
}
