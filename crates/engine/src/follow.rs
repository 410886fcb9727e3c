//! A reader of one run: stored entries, then live ones, without a gap and without a copy per reader.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};
use partita_core::RunId;
use partita_core::run::Record;
use partita_core::run::record::{Entry, EntryBody};
use partita_store::{EntryQuery, RunLog, StoreError};
use tokio::sync::watch;

use crate::bus::{Recent, RunBus};

/// Entries that a follower takes from the ring at a time; they are shared.
const RING_PAGE: usize = 16;
/// Entries that a follower takes from the store at a time. They are its own: 7 pieces of output of
/// 8 KiB stay below the 64 KiB that a follower may cost.
const STORE_PAGE: usize = 7;

struct Follower {
    log: Arc<dyn RunLog>,
    run: RunId,
    after: u64,
    bus: Option<(Arc<RunBus>, watch::Receiver<u64>)>,
    page: VecDeque<Arc<Entry>>,
    ended: bool,
}

/// The entries of a run after a `seq`; `bus` is there while this server drives the run.
pub(crate) fn follow(
    log: Arc<dyn RunLog>,
    run: RunId,
    after: u64,
    bus: Option<Arc<RunBus>>,
) -> BoxStream<'static, Result<Arc<Entry>, StoreError>> {
    let bus = bus.map(|bus| {
        let latest = bus.subscribe();
        (bus, latest)
    });
    let follower = Follower { log, run, after, bus, page: VecDeque::new(), ended: false };
    stream::try_unfold(
        follower,
        |mut follower| async move { Ok(follower.next().await?.map(|entry| (entry, follower))) },
    )
    .boxed()
}

impl Follower {
    async fn next(&mut self) -> Result<Option<Arc<Entry>>, StoreError> {
        loop {
            if let Some(entry) = self.page.pop_front() {
                self.after = entry.seq;
                self.ended = matches!(entry.body, EntryBody::Record(Record::Finished { .. }));
                return Ok(Some(entry));
            }
            if self.ended {
                return Ok(None);
            }
            let recent = match &self.bus {
                None => Recent::TooOld,
                Some((bus, _)) => bus.after(self.after, RING_PAGE),
            };
            match recent {
                Recent::Entries(entries) => self.page = entries.into(),
                Recent::Closed => return Ok(None),
                Recent::TooOld => {
                    self.read_page().await?;
                    if self.page.is_empty() {
                        return Ok(None);
                    }
                }
                Recent::Nothing => {
                    if let Some((_, latest)) = &mut self.bus {
                        // The bus lives as long as this follower, so its sender does, too.
                        let _ = latest.changed().await;
                    }
                }
            }
        }
    }

    async fn read_page(&mut self) -> Result<(), StoreError> {
        let query = EntryQuery { run_id: self.run.clone(), after: self.after, limit: STORE_PAGE, output_of: None };
        self.page = self.log.entries(query).await?.into_iter().map(Arc::new).collect();
        Ok(())
    }
}
