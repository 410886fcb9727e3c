//! `kubectl` and `helm`: what they change, whether anyone waits for it, and how it is taken back.

use super::Resource;
use super::pods::unfixed_image;
use crate::validators::finding::Findings;
use crate::validators::texts::{Call, Role, Texts, flag, is_open};

/// Options of both programs that take the next word.
const VALUE_FLAGS: [&str; 26] = [
    "-n",
    "--namespace",
    "--context",
    "--kube-context",
    "--kubeconfig",
    "-o",
    "--output",
    "-l",
    "--selector",
    "-f",
    "--filename",
    "-c",
    "--container",
    "--timeout",
    "--values",
    "--set",
    "--set-string",
    "--version",
    "-k",
    "--kustomize",
    "--field-selector",
    "--replicas",
    "--image",
    "--type",
    "-p",
    "--patch",
];

/// What a call does, by its plain words.
struct Verb<'a> {
    call: &'a Call,
    plain: Vec<&'a str>,
}

impl<'a> Verb<'a> {
    fn of(call: &'a Call) -> Self {
        let mut plain = Vec::new();
        let mut words = call.words.iter().skip(1);
        while let Some(word) = words.next() {
            if VALUE_FLAGS.contains(&word.as_str()) {
                words.next();
            } else if !word.starts_with('-') {
                plain.push(word.as_str());
            }
        }
        Self { call, plain }
    }

    fn is(&self, program: &str, words: &[&str]) -> bool {
        let own = self.call.words.first().map(|word| word.rsplit('/').next().unwrap_or(word));
        own == Some(program)
            && self.plain.len() >= words.len()
            && self.plain.iter().zip(words).all(|(one, other)| one == other)
    }

    fn has(&self, flags: &[&str]) -> bool {
        self.call.words.iter().any(|word| {
            flags.iter().any(|flag| word == flag || word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('=')))
        })
    }

    fn shown(&self) -> String {
        let all = self.call.words.join(" ");
        let mut short: String = all.replace("__open__", "…").chars().take(80).collect();
        if short.len() < all.len() && all.chars().count() > 80 {
            short.push('…');
        }
        short
    }
}

/// Checks every call, and the calls together.
pub(super) fn check(texts: &Texts, resources: &[Resource<'_>], findings: &mut Findings) {
    let verbs: Vec<Verb<'_>> = texts.calls.iter().map(Verb::of).collect();
    for (index, verb) in verbs.iter().enumerate() {
        if verb.has(&["--dry-run", "--help", "-h"]) {
            continue;
        }
        destroys(verb, findings);
        namespace(verb, findings);
        images(verb, findings);
        waits(verb, findings);
        if verb.call.role == Role::Step && changes_pods(verb, resources) {
            rollout(verb, &verbs[index + 1..], findings);
            taken_back(verb, texts, findings);
        }
    }
    rollbacks(&verbs, findings);
}

fn destroys(verb: &Verb<'_>, findings: &mut Findings) {
    let path = &verb.call.path;
    let is_undo = verb.call.role == Role::Rollback;
    if verb.is("kubectl", &["delete"]) {
        let kinds: Vec<&str> = verb.plain.get(1).map_or(Vec::new(), |kinds| kinds.split(',').collect());
        let kind = |names: &[&str]| kinds.iter().any(|one| names.contains(&one.split('/').next().unwrap_or(one)));
        if kind(&["namespace", "namespaces", "ns"]) {
            let message = format!("`{}` deletes a namespace with everything in it, volumes included", verb.shown());
            findings.warning(
                "k8s_deletes_namespace",
                path,
                message,
                "delete the resources by name or label, or put an `approval` step before it",
            );
        } else if kind(&[
            "pv",
            "pvc",
            "persistentvolume",
            "persistentvolumes",
            "persistentvolumeclaim",
            "persistentvolumeclaims",
        ]) {
            let message = format!("`{}` deletes data that no rollback brings back", verb.shown());
            findings.warning(
                "k8s_deletes_data",
                path,
                message,
                "take a snapshot before it, or put an `approval` step before it",
            );
        } else if kind(&["crd", "crds", "customresourcedefinition", "customresourcedefinitions"]) {
            let message = format!("`{}` deletes every resource of that kind in every namespace", verb.shown());
            findings.warning("k8s_deletes_definition", path, message, "put an `approval` step before it");
        } else if verb.has(&["--all", "-A", "--all-namespaces"]) {
            let message = format!("`{}` deletes all there are", verb.shown());
            findings.warning("k8s_deletes_all", path, message, "select by name or by label (`-l app=…`)");
        }
        if verb.has(&["--force"]) || flag(&verb.call.words, &["--grace-period"]).as_deref() == Some("0") {
            let message = format!("`{}` doesn't let the program end by itself", verb.shown());
            findings.warning("k8s_forced", path, message, "leave `--force` and `--grace-period=0` out");
        }
    }
    let is_removal = verb.is("helm", &["uninstall"]) || verb.is("helm", &["delete"]);
    if is_removal && !is_undo {
        let message = format!("`{}` removes a release with what it made", verb.shown());
        findings.warning(
            "helm_uninstalls",
            path,
            message,
            "keep its history with `--keep-history`, or put an `approval` step before it",
        );
    }
    let is_scale = verb.is("kubectl", &["scale"]);
    if is_scale && flag(&verb.call.words, &["--replicas"]).as_deref() == Some("0") && !is_undo {
        let message = format!("`{}` stops every pod", verb.shown());
        findings.warning("k8s_scales_to_zero", path, message, "scale to the number that is needed");
    }
    if verb.is("kubectl", &["drain"]) && !verb.has(&["--ignore-daemonsets"]) {
        let message = format!("`{}` fails on a node with a DaemonSet", verb.shown());
        findings.info("k8s_drain", path, message, "add `--ignore-daemonsets`");
    }
}

fn namespace(verb: &Verb<'_>, findings: &mut Findings) {
    const KUBECTL: [&str; 17] = [
        "apply",
        "create",
        "delete",
        "patch",
        "set",
        "scale",
        "rollout",
        "replace",
        "edit",
        "expose",
        "annotate",
        "label",
        "autoscale",
        "exec",
        "logs",
        "run",
        "wait",
    ];
    const HELM: [&str; 6] = ["install", "upgrade", "rollback", "uninstall", "status", "history"];
    if verb.call.namespace.is_some() || verb.has(&["-A", "--all-namespaces"]) {
        return;
    }
    let first = verb.plain.first().copied().unwrap_or_default();
    let of_cluster =
        ["namespace", "namespaces", "ns", "node", "nodes", "pv", "crd", "clusterrole", "clusterrolebinding"];
    let is_of_cluster =
        verb.plain.get(1).is_some_and(|kind| of_cluster.contains(&kind.split('/').next().unwrap_or(kind)));
    // A file or a text says by itself where it goes.
    let is_from_file = verb.has(&["-f", "--filename", "-k", "--kustomize"]);
    let is_kubectl = verb.is("kubectl", &[]) && KUBECTL.contains(&first) && !is_of_cluster && !is_from_file;
    if is_kubectl || (verb.is("helm", &[]) && HELM.contains(&first)) {
        let message = format!("`{}` names no namespace, so it works wherever the kubeconfig points to", verb.shown());
        findings.warning("k8s_no_namespace", &verb.call.path, message, "add `--namespace`");
    }
}

fn images(verb: &Verb<'_>, findings: &mut Findings) {
    let path = &verb.call.path;
    if verb.is("kubectl", &["set", "image"]) {
        for pair in &verb.plain[2..] {
            let Some((_, image)) = pair.split_once('=') else { continue };
            if let Some(problem) = unfixed_image(image) {
                findings.warning(
                    "k8s_image_tag",
                    path,
                    format!("`{image}` {problem}, so nobody knows what runs"),
                    "name a version",
                );
            }
        }
    }
    if verb.is("helm", &[]) {
        let sets = verb.call.words.iter().flat_map(|word| word.trim_start_matches("--set=").split(','));
        if sets.into_iter().any(|pair| pair.ends_with("tag=latest")) {
            let message = format!("`{}` sets the tag `latest`, so nobody knows what runs", verb.shown());
            findings.warning("k8s_image_tag", path, message, "name a version");
        }
    }
}

fn waits(verb: &Verb<'_>, findings: &mut Findings) {
    let waits = verb.is("kubectl", &["rollout", "status"]);
    if waits && !verb.has(&["--timeout"]) && !verb.call.is_timed {
        let message = format!("`{}` waits for ever when the rollout hangs", verb.shown());
        findings.warning(
            "k8s_wait_without_end",
            &verb.call.path,
            message,
            "add `--timeout=120s`, or a `timeout` to the step",
        );
    }
}

/// Whether a call gives a workload new pods.
fn changes_pods(verb: &Verb<'_>, resources: &[Resource<'_>]) -> bool {
    if verb.is("kubectl", &["set", "image"])
        || verb.is("kubectl", &["set", "env"])
        || verb.is("kubectl", &["rollout", "restart"])
    {
        return true;
    }
    if verb.is("kubectl", &["apply"]) || verb.is("kubectl", &["replace"]) {
        // What is read from the workflow itself is known; a file or a directory is not, and mostly has one.
        let is_workload = |one: &Resource<'_>| matches!(one.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet");
        let reads_itself = flag(&verb.call.words, &["-f", "--filename"]).as_deref() == Some("-");
        let own: Vec<&Resource<'_>> =
            resources.iter().filter(|one| is_same_step(&one.document.path, &verb.call.path)).collect();
        return if reads_itself && !own.is_empty() {
            own.into_iter().any(is_workload)
        } else {
            !resources.iter().any(|one| one.document.value.is_ok()) || resources.iter().any(is_workload)
        };
    }
    verb.is("helm", &["upgrade"]) || verb.is("helm", &["install"])
}

fn is_same_step(one: &str, other: &str) -> bool {
    let step = |path: &str| path.split('/').take(3).collect::<Vec<_>>().join("/");
    step(one) == step(other)
}

fn rollout(verb: &Verb<'_>, later: &[Verb<'_>], findings: &mut Findings) {
    let is_wait = |one: &&Verb<'_>| {
        one.call.role != Role::Rollback
            && (one.is("kubectl", &["rollout", "status"])
                || one.is("kubectl", &["wait"])
                || (one.is("helm", &["upgrade"]) && one.has(&["--wait", "--atomic"])))
    };
    if later.iter().any(|one| is_wait(&one)) {
        return;
    }
    if verb.is("helm", &[]) {
        if !verb.has(&["--wait", "--atomic"]) {
            let message = format!("`{}` comes back before the pods are ready, so a failure is not seen", verb.shown());
            findings.warning(
                "helm_no_wait",
                &verb.call.path,
                message,
                "add `--wait` (or `--atomic`, which also takes it back)",
            );
        }
        return;
    }
    if !verb.has(&["--wait"]) {
        let message = format!("nobody waits for what `{}` begins, so a failed rollout is not seen", verb.shown());
        findings.warning(
            "k8s_no_rollout_status",
            &verb.call.path,
            message,
            "add a step with `kubectl rollout status deployment/… --timeout=120s`",
        );
    }
}

fn taken_back(verb: &Verb<'_>, texts: &Texts, findings: &mut Findings) {
    let has_rollback = texts.has_rollback.get(verb.call.step).copied().unwrap_or(false);
    if texts.rolls_back && !has_rollback && !verb.has(&["--atomic"]) {
        let help = if verb.is("helm", &[]) {
            "add `rollback: {tool: helm, parameters: {command: rollback <release>}}`"
        } else {
            "add `rollback: {tool: kubectl, parameters: {command: rollout undo deployment/…}}`"
        };
        let message = format!("`on_failure` is `rollback`, and nothing takes `{}` back", verb.shown());
        findings.warning("k8s_no_rollback", &verb.call.path, message, help);
    }
}

/// A rollback that undoes another workload than its step changed.
fn rollbacks(verbs: &[Verb<'_>], findings: &mut Findings) {
    for undo in verbs.iter().filter(|verb| verb.call.role == Role::Rollback) {
        if !undo.is("kubectl", &["rollout", "undo"]) {
            continue;
        }
        let Some(target) = target(undo, 2) else { continue };
        let done = verbs.iter().filter(|verb| verb.call.role == Role::Step && verb.call.step == undo.call.step);
        for done in done {
            let skipped = if done.is("kubectl", &["set", "image"]) || done.is("kubectl", &["rollout", "restart"]) {
                2
            } else {
                continue;
            };
            let Some(changed) = self::target(done, skipped) else { continue };
            if changed != target {
                let message = format!("the step changes `{changed}`, its rollback undoes `{target}`");
                findings.error("k8s_rollback_other", &undo.call.path, message, "undo what the step changed");
            }
            if done.call.namespace != undo.call.namespace && done.call.namespace.is_some() {
                let message = format!("the rollback `{}` works in another namespace than its step", undo.shown());
                findings.error("k8s_rollback_other", &undo.call.path, message, "name the same namespace");
            }
        }
    }
}

/// `deployment/web`, also when it is written as two words.
fn target(verb: &Verb<'_>, skipped: usize) -> Option<String> {
    let first = verb.plain.get(skipped)?;
    let (kind, name) = match first.split_once('/') {
        Some(both) => both,
        None => (*first, verb.plain.get(skipped + 1).copied().filter(|word| !word.contains('='))?),
    };
    if is_open(kind) || is_open(name) {
        return None;
    }
    let kind = match kind {
        "deploy" | "deployments" => "deployment",
        "sts" | "statefulsets" => "statefulset",
        "ds" | "daemonsets" => "daemonset",
        other => other,
    };
    Some(format!("{kind}/{name}"))
}
