//! From a task to its clauses in their order, each with what it is about: `it`, what stands before a colon, a `for each`.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Map;

use super::facts::Facts;
use super::phrases::{self, pattern};
use super::sentence::{self, Clause};
use super::{intents, modifiers, order};

/// A clause, and what it is to be done for each of.
pub(super) struct Piece {
    pub(super) clause: Clause,
    pub(super) items: Vec<String>,
}

/// Takes a task apart; also gives when it wants to be done again and again.
pub(super) fn pieces(task: &str) -> (Vec<Piece>, Option<(String, Vec<String>)>) {
    let (mut pieces, mut carried) = (Vec::new(), Vec::new());
    let schedule = phrases::schedule(task);
    let task = match &schedule {
        Some((_, said)) => said.iter().fold(task.to_owned(), |task, said| task.replacen(said.as_str(), " ", 1)),
        None => task.to_owned(),
    };
    for segment in order::segments(&task) {
        for clause in sentence::clauses(&segment.text) {
            let mut text = clause.text;
            if let Some((items, rest)) = phrases::for_each(&text) {
                (carried, text) = (items, rest);
            }
            let mut clause = Clause::conditional(&text);
            clause.group = segment.group;
            if clause.text.chars().any(char::is_alphabetic) {
                pieces.push(Piece { clause, items: std::mem::take(&mut carried) });
            }
        }
    }
    let pieces = joined(about_their_topic(pieces));
    (spelled_out(pieces).into_iter().map(understood).collect(), schedule)
}

/// `npm project in /srv/ui: run its tests, build it`: what stands before the colon is what every clause is about that means
/// nothing without it.
fn about_their_topic(mut pieces: Vec<Piece>) -> Vec<Piece> {
    let Some(first) = pieces.first() else { return pieces };
    let hidden = sentence::hide_quotes(&first.clause.text);
    let Some(colon) = hidden.find(": ") else { return pieces };
    let (topic, rest) = (first.clause.text[..colon].to_owned(), first.clause.text[colon + 2..].to_owned());
    let says_to_do = |text: &str| Clause::new(text).has(sentence::VERBS);
    if topic.split_whitespace().count() < 2 || says_to_do(&topic) || !says_to_do(&rest) {
        return pieces;
    }
    pieces[0].clause = Clause { group: pieces[0].clause.group, ..Clause::conditional(&rest) };
    for piece in pieces.iter_mut().filter(|piece| !piece.clause.denies) {
        let about =
            Clause { group: piece.clause.group, ..Clause::conditional(&format!("{} ({topic})", piece.clause.text)) };
        if !asks(&piece.clause) && asks(&about) {
            piece.clause = about;
        }
    }
    pieces
}

/// `stop the container old, then remove it`: a clause that asks for nothing by itself is tried with what `it` is: the object
/// of the clause before, or the place that it went to.
fn spelled_out(mut pieces: Vec<Piece>) -> Vec<Piece> {
    for at in 1..pieces.len() {
        let (before, rest) = pieces.split_at_mut(at);
        let (Some(before), Some(piece)) = (before.last(), rest.first_mut()) else { continue };
        if means(&piece.clause) || !piece.clause.has(&["it", "them"]) {
            continue;
        }
        let spelled = objects(&before.clause.text).into_iter().map(|object| {
            let text = PRONOUN.replace(&piece.clause.text, regex::NoExpand(&object)).into_owned();
            Clause { group: piece.clause.group, on_failure: piece.clause.on_failure, ..Clause::conditional(&text) }
        });
        if let Some(clause) = spelled.into_iter().find(asks) {
            piece.clause = clause;
        }
    }
    pieces
}

static PRONOUN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:it|them)\b"));
/// Where something goes, and what stands between a verb and what says where, when or how.
static GOES_TO: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\s(?:into|to|as)\s+(\S+)"));
static OBJECT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^(?:please\s+)?[\w-]+(?:\s+up)?\s+(.+?)(?:\s+(?:into|to|with|for|if|when|by|from|on|at)\s.*)?$")
});

/// What the next clause may mean by `it`.
fn objects(text: &str) -> Vec<String> {
    let found = [&*GOES_TO, &*OBJECT].into_iter().filter_map(|pattern| pattern.captures(text));
    found.filter_map(|found| Some(found.get(1)?.as_str().trim_end_matches([',', '.']).to_owned())).collect()
}

/// Whether something is asked for in a clause by itself, limits and messages aside.
fn asks(clause: &Clause) -> bool {
    !intents::of_clause(clause, &Facts::read(&clause.text, &Map::new())).is_empty()
}

/// `The deployment web is broken, take it back`: what asks for nothing, and says what the next clause means by `it`, is
/// one with it.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let refers =
            piece.clause.has(&["it", "them", "its", "their"]) && !piece.clause.denies && !piece.clause.on_failure;
        let speaks_of = |before: &&mut Piece| {
            !means(&before.clause) && before.items.is_empty() && before.clause.group == piece.clause.group
        };
        match joined.last_mut().filter(|_| refers).filter(speaks_of) {
            Some(before) => {
                let both = Clause::conditional(&format!("{}, {}", before.clause.text, piece.clause.text));
                let only_on = both.only_on.clone().or_else(|| piece.clause.only_on.clone());
                before.clause = Clause { group: piece.clause.group, only_on, ..both };
                before.items = piece.items;
            }
            None => joined.push(piece),
        }
    }
    joined
}

/// Whether something is asked for in a clause.
fn means(clause: &Clause) -> bool {
    !intents::of_clause(clause, &Facts::read(&clause.text, &Map::new())).is_empty()
        || !modifiers::of_clause(clause).is_empty()
        || clause.denies
}

/// A clause that means nothing is tried once more with its words corrected.
fn understood(piece: Piece) -> Piece {
    match piece.clause.corrected().filter(|_| !means(&piece.clause)) {
        Some(clause) if means(&clause) => Piece { clause, ..piece },
        _ => piece,
    }
}
