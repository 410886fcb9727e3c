//! The engine over a real file.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::StreamExt;
use partita_core::TenantId;
use partita_core::run::Verdict;
use partita_engine::Engine;
use partita_store::{RunLog, SqliteStore};
use tokio::runtime::Runtime;

use crate::support::{Deed, World, begin, plan, read_only, record_counts, step, wait_step};

fn open(dir: &tempfile::TempDir) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(dir.path().join("partita.db")).unwrap())
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Leaves a server as it is: its attempt runs for an hour, so it never acts again, as after a crash. (Shutting
/// the runtime down would not be one: timers fail while tasks still run.)
fn stand_still(server: Runtime) {
    std::mem::forget(server);
}

#[test]
fn a_run_goes_on_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let steps = || plan(vec![wait_step("a", &[], "0"), read_only(step("b", &[0])), step("c", &[1])]);
    let first = World::over(open(&dir), 1, |_| Deed { after_ms: 3_600_000, pieces: 3, ..Deed::default() });
    let server = runtime();
    let run = server.block_on(async {
        let engine = first.calm_engine().await;
        let run = begin(&engine, steps()).await;
        let mut entries = engine.follow(&TenantId::default(), &run, 0).await.unwrap();
        // Until the output of the second step is there: created, started, 2 + 1 + 1 records, 3 pieces.
        while entries.next().await.unwrap().unwrap().seq < 9 {}
        run
    });
    stand_still(server);

    let second = World::over(open(&dir), 2, |_| Deed::default());
    runtime().block_on(async {
        let engine = second.calm_engine().await;
        assert_eq!(engine.wait(&TenantId::default(), &run).await.unwrap(), Verdict::Success);
        let counts = record_counts(&*second.store, &run).await;
        assert_eq!((counts["attempt_started"], counts["step_finished"]), (4, 3), "the second step twice");
        let row = RunLog::get(&*second.store, &TenantId::default(), &run).await.unwrap().unwrap();
        let entries = engine.follow(&TenantId::default(), &run, 0).await.unwrap();
        let seqs: Vec<u64> = entries.map(|entry| entry.unwrap().seq).collect().await;
        assert_eq!(seqs, (1..=row.last_seq).collect::<Vec<_>>());
        engine.shut_down().await;
    });
    assert!(second.violations().is_empty(), "{:?}", second.violations());
}

#[test]
fn an_attempt_that_its_runner_still_carries_is_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let first = World::over(open(&dir), 1, |_| Deed { after_ms: 3_600_000, ..Deed::default() });
    let server = runtime();
    let run = server.block_on(async {
        let engine = first.calm_engine().await;
        let run = begin(&engine, plan(vec![step("a", &[])])).await;
        let mut entries = engine.follow(&TenantId::default(), &run, 0).await.unwrap();
        // Created, started, and the beginning of the attempt.
        while entries.next().await.unwrap().unwrap().seq < 3 {}
        run
    });
    stand_still(server);

    let second = World::over(open(&dir), 2, |_| Deed::default());
    second.adopts.store(true, Ordering::SeqCst);
    runtime().block_on(async {
        let engine = second.calm_engine().await;
        assert_eq!(engine.wait(&TenantId::default(), &run).await.unwrap(), Verdict::Success);
        assert_eq!(record_counts(&*second.store, &run).await["attempt_started"], 1);
        engine.shut_down().await;
    });
    assert_eq!(second.started().len(), 1, "its end was waited for");
    assert!(second.violations().is_empty(), "{:?}", second.violations());
}

#[test]
fn many_runs_share_one_file() {
    const RUNS: usize = 50;
    const STEPS: u32 = 20;
    let dir = tempfile::tempdir().unwrap();
    let world = World::over(open(&dir), 1, |_| Deed::default());
    runtime().block_on(async {
        let engine = world.calm_engine().await;
        let chain = (0..STEPS).map(|index| {
            let needs: Vec<u32> = index.checked_sub(1).into_iter().collect();
            wait_step(&format!("step {index}"), &needs, "0")
        });
        let chain = plan(chain.collect());
        let runs = futures::future::join_all((0..RUNS).map(|_| begin(&engine, chain.clone()))).await;
        let tenant = TenantId::default();
        let verdicts = futures::future::join_all(runs.iter().map(|run| engine.wait(&tenant, run))).await;
        assert!(verdicts.into_iter().all(|verdict| verdict.unwrap() == Verdict::Success));
        for run in &runs {
            assert_eq!(record_counts(&*world.store, run).await["step_finished"], STEPS as usize);
        }
        engine.shut_down().await;
    });
}
