//! Templates, tools, providers and keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use partita_core::workflow::{to_mermaid, to_value, to_yaml};
use serde_json::{Value, json};

use super::body::Document;
use super::caller::Caller;
use crate::App;
use crate::app::keys::{self, NewKey};
use crate::app::planning::{self, Wishes};
use crate::app::templates::NewTemplate;
use crate::app::{AppError, Scope, providers, templates};
use crate::wire::request::{
    CreateKeyRequest, InstantiateRequest, OutputFormat, SaveTemplateRequest, SwitchProviderRequest,
};
use crate::wire::response;

type Answer = Result<Response, AppError>;

pub(super) async fn templates(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    let templates = templates::list(&app, &caller.principal).await?;
    let total = templates.len();
    let templates: Vec<Value> = templates.iter().map(response::template).collect();
    Ok(Json(json!({"templates": templates, "total": total})).into_response())
}

pub(super) async fn template(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Answer {
    let template = templates::get(&app, &caller.principal, &id).await?;
    Ok(Json(response::whole_template(&template)).into_response())
}

pub(super) async fn save_template(State(app): State<Arc<App>>, caller: Caller, document: Document) -> Answer {
    let (request, _) = SaveTemplateRequest::read(document.value, &document.text)?;
    let SaveTemplateRequest { name, description, category, tags, workflow: source } = request;
    let new = NewTemplate { name, description, category, tags, source };
    let template = templates::save(&app, &caller.principal, new).await?;
    Ok((StatusCode::CREATED, Json(response::whole_template(&template))).into_response())
}

pub(super) async fn instantiate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    document: Document,
) -> Answer {
    let (request, _) = InstantiateRequest::read(document.value)?;
    let values = (&request.parameters, request.name.as_deref());
    let workflow = templates::instantiate(&app, &caller.principal, &id, values).await?;
    let purpose = partita_core::workflow::Purpose::Validate;
    let planned = planning::prove_workflow(&app, &workflow, &Wishes::default(), purpose, None);
    let mut answer = json!({"workflow": to_value(&workflow), "template": id, "risk": planned.risk});
    if request.options.include_validation != Some(false) {
        answer["validation"] = planning::validation(&planned);
    }
    match request.options.format.unwrap_or_default() {
        OutputFormat::Json => {}
        OutputFormat::Yaml => answer["workflow_yaml"] = json!(to_yaml(&workflow)),
        OutputFormat::Mermaid => answer["diagram"] = json!(to_mermaid(&workflow)),
    }
    Ok(Json(answer).into_response())
}

pub(super) async fn tools(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    caller.principal.need(Scope::Read)?;
    let installed = |program: &Option<String>| program.as_ref().is_some_and(|program| (app.parts.installed)(program));
    let catalogue = app.parts.tools.current();
    let tools = catalogue.iter().map(|tool| response::tool(tool, installed(&tool.program)));
    let tools: Vec<Value> = tools.collect();
    Ok(Json(json!({"total": tools.len(), "tools": tools})).into_response())
}

pub(super) async fn providers(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    Ok(Json(providers::list(&app, &caller.principal).await?).into_response())
}

pub(super) async fn switch_provider(State(app): State<Arc<App>>, caller: Caller, document: Document) -> Answer {
    let (SwitchProviderRequest { provider, config }, _) = SwitchProviderRequest::read(document.value)?;
    Ok(Json(providers::switch(&app, &caller.principal, &provider, config).await?).into_response())
}

pub(super) async fn keys(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    let keys = keys::list(&app, &caller.principal).await?;
    Ok(Json(json!({"keys": keys.iter().map(response::key).collect::<Vec<_>>(), "total": keys.len()})).into_response())
}

pub(super) async fn create_key(State(app): State<Arc<App>>, caller: Caller, document: Document) -> Answer {
    let (request, _) = CreateKeyRequest::read(document.value)?;
    let CreateKeyRequest { name, scopes, tenant, expires_in_days } = request;
    let (info, key) = keys::create(&app, &caller.principal, NewKey { name, scopes, tenant, expires_in_days }).await?;
    let mut answer = response::key(&info);
    answer["key"] = json!(key);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

pub(super) async fn revoke_key(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Answer {
    keys::revoke(&app, &caller.principal, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
