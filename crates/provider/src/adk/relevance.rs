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

/// Something that words can be about.
struct Subject<'a, T> {
    of: &'a T,
    name: BTreeSet<String>,
    about: BTreeSet<String>,
}

/// How much tools have to do with some words, in the order of the catalogue.
pub(super) fn of_tools<'a>(wanted: &BTreeSet<String>, tools: impl Iterator<Item = &'a Tool>) -> Vec<(usize, &'a Tool)> {
    let subject = |tool: &'a Tool| {
        let mut about = tool.description.clone();
        for name in tool.parameter_names() {
            about.push(' ');
            about.push_str(name);
        }
        for (command, _) in &tool.commands {
            about.push(' ');
            about.push_str(&command.join(" "));
        }
        Subject { of: tool, name: words(&tool.name), about: words(&about) }
    };
    scored(wanted, &tools.map(subject).collect::<Vec<_>>())
}

/// How much templates have to do with some words, in their order.
pub(super) fn of_templates<'a>(wanted: &BTreeSet<String>, templates: &'a [Template]) -> Vec<(usize, &'a Template)> {
    let subject = |template: &'a Template| {
        let about = words(&format!("{} {}", template.description, template.tags.join(" ")));
        Subject { of: template, name: words(&template.name), about }
    };
    scored(wanted, &templates.iter().map(subject).collect::<Vec<_>>())
}

/// A word counts the more, the fewer subjects it fits, and five times as much in a name.
fn scored<'a, T>(wanted: &BTreeSet<String>, subjects: &[Subject<'a, T>]) -> Vec<(usize, &'a T)> {
    let mut scores = vec![0; subjects.len()];
    for word in wanted {
        let fits = |subject: &Subject<'a, T>| match (subject.name.contains(word), subject.about.contains(word)) {
            (true, _) => 5,
            (false, true) => 1,
            (false, false) => 0,
        };
        let fit: Vec<usize> = subjects.iter().map(fits).collect();
        let count = fit.iter().filter(|fit| **fit > 0).count();
        let weight = 1 + subjects.len().checked_div(count).map_or(0, |rarity| rarity.ilog2() as usize);
        scores.iter_mut().zip(fit).for_each(|(score, fit)| *score += fit * weight);
    }
    scores.into_iter().zip(subjects.iter().map(|subject| subject.of)).collect()
}
