//! Which providers there are, which one is asked when nobody says, and what is in force for it.

use std::sync::Arc;
use std::time::Duration;

use partita_provider::{Availability, Features, Provider, RETRIES_DEFAULT};
use partita_store::{DocumentKey, Precondition};
use serde_json::{Map, Value, json};

use super::{App, AppError, Principal, Scope};

/// How long a whole call of a provider may take when nobody says otherwise: several rounds of a slow
/// model on a small machine fit.
const TIMEOUT_MS_DEFAULT: u64 = 300_000;
/// Longest limit that can be set; a day is as good as none.
const TIMEOUT_MS_MAX: u64 = 24 * 60 * 60 * 1_000;
/// Most tries after the first that can be set.
const RETRIES_MAX: u64 = 20;

/// What is in force for calls of a provider.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CallConfig {
    /// For the whole call, all rounds and retries together.
    pub(crate) timeout: Duration,
    /// Tries of one request to a model after the first.
    pub(crate) retries_max: u32,
    /// The model to ask when the request names none.
    pub(crate) model: Option<String>,
}

impl CallConfig {
    fn read(set: &Map<String, Value>) -> Self {
        let number = |name: &str| set.get(name).and_then(Value::as_u64);
        Self {
            timeout: Duration::from_millis(number("timeout").unwrap_or(TIMEOUT_MS_DEFAULT)),
            retries_max: number("max_retries")
                .and_then(|retries| u32::try_from(retries).ok())
                .unwrap_or(RETRIES_DEFAULT),
            model: set.get("model").and_then(Value::as_str).map(str::to_owned),
        }
    }

    fn shown(&self) -> Value {
        let timeout = u64::try_from(self.timeout.as_millis()).unwrap_or(TIMEOUT_MS_MAX);
        let mut shown = json!({"timeout": timeout, "max_retries": self.retries_max});
        if let Some(model) = &self.model {
            shown["model"] = json!(model);
        }
        shown
    }
}

/// A provider that was chosen for a request.
#[derive(Clone)]
pub(crate) struct Chosen {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) config: CallConfig,
    /// Says that it is not the default one, and why.
    pub(crate) note: Option<String>,
}

/// Something that providers may be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    Generation,
    Execution,
    Refinement,
}

impl Feature {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Generation => "generation",
            Self::Execution => "execution",
            Self::Refinement => "refinement",
        }
    }

    fn is_in(self, features: Features) -> bool {
        match self {
            Self::Generation => features.generation,
            Self::Execution => features.execution,
            Self::Refinement => features.refinement,
        }
    }
}

/// What a tenant has set: the default provider, and the configuration of each.
struct Setting {
    default: String,
    configs: Map<String, Value>,
}

impl Setting {
    fn config_of(&self, provider: &str) -> Map<String, Value> {
        self.configs.get(provider).and_then(Value::as_object).cloned().unwrap_or_default()
    }
}

fn place(principal: &Principal) -> DocumentKey {
    DocumentKey { tenant: principal.tenant.clone(), kind: "setting".to_owned(), id: "provider".to_owned() }
}

async fn setting(app: &App, principal: &Principal) -> Result<Setting, AppError> {
    let first = app.parts.providers.first().map(|provider| provider.name().to_owned()).unwrap_or_default();
    let Some(stored) = app.parts.documents.get(&place(principal)).await? else {
        return Ok(Setting { default: first, configs: Map::new() });
    };
    let default = stored.body["provider"].as_str().map_or(first, str::to_owned);
    let mut configs = stored.body["configs"].as_object().cloned().unwrap_or_default();
    // Settings of earlier versions hold the configuration of the default provider only.
    if let Some(config) = stored.body.get("config") {
        configs.entry(default.clone()).or_insert_with(|| config.clone());
    }
    Ok(Setting { default, configs })
}

/// The provider for a request: the one that it names, else the tenant's default, else (where that can't do
/// it) the first that can.
pub(crate) async fn choose(
    app: &App,
    principal: &Principal,
    named: Option<&str>,
    feature: Feature,
) -> Result<Chosen, AppError> {
    let setting = setting(app, principal).await?;
    let chosen = |provider: &Arc<dyn Provider>, note| Chosen {
        provider: Arc::clone(provider),
        config: CallConfig::read(&setting.config_of(provider.name())),
        note,
    };
    if let Some(name) = named {
        let provider = find(app, name)?;
        available(provider)?;
        if !feature.is_in(provider.features()) {
            return Err(lacks(name, feature));
        }
        return Ok(chosen(provider, None));
    }
    let can = |provider: &&Arc<dyn Provider>| {
        provider.availability() == Availability::Available && feature.is_in(provider.features())
    };
    let default = app.parts.providers.iter().find(|provider| provider.name() == setting.default);
    if let Some(provider) = default.filter(can) {
        return Ok(chosen(provider, None));
    }
    let next = app.parts.providers.iter().find(can);
    let next = next.ok_or_else(|| AppError::Internal(format!("no provider is there for {}", feature.as_str())))?;
    let note = format!(
        "the default provider `{}` has no {} here, so `{}` did it",
        setting.default,
        feature.as_str(),
        next.name()
    );
    Ok(chosen(next, Some(note)))
}

/// A provider by its name.
fn find<'a>(app: &'a App, name: &str) -> Result<&'a Arc<dyn Provider>, AppError> {
    let found = app.parts.providers.iter().find(|provider| provider.name() == name);
    found.ok_or_else(|| AppError::not_found("provider", name.chars().take(64).collect::<String>()))
}

fn available(provider: &Arc<dyn Provider>) -> Result<(), AppError> {
    match provider.availability() {
        Availability::Available => Ok(()),
        Availability::Unavailable { reason } => {
            Err(AppError::ProviderUnavailable { provider: provider.name().to_owned(), reason })
        }
    }
}

fn lacks(provider: &str, feature: Feature) -> AppError {
    let feature = feature.as_str();
    let message = format!("the provider `{provider}` has no {feature}");
    AppError::FeatureNotSupported { provider: provider.to_owned(), feature, message }
}

/// `{providers, default}`.
pub(crate) async fn list(app: &App, principal: &Principal) -> Result<Value, AppError> {
    principal.need(Scope::Read)?;
    let setting = setting(app, principal).await?;
    let mut providers = Map::new();
    for provider in &app.parts.providers {
        let config = CallConfig::read(&setting.config_of(provider.name()));
        let mut shown = json!({
            "name": provider.title(), "available": provider.availability() == Availability::Available,
            "features": provider.features(), "models": provider.models(), "config": config.shown(),
        });
        if let Availability::Unavailable { reason } = provider.availability() {
            shown["reason"] = json!(reason);
        }
        providers.insert(provider.name().to_owned(), shown);
    }
    Ok(json!({"providers": providers, "default": setting.default}))
}

/// Sets the default provider of the caller's tenant, and what is in force for it. A switch without a
/// configuration leaves that of an earlier one in force.
pub(crate) async fn switch(
    app: &App,
    principal: &Principal,
    name: &str,
    config: Option<Map<String, Value>>,
) -> Result<Value, AppError> {
    principal.need(Scope::Admin)?;
    let provider = find(app, name)?;
    available(provider)?;
    let setting = setting(app, principal).await?;
    let config = match config {
        Some(config) => {
            check(&config, provider.as_ref())?;
            config
        }
        None => setting.config_of(name),
    };
    let in_force = CallConfig::read(&config).shown();
    let mut configs = setting.configs;
    configs.insert(name.to_owned(), Value::Object(config));
    let now = (app.parts.now)();
    let body = json!({"provider": name, "configs": configs});
    app.parts.documents.put(&place(principal), body, now, Precondition::None).await?;
    tracing::info!(provider = name, by = principal.id, "the default provider was set");
    let switched_at = partita_core::time::rfc3339(now);
    Ok(json!({"provider": name, "previous": setting.default, "config": in_force, "switched_at": switched_at}))
}

/// Refuses a configuration with anything unknown or out of bounds in it.
fn check(config: &Map<String, Value>, provider: &dyn Provider) -> Result<(), AppError> {
    let models = provider.models();
    for (key, value) in config {
        let expected = match key.as_str() {
            "timeout" if value.as_u64().is_some_and(|timeout| (1..=TIMEOUT_MS_MAX).contains(&timeout)) => continue,
            "timeout" => format!("expected milliseconds, from 1 to {TIMEOUT_MS_MAX}"),
            "max_retries" if value.as_u64().is_some_and(|retries| retries <= RETRIES_MAX) => continue,
            "max_retries" => format!("expected a number from 0 to {RETRIES_MAX}"),
            "model" if value.as_str().is_some_and(|model| models.iter().any(|known| known == model)) => continue,
            "model" => format!("expected one of {}", models.join(", ")),
            _ => "is not known here; known: timeout (milliseconds), max_retries, model".to_owned(),
        };
        return Err(AppError::field(format!("/config/{key}"), expected));
    }
    Ok(())
}
