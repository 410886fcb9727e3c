//! A world to run the engine in: a store that outlives servers, a runner that does as it is told and
//! checks what it is told, and a clock that moves only when everybody waits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use partita_core::plan::{Plan, PlannedAction, PlannedRollback, PlannedStep};
use partita_core::run::record::{AttemptKind, OutputStream};
use partita_core::run::{AttemptId, Record};
use partita_core::task::{Outcome, OutcomeResult};
use partita_core::workflow::document::{Effects, Retry, RollbackWhen};
use partita_core::workflow::reference::Template;
use partita_core::{RunId, TenantId};
use partita_engine::{Clock, EmbeddedEngine, EmbeddedOptions, EmbeddedParts, Engine, Submission};
use partita_runner::{Attempt, OutputPiece, Runner};
use partita_store::{MemoryStore, RunLog};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What an attempt does.
#[derive(Clone, Debug)]
pub(crate) struct Deed {
    pub(crate) after_ms: u64,
    /// Pieces of output; `usize::MAX` never stops.
    pub(crate) pieces: usize,
    pub(crate) result: OutcomeResult,
}

impl Default for Deed {
    fn default() -> Self {
        Self { after_ms: 10, pieces: 0, result: OutcomeResult::Success }
    }
}

pub(crate) type Script = Box<dyn Fn(&Attempt) -> Deed + Send + Sync>;

/// What outlives a server.
pub(crate) struct World {
    pub(crate) store: Arc<dyn RunLog>,
    script: Script,
    /// Attempts that were ever carried out.
    started: Mutex<BTreeSet<(RunId, AttemptId)>>,
    stopped: Mutex<BTreeSet<AttemptId>>,
    /// Whether its runner still carries what an earlier server began.
    pub(crate) adopts: AtomicBool,
    violations: Mutex<Vec<String>>,
    now: AtomicU64,
    entropy: AtomicU64,
    _dir: tempfile::TempDir,
    work_root: PathBuf,
}

impl World {
    pub(crate) fn new(seed: u64, script: impl Fn(&Attempt) -> Deed + Send + Sync + 'static) -> Arc<Self> {
        Self::over(Arc::new(MemoryStore::new()), seed, script)
    }

    /// A world over a store of its own choice.
    pub(crate) fn over(
        store: Arc<dyn RunLog>,
        seed: u64,
        script: impl Fn(&Attempt) -> Deed + Send + Sync + 'static,
    ) -> Arc<Self> {
        let dir = tempfile::tempdir().unwrap();
        Arc::new(Self {
            store,
            script: Box::new(script),
            started: Mutex::default(),
            stopped: Mutex::default(),
            adopts: AtomicBool::new(false),
            violations: Mutex::default(),
            now: AtomicU64::new(1_000_000),
            entropy: AtomicU64::new(seed),
            work_root: dir.path().join("work"),
            _dir: dir,
        })
    }

    /// A server in this world, over its store or what stands before it.
    pub(crate) async fn engine(
        self: &Arc<Self>,
        log: Arc<dyn RunLog>,
        options: EmbeddedOptions,
    ) -> Arc<EmbeddedEngine> {
        let parts = EmbeddedParts {
            log,
            runners: vec![Arc::new(FakeRunner(Arc::clone(self)))],
            runner_aliases: [("default".to_owned(), "local".to_owned())].into(),
            work_root: self.work_root.clone(),
            clock: self.clock(),
            options,
        };
        EmbeddedEngine::start(parts).await.unwrap()
    }

    /// A server that has nothing to suffer.
    pub(crate) async fn calm_engine(self: &Arc<Self>) -> Arc<EmbeddedEngine> {
        let log = Arc::clone(&self.store);
        self.engine(log, EmbeddedOptions::default()).await
    }

    /// Goes on where the clock of the server before stopped.
    fn clock(self: &Arc<Self>) -> Clock {
        let (world, started) = (Arc::clone(self), tokio::time::Instant::now());
        let begin = self.now.load(Ordering::SeqCst) + 1;
        let now = move || {
            let now = begin + u64::try_from(started.elapsed().as_millis()).unwrap();
            world.now.fetch_max(now, Ordering::SeqCst).max(now)
        };
        let world = Arc::clone(self);
        Clock { now: Arc::new(now), entropy: Arc::new(move || world.random()) }
    }

    pub(crate) fn random(&self) -> u64 {
        mix(self.entropy.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst))
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap().clone()
    }

    pub(crate) fn was_stopped(&self, id: AttemptId) -> bool {
        self.stopped.lock().unwrap().contains(&id)
    }

    pub(crate) fn started(&self) -> Vec<AttemptId> {
        self.started.lock().unwrap().iter().map(|(_, id)| *id).collect()
    }

    pub(crate) fn work_dir(&self, run: &RunId) -> PathBuf {
        self.work_root.join(run.as_str())
    }

    /// Intent is in the store before the deed, no attempt is carried out twice, nothing that has ended
    /// is done again.
    async fn check(&self, attempt: &Attempt) {
        let (run, id) = (&attempt.run_id, attempt.id);
        let mut violations = Vec::new();
        let mut is_recorded = false;
        for stored in self.store.replay(run).await.unwrap() {
            match stored.record {
                Record::AttemptStarted { id: recorded, .. } => is_recorded |= recorded == id,
                Record::AttemptFinished { id: ended, .. } if ended == id => violations.push("has ended before"),
                Record::AttemptFinished { id: ended, outcome, .. } => {
                    let same = AttemptId { number: id.number, ..ended } == id;
                    if same && outcome.is_success() {
                        violations.push("has succeeded before");
                    }
                }
                Record::StepFinished { step, .. } if step == id.step && id.kind == AttemptKind::Do => {
                    violations.push("belongs to a step that has ended");
                }
                Record::Finished { .. } => violations.push("belongs to a run that has ended"),
                _ => {}
            }
        }
        if !is_recorded {
            violations.push("is not recorded");
        }
        if !self.started.lock().unwrap().insert((run.clone(), id)) {
            violations.push("is carried out a second time");
        }
        if !attempt.work_dir.is_dir() {
            violations.push("has no working directory");
        }
        let mut all = self.violations.lock().unwrap();
        all.extend(violations.into_iter().map(|violation| format!("{id:?} {violation}")));
    }
}

/// A well mixed number (splitmix64).
pub(crate) fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

struct FakeRunner(Arc<World>);

#[async_trait]
impl Runner for FakeRunner {
    fn name(&self) -> &str {
        "local"
    }

    async fn carry_out(&self, attempt: Attempt, output: mpsc::Sender<OutputPiece>, stop: CancellationToken) -> Outcome {
        self.0.check(&attempt).await;
        let deed = (self.0.script)(&attempt);
        let work = async {
            for number in 0..deed.pieces {
                let piece = OutputPiece { stream: OutputStream::Stdout, text: format!("{number}\n") };
                let _ = output.send(piece).await;
            }
            tokio::time::sleep(Duration::from_millis(deed.after_ms)).await;
        };
        tokio::select! {
            () = stop.cancelled() => {
                self.0.stopped.lock().unwrap().insert(attempt.id);
                Outcome::of(OutcomeResult::Stopped)
            }
            () = work => Outcome::of(deed.result),
        }
    }

    async fn adopt(&self, _run: &RunId, ids: &[AttemptId]) -> Vec<AttemptId> {
        if self.0.adopts.load(Ordering::SeqCst) { ids.to_vec() } else { Vec::new() }
    }

    async fn end_strays(&self) {}
}

/// A step that the fake runner carries out.
pub(crate) fn step(name: &str, needs: &[u32]) -> PlannedStep {
    PlannedStep { name: name.to_owned(), needs: needs.to_vec(), action: program(), ..PlannedStep::default() }
}

pub(crate) fn program() -> PlannedAction {
    PlannedAction::Program {
        tool: "fake".to_owned(),
        program: "fake".to_owned(),
        args: Vec::new(),
        stdin: None,
        install_hint: None,
    }
}

pub(crate) fn approval(name: &str) -> PlannedStep {
    let action = PlannedAction::Approval { message: Template::text("go on?"), timeout_ms: None };
    PlannedStep { action, ..step(name, &[]) }
}

pub(crate) fn wait_step(name: &str, needs: &[u32], duration: &str) -> PlannedStep {
    PlannedStep { action: PlannedAction::Wait { duration: Template::text(duration) }, ..step(name, needs) }
}

pub(crate) fn tries(max_attempts: u32) -> Retry {
    Retry { max_attempts, delay_ms: 5, ..PlannedStep::default().retry }
}

pub(crate) fn undo() -> PlannedRollback {
    PlannedRollback { action: program(), retry: tries(3), timeout_ms: None, when: RollbackWhen::Succeeded }
}

pub(crate) fn read_only(step: PlannedStep) -> PlannedStep {
    PlannedStep { effects: Effects::Read, ..step }
}

pub(crate) fn plan(steps: Vec<PlannedStep>) -> Plan {
    Plan { name: "tried".to_owned(), steps, max_active_steps: 8, runner: "local".to_owned(), ..Plan::default() }
}

pub(crate) fn submission(plan: Plan) -> Submission {
    Submission {
        tenant: TenantId::default(),
        principal: "key".to_owned(),
        plan,
        origin: None,
        idempotency: None,
        traceparent: None,
    }
}

/// Begins a run of the default tenant.
pub(crate) async fn begin(engine: &EmbeddedEngine, plan: Plan) -> RunId {
    engine.submit(submission(plan)).await.unwrap().run_id
}

/// How many records of each type a journal has.
pub(crate) async fn record_counts(store: &dyn RunLog, run: &RunId) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for stored in store.replay(run).await.unwrap() {
        let value = serde_json::to_value(&stored.record).unwrap();
        *counts.entry(value["type"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}
