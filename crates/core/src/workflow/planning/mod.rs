//! From a workflow and its parameters to a plan, or to everything that stands in the way.
//!
//! ```text
//! names -> parameters -> graph -> steps (actions, references, limits, risk) -> reach -> Plan
//! ```
//!
//! Every part adds its findings to one [`findings::Findings`] and goes on, so that all of them come in
//! one pass. The cost is linear in the size of the document; only the question whether a step's output
//! is produced upstream costs `steps × targets / 64`.

mod actions;
mod assemble;
mod code_scope;
mod findings;
mod graph;
mod limits;
mod names;
mod parameters;
mod references;
mod request;
mod risk;
mod secrets;
mod steps;

pub use assemble::plan;
pub use code_scope::needs_code;
pub(crate) use findings::nearest;
pub use parameters::misfit;
pub use request::{PlanRequest, Planned, Purpose, StepRisk};

#[cfg(test)]
mod tests;
