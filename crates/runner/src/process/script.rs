//! How a script reaches its interpreter: as an argument after `-c` for a shell, as a private file for
//! the others, for scripts with a `#!` line, and for those that are too long for an argument.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::command::{ARGUMENT_BYTES_MAX, StartError};

/// Interpreters that take a script after `-c`.
const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish"];

/// Interpreters that look at the ending of the file's name.
const ENDINGS: &[(&str, &str)] = &[
    ("python", ".py"),
    ("node", ".js"),
    ("deno", ".ts"),
    ("bun", ".ts"),
    ("ruby", ".rb"),
    ("perl", ".pl"),
    ("pwsh", ".ps1"),
    ("powershell", ".ps1"),
    ("php", ".php"),
];

/// The directory in a run's working directory that is ours; private.
const PRIVATE_DIR: &str = ".partita";

/// A program and its arguments that carry out a script.
pub(crate) struct Invocation {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    /// The script's file, deleted when this is dropped.
    pub(crate) file: Option<ScriptFile>,
}

/// A file that lives as long as its attempt.
pub(crate) struct ScriptFile(PathBuf);

impl Drop for ScriptFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a script's file could not be deleted");
        }
    }
}

/// How to carry out a script. `name` must be unique among the attempts of the run.
pub(crate) fn invocation(
    interpreter: &[String],
    script: &str,
    work_dir: &Path,
    name: &str,
) -> Result<Invocation, StartError> {
    let (named, options) = match interpreter.split_first() {
        Some((program, options)) => (program.clone(), options.to_vec()),
        None => ("sh".to_owned(), Vec::new()),
    };
    let (program, mut args, by_file) = match shebang(script) {
        Some((program, options)) => (program, options, true),
        None => {
            let by_file = !is_shell(&named) || script.len() >= ARGUMENT_BYTES_MAX;
            (named, options, by_file)
        }
    };
    if !by_file {
        args.extend(["-c".to_owned(), script.to_owned()]);
        return Ok(Invocation { program, args, file: None });
    }
    let file = write(work_dir, &format!("{name}{}", ending(&program, &args)), script)?;
    args.push(file.0.to_string_lossy().into_owned());
    Ok(Invocation { program, args, file: Some(file) })
}

/// The interpreter of a `#!` line and, as the kernel does it, the rest of the line as one argument.
fn shebang(script: &str) -> Option<(String, Vec<String>)> {
    let line = script.strip_prefix("#!")?.lines().next()?.trim();
    let (program, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let args = if rest.is_empty() { Vec::new() } else { vec![rest.to_owned()] };
    (!program.is_empty()).then(|| (program.to_owned(), args))
}

fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn is_shell(program: &str) -> bool {
    SHELLS.contains(&base_name(program))
}

/// `#!/usr/bin/env python3` names the interpreter in an argument.
fn ending(program: &str, args: &[String]) -> &'static str {
    let words = std::iter::once(program).chain(args.iter().flat_map(|arg| arg.split_whitespace()));
    let mut names = words.map(base_name);
    names.find_map(|name| ENDINGS.iter().find(|(start, _)| name.starts_with(start))).map_or("", |(_, ending)| *ending)
}

fn write(work_dir: &Path, name: &str, script: &str) -> Result<ScriptFile, StartError> {
    let dir = work_dir.join(PRIVATE_DIR);
    let path = dir.join(name);
    let failed = |source| StartError::ScriptFile { path: path.clone(), source };
    match DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    // A file of that name is left over from a server that was killed; the directory is ours alone.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o700).open(&path).map_err(failed)?;
    let written = ScriptFile(path.clone());
    file.write_all(script.as_bytes()).map_err(failed)?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(interpreter: &[&str], script: &str, expected: &str) {
        let dir = tempfile::tempdir().unwrap();
        let interpreter: Vec<String> = interpreter.iter().map(|word| (*word).to_owned()).collect();
        let invocation = invocation(&interpreter, script, dir.path(), "name").unwrap();
        let dir_name = dir.path().to_string_lossy().into_owned();
        let words = std::iter::once(&invocation.program).chain(&invocation.args);
        let line: Vec<String> = words.map(|word| word.replace(&dir_name, "DIR")).collect();
        assert_eq!(line.join("|"), expected);
        if let Some(file) = &invocation.file {
            assert_eq!(std::fs::read_to_string(&file.0).unwrap(), script);
        }
        let path = invocation.file.as_ref().map(|file| file.0.clone());
        drop(invocation);
        assert!(path.is_none_or(|path| !path.exists()), "the file is gone with the attempt");
    }

    #[test]
    fn scripts_reach_their_interpreters() {
        check(&[], "echo 1", "sh|-c|echo 1");
        check(&["bash", "-e"], "echo 1", "bash|-e|-c|echo 1");
        check(&["/bin/zsh"], "echo 1", "/bin/zsh|-c|echo 1");
        check(&["python3", "-u"], "print(1)", "python3|-u|DIR/.partita/name.py");
        check(&["sh"], "#!/usr/bin/env python3\nprint(1)", "/usr/bin/env|python3|DIR/.partita/name.py");
        check(&["python3"], "#! /bin/bash -eu -x\necho", "/bin/bash|-eu -x|DIR/.partita/name");
        check(&["sh"], "#!\necho", "sh|-c|#!\necho");
        check(&["awk", "-f"], "BEGIN{}", "awk|-f|DIR/.partita/name");
        let long = format!("echo {}", "x".repeat(ARGUMENT_BYTES_MAX));
        check(&["bash", "-e"], &long, "bash|-e|DIR/.partita/name");
    }
}
