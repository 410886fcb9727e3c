//! The task that owns one run.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use partita_core::run::record::{Chunk, Entry, EntryBody};
use partita_core::run::{AttemptId, Input, Record, Run, RunStatus, RunView};
use partita_core::task::{Outcome, OutcomeResult};
use partita_core::{Millis, RunId};
use partita_runner::OutputPiece;
use partita_store::{AfterRecord, Append, Appended, StoreError};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error, info, warn};

use super::attempts::{Attempts, Beginning, wait_of};
use super::{Shared, work_dir};
use crate::bus::RunBus;
use crate::{Command, EngineError};

/// Where the result of a command goes.
type Answer = oneshot::Sender<Result<(), EngineError>>;

/// What comes to the task of a run.
pub(super) enum Message {
    Command(Command, Answer),
    View(oneshot::Sender<Box<RunView>>),
    /// A piece of output of an attempt, with the name of its step.
    Output(AttemptId, String, OutputPiece),
    Ended(AttemptId, Outcome),
}

/// Why a task stops before its run has ended.
enum Abandon {
    /// The server stops.
    Closing,
    /// Somebody else drives the run, or its journal can't be read.
    Unfit(String),
}

/// Drives one run to its end.
pub(super) struct RunTask {
    shared: Arc<Shared>,
    run_id: RunId,
    bus: Arc<RunBus>,
    messages: mpsc::Receiver<Message>,
    attempts: Attempts,
    work_dir: Option<PathBuf>,
    /// The status that the run's row has.
    status: RunStatus,
}

/// What one turn of the loop collects before it commits.
#[derive(Default)]
struct Turn {
    chunks: Vec<Chunk>,
    records: Vec<Record>,
    answers: Vec<(Answer, Result<(), EngineError>)>,
    views: Vec<oneshot::Sender<Box<RunView>>>,
}

impl RunTask {
    pub(super) fn new(
        shared: Arc<Shared>,
        run_id: RunId,
        bus: Arc<RunBus>,
        (mailbox, messages): (mpsc::Sender<Message>, mpsc::Receiver<Message>),
    ) -> Self {
        let attempts = Attempts::new(mailbox);
        Self { shared, run_id, bus, messages, attempts, work_dir: None, status: RunStatus::Pending }
    }

    /// Drives the run until it ends or has to be abandoned. A run that is not given is replayed.
    pub(super) async fn drive(mut self, run: Option<Run>) {
        let outcome = self.drive_to_end(run).await;
        match outcome {
            Ok(()) => {}
            Err(Abandon::Closing) => {
                let grace = self.shared.options.shutdown_grace;
                self.attempts.end_all(&mut self.messages, grace).await;
                debug!(run = %self.run_id, "left for the next start");
            }
            Err(Abandon::Unfit(reason)) => error!(run = %self.run_id, "no longer driven: {reason}"),
        }
        self.shared.driven().remove(&self.run_id);
        self.bus.close();
    }

    async fn drive_to_end(&mut self, run: Option<Run>) -> Result<(), Abandon> {
        let active = Arc::clone(&self.shared.active);
        let closing = self.shared.closing.clone();
        let _permit = tokio::select! {
            permit = active.acquire_owned() => permit,
            () = closing.cancelled() => return Err(Abandon::Closing),
        };
        let (mut run, mut inputs) = match run {
            Some(run) => (run, VecDeque::from([Input::Tick])),
            None => self.recover().await?,
        };
        self.status = run.status();
        if inputs.is_empty() {
            inputs.push_back(Input::Tick);
        }
        loop {
            let mut turn = self.collect(&mut run, &mut inputs).await?;
            let records = std::mem::take(&mut turn.records);
            let chunks = std::mem::take(&mut turn.chunks);
            if !records.is_empty() || !chunks.is_empty() {
                self.commit(&run, chunks, records).await?;
            }
            for (answer, result) in turn.answers {
                let _ = answer.send(result);
            }
            for view in turn.views {
                let _ = view.send(Box::new(run.view()));
            }
            if let Some(verdict) = run.verdict() {
                debug!(run = %self.run_id, %verdict, "ended");
                return Ok(());
            }
            self.reconcile(&run, &mut inputs).await;
        }
    }

    /// The run as its journal tells, and what became of the attempts that were in flight.
    async fn recover(&mut self) -> Result<(Run, VecDeque<Input>), Abandon> {
        let records = loop {
            match self.shared.log.replay(&self.run_id).await {
                Ok(records) => break records,
                Err(StoreError::Unavailable { message, .. }) => {
                    warn!(run = %self.run_id, "the journal can't be read yet: {message}");
                    self.pause(self.shared.options.store_retry).await?;
                }
                Err(error) => return Err(Abandon::Unfit(error.to_string())),
            }
        };
        let run = Run::replay(records.into_iter().map(|stored| (stored.at, stored.record)))
            .map_err(|error| Abandon::Unfit(error.to_string()))?;
        let lost: VecDeque<Input> = run.in_flight().iter().map(|id| Input::Lost(*id)).collect();
        info!(run = %self.run_id, workflow = run.plan().name, lost = lost.len(), "goes on after a restart");
        Ok((run, lost))
    }

    async fn pause(&self, span: Duration) -> Result<(), Abandon> {
        tokio::select! {
            () = tokio::time::sleep(span) => Ok(()),
            () = self.shared.closing.cancelled() => Err(Abandon::Closing),
        }
    }

    /// Waits for something to happen, then takes in whatever else has happened.
    async fn collect(&mut self, run: &mut Run, inputs: &mut VecDeque<Input>) -> Result<Turn, Abandon> {
        let mut turn = Turn::default();
        if inputs.is_empty() {
            let wake_at = run.wake_at();
            let now = self.shared.clock.moment().now;
            tokio::select! {
                biased;
                () = self.shared.closing.cancelled() => return Err(Abandon::Closing),
                message = self.messages.recv() => match message {
                    Some(message) => self.take(run, message, &mut turn),
                    None => return Err(Abandon::Closing),
                },
                () = sleep_until(wake_at, now) => inputs.push_back(Input::Tick),
            }
        }
        while let Some(input) = inputs.pop_front() {
            turn.records.extend(run.advance(input, self.shared.clock.moment()));
        }
        for _ in 0..self.shared.options.batch {
            let Ok(message) = self.messages.try_recv() else { break };
            self.take(run, message, &mut turn);
        }
        Ok(turn)
    }

    fn take(&mut self, run: &mut Run, message: Message, turn: &mut Turn) {
        match message {
            Message::View(answer) => turn.views.push(answer),
            Message::Output(id, name, OutputPiece { stream, text }) => {
                turn.chunks.push(Chunk { id, name, stream, text })
            }
            Message::Ended(id, outcome) => {
                self.attempts.forget(id);
                turn.records.extend(run.advance(Input::Finished(id, outcome), self.shared.clock.moment()));
            }
            Message::Command(command, answer) => {
                let result = allowed(run, &command);
                if result.is_ok() {
                    turn.records.extend(run.advance(input_of(command), self.shared.clock.moment()));
                }
                turn.answers.push((answer, result));
            }
        }
    }

    /// Makes what happened durable, then shows it. Tries until it succeeds: nothing is acted on before.
    async fn commit(&mut self, run: &Run, chunks: Vec<Chunk>, records: Vec<Record>) -> Result<(), Abandon> {
        let after = run.records_applied() - records.len() as u64;
        let status = Some(run.status()).filter(|status| *status != self.status);
        let at = self.shared.clock.moment().now;
        let append = Append { run_id: self.run_id.clone(), after: AfterRecord(after), at, chunks, records, status };
        let mut delay = self.shared.options.store_retry;
        let mut unsure = false;
        let appended = loop {
            match self.shared.log.append(append.clone()).await {
                Ok(appended) => break appended,
                Err(StoreError::Unavailable { message, .. }) => {
                    warn!(run = %self.run_id, "nothing can be written, trying again: {message}");
                    unsure = true;
                    self.pause(delay).await?;
                    delay = (delay * 2).min(self.shared.options.store_retry * 64);
                }
                Err(StoreError::Conflict(_)) if unsure => break self.written_after_all(run, &append).await?,
                Err(error) => return Err(Abandon::Unfit(error.to_string())),
            }
        };
        self.status = run.status();
        self.publish(append, appended);
        Ok(())
    }

    /// A commit that failed may have been written all the same: then the journal is as long as the run.
    async fn written_after_all(&self, run: &Run, append: &Append) -> Result<Appended, Abandon> {
        let records = self.shared.log.replay(&self.run_id).await.map_err(|error| Abandon::Unfit(error.to_string()))?;
        let entries = (append.chunks.len() + append.records.len()) as u64;
        match records.last() {
            Some(last) if last.record_no == run.records_applied() && Some(&last.record) == append.records.last() => {
                Ok(Appended { first_seq: last.seq + 1 - entries, last_seq: last.seq })
            }
            _ => Err(Abandon::Unfit("another server drives it".to_owned())),
        }
    }

    fn publish(&self, append: Append, appended: Appended) {
        let at = append.at;
        let chunks = append.chunks.into_iter().map(EntryBody::Chunk);
        let bodies = chunks.chain(append.records.into_iter().map(EntryBody::Record));
        self.bus.publish((appended.first_seq..).zip(bodies).map(|(seq, body)| Entry { seq, at, body }));
    }

    /// Makes the world what the run wants.
    async fn reconcile(&mut self, run: &Run, inputs: &mut VecDeque<Input>) {
        let unwanted: Vec<AttemptId> = self.attempts.carried().filter(|id| !run.wanted().contains(id)).collect();
        for id in unwanted {
            self.attempts.stop(id);
        }
        for id in run.in_flight() {
            if self.attempts.carries(*id) {
                continue;
            }
            if !run.wanted().contains(id) {
                inputs.push_back(Input::Finished(*id, Outcome::of(OutcomeResult::Stopped)));
            } else if let Err(error) = self.begin(run, *id).await {
                inputs.push_back(Input::Finished(*id, Outcome::of(OutcomeResult::NotStarted { error })));
            }
        }
    }

    /// Begins an attempt, or says why it can't.
    async fn begin(&mut self, run: &Run, id: AttemptId) -> Result<(), String> {
        let task = run.task(id).map_err(|error| error.message)?;
        if let Some(duration_ms) = wait_of(&task) {
            self.attempts.begin_wait(id, duration_ms);
            return Ok(());
        }
        let step = run.step_of(id);
        let runner = self.shared.runner(&step.runner);
        let runner = runner.ok_or_else(|| format!("there is no runner `{}` here", step.runner))?;
        let work_dir = match &self.work_dir {
            Some(work_dir) => work_dir.clone(),
            None => work_dir::make(&self.shared.work_root, &self.run_id, &run.plan().files).await?,
        };
        self.work_dir = Some(work_dir.clone());
        self.attempts.begin(Beginning {
            run_id: self.run_id.clone(),
            id,
            step: step.name.clone(),
            task,
            work_dir,
            runner,
            permits: Arc::clone(&self.shared.attempts),
        });
        Ok(())
    }
}

/// Whether a command makes sense in the run's present state.
fn allowed(run: &Run, command: &Command) -> Result<(), EngineError> {
    if run.verdict().is_some() {
        let status = run.status();
        return Err(EngineError::Refused(format!("the run has ended ({status}); an ended run never changes")));
    }
    if let Command::Decide { approval, .. } = command
        && !run.open_approvals().iter().any(|open| open.approval == *approval)
    {
        return Err(EngineError::NoSuchApproval(approval.clone()));
    }
    Ok(())
}

fn input_of(command: Command) -> Input {
    match command {
        Command::Cancel { rollback, reason, by } => Input::Cancel { rollback, reason, by },
        Command::Pause { by } => Input::Pause { by },
        Command::Resume { by } => Input::Resume { by },
        Command::Decide { approval, decision, comment, by } => Input::Decide { approval, decision, comment, by },
    }
}

async fn sleep_until(at: Option<Millis>, now: Millis) {
    match at {
        Some(at) => tokio::time::sleep(Duration::from_millis(at.saturating_sub(now))).await,
        None => std::future::pending().await,
    }
}
