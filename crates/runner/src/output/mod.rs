//! The way out: bytes become text, secrets are hidden, lines are gathered into pieces, and limits are
//! kept. Everything an attempt prints goes through one [`Sink`].

mod capture;
mod copy;
mod decode;
mod sink;

pub(crate) use copy::{Copies, CopyError};
pub(crate) use sink::{Limits, Sink};
