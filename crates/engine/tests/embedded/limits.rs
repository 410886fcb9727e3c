//! How much the engine takes on at a time, and who may see what.

use std::time::Duration;

use partita_core::run::{Decision, RunStatus, Verdict};
use partita_core::{ApprovalId, TenantId};
use partita_engine::{Command, EmbeddedOptions, Engine, EngineError};

use crate::support::{Deed, World, approval, begin, plan, step, submission, wait_step};

fn tenant() -> TenantId {
    TenantId::default()
}

fn cancel() -> Command {
    Command::Cancel { rollback: false, reason: None, by: "somebody".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn runs_beyond_the_limit_wait_and_can_be_seen_and_cancelled() {
    let world = World::new(1, |_| Deed { after_ms: 1_000, ..Deed::default() });
    let options = EmbeddedOptions { runs_active_max: 1, runs_waiting_max: 3, ..EmbeddedOptions::default() };
    let engine = world.engine(world.store.clone(), options).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(begin(&engine, plan(vec![step("a", &[])])).await);
    }
    let busy = engine.submit(submission(plan(vec![step("a", &[])]))).await.unwrap_err();
    assert!(matches!(busy, EngineError::Busy { limit: 3 }), "{busy:?}");
    while world.started().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(engine.view(&tenant(), &runs[1]).await.unwrap().status, RunStatus::Pending);
    engine.command(&tenant(), &runs[1], cancel()).await.unwrap();
    assert_eq!(engine.wait(&tenant(), &runs[1]).await.unwrap(), Verdict::Cancelled);
    assert_eq!(engine.view(&tenant(), &runs[0]).await.unwrap().status, RunStatus::Running, "it did not wait for it");
    assert_eq!(engine.wait(&tenant(), &runs[2]).await.unwrap(), Verdict::Success);
    assert!(world.violations().is_empty(), "{:?}", world.violations());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_a_person_takes_nobody_s_place() {
    let world = World::new(1, |_| Deed::default());
    let options = EmbeddedOptions { runs_active_max: 1, ..EmbeddedOptions::default() };
    let engine = world.engine(world.store.clone(), options).await;
    let asking = begin(&engine, plan(vec![approval("ask")])).await;
    let other = begin(&engine, plan(vec![step("a", &[]), wait_step("b", &[0], "0")])).await;
    assert_eq!(engine.wait(&tenant(), &other).await.unwrap(), Verdict::Success);
    let open = engine.view(&tenant(), &asking).await.unwrap().approvals.remove(0);
    let decide = |approval: ApprovalId| Command::Decide {
        approval,
        decision: Decision::Approve,
        comment: None,
        by: "somebody".to_owned(),
    };
    let unknown = decide(ApprovalId::from_parts(1, 1));
    let refused = engine.command(&tenant(), &asking, unknown).await.unwrap_err();
    assert!(matches!(refused, EngineError::NoSuchApproval(_)), "{refused:?}");
    engine.command(&tenant(), &asking, decide(open.approval)).await.unwrap();
    assert_eq!(engine.wait(&tenant(), &asking).await.unwrap(), Verdict::Success);
    let refused = engine.command(&tenant(), &asking, cancel()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the run has ended (success); an ended run never changes");
}

#[tokio::test(start_paused = true)]
async fn attempts_beyond_the_limit_wait_their_turn() {
    let world = World::new(1, |_| Deed { after_ms: 100, ..Deed::default() });
    let options = EmbeddedOptions { attempts_max: 2, ..EmbeddedOptions::default() };
    let engine = world.engine(world.store.clone(), options).await;
    let begun = tokio::time::Instant::now();
    let steps = (0..6).map(|number| step(&number.to_string(), &[])).collect();
    let run = begin(&engine, plan(steps)).await;
    assert_eq!(engine.wait(&tenant(), &run).await.unwrap(), Verdict::Success);
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn another_tenant_sees_nothing() {
    let world = World::new(1, |_| Deed { after_ms: 1_000, ..Deed::default() });
    let engine = world.calm_engine().await;
    let run = begin(&engine, plan(vec![step("a", &[])])).await;
    let other = TenantId::new("other");
    for _ in 0..2 {
        let refusals = [
            engine.command(&other, &run, cancel()).await.err(),
            engine.follow(&other, &run, 0).await.err(),
            engine.view(&other, &run).await.err(),
            engine.wait(&other, &run).await.err(),
        ];
        for refusal in refusals {
            assert!(matches!(refusal, Some(EngineError::NoSuchRun(_))), "{refusal:?}");
        }
        // While it is driven, and when it has ended.
        engine.wait(&tenant(), &run).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_of_waits_makes_no_directory() {
    let world = World::new(1, |_| Deed::default());
    let engine = world.calm_engine().await;
    let run = begin(&engine, plan(vec![wait_step("a", &[], "0"), wait_step("b", &[0], "1")])).await;
    assert_eq!(engine.wait(&tenant(), &run).await.unwrap(), Verdict::Success);
    assert!(!world.work_dir(&run).exists());
    assert!(world.started().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_files_of_a_plan_are_there_before_its_first_process() {
    let world = World::new(1, |attempt| {
        assert_eq!(std::fs::read_to_string(attempt.work_dir.join("in/config")).unwrap(), "a = 1");
        Deed::default()
    });
    let engine = world.calm_engine().await;
    let mut with_files = plan(vec![step("a", &[])]);
    with_files.files.insert("in/config".to_owned(), "a = 1".to_owned());
    let run = begin(&engine, with_files).await;
    assert_eq!(engine.wait(&tenant(), &run).await.unwrap(), Verdict::Success);
    let mut hostile = plan(vec![step("a", &[])]);
    hostile.files.insert("../out".to_owned(), String::new());
    let run = begin(&engine, hostile).await;
    assert_eq!(engine.wait(&tenant(), &run).await.unwrap(), Verdict::Failed);
}
