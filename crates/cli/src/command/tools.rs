//! `partita tools`: what steps can call.

use serde_json::Value;

use crate::connect::Session;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::render::table;

/// Flags of `tools`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A tool's name; without one, all are listed
    pub(crate) name: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(args: &Args, session: &Session, output: &Output) -> Result<ExitCode, CliError> {
    let answer = session.client.get("/tools").await?;
    let tools = answer["tools"].as_array().map_or(&[][..], Vec::as_slice);
    if let Some(name) = &args.name {
        let tool = tools.iter().find(|tool| tool["name"].as_str() == Some(name));
        let tool = tool.ok_or_else(|| {
            CliError::new(ExitCode::Refused, format!("there is no tool `{name}`"))
                .hint("`partita tools` lists them all.")
        })?;
        output.json(tool);
        return Ok(ExitCode::Success);
    }
    if output.is_json() {
        output.json(&answer);
        return Ok(ExitCode::Success);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let installed = |tool: &Value| if tool["available"] == true { "yes" } else { "no" }.to_owned();
    let rows: Vec<Vec<String>> = tools
        .iter()
        .map(|tool| vec![text(&tool["name"]), text(&tool["effects"]), installed(tool), text(&tool["description"])])
        .collect();
    table::print(output, &["tool", "effects", "installed", "description"], &rows, "No tools.");
    Ok(ExitCode::Success)
}
