//! Which tools and templates are likely to matter for some words.

use std::collections::BTreeSet;

use partita_core::tool::Tool;

use crate::templates::Template;

/// Words that say nothing about what is meant.
const COMMON: [&str; 34] = [
    "the", "and", "for", "with", "that", "this", "from", "into", "then", "than", "all", "any", "are", "its", "our",
    "their", "when", "where", "which", "after", "before", "has", "have", "not", "out", "via", "use", "using", "please",
    "should", "make", "create", "new", "name",
];

/// Words of a text, in the form in which they are compared.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    text.to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| word.len() > 2 && !COMMON.contains(word))
        .map(stem)
        .collect()
}

/// A word without its ending, as far as it takes to find its relatives.
fn stem(word: &str) -> String {
    let cut = ["ing", "ies", "ed", "es", "s", "e", "y"].iter().find_map(|ending| {
        let stem = word.strip_suffix(ending)?;
        (stem.len() >= 4).then_some(stem)
    });
    cut.unwrap_or(word).to_owned()
}

/// How much of a text about something the words name; what is in its name counts more.
fn score(wanted: &BTreeSet<String>, name: &str, about: &str) -> usize {
    let (in_name, in_about) = (words(name), words(about));
    wanted.iter().map(|word| if in_name.contains(word) { 5 } else { usize::from(in_about.contains(word)) }).sum()
}

/// How much a tool has to do with the words.
pub(super) fn of_tool(wanted: &BTreeSet<String>, tool: &Tool) -> usize {
    let mut about = tool.description.clone();
    for name in tool.parameter_names() {
        about.push(' ');
        about.push_str(name);
    }
    for (command, _) in &tool.commands {
        about.push(' ');
        about.push_str(&command.join(" "));
    }
    score(wanted, &tool.name, &about)
}

/// How much a template has to do with the words.
pub(super) fn of_template(wanted: &BTreeSet<String>, template: &Template) -> usize {
    let about = format!("{} {}", template.description, template.tags.join(" "));
    score(wanted, &template.name, &about)
}
