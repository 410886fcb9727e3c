//! Measures a built `partita` from outside, over HTTP, as its users meet it; and kills it at random
//! moments to see whether it keeps its word. Knows nothing of its insides.

pub mod client;
pub mod measure;
pub mod model;
pub mod server;
pub mod soak;

/// Why a measurement could not be made, or what it found wrong.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// The server did something it must not do.
    #[error("{0}")]
    Broken(String),
}

impl BenchError {
    /// A broken promise.
    #[must_use]
    pub fn broken(what: impl Into<String>) -> Self {
        Self::Broken(what.into())
    }
}
