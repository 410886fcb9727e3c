//! The binary as its users meet it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

mod authoring;
mod bench;
mod commands;
mod crash;
mod documents;
mod eval;
mod examples;
mod http;
mod mcp;
mod page;
mod scripted_model;
mod sentences;
mod template_platform;
mod template_projects;
mod template_stores;
mod template_world;
mod templates;
mod tools;
