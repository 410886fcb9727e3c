//! Every input that is worth keeping goes through its target, and every corpus has a target.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use partita_fuzz::TARGETS;

/// No input of a few kilobytes may take this long, even in a build without optimisation.
const PATIENCE: Duration = Duration::from_secs(20);

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn the_corpora_hold_no_surprise() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let named: BTreeSet<String> =
        entries(&corpus).iter().map(|dir| dir.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(named, TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect());
    for (name, target) in TARGETS {
        let inputs = entries(&corpus.join(name));
        assert!(inputs.len() >= 8, "{name} has only {} inputs", inputs.len());
        for input in inputs {
            eprintln!("{}", input.display());
            let begun = Instant::now();
            target(&std::fs::read(&input).unwrap());
            assert!(begun.elapsed() < PATIENCE, "{} took {:?}", input.display(), begun.elapsed());
        }
    }
}
