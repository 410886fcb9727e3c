//! The attempts that a run task carries: begun, stopped, and heard to their end.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt;
use partita_core::run::AttemptId;
use partita_core::task::{Outcome, OutcomeResult, Task, TaskAction};
use partita_core::{Millis, RunId};
use partita_runner::{Attempt, SharedRunner};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::run_task::Message;

/// The attempts of one run that this process carries.
pub(super) struct Attempts {
    tokens: HashMap<AttemptId, CancellationToken>,
    /// Dropping it kills what still runs.
    tasks: JoinSet<()>,
    mailbox: mpsc::Sender<Message>,
}

/// What an attempt needs to begin.
pub(super) struct Beginning {
    pub(super) run_id: RunId,
    pub(super) id: AttemptId,
    pub(super) step: String,
    pub(super) task: Task,
    pub(super) work_dir: PathBuf,
    pub(super) runner: SharedRunner,
    pub(super) permits: Arc<Semaphore>,
}

impl Attempts {
    pub(super) fn new(mailbox: mpsc::Sender<Message>) -> Self {
        Self { tokens: HashMap::new(), tasks: JoinSet::new(), mailbox }
    }

    pub(super) fn carries(&self, id: AttemptId) -> bool {
        self.tokens.contains_key(&id)
    }

    pub(super) fn carried(&self) -> impl Iterator<Item = AttemptId> {
        self.tokens.keys().copied()
    }

    /// Asks an attempt to end.
    pub(super) fn stop(&self, id: AttemptId) {
        if let Some(token) = self.tokens.get(&id) {
            token.cancel();
        }
    }

    /// Forgets an attempt that has ended.
    pub(super) fn forget(&mut self, id: AttemptId) {
        self.tokens.remove(&id);
        while self.tasks.try_join_next().is_some() {}
    }

    /// Begins a pure wait, which needs no runner and no permit.
    pub(super) fn begin_wait(&mut self, id: AttemptId, duration_ms: Millis) {
        let stop = self.token(id);
        let mailbox = self.mailbox.clone();
        self.tasks.spawn(async move {
            let waited = tokio::time::sleep(std::time::Duration::from_millis(duration_ms));
            let outcome = tokio::select! {
                () = stop.cancelled() => Outcome::of(OutcomeResult::Stopped),
                () = waited => Outcome::success(""),
            };
            let _ = mailbox.send(Message::Ended(id, outcome)).await;
        });
    }

    /// Begins an attempt. Its output and its end come to the mailbox, in this order.
    pub(super) fn begin(&mut self, beginning: Beginning) {
        let id = beginning.id;
        let stop = self.token(id);
        let mailbox = self.mailbox.clone();
        self.tasks.spawn(async move {
            // A defect of a runner ends its attempt, it does not leave the run waiting for ever.
            let carried_out = AssertUnwindSafe(carry_out(beginning, &mailbox, stop)).catch_unwind().await;
            let outcome = carried_out.unwrap_or_else(|_| {
                Outcome::of(OutcomeResult::Lost {
                    error: "the runner failed while it carried out this attempt".to_owned(),
                })
            });
            // The run task is gone only when the whole engine is.
            let _ = mailbox.send(Message::Ended(id, outcome)).await;
        });
    }

    fn token(&mut self, id: AttemptId) -> CancellationToken {
        let stop = CancellationToken::new();
        self.tokens.insert(id, stop.clone());
        stop
    }

    /// Asks everything to end, and waits for it.
    pub(super) async fn end_all(&mut self, mailbox: &mut mpsc::Receiver<Message>, grace: std::time::Duration) {
        for token in self.tokens.values() {
            token.cancel();
        }
        let all = async {
            while !self.tasks.is_empty() {
                tokio::select! {
                    _ = self.tasks.join_next() => {}
                    // Output and ends are no longer taken note of: after a restart the attempts count as lost.
                    _ = mailbox.recv() => {}
                }
            }
        };
        let _ = tokio::time::timeout(grace, all).await;
        self.tasks.shutdown().await;
    }
}

/// How long an action waits, when it is nothing but a wait: it takes no permit and no runner.
pub(super) fn wait_of(task: &Task) -> Option<Millis> {
    match task.action {
        TaskAction::Wait { duration_ms } => Some(duration_ms),
        _ => None,
    }
}

async fn carry_out(beginning: Beginning, mailbox: &mpsc::Sender<Message>, stop: CancellationToken) -> Outcome {
    let Beginning { run_id, id, step, task, work_dir, runner, permits } = beginning;
    let permit = tokio::select! {
        permit = permits.acquire_owned() => permit,
        () = stop.cancelled() => return Outcome::of(OutcomeResult::Stopped),
    };
    let (output, mut pieces) = mpsc::channel(16);
    let attempt = Attempt { run_id, id, step: step.clone(), task, work_dir };
    let forward = async {
        while let Some(piece) = pieces.recv().await {
            if mailbox.send(Message::Output(id, step.clone(), piece)).await.is_err() {
                return;
            }
        }
    };
    let (outcome, ()) = tokio::join!(biased; runner.carry_out(attempt, output, stop), forward);
    drop(permit);
    outcome
}
