//! The binary as its users meet it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

mod bench;
mod commands;
mod crash;
mod documents;
mod examples;
mod http;
mod mcp;
mod page;
mod sentences;
mod templates;
mod tools;
