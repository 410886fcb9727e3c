//! `partita eval FILE`: asks for a workflow for each sentence of a set, and counts which of the expected facts the
//! workflows have.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::command::run as running;
use crate::connect::Session;
use crate::error::CliError;
use crate::eval::{self, Case, Outcome, Score, Scored, Scores};
use crate::exit_code::ExitCode;
use crate::output::{Output, Tone};
use crate::render::table;

/// How the planner that answers when no model is configured names itself.
const PLANNER: &str = "builtin/planner";

/// Flags of `eval`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The set of sentences, as YAML or JSON; - reads standard input
    pub(crate) file: PathBuf,
    /// The model to ask; the server's default when absent
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// End with exit code 1 when facts met, workflows valid or refusals right are below this
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) at_least: Option<u8>,
}

/// Runs the command.
pub(crate) async fn run(args: &Args, session: &Session, output: &Output) -> Result<ExitCode, CliError> {
    let source = running::read(&args.file)?;
    let set = eval::read(&source.name, &source.text)?;
    let mut scored = Vec::with_capacity(set.cases.len());
    for case in &set.cases {
        scored.push(ask(case, args.model.as_deref(), session).await?);
    }
    let scores = Scores::of(&set, &scored);
    if output.is_json() {
        output.json(&to_json(&set, &scored, &scores));
    } else {
        print(output, &set, &scored, &scores);
    }
    let enough = args.at_least.is_none_or(|percent| scores.total.percent() >= f64::from(percent));
    Ok(if enough { ExitCode::Success } else { ExitCode::RunFailed })
}

/// Asks for the workflow of a sentence, and looks for its facts.
async fn ask(case: &Case, model: Option<&str>, session: &Session) -> Result<Scored, CliError> {
    let mut options = Map::new();
    if let Some(model) = model {
        options.insert("model".to_owned(), json!(model));
    }
    let begun = Instant::now();
    let request = json!({"task": case.say, "context": case.context, "options": options});
    let mut answer = match session.client.post("/generate", &request).await {
        Ok(answer) => answer,
        // Only a sentence that means nothing is refused; anything else is a fault of the set or the server.
        Err(error) if is_refusal(&error) => return Ok(refused(case, error.message, begun)),
        Err(error) => return Err(error),
    };
    let took = begun.elapsed();
    is_of_the_model(&answer, model)?;
    let mut is_valid = answer["validation"]["valid"] == true;
    let mut unmet = Vec::new();
    if !case.refine.is_empty() {
        let request = json!({
            "workflow": answer["workflow"], "requirements": case.refine, "context": case.context, "options": options,
        });
        answer = match session.client.post("/refine", &request).await {
            Ok(answer) => answer,
            Err(error) if is_refusal(&error) => return Ok(refused(case, error.message, begun)),
            Err(error) => return Err(error),
        };
        is_of_the_model(&answer, model)?;
        is_valid &= answer["validation"]["valid"] == true;
        let list = answer["unmet_requirements"].as_array().into_iter().flatten();
        unmet.extend(list.map(Value::to_string));
    }
    let suggestions: Vec<String> = answer["validation"]["suggestions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect();
    let outcome = Outcome { workflow: &answer["workflow"], suggestions: &suggestions, unmet: &unmet };
    Ok(Scored { made: true, is_valid, lacks: outcome.lacks(&case.facts), refusal: None, took })
}

fn is_refusal(error: &CliError) -> bool {
    error.problem.as_ref().is_some_and(|problem| problem["status"] == 422)
}

fn refused(case: &Case, message: String, begun: Instant) -> Scored {
    let lacks = case.facts.iter().map(ToString::to_string).collect();
    Scored { made: false, is_valid: false, lacks, refusal: Some(message), took: begun.elapsed() }
}

/// A score of a model must not be one of the planner that stands in for it.
fn is_of_the_model(answer: &Value, model: Option<&str>) -> Result<(), CliError> {
    match model {
        Some(model) if model != PLANNER && answer["metadata"]["model"] == PLANNER => {
            Err(CliError::new(ExitCode::Refused, format!("the model {model} is not configured; the planner answered"))
                .hint("Configure it, or leave --model out to score the planner."))
        }
        _ => Ok(()),
    }
}

fn to_json(set: &eval::Set, scored: &[Scored], scores: &Scores) -> Value {
    let sentences: Vec<Value> = set
        .cases
        .iter()
        .zip(scored)
        .map(|(case, scored)| {
            let mut one = json!({
                "category": case.category, "say": case.say, "refused": !scored.made, "facts": case.facts.len(),
                "lacks": scored.lacks, "milliseconds": scored.took.as_secs_f64() * 1000.0,
            });
            if scored.made {
                one["valid"] = json!(scored.is_valid);
            }
            if let Some(refusal) = &scored.refusal {
                one["refusal"] = json!(refusal);
            }
            one
        })
        .collect();
    let categories: Map<String, Value> =
        scores.categories.iter().map(|(name, score)| (name.clone(), score.to_json())).collect();
    json!({
        "total": scores.total.to_json(), "categories": categories, "sentences": sentences,
        "milliseconds": {"median": scores.median.as_secs_f64() * 1000.0, "longest": scores.longest.as_secs_f64() * 1000.0},
    })
}

fn print(output: &Output, set: &eval::Set, scored: &[Scored], scores: &Scores) {
    for (case, scored) in set.cases.iter().zip(scored) {
        let wrong = match (case.refused, scored.made) {
            (true, true) => Some("should have been refused".to_owned()),
            (false, false) => Some("was refused".to_owned()),
            (false, true) if !scored.is_valid => Some("the workflow is not valid".to_owned()),
            _ => None,
        };
        if wrong.is_none() && scored.lacks.is_empty() {
            continue;
        }
        output.line(&output.paint(Tone::Bad, &format!("{}: {}", case.category, case.say)));
        wrong.iter().for_each(|wrong| output.line(&format!("  {wrong}")));
        scored.lacks.iter().for_each(|fact| output.line(&format!("  lacks {fact}")));
    }
    let of = |part: usize, whole: usize| if whole == 0 { "-".to_owned() } else { format!("{part}/{whole}") };
    let row = |name: &str, score: &Score| {
        vec![
            name.to_owned(),
            score.sentences.to_string(),
            of(score.facts_met, score.facts),
            of(score.workflows_valid, score.workflows),
            of(score.refusals_right, score.refusals),
        ]
    };
    let mut rows: Vec<Vec<String>> = scores.categories.iter().map(|(name, score)| row(name, score)).collect();
    rows.push(row("total", &scores.total));
    let headings = ["category", "sentences", "facts met", "workflows valid", "refusals right"];
    table::print(output, &headings, &rows, "No sentences.");
    let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
    let times = (milliseconds(scores.median), milliseconds(scores.longest));
    output.line(&format!("Half of the answers took less than {:.1} ms, the longest {:.1} ms.", times.0, times.1));
}
