//! Every option of the server in one place, with its default and the reason for it. Flags beat the
//! environment, the environment beats the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use partita_mcp::ServerSettings;
use partita_provider::SpendingLimit;
use partita_provider::model::ModelConfig;
use serde::Deserialize;

use crate::data_dir;
use crate::env::{self, Environment};
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The port that the API's documentation uses in every example.
pub(crate) const LISTEN_DEFAULT: &str = "127.0.0.1:8001";

/// The configuration file: `partita.yaml`. Every key may be absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    /// `host:port`. Loopback by default: nobody else can reach a server that nobody opened.
    pub(crate) listen: Option<String>,
    /// Origins whose pages may call the API from a browser. None by default.
    pub(crate) cors_origins: Vec<String>,
    /// Directories with further tools, each a YAML file.
    pub(crate) tools: Vec<PathBuf>,
    /// Variables of the server that steps may see, besides the built-in list.
    pub(crate) pass_env: Vec<String>,
    /// Whether steps may call loopback and private addresses over HTTP. True by default: what a
    /// self-hosted server has to watch is mostly there. Link-local and metadata addresses are blocked
    /// in any case.
    pub(crate) private_addresses: Option<bool>,
    /// Requests per minute that one key may make. 6,000 by default.
    pub(crate) requests_per_minute: Option<u32>,
    /// Runs that may be active at a time; others wait their turn. 500 by default: they
    /// mostly wait for their steps, of which 128 are carried out at a time.
    pub(crate) active_runs: Option<usize>,
    /// Seconds that running steps get to end by themselves when the server stops. 8 by default, a little
    /// less than what service managers wait.
    pub(crate) shutdown_grace_s: Option<u64>,
    /// MCP servers by name; their tools are `name/tool`. None by default: each is a program or an address that
    /// gets to see what steps send it.
    pub(crate) mcp_servers: BTreeMap<String, ServerSettings>,
    /// Language models, the first one being the default. None by default: then the built-in planner does
    /// everything, and nothing is sent anywhere.
    pub(crate) models: Vec<ModelConfig>,
    /// How the providers `adk` and `mcp` are set up, and further instances of them under other names.
    pub(crate) providers: BTreeMap<String, ProviderSettings>,
    /// Further names of runners: `kubernetes-runner: local`. A document or a request that names a runner
    /// which is neither here nor built in is refused.
    pub(crate) runners: BTreeMap<String, String>,
    /// What may be spent on models. Any amount by default.
    pub(crate) budgets: BudgetSettings,
    /// Seconds that an authoring session is kept after its latest turn. A week by default.
    pub(crate) session_ttl_s: Option<u64>,
}

/// A kind of provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProviderKind {
    /// Agents over a model.
    Adk,
    /// Tools of MCP servers.
    Mcp,
}

/// An instance of a provider.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ProviderSettings {
    /// Needed for every name but `adk` and `mcp`.
    pub(crate) kind: Option<ProviderKind>,
    /// The model for everything; the first one of `models` when absent. `builtin/planner` means the planner.
    pub(crate) model: Option<String>,
    /// Another model for first drafts.
    pub(crate) generator: Option<String>,
    /// Another model for mending drafts and for refinement.
    pub(crate) refiner: Option<String>,
    /// Rounds of look-ups that the agent may make for one draft.
    pub(crate) lookups_max: Option<u32>,
    /// How much a prompt says about tools, templates and the like, in bytes.
    pub(crate) context_bytes_max: Option<usize>,
    /// Whether the model is shown what the built-in planner makes of the task.
    pub(crate) offer_plan: Option<bool>,
    /// Of kind `mcp`: the servers whose tools it works with; all when absent.
    pub(crate) servers: Option<Vec<String>>,
}

/// What may be spent on models: `tokens`, `cost_usd`, or both, of each.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BudgetSettings {
    pub(crate) request: SpendingLimit,
    pub(crate) session: SpendingLimit,
    /// By one key on one day (UTC).
    pub(crate) key_per_day: SpendingLimit,
}

/// Flags that say where state and configuration are.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct PlaceArgs {
    /// Where state is kept [default: the user's state folder]
    #[arg(long, global = true, env = env::DATA_DIR, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The configuration file [default: partita.yaml in the data directory]
    #[arg(long, global = true, env = env::CONFIG, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A directory with further tools; may be given more than once
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) tools: Vec<PathBuf>,
}

impl PlaceArgs {
    /// Where state is kept.
    pub(crate) fn data_dir(&self, environment: &Environment) -> Result<PathBuf, CliError> {
        self.data_dir.clone().map_or_else(|| data_dir::default_path(environment), Ok)
    }

    /// The configuration in force; flags are added to lists.
    pub(crate) fn config_file(&self, data_dir: &Path) -> Result<ConfigFile, CliError> {
        let path = self.config.clone().unwrap_or_else(|| data_dir.join("partita.yaml"));
        let mut config = match std::fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => ConfigFile::default(),
            Ok(text) => serde_saphyr::from_str(&text).map_err(|error| {
                CliError::new(ExitCode::Usage, format!("the configuration {} is wrong: {error}", path.display()))
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.config.is_none() => {
                ConfigFile::default()
            }
            Err(error) => {
                return Err(CliError::new(
                    ExitCode::Usage,
                    format!("can't read the configuration {}: {error}", path.display()),
                ));
            }
        };
        config.tools.extend(self.tools.iter().cloned());
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configurations_in_the_documents_are_read() {
        let documents = [include_str!("../../../docs/operations.md"), include_str!("../../../docs/mcp.md")];
        let blocks = documents.iter().flat_map(|text| text.split("```yaml\n").skip(1));
        let blocks = blocks.filter_map(|rest| rest.split("```").next());
        // Workflows stand beside them.
        let configurations: Vec<&str> = blocks.filter(|text| !text.contains("steps:")).collect();
        assert!(configurations.len() >= 2);
        for text in configurations {
            let read: Result<ConfigFile, _> = serde_saphyr::from_str(text);
            assert!(read.is_ok(), "{text}\n{read:?}");
        }
    }
}
