//! What every test here stands on: a runner with a data directory of its own, and a run to carry out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use partita_core::RunId;
use partita_core::run::AttemptId;
use partita_core::run::record::{AttemptKind, OutputStream};
use partita_core::task::{Outcome, Task, TaskAction, Text};
use partita_runner::{Attempt, LocalOptions, LocalRunner, NamedSecrets, OutputPiece, Runner};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Longer than anything here may take; a test that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A runner and the directories it works in.
pub(crate) struct Bench {
    pub(crate) runner: Arc<LocalRunner>,
    pub(crate) data_dir: TempDir,
    pub(crate) work_dir: TempDir,
    number: AtomicU32,
}

/// What an attempt printed and how it ended.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) outcome: Outcome,
    pub(crate) pieces: Vec<OutputPiece>,
}

/// An attempt on its way.
pub(crate) struct Running {
    pub(crate) stop: CancellationToken,
    pub(crate) output: mpsc::Receiver<OutputPiece>,
    pub(crate) handle: tokio::task::JoinHandle<Outcome>,
}

impl Bench {
    /// A runner with the environment of this test program, and a few more variables.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A runner with other options.
    pub(crate) fn with(change: impl FnOnce(&mut LocalOptions)) -> Self {
        let (data_dir, work_dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let mut options = LocalOptions::new(environment(), data_dir.path().to_owned(), "boot-now".to_owned());
        change(&mut options);
        Self { runner: Arc::new(LocalRunner::new(options)), data_dir, work_dir, number: AtomicU32::new(1) }
    }

    /// A runner that knows these secrets.
    pub(crate) fn with_secrets(secrets: &[(&str, &str)]) -> Self {
        let secrets = secrets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::with(|options| options.secrets = Arc::new(NamedSecrets::new(secrets)))
    }

    /// The run's working directory.
    pub(crate) fn dir(&self) -> &Path {
        self.work_dir.path()
    }

    /// The next attempt at a task.
    pub(crate) fn attempt(&self, task: Task) -> Attempt {
        Attempt {
            // Tests run side by side: what one ends must not be what another carries.
            run_id: RunId::from_parts(1, u128::from(std::process::id())),
            id: AttemptId {
                step: 0,
                kind: AttemptKind::Do,
                item: 0,
                iteration: 0,
                number: self.number.fetch_add(1, Ordering::Relaxed),
            },
            step: "the step".to_owned(),
            task,
            work_dir: self.work_dir.path().to_owned(),
        }
    }

    /// Starts a task.
    pub(crate) fn start(&self, task: Task) -> Running {
        let (sender, output) = mpsc::channel(64);
        let (stop, runner, attempt) = (CancellationToken::new(), self.runner.clone(), self.attempt(task));
        let token = stop.clone();
        let handle = tokio::spawn(async move { runner.carry_out(attempt, sender, token).await });
        Running { stop, output, handle }
    }

    /// Carries out a task to its end.
    pub(crate) async fn run(&self, task: Task) -> Carried {
        self.start(task).finish().await
    }

    /// Carries out a shell script to its end.
    pub(crate) async fn sh(&self, script: &str) -> Carried {
        self.run(sh(script)).await
    }
}

impl Running {
    /// Reads the output and waits for the end.
    pub(crate) async fn finish(mut self) -> Carried {
        let all = async {
            let mut pieces = Vec::new();
            while let Some(piece) = self.output.recv().await {
                pieces.push(piece);
            }
            Carried { outcome: self.handle.await.unwrap(), pieces }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("the attempt ends")
    }

    /// Waits until a text has been printed.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        let wait = async {
            while !seen.contains(text) {
                let piece = self.output.recv().await.unwrap_or_else(|| panic!("ended before `{text}`: `{seen}`"));
                seen.push_str(&piece.text);
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("`{text}` is printed"));
        seen
    }
}

impl Carried {
    /// All that came on one stream.
    pub(crate) fn text(&self, stream: OutputStream) -> String {
        self.pieces.iter().filter(|piece| piece.stream == stream).map(|piece| piece.text.as_str()).collect()
    }

    /// All that came on standard output.
    pub(crate) fn stdout(&self) -> String {
        self.text(OutputStream::Stdout)
    }

    /// All that came on standard error.
    pub(crate) fn stderr(&self) -> String {
        self.text(OutputStream::Stderr)
    }

    /// The output handed back.
    pub(crate) fn output(&self) -> &str {
        self.outcome.output.as_deref().unwrap_or_default()
    }
}

/// The environment that the server is said to have.
pub(crate) fn environment() -> BTreeMap<String, String> {
    let path = "/usr/local/bin:/usr/bin:/bin";
    let variables = [
        ("PATH", path),
        ("HOME", "/home/nobody"),
        ("LANG", "C.UTF-8"),
        ("EDITOR", "ed"),
        ("OPENAI_API_KEY", "sk-not-for-steps"),
        ("PARTITA_API_KEY", "key-not-for-steps"),
        ("PARTITA_SECRET_TOKEN", "s3cret-value"),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A task with the usual limits.
pub(crate) fn task(action: TaskAction) -> Task {
    Task {
        action,
        env: BTreeMap::new(),
        dir: None,
        stdout: None,
        stderr: None,
        output_bytes_max: 1024 * 1024,
        log_bytes_max: 10 * 1024 * 1024,
        grace_ms: 5_000,
        stop_signal: 15,
    }
}

/// A shell script.
pub(crate) fn sh(script: &str) -> Task {
    script_of(&["sh"], script)
}

/// A script for any interpreter.
pub(crate) fn script_of(interpreter: &[&str], script: &str) -> Task {
    task(TaskAction::Script {
        interpreter: interpreter.iter().map(|word| (*word).to_owned()).collect(),
        script: Text::plain(script),
    })
}

/// A program with arguments.
pub(crate) fn program(program: &str, args: &[&str]) -> Task {
    task(TaskAction::Program {
        tool: program.to_owned(),
        program: program.to_owned(),
        args: args.iter().map(|arg| Text::plain(*arg)).collect(),
        stdin: None,
        install_hint: Some("apt install it".to_owned()),
    })
}
