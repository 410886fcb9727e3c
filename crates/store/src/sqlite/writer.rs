//! The one thread that writes. It commits whatever is queued in one transaction and never waits for
//! more: under load commits are large and few, at rest each is one operation and one `fsync`.

use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{failed, unavailable};
use crate::StoreError;

/// Operations that may wait; callers beyond that wait for room.
const QUEUE: usize = 1_024;
/// Operations in one transaction at most, so that the first one's caller does not wait for ever.
const BATCH: usize = 512;

/// What an operation came to, when the store did not fail.
enum Done {
    Written,
    /// It may have written something before it found that it must not: a conflict, a mismatch.
    Refused,
}

/// An operation and the one who waits for it.
trait Write: Send {
    /// Does it, within a transaction; may be called again when that transaction was lost.
    fn write(&mut self, connection: &Connection) -> Result<Done, StoreError>;
    /// Answers: with what it gave, or with why it was not committed.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Operation<T, F> {
    work: F,
    result: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Write for Operation<T, F>
where
    T: Send,
    F: Fn(&Connection) -> Result<T, StoreError> + Send,
{
    fn write(&mut self, connection: &Connection) -> Result<Done, StoreError> {
        let result = (self.work)(connection);
        if let Err(error @ StoreError::Unavailable { .. }) = result {
            return Err(error);
        }
        let done = if result.is_ok() { Done::Written } else { Done::Refused };
        self.result = Some(result);
        Ok(done)
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(unavailable("the operation was not carried out")),
            (Err(error), _) => Err(error),
        };
        // Nobody waits any more when the caller's future was dropped.
        let _ = self.answer.send(result);
    }
}

enum Message {
    Write(Box<dyn Write>),
    Close,
}

/// Hands operations to the writing thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (queue, messages) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(move || run(connection, messages))?;
        Ok(Self { queue, thread: std::sync::Mutex::new(Some(thread)) })
    }

    /// Carries out an operation atomically; `Ok` when it is committed.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let operation = Box::new(Operation { work, result: None, answer });
        self.queue.send(Message::Write(operation)).await.map_err(|_| unavailable("the store is closed"))?;
        answered.await.unwrap_or_else(|_| Err(unavailable("the store is closed")))
    }

    /// Commits what is queued and ends the thread.
    pub(super) async fn close(&self) {
        // An error says that it has ended already.
        let _ = self.queue.send(Message::Close).await;
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

fn run(connection: Connection, mut messages: mpsc::Receiver<Message>) {
    let mut batch = Vec::new();
    while let Some(message) = messages.blocking_recv() {
        let mut next = Some(message);
        while let Some(message) = next {
            match message {
                Message::Write(operation) => batch.push(operation),
                Message::Close => messages.close(),
            }
            next = if batch.len() < BATCH { messages.try_recv().ok() } else { None };
        }
        carry_out(&connection, std::mem::take(&mut batch));
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!("the database was not closed cleanly: {error}");
    }
}

fn carry_out(connection: &Connection, mut batch: Vec<Box<dyn Write>>) {
    match transact(connection, &mut batch) {
        Ok(failures) => {
            for (operation, failure) in batch.into_iter().zip(failures) {
                operation.answer(failure);
            }
        }
        // Perhaps one of them is too large for what room is left: each gets its own chance.
        Err(_) if batch.len() > 1 => {
            for operation in batch {
                carry_out(connection, vec![operation]);
            }
        }
        Err(error) => {
            for operation in batch {
                operation.answer(Err(copy_of(&error)));
            }
        }
    }
}

/// Carries out a batch in one transaction, each operation in its own savepoint. Gives, for each, whether
/// it was carried out; an error when nothing of the batch was committed.
fn transact(connection: &Connection, batch: &mut [Box<dyn Write>]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let result = attempt(connection, batch);
    if result.is_err()
        && !connection.is_autocommit()
        && let Err(error) = execute(connection, "ROLLBACK")
    {
        tracing::error!("a transaction can't be rolled back: {error}");
    }
    result
}

fn attempt(connection: &Connection, batch: &mut [Box<dyn Write>]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    execute(connection, "BEGIN IMMEDIATE")?;
    let mut failures = Vec::with_capacity(batch.len());
    for operation in batch {
        execute(connection, "SAVEPOINT operation")?;
        let done = operation.write(connection);
        // SQLite gives up the whole transaction after some errors (a full disk, for one).
        if connection.is_autocommit() {
            return Err(done.err().unwrap_or_else(|| unavailable("the transaction was lost")));
        }
        if !matches!(done, Ok(Done::Written)) {
            execute(connection, "ROLLBACK TO operation")?;
        }
        execute(connection, "RELEASE operation")?;
        failures.push(done.map(drop));
    }
    execute(connection, "COMMIT")?;
    Ok(failures)
}

fn execute(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop).map_err(failed)
}

fn copy_of(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable { message, full } => StoreError::Unavailable { message: message.clone(), full: *full },
        other => unavailable(other.to_string()),
    }
}
