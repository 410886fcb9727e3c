//! The workflow language: from text in any dialect to one model, and from the model to a plan.

pub mod binding;
pub mod document;
pub mod expression;
pub mod reference;

pub use document::Workflow;
