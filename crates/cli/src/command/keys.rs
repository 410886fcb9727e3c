//! `partita keys`: makes, lists and revokes API keys.

use axum::http::Method;
use serde_json::{Value, json};

use crate::command::runs::encode;
use crate::connect::Session;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::render::table;

/// What to do with keys.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Make a key; it is shown once
    Create {
        /// What it is for
        name: String,
        /// What it may do; may be given more than once
        #[arg(long, default_values_t = ["read".to_owned(), "generate".to_owned(), "execute".to_owned()])]
        scope: Vec<String>,
        /// Days until it expires; never when absent
        #[arg(long, value_name = "DAYS")]
        expires: Option<u32>,
        /// The tenant it belongs to
        #[arg(long)]
        tenant: Option<String>,
    },
    /// List keys, without their secrets
    List,
    /// Revoke a key
    Revoke { id: String },
}

/// Runs the command.
pub(crate) async fn run(verb: Verb, session: &Session, output: &Output) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Create { name, scope, expires, tenant } => {
            let mut request = json!({"name": name, "scopes": scope});
            if let Some(days) = expires {
                request["expires_in_days"] = json!(days);
            }
            if let Some(tenant) = tenant {
                request["tenant"] = json!(tenant);
            }
            let answer = session.client.post("/keys", &request).await?;
            if output.is_json() {
                output.json(&answer);
            } else {
                output.line(answer["key"].as_str().unwrap_or_default());
                output.note("This is the only time it is shown.");
            }
        }
        Verb::List => list(output, &session.client.get("/keys").await?),
        Verb::Revoke { id } => {
            session.client.json(Method::DELETE, &format!("/keys/{}", encode(&id)), None).await?;
            output.note(&format!("{id} is revoked."));
        }
    }
    Ok(ExitCode::Success)
}

fn list(output: &Output, answer: &Value) {
    if output.is_json() {
        output.json(answer);
        return;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let scopes = |key: &Value| key["scopes"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(" ");
    let keys = answer["keys"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = keys
        .map(|key| {
            vec![text(&key["id"]), text(&key["name"]), scopes(key), text(&key["created_at"]), text(&key["expires_at"])]
        })
        .collect();
    table::print(output, &["key", "name", "scopes", "created", "expires"], &rows, "No keys but the bootstrap key.");
}
