//! The tool catalogue: what a step can call, with which parameters, and what that does to the world.
//!
//! ```text
//! YAML -> Catalogue -> Tool::call(parameters, Reader) -> Call { action, effects, reasons }
//! ```
//!
//! The types and the checks are here; reading files is the command line's business, and knowing what
//! references mean is that of the [`Reader`]. A command of a tool becomes arguments *before* any value
//! is bound, so a value can never become a second argument, an option or code.

mod arguments;
mod builtin;
mod call;
mod catalogue;
mod code;
mod definition;
mod effects;
mod load;
mod mcp;
mod parameters;
mod split;

pub(crate) use builtin::{method_effects, request};
pub use call::{Call, Reader, json_template};
pub use catalogue::Catalogue;
pub use definition::{ArgvItem, Builtin, CodeLanguage, HttpForm, Runs, Tool};
pub use effects::raise;
pub use mcp::{ArgumentSchema, McpForm};
pub(crate) use parameters::{escape, kind_of, shortened, text_of};

#[cfg(test)]
mod mcp_tests;
#[cfg(test)]
mod tests;
