//! Every environment variable that Partita reads. Flags beat these, these beat the configuration file.

use std::collections::BTreeMap;

/// The URL of the server that commands talk to. Unset: the server that holds the data directory, or
/// none (the command works by itself).
pub(crate) const SERVER: &str = "PARTITA_SERVER";
/// The key that commands send, and that `serve` accepts with every scope.
pub(crate) const API_KEY: &str = "PARTITA_API_KEY";
/// Where state is kept. Unset: `$XDG_STATE_HOME/partita`, else `~/.local/state/partita`.
pub(crate) const DATA_DIR: &str = "PARTITA_DATA_DIR";
/// The configuration file. Unset: `partita.yaml` in the data directory, when there is one.
pub(crate) const CONFIG: &str = "PARTITA_CONFIG";
/// The address `serve` listens on.
pub(crate) const LISTEN: &str = "PARTITA_LISTEN";
/// What is logged, in the syntax of `tracing-subscriber`: `info`, `partita_engine=debug`, ….
pub(crate) const LOG: &str = "PARTITA_LOG";
/// `PARTITA_SECRET_X` is the value of `${secrets.X}`.
pub(crate) const SECRET_PREFIX: &str = "PARTITA_SECRET_";
/// Any value switches colours off.
pub(crate) const NO_COLOR: &str = "NO_COLOR";
/// Where a user's state lives, by the XDG base directory rules.
pub(crate) const XDG_STATE_HOME: &str = "XDG_STATE_HOME";
/// The user's home directory.
pub(crate) const HOME: &str = "HOME";
/// The terminal's abilities; `dumb` switches live drawing off.
pub(crate) const TERM: &str = "TERM";

/// The environment as it was when the program started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Reads the environment of this process. Variables that are not UTF-8 are left out.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub(crate) fn capture() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { variables }
    }

    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Everything but our own keys and secrets: what runners choose from.
    pub(crate) fn for_runners(&self) -> BTreeMap<String, String> {
        let ours = |name: &String| name.starts_with("PARTITA_");
        self.variables
            .iter()
            .filter(|(name, _)| !ours(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// The secrets that documents may refer to, by name.
    pub(crate) fn secrets(&self) -> BTreeMap<String, String> {
        let named =
            |(name, value): (&String, &String)| Some((name.strip_prefix(SECRET_PREFIX)?.to_owned(), value.clone()));
        self.variables.iter().filter_map(named).collect()
    }
}
