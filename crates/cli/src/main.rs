//! The one binary, `partita`: a server and its command line. The only crate that names SQLite,
//! processes and providers.

mod assemble;
mod authors;
mod client;
mod command;
mod config;
mod connect;
mod data_dir;
mod env;
mod error;
mod eval;
mod exit_code;
mod output;
mod parameters;
mod render;
mod signals;
mod sse;

use clap::Parser as _;

use crate::command::Cli;
use crate::env::Environment;
use crate::exit_code::ExitCode;
use crate::output::Output;

/// Stack of a thread that answers requests. The deepest chains of calls (a turn of a session that composes) take some 0.4 MiB
/// where the compiler optimised them, and four times that where it did not; memory that nobody touches costs nothing.
const STACK_BYTES: usize = 8 * 1024 * 1024;

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let environment = Environment::capture();
    let output = Output::new(&cli.output, &environment);
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK_BYTES).build();
    let runtime = match threads {
        Ok(runtime) => runtime,
        Err(error) => {
            output.error(&error.into());
            return ExitCode::Internal.into();
        }
    };
    let result = runtime.block_on(command::run(cli, environment, &output));
    // Blocking tasks that hang must not keep a finished command alive.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match result {
        Ok(code) => code.into(),
        Err(error) => {
            output.error(&error);
            error.code.into()
        }
    }
}
