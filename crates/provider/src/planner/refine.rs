//! From a workflow and requirements to a better workflow. Every requirement is met and listed, or
//! listed with the reason why it is not.

use partita_core::limits::NAME_CHARS_MAX;
use partita_core::workflow::document::{Action, Effects, Retry, Step};
use partita_core::workflow::planning::misfit;
use partita_core::workflow::{Workflow, from_value};
use serde_json::json;

use super::MODEL;
use super::Refined;
use super::facts::Facts;
use super::improve;
use super::intents::{self, Asked};
use super::modifiers::{self, Met, command_of, explicit_order, free_name, namespace_of, tool_action};
use super::part::assemble;
use super::sentence::Clause;
use crate::provider::{DraftError, RefineRequest, RequirementChange, UnmetRequirement};

/// Makes a workflow better.
pub(super) fn refine(request: &RefineRequest) -> Result<Refined, DraftError> {
    let mut workflow = request.workflow.clone();
    let (mut changes, mut unmet, mut suggestions) = (Vec::new(), Vec::new(), Vec::new());
    let wishes = request.requirements.iter().map(|text| (text, false));
    let errors = request.previous_errors.iter().map(|text| (text, true));
    for (text, is_error) in wishes.chain(errors) {
        let plain = super::wording::plain(&super::spoken::quotes(text));
        let facts = Facts::read(&plain, &request.context);
        let clause = Clause::new(&plain);
        let met = if is_error {
            after_error(&mut workflow, &clause, &facts)
        } else {
            requirement(&mut workflow, &clause, &facts)
        };
        match met {
            Met::Done { summary, steps } => {
                changes.push(RequirementChange { requirement: text.clone(), summary, steps })
            }
            Met::Already { summary, steps } => {
                let summary = format!("already there: {summary}");
                changes.push(RequirementChange { requirement: text.clone(), summary, steps });
            }
            Met::Not(reason) => unmet.push(UnmetRequirement { requirement: text.clone(), reason }),
        }
    }
    if let Some(asked) = request.model.as_deref().filter(|model| *model != MODEL) {
        suggestions.push(format!("The model {asked} is not configured, so the built-in planner made this."));
    }
    Ok(Refined { workflow, changes, unmet, suggestions })
}

fn requirement(workflow: &mut Workflow, clause: &Clause, facts: &Facts) -> Met {
    if let Some((cron, _)) = super::phrases::schedule(&facts.text) {
        return schedule(workflow, cron);
    }
    if clause.has(&["remove", "delete", "drop", "without"])
        && let Some(met) = remove_step(workflow, clause)
    {
        return met;
    }
    if clause.has(&["rename", "call it", "name it"]) {
        return rename(workflow, facts);
    }
    if clause.has(&["parallel", "parallelize", "parallelise", "concurrently", "at the same time"]) {
        return parallel(workflow, clause);
    }
    if clause.has(&["dry run", "dry-run", "validate before", "validation step", "validate the manifest", "lint"]) {
        return improve::dry_run(workflow);
    }
    if clause.has(&["backup", "back up"])
        && clause.has(&["before", "first", "prior", "beforehand"])
        && let Some(met) = prepend_part(workflow, clause, facts)
    {
        return met;
    }
    if clause.has(&[
        "security scan",
        "security scanning",
        "vulnerability",
        "vulnerabilities",
        "scan the image",
        "scan images",
        "image scan",
        "image scanning",
        "trivy",
    ]) {
        return improve::scan(workflow);
    }
    if clause.has(&["autoscaling", "autoscale", "auto-scaling", "hpa"]) {
        return improve::autoscale(workflow, facts);
    }
    if clause.has(&["resource limits", "resource limit", "cpu limit", "memory limit", "limits and requests"]) {
        return improve::resources(workflow);
    }
    if clause.has(&["monitoring", "prometheus", "grafana", "metrics", "logging", "elk", "loki", "elasticsearch"]) {
        return improve::stack(workflow, clause, facts);
    }
    if let Some(met) = named_limits(workflow, clause) {
        return met;
    }
    if clause.has(&["probe", "probes", "readiness", "liveness"]) {
        return improve::probes(workflow, clause, facts);
    }
    if let Some(met) = modifiers::apply_all(workflow, clause, facts) {
        return met;
    }
    if let Some(met) = change_param(workflow, clause, facts) {
        return met;
    }
    let added = if clause.has(&["first", "before", "at the beginning", "at the start"]) {
        prepend_part(workflow, clause, facts)
    } else {
        append_part(workflow, clause, facts)
    };
    added.unwrap_or_else(|| {
        Met::Not("the planner does not understand it; it knows health checks, rollback, notification, approval, retries, time limits, monitoring, logging, backups before, dry runs, scans, scaling, removing and renaming, and every kind of step it can generate".to_owned())
    })
}

/// `run it every night at 3`: kept as the workflow's schedule.
fn schedule(workflow: &mut Workflow, cron: String) -> Met {
    if workflow.schedule.as_ref() == Some(&cron) {
        return Met::Already { summary: format!("the schedule is `{cron}`"), steps: Vec::new() };
    }
    let summary = format!("the schedule is kept as `{cron}`; this version does not start runs by itself");
    workflow.schedule = Some(cron);
    Met::Done { summary, steps: Vec::new() }
}

/// `retry the dump 5 times`: limits of the steps that a requirement speaks of, and of no others.
fn named_limits(workflow: &mut Workflow, clause: &Clause) -> Option<Met> {
    let facts = Facts::read(&clause.text, &serde_json::Map::new());
    let times = facts.times().filter(|_| clause.has(&["retry", "retries", "attempts", "try"]))?;
    let words: Vec<&str> = clause.lower.split_whitespace().filter(|word| word.len() > 3 && *word != "retry").collect();
    let spoken = |step: &Step| {
        let name = step.name.to_lowercase().replace(['_', '-'], " ");
        words.iter().any(|word| super::sentence::has_word(&name, word))
    };
    let mut changed = Vec::new();
    for step in
        workflow.steps.iter_mut().filter(|step| spoken(step) && !matches!(step.action, Some(Action::Approval(_))))
    {
        let max_attempts = times.saturating_add(1).clamp(2, 100);
        step.retry = Some(Retry {
            max_attempts,
            delay_ms: 5_000,
            backoff: 2.0,
            max_delay_ms: Some(60_000),
            jitter: 0.2,
            on: Vec::new(),
        });
        changed.push(step.name.clone());
    }
    (!changed.is_empty()).then(|| Met::Done {
        summary: format!("{} are tried again up to {times} times", changed.join(", ")),
        steps: changed,
    })
}

/// What an error of an earlier run asks for.
fn after_error(workflow: &mut Workflow, clause: &Clause, facts: &Facts) -> Met {
    if clause.has(&[
        "health check",
        "health checks",
        "unhealthy",
        "not ready",
        "crashloopbackoff",
        "readiness",
        "imagepullbackoff",
        "rollout",
    ]) {
        return modifiers::health_checks(workflow, clause, facts);
    }
    let modify = |words: &str, workflow: &mut Workflow| {
        let wish = Clause::new(words);
        modifiers::apply_all(workflow, &wish, &Facts::read(words, &serde_json::Map::new()))
    };
    if clause.has(&["timed out", "timeout", "deadline exceeded", "time out", "took too long"]) {
        if let Some(at) = mentioned(workflow, clause) {
            return longer_limit(&mut workflow.steps[at], facts);
        }
        return longer_limits(workflow);
    }
    let passing = [
        "connection refused",
        "connection reset",
        "temporarily",
        "unavailable",
        "too many requests",
        "rate limit",
        "429",
        "503",
        "502",
        "network",
        "flaky",
        "intermittent",
        "eof",
    ];
    if clause.has(&passing) {
        return modify("retry 3 times", workflow).unwrap_or_else(|| Met::Not("no step can be tried again".to_owned()));
    }
    if clause.has(&["rollback", "roll back", "half", "left behind", "inconsistent"]) {
        return modify("rollback", workflow).unwrap_or_else(|| Met::Not("nothing can be taken back".to_owned()));
    }
    if clause.has(&["not found"]) && clause.has(&["namespace", "namespaces"]) {
        return make_namespace(workflow);
    }
    if clause.has(&["command not found", "not installed", "no such file or directory", "executable file not found"]) {
        return Met::Not(
            "a program is missing on the host: install it there; `partita validate` names it with how to get it"
                .to_owned(),
        );
    }
    if clause.has(&["permission denied", "forbidden", "unauthorized", "access denied", "401", "403"]) {
        return Met::Not(
            "the rights of whoever runs the steps don't suffice; no change of the workflow gives it more".to_owned(),
        );
    }
    if clause.has(&["disk full", "no space left"]) {
        return Met::Not("the disk is full: make room with the template `disk-and-log-cleanup`".to_owned());
    }
    requirement(workflow, clause, facts)
}

/// The step that a text speaks of.
fn mentioned(workflow: &Workflow, clause: &Clause) -> Option<usize> {
    let spoken = clause.lower.replace(['_', '-'], " ");
    let name = |step: &Step| step.name.to_lowercase().replace(['_', '-'], " ");
    workflow.steps.iter().position(|step| super::sentence::has_word(&spoken, &name(step)))
}

fn remove_step(workflow: &mut Workflow, clause: &Clause) -> Option<Met> {
    let at = mentioned(workflow, clause)?;
    if workflow.steps.len() == 1 {
        return Some(Met::Not("it is the only step: a workflow has at least one".to_owned()));
    }
    *workflow = explicit_order(workflow);
    let removed = workflow.steps.remove(at);
    let needs = removed.depends.unwrap_or_default();
    for step in &mut workflow.steps {
        if let Some(depends) = step.depends.as_mut().filter(|depends| depends.contains(&removed.name)) {
            depends.retain(|need| *need != removed.name);
            for need in &needs {
                if !depends.contains(need) {
                    depends.push(need.clone());
                }
            }
        }
    }
    Some(Met::Done { summary: format!("removed the step `{}`", removed.name), steps: vec![removed.name] })
}

fn rename(workflow: &mut Workflow, facts: &Facts) -> Met {
    let quoted = facts.text.split(['"', '\'', '`']).nth(1).map(str::to_owned);
    let quoted =
        quoted.map(|name| name.replace(char::is_control, " ").trim().to_owned()).filter(|name| !name.is_empty());
    let Some(name) = quoted.or_else(|| facts.named(&["to", "call it", "name it"])) else {
        return Met::Not("the new name was not understood; put it in quotes".to_owned());
    };
    if name.chars().count() > NAME_CHARS_MAX {
        return Met::Not(format!("a name has at most {NAME_CHARS_MAX} characters"));
    }
    workflow.name.clone_from(&name);
    Met::Done { summary: format!("the workflow is called `{name}`"), steps: Vec::new() }
}

fn parallel(workflow: &mut Workflow, clause: &Clause) -> Met {
    *workflow = explicit_order(workflow);
    let named: Vec<usize> = (0..workflow.steps.len())
        .filter(|at| {
            super::sentence::has_word(
                &clause.lower.replace(['_', '-'], " "),
                &workflow.steps[*at].name.to_lowercase().replace(['_', '-'], " "),
            )
        })
        .collect();
    // Only steps that use nothing of each other can go side by side.
    let uses = |step: &Step, other: &Step| {
        let text = serde_json::to_string(step).unwrap_or_default();
        other.output.as_ref().is_some_and(|output| text.contains(output.as_str()))
            || text.contains(&format!("steps.{}", other.name))
    };
    let candidates = if named.len() > 1 { named } else { (0..workflow.steps.len()).collect() };
    let mut freed = Vec::new();
    for pair in candidates.windows(2) {
        let (before, after) = (workflow.steps[pair[0]].clone(), workflow.steps[pair[1]].clone());
        let follows = after.depends.as_deref() == Some(std::slice::from_ref(&before.name));
        let reads = |step: &Step| step.effects == Some(Effects::Read);
        if follows
            && !uses(&after, &before)
            && (reads(&before) && reads(&after) || candidates.len() != workflow.steps.len())
        {
            workflow.steps[pair[1]].depends.clone_from(&before.depends);
            freed.push(after.name);
        }
    }
    if freed.is_empty() {
        return Met::Not(
            "no steps were found that surely don't need each other; name them, or give them `depends`".to_owned(),
        );
    }
    Met::Done { summary: format!("{} no longer wait for the step before", freed.join(", ")), steps: freed }
}

/// Twice the time that was too short.
fn longer_limit(step: &mut Step, facts: &Facts) -> Met {
    let said = facts.duration().and_then(|text| partita_core::time::parse_duration(&text).ok());
    let limit = said.max(step.timeout_ms).filter(|limit| *limit > 0).unwrap_or(300_000).saturating_mul(2);
    step.timeout_ms = Some(limit);
    let text = partita_core::time::format_duration(limit);
    Met::Done { summary: format!("`{}` may take {text}", step.name), steps: vec![step.name.clone()] }
}

fn longer_limits(workflow: &mut Workflow) -> Met {
    let mut changed = Vec::new();
    for step in &mut workflow.steps {
        if let Some(limit) = step.timeout_ms {
            step.timeout_ms = Some(limit.saturating_mul(2));
            changed.push(step.name.clone());
        }
        if let Some(Action::Tool { parameters, .. }) = &mut step.action
            && let Some(command) = parameters
                .get("command")
                .and_then(|command| command.as_str())
                .filter(|command| command.contains("--timeout=120s"))
        {
            let longer = command.replace("--timeout=120s", "--timeout=300s");
            parameters.insert("command".to_owned(), json!(longer));
            changed.push(step.name.clone());
        }
    }
    if let Some(limit) = workflow.timeout_ms {
        workflow.timeout_ms = Some(limit.saturating_mul(2));
    }
    changed.dedup();
    if changed.is_empty() && workflow.timeout_ms.is_none() {
        let wish = Clause::new("retry 2 times");
        return modifiers::apply_all(workflow, &wish, &Facts::read(&wish.text, &serde_json::Map::new()))
            .unwrap_or(Met::Not("no limit in time was found".to_owned()));
    }
    Met::Done { summary: "limits in time are doubled".to_owned(), steps: changed }
}

fn make_namespace(workflow: &mut Workflow) -> Met {
    let Some(namespace) = workflow.steps.iter().map(namespace_of).find(|namespace| !namespace.is_empty()) else {
        return Met::Not("no step names a namespace".to_owned());
    };
    let name = namespace.trim_start_matches(" -n ").to_owned();
    let makes = |step: &&Step| command_of(step).is_some_and(|(_, command)| command.starts_with("create namespace"));
    if let Some(step) = workflow.steps.iter().find(makes) {
        return Met::Already { summary: format!("`{}` makes it", step.name), steps: vec![step.name.clone()] };
    }
    *workflow = explicit_order(workflow);
    let step_name = free_name(workflow, "make_namespace");
    let step = Step {
        name: step_name.clone(),
        description: Some("Make the namespace unless it is there".to_owned()),
        action: Some(tool_action("kubectl", json!({"command": format!("create namespace {name}")}))),
        continue_on: partita_core::workflow::document::ContinueOn {
            output: vec!["AlreadyExists".to_owned()],
            failure: true,
            ..Default::default()
        },
        depends: Some(Vec::new()),
        ..Step::default()
    };
    for other in workflow.steps.iter_mut().filter(|other| other.depends.as_ref().is_some_and(Vec::is_empty)) {
        other.depends = Some(vec![step_name.clone()]);
    }
    workflow.steps.insert(0, step);
    Met::Done { summary: format!("`{step_name}` makes the namespace first"), steps: vec![step_name] }
}

/// `use the namespace shop`, `change image_tag to v2`: a parameter gets another default.
fn change_param(workflow: &mut Workflow, clause: &Clause, facts: &Facts) -> Option<Met> {
    let spoken = clause.lower.replace(['_', '-'], " ");
    if clause.has(&["namespace"]) && !workflow.params.contains_key("namespace") {
        return move_to_namespace(workflow, facts);
    }
    let name = workflow
        .params
        .keys()
        .find(|name| super::sentence::has_word(&spoken, &name.to_lowercase().replace('_', " ")))?
        .clone();
    let words = name.replace('_', " ");
    let value =
        facts.named(&["to", "="]).or_else(|| facts.named(&[&words])).or_else(|| facts.versions.first().cloned());
    let value =
        value.or_else(|| facts.paths.first().cloned()).or_else(|| facts.percents.first().map(ToString::to_string));
    let number = clause.lower.split_whitespace().rev().find_map(|word| word.parse::<i64>().ok());
    let param = workflow.params.get_mut(&name)?;
    let value = match param.kind {
        Some(partita_core::workflow::document::ParamType::Integer) => json!(number.or_else(|| value?.parse().ok())?),
        _ => json!(value.or_else(|| number.map(|number| number.to_string()))?),
    };
    if let Some(misfit) = misfit(&name, param, &value) {
        return Some(Met::Not(misfit.message));
    }
    param.default = Some(value.clone());
    param.required = false;
    Some(Met::Done { summary: format!("`{name}` is {value} by default"), steps: Vec::new() })
}

/// `use the namespace shop` where the namespace is written out in the commands.
fn move_to_namespace(workflow: &mut Workflow, facts: &Facts) -> Option<Met> {
    let name = facts.named(&["namespace", "ns", "to"])?;
    let is_label = |name: &str| name.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-');
    let mut changed = Vec::new();
    for step in workflow.steps.iter_mut().filter(|_| is_label(&name) && !name.starts_with('-')) {
        let undo = step.rollback.as_mut().map(|rollback| &mut rollback.action);
        let mut moved = false;
        for action in step.action.as_mut().into_iter().chain(undo) {
            let Action::Tool { parameters, .. } = action else { continue };
            let Some(command) = parameters.get("command").and_then(|command| command.as_str()) else { continue };
            let words: Vec<&str> = command.split(' ').collect();
            let place = |at: &usize| {
                matches!(words[*at], "-n" | "--namespace") || words[*at] == "namespace" && words[0] == "get"
            };
            let Some(at) = (0..words.len().saturating_sub(1)).find(place) else { continue };
            let mut words = words;
            moved |= words[at + 1] != name;
            words[at + 1] = &name;
            let command = words.join(" ");
            parameters.insert("command".to_owned(), json!(command));
        }
        if moved {
            changed.push(step.name.clone());
        }
    }
    (!changed.is_empty())
        .then(|| Met::Done { summary: format!("{} use the namespace `{name}`", changed.join(", ")), steps: changed })
}

/// Steps for what a sentence asks for, as generation would make them.
fn part_of(clause: &Clause, facts: &Facts) -> Option<Workflow> {
    let found = intents::of_clause(clause, facts);
    if found.is_empty() {
        return None;
    }
    let parts =
        found.iter().map(|intent| (intent.build)(&Asked { clauses: vec![clause], facts: facts.clone() })).collect();
    from_value(&assemble("part", "", parts).0).workflow
}

pub(super) fn append_part(workflow: &mut Workflow, clause: &Clause, facts: &Facts) -> Option<Met> {
    let part = part_of(clause, facts)?;
    if let Some(steps) = there_already(workflow, &part) {
        return Some(Met::Already { summary: format!("{} do it", steps.join(", ")), steps });
    }
    *workflow = explicit_order(workflow);
    let ends = modifiers::ends(workflow);
    let steps = join(workflow, part, &ends);
    Some(Met::Done { summary: format!("added {}", steps.join(", ")), steps })
}

fn prepend_part(workflow: &mut Workflow, clause: &Clause, facts: &Facts) -> Option<Met> {
    let part = part_of(clause, facts)?;
    if let Some(steps) = there_already(workflow, &part) {
        return Some(Met::Already { summary: format!("{} do it", steps.join(", ")), steps });
    }
    *workflow = explicit_order(workflow);
    let old: Vec<String> = workflow.steps.iter().map(|step| step.name.clone()).collect();
    let names = join(workflow, part, &[]);
    let is_end = |name: &&String| {
        !workflow.steps.iter().any(|step| step.depends.as_ref().is_some_and(|depends| depends.contains(name)))
    };
    let ends: Vec<String> = names.iter().filter(is_end).cloned().collect();
    for step in &mut workflow.steps[..old.len()] {
        if step.depends.as_ref().is_some_and(Vec::is_empty) {
            step.depends = Some(ends.clone());
        }
    }
    workflow.steps.rotate_left(old.len());
    Some(Met::Done { summary: format!("{} come first", names.join(", ")), steps: names })
}

/// The steps that do what a part would do, when all of it is there.
fn there_already(workflow: &Workflow, part: &Workflow) -> Option<Vec<String>> {
    let same = |wanted: &Step| {
        let found = workflow.steps.iter().find(|step| step.action == wanted.action);
        found.map(|step| step.name.clone())
    };
    let values_agree = part.params.iter().all(|(name, param)| workflow.params.get(name) == Some(param));
    part.steps.iter().map(same).collect::<Option<Vec<_>>>().filter(|_| values_agree)
}

/// Adds the steps of a part behind some steps; gives their names.
fn join(workflow: &mut Workflow, part: Workflow, ends: &[String]) -> Vec<String> {
    for (name, param) in part.params {
        workflow.params.entry(name).or_insert(param);
    }
    let mut renamed = std::collections::HashMap::new();
    let mut names = Vec::new();
    for mut step in part.steps {
        let name = free_name(workflow, &step.name);
        renamed.insert(step.name.clone(), name.clone());
        step.name.clone_from(&name);
        let depends: Vec<String> = step
            .depends
            .iter()
            .flatten()
            .map(|need| renamed.get(need).cloned().unwrap_or_else(|| need.clone()))
            .collect();
        step.depends = Some(if depends.is_empty() { ends.to_vec() } else { depends });
        workflow.steps.push(step);
        names.push(name);
    }
    names
}
