//! Connections to MCP servers, and the one that Partita brings.
//!
//! ```text
//! ServerSettings -> ServerConfig -> Pool: call(), validate(), tools(), servers()
//!                                    '-> Tools: the catalogue with the servers' tools in it
//! ```
//!
//! One pool serves the whole program: steps, the provider `mcp`, and validation. Only the operator's
//! configuration names commands and addresses. What a server says is a stranger's word: names are checked,
//! descriptions cut, results bounded, and what a tool does to the world is unknown unless the operator says
//! otherwise.
//!
//! # Deliberately absent
//!
//! Sampling, elicitation and roots: a server that asks is told that nobody answers. Retries of calls: the run
//! decides them.

mod builtin;
mod catalogue;
mod clean;
mod config;
mod error;
pub mod limits;
mod pool;
mod result;
mod tool;
mod validation;
mod validators;

pub use builtin::BuiltinServer;
pub use catalogue::Tools;
pub use config::{BUILTIN_SERVER, ConfigError, ServerConfig, ServerSettings, Transport};
pub use error::CallError;
pub use pool::{CallFollow, CallProgress, Pool, PoolOptions, ServerStatus, ToolCall};
pub use result::ToolResult;
pub use tool::{Listed, ToolInfo};
pub use validation::ValidatorError;
