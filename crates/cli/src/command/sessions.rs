//! `partita sessions`: a workflow that is made in several turns.

use axum::http::Method;
use serde_json::{Value, json};

use crate::command::runs::encode;
use crate::connect::Session;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{Output, Tone};
use crate::parameters::{self, Assignment};
use crate::render::{plan, table};

/// What to do with sessions.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List the sessions
    List,
    /// Begin a session; its id is printed
    New {
        /// Something that every turn goes by (namespace, services, …); may be given more than once
        #[arg(long, value_name = "NAME=VALUE")]
        context: Vec<Assignment>,
        /// The provider to ask in every turn
        #[arg(long)]
        provider: Option<String>,
    },
    /// Say something in a session: the first time makes its workflow, later times change it
    Say {
        id: String,
        message: String,
        #[arg(long, value_name = "NAME=VALUE")]
        context: Vec<Assignment>,
    },
    /// Show what was said in a session, and its workflow
    Show { id: String },
    /// Remove a session
    Delete { id: String },
}

/// Runs the command.
pub(crate) async fn run(verb: Verb, session: &Session, output: &Output) -> Result<ExitCode, CliError> {
    let client = &session.client;
    match verb {
        Verb::List => list(output, &client.get("/sessions").await?),
        Verb::New { context, provider } => {
            let context = parameters::typed(&context, None)?;
            let request = json!({"context": context, "preferences": {"provider": provider, "streaming": false}});
            let answer = client.post("/sessions", &request).await?;
            if output.is_json() {
                output.json(&answer);
            } else {
                output.line(answer["session_id"].as_str().unwrap_or_default());
            }
        }
        Verb::Say { id, message, context } => {
            let context = parameters::typed(&context, None)?;
            let request = json!({"message": message, "context": context, "stream": false});
            let answer = client.post(&format!("/sessions/{}/continue", encode(&id)), &request).await?;
            said(output, &answer);
        }
        Verb::Show { id } => {
            let shown = client.get(&format!("/sessions/{}", encode(&id))).await?;
            let risk = match &shown["workflow"] {
                Value::Null => Value::Null,
                workflow => client.post("/validate", &json!({"workflow": workflow})).await?["risk"].take(),
            };
            show(output, &shown, &risk);
        }
        Verb::Delete { id } => {
            client.json(Method::DELETE, &format!("/sessions/{}", encode(&id)), None).await?;
            output.note(&format!("{id} is removed."));
        }
    }
    Ok(ExitCode::Success)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(output: &Output, answer: &Value) {
    if output.is_json() {
        output.json(answer);
        return;
    }
    let sessions = answer["sessions"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = sessions
        .map(|one| {
            let turns = one["turns"].to_string();
            vec![text(&one["session_id"]), turns, text(&one["workflow_name"]), text(&one["expires_at"])]
        })
        .collect();
    table::print(output, &["session", "turns", "workflow", "expires"], &rows, "No sessions.");
}

fn said(output: &Output, answer: &Value) {
    if output.is_json() {
        output.json(answer);
        return;
    }
    plan::print(output, &answer["workflow"], &answer["risk"]);
    output.note(&text(&answer["message"]));
    for unmet in answer["unmet_requirements"].as_array().into_iter().flatten() {
        output.note(&output.paint(Tone::Warn, &format!("not done: {}", text(&unmet["reason"]))));
    }
}

fn show(output: &Output, answer: &Value, risk: &Value) {
    if output.is_json() {
        output.json(answer);
        return;
    }
    for turn in answer["turns"].as_array().into_iter().flatten() {
        output.line(&output.paint(Tone::Strong, &format!("{}. {}", turn["turn"], text(&turn["message"]))));
        let made = if turn["kind"] == "generated" { "made the workflow" } else { "changed it" };
        let issues = turn["diff"].as_array().map_or(0, Vec::len);
        output.line(&format!("   {made} ({}, {issues} changes)", text(&turn["model"])));
    }
    if answer["workflow"].is_object() {
        plan::print(output, &answer["workflow"], risk);
    }
}
