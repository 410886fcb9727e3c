//! Seeded simulation: random graphs, random deeds, random commands, and servers that die at a random
//! write. A failing seed fails again.

use std::sync::Arc;

use futures::StreamExt;
use partita_core::plan::{Plan, PlannedStep};
use partita_core::run::{Record, Run};
use partita_core::task::OutcomeResult;
use partita_core::workflow::document::{Effects, OnFailure};
use partita_core::{RunId, TenantId};
use partita_engine::{Command, EmbeddedEngine, EmbeddedOptions, Engine, Submission};
use partita_store::{Idempotency, RunLog};

use crate::faulty_store::{Fault, FaultyStore};
use crate::support::{Deed, World, mix, plan, step, submission, tries, undo, wait_step};

const SEEDS: u64 = 150;
/// Servers that may die; the one after them lives.
const DEATHS: u64 = 8;
const RUNS: u64 = 3;

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0) % limit
    }

    fn small(&mut self, limit: u32) -> u32 {
        u32::try_from(self.below(limit.into())).unwrap_or_default()
    }
}

fn random_plan(dice: &mut Dice) -> Plan {
    let steps = 2 + dice.small(6);
    let one = |index: u32, dice: &mut Dice| {
        let needs: Vec<u32> = (0..index).filter(|_| dice.below(3) == 0).collect();
        let name = format!("step {index}");
        match dice.below(6) {
            0 => wait_step(&name, &needs, "0"),
            1 => wait_step(&name, &needs, "1"),
            kind => PlannedStep {
                retry: tries(1 + dice.small(3)),
                effects: if kind == 2 { Effects::Read } else { Effects::Unknown },
                rollback: (kind == 3 || kind == 4).then(undo),
                timeout_ms: (kind == 5).then_some(20),
                ..step(&name, &needs)
            },
        }
    };
    let steps = (0..steps).map(|index| one(index, dice)).collect();
    let on_failure = [OnFailure::Stop, OnFailure::Continue, OnFailure::Rollback][dice.small(3) as usize];
    Plan { on_failure, max_active_steps: 1 + dice.small(4), ..plan(steps) }
}

fn random_deed(dice: &mut Dice) -> Deed {
    let result = match dice.below(5) {
        0 => OutcomeResult::Failed { error: "it failed".to_owned() },
        _ => OutcomeResult::Success,
    };
    let pieces = dice.small(4) as usize;
    Deed { after_ms: dice.below(40), pieces, result }
}

fn keyed(seed: u64, number: u64) -> Submission {
    let key = Idempotency { scope: "execute".to_owned(), key: number.to_string(), fingerprint: "same".to_owned() };
    let plan = random_plan(&mut Dice(mix(seed ^ (number << 32))));
    Submission { idempotency: Some(key), ..submission(plan) }
}

/// One server, until all runs have ended or it dies. Gives the runs when it did not die.
async fn live(world: &Arc<World>, seed: u64, life: u64) -> Option<Vec<RunId>> {
    let mut dice = Dice(mix(seed ^ (life << 16)));
    let crash_at = if life < DEATHS { dice.below(14) } else { u64::MAX };
    let crash = if dice.below(2) == 0 { Fault::CrashBefore } else { Fault::CrashAfter };
    let flaky = dice.below(3) == 0;
    let store = FaultyStore::new(&world.store, move |write| match u64::from(write) {
        write if write == crash_at => crash,
        write if flaky && mix(write ^ seed).is_multiple_of(7) => Fault::Before,
        write if flaky && mix(write ^ seed) % 7 == 1 => Fault::After,
        _ => Fault::None,
    });
    let all = async {
        let log = Arc::clone(&store);
        let engine = world.engine(log, EmbeddedOptions::default()).await;
        let mut runs = Vec::new();
        for number in 0..RUNS {
            // A store that failed may have begun it all the same: the key tells.
            let accepted = loop {
                if let Ok(accepted) = engine.submit(keyed(seed, number)).await {
                    break accepted;
                }
            };
            runs.push(accepted.run_id);
        }
        command(&engine, &runs, &mut dice).await;
        for run in &runs {
            // A run that was begun by a write that was said to have failed waits for the next server.
            if engine.wait(&TenantId::default(), run).await.is_err() {
                return None;
            }
        }
        engine.shut_down().await;
        Some(runs)
    };
    tokio::select! {
        runs = all => runs,
        () = store.died() => None,
    }
}

/// Says something to a run, and lets every run go on.
async fn command(engine: &EmbeddedEngine, runs: &[RunId], dice: &mut Dice) {
    let (tenant, by) = (TenantId::default(), "somebody".to_owned());
    let command = match dice.below(8) {
        0 => Some(Command::Cancel { rollback: dice.below(2) == 0, reason: None, by: by.clone() }),
        1 | 2 => Some(Command::Pause { by: by.clone() }),
        _ => None,
    };
    if let Some(command) = command {
        // It may have ended already.
        let _ = engine.command(&tenant, &runs[0], command).await;
    }
    for run in runs {
        let _ = engine.command(&tenant, run, Command::Resume { by: by.clone() }).await;
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

async fn check_run(world: &Arc<World>, seed: u64, run: &RunId) {
    let records = world.store.replay(run).await.unwrap();
    let replayed = Run::replay(records.iter().map(|stored| (stored.at, stored.record.clone()))).unwrap();
    let verdict = replayed.verdict().unwrap_or_else(|| panic!("seed {seed}: {run} has not ended"));
    let row = RunLog::get(&*world.store, &TenantId::default(), run).await.unwrap().unwrap();
    assert_eq!(row.status, verdict.into(), "seed {seed}");
    assert!(matches!(records.last().unwrap().record, Record::Finished { .. }), "seed {seed}");

    let engine = world.calm_engine().await;
    assert_eq!(engine.view(&TenantId::default(), run).await.unwrap(), replayed.view(), "seed {seed}");
    let seen: Vec<u64> =
        engine.follow(&TenantId::default(), run, 0).await.unwrap().map(|entry| entry.unwrap().seq).collect().await;
    assert_eq!(seen, (1..=row.last_seq).collect::<Vec<_>>(), "seed {seed}");
    engine.shut_down().await;
}

fn simulate(seed: u64) {
    let world = World::new(seed, move |attempt| {
        let id = attempt.id;
        let place = u64::from(id.step) << 24 | u64::from(id.number) << 8 | id.kind as u64;
        random_deed(&mut Dice(mix(seed ^ mix(place))))
    });
    let runs = (0..DEATHS + 4).find_map(|life| {
        // Dropping it drops every task where it stands, as a crash would.
        let runtime = runtime();
        runtime.block_on(live(&world, seed, life))
    });
    let runs = runs.unwrap_or_else(|| panic!("seed {seed}: the last server did not end all runs"));
    assert!(world.violations().is_empty(), "seed {seed}: {:?}", world.violations());
    runtime().block_on(async {
        for run in &runs {
            check_run(&world, seed, run).await;
        }
    });
}

#[test]
fn every_run_ends_whatever_dies_on_the_way() {
    for seed in 0..SEEDS {
        simulate(seed);
    }
}
