//! The provider `adk`: agents over models, and the built-in planner where no model is configured.
//!
//! ```text
//! request -> choose (which model) -> context (what it has to know) -> agent (generator or refiner)
//!                                                                      |  ^
//!                                                 look-ups in what surrounds the call
//! ```
//!
//! The agents are those of the Rust Agent Development Kit. What it does with a chat is kept behind
//! [`llm`], so that a model sees exactly what stands here. One call gives one draft; checking it and
//! asking for another is the business of the compose loop alone.

mod agent;
mod ask;
mod choose;
mod config;
mod context;
mod describe;
mod llm;
mod lookup;
mod provider;
mod relevance;
mod schema;
#[cfg(test)]
mod tests;

pub use choose::{Models, NoModels};
pub use config::{AdkConfig, UnknownModel};
pub use provider::AdkProvider;
