//! Connections to MCP servers, and the one that Partita brings.
