//! The wall clock and the randomness of a running server, as values that tests can replace.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use partita_core::{Millis, Moment};

/// Tells the time, in milliseconds since the Unix epoch.
pub type Now = Arc<dyn Fn() -> Millis + Send + Sync>;

/// Gives 64 fresh random bits.
pub type Entropy = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What time it is, and fresh randomness.
#[derive(Clone)]
pub struct Clock {
    pub now: Now,
    pub entropy: Entropy,
}

impl Clock {
    /// The clock and the randomness of this machine.
    #[must_use]
    pub fn system() -> Self {
        Self { now: Arc::new(system_now), entropy: Arc::new(system_entropy) }
    }

    /// What an input brings along.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { now: (self.now)(), entropy: (self.entropy)() }
    }
}

/// The time of this machine, in milliseconds since the Unix epoch.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
pub fn system_now() -> Millis {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since_epoch.as_millis()).unwrap_or(Millis::MAX)
}

fn system_entropy() -> u64 {
    getrandom::u64().unwrap_or_else(|_| system_now())
}
