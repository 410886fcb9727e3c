//! Tools of MCP servers: the call goes through the one pool, its progress is the step's output as it runs.

use partita_core::run::record::OutputStream;
use partita_core::task::{McpTask, Outcome, OutcomeResult, TaskValue};
use partita_mcp::{CallError, CallFollow, CallProgress, Pool, ToolCall, ToolResult};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::output::{Limits, Sink};
use crate::runner::{Attempt, OutputPiece};
use crate::secrets::{NoSuchSecret, Revealer};

/// How much of a tool's own words explains a failure.
const ERROR_CHARS_MAX: usize = 1_000;

/// Carries out the call of an attempt.
pub(crate) async fn carry_out(
    pool: Option<&Pool>,
    attempt: &Attempt,
    task: &McpTask,
    mut revealer: Revealer<'_>,
    (output, stop): (mpsc::Sender<OutputPiece>, CancellationToken),
) -> Outcome {
    let arguments = object(&task.arguments, &mut revealer);
    let patterns = revealer.patterns();
    let not_started = |error: String| Outcome::of(OutcomeResult::NotStarted { error });
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(error) => return not_started(error.to_string()),
    };
    let Some(pool) = pool else {
        return not_started(format!("no MCP server `{}` is configured here", task.server));
    };
    let limits = Limits { output_bytes_max: attempt.task.output_bytes_max, log_bytes_max: attempt.task.log_bytes_max };
    let mut sink = Sink::new(output, limits, patterns.clone());
    let (tx, mut progress) = mpsc::channel(64);
    let follow = CallFollow { progress: Some(tx), stop };
    let call = ToolCall { server: task.server.clone(), tool: task.tool.clone(), arguments };
    let ended = {
        let mut calling = std::pin::pin!(pool.call(call, &follow));
        loop {
            tokio::select! {
                biased;
                Some(told) = progress.recv() => {
                    sink.push(OutputStream::Stderr, shown(&told).as_bytes());
                    sink.send_all().await;
                }
                ended = &mut calling => break ended,
            }
        }
    };
    let result = match &ended {
        Ok(result) => {
            sink.push(OutputStream::Stdout, result.output().as_bytes());
            if result.is_cut {
                sink.note("the result was too long, and was cut");
            }
            judge(result)
        }
        Err(error) => told(error),
    };
    sink.finish();
    sink.send_all().await;
    let (output, output_truncated) = sink.take_output();
    let mask = |error: String| patterns.mask(&error);
    let result = match result {
        OutcomeResult::Failed { error } => OutcomeResult::Failed { error: mask(error) },
        OutcomeResult::NotStarted { error } => OutcomeResult::NotStarted { error: mask(error) },
        OutcomeResult::TimedOut { error } => OutcomeResult::TimedOut { error: mask(error) },
        other => other,
    };
    let exit_code = match &result {
        OutcomeResult::Success => Some(0),
        OutcomeResult::Failed { .. } => Some(1),
        _ => None,
    };
    Outcome { result, exit_code, output, output_truncated }
}

/// A tool that says it failed has failed, with its own words.
fn judge(result: &ToolResult) -> OutcomeResult {
    if !result.is_error {
        return OutcomeResult::Success;
    }
    let said = if result.text.trim().is_empty() { result.output() } else { result.text.clone() };
    let mut error: String = said.trim().chars().take(ERROR_CHARS_MAX).collect();
    if error.is_empty() {
        error = "the tool says that it failed, and not why".to_owned();
    }
    OutcomeResult::Failed { error }
}

/// Whether anything can have happened decides how an error is told.
fn told(error: &CallError) -> OutcomeResult {
    let text = error.to_string();
    match error {
        CallError::NoSuchServer { .. }
        | CallError::NoSuchTool { .. }
        | CallError::Unavailable { .. }
        | CallError::Arguments { .. } => OutcomeResult::NotStarted { error: text },
        CallError::Gone { .. } | CallError::Refused { .. } | CallError::NotSupported { .. } => {
            OutcomeResult::Failed { error: text }
        }
        CallError::Silent { .. } | CallError::TooLong { .. } => OutcomeResult::TimedOut { error: text },
        CallError::Stopped => OutcomeResult::Stopped,
    }
}

/// Progress as a line of the step's log.
fn shown(told: &CallProgress) -> String {
    let part = match told.total {
        Some(total) => format!("{}/{total}", told.progress),
        None => told.progress.to_string(),
    };
    match &told.message {
        Some(message) => format!("[{part}] {message}\n"),
        None => format!("[{part}]\n"),
    }
}

fn object(entries: &[(String, TaskValue)], revealer: &mut Revealer<'_>) -> Result<Map<String, Value>, NoSuchSecret> {
    entries.iter().map(|(name, entry)| Ok((name.clone(), value(entry, revealer)?))).collect()
}

fn value(given: &TaskValue, revealer: &mut Revealer<'_>) -> Result<Value, NoSuchSecret> {
    Ok(match given {
        TaskValue::Plain(value) => value.clone(),
        TaskValue::Text(text) => Value::String(revealer.text(text)?),
        TaskValue::List(items) => {
            Value::Array(items.iter().map(|item| value(item, revealer)).collect::<Result<_, _>>()?)
        }
        TaskValue::Object(entries) => Value::Object(object(entries, revealer)?),
    })
}
