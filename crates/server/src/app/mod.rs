//! The use cases, free of HTTP: each function takes the [`App`] and the principal that calls.

pub(crate) mod act;
pub(crate) mod author;
mod error;
pub(crate) mod execute;
mod health;
pub(crate) mod keys;
pub(crate) mod orchestrate;
pub(crate) mod planning;
mod principal;
pub(crate) mod providers;
pub(crate) mod runs;
pub(crate) mod sessions;
mod source;
pub(crate) mod spending;
mod state;
mod surroundings;
pub(crate) mod templates;

pub(crate) use error::{AppError, FieldError};
pub(crate) use health::{health, ready};
pub(crate) use principal::{Principal, Scope};
pub(crate) use source::WorkflowSource;
pub use spending::Budgets;
pub use state::{App, Entropy, Installed, Now, Parts};
