//! Every limit on talking to models, with its reason.

use std::time::Duration;

/// Longest time for one chat when the configuration says nothing: a long workflow from a slow local
/// model takes minutes, and people wait no longer than that.
pub(super) const TIMEOUT_MS_DEFAULT: u64 = 300_000;
/// Longest silence before the first byte: a prompt of 4,000 tokens takes a model on two cores over a
/// minute to read.
pub(super) const FIRST_BYTE_MS_DEFAULT: u64 = 120_000;
/// Longest silence in the middle of an answer; the slowest model that is of use writes a token a second.
pub(super) const IDLE_MS_DEFAULT: u64 = 60_000;
/// Longest time that any of the times above can be set to: a day, so that a typing error can't hang
/// a request for ever.
pub(super) const TIME_MS_MAX: u64 = 86_400_000;
/// Longest time for making a connection: who does not answer that has a network problem.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of one answer, framing included. The longest answers of models are some 500 kB of text;
/// in events of one token each that grows to a few megabytes.
pub(super) const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// An answer that ends in so many bytes of one piece of text, so many times at least, goes in circles. No two steps are
/// the same, so nothing that is meant looks like that.
pub(super) const CIRCLE_BYTES: usize = 2_048;
pub(super) const CIRCLE_TIMES: usize = 4;
/// Most bytes that are read of an answer that reports an error; the message is at its beginning.
pub(super) const ERROR_BYTES_MAX: usize = 64 * 1024;
/// Most characters of a vendor's message that are passed on.
pub(super) const MESSAGE_CHARS_MAX: usize = 500;
/// Most calls of tools in one answer; models ask for a handful.
pub(super) const CALLS_MAX: usize = 64;
/// Longest wait that a vendor may ask for before a retry; for more the caller had better do something else.
pub(super) const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// The wait before the first retry, doubled with each one.
pub(super) const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// The longest such wait.
pub(super) const BACKOFF_MAX: Duration = Duration::from_secs(20);
/// Most retries, whatever a request asks for.
pub(super) const RETRIES_MAX: u32 = 10;
/// Tokens of an answer where the vendor insists on a number and nobody named one.
pub(super) const ANSWER_TOKENS_DEFAULT: u32 = 8_192;
/// Characters to a token where a vendor does not count: true of English prose and of JSON within a third.
pub(super) const CHARS_PER_TOKEN: u64 = 4;
