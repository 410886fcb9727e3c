//! Files without a shell: read, write, append, copy, move, delete. A write replaces its file in one
//! move, so that nobody ever reads half of it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use partita_core::plan::FileOperation;
use partita_core::run::record::OutputStream;
use partita_core::task::{Outcome, OutcomeResult, TaskAction};
use tokio::sync::mpsc;

use crate::output::{Limits, Sink};
use crate::runner::{Attempt, OutputPiece};
use crate::secrets::{NoSuchSecret, Revealer};

/// What is to be done, with every path in place.
struct Job {
    operation: FileOperation,
    path: PathBuf,
    content: String,
    to: Option<PathBuf>,
    /// How much of a file is read at most.
    bytes_max: u64,
}

/// What a job gave: the output, and whether `exists` found nothing.
struct Done {
    output: Vec<u8>,
    absent: bool,
}

/// Carries out a file operation.
pub(crate) async fn carry_out(
    attempt: &Attempt,
    mut revealer: Revealer<'_>,
    output: mpsc::Sender<OutputPiece>,
) -> Outcome {
    let job = prepare(attempt, &mut revealer);
    let patterns = revealer.patterns();
    let job = match job {
        Ok(job) => job,
        Err(error) => return Outcome::of(OutcomeResult::NotStarted { error }),
    };
    let done = tokio::task::spawn_blocking(move || job.carry_out()).await;
    let limits = Limits { output_bytes_max: attempt.task.output_bytes_max, log_bytes_max: attempt.task.log_bytes_max };
    let mut sink = Sink::new(output, limits, patterns.clone());
    match done {
        Ok(Ok(done)) => {
            sink.push(OutputStream::Stdout, &done.output);
            sink.finish();
            sink.send_all().await;
            let (output, output_truncated) = sink.take_output();
            let exit_code = Some(i32::from(done.absent));
            let result = if done.absent {
                OutcomeResult::Failed { error: "there is no such file".to_owned() }
            } else {
                OutcomeResult::Success
            };
            Outcome { result, exit_code, output, output_truncated }
        }
        Ok(Err(error)) => Outcome::of(OutcomeResult::Failed { error: patterns.mask(&error) }),
        Err(error) => Outcome::of(OutcomeResult::Failed { error: error.to_string() }),
    }
}

fn prepare(attempt: &Attempt, revealer: &mut Revealer<'_>) -> Result<Job, String> {
    let task = &attempt.task;
    let TaskAction::File { operation, path, content, to } = &task.action else {
        return Err("this is no file operation".to_owned());
    };
    let secret = |error: NoSuchSecret| error.to_string();
    let dir = match revealer.optional(task.dir.as_ref()).map_err(secret)? {
        Some(dir) => attempt.work_dir.join(dir),
        None => attempt.work_dir.clone(),
    };
    let path = revealer.text(path).map_err(secret)?;
    let to = revealer.optional(to.as_ref()).map_err(secret)?;
    for text in std::iter::once(&path).chain(&to) {
        if text.is_empty() {
            return Err("the path is empty".to_owned());
        }
        if text.contains('\0') {
            return Err("the path holds a NUL character".to_owned());
        }
    }
    let content = revealer.optional(content.as_ref()).map_err(secret)?.unwrap_or_default();
    let to = to.map(|to| dir.join(to));
    Ok(Job { operation: *operation, path: dir.join(path), content, to, bytes_max: task.log_bytes_max })
}

impl Job {
    fn carry_out(self) -> Result<Done, String> {
        let failed =
            |what: &str, path: &Path, error: std::io::Error| format!("can't {what} `{}`: {error}", path.display());
        let path = &self.path;
        let said = |text: String| Ok(Done { output: text.into_bytes(), absent: false });
        match self.operation {
            FileOperation::Read => {
                let mut output = Vec::new();
                let file = std::fs::File::open(path).map_err(|error| failed("read", path, error))?;
                file.take(self.bytes_max).read_to_end(&mut output).map_err(|error| failed("read", path, error))?;
                Ok(Done { output, absent: false })
            }
            FileOperation::Write => {
                self.replace().map_err(|error| failed("write", path, error))?;
                said(format!("wrote {} bytes to {}", self.content.len(), path.display()))
            }
            FileOperation::Append => {
                let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
                let appended = file.and_then(|mut file| file.write_all(self.content.as_bytes()));
                appended.map_err(|error| failed("append to", path, error))?;
                said(format!("added {} bytes to {}", self.content.len(), path.display()))
            }
            FileOperation::MakeDirectory => {
                std::fs::create_dir_all(path).map_err(|error| failed("make the directory", path, error))?;
                said(format!("made {}", path.display()))
            }
            FileOperation::Exists => {
                let absent = !path.try_exists().map_err(|error| failed("look at", path, error))?;
                Ok(Done { output: if absent { b"false".to_vec() } else { b"true".to_vec() }, absent })
            }
            FileOperation::Delete => self.delete().map_err(|error| failed("delete", path, error)),
            FileOperation::Copy | FileOperation::Move => {
                let Some(to) = &self.to else { return Err("`to` is missing: where should it go?".to_owned()) };
                let (what, done) = if self.operation == FileOperation::Copy {
                    ("copy", std::fs::copy(path, to).map(drop))
                } else {
                    ("move", move_file(path, to))
                };
                done.map_err(|error| failed(what, path, error))?;
                said(format!("{} -> {}", path.display(), to.display()))
            }
        }
    }

    /// Deletes a file or an empty directory; one that is not there is as good as deleted.
    fn delete(&self) -> Result<Done, std::io::Error> {
        let is_dir = std::fs::symlink_metadata(&self.path).map(|metadata| metadata.is_dir());
        let deleted = match is_dir {
            Ok(true) => std::fs::remove_dir(&self.path),
            Ok(false) => std::fs::remove_file(&self.path),
            Err(error) => Err(error),
        };
        let output = match deleted {
            Ok(()) => format!("deleted {}", self.path.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                format!("{} was not there", self.path.display())
            }
            Err(error) => return Err(error),
        };
        Ok(Done { output: output.into_bytes(), absent: false })
    }

    /// Writes beside the file and moves the result over it.
    fn replace(&self) -> std::io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let beside = directory.join(format!(".{name}.{}.partial", std::process::id()));
        let written = (|| {
            let mut file = std::fs::File::create(&beside)?;
            if let Ok(metadata) = std::fs::metadata(&self.path) {
                file.set_permissions(metadata.permissions())?;
            }
            file.write_all(self.content.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&beside, &self.path)
        })();
        if written.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        written
    }
}

/// Moves a file, over the border of a file system if need be.
fn move_file(from: &Path, to: &Path) -> std::io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {
            std::fs::copy(from, to)?;
            std::fs::remove_file(from)
        }
        moved => moved,
    }
}
