//! The workflow language from outside: dialects, findings with places, documents that come back equal.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test that can't go on has failed"
)]

mod bad_input;
mod dialects;
mod examples;
mod round_trip;
