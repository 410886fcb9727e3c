//! The thread that writes.

use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{error, write};
use crate::{Append, Appended, DocumentKey, NewRun, StoreError, Submitted};

/// Jobs that may wait; a full queue makes callers wait.
const QUEUE: usize = 1_024;
/// Jobs that one transaction takes in.
const BATCH: usize = 512;

/// Where the result of a job goes.
pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// Something to write.
pub(super) enum Job {
    Submit(Box<NewRun>, Answer<Submitted>),
    Append(Box<Append>, Answer<Appended>),
    Put(Box<write::Put>, Answer<u64>),
    Delete(Box<DocumentKey>, Answer<bool>),
}

/// The handle of the thread that writes.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread =
            std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || work(connection, queue))?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    /// Queues a job and waits for its commit.
    pub(super) async fn call<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, StoreError> {
        let gone = || StoreError::Unavailable { message: "the store is closed".to_owned(), full: false };
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(gone)?;
        let (answer, answered) = oneshot::channel();
        jobs.send(job(answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

fn work(mut connection: Connection, mut queue: mpsc::Receiver<Job>) {
    let mut jobs = Vec::new();
    while queue.blocking_recv_many(&mut jobs, BATCH) > 0 {
        let results = match write_all(&mut connection, &jobs) {
            Ok(results) => results,
            // Something in the batch could not be written: each job on its own, so that it spoils no other.
            Err(_) => jobs.iter().flat_map(|job| write_one(&mut connection, job)).collect(),
        };
        for (job, result) in jobs.drain(..).zip(results) {
            result.tell(job);
        }
    }
    // The write-ahead log is folded into the file, so that a copy of the file alone is whole.
    let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
}

/// The result of one job, whichever kind it is.
enum Outcome {
    Submit(Result<Submitted, StoreError>),
    Append(Result<Appended, StoreError>),
    Put(Result<u64, StoreError>),
    Delete(Result<bool, StoreError>),
}

impl Outcome {
    fn tell(self, job: Job) {
        match (job, self) {
            (Job::Submit(_, answer), Self::Submit(result)) => drop(answer.send(result)),
            (Job::Append(_, answer), Self::Append(result)) => drop(answer.send(result)),
            (Job::Put(_, answer), Self::Put(result)) => drop(answer.send(result)),
            (Job::Delete(_, answer), Self::Delete(result)) => drop(answer.send(result)),
            // A job gives a result of its own kind; an answer that is dropped reads as "closed".
            _ => {}
        }
    }
}

/// Writes jobs in one transaction. Refusals (a conflict, a mismatch) are results; an error of SQLite
/// undoes everything.
fn write_all(connection: &mut Connection, jobs: &[Job]) -> Result<Vec<Outcome>, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let results: Result<Vec<Outcome>, rusqlite::Error> = jobs.iter().map(|job| write(&transaction, job)).collect();
    let results = results?;
    transaction.commit()?;
    Ok(results)
}

fn write_one(connection: &mut Connection, job: &Job) -> Vec<Outcome> {
    write_all(connection, std::slice::from_ref(job)).unwrap_or_else(|error| {
        let error = error::of_sqlite(&error);
        vec![match job {
            Job::Submit(..) => Outcome::Submit(Err(error)),
            Job::Append(..) => Outcome::Append(Err(error)),
            Job::Put(..) => Outcome::Put(Err(error)),
            Job::Delete(..) => Outcome::Delete(Err(error)),
        }]
    })
}

fn write(transaction: &Connection, job: &Job) -> Result<Outcome, rusqlite::Error> {
    Ok(match job {
        Job::Submit(run, _) => Outcome::Submit(write::submit(transaction, run)?),
        Job::Append(append, _) => Outcome::Append(write::append(transaction, append)?),
        Job::Put(put, _) => Outcome::Put(write::put(transaction, put)?),
        Job::Delete(key, _) => Outcome::Delete(Ok(write::delete(transaction, key)?)),
    })
}
