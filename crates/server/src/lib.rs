//! The HTTP surface: use cases in `app`, thin routes, wire shapes.
//!
//! ```text
//! socket -> serve -> router -> routes/<noun> (parse) -> app/<use case> (&Principal) -> engine, store, provider
//!                                  wire/{request,response,sse,problem} <- shapes in and out
//! ```
//!
//! A route parses, calls one use case and converts the answer; a use case knows no HTTP type. What is
//! deliberately absent: the choice of a store, an engine or a provider, and every environment variable;
//! the composition root passes them in as [`Parts`].

mod app;
mod auth;
mod limit;
mod openapi;
mod options;
mod routes;
mod serve;
mod wire;

pub use app::{App, Budgets, Entropy, Installed, Now, Parts};
pub use options::Options;
pub use routes::router;
pub use serve::serve;
