//! Templates: those that ship with the server, and those that users saved.

use std::sync::Arc;

use partita_core::id::TemplateId;
use partita_core::workflow::{Loaded, Purpose, Workflow, from_value, to_value};
use partita_provider::Template;
use partita_store::{DocumentKey, Precondition};
use serde_json::{Map, Value, json};

use super::planning::{self, Wishes};
use super::{App, AppError, Principal, Scope, WorkflowSource};

const KIND: &str = "template";

/// A workflow to keep as a template.
#[derive(Clone, Debug)]
pub(crate) struct NewTemplate {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) source: WorkflowSource,
}

/// All templates of the caller's tenant, those that ship first.
pub(crate) async fn list(app: &App, principal: &Principal) -> Result<Vec<Template>, AppError> {
    principal.need(Scope::Read)?;
    let mut templates: Vec<Template> = app.parts.templates.iter().cloned().collect();
    templates.extend(saved(app, principal).await?);
    Ok(templates)
}

/// The same for our own use, whatever the caller may read; one list for all as long as none was saved.
pub(super) async fn shared(app: &App, principal: &Principal) -> Result<Arc<[Template]>, AppError> {
    let saved = saved(app, principal).await?;
    if saved.is_empty() {
        return Ok(app.parts.templates.shared());
    }
    Ok(app.parts.templates.iter().cloned().chain(saved).collect())
}

/// Those that users of the tenant saved.
async fn saved(app: &App, principal: &Principal) -> Result<Vec<Template>, AppError> {
    let (mut templates, mut cursor) = (Vec::new(), None);
    loop {
        let page = app.parts.documents.list(&principal.tenant, KIND, 200, cursor.as_deref()).await?;
        templates.extend(page.items.iter().filter_map(|document| stored(&document.key.id, &document.body)));
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(templates),
        }
    }
}

/// A template by its id, or by the name of a saved one.
pub(crate) async fn get(app: &App, principal: &Principal, id: &str) -> Result<Template, AppError> {
    principal.need(Scope::Read)?;
    if let Some(template) = app.parts.templates.get(id) {
        return Ok(template.clone());
    }
    let key = DocumentKey { tenant: principal.tenant.clone(), kind: KIND.to_owned(), id: id.to_owned() };
    let saved = if id.parse::<TemplateId>().is_ok() { app.parts.documents.get(&key).await? } else { None };
    if let Some(template) = saved.and_then(|document| stored(id, &document.body)) {
        return Ok(template);
    }
    let named = list(app, principal).await?.into_iter().find(|template| template.name == id);
    named.ok_or_else(|| AppError::not_found("template", id.chars().take(128).collect::<String>()))
}

/// The workflow of a template, as it is.
pub(crate) async fn workflow(app: &App, principal: &Principal, id: &str) -> Result<Value, AppError> {
    Ok(to_value(&get(app, principal, id).await?.workflow))
}

/// A workflow made of a template, with values for its parameters.
pub(crate) async fn instantiate(
    app: &App,
    principal: &Principal,
    id: &str,
    (parameters, name): (&Map<String, Value>, Option<&str>),
) -> Result<Workflow, AppError> {
    let template = get(app, principal, id).await?;
    let made = template.instantiate(parameters, name);
    made.map_err(|issues| AppError::InvalidWorkflow { issues, suggestions: Vec::new() })
}

/// Keeps a workflow as a template. It has to be sound; parameters without values are what templates are
/// for.
pub(crate) async fn save(app: &App, principal: &Principal, new: NewTemplate) -> Result<Template, AppError> {
    principal.need(Scope::Generate)?;
    let loaded: Loaded = new.source.load();
    let (workflow, planned) = planning::prove(app, loaded, Wishes::default(), Purpose::Validate);
    let valid = planned.is_valid();
    let workflow = match workflow.filter(|_| valid) {
        Some(workflow) => workflow,
        None => return Err(AppError::InvalidWorkflow { issues: planned.issues, suggestions: planned.suggestions }),
    };
    let now = (app.parts.now)();
    let mut random = [0; 16];
    (app.parts.entropy)(&mut random);
    let id = TemplateId::from_parts(now, u128::from_le_bytes(random));
    let name = new.name.unwrap_or_else(|| workflow.name.clone());
    let description = new.description.or_else(|| workflow.description.clone()).unwrap_or_default();
    let category = new.category.unwrap_or_else(|| "saved".to_owned());
    let body = json!({
        "name": name, "description": description, "category": category, "tags": new.tags,
        "workflow": to_value(&workflow), "created_by": principal.id,
    });
    let key = DocumentKey { tenant: principal.tenant.clone(), kind: KIND.to_owned(), id: id.as_str().to_owned() };
    app.parts.documents.put(&key, body, now, Precondition::Absent).await?;
    tracing::info!(template = id.as_str(), by = principal.id, "a template was saved");
    Ok(Template { id: id.as_str().to_owned(), name, description, category, tags: new.tags, workflow })
}

fn stored(id: &str, body: &Value) -> Option<Template> {
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let tags = body["tags"].as_array().into_iter().flatten().filter_map(|tag| tag.as_str().map(str::to_owned));
    Some(Template {
        id: id.to_owned(),
        name: text("name"),
        description: text("description"),
        category: text("category"),
        tags: tags.collect(),
        workflow: from_value(&body["workflow"]).workflow?,
    })
}
