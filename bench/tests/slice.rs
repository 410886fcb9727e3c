//! A slice of the measurements: shows that they measure; the figures are for `make bench`.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::path::PathBuf;

use partita_bench::measure::{composing, followers, weight};
use partita_bench::server::Setup;

/// The program as it was built beside this test.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.ancestors().nth(2).unwrap().join("partita");
    assert!(binary.exists(), "there is no {}: `cargo build --workspace` makes it", binary.display());
    binary
}

#[tokio::test]
async fn composing_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let rows = composing::composing(&binary(), dir.path(), 1, 5).await.unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows[..2].iter().all(|row| row.figure > 0.0 && row.unit == "ms"), "{rows:?}");
}

#[tokio::test]
async fn weight_and_followers_are_measured() {
    let dir = tempfile::tempdir().unwrap();
    let rows = weight::weight(&binary(), 1).await.unwrap();
    assert!(rows.iter().all(|row| row.figure > 0.0), "{rows:?}");
    let server = Setup::new(&binary(), &dir.path().join("data")).unwrap().start().await.unwrap();
    let rows = followers::followers(&server, 10).await.unwrap();
    server.stop().unwrap();
    assert!(rows[0].note.contains("none lost or twice"), "{rows:?}");
}
