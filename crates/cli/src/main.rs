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

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let environment = Environment::capture();
    let output = Output::new(&cli.output, &environment);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
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
