//! Points in time and spans of time, both in whole milliseconds.

use serde::{Deserialize, Serialize};

/// Milliseconds: since the Unix epoch for a point in time, or the length of a span.
///
/// Fields that hold one are named `…_at` (a point) or `…_ms` (a span).
pub type Millis = u64;

/// What an input brings along from outside the pure core: the wall clock and fresh randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Milliseconds since the Unix epoch.
    pub now: Millis,
    /// 64 fresh random bits, for jitter and for ids; a test passes what it likes.
    pub entropy: u64,
}
