//! Requests about keys and settings.

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Read;
use crate::wire::fields::Fields;

/// A key to make.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({"name": "ci", "scopes": ["read", "execute"], "expires_in_days": 90}))]
pub(crate) struct CreateKeyRequest {
    pub(crate) name: String,
    /// `read`, `generate`, `execute`, `execute:code`, `approve`, `admin`, or `*` for all.
    pub(crate) scopes: Vec<String>,
    /// The caller's own when absent.
    pub(crate) tenant: Option<String>,
    /// It never expires when absent.
    pub(crate) expires_in_days: Option<u64>,
}

impl CreateKeyRequest {
    /// Reads the request.
    pub(crate) fn read(body: Value) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let request = Self {
            name: fields.required_text(&["name"]),
            scopes: fields.texts("scopes"),
            tenant: fields.text("tenant"),
            expires_in_days: fields.positive("expires_in_days", "days"),
        };
        Ok((request, fields.finish()?))
    }
}

/// Names the provider that is asked when nobody says.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({"provider": "adk", "config": {"timeout": 60_000, "max_retries": 3}}))]
pub(crate) struct SwitchProviderRequest {
    pub(crate) provider: String,
    /// `timeout` of a whole call in milliseconds, `max_retries` after the first try of a request to a model,
    /// `model`. What was set before stays in force when absent.
    #[schema(value_type = Option<Object>)]
    pub(crate) config: Option<Map<String, Value>>,
}

impl SwitchProviderRequest {
    /// Reads the request.
    pub(crate) fn read(body: Value) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let config = fields.has("config").then(|| fields.map("config"));
        let request = Self { provider: fields.required_text(&["provider"]), config };
        Ok((request, fields.finish()?))
    }
}
