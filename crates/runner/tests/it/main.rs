//! The local runner on real processes, real files and real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

mod bench;
mod ends;
mod files;
mod hostile;
mod http;
mod output;
mod start;
