//! Random graphs, random luck, random crashes: every run ends, and the judge has nothing to say.

use partita_core::plan::{Plan, PlannedStep};
use partita_core::run::{Decision, Input};
use partita_core::task::{Outcome, OutcomeResult};
use partita_core::workflow::document::{Effects, OnFailure};
use proptest::prelude::*;

use crate::plans::{approval, plan, retry, shared, step, undoable};
use crate::world::{World, failure};

fn any_step(index: u32) -> impl Strategy<Value = PlannedStep> {
    let needs = proptest::collection::btree_set(0..index.max(1), 0..3);
    (needs, 0..5u8, any::<bool>(), any::<bool>(), 1..3u32).prop_map(move |(needs, kind, reads, excused, tries)| {
        let needs: Vec<u32> = needs.into_iter().filter(|need| *need < index).collect();
        let name = format!("s{index}");
        let mut step = match kind {
            0 => approval(&name, &needs, Some(1_000)),
            1 | 2 => undoable(&name, &needs),
            _ => step(&name, &needs),
        };
        step.retry = retry(tries);
        step.continue_on.failure = excused;
        step.timeout_ms = (tries == 2).then_some(700);
        if reads {
            step.effects = Effects::Read;
        }
        step
    })
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let steps = (1..12u32).prop_flat_map(|count| (0..count).map(any_step).collect::<Vec<_>>());
    let policy = prop_oneof![Just(OnFailure::Stop), Just(OnFailure::Continue), Just(OnFailure::Rollback)];
    (steps, policy, 1..4u32, any::<bool>(), any::<bool>()).prop_map(|(steps, on_failure, active, limited, handlers)| {
        let mut plan = Plan { on_failure, max_active_steps: active, ..plan(steps) };
        plan.timeout_ms = limited.then_some(2_500);
        if handlers {
            plan.handlers.failure = Some(step("on failure", &[]));
            plan.handlers.exit = Some(step("on exit", &[]));
        }
        plan
    })
}

/// One move, by numbers.
fn play(world: &mut World, (what, which): (u8, usize)) {
    let by = || "ann".to_owned();
    let running: Vec<_> = world.running.iter().copied().collect();
    let crash = (what % 7 == 0 && world.crashes < 6).then_some(which % 4);
    match what {
        0..=1 => world.tell(Input::Tick, Some(0)),
        2 => world.tell(Input::Pause { by: by() }, None),
        3 => world.tell(Input::Resume { by: by() }, None),
        4 => world.tell(Input::Cancel { rollback: which % 2 == 0, reason: None, by: by() }, None),
        5..=6 => drop(world.sleep()),
        7..=8 => {
            if let Some(id) = world.stale.iter().next().copied() {
                world.late_word(id, Outcome::success("late"));
            }
        }
        9..=11 => {
            if let Some(open) = world.run.open_approvals().first() {
                let decision = if which % 4 == 0 { Decision::Reject } else { Decision::Approve };
                world.tell(Input::Decide { approval: open.approval.clone(), decision, comment: None, by: by() }, None);
            }
        }
        _ if running.is_empty() => {
            if !world.sleep() {
                world.tell(Input::Resume { by: by() }, None);
            }
        }
        _ => {
            let id = running[which % running.len()];
            let outcome = if !world.run.wanted().contains(&id) {
                Outcome::of(OutcomeResult::Stopped)
            } else if what % 4 == 0 {
                failure(1)
            } else {
                Outcome::success("fine")
            };
            world.finish(id, outcome, crash);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_run_ends_and_keeps_the_rules(
        plan in any_plan(),
        moves in proptest::collection::vec((0..60u8, any::<usize>()), 0..60),
    ) {
        let mut world = World::new(shared(plan), None);
        for it in moves {
            play(&mut world, it);
            prop_assert_eq!(&world.violations, &Vec::<String>::new());
        }
        for _ in 0..2_000 {
            if world.run.verdict().is_some() {
                break;
            }
            prop_assert!(!world.is_stuck(), "stuck after {:?}", world.journal.last());
            let what = if world.run.open_approvals().is_empty() { 13 } else { 9 };
            play(&mut world, (what, 1));
            prop_assert_eq!(&world.violations, &Vec::<String>::new());
        }
        prop_assert!(world.run.verdict().is_some(), "no end in sight: {:?}", world.run.status());
        let before = world.journal.len();
        world.tell(Input::Cancel { rollback: true, reason: None, by: "ann".to_owned() }, None);
        prop_assert_eq!(world.journal.len(), before, "an ended run never changes");
    }
}
