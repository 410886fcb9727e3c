//! Finds whom a command talks to: the server it is told, the server that holds the data directory, or
//! an engine of its own in this process.

use std::sync::Arc;

use crate::assemble::{self, Assembled};
use crate::client::Client;
use crate::config::PlaceArgs;
use crate::data_dir::{self, Claim};
use crate::env::{self, Environment};
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// Flags that say whom to talk to.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ConnectArgs {
    /// Talk to this server instead of working here
    #[arg(long, global = true, env = env::SERVER, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The API key for it
    #[arg(long, global = true, env = env::API_KEY, value_name = "KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
}

/// A client, and what has to be shut down when it is no longer needed.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) embedded: Option<Arc<Assembled>>,
}

impl ConnectArgs {
    /// Opens a session.
    pub(crate) async fn open(&self, place: &PlaceArgs, environment: &Environment) -> Result<Session, CliError> {
        if let Some(server) = &self.server {
            let key = self.key.clone().or_else(|| local_key(place, environment)).unwrap_or_default();
            return Ok(Session { client: Client::remote(server, key)?, embedded: None });
        }
        let path = place.data_dir(environment)?;
        match data_dir::claim(&path)? {
            Claim::Ours(dir) => {
                let config = place.config_file(&path)?;
                let assembled = Arc::new(assemble::assemble(dir, &config, environment, None).await?);
                let client = Client::embedded(assembled.router(), assembled.key().to_owned());
                Ok(Session { client, embedded: Some(assembled) })
            }
            Claim::Held(Some(note)) => {
                let key = self.key.clone().or_else(|| data_dir::stored_key(&path)).unwrap_or_default();
                Ok(Session { client: Client::remote(&note.url, key)?, embedded: None })
            }
            Claim::Held(None) => {
                Err(CliError::new(ExitCode::Refused, format!("another partita command works in {}", path.display()))
                    .hint("Wait until it ends, or use another --data-dir.")
                    .hint("With `partita serve` running, any number of commands work side by side."))
            }
        }
    }
}

/// The key in the local data directory, for a server on this machine.
fn local_key(place: &PlaceArgs, environment: &Environment) -> Option<String> {
    data_dir::stored_key(&place.data_dir(environment).ok()?)
}

impl Session {
    /// Shuts down what runs in this process; runs that have not ended go on at the next start.
    pub(crate) async fn close(self) {
        if let Some(assembled) = self.embedded {
            assembled.shut_down().await;
        }
    }
}
