//! All the ways a small run can go: every order of ends, every outcome, a crash after every record,
//! late words, people who cancel.

use std::collections::BTreeSet;
use std::sync::Arc;

use partita_core::plan::Plan;
use partita_core::run::{AttemptId, Decision, Input, Record, Verdict};
use partita_core::task::{Outcome, OutcomeResult};

use crate::world::{Mutant, World, failure};

/// How much may happen.
#[derive(Clone, Copy)]
pub(crate) struct Scope {
    pub(crate) crashes_max: u32,
    pub(crate) cancel: bool,
    pub(crate) mutant: Option<Mutant>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) states: usize,
    pub(crate) verdicts: BTreeSet<Verdict>,
    pub(crate) violations: Vec<String>,
}

pub(crate) fn explore(plan: &Arc<Plan>, scope: Scope) -> Found {
    let mut found = Found::default();
    let mut seen = BTreeSet::new();
    let mut open = vec![World::new(Arc::clone(plan), scope.mutant)];
    while let Some(world) = open.pop() {
        if !seen.insert(world.fingerprint()) {
            continue;
        }
        found.states += 1;
        if !world.violations.is_empty() {
            found.violations.extend(world.violations.iter().cloned());
            return found;
        }
        if world.is_stuck() {
            found.violations.push(format!("stuck: {:?}", world.journal.last()));
            return found;
        }
        found.verdicts.extend(world.run.verdict());
        open.extend(successors(&world, scope));
    }
    found
}

/// Every world that one move leads to.
fn successors(world: &World, scope: Scope) -> Vec<World> {
    let mut next = Vec::new();
    for id in &world.running {
        for outcome in outcomes(world, *id) {
            let input = Input::Finished(*id, outcome.clone());
            let mut after = world.clone();
            after.finish(*id, outcome.clone(), None);
            next.push(after);
            if world.crashes < scope.crashes_max {
                for committed in 0..=world.records_of(&input) {
                    let mut after = world.clone();
                    after.finish(*id, outcome.clone(), Some(committed));
                    next.push(after);
                }
            }
        }
    }
    if world.crashes < scope.crashes_max && !world.running.is_empty() {
        let mut after = world.clone();
        after.tell(Input::Tick, Some(0));
        next.push(after);
    }
    for id in &world.stale {
        let mut after = world.clone();
        after.late_word(*id, Outcome::success("late"));
        next.push(after);
    }
    for approval in world.run.open_approvals() {
        for decision in [Decision::Approve, Decision::Reject] {
            let mut after = world.clone();
            let (approval, comment, by) = (approval.approval.clone(), None, "ann".to_owned());
            after.tell(Input::Decide { approval, decision, comment, by }, None);
            next.push(after);
        }
    }
    let cancelled = |(_, record): &(u64, Record)| matches!(record, Record::CancelRequested { .. });
    if scope.cancel && world.run.verdict().is_none() && !world.journal.iter().any(cancelled) {
        for rollback in [false, true] {
            let mut after = world.clone();
            after.tell(Input::Cancel { rollback, reason: None, by: "ann".to_owned() }, None);
            next.push(after);
        }
    }
    let mut after = world.clone();
    if after.sleep() {
        next.push(after);
    }
    next
}

/// How an attempt may end here.
fn outcomes(world: &World, id: AttemptId) -> Vec<Outcome> {
    let asked = |(_, record): &(u64, Record)| matches!(record, Record::AttemptStopping { id: it, .. } if *it == id);
    if world.journal.iter().any(asked) {
        return vec![Outcome::of(OutcomeResult::Stopped), Outcome::success("just in time")];
    }
    vec![Outcome::success("fine"), failure(1)]
}
