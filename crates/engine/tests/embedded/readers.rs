//! Followers: each sees every entry once, whenever it comes and however slow it is.

use std::time::Duration;

use futures::StreamExt;
use partita_core::TenantId;
use partita_core::run::Record;
use partita_core::run::record::EntryBody;
use partita_engine::Engine;
use partita_store::RunLog;

use crate::support::{Deed, World, begin, plan, step};

#[tokio::test(start_paused = true)]
async fn every_follower_sees_every_entry_once() {
    let world = World::new(1, |_| Deed { after_ms: 50, pieces: 1_500, ..Deed::default() });
    let engine = world.calm_engine().await;
    let run = begin(&engine, plan(vec![step("a", &[]), step("b", &[0])])).await;
    let mut followers = Vec::new();
    for number in 0..40u64 {
        let after = number % 4 * 200;
        let mut entries = engine.follow(&TenantId::default(), &run, after).await.unwrap();
        followers.push(tokio::spawn(async move {
            let mut expected = after;
            let mut last = None;
            while let Some(entry) = entries.next().await {
                let entry = entry.unwrap();
                expected += 1;
                assert_eq!(entry.seq, expected, "follower {number}");
                // Some fall so far behind that the ring has gone on without them.
                if number % 5 == 0 && expected % 100 == 0 {
                    tokio::time::sleep(Duration::from_millis(number)).await;
                }
                last = Some(entry);
            }
            let last = last.unwrap();
            assert!(matches!(last.body, EntryBody::Record(Record::Finished { .. })), "follower {number}: {last:?}");
            expected
        }));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut ends = Vec::new();
    for follower in followers {
        ends.push(follower.await.unwrap());
    }
    let row = RunLog::get(&*world.store, &TenantId::default(), &run).await.unwrap().unwrap();
    assert!(row.last_seq > 3_000);
    assert!(ends.iter().all(|end| *end == row.last_seq), "{ends:?}, {}", row.last_seq);
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_has_seen_the_end_is_not_kept_waiting() {
    let world = World::new(1, |_| Deed::default());
    let engine = world.calm_engine().await;
    let run = begin(&engine, plan(vec![step("a", &[])])).await;
    engine.wait(&TenantId::default(), &run).await.unwrap();
    for after in [u64::MAX, 1_000] {
        let entries = engine.follow(&TenantId::default(), &run, after).await.unwrap();
        assert_eq!(entries.count().await, 0);
    }
    let entries: Vec<_> = engine.follow(&TenantId::default(), &run, 0).await.unwrap().collect().await;
    let seqs: Vec<u64> = entries.into_iter().map(|entry| entry.unwrap().seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
}
