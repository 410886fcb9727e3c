use std::sync::Arc;

use super::SqliteStore;
use crate::conformance;

fn open(dir: &tempfile::TempDir) -> SqliteStore {
    SqliteStore::open(dir.path().join("partita.db")).unwrap()
}

#[tokio::test]
async fn it_keeps_what_every_store_keeps() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&dir));
    conformance::run_log(Arc::clone(&store) as _).await;
    conformance::documents(store).await;
}
