//! Kubernetes: manifests, and the commands that bring them to a cluster.

mod commands;
mod manifest;
mod pods;
mod quantity;
mod relations;
mod versions;

use partita_core::Diagnostic;
use serde_json::Value;

use super::finding::{Findings, Inside};
use super::texts::{Document, Texts};
use crate::builtin::Subject;

/// Checks a workflow, or one text.
pub(crate) fn check(subject: Subject<'_>) -> Vec<Diagnostic> {
    let texts = match subject {
        Subject::Workflow(workflow) => Texts::of(workflow),
        Subject::Text(text) => Texts::of_text(text),
    };
    let mut findings = Findings::default();
    let mut resources = Vec::new();
    for document in &texts.documents {
        match &document.value {
            Err(problem) => {
                let help = "mend the YAML: a manifest that can't be read can't be applied";
                findings.error("k8s_yaml", &document.path, format!("the manifest can't be read: {problem}"), help);
            }
            Ok(value) => each(value, "", &mut |value, inner| {
                if let Some(resource) = manifest::check(document, (value, inner), &mut findings) {
                    resources.push(resource);
                }
            }),
        }
    }
    relations::check(&resources, &mut findings);
    commands::check(&texts, &resources, &mut findings);
    findings.into_list()
}

/// Visits a manifest, or those of a `List`.
fn each<'a>(value: &'a Value, inner: &str, visit: &mut dyn FnMut(&'a Value, &str)) {
    match value["items"].as_array() {
        Some(items) if value["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) => {
            for (index, item) in items.iter().enumerate() {
                visit(item, &format!("{inner}/items/{index}"));
            }
        }
        _ => visit(value, inner),
    }
}

/// A manifest that could be read.
pub(super) struct Resource<'a> {
    pub(super) document: &'a Document,
    pub(super) value: &'a Value,
    /// Where it stands in its document.
    pub(super) inner: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
}

impl Resource<'_> {
    pub(super) fn inside<'f>(&'f self, findings: &'f mut Findings) -> Inside<'f> {
        Inside { findings, document: self.document, what: format!("{} `{}`", self.kind, self.name) }
    }

    /// The path of a place in it.
    pub(super) fn at(&self, place: &str) -> String {
        format!("{}{place}", self.inner)
    }

    /// The template of the pods that it makes, and its place.
    pub(super) fn pod_template(&self) -> Option<(&Value, String)> {
        let place = match self.kind.as_str() {
            "Pod" => return Some((self.value, String::new())),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "ReplicationController" => {
                "/spec/template"
            }
            "CronJob" => "/spec/jobTemplate/spec/template",
            _ => return None,
        };
        Some((self.value.pointer(place)?, place.to_owned()))
    }
}

#[cfg(test)]
mod tests;
