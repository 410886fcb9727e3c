//! What a step costs.

#![expect(clippy::disallowed_methods, reason = "starts the bare shell that it compares with")]

use std::process::Command;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use serde_json::json;

use super::workflows::{fan_out, shell_chain, wait_chain};
use super::{Bound, Row, median_ms};
use crate::BenchError;
use crate::client::Client;

/// A sequential shell step against a bare spawn of the same shell, taken in turns.
///
/// # Errors
///
/// When a run fails.
pub async fn shell_overhead(client: &Client, rounds: usize) -> Result<Vec<Row>, BenchError> {
    const STEPS: u32 = 100;
    let (mut bare, mut through) = (Vec::new(), Vec::new());
    let workflow = shell_chain(STEPS as usize);
    for _ in 0..rounds {
        let started = Instant::now();
        for _ in 0..STEPS {
            Command::new("sh").args(["-c", "true"]).status()?;
        }
        bare.push(started.elapsed() / STEPS);
        let started = Instant::now();
        let run = client.execute(&workflow).await?;
        through.push(started.elapsed() / STEPS);
        expect_success(&run)?;
    }
    let (bare, through) = (median_ms(&bare), median_ms(&through));
    let note =
        format!("{through:.2} ms a step against {bare:.2} ms for a bare `sh -c true`, {rounds} rounds of {STEPS}");
    Ok(vec![Row {
        what: "shell step, on top of a bare spawn".into(),
        figure: through - bare,
        unit: "ms",
        bound: Bound::AtMost(1.0),
        note,
    }])
}

/// Durable steps per second over many concurrent runs.
///
/// # Errors
///
/// When a run fails.
pub async fn throughput(client: &Client, rounds: usize) -> Result<Vec<Row>, BenchError> {
    const RUNS: usize = 50;
    const STEPS: usize = 200;
    let workflow = wait_chain(STEPS);
    let mut rates = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        let runs = try_join_all((0..RUNS).map(|_| client.execute(&workflow))).await?;
        let elapsed = started.elapsed();
        runs.iter().try_for_each(expect_success)?;
        rates.push((RUNS * STEPS) as f64 / elapsed.as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    let note = format!(
        "{RUNS} concurrent runs of {STEPS} steps, {rounds} rounds, median; best {:.0}",
        rates.last().unwrap_or(&0.0)
    );
    let figure = rates.get(rates.len() / 2).copied().unwrap_or(0.0);
    Ok(vec![Row {
        what: "durable steps per second".into(),
        figure,
        unit: "1/s",
        bound: Bound::AtLeast(10_000.0),
        note,
    }])
}

/// From the request to the answer for a run of three steps.
///
/// # Errors
///
/// When a run fails.
pub async fn latency(client: &Client, runs: usize) -> Result<Vec<Row>, BenchError> {
    let workflow = wait_chain(3);
    let mut times = Vec::new();
    for _ in 0..runs {
        let started = Instant::now();
        let run = client.execute(&workflow).await?;
        times.push(started.elapsed());
        expect_success(&run)?;
    }
    times.sort_unstable();
    let p99 = times.get(times.len() * 99 / 100).map_or(0.0, Duration::as_secs_f64) * 1_000.0;
    let note = format!("{runs} runs one after another, p50; p99 {p99:.2} ms");
    Ok(vec![Row {
        what: "submit to finished, 3 steps".into(),
        figure: median_ms(&times),
        unit: "ms",
        bound: Bound::AtMost(5.0),
        note,
    }])
}

/// Validation of large documents.
///
/// # Errors
///
/// When a document is refused.
pub async fn validation(client: &Client, rounds: usize) -> Result<Vec<Row>, BenchError> {
    let cases =
        [("validate a fan-out of 1,000", fan_out(1_000), 0.2), ("validate a chain of 10,000", wait_chain(10_000), 1.0)];
    let mut rows = Vec::new();
    for (what, workflow, bound) in cases {
        let mut times = Vec::new();
        let request = json!({"workflow": workflow});
        for _ in 0..rounds {
            let started = Instant::now();
            let (status, answer) = client.post("/validate", &request).await?;
            times.push(started.elapsed());
            if status != 200 || answer["valid"] != true {
                let text: String = answer.to_string().chars().take(400).collect();
                return Err(BenchError::broken(format!("{what}: {status} {text}")));
            }
        }
        let note = format!("over HTTP, {rounds} rounds, median");
        rows.push(Row {
            what: what.into(),
            figure: median_ms(&times) / 1_000.0,
            unit: "s",
            bound: Bound::AtMost(bound),
            note,
        });
    }
    Ok(rows)
}

/// Whether the cost of a step stays the same as runs grow.
///
/// # Errors
///
/// When a run fails.
pub async fn flatness(client: &Client) -> Result<Vec<Row>, BenchError> {
    let mut costs = Vec::new();
    for steps in [100_usize, 1_000, 10_000] {
        let mut times = Vec::new();
        for _ in 0..3 {
            let workflow = wait_chain(steps);
            let started = Instant::now();
            let run = client.execute(&workflow).await?;
            times.push(started.elapsed());
            expect_success(&run)?;
        }
        costs.push(median_ms(&times) / steps as f64);
    }
    let note =
        format!("{:.3}, {:.3} and {:.3} ms a step in chains of 100, 1,000 and 10,000", costs[0], costs[1], costs[2]);
    let wide = fan_out(1_000);
    let started = Instant::now();
    expect_success(&client.execute(&wide).await?)?;
    let wide_note = "1,002 steps, submit to finished".to_owned();
    Ok(vec![
        Row {
            what: "cost of a step at 10,000 against 100".into(),
            figure: costs[2] / costs[0],
            unit: "x",
            bound: Bound::AtMost(1.3),
            note,
        },
        Row {
            what: "run of a fan-out of 1,000".into(),
            figure: started.elapsed().as_secs_f64(),
            unit: "s",
            bound: Bound::None,
            note: wide_note,
        },
    ])
}

fn expect_success(run: &serde_json::Value) -> Result<(), BenchError> {
    if run["status"] == "success" {
        return Ok(());
    }
    let text: String = run.to_string().chars().take(600).collect();
    Err(BenchError::broken(format!("a run did not succeed: {text}")))
}
