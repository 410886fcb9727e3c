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

use async_trait::async_trait;
use futures::stream::BoxStream;
use partita_core::run::record::Entry;
use partita_core::run::{Run, RunStatus, RunView, Verdict};
use partita_core::{RunId, TenantId};
use partita_runner::SharedRunner;
use partita_store::{NewRun, RunLog, RunSummary, StoreError, Submitted};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bus::RunBus;
use crate::clock::Clock;
use crate::{Accepted, Command, Engine, EngineError, Submission, follow};
pub use options::EmbeddedOptions;
use run_task::{Message, RunTask};

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
            engine.drive(&summary, None);
        }
        Ok(engine)
    }

    /// Begins to drive a run: `run` when it is new, else it is replayed from the log.
    fn drive(&self, summary: &RunSummary, run: Option<Run>) {
        let (mailbox, messages) = mpsc::channel(self.shared.options.mailbox);
        let bus = RunBus::new(if run.is_some() { 0 } else { summary.last_seq });
        let driven = Driven { tenant: summary.tenant.clone(), bus: Arc::clone(&bus), mailbox: mailbox.clone() };
        self.shared.driven().insert(summary.run_id.clone(), driven);
        let task = RunTask::new(Arc::clone(&self.shared), summary.run_id.clone(), bus, (mailbox, messages));
        self.tasks.spawn(task.drive(run));
    }

    /// The driven run with this id, if it belongs to the tenant.
    fn find(&self, tenant: &TenantId, run: &RunId) -> Option<Driven> {
        self.shared.driven().get(run).filter(|driven| driven.tenant == *tenant).cloned()
    }

    async fn summary(&self, tenant: &TenantId, run: &RunId) -> Result<RunSummary, EngineError> {
        self.shared.log.get(tenant, run).await?.ok_or_else(|| EngineError::NoSuchRun(run.clone()))
    }
}

#[async_trait]
impl Engine for EmbeddedEngine {
    async fn submit(&self, submission: Submission) -> Result<Accepted, EngineError> {
        if self.shared.closing.is_cancelled() {
            return Err(EngineError::ShuttingDown);
        }
        let limit = self.shared.options.runs_waiting_max;
        if self.shared.driven().len() >= limit {
            return Err(EngineError::Busy { limit });
        }
        let moment = self.shared.clock.moment();
        let random = (u128::from(moment.entropy) << 64) | u128::from((self.shared.clock.entropy)());
        let run_id = RunId::from_parts(moment.now, random);
        let workflow = submission.plan.name.clone();
        let (run, first) = Run::create(run_id.clone(), Arc::new(submission.plan), submission.origin, moment.now);
        let new = NewRun {
            run_id: run_id.clone(),
            tenant: submission.tenant.clone(),
            principal: submission.principal.clone(),
            workflow: workflow.clone(),
            created_at: moment.now,
            idempotency: submission.idempotency,
            traceparent: submission.traceparent.clone(),
            first,
        };
        if let Submitted::Existing(run_id) = self.shared.log.submit(new).await? {
            return Ok(Accepted { run_id, existing: true });
        }
        let summary = RunSummary {
            run_id: run_id.clone(),
            tenant: submission.tenant,
            principal: submission.principal,
            workflow,
            status: RunStatus::Pending,
            created_at: moment.now,
            started_at: None,
            completed_at: None,
            last_seq: 1,
            traceparent: submission.traceparent,
        };
        self.drive(&summary, Some(run));
        Ok(Accepted { run_id, existing: false })
    }

    async fn command(&self, tenant: &TenantId, run: &RunId, command: Command) -> Result<(), EngineError> {
        if let Some(driven) = self.find(tenant, run) {
            let (answer, answered) = oneshot::channel();
            if driven.mailbox.send(Message::Command(command, answer)).await.is_ok()
                && let Ok(answer) = answered.await
            {
                return answer;
            }
            if self.shared.closing.is_cancelled() {
                return Err(EngineError::ShuttingDown);
            }
        }
        let status = self.summary(tenant, run).await?.status;
        Err(EngineError::Refused(if status.is_terminal() {
            format!("the run has ended ({status}); an ended run never changes")
        } else {
            "this server can't drive the run; its log says why".to_owned()
        }))
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
            if driven.mailbox.send(Message::View(answer)).await.is_ok()
                && let Ok(view) = answered.await
            {
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
            if self.shared.closing.is_cancelled() {
                return Err(EngineError::ShuttingDown);
            }
        }
        self.summary(tenant, run).await?;
        let records = self.shared.log.replay(run).await?;
        let run_state = Run::replay(records.into_iter().map(|stored| (stored.at, stored.record)))
            .map_err(|error| EngineError::Damaged { run: run.clone(), error })?;
        run_state.verdict().ok_or_else(|| EngineError::Refused("this server can't drive the run".to_owned()))
    }

    async fn shut_down(&self) {
        self.shared.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
