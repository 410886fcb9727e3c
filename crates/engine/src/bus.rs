//! What is published about one run: a ring of its latest entries, shared by all its followers, and a
//! signal that there are more. A follower that falls behind the ring reads from the store; it never
//! holds anybody up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use partita_core::run::record::{Entry, EntryBody};
use partita_core::run::{Record, Verdict};
use tokio::sync::watch;

/// Entries that a ring holds at most.
const ENTRIES_MAX: usize = 512;
/// Bytes of output that a ring holds at most, so that hundreds of talkative runs stay affordable.
const OUTPUT_BYTES_MAX: usize = 512 * 1024;

/// The published entries of one run.
#[derive(Debug)]
pub(crate) struct RunBus {
    ring: Mutex<Ring>,
    /// The `seq` of the latest entry. Closed when nothing more will be published.
    latest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Arc<Entry>>,
    output_bytes: usize,
    /// The run has ended, or this server no longer drives it.
    closed: bool,
    verdict: Option<Verdict>,
}

/// What a ring has after a `seq`.
pub(crate) enum Recent {
    Entries(Vec<Arc<Entry>>),
    /// The ring begins later.
    TooOld,
    /// Nothing yet.
    Nothing,
    /// Nothing, and nothing will come.
    Closed,
}

impl RunBus {
    /// A bus for a run whose latest entry has the given `seq`.
    pub(crate) fn new(latest: u64) -> Arc<Self> {
        Arc::new(Self { ring: Mutex::new(Ring::default()), latest: watch::Sender::new(latest) })
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes committed entries, in order. Nothing is kept while nobody listens: whoever comes later
    /// reads from the store until it has caught up.
    pub(crate) fn publish(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut last = None;
        {
            let mut ring = self.ring();
            let is_heard = self.latest.receiver_count() > 0;
            if !is_heard {
                ring.entries.clear();
                ring.output_bytes = 0;
            }
            for entry in entries {
                last = Some(entry.seq);
                if let EntryBody::Record(Record::Finished { verdict, .. }) = &entry.body {
                    ring.verdict = Some(*verdict);
                }
                if !is_heard {
                    continue;
                }
                ring.output_bytes += weight(&entry);
                ring.entries.push_back(Arc::new(entry));
                while ring.entries.len() > ENTRIES_MAX || ring.output_bytes > OUTPUT_BYTES_MAX {
                    let Some(oldest) = ring.entries.pop_front() else { break };
                    ring.output_bytes -= weight(&oldest);
                }
            }
        }
        if let Some(last) = last {
            self.latest.send_replace(last);
        }
    }

    /// Says that nothing more will be published here.
    pub(crate) fn close(&self) {
        self.ring().closed = true;
        self.latest.send_modify(|_| {});
    }

    /// How the run ended, when it has.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.ring().verdict
    }

    /// Whether nothing more will be published here.
    pub(crate) fn is_closed(&self) -> bool {
        self.ring().closed
    }

    /// At most `limit` entries after a `seq`.
    pub(crate) fn after(&self, after: u64, limit: usize) -> Recent {
        let ring = self.ring();
        let latest = *self.latest.borrow();
        match ring.entries.front() {
            _ if after >= latest && ring.closed => Recent::Closed,
            _ if after >= latest => Recent::Nothing,
            Some(first) if first.seq <= after + 1 => {
                let skip = usize::try_from(after + 1 - first.seq).unwrap_or(usize::MAX);
                let entries: Vec<_> = ring.entries.iter().skip(skip).take(limit).map(Arc::clone).collect();
                if entries.is_empty() { Recent::Nothing } else { Recent::Entries(entries) }
            }
            _ => Recent::TooOld,
        }
    }

    /// Tells of new entries from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }
}

fn weight(entry: &Entry) -> usize {
    match &entry.body {
        EntryBody::Chunk(chunk) => chunk.text.len(),
        EntryBody::Record(Record::StepFinished { output, .. }) => output.as_ref().map_or(0, String::len),
        EntryBody::Record(Record::AttemptFinished { outcome, .. }) => outcome.output.as_ref().map_or(0, String::len),
        EntryBody::Record(_) => 0,
    }
}
