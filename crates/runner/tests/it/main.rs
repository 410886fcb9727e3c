//! The local runner on real processes, real files and real sockets.

mod bench;
mod output;
mod start;
