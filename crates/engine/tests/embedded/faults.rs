//! What the engine does when something goes wrong beneath it.

use std::sync::Arc;
use std::time::Duration;

use partita_core::TenantId;
use partita_core::run::{Record, RunStatus, Verdict};
use partita_core::task::OutcomeResult;
use partita_engine::{Command, EmbeddedOptions, Engine, EngineError};
use partita_store::{AfterRecord, Append, RunLog};

use crate::faulty_store::{Fault, FaultyStore};
use crate::support::{Deed, World, begin, plan, read_only, record_counts, step, submission, wait_step};

fn tenant() -> TenantId {
    TenantId::default()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_acted_on_before_it_is_recorded() {
    for (fault, is_caught) in [(Fault::None, false), (Fault::Lie, true)] {
        let world = World::new(1, |_| Deed::default());
        let store = FaultyStore::new(&world.store, move |_| fault);
        let engine = world.engine(store, EmbeddedOptions::default()).await;
        let run = begin(&engine, plan(vec![step("a", &[]), step("b", &[0])])).await;
        engine.wait(&tenant(), &run).await.ok();
        let found = world.violations().iter().any(|violation| violation.ends_with("is not recorded"));
        assert_eq!(found, is_caught, "{fault:?}: {:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_survives_a_full_disk() {
    for fault in [Fault::Before, Fault::After] {
        let world = World::new(1, |_| Deed { pieces: 3, ..Deed::default() });
        let store =
            FaultyStore::new(&world.store, move |write| if (2..12).contains(&write) { fault } else { Fault::None });
        let engine = world.engine(Arc::clone(&store) as _, EmbeddedOptions::default()).await;
        let run = begin(&engine, plan(vec![step("a", &[]), step("b", &[0])])).await;
        while store.writes() < 5 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(engine.view(&tenant(), &run).await.unwrap().run_id, run, "it can be read meanwhile");
        assert_eq!(engine.wait(&tenant(), &run).await.unwrap(), Verdict::Success, "{fault:?}");
        assert_eq!(record_counts(&*world.store, &run).await["attempt_started"], 2);
        assert!(world.violations().is_empty(), "{:?}", world.violations());
    }
}

#[tokio::test(start_paused = true)]
async fn a_submission_that_can_not_be_written_is_refused() {
    let world = World::new(1, |_| Deed::default());
    let store = FaultyStore::new(&world.store, |write| if write == 0 { Fault::Before } else { Fault::None });
    let engine = world.engine(store, EmbeddedOptions::default()).await;
    let refused = engine.submit(submission(plan(vec![step("a", &[])]))).await.unwrap_err();
    assert_eq!(refused.to_string(), "the store failed: the disk is full");
    let run = begin(&engine, plan(vec![step("a", &[])])).await;
    assert_eq!(engine.wait(&tenant(), &run).await.unwrap(), Verdict::Success);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_lost_its_run_stops_driving_it() {
    let world = World::new(1, |_| Deed { after_ms: 1_000, ..Deed::default() });
    let engine = world.calm_engine().await;
    let run = begin(&engine, plan(vec![step("a", &[]), step("b", &[0])])).await;
    while world.started().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let after = AfterRecord(world.store.replay(&run).await.unwrap().len() as u64);
    let records = vec![Record::Paused { by: "another server".to_owned() }];
    let other = Append { run_id: run.clone(), after, at: 1, chunks: Vec::new(), records, status: None };
    world.store.append(other).await.unwrap();
    let lost = engine.wait(&tenant(), &run).await.unwrap_err();
    assert_eq!(lost.to_string(), "this server can't drive the run; its log says why");
    let refused = engine.command(&tenant(), &run, Command::Resume { by: String::new() }).await.unwrap_err();
    assert!(matches!(refused, EngineError::Refused(_)), "{refused:?}");
    assert_eq!(world.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_panics_ends_its_attempt_only() {
    let world = World::new(1, |attempt| {
        assert!(attempt.step != "a", "a defect");
        Deed::default()
    });
    let engine = world.calm_engine().await;
    let run = begin(&engine, plan(vec![step("a", &[])])).await;
    assert_eq!(engine.wait(&tenant(), &run).await.unwrap(), Verdict::Failed);
    let view = engine.view(&tenant(), &run).await.unwrap();
    assert!(view.steps[0].error.as_ref().unwrap().contains("the runner failed"), "{:?}", view.steps[0]);
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_when_the_next_server_starts() {
    let world = World::new(1, |attempt| {
        let after_ms = if attempt.id.number == 1 { 60_000 } else { 10 };
        Deed { after_ms, ..Deed::default() }
    });
    let engine = world.calm_engine().await;
    let first = wait_step("first", &[], "0");
    let run = begin(&engine, plan(vec![first, read_only(step("second", &[0])), step("third", &[1])])).await;
    while world.started().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    engine.shut_down().await;
    assert!(world.was_stopped(world.started()[0]), "it was asked to end");
    let late = engine.submit(submission(plan(vec![step("a", &[])]))).await.unwrap_err();
    assert!(matches!(late, EngineError::ShuttingDown), "{late:?}");
    let told = engine.command(&tenant(), &run, Command::Resume { by: String::new() }).await.unwrap_err();
    assert!(matches!(told, EngineError::ShuttingDown), "{told:?}");
    let row = RunLog::get(&*world.store, &tenant(), &run).await.unwrap().unwrap();
    assert_eq!(row.status, RunStatus::Running);

    let second = world.calm_engine().await;
    assert!(second.wait(&tenant(), &run).await.is_ok());
    let numbers: Vec<_> = world.started().iter().map(|id| (id.step, id.number)).collect();
    assert_eq!(&numbers[..2], [(1, 1), (1, 2)], "lost, and tried under a new number");
    assert_eq!(record_counts(&*world.store, &run).await["step_finished"], 3);
    assert!(world.violations().is_empty(), "{:?}", world.violations());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_a_run_that_is_driven() {
    let world = World::new(1, |_| Deed::default());
    let engine = world.calm_engine().await;
    let submitted = engine.submit(submission(plan(vec![step("a", &[])])));
    // Polled once, then dropped, as a server does when its client hangs up.
    assert!(futures::FutureExt::now_or_never(submitted).is_none());
    while world.started().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(world.store.unfinished().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_step_that_never_stops_talking_meets_its_time_limit() {
    let world = World::new(1, |_| Deed { pieces: usize::MAX, result: OutcomeResult::Success, after_ms: 0 });
    let engine = world.calm_engine().await;
    let mut talker = step("talker", &[]);
    talker.timeout_ms = Some(100);
    let run = begin(&engine, plan(vec![talker])).await;
    // Nobody ever waits here, so the clock has to be moved.
    let moved = async {
        loop {
            tokio::time::advance(Duration::from_millis(10)).await;
            tokio::task::yield_now().await;
        }
    };
    let tenant = tenant();
    let verdict = tokio::select! {
        verdict = engine.wait(&tenant, &run) => verdict.unwrap(),
        () = moved => unreachable!(),
    };
    assert_eq!(verdict, Verdict::Failed);
}
