//! Which tool a clause asks for, told by the tool's name and description.

use partita_core::tool::{Runs, Tool};

/// Words that mean the same when tools are named.
const SAME: [&[&str]; 14] = [
    &["write", "save", "store", "put"],
    &["create", "make", "add", "new"],
    &["read", "show", "open", "print", "cat", "view", "display"],
    &["list", "enumerate"],
    &["delete", "remove", "drop", "erase"],
    &["search", "find", "look", "query"],
    &["move", "rename"],
    &["get", "fetch", "retrieve", "download"],
    &["send", "post", "publish", "notify"],
    &["edit", "change", "modify", "update", "replace"],
    &["directory", "folder", "dir"],
    &["sum", "add", "total"],
    &["info", "information", "detail", "metadata", "stat"],
    &["run", "execute", "start", "trigger", "launch"],
];
/// Words of names that say nothing about what a tool is for.
const EMPTY: [&str; 12] = ["tool", "the", "a", "an", "of", "to", "for", "with", "and", "in", "by", "my"];

/// How well a tool fits.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Fit {
    /// The part of the name's words that the clause says.
    name: f64,
    /// How many words that is: `read_text_file` says more than `read_file`.
    said: usize,
    /// Words of the description that the clause says.
    description: usize,
}

/// What a clause asks for.
pub(super) enum Asked<'a> {
    Tool(&'a Tool),
    /// Several fit alike.
    Several(Vec<&'a Tool>),
    Nothing,
}

/// The tool that a clause clearly asks for.
pub(super) fn tool<'a>(clause: &str, tools: &[&'a Tool]) -> Asked<'a> {
    // Values are data: a word in quotes names no tool.
    let plain = without_values(clause).to_lowercase();
    if let Some(named) = tools.iter().find(|tool| says_name(&plain, tool)) {
        return Asked::Tool(named);
    }
    let words = words(&plain);
    let mut fits: Vec<(Fit, &Tool)> =
        tools.iter().filter_map(|tool| Some((fit(&words, &plain, tool)?, *tool))).collect();
    fits.sort_by(|one, other| other.0.partial_cmp(&one.0).unwrap_or(std::cmp::Ordering::Equal));
    match fits.as_slice() {
        [] => Asked::Nothing,
        [(_, only)] => Asked::Tool(only),
        [(best, first), (next, _), ..] if best > next => Asked::Tool(first),
        [(best, _), ..] => Asked::Several(fits.iter().filter(|(fit, _)| fit == best).map(|(_, tool)| *tool).collect()),
    }
}

/// Whether the tool's very name is in the clause: `write_file`, `files/write_file`.
fn says_name(plain: &str, tool: &Tool) -> bool {
    let Runs::Mcp(form) = &tool.runs else { return false };
    let (full, short) = (tool.name.to_lowercase(), form.tool.to_lowercase());
    let is_special = short.contains(['_', '-', '.']);
    plain.split(|character: char| character.is_whitespace() || ",;()".contains(character)).any(|word| {
        let word = word.trim_matches(['.', ':', '`', '"', '\'']);
        word == full || (is_special && word == short)
    })
}

fn fit(clause: &[String], plain: &str, tool: &Tool) -> Option<Fit> {
    let Runs::Mcp(form) = &tool.runs else { return None };
    let name = words(&spread(&form.tool));
    let said = name.iter().filter(|word| clause.iter().any(|other| means(word, other))).count();
    let description = words(&tool.description.to_lowercase());
    let described = clause.iter().filter(|word| word.len() > 3 && description.contains(word)).count();
    let all = name.len().max(1);
    // Every word of the name, or its verb and most of the rest with a description that agrees; the server's
    // own name in the clause stands for one word.
    let names_server = plain.split_whitespace().any(|word| word == form.server.to_lowercase());
    let is_whole = said == all && (all > 1 || described > 0 || names_server);
    let starts = name.first().is_some_and(|verb| clause.iter().take(3).any(|other| means(verb, other)));
    let is_most = starts && said * 3 >= all * 2 && said >= 2 && described >= 1;
    let by_server = names_server && said >= 1 && starts;
    #[expect(clippy::cast_precision_loss, reason = "a name has a handful of words")]
    (is_whole || is_most || by_server).then_some(Fit { name: said as f64 / all as f64, said, description: described })
}

/// `writeFile`, `write_file` and `write-file` as words.
pub(super) fn spread(name: &str) -> String {
    let mut text = String::new();
    let mut was_lower = false;
    for character in name.chars() {
        if character.is_uppercase() && was_lower {
            text.push(' ');
        }
        was_lower = character.is_lowercase() || character.is_ascii_digit();
        text.push(if character.is_alphanumeric() { character } else { ' ' });
    }
    text.to_lowercase()
}

/// The words of a text, in their plain form, without those that say nothing.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty() && !EMPTY.contains(word))
        .map(stem)
        .collect()
}

fn stem(word: &str) -> String {
    let plain = |ending: &str, put: &str| {
        word.strip_suffix(ending).filter(|rest| rest.len() > 2).map(|rest| format!("{rest}{put}"))
    };
    plain("ies", "y").or_else(|| plain("ing", "")).or_else(|| plain("s", "")).unwrap_or_else(|| word.to_owned())
}

fn means(one: &str, other: &str) -> bool {
    one == other
        || SAME.iter().any(|group| {
            let has = |word: &str| group.iter().any(|same| stem(same) == *word);
            has(one) && has(other)
        })
}

/// A clause without what stands in quotes, and without paths and addresses.
fn without_values(clause: &str) -> String {
    let mut text = String::new();
    let mut quote = None;
    let mut before = ' ';
    for character in clause.chars() {
        match quote {
            Some(open) if character == open => {
                quote = None;
                text.push_str(" _ ");
            }
            Some(_) => {}
            None if matches!(character, '"' | '`') || (character == '\'' && !before.is_alphanumeric()) => {
                quote = Some(character);
            }
            None => text.push(character),
        }
        before = character;
    }
    text
}
