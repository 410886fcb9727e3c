//! A world around a run: a journal that survives crashes, attempts that really "run", and a judge
//! that knows what must never happen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use partita_core::id::RunId;
use partita_core::plan::{Plan, PlannedAction};
use partita_core::run::record::Record;
use partita_core::run::{AttemptId, AttemptKind, Input, Run, RunStatus, StepStatus};
use partita_core::task::{Outcome, OutcomeResult};
use partita_core::time::Moment;

/// A driver with a defect, to prove that the judge would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Acts on what is wanted before the records are in the journal.
    ActsBeforeItRecords,
    /// Takes the word of an attempt of a dead server for that of the present one.
    HasNoFence,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) journal: Vec<(u64, Record)>,
    pub(crate) run: Run,
    pub(crate) now: u64,
    /// Attempts that run in this world, whatever the journal says.
    pub(crate) running: BTreeSet<AttemptId>,
    /// Attempts of servers that died: their word may still come.
    pub(crate) stale: BTreeSet<AttemptId>,
    ever_started: BTreeSet<AttemptId>,
    /// How often the work of a step (item, round) was done with success.
    done: BTreeMap<(u32, u32, u32), u32>,
    pub(crate) crashes: u32,
    pub(crate) violations: Vec<String>,
    mutant: Option<Mutant>,
}

pub(crate) fn failure(exit_code: i32) -> Outcome {
    let error = format!("exit code {exit_code}");
    Outcome { exit_code: Some(exit_code), ..Outcome::of(OutcomeResult::Failed { error }) }
}

impl World {
    pub(crate) fn new(plan: Arc<Plan>, mutant: Option<Mutant>) -> Self {
        let (run, record) = Run::create(RunId::from_parts(1, 1), plan, None, 0);
        let mut world = Self {
            journal: vec![(0, record)],
            run,
            now: 0,
            running: BTreeSet::new(),
            stale: BTreeSet::new(),
            ever_started: BTreeSet::new(),
            done: BTreeMap::new(),
            crashes: 0,
            violations: Vec::new(),
            mutant,
        };
        world.tell(Input::Tick, None);
        world
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now, entropy: 7 }
    }

    /// Tells the run something. With `crash_after`, the server dies when that many of the records that
    /// follow are in the journal.
    pub(crate) fn tell(&mut self, input: Input, crash_after: Option<usize>) {
        let records = self.run.advance(input, self.moment());
        let Some(committed) = crash_after else {
            if self.mutant == Some(Mutant::ActsBeforeItRecords) {
                self.act();
            }
            self.commit(records);
            self.act();
            self.judge();
            return;
        };
        if self.mutant == Some(Mutant::ActsBeforeItRecords) {
            self.act();
        }
        self.commit(records.into_iter().take(committed).collect());
        self.crash();
    }

    /// How many records an input would lead to.
    pub(crate) fn records_of(&self, input: &Input) -> usize {
        self.run.clone().advance(input.clone(), self.moment()).len()
    }

    fn commit(&mut self, records: Vec<Record>) {
        self.journal.extend(records.into_iter().map(|record| (self.now, record)));
    }

    fn crash(&mut self) {
        self.crashes += 1;
        self.stale.append(&mut self.running);
        self.run = match Run::replay(self.journal.clone()) {
            Ok(run) => run,
            Err(error) => return self.violations.push(format!("the journal can't be replayed: {error}")),
        };
        for id in self.run.in_flight().clone() {
            let records = self.run.advance(Input::Lost(id), self.moment());
            self.commit(records);
        }
        let records = self.run.advance(Input::Tick, self.moment());
        self.commit(records);
        self.act();
        self.judge();
    }

    /// Makes the world what the run wants.
    fn act(&mut self) {
        for id in self.run.wanted().clone() {
            if self.running.contains(&id) {
                continue;
            }
            let recorded =
                |(_, record): &(u64, Record)| matches!(record, Record::AttemptStarted { id: it, .. } if *it == id);
            if !self.journal.iter().any(recorded) {
                self.violations.push(format!("{id:?} was begun before that was recorded"));
            }
            if !self.ever_started.insert(id) {
                self.violations.push(format!("{id:?} was begun twice under one id"));
            }
            if id.kind == AttemptKind::Do && self.done.contains_key(&(id.step, id.item, id.iteration)) {
                self.violations.push(format!("{id:?} does again what was done and recorded"));
            }
            self.running.insert(id);
        }
        // What was wanted and unwanted within one move was never begun.
        let never_begun: Vec<AttemptId> =
            self.run.in_flight().iter().copied().filter(|id| !self.running.contains(id)).collect();
        let again = !never_begun.is_empty();
        for id in never_begun {
            let records = self.run.advance(Input::Finished(id, Outcome::of(OutcomeResult::Stopped)), self.moment());
            self.commit(records);
        }
        if again {
            self.act();
        }
    }

    /// An attempt that runs ends.
    pub(crate) fn finish(&mut self, id: AttemptId, outcome: Outcome, crash_after: Option<usize>) {
        self.running.remove(&id);
        self.tell(Input::Finished(id, outcome), crash_after);
    }

    /// The word of an attempt of a dead server comes late.
    pub(crate) fn late_word(&mut self, id: AttemptId, outcome: Outcome) {
        self.stale.remove(&id);
        let heard = match self.mutant {
            Some(Mutant::HasNoFence) => self
                .run
                .in_flight()
                .iter()
                .copied()
                .find(|it| (it.step, it.kind, it.item) == (id.step, id.kind, id.item)),
            _ => Some(id).filter(|id| !self.run.in_flight().contains(id)),
        };
        let Some(heard) = heard else { return };
        let records = self.run.advance(Input::Finished(heard, outcome), self.moment());
        if self.mutant.is_none() && !records.is_empty() {
            self.violations.push(format!("the late word of {id:?} led to {records:?}"));
        }
        self.commit(records);
        self.act();
        self.judge();
    }

    /// Looks at everything that must hold between two moves.
    fn judge(&mut self) {
        let mut violations = Vec::new();
        match Run::replay(self.journal.clone()) {
            Err(error) => violations.push(format!("the journal can't be replayed: {error}")),
            Ok(mut replayed) => {
                let more = replayed.advance(Input::Tick, self.moment());
                if !more.is_empty() {
                    violations.push(format!("after a replay follows {more:?}"));
                } else if replayed != self.run {
                    violations.push("a replay gives another run".to_owned());
                }
            }
        }
        for id in &self.running {
            if !self.run.in_flight().contains(id) {
                violations.push(format!("{id:?} runs, and the journal says it has ended"));
            }
        }
        self.done.clear();
        let (mut ended, mut active): (BTreeMap<u32, StepStatus>, BTreeSet<u32>) = Default::default();
        let mut last_is_finished = false;
        for (_, record) in &self.journal {
            if last_is_finished {
                violations.push("records follow the last one".to_owned());
            }
            match record {
                Record::AttemptStarted { id, .. } if id.kind == AttemptKind::Do => {
                    let needs = &self.run.plan().steps[id.step as usize].needs;
                    if !needs.iter().all(|need| ended.contains_key(need)) {
                        violations.push(format!("{id:?} began before what it needs had ended"));
                    }
                    let asks = matches!(self.run.plan().steps[id.step as usize].action, PlannedAction::Approval { .. });
                    if !asks {
                        active.insert(id.step);
                    }
                    if active.len() > self.run.plan().max_active_steps as usize {
                        violations.push("more steps are active than may be".to_owned());
                    }
                }
                Record::AttemptFinished { id, outcome, .. } if id.kind == AttemptKind::Do && outcome.is_success() => {
                    *self.done.entry((id.step, id.item, id.iteration)).or_default() += 1;
                }
                Record::StepFinished { step, status, .. } => {
                    active.remove(step);
                    if ended.insert(*step, *status).is_some() {
                        violations.push(format!("step {step} ended twice"));
                    }
                }
                Record::Finished { .. } => last_is_finished = true,
                _ => {}
            }
        }
        violations.extend(
            self.done.iter().filter(|(_, times)| **times > 1).map(|(what, _)| format!("{what:?} was done twice")),
        );
        violations.extend(self.undo_order_broken());
        if self.run.verdict().is_some() && ended.len() != self.run.plan().steps.len() {
            violations.push("the run ended before its steps".to_owned());
        }
        self.violations.append(&mut violations);
    }

    /// A step must not be taken back while one that depends on it and succeeded is still there.
    fn undo_order_broken(&self) -> Option<String> {
        let plan = self.run.plan();
        let mut undone = BTreeSet::new();
        let mut succeeded = BTreeSet::new();
        for (_, record) in &self.journal {
            match record {
                Record::StepFinished { step, status: StepStatus::Success, .. } => drop(succeeded.insert(*step)),
                Record::UndoFinished { step, status: StepStatus::RolledBack, .. } => drop(undone.insert(*step)),
                Record::AttemptStarted { id, .. } if id.kind == AttemptKind::Undo => {
                    let standing = (0u32..).zip(&plan.steps).find(|(index, step)| {
                        let there = succeeded.contains(index) && !undone.contains(index);
                        step.needs.contains(&id.step) && there && step.rollback.is_some()
                    });
                    if let Some((_, step)) = standing {
                        return Some(format!("step {} is taken back before `{}`, which needs it", id.step, step.name));
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Lets time pass until the next thing happens by itself; whether there is one.
    pub(crate) fn sleep(&mut self) -> bool {
        let Some(wake_at) = self.run.wake_at() else { return false };
        self.now = self.now.max(wake_at);
        self.tell(Input::Tick, None);
        true
    }

    /// Whether nothing can happen any more although the run has not ended.
    pub(crate) fn is_stuck(&self) -> bool {
        let open = self.run.status().is_terminal() || self.run.status() == RunStatus::Paused;
        !open && self.running.is_empty() && self.run.wake_at().is_none() && self.run.open_approvals().is_empty()
    }

    /// What distinguishes this world from others, for the search.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{:?}{:?}{:?}{}{}", self.run, self.running, self.stale, self.crashes, self.now)
    }
}
