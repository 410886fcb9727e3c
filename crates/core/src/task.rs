//! A task: what one attempt does, with every value bound. Only secrets are still references, which
//! the runner resolves at the last moment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Millis;
use crate::plan::FileOperation;

/// Text whose secrets are still references.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Text {
    pub pieces: Vec<TextPiece>,
}

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextPiece {
    Plain(String),
    /// The name of a secret.
    Secret(String),
}

impl Text {
    /// Text without secrets.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self { pieces: vec![TextPiece::Plain(text.into())] }
    }

    /// The text, when it holds no secret.
    #[must_use]
    pub fn as_plain(&self) -> Option<String> {
        self.pieces
            .iter()
            .map(|piece| if let TextPiece::Plain(text) = piece { Some(text.as_str()) } else { None })
            .collect()
    }
}

/// What one attempt does.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub action: TaskAction,
    /// The variables that the workflow and the step declare, and those that scripts need. The runner
    /// adds its pass list and nothing else.
    pub env: BTreeMap<String, Text>,
    /// Relative to the run's working directory unless absolute.
    pub dir: Option<Text>,
    /// Where standard output and error are copied to, besides the log.
    pub stdout: Option<Text>,
    pub stderr: Option<Text>,
    /// How many bytes of standard output to hand back as the output.
    pub output_bytes_max: u64,
    /// How many bytes of log to keep.
    pub log_bytes_max: u64,
    /// Between being asked to end and being killed.
    pub grace_ms: Millis,
    /// The signal that asks a process to end.
    pub stop_signal: i32,
}

/// The kinds of work a runner carries out.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskAction {
    /// `interpreter` is a program and its arguments; the script becomes the last argument after `-c`
    /// for a shell, else a file in a private place. A `#!` line in the script wins.
    Script {
        interpreter: Vec<String>,
        script: Text,
    },
    Program {
        tool: String,
        program: String,
        args: Vec<Text>,
        stdin: Option<Text>,
        install_hint: Option<String>,
    },
    Http(HttpTask),
    Wait {
        duration_ms: Millis,
    },
    File {
        operation: FileOperation,
        path: Text,
        content: Option<Text>,
        to: Option<Text>,
    },
    Mcp(McpTask),
}

/// A call of a tool of an MCP server.
#[derive(Clone, Debug, PartialEq)]
pub struct McpTask {
    pub server: String,
    pub tool: String,
    pub arguments: Vec<(String, TaskValue)>,
}

/// A JSON value whose strings may still hold secrets. It stays a tree until the secrets are in, so that no
/// secret can change its shape.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskValue {
    Plain(Value),
    Text(Text),
    List(Vec<TaskValue>),
    Object(Vec<(String, TaskValue)>),
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpTask {
    pub method: String,
    pub url: Text,
    pub headers: Vec<(String, Text)>,
    pub body: Option<Text>,
    pub expect_status: Vec<u16>,
    pub redirect_hosts: Vec<String>,
    pub timeout_ms: Option<Millis>,
}

/// How an attempt ended, as the runner tells it and the journal keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub result: OutcomeResult,
    /// Of a process that exited by itself, or the status of an HTTP answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Standard output (or the body), trimmed, lossily decoded, cut at the task's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Whether `output` was cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub output_truncated: bool,
}

/// Success, or the kind of failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum OutcomeResult {
    Success,
    /// The program ended with a non-zero code, or the answer had an unexpected status.
    Failed {
        error: String,
    },
    /// A signal that nobody here sent ended it.
    Signalled {
        signal: i32,
        error: String,
    },
    /// It could not be started: no such program, no such directory, an unbound value.
    NotStarted {
        error: String,
    },
    /// It was stopped on our request.
    Stopped,
    /// Its own time limit ended it (an HTTP timeout; step timeouts are the run's business).
    TimedOut {
        error: String,
    },
    /// The server that carried it out is gone; nobody knows how far it came.
    Lost {
        error: String,
    },
}

impl Outcome {
    /// A success with an output.
    #[must_use]
    pub fn success(output: impl Into<String>) -> Self {
        Self {
            result: OutcomeResult::Success,
            exit_code: Some(0),
            output: Some(output.into()),
            output_truncated: false,
        }
    }

    /// An end without output or exit code.
    #[must_use]
    pub fn of(result: OutcomeResult) -> Self {
        Self { result, exit_code: None, output: None, output_truncated: false }
    }

    /// Whether the attempt succeeded.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.result == OutcomeResult::Success
    }
}

/// Values are shown to readers as JSON when they are JSON.
#[must_use]
pub fn parse_output(output: &str) -> Value {
    serde_json::from_str(output).unwrap_or_else(|_| Value::String(output.to_owned()))
}
