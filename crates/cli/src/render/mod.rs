//! How things look in a terminal.

pub mod diagnostics;
pub mod graph;
pub mod plan;
pub mod progress;
pub mod table;
