//! Requests about templates.

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::authoring::AuthoringOptions;
use super::{Read, bare_workflow, workflow_source};
use crate::app::WorkflowSource;
use crate::wire::fields::Fields;

/// Asks for a workflow from a template.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({"parameters": {"url": "https://example.com"}, "name": "uptime-of-example"}))]
pub(crate) struct InstantiateRequest {
    /// Values for the template's parameters.
    #[schema(value_type = Option<Object>)]
    pub(crate) parameters: Map<String, Value>,
    /// A name for the workflow; the template's own when absent.
    pub(crate) name: Option<String>,
    #[schema(value_type = Option<AuthoringOptions>)]
    pub(crate) options: AuthoringOptions,
}

impl InstantiateRequest {
    /// Reads the request; an absent body asks for the template as it is.
    pub(crate) fn read(body: Value) -> Read<Self> {
        let body = if body.is_null() { Value::Object(Map::new()) } else { body };
        let mut fields = Fields::of(body)?;
        let request = Self {
            parameters: fields.map("parameters"),
            name: fields.text("name"),
            options: AuthoringOptions::read(&mut fields),
        };
        Ok((request, fields.finish()?))
    }
}

/// A workflow to keep as a template.
#[derive(Clone, Debug, ToSchema)]
#[schema(example = json!({
    "name": "greeting",
    "description": "Says hello",
    "tags": ["example"],
    "workflow": {"name": "greeting", "params": {"who": "world"}, "steps": [{"name": "greet", "command": "echo \"Hello ${who}\""}]},
}))]
pub(crate) struct SaveTemplateRequest {
    /// The workflow's own when absent.
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) category: Option<String>,
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) tags: Vec<String>,
    #[schema(value_type = Object)]
    pub(crate) workflow: WorkflowSource,
}

impl SaveTemplateRequest {
    /// Reads the request. `text`: what it came as, for a body that is a workflow itself.
    pub(crate) fn read(body: Value, text: &str) -> Read<Self> {
        if bare_workflow(&body) {
            let workflow = WorkflowSource::Text(text.to_owned());
            let request = Self { name: None, description: None, category: None, tags: Vec::new(), workflow };
            return Ok((request, Vec::new()));
        }
        let mut fields = Fields::of(body)?;
        let request = Self {
            name: fields.text("name"),
            description: fields.text("description"),
            category: fields.text("category"),
            tags: fields.texts("tags"),
            workflow: workflow_source(&mut fields, &["workflow"]).unwrap_or_default(),
        };
        Ok((request, fields.finish()?))
    }
}
