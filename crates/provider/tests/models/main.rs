//! The gateway from outside: what callers get and what goes over the wire, against servers that follow
//! a script.

#![allow(clippy::unwrap_used, reason = "tests")]

mod budgets;
mod configuration;
mod drafts;
mod misbehaviour;
mod recorded;
mod requests;
mod retries;
mod server;
mod shapes;
mod streams;
mod talk;
