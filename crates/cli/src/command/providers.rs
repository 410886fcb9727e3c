//! `partita providers`: who turns words into workflows, and who is asked when nobody says.

use serde_json::{Value, json};

use crate::connect::Session;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::render::table;

/// Flags of `providers`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Make this provider the one that is asked by default
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) switch: Option<String>,
    /// With --switch: how long a whole call may take, in milliseconds
    #[arg(long, value_name = "MS", requires = "switch")]
    pub(crate) timeout: Option<u64>,
    /// With --switch: tries of one request to a model after the first
    #[arg(long, value_name = "N", requires = "switch")]
    pub(crate) max_retries: Option<u64>,
    /// With --switch: the model to ask when a request names none
    #[arg(long, requires = "switch")]
    pub(crate) model: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(args: Args, session: &Session, output: &Output) -> Result<ExitCode, CliError> {
    if let Some(provider) = &args.switch {
        let mut request = json!({"provider": provider});
        let set = [
            ("timeout", args.timeout.map(Value::from)),
            ("max_retries", args.max_retries.map(Value::from)),
            ("model", args.model.clone().map(Value::from)),
        ];
        for (name, value) in set {
            if let Some(value) = value {
                request["config"][name] = value;
            }
        }
        let answer = session.client.post("/providers/switch", &request).await?;
        if output.is_json() {
            output.json(&answer);
        } else {
            output.note(&format!("{provider} is asked from now on, with {}", answer["config"]));
        }
        return Ok(ExitCode::Success);
    }
    let answer = session.client.get("/providers").await?;
    if output.is_json() {
        output.json(&answer);
        return Ok(ExitCode::Success);
    }
    let rows: Vec<Vec<String>> =
        answer["providers"].as_object().into_iter().flatten().map(|(name, one)| row(name, one, &answer)).collect();
    table::print(output, &["provider", "default", "available", "can", "models"], &rows, "No providers.");
    Ok(ExitCode::Success)
}

fn row(name: &str, provider: &Value, answer: &Value) -> Vec<String> {
    let is_default = answer["default"] == *name;
    let available = match provider["reason"].as_str() {
        Some(reason) => format!("no: {reason}"),
        None => "yes".to_owned(),
    };
    let features = provider["features"].as_object().into_iter().flatten();
    let can: Vec<&str> = features.filter(|(_, has)| **has == true).map(|(name, _)| name.as_str()).collect();
    let models: Vec<&str> = provider["models"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let default = if is_default { "*" } else { "" };
    vec![name.to_owned(), default.to_owned(), available, can.join(" "), models.join(", ")]
}
