//! Who turns words into workflows: the models and the providers, as the configuration has them.

use std::sync::Arc;

use partita_provider::model::{Clock, Gateway, GatewayConfig};
use partita_provider::{AdkConfig, AdkProvider, McpProvider, Models, NoModels, Provider};

use crate::assemble::fill_with_randomness;
use crate::config::{ConfigFile, ProviderKind, ProviderSettings};
use crate::env::Environment;
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// Those that are always there, the default one first.
const BUILTIN: [(&str, ProviderKind); 2] = [("adk", ProviderKind::Adk), ("mcp", ProviderKind::Mcp)];

/// Makes every provider. Nothing is sent anywhere before one is asked.
pub(crate) fn providers(config: &ConfigFile, environment: &Environment) -> Result<Vec<Arc<dyn Provider>>, CliError> {
    let models = models(config, environment)?;
    let mut instances: Vec<(String, ProviderKind, ProviderSettings)> = Vec::new();
    for (name, kind) in BUILTIN {
        let settings = config.providers.get(name).cloned().unwrap_or_default();
        if settings.kind.is_some_and(|set| set != kind) {
            return Err(wrong(name, "its kind can't be changed").hint("Give the instance another name."));
        }
        instances.push((name.to_owned(), kind, settings));
    }
    for (name, settings) in &config.providers {
        if BUILTIN.iter().any(|(builtin, _)| builtin == name) {
            continue;
        }
        let kind =
            settings.kind.ok_or_else(|| wrong(name, "its kind is missing").hint("Say `kind: adk` or `kind: mcp`."))?;
        instances.push((name.clone(), kind, settings.clone()));
    }
    instances.into_iter().map(|(name, kind, settings)| provider(&name, kind, settings, config, &models)).collect()
}

fn wrong(name: &str, problem: &str) -> CliError {
    CliError::new(ExitCode::Usage, format!("the configuration of the provider `{name}` is wrong: {problem}"))
}

fn provider(
    name: &str,
    kind: ProviderKind,
    settings: ProviderSettings,
    config: &ConfigFile,
    models: &Arc<dyn Models>,
) -> Result<Arc<dyn Provider>, CliError> {
    let servers = settings.servers.clone();
    let agent = AdkProvider::new(adk_config(name, settings), Arc::clone(models))
        .map_err(|error| CliError::new(ExitCode::Usage, error.to_string()))?;
    if kind == ProviderKind::Adk {
        if servers.is_some() {
            return Err(wrong(name, "`servers` belongs to providers of kind mcp"));
        }
        return Ok(Arc::new(agent));
    }
    let mut provider = McpProvider::new(name);
    if let Some(servers) = servers {
        if let Some(unknown) = servers.iter().find(|server| !config.mcp_servers.contains_key(*server)) {
            return Err(wrong(name, &format!("there is no MCP server `{unknown}`"))
                .hint("Name servers that stand under `mcp_servers`."));
        }
        provider = provider.limited_to(servers);
    }
    if !models.names().is_empty() {
        provider = provider.with_agent(Arc::new(agent));
    }
    Ok(Arc::new(provider))
}

fn adk_config(name: &str, settings: ProviderSettings) -> AdkConfig {
    let defaults = AdkConfig::default();
    AdkConfig {
        name: name.to_owned(),
        model: settings.model,
        generator: settings.generator,
        refiner: settings.refiner,
        lookups_max: settings.lookups_max.unwrap_or(defaults.lookups_max),
        context_bytes_max: settings.context_bytes_max.unwrap_or(defaults.context_bytes_max),
        offer_plan: settings.offer_plan.unwrap_or(defaults.offer_plan),
    }
}

fn models(config: &ConfigFile, environment: &Environment) -> Result<Arc<dyn Models>, CliError> {
    if config.models.is_empty() {
        return Ok(Arc::new(NoModels));
    }
    let entropy = Arc::new(|| {
        let mut bytes = [0; 8];
        fill_with_randomness(&mut bytes);
        u64::from_le_bytes(bytes)
    });
    let clock = Clock::new(Arc::new(partita_engine::system_now), entropy);
    let key = |name: &str| environment.get(name).map(str::to_owned);
    let gateway = Gateway::new(&GatewayConfig { models: config.models.clone() }, &key, &clock).map_err(|errors| {
        let error = CliError::new(ExitCode::Usage, "the configuration of the models is wrong");
        errors.iter().fold(error, |error, one| error.hint(one.to_string()))
    })?;
    Ok(Arc::new(gateway))
}
