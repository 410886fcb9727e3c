//! `partita runs`: looks at runs and controls them.

use axum::http::Method;
use serde_json::{Value, json};

use crate::command::run as running;
use crate::connect::Session;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{Output, Tone};
use crate::render::table;

/// What to do with runs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List runs, newest first
    List {
        /// Only those with this status
        #[arg(long)]
        status: Option<String>,
        /// Only those of this workflow
        #[arg(long)]
        workflow: Option<String>,
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show one run and its steps
    Show { run_id: String },
    /// Print a run's events; follows a run that has not ended
    Events {
        run_id: String,
        /// Only those after this one
        #[arg(long, default_value_t = 0, value_name = "SEQ")]
        after: u64,
    },
    /// Print what a step wrote
    Logs { run_id: String, step: String },
    /// End a run
    Cancel {
        run_id: String,
        /// Take back what succeeded
        #[arg(long)]
        rollback: bool,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Start nothing new in a run
    Pause { run_id: String },
    /// Let a paused run go on
    Resume { run_id: String },
    /// Say yes to a step that waits for approval
    Approve {
        run_id: String,
        approval_id: String,
        #[arg(long)]
        comment: Option<String>,
    },
    /// Say no to a step that waits for approval
    Reject {
        run_id: String,
        approval_id: String,
        #[arg(long)]
        comment: Option<String>,
    },
}

/// Runs the command.
pub(crate) async fn run(verb: Verb, session: &Session, output: &Output) -> Result<ExitCode, CliError> {
    let client = &session.client;
    match verb {
        Verb::List { status, workflow, limit } => {
            let mut path = format!("/executions?limit={limit}");
            for (name, value) in [("status", status), ("workflow", workflow)] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", encode(&value)));
                }
            }
            list(output, &client.get(&path).await?);
        }
        Verb::Show { run_id } => show(output, &client.get(&format!("/executions/{}", encode(&run_id))).await?),
        Verb::Events { run_id, after } => {
            let path = format!("/executions/{}/events?starting_after={after}", encode(&run_id));
            let watched = running::watch(session, output, (Method::GET, &path, None), None, false).await?;
            // A run that had ended before `after` has no more events: that is no fault.
            return Ok(if watched == ExitCode::Internal { ExitCode::Success } else { watched });
        }
        Verb::Logs { run_id, step } => {
            let answer = client.get(&format!("/executions/{}/steps/{}/logs", encode(&run_id), encode(&step))).await?;
            logs(output, &answer);
        }
        Verb::Cancel { run_id, rollback, reason } => {
            let body = json!({"rollback": rollback, "reason": reason});
            control(session, output, (&run_id, "cancel"), &body).await?;
        }
        Verb::Pause { run_id } => control(session, output, (&run_id, "pause"), &json!({})).await?,
        Verb::Resume { run_id } => control(session, output, (&run_id, "resume"), &json!({})).await?,
        Verb::Approve { run_id, approval_id, comment } => {
            let body = json!({"decision": "approve", "comment": comment});
            control(session, output, (&run_id, &format!("approvals/{}", encode(&approval_id))), &body).await?;
        }
        Verb::Reject { run_id, approval_id, comment } => {
            let body = json!({"decision": "reject", "comment": comment});
            control(session, output, (&run_id, &format!("approvals/{}", encode(&approval_id))), &body).await?;
        }
    }
    Ok(ExitCode::Success)
}

async fn control(
    session: &Session,
    output: &Output,
    (run_id, verb): (&str, &str),
    body: &Value,
) -> Result<(), CliError> {
    let answer = session.client.post(&format!("/executions/{}/{verb}", encode(run_id)), body).await?;
    if output.is_json() {
        output.json(&answer);
    } else {
        output.line(&format!("{run_id}: {}", answer["status"].as_str().unwrap_or("done")));
    }
    Ok(())
}

/// A part of a path or a query, safe to send.
pub(crate) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn seconds(value: &Value) -> String {
    value.as_f64().map(|seconds| format!("{seconds:.2}s")).unwrap_or_default()
}

fn list(output: &Output, answer: &Value) {
    if output.is_json() {
        output.json(answer);
        return;
    }
    let runs = answer["executions"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = runs
        .map(|run| {
            vec![
                text(&run["run_id"]),
                text(&run["workflow"]),
                text(&run["status"]),
                text(&run["created_at"]),
                seconds(&run["duration"]),
            ]
        })
        .collect();
    table::print(output, &["run", "workflow", "status", "created", "duration"], &rows, "No runs yet.");
}

fn show(output: &Output, run: &Value) {
    if output.is_json() {
        output.json(run);
        return;
    }
    let status = text(&run["status"]);
    let tone = if status == "success" { Tone::Good } else { Tone::Warn };
    let head = format!("{}  {}  {}", text(&run["run_id"]), text(&run["workflow"]), seconds(&run["duration"]));
    output.line(&format!("{head}  {}", output.paint(tone, &status)));
    let error = &run["error"];
    if !error.is_null() {
        let message = if error.is_string() { text(error) } else { text(&error["message"]) };
        output.line(&output.paint(Tone::Bad, &format!("error: {message}")));
    }
    let steps = run["steps"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = steps
        .map(|step| {
            let last = [&step["error"], &step["output"]]
                .into_iter()
                .map(text)
                .find(|text| !text.is_empty())
                .unwrap_or_default();
            let note: String = last.lines().next().unwrap_or_default().chars().take(70).collect();
            vec![text(&step["name"]), text(&step["status"]), text(&step["attempts"]), seconds(&step["duration"]), note]
        })
        .collect();
    table::print(output, &["step", "status", "attempts", "duration", "last"], &rows, "No steps.");
    for approval in run["approvals"].as_array().into_iter().flatten() {
        let (id, message) = (text(&approval["approval_id"]), text(&approval["message"]));
        output.line(&output.paint(Tone::Warn, &format!("waits for approval {id}: {message}")));
    }
    if run["outputs"].as_object().is_some_and(|outputs| !outputs.is_empty()) {
        output.line(&format!("outputs: {}", run["outputs"]));
    }
}

fn logs(output: &Output, answer: &Value) {
    if output.is_json() {
        output.json(answer);
        return;
    }
    match (answer["logs"].as_str(), answer["logs"].as_array()) {
        (Some(logs), _) => output.line(logs.trim_end_matches('\n')),
        (_, Some(pieces)) => {
            let whole: String =
                pieces.iter().map(|piece| text(if piece.is_object() { &piece["text"] } else { piece })).collect();
            output.line(whole.trim_end_matches('\n'));
        }
        _ => (),
    }
}
