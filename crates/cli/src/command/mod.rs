//! The command line: one file per verb.

pub(crate) mod compose;
pub(crate) mod eval;
pub(crate) mod keys;
pub(crate) mod providers;
pub(crate) mod refine;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod serve;
pub(crate) mod sessions;
pub(crate) mod templates;
pub(crate) mod tools;
pub(crate) mod validate;

use clap::{Parser, Subcommand};

use crate::config::PlaceArgs;
use crate::connect::ConnectArgs;
use crate::env::Environment;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{Output, OutputArgs};

/// Say in plain words what should happen; Partita turns it into a workflow, proves it sound, runs it
/// durably, and can take it back.
#[derive(Debug, Parser)]
#[command(name = "partita", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

const EXIT_CODES: &str = "\
Exit codes: 0 success, 1 run failed or timed out (or a score below --at-least), 2 wrong usage, 3 invalid document or sentence not understood,
4 needs approval (--yes), 5 no connection or wrong key, 6 refused or not there, 7 rolled back, 8 rollback failed,
70 internal, 130 cancelled.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run the server
    Serve(serve::Args),
    /// Turn a sentence into a workflow; with --act, run it
    Compose(compose::Args),
    /// Run a workflow file and watch it
    Run(run::Args),
    /// Check a workflow file; nothing runs
    Validate(validate::Args),
    /// Score what becomes of a set of sentences
    Eval(eval::Args),
    /// Look at runs and control them
    #[command(subcommand)]
    Runs(runs::Verb),
    /// List the templates, or make a workflow from one
    #[command(subcommand_required = false)]
    Templates(templates::Args),
    /// Make a workflow file better, requirement by requirement
    Refine(refine::Args),
    /// List who turns words into workflows, or choose who is asked by default
    Providers(providers::Args),
    /// Make a workflow in several turns
    #[command(subcommand)]
    Sessions(sessions::Verb),
    /// List the tools that steps can call
    Tools(tools::Args),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Keys(keys::Verb),
    /// Print the JSON Schema of workflow documents, for editors
    Schema,
}

/// Does what the command line says.
pub(crate) async fn run(cli: Cli, environment: Environment, output: &Output) -> Result<ExitCode, CliError> {
    let Cli { verb, place, connect, .. } = cli;
    match verb {
        Verb::Serve(args) => serve::run(args, &place, &environment, output).await,
        Verb::Schema => {
            output.json(&partita_core::workflow::schema());
            Ok(ExitCode::Success)
        }
        verb => {
            let session = connect.open(&place, &environment).await?;
            let result = match verb {
                Verb::Compose(args) => compose::run(args, &session, output).await,
                Verb::Run(args) => run::run(args, &session, output).await,
                Verb::Validate(args) => validate::run(&args, &session, output).await,
                Verb::Eval(args) => eval::run(&args, &session, output).await,
                Verb::Runs(verb) => runs::run(verb, &session, output).await,
                Verb::Templates(args) => templates::run(args, &session, output).await,
                Verb::Refine(args) => refine::run(args, &session, output).await,
                Verb::Providers(args) => providers::run(args, &session, output).await,
                Verb::Sessions(verb) => sessions::run(verb, &session, output).await,
                Verb::Tools(args) => tools::run(&args, &session, output).await,
                Verb::Keys(verb) => keys::run(verb, &session, output).await,
                Verb::Serve(_) | Verb::Schema => Ok(ExitCode::Success),
            };
            session.close().await;
            result
        }
    }
}
