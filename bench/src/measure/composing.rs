//! From words to workflows: the planner, the loop around a model, and streams that wait for one.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use serde_json::json;

use super::{Bound, Row, median_ms};
use crate::BenchError;
use crate::model::Model;
use crate::server::{Server, Setup};

/// Of every field, with one, two and three things to do.
const TASKS: [&str; 8] = [
    "Check disk space and memory on this host, write a report to /tmp/r.txt, and warn if the disk is more than 80% full",
    "Back up /srv/app to /backups every night at 2 and keep 5 copies",
    "Deploy registry.example.com/web:v2 to namespace shop with 3 replicas and roll back if it fails",
    "Restart the services nginx, redis and postgresql",
    "Run the tests of the Python project in /srv/app, then build the image web:v1 from /srv/app and push it",
    "Dump the postgres database shop to /backups, apply the migrations in /srv/sql to it and tell #ops",
    "nginx should be restarted once /etc/nginx has been archived to /backups",
    "Check https://example.com/health every 5 minutes and email ops@example.com if it is down",
];

/// What composing costs, over HTTP.
///
/// # Errors
///
/// When the server does not start, or refuses.
pub async fn composing(binary: &Path, dir: &Path, rounds: usize, waiting: usize) -> Result<Vec<Row>, BenchError> {
    let draft = json!({"name": "look", "description": "Looks at the disk", "steps": [
        {"name": "look", "tool": "df", "parameters": {"path": "/"}},
    ]});
    let model = Model::start(Some(draft.to_string())).await?;
    let server = start(binary, &dir.join("loop"), &model).await?;
    let planner = generate(&server, rounds, "builtin/planner").await?;
    let agent = generate(&server, rounds, "bench").await?;
    server.stop()?;
    let silent = Model::start(None).await?;
    let server = start(binary, &dir.join("streams"), &silent).await?;
    let streams = streams(&server, &silent, waiting).await?;
    server.stop()?;
    let note = |times: &[Duration]| {
        format!("/generate, {} tasks, {rounds} rounds, p50; p95 {:.2} ms", TASKS.len(), p95_ms(times))
    };
    Ok(vec![
        Row {
            what: "a sentence by the planner".into(),
            figure: median_ms(&planner),
            unit: "ms",
            bound: Bound::AtMost(5.0),
            note: note(&planner),
        },
        Row {
            what: "the loop on top of a model's own time".into(),
            figure: median_ms(&agent),
            unit: "ms",
            bound: Bound::None,
            note: format!("a model that answers at once; {}", note(&agent)),
        },
        streams,
    ])
}

async fn start(binary: &Path, data_dir: &Path, model: &Model) -> Result<Server, BenchError> {
    let mut setup = Setup::new(binary, data_dir)?;
    setup.config = Some(model.config());
    setup.start().await
}

/// How long each task took.
async fn generate(server: &Server, rounds: usize, model: &str) -> Result<Vec<Duration>, BenchError> {
    let mut times = Vec::new();
    for round in 0..=rounds {
        for task in TASKS {
            let request = json!({"task": task, "options": {"model": model}});
            let started = Instant::now();
            let (status, answer) = server.client.post("/generate", &request).await?;
            if status != 200 || answer["metadata"]["model"] != model {
                return Err(BenchError::broken(format!("/generate answered {status}: {answer}")));
            }
            // The first round is for what is made ready once.
            if round > 0 {
                times.push(started.elapsed());
            }
        }
    }
    Ok(times)
}

fn p95_ms(times: &[Duration]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() * 95 / 100).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

/// The memory of streams that wait for a model.
async fn streams(server: &Server, model: &Model, count: usize) -> Result<Row, BenchError> {
    let request = json!({"task": TASKS[0], "options": {"stream": true}});
    // What the first one makes ready is nobody's own.
    let first = server.client.open("/compose", &request).await?;
    until(model, 1).await?;
    let before = server.memory_kib();
    let others = try_join_all((1..=count).map(|_| server.client.open("/compose", &request))).await?;
    until(model, count + 1).await?;
    let after = server.memory_kib();
    drop((first, others));
    Ok(Row {
        what: "memory of a stream that waits for a model".into(),
        figure: after.saturating_sub(before) as f64 / count as f64,
        unit: "KiB",
        bound: Bound::None,
        note: format!("{count} at once; memory {before} to {after} KiB"),
    })
}

/// Waits until a model was asked so often.
async fn until(model: &Model, count: usize) -> Result<(), BenchError> {
    let started = Instant::now();
    while model.asked() < count {
        if started.elapsed() > Duration::from_secs(60) {
            return Err(BenchError::broken(format!("{} of {count} streams asked their model", model.asked())));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
