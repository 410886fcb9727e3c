//! Scores what becomes of sentences: a set of them with the facts that their workflows must have.

mod facts;
mod score;
mod set;
mod workflow;

pub(crate) use facts::Outcome;
pub(crate) use score::{Score, Scored, Scores};
pub(crate) use set::{Case, Set, read};
