//! Why a call gave no result.

use std::time::Duration;

/// Why a call gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("there is no MCP server `{server}`; there are: {known}")]
    NoSuchServer { server: String, known: String },
    #[error("the MCP server `{server}` has no tool `{tool}`{help}")]
    NoSuchTool { server: String, tool: String, help: String },
    /// It can't be connected to.
    #[error("the MCP server `{server}` is not there: {reason}")]
    Unavailable { server: String, reason: String },
    /// The connection was lost while the call ran; whether the tool did its work is not known.
    #[error("the MCP server `{server}` went away during the call: {reason}")]
    Gone { server: String, reason: String },
    #[error("`{tool}` gave neither a result nor progress within {} s", .limit.as_secs_f64())]
    Silent { tool: String, limit: Duration },
    #[error("`{tool}` took longer than {} s in all", .limit.as_secs_f64())]
    TooLong { tool: String, limit: Duration },
    /// The arguments don't fit the tool's schema.
    #[error("the arguments don't fit `{tool}`: {problem}")]
    Arguments { tool: String, problem: String },
    /// The server answered with an error of the protocol.
    #[error("`{tool}` was refused: {message}")]
    Refused { tool: String, message: String },
    /// The tool wants something that a call without a person can't give.
    #[error("`{tool}` {wish}, which a call from a workflow can't give")]
    NotSupported { tool: String, wish: &'static str },
    /// The caller stopped it, and the server was told.
    #[error("the call was stopped")]
    Stopped,
}
