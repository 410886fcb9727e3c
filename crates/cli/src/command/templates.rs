//! `partita templates`: lists them, shows one, or makes a workflow from one.

use serde_json::{Value, json};

use crate::command::runs::encode;
use crate::connect::Session;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{Output, Tone};
use crate::parameters::{self, Assignment};
use crate::render::table;

/// Flags of `templates`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A template's id; without one, all are listed
    pub(crate) id: Option<String>,
    /// Make a workflow from it with these parameters and print it as YAML
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    pub(crate) param: Vec<Assignment>,
    /// Make a workflow from it even without parameters
    #[arg(long)]
    pub(crate) instantiate: bool,
}

/// Runs the command.
pub(crate) async fn run(args: Args, session: &Session, output: &Output) -> Result<ExitCode, CliError> {
    let Some(id) = args.id else {
        list(output, &session.client.get("/templates").await?);
        return Ok(ExitCode::Success);
    };
    let path = format!("/templates/{}", encode(&id));
    let template = session.client.get(&path).await?;
    if args.param.is_empty() && !args.instantiate {
        show(output, &template);
        return Ok(ExitCode::Success);
    }
    let parameters = parameters::typed(&args.param, Some(&declared(&template)))?;
    let answer = session.client.post(&format!("{path}/instantiate"), &json!({"parameters": parameters})).await?;
    if output.is_json() {
        output.json(&answer);
    } else {
        let loaded = partita_core::workflow::from_value(&answer["workflow"]);
        let yaml = loaded.workflow.as_ref().map(partita_core::workflow::to_yaml);
        output.line(yaml.unwrap_or_default().trim_end());
    }
    Ok(ExitCode::Success)
}

/// The template's parameters in the form in which workflows declare theirs.
fn declared(template: &Value) -> Value {
    let list = template["parameters"].as_array().into_iter().flatten();
    let params = list.filter_map(|param| Some((param["name"].as_str()?.to_owned(), param.clone())));
    json!({"params": params.collect::<serde_json::Map<_, _>>()})
}

fn list(output: &Output, answer: &Value) {
    if output.is_json() {
        output.json(answer);
        return;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let templates = answer["templates"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = templates
        .map(|template| vec![text(&template["id"]), text(&template["category"]), text(&template["description"])])
        .collect();
    table::print(output, &["template", "category", "description"], &rows, "No templates.");
}

fn show(output: &Output, template: &Value) {
    if output.is_json() {
        output.json(template);
        return;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    output.line(&output.paint(Tone::Strong, &text(&template["name"])));
    output.line(&text(&template["description"]));
    let params = template["parameters"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = params
        .map(|param| {
            let required = if param["required"].as_bool() == Some(true) { "needed" } else { "" };
            let default = if param["default"].is_null() { String::new() } else { param["default"].to_string() };
            vec![text(&param["name"]), text(&param["type"]), required.to_owned(), default, text(&param["description"])]
        })
        .collect();
    table::print(output, &["parameter", "type", "", "default", "description"], &rows, "No parameters.");
}
