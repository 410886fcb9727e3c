//! Kills the server at random moments while runs go forward and backward, and judges by an effects
//! file that the steps write themselves, outside the journal, whether it kept its word:
//!
//! - each run ends by itself;
//! - no step that a client saw finished runs again, in either direction;
//! - a client that resumes with `Last-Event-ID` sees each event once, in order, and none is missing;
//! - rollbacks undo what succeeded, dependants first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::BenchError;
use crate::client::Client;
use crate::server::Setup;

/// How long and how hard.
#[derive(Clone, Debug)]
pub struct Plan {
    pub binary: PathBuf,
    pub duration: Duration,
    /// Runs that are kept going at a time.
    pub runs_active: usize,
    /// A server lives at most this long between two kills.
    pub life_max: Duration,
}

/// What happened.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub kills: u32,
    pub runs: usize,
    pub verdicts: BTreeMap<String, usize>,
    pub events: usize,
    pub reconnects: usize,
    /// Attempts that were begun more often than once because a kill met them: allowed, and counted.
    pub attempts_lost: usize,
}

/// What one client saw of one run.
#[derive(Debug, Default)]
struct Seen {
    run_id: String,
    events: Vec<(u64, Value)>,
    /// Size of the effects file when a step was seen finished, by step and direction.
    finished_at: BTreeMap<(String, bool), u64>,
    reconnects: usize,
}

/// A client that keeps runs going, and what it saw of each; whether the run was made to fail.
type Lane = JoinHandle<Result<Vec<(Seen, bool)>, BenchError>>;

fn random(below: u64) -> u64 {
    getrandom::u64().unwrap_or(0) % below.max(1)
}

/// A run whose steps write down what they do. One in two fails at its end and is taken back.
fn workflow(effects: &Path, number: usize) -> (Value, bool) {
    let fails = number % 2 == 1;
    let line = |verb: &str, step: &str| format!("echo \"{verb} $PARTITA_RUN_ID {step}\" >> '{}'", effects.display());
    let step = |name: &str, depends: &[&str], pause: &str| {
        json!({
            "name": name, "depends": depends,
            "command": format!("{}; sleep {pause}; {}", line("begin", name), line("end", name)),
            "retry": {"max_attempts": 50, "delay": "50ms"},
            "rollback": {"command": format!("{}; sleep {pause}; {}", line("undo-begin", name), line("undo-end", name)),
                         "retry": {"max_attempts": 50, "delay": "50ms"}},
        })
    };
    let mut steps = vec![
        step("a", &[], "0.05"),
        step("b", &["a"], "0.1"),
        step("c", &["a"], "0.15"),
        step("d", &["b", "c"], "0.02"),
    ];
    if fails {
        steps.push(json!({"name": "e", "depends": ["d"], "command": "exit 3"}));
    }
    (json!({"name": "soaked", "type": "graph", "on_failure": "rollback", "steps": steps}), fails)
}

/// Runs the soak.
///
/// # Errors
///
/// When the server can't be started, or broke its word.
pub async fn soak(plan: &Plan) -> Result<Report, BenchError> {
    let dir = tempfile::tempdir()?;
    let effects = dir.path().join("effects");
    std::fs::write(&effects, "")?;
    let setup = Setup::new(&plan.binary, &dir.path().join("data"))?;
    let client = Client::new(setup.port)?;
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<Lane> = (0..plan.runs_active)
        .map(|lane| {
            let (client, effects, stop) = (client.clone(), effects.clone(), Arc::clone(&stop));
            tokio::spawn(async move { keep_running(&client, &effects, &stop, lane).await })
        })
        .collect();
    let mut report = Report::default();
    let deadline = Instant::now() + plan.duration;
    while Instant::now() < deadline {
        let server = setup.start().await?;
        let life = plan.life_max.mul_f64(0.05) + Duration::from_millis(random(plan.life_max.as_millis() as u64));
        tokio::time::sleep(life).await;
        server.kill()?;
        report.kills += 1;
    }
    stop.store(true, Ordering::Relaxed);
    let last = setup.start().await?;
    let mut seen = Vec::new();
    for client in clients {
        let lane = tokio::time::timeout(Duration::from_secs(120), client).await;
        let lane =
            lane.map_err(|_| BenchError::broken("a run did not end by itself within two minutes of the last start"))?;
        seen.extend(lane.map_err(|error| BenchError::broken(error.to_string()))??);
    }
    let effects = std::fs::read_to_string(&effects)?;
    for (run, fails) in &seen {
        judge(&last.client, run, *fails, &effects, &mut report).await?;
    }
    last.stop()?;
    Ok(report)
}

/// Begins one run after another and follows each to its end over every kill.
async fn keep_running(
    client: &Client,
    effects: &Path,
    stop: &AtomicBool,
    lane: usize,
) -> Result<Vec<(Seen, bool)>, BenchError> {
    let mut runs = Vec::new();
    let mut number = lane;
    while !stop.load(Ordering::Relaxed) {
        let (workflow, fails) = workflow(effects, number);
        number += 1;
        let request = json!({"workflow": workflow});
        let Ok(mut stream) = client.execute_stream(&request).await else {
            // The server is dead just now.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Some(first) = stream.next().await else { continue };
        let mut seen = Seen { run_id: first.data["run_id"].as_str().unwrap_or_default().to_owned(), ..Seen::default() };
        take(&mut seen, first.seq.unwrap_or(0), first.data, effects);
        follow(client, stream, &mut seen, effects).await?;
        runs.push((seen, fails));
    }
    Ok(runs)
}

async fn follow(
    client: &Client,
    first: crate::client::EventStream,
    seen: &mut Seen,
    effects: &Path,
) -> Result<(), BenchError> {
    let mut stream = Some(first);
    loop {
        if let Some(open) = stream.as_mut() {
            while let Some(event) = open.next().await {
                let done = event.name() == "execution_complete";
                take(seen, event.seq.unwrap_or(0), event.data, effects);
                if done {
                    return Ok(());
                }
            }
        }
        seen.reconnects += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
        let after = seen.events.last().map_or(0, |(seq, _)| *seq);
        stream = match client.follow(&seen.run_id, after).await {
            Ok(Some(stream)) => Some(stream),
            Ok(None) => {
                return Err(BenchError::broken(format!(
                    "{} has ended, but its last event was never shown",
                    seen.run_id
                )));
            }
            Err(BenchError::Broken(what)) => return Err(BenchError::Broken(what)),
            Err(_) => None,
        };
    }
}

fn take(seen: &mut Seen, seq: u64, data: Value, effects: &Path) {
    let undo = data["event"] == "rollback_step_complete";
    let done = data["event"] == "step_complete" && data["status"] == "success";
    if let Some(step) = data["step"].as_str().filter(|_| done || undo) {
        let size = std::fs::metadata(effects).map_or(0, |metadata| metadata.len());
        seen.finished_at.insert((step.to_owned(), undo), size);
    }
    seen.events.push((seq, data));
}

async fn judge(client: &Client, run: &Seen, fails: bool, effects: &str, report: &mut Report) -> Result<(), BenchError> {
    let id = &run.run_id;
    let seqs: Vec<u64> = run.events.iter().map(|(seq, _)| *seq).collect();
    if !seqs.is_sorted_by(|one, next| one < next) {
        return Err(BenchError::broken(format!("{id}: an event came twice or out of order: {seqs:?}")));
    }
    let mut whole = Vec::new();
    if let Some(mut stream) = client.follow(id, 0).await? {
        while let Some(event) = stream.next().await {
            whole.push(event.seq.unwrap_or(0));
        }
    }
    if whole != seqs {
        return Err(BenchError::broken(format!("{id}: the client saw {seqs:?}, the log has {whole:?}")));
    }
    let status = run.events.last().and_then(|(_, data)| data["status"].as_str()).unwrap_or("none").to_owned();
    let wanted = if fails { "rolled_back" } else { "success" };
    if status != wanted {
        return Err(BenchError::broken(format!("{id} ended {status}, not {wanted}")));
    }
    judge_effects(run, fails, effects, report)?;
    report.runs += 1;
    report.events += seqs.len();
    report.reconnects += run.reconnects;
    *report.verdicts.entry(status).or_default() += 1;
    Ok(())
}

fn judge_effects(run: &Seen, fails: bool, effects: &str, report: &mut Report) -> Result<(), BenchError> {
    let id = &run.run_id;
    let mut offset = 0_u64;
    let mut begun: BTreeMap<(String, bool), usize> = BTreeMap::new();
    let (mut ended, mut undone) = (BTreeSet::new(), Vec::new());
    for line in effects.split_inclusive('\n') {
        let at = offset;
        offset += line.len() as u64;
        let mut words = line.split_whitespace();
        let (Some(verb), Some(of), Some(step)) = (words.next(), words.next(), words.next()) else { continue };
        if of != id {
            continue;
        }
        let undo = verb.starts_with("undo");
        let key = (step.to_owned(), undo);
        match verb {
            "begin" | "undo-begin" => {
                if run.finished_at.get(&key).is_some_and(|finished| at >= *finished) {
                    return Err(BenchError::broken(format!(
                        "{id}: {step} was seen finished (undo: {undo}) and ran again"
                    )));
                }
                *begun.entry(key).or_default() += 1;
            }
            "undo-end" => undone.push(step.to_owned()),
            _ => {
                ended.insert(step.to_owned());
            }
        }
    }
    report.attempts_lost += begun.values().map(|count| count.saturating_sub(1)).sum::<usize>();
    let all: BTreeSet<String> = ["a", "b", "c", "d"].map(str::to_owned).into();
    if ended != all {
        return Err(BenchError::broken(format!("{id}: only {ended:?} did their work")));
    }
    let first = |step: &str| undone.iter().position(|undone| undone == step);
    let in_order = first("d") < first("b").min(first("c")) && first("b").max(first("c")) < first("a");
    match (fails, undone.is_empty()) {
        (false, true) => Ok(()),
        (false, false) => Err(BenchError::broken(format!("{id}: undone without need: {undone:?}"))),
        (true, _) if in_order && first("a").is_some() => Ok(()),
        (true, _) => Err(BenchError::broken(format!("{id}: undone in the wrong order: {undone:?}"))),
    }
}
