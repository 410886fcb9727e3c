//! What one request costs, charged exactly once however it ends.

use super::config::Price;
use super::gathering::Gathering;
use super::limits::CHARS_PER_TOKEN;
use crate::usage::{Meter, Usage};

/// One request on its way. Charges the meter when it goes out of scope, also when nobody waits for the
/// answer any more: vendors count what they wrote until then.
pub(super) struct Charge {
    meter: Meter,
    price: Option<Price>,
    /// Characters that were sent.
    request_chars: u64,
    /// The request was not taken, so it costs nothing.
    pub(super) is_free: bool,
    pub(super) gathering: Gathering,
}

/// What a request cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) usage: Usage,
    /// Some of it was estimated.
    pub(super) estimated: bool,
}

impl Cost {
    pub(super) fn add(&mut self, other: Self) {
        self.usage.add(other.usage);
        self.estimated |= other.estimated;
    }
}

impl Charge {
    pub(super) fn new(meter: Meter, price: Option<Price>, request: &str) -> Self {
        let request_chars = request.chars().count() as u64;
        Self { meter, price, request_chars, is_free: false, gathering: Gathering::default() }
    }

    /// What it cost so far: as the vendor counts, estimated where it does not.
    pub(super) fn cost(&self) -> Cost {
        if self.is_free {
            return Cost { usage: Usage { calls: 1, ..Usage::default() }, estimated: false };
        }
        let gathering = &self.gathering;
        let counted = gathering.finish.is_some() && gathering.output_tokens.is_some();
        let written = gathering.chars().div_ceil(CHARS_PER_TOKEN);
        let input_tokens = gathering.input_tokens.unwrap_or_else(|| self.request_chars.div_ceil(CHARS_PER_TOKEN));
        // A count that came at the beginning says nothing about what was written after it.
        let output_tokens = gathering.output_tokens.filter(|_| counted).unwrap_or(written);
        let cost_usd = self.price.map_or(0.0, |price| price.cost_usd(input_tokens, output_tokens));
        let usage = Usage { calls: 1, input_tokens, output_tokens, cost_usd };
        Cost { usage, estimated: gathering.input_tokens.is_none() || !counted }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.meter.charge(self.cost().usage);
    }
}
