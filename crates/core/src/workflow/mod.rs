//! The workflow language: from text in any dialect to one model, and from the model to a plan.

pub mod binding;
pub mod canonical;
mod dialect;
pub mod diff;
pub mod document;
pub mod expression;
pub mod mermaid;
pub mod parse;
pub mod planning;
pub mod reference;
pub mod schema;
mod text;

pub use canonical::{to_value, to_yaml};
pub use diff::{Change, ChangeKind, diff};
pub use document::Workflow;
pub use mermaid::to_mermaid;
pub use parse::{Format, Loaded, Places, from_value, parse};
pub use planning::{PlanRequest, Planned, Purpose, StepRisk, needs_code, plan};
pub use schema::schema;
pub use text::read_text;
