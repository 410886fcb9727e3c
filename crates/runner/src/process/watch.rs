//! Watches over one process from its start to its end.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use partita_core::task::{Outcome, OutcomeResult};
use rustix::process::Signal;
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::command::{self, Prepared, StartError};
use super::group::Group;
use super::pump::{Pipes, pump};
use crate::environment::{BaseEnvironment, MARKER_ATTEMPT, attempt_marker};
use crate::output::{Copies, Limits, Sink};
use crate::runner::{Attempt, OutputPiece};
use crate::secrets::Revealer;

/// After the main process has ended, how long children that still hold its output may take to finish.
const DRAIN: Duration = Duration::from_millis(250);
/// Then they are asked to end; how long they have at most, whatever the task's own grace period.
const REST_GRACE: Duration = Duration::from_secs(1);
/// After a stop, how long a reader of the log that does not read may hold us up.
const STOPPED_PATIENCE: Duration = Duration::from_secs(1);
/// A process that was killed and still is not reported as ended hangs in the kernel.
const REAP_PATIENCE: Duration = Duration::from_secs(5);

/// Carries out a script or a program.
pub(crate) async fn carry_out(
    base: &BaseEnvironment,
    attempt: &Attempt,
    mut revealer: Revealer<'_>,
    output: mpsc::Sender<OutputPiece>,
    stop: CancellationToken,
) -> Outcome {
    let started = start(base, attempt, &mut revealer).await;
    let patterns = revealer.patterns();
    match started {
        Ok(started) => {
            let limits =
                Limits { output_bytes_max: attempt.task.output_bytes_max, log_bytes_max: attempt.task.log_bytes_max };
            started.watch(attempt, Sink::new(output, limits, patterns), stop).await
        }
        Err(error) => Outcome::of(OutcomeResult::NotStarted { error: patterns.mask(&error.to_string()) }),
    }
}

/// A process that runs.
struct Started {
    child: Child,
    group: Group,
    pipes: Pipes,
    copies: Copies,
    /// Deleted with the rest when the attempt is over.
    _script: Option<super::script::ScriptFile>,
}

/// How the main process ended.
struct End {
    status: Option<ExitStatus>,
    stopped: bool,
}

async fn start(base: &BaseEnvironment, attempt: &Attempt, revealer: &mut Revealer<'_>) -> Result<Started, StartError> {
    let task = &attempt.task;
    let prepared = command::prepare(base, attempt, revealer)?;
    let Prepared { mut command, program, stdin, script, dir } = prepared;
    let stdout = revealer.optional(task.stdout.as_ref())?.map(|path| dir.join(path));
    let stderr = revealer.optional(task.stderr.as_ref())?.map(|path| dir.join(path));
    let append = attempt.id.item > 0 || attempt.id.iteration > 0;
    let copies = Copies::open(stdout.as_deref(), stderr.as_deref(), append).await?;
    let mut child = command.spawn().map_err(|source| command::explain(&program, &dir, source))?;
    let group = Group::new(child.id(), format!("{MARKER_ATTEMPT}={}", attempt_marker(attempt)));
    let pipes =
        Pipes { stdin: child.stdin.take().zip(stdin), stdout: child.stdout.take(), stderr: child.stderr.take() };
    Ok(Started { child, group, pipes, copies, _script: script })
}

impl Started {
    async fn watch(mut self, attempt: &Attempt, mut sink: Sink, stop: CancellationToken) -> Outcome {
        let signal = Signal::from_named_raw(attempt.task.stop_signal).unwrap_or(Signal::TERM);
        let grace = Duration::from_millis(attempt.task.grace_ms);
        let (drained, closing) = (CancellationToken::new(), CancellationToken::new());
        let ending = async {
            let end = end_of(&mut self.child, &mut self.group, &stop, (signal, grace)).await;
            tokio::select! {
                biased;
                () = drained.cancelled() => {}
                () = stop.cancelled() => {}
                () = tokio::time::sleep(DRAIN) => {}
            }
            let rest = self.group.end_rest(signal, grace.min(REST_GRACE)).await;
            closing.cancel();
            (end, rest)
        };
        let pumping = async {
            tokio::select! {
                biased;
                () = pump(self.pipes, &mut sink, &mut self.copies, &closing) => {}
                () = out_of_patience(&closing, &stop) => {}
            }
            drained.cancel();
        };
        // In this order the end of the output and the end of the process are seen in one turn.
        let ((), (end, rest)) = tokio::join!(biased; pumping, ending);
        if rest > 0 && !end.stopped {
            sink.note(&format!(
                "ended {rest} process(es) that the step left running; a service has to detach itself (`setsid`) to go on"
            ));
            sink.send_all().await;
        }
        let result = match self.copies.finish() {
            Err(error) if end.succeeded() => OutcomeResult::Failed { error: error.to_string() },
            _ => end.result(&sink),
        };
        let (output, output_truncated) = sink.take_output();
        Outcome { result, exit_code: end.status.and_then(|status| status.code()), output, output_truncated }
    }
}

/// Waits for the main process; when `stop` fires first, ends all processes of the attempt.
async fn end_of(
    child: &mut Child,
    group: &mut Group,
    stop: &CancellationToken,
    (signal, grace): (Signal, Duration),
) -> End {
    tokio::select! {
        biased;
        status = child.wait() => return End { status: status.ok(), stopped: false },
        () = stop.cancelled() => {}
    }
    group.end_all(signal, grace).await;
    let status = tokio::time::timeout(REAP_PATIENCE, child.wait()).await;
    End { status: status.ok().and_then(Result::ok), stopped: true }
}

/// Fires when the attempt was stopped, its processes are gone, and its log is still not taken.
async fn out_of_patience(closing: &CancellationToken, stop: &CancellationToken) {
    closing.cancelled().await;
    stop.cancelled().await;
    tokio::time::sleep(STOPPED_PATIENCE).await;
}

impl End {
    fn succeeded(&self) -> bool {
        !self.stopped && self.status.is_some_and(|status| status.success())
    }

    fn result(&self, sink: &Sink) -> OutcomeResult {
        let Some(status) = self.status.filter(|_| !self.stopped) else { return OutcomeResult::Stopped };
        if status.success() {
            return OutcomeResult::Success;
        }
        let words = sink.last_words().map(|words| format!(": {words}")).unwrap_or_default();
        if let Some(signal) = status.signal() {
            let name = signal_name(signal);
            return OutcomeResult::Signalled { signal, error: format!("killed by signal {signal}{name}{words}") };
        }
        let code = status.code().unwrap_or_default();
        OutcomeResult::Failed { error: format!("exited with code {code}{words}") }
    }
}

fn signal_name(signal: i32) -> &'static str {
    match Signal::from_named_raw(signal) {
        Some(Signal::ABORT) => " (SIGABRT)",
        Some(Signal::BUS) => " (SIGBUS)",
        Some(Signal::FPE) => " (SIGFPE)",
        Some(Signal::HUP) => " (SIGHUP)",
        Some(Signal::ILL) => " (SIGILL)",
        Some(Signal::INT) => " (SIGINT)",
        Some(Signal::KILL) => " (SIGKILL; when nobody sent it, the system ran out of memory)",
        Some(Signal::PIPE) => " (SIGPIPE)",
        Some(Signal::QUIT) => " (SIGQUIT)",
        Some(Signal::SEGV) => " (SIGSEGV)",
        Some(Signal::TERM) => " (SIGTERM)",
        _ => "",
    }
}
