//! How things look in a terminal.

pub(crate) mod diagnostics;
pub(crate) mod graph;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod table;
