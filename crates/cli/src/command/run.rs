//! `partita run FILE`: runs a workflow and shows it.

use std::io::Read as _;
use std::path::PathBuf;

use axum::http::Method;
use futures::StreamExt as _;
use partita_core::workflow;
use serde_json::{Value, json};

use crate::client::Client;
use crate::connect::Session;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::parameters::{self, Assignment};
use crate::render::diagnostics::{self, Source};
use crate::render::progress::Progress;
use crate::signals::{Asked, Signals};

/// Flags of `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workflow, as YAML or JSON; - reads standard input
    pub(crate) file: PathBuf,
    /// A parameter; may be given more than once
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    pub(crate) param: Vec<Assignment>,
    #[command(flatten)]
    pub(crate) options: RunOptions,
}

/// Flags about how a run goes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RunOptions {
    /// What a failure does to the run
    #[arg(long, value_parser = ["stop", "continue", "rollback"], value_name = "WHAT")]
    pub(crate) on_failure: Option<String>,
    /// A time limit for the whole run, in seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
    /// Show what would run; start nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Don't watch: print the run's id and leave it to the server
    #[arg(long)]
    pub(crate) detach: bool,
    /// Submitting the same key again attaches to the same run
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

impl RunOptions {
    /// As the API's `options`.
    pub(crate) fn to_json(&self) -> Value {
        let mut options = json!({"stream": true});
        if let Some(on_failure) = &self.on_failure {
            options["on_failure"] = json!(on_failure);
        }
        if let Some(seconds) = self.timeout {
            options["timeout"] = json!(seconds.saturating_mul(1000));
        }
        if self.dry_run {
            options["dry_run"] = json!(true);
            options["stream"] = json!(false);
        }
        options
    }
}

/// A workflow file as it was read.
pub(crate) struct SourceFile {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Reads a workflow file, or standard input.
pub(crate) fn read(file: &PathBuf) -> Result<SourceFile, CliError> {
    let name = file.display().to_string();
    let bytes = if name == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes)?;
        bytes
    } else {
        std::fs::read(file).map_err(|error| CliError::new(ExitCode::Usage, format!("can't read {name}: {error}")))?
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        CliError::new(ExitCode::Invalid, format!("{name} is not UTF-8 text: {}", error.utf8_error()))
    })?;
    Ok(SourceFile { name, text })
}

/// Runs the command.
pub(crate) async fn run(args: Args, session: &Session, output: &Output) -> Result<ExitCode, CliError> {
    let source = read(&args.file)?;
    let loaded = workflow::parse(&source.text, None);
    let Some(document) = loaded.workflow else {
        let issues: Vec<Value> =
            loaded.diagnostics.iter().filter_map(|issue| serde_json::to_value(issue).ok()).collect();
        diagnostics::print(output, &issues, Some(Source { name: &source.name, text: &source.text }));
        return Err(CliError::new(ExitCode::Invalid, format!("{} is not a workflow", source.name)));
    };
    let canonical = workflow::to_value(&document);
    let parameters = parameters::typed(&args.param, Some(&canonical))?;
    let request = json!({"workflow": source.text, "parameters": parameters, "options": args.options.to_json()});
    let outcome = execute(session, output, &request, &canonical, &args.options).await;
    outcome.inspect_err(|error| {
        let issues = error.problem.as_ref().and_then(|problem| problem["issues"].as_array());
        if let Some(issues) = issues.filter(|_| !output.is_json()) {
            diagnostics::print(output, issues, Some(Source { name: &source.name, text: &source.text }));
        }
    })
}

/// Submits a run and watches it to its end.
pub(crate) async fn execute(
    session: &Session,
    output: &Output,
    request: &Value,
    canonical: &Value,
    options: &RunOptions,
) -> Result<ExitCode, CliError> {
    if options.dry_run {
        let answer = session.client.post("/execute", request).await?;
        output.json(&answer);
        return Ok(ExitCode::Success);
    }
    if options.detach && session.client.is_embedded() {
        return Err(CliError::new(ExitCode::Usage, "there is no server to leave the run to")
            .hint("Start one with `partita serve`, or leave --detach out."));
    }
    let client = session.client.with_idempotency_key(options.idempotency_key.clone());
    let session = Session { client, ..session.clone() };
    watch(&session, output, (Method::POST, "/execute", Some(request)), Some(canonical), options.detach).await
}

/// A request whose answer is a run's stream.
pub(crate) type StreamRequest<'a> = (Method, &'a str, Option<&'a Value>);

/// Shows the events of a run until it ends. Ctrl-C cancels it, a second one leaves it.
pub(crate) async fn watch(
    session: &Session,
    output: &Output,
    (method, path, body): StreamRequest<'_>,
    canonical: Option<&Value>,
    detach: bool,
) -> Result<ExitCode, CliError> {
    let mut signals = Signals::listen()?;
    let mut events = session.client.events(method, path, body).await?;
    let mut progress = Progress::new(output, canonical);
    let mut ticker = tokio::time::interval(progress.tick_every());
    let mut interrupts = 0;
    loop {
        tokio::select! {
            event = events.next() => {
                let Some(event) = event.transpose()? else { break };
                if detach && let Some(run_id) = event.data["run_id"].as_str() {
                    output.line(run_id);
                    return Ok(ExitCode::Success);
                }
                progress.event(&event);
                if event.name == "error" && event.seq.is_none() {
                    return Err(CliError::from_problem(event.data));
                }
            }
            _ = ticker.tick() => progress.tick(),
            asked = signals.next() => {
                interrupts += u32::from(asked == Asked::Interrupt);
                match (&progress.run_id, asked, interrupts) {
                    (Some(run_id), Asked::Interrupt, 1) => cancel(&session.client, output, run_id).await?,
                    (run_id, ..) => return Ok(leave(session, output, run_id.as_deref())),
                }
            }
        }
    }
    Ok(finish(output, &progress))
}

async fn cancel(client: &Client, output: &Output, run_id: &str) -> Result<(), CliError> {
    output.note("Cancelling the run; press Ctrl-C again to leave it instead.");
    let path = format!("/executions/{run_id}/cancel");
    match client.post(&path, &json!({"reason": "interrupted at the terminal"})).await {
        // It ended in the meantime: its last event says how.
        Err(error) if error.code == ExitCode::Refused => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Says what becomes of a run that nobody watches any more.
fn leave(session: &Session, output: &Output, run_id: Option<&str>) -> ExitCode {
    if let Some(run_id) = run_id {
        let fate =
            if session.client.is_embedded() { "goes on at the next start of partita" } else { "goes on without us" };
        output.note(&format!("{run_id} {fate}: partita runs show {run_id}"));
    }
    ExitCode::Cancelled
}

fn finish(output: &Output, progress: &Progress<'_>) -> ExitCode {
    let Some(status) = progress.status.as_deref() else { return ExitCode::Internal };
    if let Some(run_id) = progress.run_id.as_deref().filter(|_| !output.is_json()) {
        output.note(&format!("Look at it again: partita runs show {run_id}"));
    }
    ExitCode::of_run(status)
}
