//! The use cases, free of HTTP: each function takes the [`App`] and the principal that calls.

mod health;
mod state;

pub(crate) use health::health;
pub use state::{App, Entropy, Now, Parts};
