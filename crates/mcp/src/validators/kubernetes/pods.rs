//! The pods that a manifest makes: their containers, images, resources and probes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::manifest::shown;
use super::{Resource, quantity};
use crate::validators::finding::Inside;
use crate::validators::texts::is_open;

/// Checks the template of pods at `place`.
pub(super) fn check(resource: &Resource<'_>, template: &Value, place: &str, inside: &mut Inside<'_>) {
    let spec = &template["spec"];
    let containers = spec["containers"].as_array().map_or(&[][..], Vec::as_slice);
    if containers.is_empty() {
        let help = "add `containers: [{name: …, image: …}]`";
        inside.error(
            "k8s_no_containers",
            &resource.at(&format!("{place}/spec/containers")),
            "its pods have no containers",
            help,
        );
    }
    let mut names = BTreeSet::new();
    for (list, is_main) in [("initContainers", false), ("containers", true)] {
        for (index, container) in spec[list].as_array().into_iter().flatten().enumerate() {
            let at = resource.at(&format!("{place}/spec/{list}/{index}"));
            let name = container["name"].as_str().unwrap_or_default();
            let label =
                if name.is_empty() { format!("container {}", index + 1) } else { format!("container `{name}`") };
            if name.is_empty() {
                inside.error("k8s_container_no_name", &at, &format!("{label} has no name"), "add `name`");
            } else if !names.insert(name) {
                inside.error(
                    "k8s_duplicate_container",
                    &at,
                    &format!("two containers are called `{name}`"),
                    "give each a name of its own",
                );
            }
            let one = Container { value: container, at, label };
            one.image(inside);
            one.resources(inside);
            one.security(inside);
            if is_main {
                one.probes(is_served(&resource.kind), inside);
            }
        }
    }
    for (name, what) in [("hostNetwork", "the network"), ("hostPID", "the processes")] {
        if spec[name] == true {
            let message = format!("`{name}` gives its pods {what} of the node");
            inside.warning(
                "k8s_host_access",
                &resource.at(&format!("{place}/spec/{name}")),
                &message,
                "remove it unless the node itself is what the pod is for",
            );
        }
    }
    let policy = spec["restartPolicy"].as_str();
    let is_job = matches!(resource.kind.as_str(), "Job" | "CronJob");
    if is_job && !matches!(policy, Some("Never" | "OnFailure")) {
        let help = "add `restartPolicy: Never` (or `OnFailure`)";
        inside.error(
            "k8s_restart_policy",
            &resource.at(&format!("{place}/spec/restartPolicy")),
            "the pods of a job need a `restartPolicy`",
            help,
        );
    } else if is_served(&resource.kind) && policy.is_some_and(|policy| policy != "Always") {
        let message = format!("`restartPolicy: {}` is not allowed here", policy.unwrap_or_default());
        inside.error(
            "k8s_restart_policy",
            &resource.at(&format!("{place}/spec/restartPolicy")),
            &message,
            "remove it: it must be `Always`",
        );
    }
}

/// Whether pods of this kind are to run all the time.
fn is_served(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
}

struct Container<'a> {
    value: &'a Value,
    at: String,
    label: String,
}

impl Container<'_> {
    fn image(&self, inside: &mut Inside<'_>) {
        let place = format!("{}/image", self.at);
        let Some(image) = self.value["image"].as_str().filter(|image| !image.is_empty()) else {
            inside.error("k8s_no_image", &self.at, &format!("{} has no image", self.label), "add `image`");
            return;
        };
        if let Some(problem) = unfixed_image(image) {
            let message = format!("{}: `{image}` {problem}, so nobody knows what runs", self.label);
            inside.warning("k8s_image_tag", &place, &message, "name a version: `nginx:1.29.3`, or a digest");
        }
    }

    fn resources(&self, inside: &mut Inside<'_>) {
        let (requests, limits) = (&self.value["resources"]["requests"], &self.value["resources"]["limits"]);
        let place = format!("{}/resources", self.at);
        for (part, amounts) in [("requests", requests), ("limits", limits)] {
            for (name, amount) in amounts.as_object().into_iter().flatten() {
                let is_open = amount.as_str().is_some_and(is_open);
                if !is_open && quantity::parse(amount).is_none() {
                    let message = format!("{}: `{}` is no amount for `{part}.{name}`", self.label, shown(amount));
                    inside.error(
                        "k8s_invalid_quantity",
                        &format!("{place}/{part}/{name}"),
                        &message,
                        "write `250m`, `0.5`, `128Mi` or `1Gi`",
                    );
                }
            }
        }
        for name in ["cpu", "memory"] {
            let amount = |of: &Value| of.get(name).and_then(quantity::parse);
            if let (Some(request), Some(limit)) = (amount(requests), amount(limits))
                && request > limit
            {
                let message = format!(
                    "{}: it requests more {name} ({}) than its limit ({})",
                    self.label,
                    shown(&requests[name]),
                    shown(&limits[name])
                );
                inside.error(
                    "k8s_request_over_limit",
                    &format!("{place}/requests/{name}"),
                    &message,
                    "let the limit be at least the request",
                );
            }
        }
        let missing: Vec<&str> = ["cpu", "memory"]
            .into_iter()
            .filter(|name| requests.get(*name).is_none() && limits.get(*name).is_none())
            .collect();
        if !missing.is_empty() {
            let message = format!("{} requests no {}", self.label, missing.join(" and no "));
            inside.warning(
                "k8s_no_requests",
                &place,
                &message,
                "add `resources.requests`: the scheduler places pods by them",
            );
        }
        if limits.get("memory").is_none() {
            let message = format!("{} has no limit of memory, so it can take the node's", self.label);
            inside.warning("k8s_no_limits", &place, &message, "add `resources.limits.memory`");
        }
    }

    fn security(&self, inside: &mut Inside<'_>) {
        if self.value.pointer("/securityContext/privileged") == Some(&Value::Bool(true)) {
            let message = format!("{} is privileged: it is root on the node", self.label);
            inside.warning(
                "k8s_privileged",
                &format!("{}/securityContext/privileged", self.at),
                &message,
                "remove `privileged`, and add the capabilities that are needed",
            );
        }
    }

    fn probes(&self, is_served: bool, inside: &mut Inside<'_>) {
        let ports = self.value["ports"].as_array().map_or(&[][..], Vec::as_slice);
        for name in ["readinessProbe", "livenessProbe", "startupProbe"] {
            if let Some(probe) = self.value.get(name) {
                self.probe(name, probe, ports, inside);
            }
        }
        if is_served && self.value.get("readinessProbe").is_none() && !ports.is_empty() {
            let message = format!(
                "{} has no `readinessProbe`, so a rollout sends traffic to pods that are not ready",
                self.label
            );
            inside.warning(
                "k8s_no_readiness_probe",
                &self.at,
                &message,
                "add `readinessProbe: {httpGet: {path: /health, port: …}}`",
            );
        }
        if is_served && self.value.get("livenessProbe").is_none() && !ports.is_empty() {
            let message = format!("{} has no `livenessProbe`: one that hangs is not started again", self.label);
            inside.info("k8s_no_liveness_probe", &self.at, &message, "add a `livenessProbe` if the program can hang");
        }
    }

    fn probe(&self, name: &str, probe: &Value, ports: &[Value], inside: &mut Inside<'_>) {
        let place = format!("{}/{name}", self.at);
        let handlers: Vec<&str> =
            ["httpGet", "tcpSocket", "exec", "grpc"].into_iter().filter(|kind| probe.get(*kind).is_some()).collect();
        if handlers.len() != 1 {
            let message = format!(
                "{}: `{name}` has {} of `httpGet`, `tcpSocket`, `exec` and `grpc`",
                self.label,
                if handlers.is_empty() { "none" } else { "several" }
            );
            inside.error("k8s_invalid_probe", &place, &message, "give it exactly one");
            return;
        }
        let port = probe.pointer("/httpGet/port").or_else(|| probe.pointer("/tcpSocket/port"));
        let named = port.and_then(Value::as_str).filter(|port| !is_open(port) && port.parse::<u16>().is_err());
        if let Some(port) = named
            && !ports.iter().any(|one| one["name"] == port)
        {
            let message =
                format!("{}: `{name}` asks at the port `{port}`, which the container doesn't name", self.label);
            inside.error("k8s_unknown_port", &place, &message, "name a port of the container, or write its number");
        }
        if let Some(number) = port.and_then(Value::as_u64)
            && !ports.is_empty()
            && !ports.iter().any(|one| one["containerPort"].as_u64() == Some(number))
        {
            let message = format!("{}: `{name}` asks at port {number}, and the container declares others", self.label);
            inside.warning("k8s_unknown_port", &place, &message, "ask at a port that the container listens at");
        }
    }
}

/// What is wrong with an image's name as a name of one thing.
pub(super) fn unfixed_image(image: &str) -> Option<&'static str> {
    if is_open(image) || image.contains("@sha256:") {
        return None;
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.split_once(':') {
        None => Some("names no version"),
        Some((_, "latest")) => Some("is `latest`"),
        Some((_, "")) => Some("names no version"),
        Some(_) => None,
    }
}
