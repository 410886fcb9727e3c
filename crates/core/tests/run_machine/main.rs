//! The run machine from outside: scenarios, all interleavings with crashes, random graphs, mutants.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test that can't go on has failed"
)]

mod explore;
mod interleavings;
mod journal_samples;
mod matrix;
mod mutants;
mod plans;
mod random_graphs;
mod scenarios;
mod world;
