//! The description of the API: one table of endpoints, the schemas of the requests, and a page that
//! shows both.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::wire::request;

/// One endpoint.
pub(crate) struct Endpoint {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    /// The schema of the body, when it takes one.
    pub(crate) body: Option<&'static str>,
    /// The scope that a key needs; `None`: no key at all.
    pub(crate) scope: Option<&'static str>,
    /// Whether it answers with events when asked to.
    pub(crate) streams: bool,
}

const fn endpoint(method: &'static str, path: &'static str, summary: &'static str) -> Endpoint {
    Endpoint { method, path, summary, body: None, scope: None, streams: false }
}

impl Endpoint {
    const fn takes(self, body: &'static str) -> Self {
        Self { body: Some(body), ..self }
    }

    const fn needs(self, scope: &'static str) -> Self {
        Self { scope: Some(scope), ..self }
    }

    const fn streams(self) -> Self {
        Self { streams: true, ..self }
    }
}

/// Every endpoint; each is there under `/api/v1`, too.
pub(crate) const ENDPOINTS: [Endpoint; 34] = [
    endpoint("get", "/health", "Whether the server lives"),
    endpoint("get", "/ready", "Whether the server can take work"),
    endpoint("get", "/discover", "What the server is and can do"),
    endpoint("get", "/openapi.json", "This description"),
    endpoint("get", "/docs", "This description as a page"),
    endpoint("get", "/providers", "The providers that turn words into workflows").needs("read"),
    endpoint("post", "/providers/switch", "Sets the provider that is asked by default")
        .takes("SwitchProviderRequest")
        .needs("admin"),
    endpoint("post", "/generate", "Makes a workflow from words").takes("GenerateRequest").needs("generate").streams(),
    endpoint("post", "/refine", "Makes a workflow better").takes("RefineRequest").needs("generate").streams(),
    endpoint("post", "/compose", "Makes a workflow from words and, in mode `act`, runs it")
        .takes("ComposeRequest")
        .needs("generate")
        .streams(),
    endpoint("post", "/orchestrate", "Makes, checks, mends and maybe runs a workflow, each by a provider of its own")
        .takes("OrchestrateRequest")
        .needs("generate")
        .streams(),
    endpoint("get", "/sessions", "The sessions").needs("read"),
    endpoint("post", "/sessions", "Begins a session").takes("CreateSessionRequest").needs("generate"),
    endpoint("get", "/sessions/{id}", "A session with everything that was said in it").needs("read"),
    endpoint("delete", "/sessions/{id}", "Removes a session").needs("generate"),
    endpoint("post", "/sessions/{id}/continue", "Says something in a session: makes its workflow, or changes it")
        .takes("ContinueSessionRequest")
        .needs("generate")
        .streams(),
    endpoint("post", "/execute", "Runs a workflow").takes("ExecuteRequest").needs("execute").streams(),
    endpoint("post", "/validate", "Says everything that is wrong with a workflow")
        .takes("ValidateRequest")
        .needs("read"),
    endpoint("get", "/templates", "The templates").needs("read"),
    endpoint("post", "/templates", "Keeps a workflow as a template").takes("SaveTemplateRequest").needs("generate"),
    endpoint("get", "/templates/{id}", "A template with its workflow").needs("read"),
    endpoint("post", "/templates/{id}/instantiate", "Makes a workflow of a template")
        .takes("InstantiateRequest")
        .needs("read"),
    endpoint("get", "/tools", "The tools that steps can call").needs("read"),
    endpoint("get", "/executions", "The runs, newest first").needs("read"),
    endpoint("get", "/executions/{id}", "A run as it is now").needs("read"),
    endpoint("get", "/executions/{id}/events", "The events of a run, resumable").needs("read").streams(),
    endpoint("get", "/executions/{id}/steps/{step}/logs", "What a step printed").needs("read"),
    endpoint("post", "/executions/{id}/cancel", "Ends a run").takes("CancelRequest").needs("execute"),
    endpoint("post", "/executions/{id}/pause", "Begins no more steps of a run").needs("execute"),
    endpoint("post", "/executions/{id}/resume", "Goes on with a paused run").needs("execute"),
    endpoint("post", "/executions/{id}/approvals/{approval}", "Answers a question of a run")
        .takes("DecideRequest")
        .needs("approve"),
    endpoint("get", "/keys", "The keys, without their secrets").needs("admin"),
    endpoint("post", "/keys", "Makes a key, and shows it once").takes("CreateKeyRequest").needs("admin"),
    endpoint("delete", "/keys/{id}", "Revokes a key").needs("admin"),
];

#[derive(OpenApi)]
#[openapi(components(schemas(
    request::SwitchProviderRequest,
    request::GenerateRequest,
    request::RefineRequest,
    request::ComposeRequest,
    request::OrchestrateFields,
    request::StrategyParts,
    request::WritingPart,
    request::ValidationPart,
    request::ExecutionPart,
    request::CreateSessionRequest,
    request::PreferencesPart,
    request::ContinueSessionRequest,
    request::StreamFilterPart,
    request::ExecuteRequest,
    request::ValidateRequest,
    request::SaveTemplateRequest,
    request::InstantiateRequest,
    request::CancelRequest,
    request::DecideRequest,
    request::CreateKeyRequest,
    request::AuthoringOptions,
    request::RunOptions,
)))]
struct Schemas;

/// The description in OpenAPI 3.1.
pub(crate) fn document() -> Value {
    let mut document = serde_json::to_value(Schemas::openapi()).unwrap_or_default();
    document["info"] = json!({
        "title": "Partita", "version": env!("CARGO_PKG_VERSION"), "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        "description": "Words become workflows; workflows run durably, show every step, and can be taken back.",
    });
    document["components"]["securitySchemes"] = json!({"key": {"type": "http", "scheme": "bearer"}});
    document["components"]["schemas"]["Problem"] = json!({
        "type": "object", "description": "Why a request was refused (RFC 9457).",
        "properties": {
            "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
            "detail": {"type": "string"}, "code": {"type": "string"}, "request_id": {"type": "string"},
            "errors": {"type": "array", "items": {"type": "object", "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}}}},
        },
    });
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in &ENDPOINTS {
        let path = paths.entry(endpoint.path.to_owned()).or_insert_with(|| json!({}));
        path[endpoint.method] = operation(endpoint);
    }
    document["paths"] = Value::Object(paths);
    document
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut content = json!({"application/json": {"schema": {"type": "object"}}});
    if endpoint.streams {
        content["text/event-stream"] = json!({"schema": {"type": "string"}});
    }
    let problem = json!({
        "description": "refused",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    });
    let mut operation = json!({
        "summary": endpoint.summary,
        "responses": {"200": {"description": "done", "content": content}, "default": problem},
    });
    if let Some(scope) = endpoint.scope {
        operation["security"] = json!([{"key": [scope]}]);
    }
    if let Some(body) = endpoint.body {
        let schema = json!({"$ref": format!("#/components/schemas/{body}")});
        operation["requestBody"] = json!({
            "content": {"application/json": {"schema": schema}, "application/yaml": {"schema": schema}},
        });
    }
    let names = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
    let parameters: Vec<Value> = names.map(parameter).collect();
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    operation
}

/// A page that shows the endpoints, their bodies and examples; it asks nobody for anything.
pub(crate) fn page() -> String {
    let schemas = document()["components"]["schemas"].clone();
    let mut rows = String::new();
    for endpoint in &ENDPOINTS {
        let scope = endpoint.scope.map_or("no key".to_owned(), |scope| format!("scope <code>{scope}</code>"));
        let example = endpoint.body.map(|body| &schemas[body]["example"]).filter(|example| !example.is_null());
        let example = example
            .and_then(|example| serde_json::to_string_pretty(example).ok())
            .map(|text| format!("<pre>{}</pre>", text.replace('&', "&amp;").replace('<', "&lt;")))
            .unwrap_or_default();
        let method = endpoint.method.to_uppercase();
        rows.push_str(&format!(
            "<section><h2><b>{method}</b> {}</h2><p>{} · {scope}</p>{example}</section>\n",
            endpoint.path, endpoint.summary
        ));
    }
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Partita API</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>\
         body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}}\
         h2{{font:600 1rem ui-monospace,monospace;margin:1.5rem 0 .2rem}}p{{margin:.2rem 0}}\
         pre{{overflow:auto;padding:.6rem;border:1px solid #8884;border-radius:6px;font-size:.85rem}}</style></head>\
         <body><h1>Partita API</h1><p>The whole description is at <a href=\"/openapi.json\">/openapi.json</a>. \
         Send a key as <code>Authorization: Bearer …</code>.</p>\n{rows}</body></html>"
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    #[test]
    fn the_committed_description_is_the_one_that_is_served() {
        let text = serde_json::to_string_pretty(&super::document()).unwrap();
        expect_file!["../../../docs/openapi.json"].assert_eq(&format!("{text}\n"));
    }

    #[test]
    fn the_page_asks_nobody_for_anything() {
        let page = super::page();
        assert!(!page.contains("src=") && !page.contains("<link") && !page.contains("<script"), "{page}");
        assert!(page.contains("/executions/{id}/events"));
    }
}
