//! What SQLite's errors mean for callers.

use rusqlite::ErrorCode;

use crate::StoreError;

/// The meaning of an error of SQLite.
pub(super) fn of_sqlite(error: &rusqlite::Error) -> StoreError {
    let full = error.sqlite_error_code() == Some(ErrorCode::DiskFull);
    let message = if full { "the disk is full".to_owned() } else { error.to_string() };
    StoreError::Unavailable { message, full }
}

/// A stored value that is not what this program writes.
pub(super) fn malformed(what: &str) -> StoreError {
    StoreError::Unavailable { message: format!("the database holds {what} that this program can't read"), full: false }
}
