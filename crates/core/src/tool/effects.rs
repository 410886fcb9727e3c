//! What a command of a tool does to the world, as far as its words tell.

use super::definition::Tool;
use super::split::{Segment, Word};
use crate::workflow::document::Effects;
use crate::workflow::planning::nearest;

/// Letters that two words share at their beginning when the one may be meant for the other.
const ALIKE: usize = 4;

/// Raises effects, and keeps the reason if that is new; effects are never lowered.
pub fn raise(effects: &mut Effects, reasons: &mut Vec<String>, to: Effects, reason: impl Into<String>) {
    *effects = (*effects).max(to);
    let reason = reason.into();
    if !reasons.contains(&reason) {
        reasons.push(reason);
    }
}

/// The word that documents use for effects.
pub(super) fn name(effects: Effects) -> &'static str {
    match effects {
        Effects::Read => "reads",
        Effects::Write => "changes something",
        Effects::Unknown => "can do anything",
        Effects::Destructive => "destroys something",
    }
}

impl Tool {
    /// The effects of a command: those of its longest known sub-command, raised by its options. What
    /// can't be told, such as a sub-command that comes from a reference, has the tool's own effects.
    pub(super) fn effects_of(&self, words: &[Word], reasons: &mut Vec<String>) -> Effects {
        if self.commands.is_empty() && self.flags.is_empty() {
            reasons.push(format!("`{}` {}", self.name, name(self.effects)));
            return self.effects;
        }
        let (plain, is_sure) = self.plain_words(words);
        let found = self
            .commands
            .iter()
            .filter(|(command, _)| command.len() <= plain.len() && command.iter().zip(&plain).all(|(a, b)| a == b))
            .max_by_key(|(command, _)| command.len());
        let mut effects = match found {
            Some((command, effects)) => {
                reasons.push(format!("`{} {}` {}", self.name, command.join(" "), name(*effects)));
                *effects
            }
            None => {
                let known =
                    if self.commands.is_empty() { "" } else { " with a sub-command that the catalogue doesn't know" };
                reasons.push(format!("`{}`{known} {}", self.name, name(self.effects)));
                self.effects
            }
        };
        if found.is_some() && !is_sure {
            let reason = format!("an option before the sub-command of `{}` is not in the catalogue", self.name);
            raise(&mut effects, reasons, self.effects, reason);
        }
        for word in words {
            for (flag, to) in &self.flags {
                if *to > effects && is_flag(word, flag) {
                    raise(&mut effects, reasons, *to, format!("`{flag}` makes `{}` one that {}", self.name, name(*to)));
                }
            }
        }
        effects
    }

    /// The words with which a command begins, when the catalogue has all there are and these are none of
    /// them; with what the author may have meant.
    pub(super) fn unknown_command(&self, words: &[Word]) -> Option<(String, String)> {
        let (plain, is_sure) = self.plain_words(words);
        if !is_sure {
            return None;
        }
        for count in 1..=self.commands_complete.min(plain.len()) {
            let (before, word) = (&plain[..count - 1], &plain[count - 1]);
            let siblings: Vec<&[String]> = self
                .commands
                .iter()
                .map(|(command, _)| command.as_slice())
                .filter(|command| command.starts_with(before))
                .collect();
            // What can stand alone takes any argument next.
            if siblings.iter().any(|command| command.len() == before.len()) || siblings.is_empty() {
                return None;
            }
            if siblings.iter().any(|command| command[count - 1] == *word) {
                continue;
            }
            let known = || siblings.iter().map(|command| command[count - 1].as_str());
            let begins_alike = |known: &&str| word.get(..ALIKE).is_some_and(|beginning| known.starts_with(beginning));
            let help = match nearest(word, known()).or_else(|| known().find(begins_alike)) {
                Some(near) => {
                    let meant = siblings.iter().filter(|command| command[count - 1] == near);
                    let meant: Vec<String> = meant.map(|command| format!("`{}`", command.join(" "))).collect();
                    format!("did you mean {}?", meant.join(" or "))
                }
                None => {
                    let all: Vec<String> = siblings.iter().map(|command| command.join(" ")).collect();
                    format!("there is {}", all.join(", "))
                }
            };
            return Some((plain[..count].join(" "), help));
        }
        None
    }

    /// The words that are neither options nor their values, up to the first one that holds a
    /// reference; and whether nothing before the second of them could have been misread.
    fn plain_words(&self, words: &[Word]) -> (Vec<String>, bool) {
        let mut plain = Vec::new();
        let mut is_sure = true;
        let mut is_value = false;
        for word in words {
            if std::mem::take(&mut is_value) {
                continue;
            }
            if word.beginning().starts_with('-') {
                let Some(text) = word.literal() else {
                    is_sure &= !plain.is_empty() || word.beginning().contains('=');
                    continue;
                };
                is_value = self.value_flags.contains(&text);
                let is_known = is_value || text.contains('=') || self.flags.iter().any(|(flag, _)| *flag == text);
                is_sure &= is_known || !plain.is_empty();
                continue;
            }
            match word.literal() {
                Some(text) => plain.push(text),
                None => break,
            }
        }
        (plain, is_sure)
    }
}

/// Whether a word is (or, for one-letter options, could hold) an option.
fn is_flag(word: &Word, flag: &str) -> bool {
    let beginning = match word.segments.first() {
        Some(Segment::Literal(text)) => text.as_str(),
        _ => return false,
    };
    if beginning == flag || beginning.strip_prefix(flag).is_some_and(|rest| rest.starts_with('=')) {
        return true;
    }
    let mut letters = flag.chars();
    let (dash, letter, end) = (letters.next(), letters.next(), letters.next());
    match (dash, letter, end) {
        (Some('-'), Some(letter), None) if letter != '-' => {
            beginning.starts_with('-') && !beginning.starts_with("--") && beginning.contains(letter)
        }
        _ => false,
    }
}
