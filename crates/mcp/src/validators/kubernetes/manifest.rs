//! One manifest by itself.

use serde_json::Value;

use super::{Resource, pods, versions};
use crate::validators::finding::{Findings, Inside};
use crate::validators::texts::{Document, is_open};

/// Checks one manifest; gives it when it is one.
pub(super) fn check<'a>(
    document: &'a Document,
    (value, inner): (&'a Value, &str),
    findings: &mut Findings,
) -> Option<Resource<'a>> {
    let text = |place: &str| value.pointer(place).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("/apiVersion"), text("/kind"));
    if kind.is_empty() && api_version.is_empty() {
        return None;
    }
    let mut plain = Inside { findings, document, what: String::new() };
    if kind.is_empty() {
        plain.error(
            "k8s_no_kind",
            inner,
            "a manifest has an `apiVersion` and no `kind`",
            "add `kind: Deployment` or what it is",
        );
        return None;
    }
    if api_version.is_empty() {
        let message = format!("a manifest of kind `{kind}` has no `apiVersion`");
        plain.error("k8s_no_api_version", inner, &message, &expected(kind));
        return None;
    }
    let name = text("/metadata/name");
    let own = Some(text("/metadata/namespace")).filter(|namespace| !namespace.is_empty()).map(str::to_owned);
    let resource = Resource {
        document,
        value,
        inner: inner.to_owned(),
        kind: kind.to_owned(),
        name: if name.is_empty() { "?".to_owned() } else { name.to_owned() },
        namespace: own.clone().or_else(|| document.namespace.clone()),
    };
    let mut inside = resource.inside(findings);
    api(&resource, api_version, &mut inside);
    names(&resource, name, own.as_deref(), &mut inside);
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" => workload(&resource, &mut inside),
        "CronJob" => cron(&resource, &mut inside),
        "Service" => service(&resource, &mut inside),
        "Ingress" => ingress(&resource, &mut inside),
        "HorizontalPodAutoscaler" => scaler(&resource, &mut inside),
        _ => {}
    }
    if let Some((template, place)) = resource.pod_template() {
        pods::check(&resource, template, &place, &mut inside);
    }
    Some(resource)
}

fn expected(kind: &str) -> String {
    match versions::group(kind) {
        Some("") => "add `apiVersion: v1`".to_owned(),
        Some("autoscaling") => "add `apiVersion: autoscaling/v2`".to_owned(),
        Some(group) => format!("add `apiVersion: {group}/v1`"),
        None => "add the `apiVersion` of its definition".to_owned(),
    }
}

fn api(resource: &Resource<'_>, api_version: &str, inside: &mut Inside<'_>) {
    let place = resource.at("/apiVersion");
    if let Some((since, instead)) = versions::gone(api_version, &resource.kind) {
        let message = format!("`{api_version}` is gone since Kubernetes {since}");
        inside.error("k8s_api_removed", &place, &message, &format!("use `{instead}`"));
        return;
    }
    let Some(group) = versions::group(&resource.kind) else { return };
    let given = api_version.split_once('/').map_or("", |(group, _)| group);
    if given != group && !is_open(api_version) {
        let right = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
        let message = format!("`{}` is not part of `{api_version}`", resource.kind);
        inside.error("k8s_api_mismatch", &place, &message, &format!("write `apiVersion: {right}`"));
    }
}

fn names(resource: &Resource<'_>, name: &str, own: Option<&str>, inside: &mut Inside<'_>) {
    let has_generated = resource.value.pointer("/metadata/generateName").is_some();
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':');
    if name.is_empty() && !has_generated {
        inside.error("k8s_no_name", &resource.at("/metadata"), "it has no `metadata.name`", "add a name");
    } else if !is_open(name) && !name.bytes().all(is_plain) {
        let help = "use small letters, digits, `-` and `.`";
        inside.error("k8s_invalid_name", &resource.at("/metadata/name"), "the name is not allowed in Kubernetes", help);
    }
    match (versions::is_namespaced(&resource.kind), own, resource.document.namespace.as_deref()) {
        (Some(true), None, None) => {
            let help = "add `metadata.namespace`, or apply it with `--namespace`";
            let message = "it names no namespace, so it goes wherever the kubeconfig points to";
            inside.warning("k8s_no_namespace", &resource.at("/metadata"), message, help);
        }
        (Some(true), Some(own), Some(given)) if own != given && !is_open(own) && !is_open(given) => {
            let message = format!("it is for the namespace `{own}`, and its command says `{given}`");
            let help = "kubectl refuses that: name one namespace";
            inside.error("k8s_namespace_conflict", &resource.at("/metadata/namespace"), &message, help);
        }
        (Some(true), Some("default"), _) => {
            let message = "it goes into the namespace `default`";
            inside.info(
                "k8s_default_namespace",
                &resource.at("/metadata/namespace"),
                message,
                "give the application a namespace of its own",
            );
        }
        (Some(false), Some(_), _) => {
            let message = format!("a `{}` belongs to no namespace", resource.kind);
            inside.warning("k8s_not_namespaced", &resource.at("/metadata/namespace"), &message, "remove `namespace`");
        }
        _ => {}
    }
}

fn workload(resource: &Resource<'_>, inside: &mut Inside<'_>) {
    let spec = &resource.value["spec"];
    let labels = spec.pointer("/template/metadata/labels").and_then(Value::as_object);
    match spec.pointer("/selector/matchLabels").and_then(Value::as_object) {
        None if spec.pointer("/selector/matchExpressions").is_none() => {
            let help = "add `selector.matchLabels` with the labels of `template.metadata.labels`";
            inside.error("k8s_no_selector", &resource.at("/spec/selector"), "it has no selector", help);
        }
        None => {}
        Some(wanted) => {
            for (key, value) in wanted {
                let given = labels.and_then(|labels| labels.get(key));
                if given == Some(value) {
                    continue;
                }
                let message = match given {
                    Some(given) => {
                        format!("the selector wants `{key}: {}`, the template has `{}`", shown(value), shown(given))
                    }
                    None => format!("the selector wants the label `{key}`, which the template doesn't have"),
                };
                let place =
                    resource.at(&format!("/spec/selector/matchLabels/{}", crate::validators::texts::escape(key)));
                let help = "make `spec.selector.matchLabels` and `spec.template.metadata.labels` the same";
                inside.error("k8s_selector_mismatch", &place, &message, help);
            }
        }
    }
    replicas(resource, spec, inside);
    let strategy = spec.pointer("/strategy/rollingUpdate");
    let is_zero = |name: &str| {
        let value = strategy.and_then(|strategy| strategy.get(name));
        value.is_some_and(|value| matches!(shown(value).as_str(), "0" | "0%"))
    };
    let part = |name: &str| strategy.and_then(|strategy| strategy.get(name)).map(shown);
    if is_zero("maxSurge") && is_zero("maxUnavailable") {
        let message = "neither `maxSurge` nor `maxUnavailable` lets a rollout go on";
        inside.error(
            "k8s_stuck_rollout",
            &resource.at("/spec/strategy/rollingUpdate"),
            message,
            "let one of them be at least 1",
        );
    } else if part("maxUnavailable").as_deref() == Some("100%") {
        let message = "a rollout may take down every pod at a time";
        inside.warning(
            "k8s_rollout_outage",
            &resource.at("/spec/strategy/rollingUpdate/maxUnavailable"),
            message,
            "write `25%` or `0` with a `maxSurge`",
        );
    }
}

fn replicas(resource: &Resource<'_>, spec: &Value, inside: &mut Inside<'_>) {
    let place = resource.at("/spec/replicas");
    let Some(value) = spec.get("replicas").filter(|value| !value.is_null()) else { return };
    match value {
        Value::String(text) if is_open(text) => {}
        Value::Number(number) if number.as_u64().is_some() => match number.as_u64() {
            Some(0) => inside.warning(
                "k8s_no_replicas",
                &place,
                "`replicas: 0` runs nothing",
                "write how many pods there should be",
            ),
            Some(1) if resource.kind == "Deployment" => {
                let message = "there is one replica, so a lost node means an outage";
                inside.info("k8s_single_replica", &place, message, "write `replicas: 2` or more where it matters");
            }
            _ => {}
        },
        other => {
            let message = format!("`replicas` is `{}`, not a whole number", shown(other));
            inside.error("k8s_invalid_replicas", &place, &message, "write a number such as `3`, without quotes");
        }
    }
}

fn cron(resource: &Resource<'_>, inside: &mut Inside<'_>) {
    let schedule = resource.value.pointer("/spec/schedule").and_then(Value::as_str).unwrap_or_default();
    let is_fine = schedule.starts_with('@') || is_open(schedule) || schedule.split_whitespace().count() == 5;
    if !is_fine {
        let message = format!("`{schedule}` is no schedule of five fields");
        inside.error(
            "k8s_invalid_schedule",
            &resource.at("/spec/schedule"),
            &message,
            "write minute, hour, day, month and weekday: `0 3 * * *`",
        );
    }
}

fn service(resource: &Resource<'_>, inside: &mut Inside<'_>) {
    let spec = &resource.value["spec"];
    let is_external = spec["type"] == "ExternalName";
    let ports = spec["ports"].as_array().map_or(&[][..], Vec::as_slice);
    if ports.is_empty() && !is_external && spec["clusterIP"] != "None" {
        inside.error(
            "k8s_service_no_ports",
            &resource.at("/spec/ports"),
            "it has no ports",
            "add `ports: [{port: 80, targetPort: 8080}]`",
        );
    }
    for (index, port) in ports.iter().enumerate() {
        let number = port["port"].as_u64();
        let is_open = port["port"].as_str().is_some_and(is_open);
        if !is_open && number.is_none_or(|number| number == 0 || number > 65_535) {
            let message = format!("port {} is no number from 1 to 65535", index + 1);
            inside.error(
                "k8s_invalid_port",
                &resource.at(&format!("/spec/ports/{index}/port")),
                &message,
                "write `port: 80`",
            );
        }
    }
    if ports.len() > 1 && ports.iter().any(|port| port.get("name").is_none()) {
        inside.error(
            "k8s_port_without_name",
            &resource.at("/spec/ports"),
            "it has several ports, and not each has a name",
            "give every port a `name`",
        );
    }
    if spec["type"] == "LoadBalancer" && spec.get("loadBalancerSourceRanges").is_none() {
        let message = "the load balancer is open to every address";
        inside.info(
            "k8s_open_load_balancer",
            &resource.at("/spec/type"),
            message,
            "set `loadBalancerSourceRanges`, or use an Ingress",
        );
    }
}

fn ingress(resource: &Resource<'_>, inside: &mut Inside<'_>) {
    for (index, rule) in
        resource.value.pointer("/spec/rules").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        for (at, path) in rule.pointer("/http/paths").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let place = resource.at(&format!("/spec/rules/{index}/http/paths/{at}"));
            if path.get("pathType").is_none() {
                inside.error("k8s_no_path_type", &place, "a path has no `pathType`", "add `pathType: Prefix`");
            }
            if path.pointer("/backend/serviceName").is_some() {
                let message = "`backend.serviceName` belongs to an API version that is gone";
                inside.error(
                    "k8s_old_backend",
                    &place,
                    message,
                    "write `backend: {service: {name: …, port: {number: …}}}`",
                );
            }
        }
    }
}

fn scaler(resource: &Resource<'_>, inside: &mut Inside<'_>) {
    let number = |name: &str| resource.value["spec"][name].as_i64();
    let (least, most) = (number("minReplicas").unwrap_or(1), number("maxReplicas"));
    match most {
        Some(most) if least > most => {
            let message = format!("`minReplicas` {least} is more than `maxReplicas` {most}");
            inside.error(
                "k8s_scaler_bounds",
                &resource.at("/spec/maxReplicas"),
                &message,
                "let `maxReplicas` be at least `minReplicas`",
            );
        }
        None if !resource.value["spec"]["maxReplicas"].as_str().is_some_and(is_open) => {
            inside.error("k8s_scaler_bounds", &resource.at("/spec"), "it has no `maxReplicas`", "add `maxReplicas`");
        }
        _ => {}
    }
}

/// A scalar for messages.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
