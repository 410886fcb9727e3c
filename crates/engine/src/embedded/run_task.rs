//! The task that owns one run.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use partita_core::plan::PlannedAction;
use partita_core::run::record::{Chunk, Entry, EntryBody};
use partita_core::run::{AttemptId, AttemptKind, Input, Record, Run, RunStatus, RunView};
use partita_core::task::{Outcome, OutcomeResult};
use partita_core::{Millis, Moment, RunId};
use partita_runner::OutputPiece;
use partita_store::{AfterRecord, Append, Appended, StoreError};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tracing::{debug, error, info, warn};

use super::attempts::{Attempts, Beginning, wait_of};
use super::{Shared, work_dir};
use crate::bus::RunBus;
use crate::{Command, EngineError};

/// Records of waits for nothing that one commit takes in: as many as make its cost small beside theirs.
const EMPTY_WAIT_RECORDS_MAX: usize = 512;

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
    /// The place among the active runs; given back while nothing but time or a person is waited for.
    permit: Option<OwnedSemaphorePermit>,
}

/// What one turn of the loop collects before it commits.
struct Turn {
    /// One time for all of its records: they are committed, and replayed, with it.
    at: Millis,
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
        let status = RunStatus::Pending;
        Self { shared, run_id, bus, messages, attempts, work_dir: None, status, permit: None }
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
    }

    async fn drive_to_end(&mut self, run: Option<Run>) -> Result<(), Abandon> {
        let mut early = self.queue(run.as_ref()).await?;
        let (mut run, mut inputs) = match run {
            Some(run) => (run, VecDeque::from([Input::Tick])),
            None => self.recover().await?,
        };
        self.status = run.status();
        if inputs.is_empty() {
            inputs.push_back(Input::Tick);
        }
        loop {
            if self.shared.closing.is_cancelled() {
                return Err(Abandon::Closing);
            }
            let mut turn = self.collect(&mut run, &mut inputs, early.take()).await?;
            let records = std::mem::take(&mut turn.records);
            let chunks = std::mem::take(&mut turn.chunks);
            if !records.is_empty() || !chunks.is_empty() {
                self.commit(&run, turn.at, chunks, records).await?;
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
            self.keep_place(&run);
            self.reconcile(&run, &mut inputs).await;
        }
    }

    /// Waits for a place among the active runs, and answers meanwhile what needs none. A command ends the
    /// waiting: what a person says is not made to wait for other runs.
    async fn queue(&mut self, run: Option<&Run>) -> Result<Option<Message>, Abandon> {
        let acquired = Arc::clone(&self.shared.active).acquire_owned();
        tokio::pin!(acquired);
        loop {
            tokio::select! {
                biased;
                () = self.shared.closing.cancelled() => return Err(Abandon::Closing),
                permit = &mut acquired => {
                    self.permit = permit.ok();
                    return Ok(None);
                }
                message = self.messages.recv() => match message {
                    Some(Message::View(answer)) => {
                        // Without an answer the caller reads the journal itself.
                        let _ = run.map(|run| answer.send(Box::new(run.view())));
                    }
                    message => return Ok(message),
                },
            }
        }
    }

    /// Gives the place among the active runs to another one while nothing but time or a person is waited
    /// for, and takes one again, if there is one, when the run goes on.
    fn keep_place(&mut self, run: &Run) {
        if matches!(run.status(), RunStatus::Waiting | RunStatus::Paused) {
            self.permit = None;
        } else if self.permit.is_none() {
            self.permit = Arc::clone(&self.shared.active).try_acquire_owned().ok();
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
        let lost = self.lost(&run).await;
        info!(run = %self.run_id, workflow = run.plan().name, lost = lost.len(), "goes on after a restart");
        Ok((run, lost))
    }

    /// The attempts in flight that no runner carries any more. The others are begun again, under the same
    /// id, by which their runner knows that it only has to wait for their end.
    async fn lost(&self, run: &Run) -> VecDeque<Input> {
        let mut by_runner: BTreeMap<&str, Vec<AttemptId>> = BTreeMap::new();
        for id in run.in_flight() {
            by_runner.entry(&run.step_of(*id).runner).or_default().push(*id);
        }
        let mut lost = VecDeque::new();
        for (name, ids) in by_runner {
            let carried = match self.shared.runner(name) {
                Some(runner) => runner.adopt(&self.run_id, &ids).await,
                None => Vec::new(),
            };
            lost.extend(ids.into_iter().filter(|id| !carried.contains(id)).map(Input::Lost));
        }
        lost
    }

    async fn pause(&self, span: Duration) -> Result<(), Abandon> {
        tokio::select! {
            () = tokio::time::sleep(span) => Ok(()),
            () = self.shared.closing.cancelled() => Err(Abandon::Closing),
        }
    }

    /// Waits for something to happen, then takes in whatever else has happened.
    async fn collect(
        &mut self,
        run: &mut Run,
        inputs: &mut VecDeque<Input>,
        mut message: Option<Message>,
    ) -> Result<Turn, Abandon> {
        let mut is_overdue = run.wake_at().is_some_and(|at| at <= self.now());
        if inputs.is_empty() && message.is_none() && !is_overdue {
            let (wake_at, now) = (run.wake_at(), self.now());
            tokio::select! {
                biased;
                () = self.shared.closing.cancelled() => return Err(Abandon::Closing),
                next = self.messages.recv() => message = next,
                () = sleep_until(wake_at, now) => is_overdue = true,
            }
        }
        let (at, chunks, records) = (self.now(), Vec::new(), Vec::new());
        let mut turn = Turn { at, chunks, records, answers: Vec::new(), views: Vec::new() };
        // Time first: a step that never stops talking must not keep its own time limit from being seen.
        if is_overdue {
            inputs.push_back(Input::Tick);
        }
        while let Some(input) = inputs.pop_front() {
            self.advance(run, input, &mut turn);
        }
        let mut room = self.shared.options.batch;
        while room > 0
            && let Some(next) = message.take().or_else(|| self.messages.try_recv().ok())
        {
            self.take(run, next, &mut turn);
            room -= 1;
        }
        self.pass_empty_waits(run, &mut turn);
        Ok(turn)
    }

    /// Ends waits for nothing as soon as they begin. They do nothing in the world, so there is nothing that
    /// must not happen before it is recorded; a chain of them shares a commit, up to a bound.
    fn pass_empty_waits(&self, run: &mut Run, turn: &mut Turn) {
        let is_empty_wait = |run: &Run, id: AttemptId| {
            let is_wait = id.kind == AttemptKind::Do && matches!(run.step_of(id).action, PlannedAction::Wait { .. });
            is_wait && run.task(id).is_ok_and(|task| wait_of(&task) == Some(0))
        };
        while turn.records.len() < EMPTY_WAIT_RECORDS_MAX {
            let begun = run.wanted().iter().copied().find(|id| !self.attempts.carries(*id) && is_empty_wait(run, *id));
            let Some(id) = begun else { return };
            self.advance(run, Input::Finished(id, Outcome::success("")), turn);
        }
    }

    fn now(&self) -> Millis {
        (self.shared.clock.now)()
    }

    fn advance(&self, run: &mut Run, input: Input, turn: &mut Turn) {
        let moment = Moment { now: turn.at, entropy: (self.shared.clock.entropy)() };
        turn.records.extend(run.advance(input, moment));
    }

    fn take(&mut self, run: &mut Run, message: Message, turn: &mut Turn) {
        match message {
            Message::View(answer) => turn.views.push(answer),
            Message::Output(id, name, OutputPiece { stream, text }) => {
                turn.chunks.push(Chunk { id, name, stream, text })
            }
            Message::Ended(id, outcome) => {
                self.attempts.forget(id);
                self.advance(run, Input::Finished(id, outcome), turn);
            }
            Message::Command(command, answer) => {
                let result = allowed(run, &command);
                if result.is_ok() {
                    self.advance(run, input_of(command), turn);
                }
                turn.answers.push((answer, result));
            }
        }
    }

    /// Makes what happened durable, then shows it. Tries until it succeeds: nothing is acted on before.
    async fn commit(&mut self, run: &Run, at: Millis, chunks: Vec<Chunk>, records: Vec<Record>) -> Result<(), Abandon> {
        let after = run.records_applied() - records.len() as u64;
        let status = Some(run.status()).filter(|status| *status != self.status);
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
            } else if let Err(error) = self.begin(run, *id, inputs).await {
                inputs.push_back(Input::Finished(*id, Outcome::of(OutcomeResult::NotStarted { error })));
            }
        }
    }

    /// Begins an attempt, or says why it can't.
    async fn begin(&mut self, run: &Run, id: AttemptId, inputs: &mut VecDeque<Input>) -> Result<(), String> {
        let task = run.task(id).map_err(|error| error.message)?;
        match wait_of(&task) {
            // Done as soon as it is committed: no task, no timer, no message.
            Some(0) => {
                inputs.push_back(Input::Finished(id, Outcome::success("")));
                return Ok(());
            }
            Some(duration_ms) => {
                self.attempts.begin_wait(id, duration_ms);
                return Ok(());
            }
            None => {}
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

impl Drop for RunTask {
    /// However the task ends: nobody waits for it any more.
    fn drop(&mut self) {
        self.shared.driven().remove(&self.run_id);
        self.bus.close();
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
