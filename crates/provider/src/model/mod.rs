//! The port to models, and what stands behind it: a gateway that speaks to many vendors.

mod port;

pub use port::{AnswerSchema, ChatAnswer, ChatEvent, ChatRequest, Finish, Message, Model, ToolCall, ToolSpec};
