//! What makes a deployment better: trying it first, scanning its images, limits, scaling, monitoring.

use partita_core::workflow::Workflow;
use partita_core::workflow::document::{
    Action, Effects, Foreach, Items, Param, ParamType, Rollback, RollbackWhen, Step,
};
use serde_json::json;

use super::facts::Facts;
use super::modifiers::{
    self, Met, append, command_of, deployment_of, explicit_order, free_name, namespace_of, tool_action,
};
use super::refine::append_part;
use super::sentence::Clause;

/// Tries every change first, as far as its tool can try without doing.
pub(super) fn dry_run(workflow: &mut Workflow) -> Met {
    *workflow = explicit_order(workflow);
    let changes = |step: &Step| {
        let (tool, command) = command_of(step)?;
        match tool {
            "kubectl" if command.starts_with("apply") || command.starts_with("set image") => {
                Some(("kubectl", format!("{command} --dry-run=server")))
            }
            "helm" if command.starts_with("upgrade") || command.starts_with("install") => {
                Some(("helm", format!("{command} --dry-run")))
            }
            "terraform" if command.starts_with("apply") && !command.contains(".tfplan") => {
                Some(("terraform", command.replacen("apply", "plan", 1).replace("-auto-approve", "").trim().to_owned()))
            }
            _ => None,
        }
    };
    let is_trial = |step: &Step| step.name.starts_with("try_");
    let found: Vec<(String, &str, String)> = workflow
        .steps
        .iter()
        .filter(|step| !is_trial(step))
        .filter_map(|step| changes(step).map(|(tool, trial)| (step.name.clone(), tool, trial)))
        .collect();
    if found.is_empty() {
        return Met::Not("no step changes anything that can be tried without doing it".to_owned());
    }
    let mut names = Vec::new();
    for (changed, tool, trial) in &found {
        let name = format!("try_{changed}");
        let Some(at) = workflow.steps.iter().position(|step| step.name == *changed) else { continue };
        if workflow.steps.iter().any(|step| step.name == name) {
            continue;
        }
        let mut action = workflow.steps[at].action.clone();
        if let Some(Action::Tool { parameters, .. }) = &mut action {
            parameters.insert("command".to_owned(), json!(trial));
        }
        let step = Step {
            name: name.clone(),
            description: Some(format!("Try it with {tool} without changing anything")),
            action,
            depends: workflow.steps[at].depends.clone(),
            condition: workflow.steps[at].condition.clone(),
            ..Step::default()
        };
        workflow.steps[at].depends = Some(vec![name.clone()]);
        workflow.steps.insert(at, step);
        names.push(name);
    }
    if names.is_empty() {
        let names = found.iter().map(|(changed, ..)| format!("try_{changed}")).collect::<Vec<_>>();
        return Met::Already { summary: format!("{} try it first", names.join(", ")), steps: names };
    }
    Met::Done { summary: format!("{} try the changes before they are made", names.join(", ")), steps: names }
}

pub(super) fn scan(workflow: &mut Workflow) -> Met {
    if let Some(step) = workflow.steps.iter().find(|step| step.name.starts_with("scan_image")) {
        return Met::Already { summary: format!("`{}` looks for them", step.name), steps: vec![step.name.clone()] };
    }
    let mut images: Vec<serde_json::Value> = Vec::new();
    for step in &workflow.steps {
        let image = command_of(step).and_then(|(tool, command)| {
            let mut words = command.split_whitespace();
            match tool {
                "docker" => words.skip_while(|word| *word != "-t").nth(1),
                "kubectl" if command.starts_with("set image") => words.nth(3)?.split_once('=').map(|(_, image)| image),
                _ => None,
            }
        });
        if let Some(image) = image.map(|image| json!(image)).filter(|image| !images.contains(image)) {
            images.push(image);
        }
    }
    if images.is_empty() {
        return Met::Not("the workflow names no image that could be scanned".to_owned());
    }
    let name = free_name(workflow, "scan_image");
    let after = workflow.steps.iter().position(|step| {
        command_of(step).is_some_and(|(tool, command)| tool == "docker" && command.starts_with("build"))
    });
    let step = Step {
        name: name.clone(),
        description: Some("Look for known weaknesses".to_owned()),
        env: [("image_to_scan".to_owned(), "${ITEM}".to_owned())].into_iter().collect(),
        foreach: Some(Foreach { items: Items::List(images), max_active: Some(2) }),
        action: Some(Action::Command {
            command: "trivy image --exit-code 1 --severity HIGH,CRITICAL -- \"$image_to_scan\"".to_owned(),
            shell: None,
        }),
        effects: Some(Effects::Read),
        ..Step::default()
    };
    match after {
        Some(at) => {
            let before = workflow.steps[at].name.clone();
            modifiers::insert_after(workflow, &before, step);
        }
        None => {
            *workflow = explicit_order(workflow);
            let first = workflow.steps.iter().position(|step| deployment_of(step).is_some()).unwrap_or(0);
            let mut step = step;
            step.depends = workflow.steps[first].depends.clone();
            for other in workflow
                .steps
                .iter_mut()
                .filter(|other| other.depends == step.depends && deployment_of(other).is_some())
            {
                other.depends = Some(vec![step.name.clone()]);
            }
            workflow.steps.insert(first, step);
        }
    }
    Met::Done {
        summary: format!("`{name}` fails when the image has serious known weaknesses (with trivy)"),
        steps: vec![name],
    }
}

pub(super) fn autoscale(workflow: &mut Workflow, facts: &Facts) -> Met {
    let words = facts.text.split(|character: char| !character.is_ascii_alphanumeric());
    let numbers: Vec<u32> = words.filter_map(|word| word.parse().ok()).collect();
    let (min, max) = match numbers.as_slice() {
        [min, max, ..] if min <= max => (*min, *max),
        [max] if *max >= 2 => (2, *max),
        _ => (2, 10),
    };
    each_deployment(workflow, "autoscale", "Let it grow with its load", |target, namespace| {
        format!("autoscale deployment/{target} --min={min} --max={max} --cpu-percent=80{namespace}")
    })
}

pub(super) fn resources(workflow: &mut Workflow) -> Met {
    each_deployment(workflow, "limit", "Bound what it may use", |target, namespace| {
        format!(
            "set resources deployment/{target} --requests=cpu=100m,memory=128Mi --limits=cpu=500m,memory=512Mi{namespace}"
        )
    })
}

/// Gives each deployment probes, so that Kubernetes itself sends requests only to pods that answer. The port is the
/// application's, so it is a parameter; until it has a value the steps are passed over.
pub(super) fn probes(workflow: &mut Workflow, clause: &Clause, facts: &Facts) -> Met {
    let checked = modifiers::health_checks(workflow, clause, facts);
    let deploys: Vec<(String, String, String)> = workflow
        .steps
        .iter()
        .filter_map(|step| Some((step.name.clone(), deployment_of(step)?, namespace_of(step))))
        .collect();
    *workflow = explicit_order(workflow);
    let mut added = Vec::new();
    for (changed, target, namespace) in &deploys {
        let name = format!("probe_{}", changed.trim_start_matches("deploy_"));
        let Some(at) = workflow.steps.iter().position(|step| step.name == *changed) else { continue };
        if workflow.steps.iter().any(|step| step.name == name) {
            continue;
        }
        let patch = |operation: &str, probe: &str| {
            let of = |kind: &str| {
                format!(r#"{{\"op\":\"{operation}\",\"path\":\"/spec/template/spec/containers/0/{kind}\"{probe}}}"#)
            };
            let both = format!("[{},{}]", of("readinessProbe"), of("livenessProbe"));
            let command = format!("patch deployment/{target}{namespace} --type=json -p \"{both}\"");
            tool_action("kubectl", json!({"command": command}))
        };
        let probe =
            r#",\"value\":{\"httpGet\":{\"path\":\"${probe_path}\",\"port\":${probe_port}},\"periodSeconds\":5}"#;
        // Before the new image, so that taking the image back leaves a revision that has the probes.
        let step = Step {
            name: name.clone(),
            description: Some(format!("Give {target} readiness and liveness probes")),
            condition: Some("has(params.probe_port) && params.probe_port != null".to_owned()),
            action: Some(patch("add", probe)),
            depends: workflow.steps[at].depends.clone(),
            rollback: Some(Rollback {
                action: patch("remove", ""),
                retry: None,
                timeout_ms: None,
                when: RollbackWhen::Succeeded,
            }),
            ..Step::default()
        };
        workflow.steps[at].depends = Some(vec![name.clone()]);
        workflow.steps.insert(at, step);
        added.push(name);
    }
    if deploys.is_empty() || added.is_empty() {
        return checked;
    }
    declare_probes(workflow);
    let summary = format!(
        "{} give each deployment readiness and liveness probes when `probe_port` has a value",
        added.join(", ")
    );
    match checked {
        Met::Done { summary: also, steps } | Met::Already { summary: also, steps } => {
            Met::Done { summary: format!("{summary}; {also}"), steps: added.into_iter().chain(steps).collect() }
        }
        Met::Not(_) => Met::Done { summary, steps: added },
    }
}

/// What the probes ask.
fn declare_probes(workflow: &mut Workflow) {
    let port = Param {
        kind: Some(ParamType::Integer),
        description: Some("The port that the probes ask; without it there are none".to_owned()),
        min: Some(1.0),
        max: Some(65_535.0),
        ..Param::default()
    };
    let path = Param {
        kind: Some(ParamType::String),
        description: Some("The path that the probes ask".to_owned()),
        default: Some(json!("/")),
        pattern: Some("^/[A-Za-z0-9._~/-]*$".to_owned()),
        ..Param::default()
    };
    workflow.params.entry("probe_port".to_owned()).or_insert(port);
    workflow.params.entry("probe_path".to_owned()).or_insert(path);
}

/// Adds a command for each deployment, behind the step that changes it.
fn each_deployment(
    workflow: &mut Workflow,
    prefix: &str,
    description: &str,
    command: impl Fn(&str, &str) -> String,
) -> Met {
    let deploys: Vec<(String, String, String)> = workflow
        .steps
        .iter()
        .filter_map(|step| Some((step.name.clone(), deployment_of(step)?, namespace_of(step))))
        .collect();
    let mut added = Vec::new();
    for (step, target, namespace) in &deploys {
        let name = format!("{prefix}_{}", step.trim_start_matches("deploy_"));
        if workflow.steps.iter().any(|step| step.name == name) {
            continue;
        }
        let action = Some(tool_action("kubectl", json!({"command": command(target, namespace)})));
        let new = Step { name: name.clone(), description: Some(description.to_owned()), action, ..Step::default() };
        modifiers::insert_after(workflow, step, new);
        added.push(name);
    }
    match (deploys.is_empty(), added.is_empty()) {
        (true, _) => Met::Not("the workflow changes no deployment in Kubernetes".to_owned()),
        (false, true) => Met::Already { summary: "every deployment has it".to_owned(), steps: Vec::new() },
        (false, false) => Met::Done { summary: format!("added {}", added.join(", ")), steps: added },
    }
}

/// Monitoring and logging: installed unless they are, and for monitoring the services are announced to
/// Prometheus.
pub(super) fn stack(workflow: &mut Workflow, clause: &Clause, facts: &Facts) -> Met {
    let monitoring = clause.has(&["monitoring", "prometheus", "grafana", "metrics"]);
    let elk = clause.has(&["elk", "elasticsearch", "kibana"]);
    let installs = |word: &str| {
        workflow
            .steps
            .iter()
            .filter(|step| command_of(step).is_some_and(|(tool, command)| tool == "helm" && command.contains(word)))
            .map(|step| step.name.clone())
            .collect::<Vec<_>>()
    };
    let present = installs(if monitoring {
        "prometheus"
    } else if elk {
        "elastic/"
    } else {
        "loki"
    });
    let mut steps = present.clone();
    if present.is_empty() {
        match append_part(workflow, clause, facts) {
            Some(Met::Done { steps: added, .. }) => steps = added,
            _ => return Met::Not("the planner does not know how to install it".to_owned()),
        }
    }
    if monitoring {
        steps.extend(announce(workflow));
    }
    if steps == present {
        return Met::Already { summary: format!("{} install it", present.join(", ")), steps: present };
    }
    let what = if monitoring {
        "Prometheus and Grafana are installed, and the services are announced to Prometheus"
    } else {
        "central logging is installed"
    };
    Met::Done { summary: what.to_owned(), steps }
}

/// Tells Prometheus of each deployment's service.
fn announce(workflow: &mut Workflow) -> Vec<String> {
    let deploys: Vec<(String, String)> =
        workflow.steps.iter().filter_map(|step| Some((deployment_of(step)?, namespace_of(step)))).collect();
    let Some((_, namespace)) = deploys.first().cloned() else { return Vec::new() };
    if workflow.steps.iter().any(|step| step.name == "announce_to_prometheus") {
        return Vec::new();
    }
    let items: Vec<String> = deploys.into_iter().map(|(target, _)| target).collect();
    let step = Step {
        name: "announce_to_prometheus".to_owned(),
        description: Some("Let Prometheus find the services".to_owned()),
        action: Some(tool_action(
            "kubectl",
            json!({"command": format!("annotate service/${{ITEM}} prometheus.io/scrape=true --overwrite{namespace}")}),
        )),
        foreach: Some(Foreach {
            items: Items::List(items.into_iter().map(serde_json::Value::String).collect()),
            max_active: None,
        }),
        ..Step::default()
    };
    append(workflow, step);
    vec!["announce_to_prometheus".to_owned()]
}
