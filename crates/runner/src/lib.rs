//! Carries out ONE attempt somewhere: a process, a request, a wait, a file operation. Never retries,
//! never decides.
//!
//! ```text
//! Task --(secrets revealed)--> process | http | file | wait | mcp --(decoded, masked, cut)--> OutputPiece… Outcome
//! ```
//!
//! A value never becomes code here: arguments reach the program as they are, a script is handed to
//! its interpreter as one piece, and a process sees the variables it was given and no others.
//!
//! # What a step owns
//!
//! A step owns its process group. When its main process has ended, whatever is left of the group is
//! ended too, so that nothing runs on unseen; the step's log says so. A service that is to outlive its
//! step belongs to a service manager, or is detached with `setsid` and without the step's pipes; to outlive
//! the server as well it must not carry the server's marker (`env -u PARTITA_DATA setsid …`).
//!
//! # Deliberately absent
//!
//! Retries, step and run timeouts, rollback: the run decides them. No sandbox yet: a process runs with
//! the rights of the server.

mod environment;
mod file;
mod http;
mod local;
mod mcp;
mod output;
mod process;
mod runner;
mod secrets;
mod wait;

pub use local::{LocalOptions, LocalRunner};
pub use runner::{Attempt, OutputPiece, Runner, SharedRunner};
pub use secrets::{NamedSecrets, Secrets};
