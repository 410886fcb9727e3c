//! Every limit that the language and the run machine put on a document or a run, with its reason.

/// Largest document, in bytes; larger than any workflow a person or a model writes.
pub const DOCUMENT_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Deepest nesting of a document; deeper ones only come from attackers.
pub const DOCUMENT_DEPTH_MAX: usize = 64;
/// Most steps in one workflow. The 10,000-step chain of the benchmark fits, 100,000 are refused.
pub const STEPS_MAX: usize = 20_000;
/// Longest name of a workflow, a step, a parameter or a tool, in characters.
pub const NAME_CHARS_MAX: usize = 128;
/// Most items of one `foreach`.
pub const ITEMS_MAX: usize = 10_000;
/// Most iterations of one `repeat` when the document sets no `limit`.
pub const REPEAT_LIMIT_DEFAULT: u32 = 1_000;
/// Most tries of one step, so that a typing error can't retry for ever.
pub const ATTEMPTS_MAX: u32 = 1_000;
/// Steps of one run that may be active at a time when the document sets no `max_active_steps`.
/// Bounded so that a wide fan-out can't fork thousands of processes at once.
pub const ACTIVE_STEPS_DEFAULT: u32 = 32;
/// Most bytes of standard output that become a step's `output` when something refers to it.
pub const OUTPUT_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of standard output kept for display when nothing refers to a step's output.
pub const OUTPUT_BYTES_UNUSED: usize = 4 * 1024;
/// Most bytes of log (standard output and error together) kept per step; the rest is drained.
pub const LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// Most bytes of text in one `step_output` event.
pub const OUTPUT_EVENT_BYTES_MAX: usize = 8 * 1024;
/// Most bytes of data in any other event; longer values are cut with a marker.
pub const EVENT_BYTES_MAX: usize = 56 * 1024;
/// Longest expression, in characters.
pub const EXPRESSION_CHARS_MAX: usize = 4_096;
/// What separates "asked to end" from "killed", in milliseconds.
pub const GRACE_MS_DEFAULT: u64 = 5_000;
/// Most tries of an attempt that is repeated only because the server died while it ran.
pub const LOST_ATTEMPTS_MAX: u32 = 10;
