//! Counts what was met, by category and in total.

use std::time::Duration;

use serde_json::{Value, json};

use super::set::{Case, Set};

/// How a sentence fared.
#[derive(Debug)]
pub(crate) struct Scored {
    /// Whether a workflow came of it; none when it was refused.
    pub(crate) made: bool,
    /// Whether all workflows that came of it are valid.
    pub(crate) is_valid: bool,
    /// What is missing, in words.
    pub(crate) lacks: Vec<String>,
    /// What was answered instead of a workflow.
    pub(crate) refusal: Option<String>,
    pub(crate) took: Duration,
}

/// Counts of some sentences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Score {
    pub(crate) sentences: usize,
    pub(crate) facts: usize,
    pub(crate) facts_met: usize,
    /// Sentences that a workflow should come of.
    pub(crate) workflows: usize,
    pub(crate) workflows_valid: usize,
    /// Sentences that should be refused.
    pub(crate) refusals: usize,
    pub(crate) refusals_right: usize,
}

impl Score {
    fn add(&mut self, case: &Case, scored: &Scored) {
        self.sentences += 1;
        if case.refused {
            self.refusals += 1;
            self.refusals_right += usize::from(!scored.made);
            return;
        }
        self.workflows += 1;
        self.workflows_valid += usize::from(scored.made && scored.is_valid);
        self.facts += case.facts.len();
        self.facts_met += case.facts.len() - scored.lacks.len();
    }

    /// The lowest of its three parts, in percent: facts, valid workflows, right refusals.
    pub(crate) fn percent(&self) -> f64 {
        let parts = [
            (self.facts_met, self.facts),
            (self.workflows_valid, self.workflows),
            (self.refusals_right, self.refusals),
        ];
        parts.iter().filter_map(|(part, whole)| share(*part, *whole)).fold(100.0, f64::min)
    }

    /// The counts as JSON.
    pub(crate) fn to_json(self) -> Value {
        json!({
            "sentences": self.sentences, "facts": self.facts, "facts_met": self.facts_met,
            "facts_percent": share(self.facts_met, self.facts), "workflows": self.workflows,
            "workflows_valid": self.workflows_valid, "refusals": self.refusals, "refusals_right": self.refusals_right,
        })
    }
}

/// A part in percent, with one digit; none of nothing.
pub(crate) fn share(part: usize, whole: usize) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts of sentences are small")]
    let percent = |part: usize, whole: usize| (part as f64 * 1000.0 / whole as f64).floor() / 10.0;
    (whole > 0).then(|| percent(part, whole))
}

/// Counts by category, and of all.
#[derive(Debug)]
pub(crate) struct Scores {
    pub(crate) categories: Vec<(String, Score)>,
    pub(crate) total: Score,
    /// The time that half of the sentences took less than, and the longest.
    pub(crate) median: Duration,
    pub(crate) longest: Duration,
}

impl Scores {
    /// Counts how the sentences of a set fared.
    pub(crate) fn of(set: &Set, scored: &[Scored]) -> Self {
        let both = || set.cases.iter().zip(scored);
        let count = |wanted: Option<&str>| {
            let mut score = Score::default();
            for (case, scored) in both().filter(|(case, _)| wanted.is_none_or(|wanted| case.category == wanted)) {
                score.add(case, scored);
            }
            score
        };
        let mut times: Vec<Duration> = scored.iter().map(|scored| scored.took).collect();
        times.sort_unstable();
        Self {
            categories: set.categories().into_iter().map(|name| (name.to_owned(), count(Some(name)))).collect(),
            total: count(None),
            median: times.get(times.len() / 2).copied().unwrap_or_default(),
            longest: times.last().copied().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::set;
    use super::*;

    #[test]
    fn what_was_refused_lacks_everything_and_a_refusal_has_no_facts() {
        let text = "cases: [{ category: a, say: b, facts: [{step: x}, {step: y}] }, { category: a, say: c, facts: [{step: x}] }, \
                    { category: n, say: d, refused: true }]";
        let set = set::read("test", text).unwrap();
        let scored = |made: bool, lacks: usize| Scored {
            made,
            is_valid: made,
            lacks: vec![String::new(); lacks],
            refusal: None,
            took: Duration::from_millis(1),
        };
        let scores = Scores::of(&set, &[scored(false, 2), scored(true, 0), scored(false, 0)]);
        let expected = Score {
            sentences: 3,
            facts: 3,
            facts_met: 1,
            workflows: 2,
            workflows_valid: 1,
            refusals: 1,
            refusals_right: 1,
        };
        assert_eq!(scores.total, expected);
        assert_eq!(scores.total.percent(), 33.3);
        assert_eq!(scores.categories.len(), 2);
    }
}
