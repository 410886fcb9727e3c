//! Which providers there are, and which one is asked when nobody says.

use partita_provider::Availability;
use partita_store::{DocumentKey, Precondition};
use serde_json::{Map, Value, json};

use super::{App, AppError, Principal, Scope};

/// The configuration of a provider that can be set, with what is in force when it is not.
const DEFAULTS: [(&str, u64); 2] = [("timeout", 60_000), ("max_retries", 3)];

fn place(principal: &Principal) -> DocumentKey {
    DocumentKey { tenant: principal.tenant.clone(), kind: "setting".to_owned(), id: "provider".to_owned() }
}

/// The provider that is asked by default, and the configuration that was set with it.
pub(crate) async fn default(app: &App, principal: &Principal) -> Result<(String, Map<String, Value>), AppError> {
    let first = app.parts.providers.first().map(|provider| provider.name().to_owned()).unwrap_or_default();
    let setting = app.parts.documents.get(&place(principal)).await?;
    let Some(setting) = setting else { return Ok((first, Map::new())) };
    let name = setting.body["provider"].as_str().map_or(first, str::to_owned);
    let config = setting.body["config"].as_object().cloned().unwrap_or_default();
    Ok((name, config))
}

/// `{providers, default}`.
pub(crate) async fn list(app: &App, principal: &Principal) -> Result<Value, AppError> {
    principal.need(Scope::Read)?;
    let (default, set) = default(app, principal).await?;
    let mut providers = Map::new();
    for provider in &app.parts.providers {
        let mut config: Map<String, Value> =
            DEFAULTS.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        if provider.name() == default {
            config.extend(set.clone());
        }
        let mut shown = json!({
            "name": provider.title(), "available": provider.availability() == Availability::Available,
            "features": provider.features(), "models": provider.models(), "config": config,
        });
        if let Availability::Unavailable { reason } = provider.availability() {
            shown["reason"] = json!(reason);
        }
        providers.insert(provider.name().to_owned(), shown);
    }
    Ok(json!({"providers": providers, "default": default}))
}

/// Sets the default provider of the caller's tenant.
pub(crate) async fn switch(
    app: &App,
    principal: &Principal,
    name: &str,
    config: Map<String, Value>,
) -> Result<Value, AppError> {
    principal.need(Scope::Admin)?;
    let found = app.parts.providers.iter().find(|provider| provider.name() == name);
    let provider = found.ok_or_else(|| AppError::not_found("provider", name.chars().take(64).collect::<String>()))?;
    if let Availability::Unavailable { reason } = provider.availability() {
        return Err(AppError::ProviderUnavailable { provider: name.to_owned(), reason });
    }
    for (key, value) in &config {
        let fine = match key.as_str() {
            "timeout" | "max_retries" => value.as_u64().is_some(),
            "model" => value.as_str().is_some_and(|model| provider.models().iter().any(|known| known == model)),
            _ => false,
        };
        if !fine {
            let detail =
                "expected `timeout` in milliseconds, `max_retries` as a number, or `model` as one of the provider's";
            return Err(AppError::field(format!("/config/{key}"), detail));
        }
    }
    let (previous, _) = default(app, principal).await?;
    let now = (app.parts.now)();
    let body = json!({"provider": name, "config": config});
    app.parts.documents.put(&place(principal), body, now, Precondition::None).await?;
    tracing::info!(provider = name, by = principal.id, "the default provider was set");
    let switched_at = partita_core::time::rfc3339(now);
    Ok(json!({"provider": name, "previous": previous, "config": config, "switched_at": switched_at}))
}
