//! Many followers of one run.

use futures::future::try_join_all;
use serde_json::json;

use super::{Bound, Row};
use crate::BenchError;
use crate::server::Server;

/// Follows one run with many readers; each must get every event, once and in order.
///
/// # Errors
///
/// When a reader misses an event or sees one twice.
pub async fn followers(server: &Server, readers: usize) -> Result<Vec<Row>, BenchError> {
    let client = &server.client;
    // The gate keeps the run open until all readers are there.
    let steps: Vec<_> =
        (0..20).map(|index| json!({"name": format!("s{index}"), "command": "echo one; echo two"})).collect();
    let mut all = vec![json!({"name": "gate", "approval": {"message": "go"}})];
    all.extend(steps);
    let request = json!({"workflow": {"name": "followed", "steps": all}});
    let run_id = begin(server, &request).await?;
    let before = server.memory_kib();
    let streams = try_join_all((0..readers).map(|_| client.follow(&run_id, 0))).await?;
    let mut streams: Vec<_> = streams.into_iter().flatten().collect();
    let approval = loop {
        // Every reader has to have seen that the run waits.
        let event = streams[0].next().await.ok_or_else(|| BenchError::broken("the stream ended at the gate"))?;
        if event.name() == "approval_requested" {
            break event.data["approval_id"].as_str().unwrap_or_default().to_owned();
        }
    };
    let during = server.memory_kib();
    let path = format!("/executions/{run_id}/approvals/{approval}");
    let (status, answer) = client.post(&path, &json!({"decision": "approve"})).await?;
    if status != 200 {
        return Err(BenchError::broken(format!("the approval answered {status}: {answer}")));
    }
    let reading = streams.into_iter().enumerate().map(|(reader, mut stream)| async move {
        let mut seen = Vec::new();
        while let Some(event) = stream.next().await {
            seen.push(event.seq.unwrap_or(0));
        }
        (reader, seen)
    });
    let mut results = futures::future::join_all(reading).await;
    let after = server.memory_kib();
    let whole = results.pop().map(|(_, seen)| seen).unwrap_or_default();
    if !whole.is_sorted_by(|one, next| one < next) {
        return Err(BenchError::broken("a reader saw an event twice or out of order"));
    }
    // The first reader took its first events at the gate.
    for (reader, seen) in results.into_iter().skip(1) {
        if seen != whole {
            return Err(BenchError::broken(format!(
                "reader {reader} saw {} events, another saw {}",
                seen.len(),
                whole.len()
            )));
        }
    }
    let peak = during.max(after);
    let each = peak.saturating_sub(before) as f64 / readers as f64;
    let note = format!(
        "{readers} readers of one run, {} events each, none lost or twice; memory {before} to {peak} KiB",
        whole.len()
    );
    Ok(vec![Row { what: "memory per follower".into(), figure: each, unit: "KiB", bound: Bound::AtMost(64.0), note }])
}

/// Begins a run without waiting for its end and gives its id.
async fn begin(server: &Server, request: &serde_json::Value) -> Result<String, BenchError> {
    let mut stream = server.client.execute_stream(request).await?;
    let first = stream.next().await.ok_or_else(|| BenchError::broken("the run gave no event"))?;
    // The run goes on when its reader leaves.
    Ok(first.data["run_id"].as_str().unwrap_or_default().to_owned())
}
