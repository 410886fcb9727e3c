//! Shapes on the wire: what comes in, what goes out.

pub(crate) mod fields;
pub(crate) mod framing;
pub(crate) mod padding;
pub(crate) mod problem;
pub(crate) mod progress;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod sse;
