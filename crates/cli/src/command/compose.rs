//! `partita compose "sentence"`: words become a workflow; with `--act`, the workflow runs.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::command::run::{self, RunOptions};
use crate::connect::Session;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{Output, Tone};
use crate::parameters::{self, Assignment};
use crate::render::{diagnostics, plan};

/// Flags of `compose`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What should happen, in plain words
    pub(crate) sentence: String,
    /// Run the workflow
    #[arg(long)]
    pub(crate) act: bool,
    /// Run it even if steps could hurt or nobody can tell what they do
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// A parameter; may be given more than once
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    pub(crate) param: Vec<Assignment>,
    /// Something to know while composing (namespace, services, …); may be given more than once
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) context: Vec<Assignment>,
    /// Write the workflow to a file, as YAML
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: RunOptions,
}

/// Runs the command.
pub(crate) async fn run(args: Args, session: &Session, output: &Output) -> Result<ExitCode, CliError> {
    let request = json!({
        "task": args.sentence,
        "context": parameters::typed(&args.context, None)?,
        "options": {"format": "yaml", "include_validation": true},
    });
    let answer = session.client.post("/generate", &request).await?;
    let workflow = &answer["workflow"];
    let given = parameters::typed(&args.param, Some(workflow))?;
    show(output, &answer, args.act);
    if let Some(file) = &args.save {
        let yaml = answer["workflow_yaml"].as_str().unwrap_or_default();
        std::fs::write(file, yaml)
            .map_err(|error| CliError::new(ExitCode::Usage, format!("can't write {}: {error}", file.display())))?;
        output.note(&format!("Written to {}", file.display()));
    }
    if !args.act {
        if !output.is_json() {
            output.note("Nothing has run. Add --act to run it, --save FILE to keep it.");
        }
        return Ok(ExitCode::Success);
    }
    let missing = plan::missing_parameters(workflow, &given);
    if !missing.is_empty() && !args.options.dry_run {
        let hint = missing.iter().map(|name| format!("-p {name}=…")).collect::<Vec<_>>().join(" ");
        return Err(CliError::new(ExitCode::Usage, format!("the workflow needs values for {}", missing.join(", ")))
            .hint(format!("Add {hint}")));
    }
    let allow = consent(&args, output, &answer)?;
    execute(&args, session, output, (workflow, given, allow)).await
}

async fn execute(
    args: &Args,
    session: &Session,
    output: &Output,
    (workflow, given, allow): (&Value, Map<String, Value>, Value),
) -> Result<ExitCode, CliError> {
    let mut options = args.options.to_json();
    options["allow"] = allow;
    let request = json!({"workflow": workflow, "parameters": given, "options": options});
    run::execute(session, output, &request, workflow, &args.options).await
}

/// What the person allows: nothing that could hurt runs without a yes.
fn consent(args: &Args, output: &Output, answer: &Value) -> Result<Value, CliError> {
    let risky = plan::risky_steps(&answer["workflow"], &answer["risk"]);
    if risky.is_empty() || args.yes || args.options.dry_run {
        return Ok(json!(["destructive", "unknown"]));
    }
    let names: Vec<String> = risky.iter().map(|(name, effects)| format!("{name} ({effects})")).collect();
    if output.can_ask() {
        let question = format!("These steps could hurt, or nobody can tell: {}. Run it?", names.join(", "));
        if output.ask(&question) {
            return Ok(json!(["destructive", "unknown"]));
        }
    }
    Err(CliError::new(ExitCode::NeedsApproval, format!("nobody said yes to {}", names.join(", ")))
        .hint("Read the plan above, then add --yes to run it."))
}

fn show(output: &Output, answer: &Value, act: bool) {
    if output.is_json() {
        if !act {
            output.json(answer);
        }
        return;
    }
    plan::print(output, &answer["workflow"], &answer["risk"]);
    let validation = &answer["validation"];
    let issues: Vec<Value> = validation["issues"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|issue| issue["severity"] != "info")
        .cloned()
        .collect();
    diagnostics::print(output, &issues, None);
    for suggestion in validation["suggestions"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        output.note(&output.paint(Tone::Warn, &format!("note: {suggestion}")));
    }
}
