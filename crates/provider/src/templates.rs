//! Templates: workflows that ship with Partita, with parameters for what differs.

use std::sync::{Arc, LazyLock};

use partita_core::Diagnostic;
use partita_core::workflow::document::{Param, ParamType};
use partita_core::workflow::{Workflow, from_value, read_text};
use serde_json::{Map, Value};

/// The files, one template each, in the order in which they are shown.
const FILES: [&str; 39] = [
    include_str!("../templates/host-health-report.yaml"),
    include_str!("../templates/directory-backup.yaml"),
    include_str!("../templates/postgres-backup.yaml"),
    include_str!("../templates/mysql-backup.yaml"),
    include_str!("../templates/sqlite-backup.yaml"),
    include_str!("../templates/postgres-restore.yaml"),
    include_str!("../templates/mysql-restore.yaml"),
    include_str!("../templates/restore-drill.yaml"),
    include_str!("../templates/kubernetes-deploy.yaml"),
    include_str!("../templates/blue-green-deploy.yaml"),
    include_str!("../templates/canary-deploy.yaml"),
    include_str!("../templates/helm-release.yaml"),
    include_str!("../templates/kubernetes-rollback.yaml"),
    include_str!("../templates/terraform-apply.yaml"),
    include_str!("../templates/docker-build-push.yaml"),
    include_str!("../templates/image-scan.yaml"),
    include_str!("../templates/python-ci.yaml"),
    include_str!("../templates/node-ci.yaml"),
    include_str!("../templates/rust-ci.yaml"),
    include_str!("../templates/git-release.yaml"),
    include_str!("../templates/database-migration.yaml"),
    include_str!("../templates/data-export.yaml"),
    include_str!("../templates/disk-and-log-cleanup.yaml"),
    include_str!("../templates/docker-cleanup.yaml"),
    include_str!("../templates/log-analysis.yaml"),
    include_str!("../templates/incident-triage.yaml"),
    include_str!("../templates/service-restart.yaml"),
    include_str!("../templates/system-update.yaml"),
    include_str!("../templates/certificate-expiry.yaml"),
    include_str!("../templates/http-uptime-check.yaml"),
    include_str!("../templates/dns-check.yaml"),
    include_str!("../templates/port-check.yaml"),
    include_str!("../templates/secret-rotation.yaml"),
    include_str!("../templates/user-offboarding.yaml"),
    include_str!("../templates/notify-slack.yaml"),
    include_str!("../templates/notify-webhook.yaml"),
    include_str!("../templates/notify-email.yaml"),
    include_str!("../templates/monitoring-stack.yaml"),
    include_str!("../templates/central-logging.yaml"),
];

/// A workflow with parameters, ready to be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pub id: String,
    pub name: String,
    pub description: String,
    pub category: String,
    pub tags: Vec<String>,
    /// Its `params` are the parameters of the template.
    pub workflow: Workflow,
}

/// The templates that ship with Partita.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    list: Arc<[Template]>,
}

impl Templates {
    /// Reads the templates that are part of the program. A test proves that each can be read.
    #[must_use]
    pub fn builtin() -> Self {
        Self { list: DOCUMENTS.iter().filter_map(read).collect() }
    }

    /// All templates, in the order in which they are shown.
    pub fn iter(&self) -> impl Iterator<Item = &Template> {
        self.list.iter()
    }

    /// All of them, to be held by many at a time.
    #[must_use]
    pub fn shared(&self) -> Arc<[Template]> {
        Arc::clone(&self.list)
    }

    /// A template by its id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Template> {
        self.list.iter().find(|template| template.id == id)
    }
}

/// The files as values.
static DOCUMENTS: LazyLock<Vec<Value>> =
    LazyLock::new(|| FILES.iter().filter_map(|text| read_text(text, None).ok()).collect());

/// The workflow of a template as a document; null when there is none.
pub(crate) fn document(id: &str) -> Value {
    DOCUMENTS.iter().find(|value| value["id"] == id).map_or(Value::Null, |value| value["workflow"].clone())
}

fn read(value: &Value) -> Option<Template> {
    let word = |key: &str| value[key].as_str().map(str::to_owned);
    let tags = value["tags"].as_array().into_iter().flatten().filter_map(|tag| tag.as_str().map(str::to_owned));
    Some(Template {
        id: word("id")?,
        name: word("name")?,
        description: word("description")?,
        category: word("category")?,
        tags: tags.collect(),
        workflow: from_value(&value["workflow"]).workflow?,
    })
}

impl Template {
    /// A workflow of this template, with values as the defaults of its parameters.
    ///
    /// # Errors
    ///
    /// When a value is for no parameter, or of the wrong type.
    pub fn instantiate(&self, values: &Map<String, Value>, name: Option<&str>) -> Result<Workflow, Vec<Diagnostic>> {
        let mut workflow = self.workflow.clone();
        let mut issues = Vec::new();
        for (key, value) in values {
            let path = format!("/parameters/{}", key.replace('~', "~0").replace('/', "~1"));
            match workflow.params.get_mut(key) {
                None => {
                    let names: Vec<&str> = self.workflow.params.keys().map(String::as_str).collect();
                    let nearest = names.iter().max_by(|one, other| {
                        strsim::jaro_winkler(one, key).total_cmp(&strsim::jaro_winkler(other, key))
                    });
                    let help = match nearest.filter(|nearest| strsim::jaro_winkler(nearest, key) > 0.8) {
                        Some(nearest) => format!("did you mean `{nearest}`?"),
                        None => format!("the template has {}", names.join(", ")),
                    };
                    let message = format!("the template `{}` has no parameter `{key}`", self.id);
                    issues.push(Diagnostic::error("unknown_parameter", path, message).help(help));
                }
                Some(param) => match fitting(param, value) {
                    Ok(value) => {
                        param.default = Some(value);
                        param.required = false;
                    }
                    Err(message) => issues.push(Diagnostic::error("wrong_type", path, message)),
                },
            }
        }
        if let Some(name) = name {
            name.clone_into(&mut workflow.name);
        }
        if issues.is_empty() { Ok(workflow) } else { Err(issues) }
    }
}

/// The value as the parameter's type has it; text that can only mean a number or a truth value counts.
fn fitting(param: &Param, value: &Value) -> Result<Value, String> {
    let text = value.as_str().map(str::trim);
    let fits = match param.kind {
        None => Some(value.clone()),
        Some(ParamType::String) => match value {
            Value::String(_) => Some(value.clone()),
            Value::Number(_) | Value::Bool(_) => Some(Value::String(value.to_string())),
            _ => None,
        },
        Some(ParamType::Integer) => value.as_i64().or_else(|| text?.parse().ok()).map(Value::from),
        Some(ParamType::Number) => value.as_f64().or_else(|| text?.parse().ok()).map(Value::from),
        Some(ParamType::Boolean) => value.as_bool().or_else(|| text?.parse().ok()).map(Value::from),
        Some(ParamType::Array) => value.is_array().then(|| value.clone()),
        Some(ParamType::Object) => value.is_object().then(|| value.clone()),
    };
    let Some(fits) = fits else {
        let kind = serde_json::to_value(param.kind).unwrap_or_default();
        return Err(format!("expected {}, found {value}", kind.as_str().unwrap_or("another type")));
    };
    if !param.choices.is_empty() && !param.choices.contains(&fits) {
        return Err(format!("expected one of {}, found {fits}", Value::Array(param.choices.clone())));
    }
    Ok(fits)
}
