//! One function per thing that reads what strangers write. Each takes any bytes and panics when a
//! promise is broken; a fuzzer (`libfuzzer/`) looks for such bytes, and `tests/corpora.rs` feeds the
//! ones worth keeping (`corpus/`) at every test.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken promise is a panic here")]

mod answer;
mod document;
mod expression;
mod journal;
mod planner;

pub use answer::answer;
pub use document::document;
pub use expression::expression;
pub use journal::journal;
pub use planner::{requirement, sentence};

/// Takes bytes, and panics when a promise is broken.
pub type Target = fn(&[u8]);

/// Every target, by the name of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("answer", answer),
    ("document", document),
    ("expression", expression),
    ("journal", journal),
    ("requirement", requirement),
    ("sentence", sentence),
];
