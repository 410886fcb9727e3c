//! Static validators: they look at what a workflow holds and never at a cluster or a server.
//!
//! A manifest or a rule may stand in a `file` step, in `files`, in a here-document, in any parameter. Its
//! finding has the path of that text in the workflow, and names the place in the text.

mod finding;
pub(crate) mod kubernetes;
pub(crate) mod prometheus;
mod shell;
pub(crate) mod texts;
mod yaml;
