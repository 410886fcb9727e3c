//! Time, chance and waiting, as values that tests can replace.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use partita_core::Millis;

/// What the gateway asks of the world around it, besides the network.
#[derive(Clone)]
pub struct Clock {
    /// Milliseconds since the Unix epoch; to read dates in `Retry-After`.
    pub now: Arc<dyn Fn() -> Millis + Send + Sync>,
    /// 64 random bits; to spread retries.
    pub entropy: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Waits between retries.
    pub sleep: Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
}

impl Clock {
    /// A clock that really waits.
    #[must_use]
    pub fn new(now: Arc<dyn Fn() -> Millis + Send + Sync>, entropy: Arc<dyn Fn() -> u64 + Send + Sync>) -> Self {
        Self { now, entropy, sleep: Arc::new(|wait| tokio::time::sleep(wait).boxed()) }
    }

    /// A number from 0 up to, but without, 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
    pub(super) fn fraction(&self) -> f64 {
        ((self.entropy)() >> 11) as f64 / (1u64 << 53) as f64
    }
}
