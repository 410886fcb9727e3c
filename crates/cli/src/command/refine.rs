//! `partita refine FILE "requirement" …`: makes a workflow better, and says what was done about each
//! requirement.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::command::run as running;
use crate::connect::Session;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{Output, Tone};
use crate::parameters::{self, Assignment};

/// Flags of `refine`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workflow, as YAML or JSON; - reads standard input
    pub(crate) file: PathBuf,
    /// What must be true of it; several are each met or listed as unmet
    #[arg(required_unless_present = "error")]
    pub(crate) requirement: Vec<String>,
    /// What went wrong when it ran; may be given more than once
    #[arg(long, value_name = "TEXT")]
    pub(crate) error: Vec<String>,
    /// Something to know (namespace, services, …); may be given more than once
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) context: Vec<Assignment>,
    /// The provider to ask
    #[arg(long)]
    pub(crate) provider: Option<String>,
    /// The model to ask
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Write the result to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
}

/// Runs the command.
pub(crate) async fn run(args: Args, session: &Session, output: &Output) -> Result<ExitCode, CliError> {
    let source = running::read(&args.file)?;
    let mut context = parameters::typed(&args.context, None)?;
    context.insert("previous_errors".to_owned(), json!(args.error));
    let request = json!({
        "workflow": source.text, "requirements": args.requirement, "context": context, "provider": args.provider,
        "options": {"format": "yaml", "model": args.model},
    });
    let answer = session.client.post("/refine", &request).await?;
    let unmet = answer["unmet_requirements"].as_array().map_or(&[][..], Vec::as_slice);
    if output.is_json() {
        output.json(&answer);
    } else {
        told(output, &answer["changes"], unmet);
        let yaml = answer["workflow_yaml"].as_str().unwrap_or_default();
        match &args.save {
            None => output.line(yaml.trim_end()),
            Some(file) => {
                std::fs::write(file, yaml).map_err(|error| {
                    CliError::new(ExitCode::Usage, format!("can't write {}: {error}", file.display()))
                })?;
                output.note(&format!("Written to {}", file.display()));
            }
        }
    }
    Ok(if unmet.is_empty() { ExitCode::Success } else { ExitCode::RunFailed })
}

fn told(output: &Output, changes: &Value, unmet: &[Value]) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for change in changes.as_array().into_iter().flatten() {
        let line = format!("{}: {}", text(&change["requirement"]), text(&change["summary"]));
        output.note(&output.paint(Tone::Good, &line));
    }
    for one in unmet {
        let line = format!("{}: not done: {}", text(&one["requirement"]), text(&one["reason"]));
        output.note(&output.paint(Tone::Warn, &line));
    }
}
