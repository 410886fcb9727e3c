//! `partita validate FILE`: says everything that is wrong with a workflow, with its place.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::command::run as running;
use crate::connect::Session;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{Output, Tone};
use crate::render::diagnostics::{self, Source};

/// Flags of `validate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workflow, as YAML or JSON; - reads standard input
    pub(crate) file: PathBuf,
    /// A parameter, checked too; may be given more than once
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    pub(crate) param: Vec<crate::parameters::Assignment>,
}

/// Runs the command.
pub(crate) async fn run(args: &Args, session: &Session, output: &Output) -> Result<ExitCode, CliError> {
    let source = running::read(&args.file)?;
    let canonical = partita_core::workflow::parse(&source.text, None).workflow;
    let canonical = canonical.as_ref().map(partita_core::workflow::to_value);
    let parameters = crate::parameters::typed(&args.param, canonical.as_ref())?;
    let request = json!({"workflow": source.text, "parameters": parameters});
    let answer = session.client.post("/validate", &request).await?;
    let valid = answer["valid"].as_bool().unwrap_or(false);
    if output.is_json() {
        output.json(&answer);
        return Ok(if valid { ExitCode::Success } else { ExitCode::Invalid });
    }
    let issues = answer["issues"].as_array().cloned().unwrap_or_default();
    diagnostics::print(output, &issues, Some(Source { name: &source.name, text: &source.text }));
    for suggestion in answer["suggestions"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        output.note(&output.paint(Tone::Warn, &format!("note: {suggestion}")));
    }
    let count = |severity: &str| issues.iter().filter(|issue| issue["severity"] == severity).count();
    let counts = format!("{} errors, {} warnings", count("error"), count("warning"));
    if valid {
        output.line(&output.paint(Tone::Good, &format!("{} is valid ({counts})", source.name)));
        return Ok(ExitCode::Success);
    }
    output.line(&output.paint(Tone::Bad, &format!("{} is not valid ({counts})", source.name)));
    Ok(ExitCode::Invalid)
}
