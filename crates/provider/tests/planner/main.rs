//! The planner and the templates from outside: what sentences become, and that it can be run.

#![allow(clippy::unwrap_used, reason = "tests")]

mod refinements;
mod robust;
mod sentences;
mod support;
mod templates;
