//! The tool catalogue: what a step can call, with which parameters, and what that does to the world.
//! The types and the checks are here; reading files is the command line's business.

mod catalogue;

pub use catalogue::{Catalogue, Tool};
