//! How often a key may call, and how often an address may try wrong keys.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::app::AppError;

/// Addresses remembered at most; beyond that the ones with the least to remember are forgotten.
const ADDRESSES_MAX: usize = 10_000;
/// Good keys remembered per address.
const GOOD_KEYS_MAX: usize = 16;

type Limiter = RateLimiter<String, DefaultKeyedStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// Bounds the requests of each principal.
pub(crate) struct RequestLimit {
    limiter: Limiter,
    per_minute: u32,
}

/// What is left of a principal's allowance, for the `RateLimit` fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) quota: u32,
    pub(crate) remaining: u32,
    /// Seconds until the whole quota is there again.
    pub(crate) reset_s: u64,
}

impl RequestLimit {
    /// A limit of so many requests per minute, all of which may come at once.
    pub(crate) fn new(per_minute: u32) -> Self {
        let rate = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        let limiter = RateLimiter::keyed(Quota::per_minute(rate)).with_middleware::<StateInformationMiddleware>();
        Self { limiter, per_minute: rate.get() }
    }

    /// Counts one request.
    pub(crate) fn count(&self, principal: &str) -> Result<Allowance, (Allowance, AppError)> {
        match self.limiter.check_key(&principal.to_owned()) {
            Ok(state) => Ok(self.allowance(state.remaining_burst_capacity())),
            Err(refused) => {
                let retry_after = refused.wait_time_from(DefaultClock::default().now());
                Err((self.allowance(0), AppError::RateLimited { retry_after }))
            }
        }
    }

    fn allowance(&self, remaining: u32) -> Allowance {
        let used = u64::from(self.per_minute.saturating_sub(remaining));
        Allowance { quota: self.per_minute, remaining, reset_s: (used * 60).div_ceil(u64::from(self.per_minute)) }
    }
}

/// Bounds the wrong keys that an address may try. Someone who is known at that address by a good key
/// is not locked out by a neighbour who guesses.
pub(crate) struct LoginLimit {
    per_minute: u32,
    addresses: Mutex<HashMap<IpAddr, Address>>,
}

struct Address {
    /// Wrong keys that are still counted; they are forgiven one by one as time goes by.
    wrong: f64,
    since: Instant,
    good: Vec<[u8; 32]>,
}

impl LoginLimit {
    /// A limit of so many wrong keys per minute.
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { per_minute: per_minute.max(1), addresses: Mutex::new(HashMap::new()) }
    }

    /// Refuses an address that tried too many wrong keys, unless this key was good there before.
    /// `None`: the request did not come over the network.
    pub(crate) fn admit(&self, address: Option<IpAddr>, digest: &[u8; 32], now: Instant) -> Result<(), AppError> {
        let Some(address) = address else { return Ok(()) };
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = addresses.get_mut(&address) else { return Ok(()) };
        entry.forgive(self.per_minute, now);
        if entry.wrong < f64::from(self.per_minute) || entry.good.contains(digest) {
            return Ok(());
        }
        let excess = entry.wrong - f64::from(self.per_minute) + 1.0;
        Err(AppError::TooManyFailedLogins {
            retry_after: Duration::from_secs_f64(excess * 60.0 / f64::from(self.per_minute)),
        })
    }

    /// Remembers how a key fared.
    pub(crate) fn note(&self, address: Option<IpAddr>, digest: &[u8; 32], good: bool, now: Instant) {
        let Some(address) = address else { return };
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= ADDRESSES_MAX && !addresses.contains_key(&address) {
            addresses.retain(|_, entry| {
                entry.forgive(self.per_minute, now);
                entry.wrong >= 1.0
            });
            if addresses.len() >= ADDRESSES_MAX {
                addresses.clear();
            }
        }
        let entry = addresses.entry(address).or_insert(Address { wrong: 0.0, since: now, good: Vec::new() });
        entry.forgive(self.per_minute, now);
        match good {
            true if entry.good.contains(digest) => {}
            true => {
                entry.good.truncate(GOOD_KEYS_MAX - 1);
                entry.good.insert(0, *digest);
            }
            false => {
                entry.good.retain(|known| known != digest);
                // More than twice the limit is not held against anyone: the wait stays within a minute.
                entry.wrong = (entry.wrong + 1.0).min(f64::from(self.per_minute) * 2.0);
            }
        }
    }
}

impl Address {
    fn forgive(&mut self, per_minute: u32, now: Instant) {
        let elapsed = now.saturating_duration_since(self.since).as_secs_f64();
        self.wrong = (self.wrong - elapsed * f64::from(per_minute) / 60.0).max(0.0);
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_keys_lock_an_address_but_not_whom_it_knows() {
        let limit = LoginLimit::new(3);
        let (address, other) = (Some(IpAddr::from([10, 0, 0, 1])), Some(IpAddr::from([10, 0, 0, 2])));
        let start = Instant::now();
        let (good, wrong, unknown) = ([1; 32], [2; 32], [3; 32]);
        limit.note(address, &good, true, start);
        for _ in 0..3 {
            assert!(limit.admit(address, &wrong, start).is_ok());
            limit.note(address, &wrong, false, start);
        }
        let Err(AppError::TooManyFailedLogins { retry_after }) = limit.admit(address, &unknown, start) else {
            panic!("the address should be locked")
        };
        assert_eq!(retry_after, Duration::from_secs(20));
        assert!(limit.admit(address, &good, start).is_ok(), "a key that was good here still is");
        assert!(limit.admit(other, &unknown, start).is_ok(), "other addresses are not concerned");
        assert!(limit.admit(None, &unknown, start).is_ok(), "nor are callers inside the process");
        assert!(limit.admit(address, &unknown, start + retry_after).is_ok(), "time forgives");
    }

    #[test]
    fn the_allowance_runs_out_and_says_when_it_is_back() {
        let limit = RequestLimit::new(2);
        assert_eq!(limit.count("a").expect("first"), Allowance { quota: 2, remaining: 1, reset_s: 30 });
        assert_eq!(limit.count("a").expect("second"), Allowance { quota: 2, remaining: 0, reset_s: 60 });
        let (allowance, error) = limit.count("a").expect_err("third");
        assert_eq!(allowance.remaining, 0);
        let AppError::RateLimited { retry_after } = error else { panic!("{error}") };
        assert!(retry_after > Duration::from_secs(25) && retry_after <= Duration::from_secs(30), "{retry_after:?}");
        assert!(limit.count("b").is_ok(), "another principal has an allowance of its own");
    }
}
