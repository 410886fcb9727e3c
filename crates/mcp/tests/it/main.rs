//! The pool against real servers, and against some that do everything wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

mod builtin;
mod documents;
mod dual;
mod faults;
mod real;
mod support;
