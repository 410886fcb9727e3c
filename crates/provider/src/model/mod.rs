//! The port to models, and what stands behind it: a gateway that speaks to many vendors.
//!
//! ```text
//! ChatRequest -> Conversation (fallbacks, retries, time limits, budgets)
//!                  -> Wire (what one vendor's API wants to read) -> HTTP
//!                  <- Gathering (what it writes) <- events <- bytes, counted
//! ```
//!
//! Everything that comes over the wire is bounded before it is looked at, and nothing of it is trusted.

mod clock;
mod config;
mod conversation;
mod exchange;
mod failure;
mod gateway;
mod gathering;
mod history;
mod limits;
mod port;
mod schema;
mod spending;
mod sse;
mod wire;

pub use clock::Clock;
pub use config::{ApiKey, GatewayConfig, ModelConfig, Price, SchemaSupport, Vendor};
pub use gateway::{Gateway, GatewayError};
pub use port::{AnswerSchema, ChatAnswer, ChatEvent, ChatRequest, Finish, Message, Model, ToolCall, ToolSpec};
