//! Which models there are: what the configuration file says. Requests of users never change any of it.

use std::fmt;

use serde::Deserialize;

use super::limits;

/// The section `models` of the configuration, in the order of the file; the first model is the default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    pub models: Vec<ModelConfig>,
}

/// One model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// What requests call it (`deepseek-ai/DeepSeek-V3`).
    pub name: String,
    pub vendor: Vendor,
    /// What the vendor calls it; its name when absent.
    #[serde(default)]
    pub model: Option<String>,
    /// Where the vendor's API begins (`https://llm.example.com/v1`); the vendor's own place when absent.
    #[serde(default)]
    pub url: Option<String>,
    /// The environment variable that holds the key; the vendor's usual one when absent.
    #[serde(default)]
    pub api_key_env: Option<String>,
    /// The key itself, for those who keep the whole file secret.
    #[serde(default)]
    pub api_key: Option<ApiKey>,
    /// Longest time for one chat with this model, its retries and the waits between them included.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
    /// Longest silence before the first byte of an answer. Models on a small machine read slowly.
    #[serde(default = "default_first_byte_ms")]
    pub first_byte_ms: u64,
    /// Longest silence in the middle of an answer.
    #[serde(default = "default_idle_ms")]
    pub idle_ms: u64,
    /// Most tokens of one answer.
    #[serde(default)]
    pub tokens_max: Option<u32>,
    /// Sent when a request names none. Some models refuse any: leave it out for them.
    #[serde(default)]
    pub temperature: Option<f64>,
    #[serde(default)]
    pub price: Option<Price>,
    /// How the model can be held to a schema; what the vendor is known to understand when absent.
    #[serde(default)]
    pub schema: Option<SchemaSupport>,
    /// Whom to ask when this model fails for good, in this order: names of other models.
    #[serde(default)]
    pub fallbacks: Vec<String>,
}

fn default_timeout_ms() -> u64 {
    limits::TIMEOUT_MS_DEFAULT
}

fn default_first_byte_ms() -> u64 {
    limits::FIRST_BYTE_MS_DEFAULT
}

fn default_idle_ms() -> u64 {
    limits::IDLE_MS_DEFAULT
}

impl ModelConfig {
    /// A model with every default.
    #[must_use]
    pub fn new(name: impl Into<String>, vendor: Vendor) -> Self {
        Self {
            name: name.into(),
            vendor,
            model: None,
            url: None,
            api_key_env: None,
            api_key: None,
            timeout_ms: limits::TIMEOUT_MS_DEFAULT,
            first_byte_ms: limits::FIRST_BYTE_MS_DEFAULT,
            idle_ms: limits::IDLE_MS_DEFAULT,
            tokens_max: None,
            temperature: None,
            price: None,
            schema: None,
            fallbacks: Vec::new(),
        }
    }
}

/// Whose API is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Vendor {
    #[serde(rename = "openai")]
    OpenAi,
    #[serde(rename = "anthropic")]
    Anthropic,
    #[serde(rename = "gemini")]
    Gemini,
    #[serde(rename = "together")]
    Together,
    #[serde(rename = "groq")]
    Groq,
    #[serde(rename = "deepseek")]
    DeepSeek,
    #[serde(rename = "ollama")]
    Ollama,
    /// Anything that speaks OpenAI's chat completions: llama.cpp, vLLM, LM Studio, a company's own proxy.
    #[serde(rename = "openai-compatible")]
    OpenAiCompatible,
}

/// What is fixed about a vendor.
pub(super) struct VendorFacts {
    /// Where its API begins; `None` where only the configuration can know.
    pub(super) url: Option<&'static str>,
    /// The environment variable that its own tools read; `None` where keys are not usual.
    pub(super) key_env: Option<&'static str>,
    pub(super) schema: SchemaSupport,
}

impl Vendor {
    pub(super) fn facts(self) -> VendorFacts {
        use SchemaSupport::{JsonObject, JsonSchema};
        let (url, key_env, schema) = match self {
            Self::OpenAi => (Some("https://api.openai.com/v1"), Some("OPENAI_API_KEY"), JsonSchema),
            Self::Anthropic => (Some("https://api.anthropic.com/v1"), Some("ANTHROPIC_API_KEY"), JsonSchema),
            Self::Gemini => {
                (Some("https://generativelanguage.googleapis.com/v1beta"), Some("GEMINI_API_KEY"), JsonSchema)
            }
            Self::Together => (Some("https://api.together.xyz/v1"), Some("TOGETHER_API_KEY"), JsonSchema),
            Self::Groq => (Some("https://api.groq.com/openai/v1"), Some("GROQ_API_KEY"), JsonObject),
            Self::DeepSeek => (Some("https://api.deepseek.com/v1"), Some("DEEPSEEK_API_KEY"), JsonObject),
            Self::Ollama => (Some("http://127.0.0.1:11434/v1"), None, JsonSchema),
            Self::OpenAiCompatible => (None, None, JsonSchema),
        };
        VendorFacts { url, key_env, schema }
    }
}

/// How a model can be held to a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaSupport {
    /// The vendor takes a JSON Schema and holds the answer to it.
    JsonSchema,
    /// The vendor only promises JSON; the schema is in the instructions.
    JsonObject,
    /// The vendor promises nothing; the schema is in the instructions.
    Prompt,
}

/// US dollars per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub input: f64,
    pub output: f64,
}

impl Price {
    /// What so many tokens cost, in US dollars.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of tokens are far below 2^52")]
    pub fn cost_usd(self, input_tokens: u64, output_tokens: u64) -> f64 {
        (self.input * input_tokens as f64 + self.output * output_tokens as f64) / 1e6
    }
}

/// A key. Shows itself to nobody: neither in logs nor in errors.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ApiKey(String);

impl ApiKey {
    /// Wraps a key.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself, for the header that carries it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(…)")
    }
}
