//! Moves bytes: what the process prints to the sink, what it is to read into its standard input.

use std::time::Duration;

use partita_core::run::record::OutputStream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio_util::sync::CancellationToken;

use crate::output::{Copies, Sink};

/// What one read takes at most; a pipe holds no more.
const READ_BYTES: usize = 64 * 1024;

/// Once nobody who counts writes any more, a pipe that stays silent this long is left.
const SILENCE: Duration = Duration::from_millis(50);

/// Our ends of a process's pipes.
pub(crate) struct Pipes {
    pub(crate) stdin: Option<(ChildStdin, String)>,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) stderr: Option<ChildStderr>,
}

/// Moves bytes until both outputs have ended; when `closing` fires, until what is in the pipes is read.
pub(crate) async fn pump(pipes: Pipes, sink: &mut Sink, copies: &mut Copies, closing: &CancellationToken) {
    let Pipes { stdin, stdout, stderr } = pipes;
    let read = read_both(Outlet::new(stdout), Outlet::new(stderr), sink, copies, closing);
    match stdin {
        None => read.await,
        Some((pipe, text)) => {
            let feed = async {
                tokio::select! {
                    () = feed(pipe, &text) => {}
                    () = closing.cancelled() => {}
                }
            };
            tokio::join!(read, feed);
        }
    }
}

async fn read_both<A: AsyncRead + Unpin, B: AsyncRead + Unpin>(
    mut stdout: Outlet<A>,
    mut stderr: Outlet<B>,
    sink: &mut Sink,
    copies: &mut Copies,
    closing: &CancellationToken,
) {
    while stdout.is_open() || stderr.is_open() {
        sink.send_ready().await;
        let due = sink.due();
        let (stream, bytes) = tokio::select! {
            () = stdout.fill(), if stdout.is_open() => (OutputStream::Stdout, &stdout.buffer),
            () = stderr.fill(), if stderr.is_open() => (OutputStream::Stderr, &stderr.buffer),
            () = tokio::time::sleep_until(due.unwrap_or_else(tokio::time::Instant::now)), if due.is_some() => continue,
            () = silence(closing) => break,
        };
        sink.push(stream, bytes);
        if copies.wants(stream) {
            copies.write(stream, bytes).await;
        }
    }
    sink.finish();
    sink.send_all().await;
}

async fn silence(closing: &CancellationToken) {
    closing.cancelled().await;
    tokio::time::sleep(SILENCE).await;
}

async fn feed(mut pipe: ChildStdin, text: &str) {
    // A process may end without reading all it is offered; that is its right.
    if pipe.write_all(text.as_bytes()).await.is_ok() {
        let _ = pipe.shutdown().await;
    }
}

/// One of the two outputs.
struct Outlet<P> {
    pipe: Option<P>,
    buffer: Vec<u8>,
}

impl<P: AsyncRead + Unpin> Outlet<P> {
    fn new(pipe: Option<P>) -> Self {
        Self { pipe, buffer: Vec::new() }
    }

    fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Reads what is there into the buffer. Nothing is lost when this is dropped.
    async fn fill(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        self.buffer.clear();
        self.buffer.reserve(READ_BYTES);
        if !matches!(pipe.read_buf(&mut self.buffer).await, Ok(1..)) {
            self.pipe = None;
        }
    }
}
