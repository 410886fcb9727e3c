//! The engine `embedded`: every run is driven by one task of this process.
//!
//! ```text
//! mailbox (commands, ends, output, time) -> Run::advance -> RunLog::append -> RunBus::publish -> attempts
//! ```
//!
//! Recovery is the same path: a run that a dead server left behind is replayed, what was in flight is
//! declared lost, and the task goes on from there.

mod attempts;
mod options;
mod run_task;
mod work_dir;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use partita_core::run::record::Entry;
use partita_core::run::{Run, RunView, Verdict};
use partita_core::{RunId, TenantId};
use partita_runner::SharedRunner;
use partita_store::{NewRun, RunLog, RunSummary, StoreError, Submitted};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bus::RunBus;
use crate::clock::Clock;
use crate::{Accepted, Command, Engine, EngineError, Load, Submission, follow};
pub use options::EmbeddedOptions;
use run_task::{Message, RunTask};

/// How long a reader waits for the task of a run before it reads the journal itself.
const VIEW_PATIENCE: Duration = Duration::from_secs(2);

/// What the composition root chooses.
pub struct EmbeddedParts {
    pub log: Arc<dyn RunLog>,
    pub runners: Vec<SharedRunner>,
    /// More names for runners: `default` -> `local`.
    pub runner_aliases: HashMap<String, String>,
    /// Where runs get their working directories.
    pub work_root: PathBuf,
    pub clock: Clock,
    pub options: EmbeddedOptions,
}

/// Drives runs in this process.
pub struct EmbeddedEngine {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

/// What all run tasks share.
struct Shared {
    log: Arc<dyn RunLog>,
    runners: HashMap<String, SharedRunner>,
    work_root: PathBuf,
    clock: Clock,
    options: EmbeddedOptions,
    driven: Mutex<HashMap<RunId, Driven>>,
    /// One permit for each run that may be active.
    active: Arc<Semaphore>,
    /// One permit for each process or request that may run.
    attempts: Arc<Semaphore>,
    closing: CancellationToken,
}

/// A run that a task of this process drives.
#[derive(Clone)]
struct Driven {
    tenant: TenantId,
    bus: Arc<RunBus>,
    mailbox: mpsc::Sender<Message>,
}

impl Shared {
    fn driven(&self) -> MutexGuard<'_, HashMap<RunId, Driven>> {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for one more run that is driven, unless there are `limit`. The task it gives is not
    /// running yet; what is sent to it meanwhile waits.
    fn seat(
        self: &Arc<Self>,
        run: &RunId,
        tenant: &TenantId,
        last_seq: u64,
        limit: usize,
    ) -> Result<RunTask, EngineError> {
        let (mailbox, messages) = mpsc::channel(self.options.mailbox);
        let bus = RunBus::new(last_seq);
        let mut driven = self.driven();
        if driven.len() >= limit {
            return Err(EngineError::Busy { limit });
        }
        let seat = Driven { tenant: tenant.clone(), bus: Arc::clone(&bus), mailbox: mailbox.clone() };
        driven.insert(run.clone(), seat);
        Ok(RunTask::new(Arc::clone(self), run.clone(), bus, (mailbox, messages)))
    }

    fn runner(&self, name: &str) -> Option<SharedRunner> {
        self.runners.get(name).map(Arc::clone)
    }
}

impl EmbeddedEngine {
    /// Starts the engine: ends what earlier servers left running, then goes on with every run that has not
    /// ended.
    ///
    /// # Errors
    ///
    /// When the store can't say which runs those are.
    pub async fn start(parts: EmbeddedParts) -> Result<Arc<Self>, StoreError> {
        let mut runners: HashMap<String, SharedRunner> = HashMap::new();
        for runner in parts.runners {
            runner.end_strays().await;
            runners.insert(runner.name().to_owned(), runner);
        }
        for (alias, name) in parts.runner_aliases {
            if let Some(runner) = runners.get(&name).map(Arc::clone) {
                runners.entry(alias).or_insert(runner);
            }
        }
        let shared = Arc::new(Shared {
            log: parts.log,
            runners,
            work_root: parts.work_root,
            clock: parts.clock,
            active: Arc::new(Semaphore::new(parts.options.runs_active_max)),
            attempts: Arc::new(Semaphore::new(parts.options.attempts_max)),
            options: parts.options,
            driven: Mutex::new(HashMap::new()),
            closing: CancellationToken::new(),
        });
        let engine = Arc::new(Self { shared, tasks: TaskTracker::new() });
        for summary in engine.shared.log.unfinished().await? {
            if let Ok(seat) = engine.shared.seat(&summary.run_id, &summary.tenant, summary.last_seq, usize::MAX) {
                engine.tasks.spawn(seat.drive(None));
            }
        }
        Ok(engine)
    }

    /// The driven run with this id, if it belongs to the tenant.
    fn find(&self, tenant: &TenantId, run: &RunId) -> Option<Driven> {
        self.shared.driven().get(run).filter(|driven| driven.tenant == *tenant).cloned()
    }

    /// Why a run that has not ended is not driven here.
    fn not_driven(&self) -> EngineError {
        if self.shared.closing.is_cancelled() {
            return EngineError::ShuttingDown;
        }
        EngineError::Refused("this server can't drive the run; its log says why".to_owned())
    }

    async fn summary(&self, tenant: &TenantId, run: &RunId) -> Result<RunSummary, EngineError> {
        self.shared.log.get(tenant, run).await?.ok_or_else(|| EngineError::NoSuchRun(run.clone()))
    }
}

/// Writes a run's first record and lets it be driven.
async fn begin(shared: Arc<Shared>, tasks: TaskTracker, submission: Submission) -> Result<Accepted, EngineError> {
    let moment = shared.clock.moment();
    let random = (u128::from(moment.entropy) << 64) | u128::from((shared.clock.entropy)());
    let run_id = RunId::from_parts(moment.now, random);
    let workflow = submission.plan.name.clone();
    let (run, first) = Run::create(run_id.clone(), Arc::new(submission.plan), submission.origin, moment.now);
    // Before it is written: from the moment others can know of the run, it is driven.
    let seat = shared.seat(&run_id, &submission.tenant, 1, shared.options.runs_waiting_max)?;
    let new = NewRun {
        run_id: run_id.clone(),
        tenant: submission.tenant,
        principal: submission.principal,
        workflow,
        created_at: moment.now,
        idempotency: submission.idempotency,
        traceparent: submission.traceparent,
        first,
    };
    match shared.log.submit(new).await? {
        Submitted::New => {
            tasks.spawn(seat.drive(Some(run)));
            Ok(Accepted { run_id, existing: false })
        }
        Submitted::Existing(run_id) => Ok(Accepted { run_id, existing: true }),
    }
}

#[async_trait]
impl Engine for EmbeddedEngine {
    async fn submit(&self, submission: Submission) -> Result<Accepted, EngineError> {
        if self.shared.closing.is_cancelled() {
            return Err(EngineError::ShuttingDown);
        }
        // A task of its own: a caller that goes away must not leave a run behind that nobody drives.
        let begun = self.tasks.spawn(begin(Arc::clone(&self.shared), self.tasks.clone(), submission));
        begun.await.unwrap_or(Err(EngineError::ShuttingDown))
    }

    async fn command(&self, tenant: &TenantId, run: &RunId, command: Command) -> Result<(), EngineError> {
        if let Some(driven) = self.find(tenant, run) {
            let (answer, answered) = oneshot::channel();
            if driven.mailbox.send(Message::Command(command, answer)).await.is_ok()
                && let Ok(answer) = answered.await
            {
                return answer;
            }
        }
        let status = self.summary(tenant, run).await?.status;
        if status.is_terminal() {
            return Err(EngineError::Refused(format!("the run has ended ({status}); an ended run never changes")));
        }
        Err(self.not_driven())
    }

    async fn follow(
        &self,
        tenant: &TenantId,
        run: &RunId,
        after: u64,
    ) -> Result<BoxStream<'static, Result<Arc<Entry>, StoreError>>, EngineError> {
        let driven = self.find(tenant, run);
        if driven.is_none() {
            self.summary(tenant, run).await?;
        }
        let log = Arc::clone(&self.shared.log);
        Ok(follow::follow(log, run.clone(), after, driven.map(|driven| driven.bus)))
    }

    async fn view(&self, tenant: &TenantId, run: &RunId) -> Result<RunView, EngineError> {
        if let Some(driven) = self.find(tenant, run) {
            let (answer, answered) = oneshot::channel();
            let asked = async {
                driven.mailbox.send(Message::View(answer)).await.ok()?;
                answered.await.ok()
            };
            // While nothing can be written its task waits; the journal can be read all the same.
            if let Ok(Some(view)) = tokio::time::timeout(VIEW_PATIENCE, asked).await {
                return Ok(*view);
            }
        }
        self.summary(tenant, run).await?;
        let records = self.shared.log.replay(run).await?;
        match Run::replay(records.into_iter().map(|stored| (stored.at, stored.record))) {
            Ok(run) => Ok(run.view()),
            Err(error) => Err(EngineError::Damaged { run: run.clone(), error }),
        }
    }

    async fn wait(&self, tenant: &TenantId, run: &RunId) -> Result<Verdict, EngineError> {
        if let Some(driven) = self.find(tenant, run) {
            let mut latest = driven.bus.subscribe();
            while driven.bus.verdict().is_none() && !driven.bus.is_closed() {
                let _ = latest.changed().await;
            }
            if let Some(verdict) = driven.bus.verdict() {
                return Ok(verdict);
            }
        }
        self.summary(tenant, run).await?;
        let records = self.shared.log.replay(run).await?;
        let run_state = Run::replay(records.into_iter().map(|stored| (stored.at, stored.record)))
            .map_err(|error| EngineError::Damaged { run: run.clone(), error })?;
        run_state.verdict().ok_or_else(|| self.not_driven())
    }

    fn load(&self) -> Load {
        Load { runs: self.shared.driven().len(), runs_max: self.shared.options.runs_active_max }
    }

    async fn shut_down(&self) {
        self.shared.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
