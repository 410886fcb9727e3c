//! Processes: started with an explicit environment in a group of their own, read line by line, and
//! ended as a group.
//!
//! ```text
//! script | program --(resolve on PATH)--> Command --spawn--> pump (output) + watch (end, stop) --> Outcome
//! ```

mod command;
mod group;
mod pump;
mod script;
mod stray;
#[cfg(target_os = "linux")]
mod table;
mod watch;

pub(crate) use stray::end_strays;
pub(crate) use watch::carry_out;
