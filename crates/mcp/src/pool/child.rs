//! A server that is a process of ours: it leads a process group of its own, which is ended with the
//! connection, and its messages are bounded while they are read.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio_util::sync::CancellationToken;

use crate::clean;
use crate::config::Transport;
use crate::limits::{CHILD_GRACE, LINE_CHARS_MAX, MESSAGE_BYTES_MAX};

/// What is known about why a connection ended, in one line; and that it did.
#[derive(Clone, Debug, Default)]
pub(super) struct LastWords(Arc<Mutex<Words>>, CancellationToken);

#[derive(Debug, Default)]
struct Words {
    /// Why we ended it. What the server says about that afterwards is only an echo.
    ours: Option<String>,
    /// What the server said last.
    theirs: Option<String>,
}

impl LastWords {
    fn words(&self) -> MutexGuard<'_, Words> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what the server said.
    fn heard(&self, said: String) {
        self.words().theirs = Some(said);
    }

    /// Notes why we end the connection.
    fn decided(&self, why: String) {
        self.words().ours = Some(why);
    }

    /// Notes that nothing more will come.
    fn close(&self) {
        self.1.cancel();
    }

    /// Resolves when nothing more will come.
    pub(super) async fn closed(&self) {
        self.1.cancelled().await;
    }

    pub(super) fn get(&self) -> Option<String> {
        let words = self.words();
        words.ours.clone().or_else(|| words.theirs.clone())
    }
}

/// A running process and its group.
pub(super) struct Process {
    child: Child,
    group: Option<rustix::process::Pid>,
}

/// The two ends to talk over.
pub(super) type Pipes = (Bounded<ChildStdout>, ChildStdin);

/// Starts a server. `base` is what every process gets; the configuration adds to it, and nothing of our own
/// environment comes in otherwise.
pub(super) fn start(
    transport: &Transport,
    base: &BTreeMap<String, String>,
    name: &str,
    words: &LastWords,
) -> Result<(Process, Pipes), String> {
    let Transport::Stdio { command, args, env, dir } = transport else {
        return Err("is no process".to_owned());
    };
    let mut starting = Command::new(command);
    starting.args(args).env_clear().envs(base).envs(env).kill_on_drop(true).process_group(0);
    starting.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(dir) = dir {
        starting.current_dir(dir);
    }
    let mut child = starting.spawn().map_err(|error| format!("`{command}` can't be started: {error}"))?;
    let group = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    let (stdout, stdin, stderr) = (child.stdout.take(), child.stdin.take(), child.stderr.take());
    let process = Process { child, group };
    let (Some(stdout), Some(stdin), Some(stderr)) = (stdout, stdin, stderr) else {
        return Err(format!("`{command}` has no pipes"));
    };
    tokio::spawn(listen(stderr, name.to_owned(), words.clone()));
    Ok((process, (Bounded::new(stdout, words.clone()), stdin)))
}

/// Reads what a server says on its standard error: the last line explains why it ended.
async fn listen(stderr: impl AsyncRead + Unpin, name: String, words: LastWords) {
    let mut lines = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        // A line without an end must not fill our memory.
        let mut limited = tokio::io::AsyncReadExt::take(&mut lines, 8 * 1024);
        match limited.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let said = clean::line(&String::from_utf8_lossy(&line), LINE_CHARS_MAX);
        if !said.is_empty() {
            tracing::debug!(server = name, "{said}");
            words.heard(said);
        }
    }
}

impl Process {
    /// How it ended, when it has.
    pub(super) fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| format!("it ended with {status}"))
    }

    /// Ends it and its group. Its input is closed already: it gets a moment to end by itself, then it is
    /// asked to, then killed.
    pub(super) async fn end(mut self) -> Option<String> {
        use rustix::process::Signal;
        for signal in [None, Some(Signal::TERM)] {
            if let Some(signal) = signal {
                self.signal(signal);
            }
            if let Ok(Ok(status)) = tokio::time::timeout(CHILD_GRACE, self.child.wait()).await {
                // What is left of its group goes, too.
                self.signal(Signal::KILL);
                self.group = None;
                return Some(format!("it ended with {status}"));
            }
        }
        self.signal(Signal::KILL);
        let status = self.child.wait().await.ok();
        self.group = None;
        status.map(|status| format!("it was ended with {status}"))
    }

    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(group) = self.group {
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(rustix::process::Signal::KILL);
    }
}

/// Reads lines, and fails when one is longer than a message may be. The client would drop such a line and
/// leave its caller waiting; a closed connection tells everyone at once.
pub(super) struct Bounded<R> {
    inner: R,
    line_bytes: usize,
    words: LastWords,
}

impl<R> Bounded<R> {
    pub(super) fn new(inner: R, words: LastWords) -> Self {
        Self { inner, line_bytes: 0, words }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Bounded<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        let new = &buffer.filled()[before..];
        match new.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => self.line_bytes = new.len() - at - 1,
            None => self.line_bytes += new.len(),
        }
        if self.line_bytes > MESSAGE_BYTES_MAX {
            self.words.decided(format!("it sent a message of more than {} MiB", MESSAGE_BYTES_MAX >> 20));
            self.words.close();
            return Poll::Ready(Err(std::io::ErrorKind::InvalidData.into()));
        }
        let is_end = matches!(read, Poll::Ready(Ok(()))) && new.is_empty();
        if is_end || matches!(read, Poll::Ready(Err(_))) {
            self.words.close();
        }
        read
    }
}
