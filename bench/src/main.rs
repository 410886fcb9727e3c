//! `cargo run -p partita-bench -- all|soak`: figures as a table, or a soak test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, Subcommand};
use partita_bench::measure::{composing, followers, print, steps, weight};
use partita_bench::server::{Server, Setup};
use partita_bench::soak::{Plan, soak};
use partita_bench::{BenchError, measure::Row};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Every figure, as a table
    All {
        #[arg(long)]
        binary: PathBuf,
        /// Fewer rounds: shows that the measurements work, not what the figures are
        #[arg(long)]
        quick: bool,
    },
    /// Kills the server at random moments
    Soak {
        #[arg(long)]
        binary: PathBuf,
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
    },
}

#[tokio::main]
async fn main() -> Result<(), BenchError> {
    match Arguments::parse().what {
        What::All { binary, quick } => {
            let rows = all(&binary, quick).await?;
            print(&rows);
            let missed: Vec<&str> = rows.iter().filter(|row| !row.holds()).map(|row| row.what.as_str()).collect();
            if missed.is_empty() { Ok(()) } else { Err(BenchError::broken(format!("missed: {}", missed.join("; ")))) }
        }
        What::Soak { binary, minutes } => {
            let plan = Plan {
                binary,
                duration: Duration::from_secs_f64(minutes * 60.0),
                runs_active: 8,
                life_max: Duration::from_secs(2),
            };
            let report = soak(&plan).await?;
            let mut out = std::io::stdout().lock();
            let _ = std::io::Write::write_all(&mut out, format!("{report:#?}\n").as_bytes());
            Ok(())
        }
    }
}

async fn all(binary: &Path, quick: bool) -> Result<Vec<Row>, BenchError> {
    let rounds = if quick { 1 } else { 9 };
    let mut rows = weight::weight(binary, rounds).await?;
    let dir = tempfile::tempdir()?;
    let server = start(binary, &dir.path().join("steps")).await?;
    rows.extend(steps::latency(&server.client, if quick { 20 } else { 300 }).await?);
    rows.extend(steps::shell_overhead(&server.client, rounds).await?);
    rows.extend(steps::throughput(&server.client, rounds).await?);
    rows.extend(steps::validation(&server.client, rounds).await?);
    rows.extend(steps::flatness(&server.client).await?);
    server.stop()?;
    // In a process of its own, whose memory no other measurement has grown before.
    let server = start(binary, &dir.path().join("followers")).await?;
    rows.extend(followers::followers(&server, if quick { 50 } else { 1_000 }).await?);
    server.stop()?;
    rows.extend(composing::composing(binary, dir.path(), rounds, if quick { 20 } else { 200 }).await?);
    Ok(rows)
}

/// A server whose limit of requests doesn't stand in the way.
async fn start(binary: &Path, data_dir: &Path) -> Result<Server, BenchError> {
    let mut setup = Setup::new(binary, data_dir)?;
    setup.config = Some("requests_per_minute: 10000000\n".to_owned());
    setup.start().await
}
