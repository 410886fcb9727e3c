//! The port: what every runner does, and what it is given.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use partita_core::RunId;
use partita_core::run::AttemptId;
use partita_core::run::record::OutputStream;
use partita_core::task::{Outcome, Task};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Carries out attempts in one kind of place.
#[async_trait]
pub trait Runner: Send + Sync {
    /// The name that documents use (`local`).
    fn name(&self) -> &str;

    /// Carries out an attempt to its end and tells how it ended.
    ///
    /// When `stop` fires, the attempt is asked to end, and killed after its grace period; only then
    /// does this return (with `Stopped`, or with its own end when that came first). Dropping the future
    /// kills at once. Output is sent as it comes; a full channel slows the process down, it does not
    /// grow memory. A crash of the server leaves the attempt's processes to [`Runner::end_strays`].
    async fn carry_out(&self, attempt: Attempt, output: mpsc::Sender<OutputPiece>, stop: CancellationToken) -> Outcome;

    /// Which of these attempts of an earlier server this runner still carries; for them `carry_out` is
    /// called again and only waits for their end. The others are lost. `local` carries none: its
    /// processes are children of the server.
    async fn adopt(&self, run: &RunId, ids: &[AttemptId]) -> Vec<AttemptId>;

    /// Ends everything that earlier servers of this data directory left behind, and returns when it is
    /// gone. Called once, before any run goes on.
    async fn end_strays(&self);
}

/// An attempt to carry out.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub run_id: RunId,
    pub id: AttemptId,
    pub step: String,
    pub task: Task,
    /// The run's own working directory; exists.
    pub work_dir: PathBuf,
}

/// A piece of output: whole lines where they fit, at most 8 KiB, valid UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputPiece {
    pub stream: OutputStream,
    pub text: String,
}

/// What a shared runner looks like to others.
pub type SharedRunner = Arc<dyn Runner>;
