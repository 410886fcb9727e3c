//! Manifests together: services and the pods they lead to, scalers and what they scale.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Resource;
use crate::validators::finding::Findings;
use crate::validators::texts::is_open;

/// Checks what manifests say about each other.
pub(super) fn check(resources: &[Resource<'_>], findings: &mut Findings) {
    duplicates(resources, findings);
    for resource in resources {
        match resource.kind.as_str() {
            "Service" => service(resource, resources, findings),
            "PodDisruptionBudget" => budget(resource, resources, findings),
            "HorizontalPodAutoscaler" => scaler(resource, resources, findings),
            "Ingress" => ingress(resource, resources, findings),
            _ => {}
        }
    }
}

fn duplicates(resources: &[Resource<'_>], findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for resource in resources {
        let is_new = seen.insert((&resource.document.path, &resource.kind, &resource.namespace, &resource.name));
        if !is_new && resource.name != "?" && !is_open(&resource.name) {
            let place = resource.at("/metadata/name");
            let message = "the same text has a second one of this name, which wins";
            resource.inside(findings).warning(
                "k8s_duplicate_resource",
                &place,
                message,
                "remove one, or give it another name",
            );
        }
    }
}

fn same_namespace(one: &Resource<'_>, other: &Resource<'_>) -> bool {
    one.namespace.is_none() || other.namespace.is_none() || one.namespace == other.namespace
}

fn labels<'a>(resource: &'a Resource<'_>) -> Option<&'a Map<String, Value>> {
    let (template, _) = resource.pod_template()?;
    template.pointer("/metadata/labels")?.as_object()
}

fn is_selected(labels: &Map<String, Value>, selector: &Map<String, Value>) -> bool {
    selector.iter().all(|(key, value)| {
        labels.get(key).is_some_and(|label| {
            label == value || label.as_str().is_some_and(is_open) || value.as_str().is_some_and(is_open)
        })
    })
}

fn service(service: &Resource<'_>, resources: &[Resource<'_>], findings: &mut Findings) {
    let Some(selector) = service.value.pointer("/spec/selector").and_then(Value::as_object) else { return };
    let workloads: Vec<&Resource<'_>> =
        resources.iter().filter(|one| labels(one).is_some() && same_namespace(service, one)).collect();
    if workloads.is_empty() {
        return;
    }
    let selected: Vec<&&Resource<'_>> =
        workloads.iter().filter(|one| labels(one).is_some_and(|labels| is_selected(labels, selector))).collect();
    if selected.is_empty() {
        let has: Vec<String> = workloads
            .iter()
            .filter_map(|one| Some(format!("{} has {}", one.name, shown(labels(one)?))))
            .take(3)
            .collect();
        let message = format!("its selector {} matches no pod of this workflow ({})", shown(selector), has.join("; "));
        let help = "select the labels of the pods' template";
        service.inside(findings).warning("k8s_service_no_pods", &service.at("/spec/selector"), &message, help);
        return;
    }
    for (index, port) in
        service.value.pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        let target = port.get("targetPort").or_else(|| port.get("port"));
        let Some(target) = target.filter(|target| !target.as_str().is_some_and(is_open)) else { continue };
        let declared: Vec<&Value> = selected.iter().flat_map(|one| ports(one)).collect();
        let is_known = |port: &&Value| port["name"] == *target || port["containerPort"] == *target;
        if declared.is_empty() || declared.iter().any(is_known) {
            continue;
        }
        let place = service.at(&format!("/spec/ports/{index}/targetPort"));
        let message = format!("it leads to port `{}`, which no container of its pods declares", shown_value(target));
        let help = "use the `containerPort` or the name of a port of the container";
        if target.is_string() {
            service.inside(findings).error("k8s_service_port", &place, &message, help);
        } else {
            service.inside(findings).warning("k8s_service_port", &place, &message, help);
        }
    }
}

fn ports<'a>(resource: &'a Resource<'_>) -> Vec<&'a Value> {
    let Some((template, _)) = resource.pod_template() else { return Vec::new() };
    let containers = template.pointer("/spec/containers").and_then(Value::as_array);
    containers.into_iter().flatten().flat_map(|container| container["ports"].as_array().into_iter().flatten()).collect()
}

fn budget(budget: &Resource<'_>, resources: &[Resource<'_>], findings: &mut Findings) {
    let Some(selector) = budget.value.pointer("/spec/selector/matchLabels").and_then(Value::as_object) else { return };
    let least = &budget.value["spec"]["minAvailable"];
    for one in resources.iter().filter(|one| labels(one).is_some_and(|labels| is_selected(labels, selector))) {
        let replicas = one.value.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
        if least.as_u64().is_some_and(|least| least >= replicas) || *least == "100%" {
            let message = format!(
                "it keeps {} of the {replicas} pods of `{}`, so no node can ever be drained",
                shown_value(least),
                one.name
            );
            budget.inside(findings).warning(
                "k8s_budget_blocks",
                &budget.at("/spec/minAvailable"),
                &message,
                "let it be less than `replicas`, or use `maxUnavailable: 1`",
            );
        }
    }
}

fn scaler(scaler: &Resource<'_>, resources: &[Resource<'_>], findings: &mut Findings) {
    let target = |key: &str| {
        scaler.value.pointer(&format!("/spec/scaleTargetRef/{key}")).and_then(Value::as_str).unwrap_or_default()
    };
    let (kind, name) = (target("kind"), target("name"));
    let of_kind: Vec<&Resource<'_>> =
        resources.iter().filter(|one| one.kind == kind && same_namespace(scaler, one)).collect();
    if of_kind.is_empty() || is_open(name) {
        return;
    }
    match of_kind.iter().find(|one| one.name == name) {
        None => {
            let message = format!("it scales the {kind} `{name}`, which is not among the manifests");
            scaler.inside(findings).warning(
                "k8s_scaler_target",
                &scaler.at("/spec/scaleTargetRef/name"),
                &message,
                "name the workload as its manifest does",
            );
        }
        Some(found) if found.value.pointer("/spec/replicas").is_some() => {
            let message = format!("the {kind} `{name}` also sets `replicas`: each apply undoes what was scaled");
            scaler.inside(findings).warning(
                "k8s_scaler_replicas",
                &scaler.at("/spec/scaleTargetRef"),
                &message,
                "remove `replicas` from the workload",
            );
        }
        Some(_) => {}
    }
}

fn ingress(ingress: &Resource<'_>, resources: &[Resource<'_>], findings: &mut Findings) {
    let services: Vec<&str> = resources
        .iter()
        .filter(|one| one.kind == "Service" && same_namespace(ingress, one))
        .map(|one| one.name.as_str())
        .collect();
    if services.is_empty() {
        return;
    }
    for (index, rule) in
        ingress.value.pointer("/spec/rules").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        for (at, path) in rule.pointer("/http/paths").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let Some(name) = path.pointer("/backend/service/name").and_then(Value::as_str) else { continue };
            if !services.contains(&name) && !is_open(name) {
                let place = ingress.at(&format!("/spec/rules/{index}/http/paths/{at}/backend/service/name"));
                let message = format!(
                    "it leads to the service `{name}`, which is not among the manifests ({})",
                    services.join(", ")
                );
                ingress.inside(findings).warning(
                    "k8s_ingress_service",
                    &place,
                    &message,
                    "name a service as its manifest does",
                );
            }
        }
    }
}

fn shown(labels: &Map<String, Value>) -> String {
    labels.iter().map(|(key, value)| format!("`{key}={}`", shown_value(value))).collect::<Vec<_>>().join(", ")
}

fn shown_value(value: &Value) -> String {
    super::manifest::shown(value)
}
