//! How heavy the program is, and how fast it is there.

use std::path::Path;

use super::{Bound, Row, median_ms};
use crate::BenchError;
use crate::server::Setup;

/// Start from an empty data directory, idle memory, size of the binary.
///
/// # Errors
///
/// When the server does not start.
pub async fn weight(binary: &Path, rounds: usize) -> Result<Vec<Row>, BenchError> {
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let dir = tempfile::tempdir()?;
        let server = Setup::new(binary, &dir.path().join("data"))?.start().await?;
        starts.push(server.ready_after);
        memory.push(server.memory_kib());
        server.stop()?;
    }
    memory.sort_unstable();
    let megabytes = |bytes: f64| bytes / 1e6;
    let idle = memory.get(memory.len() / 2).copied().unwrap_or(0) as f64 * 1_024.0;
    let size = std::fs::metadata(binary)?.len() as f64;
    let note = format!("{rounds} starts, median");
    Ok(vec![
        Row {
            what: "ready from an empty data directory".into(),
            figure: median_ms(&starts),
            unit: "ms",
            bound: Bound::AtMost(100.0),
            note: note.clone(),
        },
        Row { what: "idle memory".into(), figure: megabytes(idle), unit: "MB", bound: Bound::AtMost(40.0), note },
        Row {
            what: "stripped release binary".into(),
            figure: megabytes(size),
            unit: "MB",
            bound: Bound::AtMost(40.0),
            note: String::new(),
        },
    ])
}
