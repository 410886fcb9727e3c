//! The environment of a process: a short pass list, what the task declares, and our markers. Nothing
//! of the server's own environment gets in by accident, and its keys not even on purpose.

use std::collections::BTreeMap;
use std::path::Path;

use partita_core::run::record::AttemptKind;
use sha2::{Digest, Sha256};

use crate::runner::Attempt;

/// What every process gets of the server's environment, when it is set there.
const PASS_LIST: &[&str] =
    &["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "KUBECONFIG", "AWS_PROFILE", "SSH_AUTH_SOCK", "TMPDIR"];

/// Where programs are looked for when the server itself has no `PATH`.
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What every variable of ours begins with. None is passed on: the server's keys are among them, and
/// so are the markers of a server that this one was started by.
const OWN_PREFIX: &str = "PARTITA_";

/// Names the attempt that a process belongs to.
pub(crate) const MARKER_ATTEMPT: &str = "PARTITA_ATTEMPT";
/// Names the server start that a process belongs to.
pub(crate) const MARKER_BOOT: &str = "PARTITA_BOOT";
/// Names the data directory that a process belongs to.
pub(crate) const MARKER_DATA: &str = "PARTITA_DATA";

/// What all processes of this server start from.
pub(crate) struct BaseEnvironment {
    passed: BTreeMap<String, String>,
    boot_id: String,
    data_digest: String,
}

impl BaseEnvironment {
    /// Picks what is passed on. `pass_env` names more variables than the pass list; ours are refused.
    pub(crate) fn new(
        environment: &BTreeMap<String, String>,
        pass_env: &[String],
        boot_id: &str,
        data_dir: &Path,
    ) -> Self {
        let names = PASS_LIST.iter().copied().chain(pass_env.iter().map(String::as_str));
        let mut passed: BTreeMap<String, String> = names
            .filter(|name| !name.starts_with(OWN_PREFIX))
            .filter_map(|name| Some((name.to_owned(), environment.get(name)?.clone())))
            .collect();
        passed.entry("PATH".to_owned()).or_insert_with(|| PATH_DEFAULT.to_owned());
        Self { passed, boot_id: boot_id.to_owned(), data_digest: data_digest(data_dir) }
    }

    /// The whole environment of an attempt; `declared` beats what is passed on, markers beat all.
    pub(crate) fn of(&self, attempt: &Attempt, declared: Vec<(String, String)>) -> BTreeMap<String, String> {
        let mut variables = self.passed.clone();
        variables.extend(declared);
        variables.insert(MARKER_ATTEMPT.to_owned(), attempt_marker(attempt));
        variables.insert(MARKER_BOOT.to_owned(), self.boot_id.clone());
        variables.insert(MARKER_DATA.to_owned(), self.data_digest.clone());
        variables.insert("PARTITA_RUN_ID".to_owned(), attempt.run_id.to_string());
        variables.insert("PARTITA_STEP".to_owned(), attempt.step.clone());
        variables
    }

    /// The environment of a child that is no attempt.
    pub(crate) fn of_child(&self) -> BTreeMap<String, String> {
        let mut variables = self.passed.clone();
        variables.insert(MARKER_BOOT.to_owned(), self.boot_id.clone());
        variables.insert(MARKER_DATA.to_owned(), self.data_digest.clone());
        variables
    }

    /// This server start.
    pub(crate) fn boot_id(&self) -> &str {
        &self.boot_id
    }

    /// The data directory.
    pub(crate) fn data_digest(&self) -> &str {
        &self.data_digest
    }
}

/// `<run>/<step>/<kind>/<item>/<iteration>/<number>`.
pub(crate) fn attempt_marker(attempt: &Attempt) -> String {
    let id = attempt.id;
    let kind = match id.kind {
        AttemptKind::Do => "do",
        AttemptKind::Undo => "undo",
        AttemptKind::Check => "check",
        AttemptKind::Handler => "handler",
    };
    format!("{}/{}/{kind}/{}/{}/{}", attempt.run_id, id.step, id.item, id.iteration, id.number)
}

/// Names a data directory in a few characters: two servers on one machine must not end each other's
/// processes.
fn data_digest(data_dir: &Path) -> String {
    let path = data_dir.canonicalize().unwrap_or_else(|_| data_dir.to_owned());
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
