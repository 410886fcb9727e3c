//! Secrets: where they come from, how they get into a task at the last moment, and how they are kept
//! out of everything that leaves it.

mod mask;
mod reveal;
mod source;

pub(crate) use mask::{Masker, Patterns};
pub(crate) use reveal::{NoSuchSecret, Revealer};
pub use source::{NamedSecrets, Secrets};
