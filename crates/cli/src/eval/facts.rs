//! Whether a workflow has a fact.

use serde_json::Value;

use super::set::{Fact, Pattern};
use super::workflow::{Happening, Layout};

/// What became of a sentence.
#[derive(Debug)]
pub(crate) struct Outcome<'a> {
    /// In canonical form.
    pub(crate) workflow: &'a Value,
    pub(crate) suggestions: &'a [String],
    /// Requirements that were not met, each with its reason.
    pub(crate) unmet: &'a [String],
}

impl Outcome<'_> {
    /// The facts that are not there, in words.
    pub(crate) fn lacks(&self, facts: &[Fact]) -> Vec<String> {
        let layout = Layout::of(self.workflow);
        facts.iter().filter(|fact| !self.has(fact, &layout)).map(ToString::to_string).collect()
    }

    fn has(&self, fact: &Fact, layout: &Layout) -> bool {
        let text = |key: &str| self.workflow[key].as_str();
        match fact {
            Fact::Step(pattern) => matching(layout, pattern).next().is_some(),
            Fact::NoStep(pattern) => !layout.lines().any(|line| pattern.is_in(line)),
            Fact::Order([first, second]) => {
                pairs(layout, first, second).any(|(first, second)| layout.is_before(first, second))
            }
            Fact::Parallel([one, other]) => pairs(layout, one, other)
                .any(|(one, other)| one != other && !layout.is_before(one, other) && !layout.is_before(other, one)),
            Fact::Conditional(pattern) => {
                matching(layout, pattern).any(|happening| happening.is_conditional) || is_in_any(pattern, &layout.undos)
            }
            Fact::Undo(pattern) => is_in_any(pattern, &layout.undos),
            Fact::NoUndo(pattern) => !is_in_any(pattern, &layout.undos),
            Fact::OnFailure(word) => text("on_failure").unwrap_or("stop") == word,
            Fact::Handler(pattern) => is_in_any(pattern, &layout.handlers),
            Fact::Schedule(pattern) => match text("schedule") {
                Some(schedule) => pattern.text() != "none" && pattern.is_in(schedule),
                None => pattern.text() == "none",
            },
            Fact::Says(pattern) => is_in_any(pattern, self.suggestions),
            Fact::Value(value) => {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                layout.lines().any(|line| has_value(line, &value))
            }
            Fact::Count(count) => self.workflow["steps"].as_array().map_or(0, Vec::len) == *count,
            Fact::Name(name) => text("name") == Some(name),
            Fact::Timeout(limit) => text("timeout") == Some(limit),
            Fact::Unmet(pattern) => is_in_any(pattern, self.unmet),
            Fact::Any(facts) => facts.iter().any(|fact| self.has(fact, layout)),
        }
    }
}

fn matching<'a>(layout: &'a Layout, pattern: &'a Pattern) -> impl Iterator<Item = &'a Happening> {
    layout.happenings.iter().filter(|happening| pattern.is_in(&happening.line))
}

/// Each two steps of which the first matches the first pattern and the second the second.
fn pairs<'a>(layout: &'a Layout, one: &'a Pattern, other: &'a Pattern) -> impl Iterator<Item = (usize, usize)> + 'a {
    matching(layout, one).flat_map(move |one| matching(layout, other).map(move |other| (one.step, other.step)))
}

fn is_in_any(pattern: &Pattern, texts: &[String]) -> bool {
    texts.iter().any(|text| pattern.is_in(text))
}

/// Whether a value is in a line, and not as a part of another word or number.
fn has_value(line: &str, value: &str) -> bool {
    let joins = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    line.match_indices(value).any(|(at, found)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + found.len()..].chars().next());
        let starts_word = value.starts_with(char::is_alphanumeric);
        !(joins(before) && starts_word || joins(after) && value.ends_with(char::is_alphanumeric))
    })
}

#[cfg(test)]
mod tests {
    use super::super::set;
    use super::*;

    fn lacks(facts: &str, workflow: &Value) -> Vec<String> {
        let text = format!("cases: [{{ category: a, say: b, facts: [{facts}] }}]");
        let set = set::read("test", &text).unwrap();
        let outcome = Outcome { workflow, suggestions: &["not by itself".to_owned()], unmet: &[] };
        outcome.lacks(&set.cases[0].facts)
    }

    #[test]
    fn facts_are_there_or_not() {
        let workflow = serde_json::json!({
            "name": "n", "on_failure": "rollback", "schedule": "0 3 * * *", "params": {"path": "/srv/app", "days": 14},
            "steps": [
                {"name": "a", "command": "tar -cf x $path"}, {"name": "b", "command": "find -mtime +$days", "if": "params.days > 1"},
                {"name": "c", "tool": "kubectl", "parameters": {"command": "set image x"}, "depends": ["a"],
                 "rollback": {"tool": "kubectl", "parameters": {"command": "rollout undo x"}}},
            ],
            "handlers": {"failure": {"name": "d", "tool": "slack", "parameters": {"text": "it failed"}}},
        });
        let there = "{step: '^command TAR'}, {no_step: restore}, {order: [tar, find]}, {parallel: [find, kubectl]}, {conditional: find}, \
                     {undo: 'rollout undo'}, {no_undo: helm}, {on_failure: rollback}, {handler: 'failure: slack'}, {schedule: '^0 3 '}, \
                     {says: itself}, {value: 14}, {value: /srv/app}, {count: 3}, {name: n}, {any: [{step: nothing}, {step: tar}]}, \
                     {order: [kubectl, '^slack']}";
        assert_eq!(lacks(there, &workflow), Vec::<String>::new());
        let missing = "{step: nothing}, {no_step: 'rollout undo'}, {order: [find, tar]}, {parallel: [tar, find]}, {conditional: tar}, \
                       {undo: tar}, {no_undo: rollout}, {on_failure: stop}, {handler: 'success: slack'}, {schedule: none}, {says: x}, \
                       {value: 4}, {value: srv/ap}, {count: 2}, {name: m}, {unmet: x}, {timeout: 10m}, {any: [{step: nothing}]}";
        assert_eq!(lacks(missing, &workflow).len(), 18);
    }
}
