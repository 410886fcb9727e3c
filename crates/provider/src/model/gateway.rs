//! The gateway: from configuration to models that can be talked to.

use std::sync::Arc;

use futures::stream::BoxStream;
use reqwest::{Client, Url};

use super::clock::Clock;
use super::config::{ApiKey, GatewayConfig, ModelConfig, Price, SchemaSupport, Vendor};
use super::conversation::{Conversation, driven};
use super::limits;
use super::port::{ChatEvent, ChatRequest, Model};
use super::wire::Wire;
use crate::call::Call;
use crate::provider::DraftError;

/// Every configured model. Holds one HTTP client for all of them; sends nothing by itself.
#[derive(Clone)]
pub struct Gateway {
    models: Vec<Arc<GatewayModel>>,
}

/// What is wrong with the configuration of models.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("models[{index}] ({name}): {problem}; {help}")]
pub struct GatewayError {
    /// Its place in the list, from 0.
    pub index: usize,
    pub name: String,
    pub problem: String,
    /// How to mend it.
    pub help: String,
}

impl Gateway {
    /// Makes the models that the configuration names. `key` looks up environment variables.
    ///
    /// # Errors
    ///
    /// With everything that is wrong: names that occur twice, keys that are not there, unusable URLs,
    /// fallbacks that don't exist, impossible numbers.
    pub fn new(
        config: &GatewayConfig,
        key: &dyn Fn(&str) -> Option<String>,
        clock: &Clock,
    ) -> Result<Self, Vec<GatewayError>> {
        let mut errors = Vec::new();
        let mut targets: Vec<Arc<Target>> = Vec::new();
        for (index, model) in config.models.iter().enumerate() {
            let mut report = |problem: String, help: &str| {
                errors.push(GatewayError { index, name: model.name.clone(), problem, help: help.to_owned() });
            };
            if config.models[..index].iter().any(|earlier| earlier.name == model.name) {
                report("the name is taken already".to_owned(), "give every model its own name");
            }
            for fallback in &model.fallbacks {
                if *fallback == model.name || !config.models.iter().any(|other| other.name == *fallback) {
                    let problem = format!("the fallback {fallback} is no other model");
                    report(problem, "name models that are configured here");
                }
            }
            if let Some(target) = Target::new(model, key, &mut report) {
                targets.push(Arc::new(target));
            }
        }
        let http = match client() {
            Ok(http) => http,
            Err(problem) => {
                let help = "this is a fault of the machine's TLS set-up".to_owned();
                errors.push(GatewayError { index: 0, name: "all".to_owned(), problem, help });
                return Err(errors);
            }
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        let find = |name: &String| targets.iter().find(|target| target.name == *name).cloned();
        let models = config.models.iter().zip(&targets).map(|(model, target)| {
            let mut candidates = vec![Arc::clone(target)];
            candidates.extend(model.fallbacks.iter().filter_map(find));
            Arc::new(GatewayModel { candidates, http: http.clone(), clock: clock.clone() })
        });
        Ok(Self { models: models.collect() })
    }

    /// The model of this name.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<Arc<dyn Model>> {
        let found = self.models.iter().find(|model| model.name() == name)?;
        Some(Arc::clone(found) as Arc<dyn Model>)
    }

    /// The names of all models, the default first.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.models.iter().map(|model| model.name().to_owned()).collect()
    }

    /// Whether any model is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }
}

/// The one HTTP client. Follows no redirects, so that keys go nowhere but where the configuration says,
/// and reads no proxies from the environment.
fn client() -> Result<Client, String> {
    // A second installation is refused, and the first one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(limits::CONNECT_TIMEOUT)
        .no_proxy()
        .user_agent(concat!("partita/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| format!("the client for HTTP can't be made: {error}"))
}

/// One model of the gateway, and whom it falls back to.
struct GatewayModel {
    /// The model itself first.
    candidates: Vec<Arc<Target>>,
    http: Client,
    clock: Clock,
}

impl Model for GatewayModel {
    fn name(&self) -> &str {
        self.candidates.first().map_or("", |target| &target.name)
    }

    fn chat(&self, request: ChatRequest, call: &Call) -> BoxStream<'static, Result<ChatEvent, DraftError>> {
        let conversation = Conversation {
            candidates: self.candidates.clone(),
            request,
            call: call.clone(),
            http: self.http.clone(),
            clock: self.clock.clone(),
        };
        driven(conversation)
    }
}

/// One model as the wire sees it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) name: String,
    /// What the vendor calls it.
    pub(super) model: String,
    pub(super) vendor: Vendor,
    pub(super) wire: Wire,
    /// Where the API begins; ends with a slash.
    pub(super) url: Url,
    pub(super) key: Option<ApiKey>,
    pub(super) timeout_ms: u64,
    pub(super) first_byte_ms: u64,
    pub(super) idle_ms: u64,
    pub(super) tokens_max: Option<u32>,
    pub(super) temperature: Option<f64>,
    pub(super) price: Option<Price>,
    pub(super) schema: SchemaSupport,
}

impl Target {
    fn new(
        config: &ModelConfig,
        key: &dyn Fn(&str) -> Option<String>,
        report: &mut dyn FnMut(String, &str),
    ) -> Option<Self> {
        let facts = config.vendor.facts();
        if config.name.trim().is_empty() {
            report("it has no name".to_owned(), "say what requests call it");
        }
        for (field, value) in
            [("timeout_ms", config.timeout_ms), ("first_byte_ms", config.first_byte_ms), ("idle_ms", config.idle_ms)]
        {
            if value == 0 || value > limits::TIME_MS_MAX {
                let problem = format!("{field} is {value}");
                report(problem, "it must be between 1 and 86400000 (a day)");
            }
        }
        if config.tokens_max == Some(0) {
            report("tokens_max is 0".to_owned(), "leave it out, or allow at least one token");
        }
        let prices = config.price.map_or([0.0, 0.0], |price| [price.input, price.output]);
        if prices.iter().any(|price| !price.is_finite() || *price < 0.0) {
            report("a price is negative".to_owned(), "prices are US dollars per million tokens");
        }
        let url = base(config.url.as_deref().or(facts.url), report);
        let key = find_key(config, key, report);
        Some(Self {
            name: config.name.clone(),
            model: config.model.clone().unwrap_or_else(|| config.name.clone()),
            vendor: config.vendor,
            wire: Wire::of(config.vendor),
            url: url?,
            key,
            timeout_ms: config.timeout_ms,
            first_byte_ms: config.first_byte_ms,
            idle_ms: config.idle_ms,
            tokens_max: config.tokens_max,
            temperature: config.temperature,
            price: config.price,
            schema: config.schema.unwrap_or(facts.schema),
        })
    }
}

/// Where the API begins, as a URL that paths can be joined to.
fn base(url: Option<&str>, report: &mut dyn FnMut(String, &str)) -> Option<Url> {
    let help = "write where the API begins, like https://llm.example.com/v1";
    let Some(text) = url else {
        report("it has no url".to_owned(), help);
        return None;
    };
    let parsed = match Url::parse(text) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") && parsed.host_str().is_some() => parsed,
        // The text is not repeated: people put keys into URLs.
        _ => {
            report("its url is no http or https address".to_owned(), help);
            return None;
        }
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        report("its url holds a password".to_owned(), "keys belong into api_key_env or api_key");
        return None;
    }
    let mut parsed = parsed;
    let path = parsed.path().trim_end_matches('/').trim_end_matches("/chat/completions").to_owned();
    parsed.set_path(&format!("{path}/"));
    parsed.set_fragment(None);
    Some(parsed)
}

/// The key of a model: from the file, from the variable it names, or from the vendor's usual one.
fn find_key(
    config: &ModelConfig,
    look_up: &dyn Fn(&str) -> Option<String>,
    report: &mut dyn FnMut(String, &str),
) -> Option<ApiKey> {
    let well_formed = |key: &str| !key.is_empty() && key.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    let malformed = "the key is empty or holds characters that no key has";
    if let Some(key) = &config.api_key {
        if !well_formed(key.reveal()) {
            report(malformed.to_owned(), "look after api_key");
        }
        return Some(key.clone());
    }
    let variable = config.api_key_env.as_deref().or(config.vendor.facts().key_env)?;
    match look_up(variable).map(|key| key.trim().to_owned()) {
        Some(key) if well_formed(&key) => Some(ApiKey::new(key)),
        Some(_) => {
            report(malformed.to_owned(), &format!("look after the environment variable {variable}"));
            None
        }
        None => {
            let help = format!("set the environment variable {variable}, or name another one in api_key_env");
            report("there is no key for it".to_owned(), &help);
            None
        }
    }
}
