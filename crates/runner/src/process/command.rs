//! From a task to a command that can be spawned: every mistake that can be seen beforehand gets a
//! message that names it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use partita_core::task::{TaskAction, Text};
use rustix::fs::{Access, access};
use tokio::process::Command;

use super::script::{self, ScriptFile};
use crate::environment::BaseEnvironment;
use crate::output::CopyError;
use crate::runner::Attempt;
use crate::secrets::{NoSuchSecret, Revealer};

/// Longest single argument or variable that Linux passes to a process, less the closing NUL.
pub(crate) const ARGUMENT_BYTES_MAX: usize = 128 * 1024 - 1;

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    NoSuchSecret(#[from] NoSuchSecret),
    #[error("`{program}` is not installed: no such program in {path}{}", hint(install_hint.as_deref()))]
    NoSuchProgram { program: String, path: String, install_hint: Option<String> },
    #[error("there is no program `{}`", path.display())]
    NoSuchFile { path: PathBuf },
    #[error("`{}` can't be run: it is not an executable file (`chmod +x` makes it one)", path.display())]
    NotExecutable { path: PathBuf },
    #[error("`{}` can't be run: it is neither a binary for this machine nor a script with a `#!` line", path.display())]
    NotAProgram { path: PathBuf },
    #[error("the working directory `{}` {problem}", path.display())]
    Directory { path: PathBuf, problem: String },
    #[error("{what} holds a NUL character, which can't be passed to a process")]
    Nul { what: String },
    #[error("`{name}` is not a name for an environment variable")]
    VariableName { name: String },
    #[error(
        "{what} is {bytes} bytes long, and the system passes at most {ARGUMENT_BYTES_MAX} in one piece: hand it over in a file or on standard input"
    )]
    TooLong { what: String, bytes: usize },
    #[error("the arguments and variables together are too long for the system: hand the longest over in a file")]
    AllTooLong,
    #[error("can't write the script to `{}`: {source}", path.display())]
    ScriptFile { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error("can't start `{}`: {source}", program.display())]
    Spawn { program: PathBuf, source: io::Error },
}

fn hint(install_hint: Option<&str>) -> String {
    install_hint.map(|hint| format!("; install it: {hint}")).unwrap_or_default()
}

/// A command that is ready to be spawned.
pub(crate) struct Prepared {
    pub(crate) command: Command,
    pub(crate) program: PathBuf,
    pub(crate) stdin: Option<String>,
    /// Kept until the process has ended.
    pub(crate) script: Option<ScriptFile>,
    /// Where the process runs; what the task's paths are relative to.
    pub(crate) dir: PathBuf,
}

/// The program of a task, its arguments, and what it reads.
struct Line {
    program: String,
    args: Vec<String>,
    stdin: Option<String>,
    install_hint: Option<String>,
    script: Option<ScriptFile>,
}

/// Prepares the process of an attempt.
pub(crate) fn prepare(
    base: &BaseEnvironment,
    attempt: &Attempt,
    revealer: &mut Revealer<'_>,
) -> Result<Prepared, StartError> {
    let task = &attempt.task;
    let declared: Result<Vec<(String, String)>, NoSuchSecret> =
        task.env.iter().map(|(name, text)| Ok((name.clone(), revealer.text(text)?))).collect();
    let variables = base.of(attempt, declared?);
    check_variables(&variables)?;
    let dir = directory(attempt, task.dir.as_ref(), revealer)?;
    let line = line(attempt, revealer)?;
    for (place, arg) in line.args.iter().enumerate() {
        check_length(|| format!("argument {} of `{}`", place + 1, line.program), arg)?;
    }
    let path = variables.get("PATH").map_or("", String::as_str);
    let program = resolve(&line.program, path, &dir, line.install_hint)?;
    let mut command = Command::new(&program);
    command
        .args(&line.args)
        .env_clear()
        .envs(&variables)
        .current_dir(&dir)
        .stdin(if line.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    Ok(Prepared { command, program, stdin: line.stdin, script: line.script, dir })
}

/// What it means that the system refused to start a program that was there a moment ago.
pub(crate) fn explain(program: &Path, dir: &Path, source: io::Error) -> StartError {
    use rustix::io::Errno;
    let program = program.to_owned();
    match Errno::from_io_error(&source) {
        Some(Errno::NOEXEC) => StartError::NotAProgram { path: program },
        Some(Errno::TOOBIG) => StartError::AllTooLong,
        _ => match check_directory(dir) {
            Err(problem) => problem,
            Ok(()) => StartError::Spawn { program, source },
        },
    }
}

fn line(attempt: &Attempt, revealer: &mut Revealer<'_>) -> Result<Line, StartError> {
    match &attempt.task.action {
        TaskAction::Script { interpreter, script } => {
            let text = revealer.text(script)?;
            check_nul(|| "the script".to_owned(), &text)?;
            let name = crate::environment::attempt_marker(attempt).replace('/', "-");
            let invocation = script::invocation(interpreter, &text, &attempt.work_dir, &name)?;
            let script::Invocation { program, args, file } = invocation;
            Ok(Line { program, args, stdin: None, install_hint: None, script: file })
        }
        TaskAction::Program { program, args, stdin, install_hint, .. } => {
            let args: Result<Vec<String>, NoSuchSecret> = args.iter().map(|arg| revealer.text(arg)).collect();
            Ok(Line {
                program: program.clone(),
                args: args?,
                stdin: revealer.optional(stdin.as_ref())?,
                install_hint: install_hint.clone(),
                script: None,
            })
        }
        TaskAction::Http(_) | TaskAction::Wait { .. } | TaskAction::File { .. } | TaskAction::Mcp(_) => {
            unreachable!("the local runner hands only scripts and programs to this module")
        }
    }
}

fn directory(attempt: &Attempt, dir: Option<&Text>, revealer: &mut Revealer<'_>) -> Result<PathBuf, StartError> {
    let Some(dir) = dir else { return Ok(attempt.work_dir.clone()) };
    let dir = revealer.text(dir)?;
    check_nul(|| "the working directory".to_owned(), &dir)?;
    let path = attempt.work_dir.join(dir);
    check_directory(&path)?;
    Ok(path)
}

fn check_directory(path: &Path) -> Result<(), StartError> {
    let problem = match path.metadata() {
        Ok(metadata) if !metadata.is_dir() => "is not a directory".to_owned(),
        Ok(_) if access(path, Access::EXEC_OK).is_err() => "can't be entered: permission denied".to_owned(),
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => "does not exist".to_owned(),
        Err(error) => format!("can't be entered: {error}"),
    };
    Err(StartError::Directory { path: path.to_owned(), problem })
}

fn check_variables(variables: &BTreeMap<String, String>) -> Result<(), StartError> {
    for (name, value) in variables {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(StartError::VariableName { name: name.clone() });
        }
        let what = || format!("the environment variable `{name}`");
        check_nul(what, value)?;
        if name.len() + 1 + value.len() > ARGUMENT_BYTES_MAX {
            return Err(StartError::TooLong { what: what(), bytes: value.len() });
        }
    }
    Ok(())
}

fn check_length(what: impl Fn() -> String, value: &str) -> Result<(), StartError> {
    check_nul(&what, value)?;
    if value.len() > ARGUMENT_BYTES_MAX {
        return Err(StartError::TooLong { what: what(), bytes: value.len() });
    }
    Ok(())
}

fn check_nul(what: impl Fn() -> String, value: &str) -> Result<(), StartError> {
    if value.contains('\0') { Err(StartError::Nul { what: what() }) } else { Ok(()) }
}

/// The file of a program: looked up on the task's `PATH`, or, when the name has a slash, from the
/// directory in which the process runs.
fn resolve(program: &str, path: &str, dir: &Path, install_hint: Option<String>) -> Result<PathBuf, StartError> {
    check_nul(|| "the program's name".to_owned(), program)?;
    if program.contains('/') {
        let file = dir.join(program);
        return match file.metadata() {
            Err(_) => Err(StartError::NoSuchFile { path: file }),
            Ok(metadata) if metadata.is_file() && access(&file, Access::EXEC_OK).is_ok() => Ok(file),
            Ok(_) => Err(StartError::NotExecutable { path: file }),
        };
    }
    let mut refused = None;
    for entry in std::env::split_paths(OsStr::new(path)) {
        let file = dir.join(entry).join(program);
        if access(&file, Access::EXEC_OK).is_ok() && file.is_file() {
            return Ok(file);
        }
        if refused.is_none() && file.is_file() {
            refused = Some(file);
        }
    }
    match refused {
        Some(path) => Err(StartError::NotExecutable { path }),
        None => Err(StartError::NoSuchProgram { program: program.to_owned(), path: path.to_owned(), install_hint }),
    }
}
