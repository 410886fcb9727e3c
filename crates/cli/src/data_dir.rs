//! The data directory: private to its user, and held by one process at a time.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::env::{self, Environment};
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// How long a server that is gone may still hold its directory: one that was killed while it began a
/// process leaves a child that holds everything of its parent until it has become another program.
const REMNANT_WAIT: Duration = Duration::from_secs(5);
const REMNANT_POLL: Duration = Duration::from_millis(5);

/// Where state is kept, when nothing says otherwise.
pub(crate) fn default_path(environment: &Environment) -> Result<PathBuf, CliError> {
    if let Some(state) = environment.get(env::XDG_STATE_HOME).map(PathBuf::from).filter(|path| path.is_absolute()) {
        return Ok(state.join("partita"));
    }
    let home = environment.get(env::HOME).ok_or_else(|| {
        CliError::new(ExitCode::Usage, "there is no home directory to keep state in")
            .hint(format!("Pass --data-dir DIR or set {}.", env::DATA_DIR))
    })?;
    Ok(Path::new(home).join(".local/state/partita"))
}

/// A data directory that this process holds; let go when it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// What a server that holds a data directory says about itself in it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServerNote {
    pub(crate) url: String,
    pub(crate) pid: u32,
}

/// A data directory that was asked for: ours now, or a server's.
#[derive(Debug)]
pub(crate) enum Claim {
    Ours(DataDir),
    /// Another process holds it; with a note when it is a server.
    Held(Option<ServerNote>),
}

/// Makes the directory if need be, and tries to hold it.
pub(crate) fn claim(path: &Path) -> Result<Claim, CliError> {
    let problem = |what: &str, error: &std::io::Error| {
        CliError::new(ExitCode::Internal, format!("can't {what} the data directory {}: {error}", path.display()))
            .hint(format!("Pass --data-dir DIR or set {} to a directory you may write to.", env::DATA_DIR))
    };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| problem("make", &error))?;
    let metadata = std::fs::metadata(path).map_err(|error| problem("look at", &error))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
            .map_err(|error| problem("close", &error))?;
    }
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path.join("lock"))
        .map_err(|error| problem("write to", &error))?;
    let mut waited = Duration::ZERO;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(Claim::Ours(DataDir { path: path.to_owned(), _lock: lock })),
            Err(std::fs::TryLockError::WouldBlock) => {
                let note = std::fs::read(path.join("server.json")).ok();
                let note: Option<ServerNote> = note.and_then(|note| serde_json::from_slice(&note).ok());
                if waited >= REMNANT_WAIT || !note.as_ref().is_some_and(|note| is_gone(note.pid)) {
                    return Ok(Claim::Held(note));
                }
                std::thread::sleep(REMNANT_POLL);
                waited += REMNANT_POLL;
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(problem("lock", &error)),
        }
    }
}

/// Whether a process is no more.
fn is_gone(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_none_or(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

/// The key that a server keeps in its data directory for its own user.
pub(crate) fn stored_key(path: &Path) -> Option<String> {
    let key = std::fs::read_to_string(key_path(path)).ok()?;
    Some(key.trim().to_owned()).filter(|key| !key.is_empty())
}

/// Where that key stands.
pub(crate) fn key_path(path: &Path) -> PathBuf {
    path.join("api_key")
}

impl DataDir {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file that only the user can read, whole or not at all.
    pub(crate) fn write_private(&self, name: &str, content: &[u8]) -> Result<(), CliError> {
        let (temporary, target) = (self.path.join(format!(".{name}.new")), self.path.join(name));
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &target)?;
        Ok(())
    }

    /// Says where this process listens, so that commands on this directory find it.
    pub(crate) fn announce(&self, note: &ServerNote) -> Result<(), CliError> {
        let note = serde_json::to_vec(note).map_err(|error| CliError::new(ExitCode::Internal, error.to_string()))?;
        self.write_private("server.json", &note)
    }

    /// Takes the announcement back.
    pub(crate) fn withdraw(&self) {
        // Stale notes do no harm: they are read only while the lock is held.
        let _ = std::fs::remove_file(self.path.join("server.json"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_holder_and_is_private() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("state");
        let Claim::Ours(dir) = claim(&path).unwrap() else { panic!("nobody holds it") };
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        dir.announce(&ServerNote { url: "http://127.0.0.1:1".to_owned(), pid: 7 }).unwrap();
        let Claim::Held(Some(note)) = claim(&path).unwrap() else { panic!("it is held by a server") };
        assert_eq!(note.pid, 7);
        drop(dir);
        assert!(matches!(claim(&path).unwrap(), Claim::Ours(_)));
    }

    #[test]
    fn what_is_left_of_a_killed_server_is_waited_for() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("state");
        let Claim::Ours(dir) = claim(&path).unwrap() else { panic!("nobody holds it") };
        dir.announce(&ServerNote { url: "http://127.0.0.1:1".to_owned(), pid: i32::MAX as u32 }).unwrap();
        let remnant = std::thread::spawn(move || {
            std::thread::sleep(REMNANT_POLL * 4);
            drop(dir);
        });
        assert!(matches!(claim(&path), Ok(Claim::Ours(_))), "the lock is let go within the limit");
        remnant.join().unwrap();
    }
}
