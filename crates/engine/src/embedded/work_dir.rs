//! The working directory of a run: made when its first process or file needs it, kept afterwards.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use partita_core::RunId;

/// Makes the directory of a run, with the files that its plan brings along.
pub(super) async fn make(root: &Path, run: &RunId, files: &IndexMap<String, String>) -> Result<PathBuf, String> {
    let dir = root.join(run.as_str());
    let (files, made) = (files.clone(), dir.clone());
    let result = tokio::task::spawn_blocking(move || fill(&made, &files)).await;
    match result {
        Ok(Ok(())) => Ok(dir),
        Ok(Err(error)) => Err(format!("the working directory {} can't be made: {error}", dir.display())),
        Err(error) => Err(format!("the working directory {} can't be made: {error}", dir.display())),
    }
}

fn fill(dir: &Path, files: &IndexMap<String, String>) -> std::io::Result<()> {
    if dir.is_dir() {
        // The run went on after a restart: its files may have been changed by its steps.
        return Ok(());
    }
    // Filled under another name: a crash on the way leaves no directory that only looks whole.
    let partial = dir.with_extension("partial");
    if partial.exists() {
        std::fs::remove_dir_all(&partial)?;
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&partial)?;
    for (name, content) in files {
        let is_plain = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !is_plain {
            return Err(std::io::Error::other(format!("`{name}` is no name of a file in this directory")));
        }
        let path = partial.join(name);
        if let Some(parent) = path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o700).open(path)?;
        file.write_all(content.as_bytes())?;
    }
    std::fs::rename(&partial, dir)
}
