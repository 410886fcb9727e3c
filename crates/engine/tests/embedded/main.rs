//! The embedded engine in a small world: stories, faults, and a seeded simulation.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

#[cfg(test)]
mod durable;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod faulty_store;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod support;
