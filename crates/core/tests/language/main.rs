//! The workflow language from outside: dialects, findings with places, documents that come back equal.

mod bad_input;
mod dialects;
mod examples;
mod round_trip;
