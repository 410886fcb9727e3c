//! What can be asked of any workflow: health checks, rollback, notification, approval, retries, limits in
//! time. Generation and refinement use the same.

use partita_core::workflow::Workflow;
use partita_core::workflow::document::{Action, Approval, Http, OnFailure, Retry, Rollback, RollbackWhen, Step};
use serde_json::{Map, Value, json};

use super::facts::Facts;
use super::part::slug;
use super::sentence::Clause;

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// Done: what, and in which steps.
    Done { summary: String, steps: Vec<String> },
    /// It was so already.
    Already { summary: String, steps: Vec<String> },
    /// It can't be done here.
    Not(String),
}

/// Something that can be asked of any workflow.
pub(super) struct Modifier {
    /// Whether it bounds the steps of one clause when a task has several.
    is_limit: bool,
    words: &'static [&'static [&'static str]],
    pub(super) apply: fn(&mut Workflow, &Clause, &Facts) -> Met,
}

/// Every modifier; the first that a clause's words fit is meant.
pub(super) static MODIFIERS: [Modifier; 6] = [
    Modifier {
        is_limit: false,
        words: &[&["rollback", "roll back", "rolled back", "undo", "revert", "take it back", "rolls back"]],
        apply: rollback,
    },
    Modifier {
        is_limit: false,
        words: &[&[
            "approval",
            "approve",
            "approved",
            "confirm",
            "confirmation",
            "ask me",
            "ask for my approval",
            "sign off",
            "sign-off",
            "ask first",
            "manual gate",
            "approval gate",
        ]],
        apply: approval,
    },
    Modifier {
        is_limit: false,
        words: &[&[
            "notify",
            "notification",
            "notifications",
            "slack",
            "tell",
            "email",
            "mail",
            "webhook",
            "message",
            "inform",
            "announce",
            "alert",
            "e-mail",
            "#channel",
        ]],
        apply: notification,
    },
    Modifier {
        is_limit: true,
        words: &[&["retry", "retries", "try again", "retried", "attempts", "tries"]],
        apply: retries,
    },
    Modifier {
        is_limit: true,
        words: &[&[
            "timeout",
            "timeouts",
            "time limit",
            "hour limit",
            "minute limit",
            "no longer than",
            "time out",
            "timed out",
            "give up after",
        ]],
        apply: time_limit,
    },
    Modifier {
        is_limit: false,
        words: &[&[
            "health check",
            "health checks",
            "healthcheck",
            "readiness",
            "liveness",
            "verify",
            "smoke test",
            "smoke tests",
            "check health",
            "healthy",
            "validate the deployment",
            "verification",
            "probes",
        ]],
        apply: health_checks,
    },
];

impl Modifier {
    /// Whether a clause asks for it by no other words than those that what it asks for has for itself: the message of a
    /// commit is no notification.
    fn is_only_of(&self, clause: &Clause, intents: &[&'static super::intents::Intent]) -> bool {
        let said = self.words.iter().flat_map(|group| group.iter()).filter(|word| clause.has(&[word]));
        let mut said = said.peekable();
        said.peek().is_some() && said.all(|word| intents.iter().any(|intent| intent.absorbs.contains(word)))
    }
}

/// The modifiers that a clause asks for beside what it asks for itself.
pub(super) fn beside(clause: &Clause, intents: &[&'static super::intents::Intent]) -> Vec<&'static Modifier> {
    of_clause(clause).into_iter().filter(|modifier| !modifier.is_only_of(clause, intents)).collect()
}

/// The modifiers that a clause asks for.
pub(super) fn of_clause(clause: &Clause) -> Vec<&'static Modifier> {
    MODIFIERS.iter().filter(|modifier| modifier.words.iter().all(|group| clause.has(group))).collect()
}

/// Whether a word is one that a modifier goes by.
pub(super) fn knows(word: &str) -> bool {
    MODIFIERS.iter().flat_map(|modifier| modifier.words).any(|group| group.contains(&word))
}

/// Does all that a clause asks for; `None` when it asks for nothing of the kind.
pub(super) fn apply_all(workflow: &mut Workflow, clause: &Clause, facts: &Facts) -> Option<Met> {
    apply_but(workflow, clause, facts, false)
}

/// As [`apply_all`], maybe without limits.
pub(super) fn apply_but(workflow: &mut Workflow, clause: &Clause, facts: &Facts, no_limits: bool) -> Option<Met> {
    let mut all: Option<Met> = None;
    for modifier in of_clause(clause).into_iter().filter(|modifier| !(no_limits && modifier.is_limit)) {
        let met = (modifier.apply)(workflow, clause, facts);
        all = Some(match (all, met) {
            (None, met) => met,
            (
                Some(Met::Done { summary, mut steps }),
                Met::Done { summary: also, steps: more } | Met::Already { summary: also, steps: more },
            )
            | (Some(Met::Already { summary, mut steps }), Met::Done { summary: also, steps: more }) => {
                steps.extend(more);
                Met::Done { summary: format!("{summary}; {also}"), steps }
            }
            (Some(Met::Already { summary, mut steps }), Met::Already { summary: also, steps: more }) => {
                steps.extend(more);
                Met::Already { summary: format!("{summary}; {also}"), steps }
            }
            (Some(Met::Done { summary, steps }), Met::Not(reason)) => {
                Met::Done { summary: format!("{summary}; but {reason}"), steps }
            }
            (Some(Met::Not(reason)), Met::Done { summary, steps }) => {
                Met::Done { summary: format!("{summary}; but {reason}"), steps }
            }
            (Some(Met::Not(reason)), _) | (Some(Met::Already { .. }), Met::Not(reason)) => Met::Not(reason),
        });
    }
    all
}

/// The words of a tool's call.
pub(super) fn command_of(step: &Step) -> Option<(&str, &str)> {
    match step.action.as_ref()? {
        Action::Tool { tool, parameters } => Some((tool.as_str(), parameters.get("command")?.as_str()?)),
        _ => None,
    }
}

/// Deployments that a step changes: `deployment/api`.
pub(super) fn deployment_of(step: &Step) -> Option<String> {
    let (tool, command) = command_of(step)?;
    let changes = ["set image", "rollout restart", "apply", "create"].iter().any(|verb| command.starts_with(verb));
    let target = command
        .split_whitespace()
        .find_map(|word| word.strip_prefix("deployment/").or_else(|| word.strip_prefix("deploy/")));
    (tool == "kubectl" && changes).then(|| target.map(str::to_owned))?
}

/// What a `kubectl` command says about the namespace: ` -n shop`.
pub(super) fn namespace_of(step: &Step) -> String {
    let command = command_of(step).map_or("", |(_, command)| command);
    let mut words = command.split_whitespace();
    while let Some(word) = words.next() {
        if matches!(word, "-n" | "--namespace") {
            return words.next().map(|name| format!(" -n {name}")).unwrap_or_default();
        }
        if let Some(name) = word.strip_prefix("--namespace=") {
            return format!(" -n {name}");
        }
    }
    String::new()
}

pub(super) fn tool_action(tool: &str, parameters: Value) -> Action {
    let parameters: Map<String, Value> = parameters.as_object().cloned().unwrap_or_default();
    Action::Tool { tool: tool.to_owned(), parameters }
}

/// A name that no step has yet.
pub(super) fn free_name(workflow: &Workflow, wished: &str) -> String {
    let taken = |name: &str| workflow.steps.iter().any(|step| step.name == name);
    (1..)
        .map(|number| if number == 1 { wished.to_owned() } else { format!("{wished}_{number}") })
        .find(|name| !taken(name))
        .unwrap_or_default()
}

/// Steps that nothing waits for: what comes after them comes last.
pub(super) fn ends(workflow: &Workflow) -> Vec<String> {
    explicit_order(workflow)
        .steps
        .iter()
        .map(|step| step.name.clone())
        .filter(|name| {
            !explicit_order(workflow)
                .steps
                .iter()
                .any(|step| step.depends.as_ref().is_some_and(|depends| depends.contains(name)))
        })
        .collect()
}

/// The same workflow with every dependency spelled out, so that steps can be put in anywhere.
pub(super) fn explicit_order(workflow: &Workflow) -> Workflow {
    let mut explicit = workflow.clone();
    let chain = workflow.kind == partita_core::workflow::document::Kind::Chain;
    let mut previous: Option<String> = None;
    for step in &mut explicit.steps {
        if step.depends.is_none() {
            step.depends = Some(previous.iter().filter(|_| chain).cloned().collect());
        }
        previous = Some(step.name.clone());
    }
    explicit
}

/// Puts a step behind another one: whatever waited for that one waits for the new one.
pub(super) fn insert_after(workflow: &mut Workflow, after: &str, mut step: Step) {
    *workflow = explicit_order(workflow);
    for other in &mut workflow.steps {
        for need in other.depends.iter_mut().flatten() {
            if need == after {
                need.clone_from(&step.name);
            }
        }
    }
    step.depends = Some(vec![after.to_owned()]);
    let at = workflow.steps.iter().position(|other| other.name == after).map_or(workflow.steps.len(), |at| at + 1);
    workflow.steps.insert(at, step);
}

/// Puts a step behind everything.
pub(super) fn append(workflow: &mut Workflow, mut step: Step) {
    *workflow = explicit_order(workflow);
    step.depends = Some(ends(workflow));
    workflow.steps.push(step);
}

fn rollback(workflow: &mut Workflow, _: &Clause, _: &Facts) -> Met {
    let before = (workflow.on_failure, workflow.steps.iter().filter(|step| step.rollback.is_some()).count());
    workflow.on_failure = Some(OnFailure::Rollback);
    let mut added = Vec::new();
    for step in &mut workflow.steps {
        if step.rollback.is_some() {
            continue;
        }
        if let Some(action) = undo_of(step) {
            step.rollback = Some(Rollback { action, retry: None, timeout_ms: None, when: RollbackWhen::Succeeded });
            added.push(step.name.clone());
        }
    }
    let covered: Vec<String> =
        workflow.steps.iter().filter(|step| step.rollback.is_some()).map(|step| step.name.clone()).collect();
    if before.0 == Some(OnFailure::Rollback) && added.is_empty() {
        return Met::Already { summary: format!("a failure takes back {}", listed(&covered)), steps: covered };
    }
    let summary = if covered.is_empty() {
        "a failure stops the run and takes back what has a rollback; no step has one yet that the planner knows"
            .to_owned()
    } else {
        format!("a failure now takes back {}", listed(&covered))
    };
    Met::Done { summary, steps: if added.is_empty() { covered } else { added } }
}

/// How a step is taken back, when its tool has a way.
fn undo_of(step: &Step) -> Option<Action> {
    let (tool, command) = command_of(step)?;
    let words: Vec<&str> = command.split_whitespace().collect();
    let rest = |from: usize| words.get(from..).map(|words| words.join(" "));
    match (tool, words.as_slice()) {
        ("kubectl", ["set", "image", target, ..]) => {
            Some(tool_action("kubectl", json!({"command": format!("rollout undo {target}{}", namespace_of(step))})))
        }
        ("kubectl", ["apply" | "create", ..]) => {
            Some(tool_action("kubectl", json!({"command": format!("delete {} --ignore-not-found", rest(1)?)})))
        }
        ("helm", ["install", release, ..]) => {
            Some(tool_action("helm", json!({"command": format!("uninstall {release}{}", namespace_of(step))})))
        }
        ("docker", ["run", ..]) => None,
        ("git", ["commit", ..]) => Some(tool_action("git", json!({"command": "reset --soft HEAD~1"}))),
        _ => None,
    }
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn approval(workflow: &mut Workflow, clause: &Clause, facts: &Facts) -> Met {
    let asks = |step: &Step| matches!(step.action, Some(Action::Approval(_)));
    if let Some(step) = workflow.steps.iter().find(|step| asks(step)) {
        return Met::Already { summary: format!("`{}` asks already", step.name), steps: vec![step.name.clone()] };
    }
    *workflow = explicit_order(workflow);
    let name = free_name(workflow, "ask_for_approval");
    let message = Some(format!("Go on with {}?", workflow.name));
    let timeout_ms = facts.duration().filter(|_| clause.has(&["at most", "within", "for up to"]));
    let timeout_ms = timeout_ms.and_then(|text| partita_core::time::parse_duration(&text).ok());
    let mut question = Step {
        name: name.clone(),
        action: Some(Action::Approval(Approval { message, timeout_ms })),
        ..Step::default()
    };
    question.description = Some("Ask a person".to_owned());
    // Before the first step that changes something, unless another place is named.
    let changes = |step: &Step| match command_of(step) {
        Some((_, command)) => !["get", "describe", "status", "is-active", "list", "diff", "repo", "logs"]
            .iter()
            .any(|verb| command.starts_with(verb)),
        None => step.effects != Some(partita_core::workflow::document::Effects::Read),
    };
    let named =
        workflow.steps.iter().position(|step| clause.lower.contains(&step.name.to_lowercase().replace('_', " ")));
    let at = named.or_else(|| workflow.steps.iter().position(changes)).unwrap_or(0);
    question.depends = workflow.steps.get(at).and_then(|step| step.depends.clone());
    let held: Vec<String> = workflow.steps[at..]
        .iter()
        .filter(|step| changes(step) && step.depends == question.depends)
        .map(|step| step.name.clone())
        .collect();
    for step in workflow.steps.iter_mut().filter(|step| held.contains(&step.name)) {
        step.depends = Some(vec![name.clone()]);
    }
    workflow.steps.insert(at, question);
    Met::Done { summary: format!("`{name}` asks a person before {}", listed(&held)), steps: vec![name] }
}

fn notification(workflow: &mut Workflow, clause: &Clause, facts: &Facts) -> Met {
    let on_failure = clause.on_failure
        || clause.has(&[
            "failure",
            "fails",
            "failed",
            "fail",
            "error",
            "errors",
            "goes wrong",
            "is down",
            "down",
            "unreachable",
            "about to expire",
            "expires",
            "broken",
            "does not answer",
            "doesn't answer",
            "not ok",
            "unhealthy",
            "breaks",
        ]);
    let on_success =
        clause.has(&["success", "succeeds", "succeeded", "done", "finished", "completed", "completes", "complete"]);
    let text = "Partita: ${run.name} (${run.id}): ${run.status}";
    let (what, action) = if let Some(address) = facts.emails.first() {
        ("an e-mail", tool_action("email", json!({"to": address, "subject": text, "body": text})))
    } else if let Some(url) = facts.urls.first().filter(|_| !clause.has(&["slack"])) {
        ("a webhook", tool_action("webhook", json!({"url": url, "body": {"text": text}})))
    } else if clause.has(&["email", "mail", "e-mail"]) {
        declare(workflow, "notify_email", "Where notifications are mailed to");
        ("an e-mail", tool_action("email", json!({"to": "${notify_email}", "subject": text, "body": text})))
    } else if clause.has(&["slack"]) || !facts.channels.is_empty() {
        let mut parameters = json!({"webhook": "${secrets.SLACK_WEBHOOK}", "text": text});
        if let Some(channel) = facts.channels.first() {
            parameters["text"] = json!(format!("#{channel}: {text}"));
        }
        ("a message to Slack", tool_action("slack", parameters))
    } else {
        declare(workflow, "notify_url", "The webhook that notifications are sent to");
        ("a webhook", tool_action("webhook", json!({"url": "${notify_url}", "body": {"text": text}})))
    };
    let name = slug("notify");
    let step = |name: &str| {
        Box::new(Step {
            name: name.to_owned(),
            action: Some(action.clone()),
            description: Some("Tell how it went".to_owned()),
            ..Step::default()
        })
    };
    let handlers = &mut workflow.handlers;
    if on_failure && !on_success {
        handlers.failure = Some(step(&format!("{name}_failure")));
        return Met::Done { summary: format!("a failure sends {what}"), steps: vec![format!("{name}_failure")] };
    }
    if on_success && !on_failure && clause.has(&["success", "succeeds", "succeeded"]) {
        handlers.success = Some(step(&format!("{name}_success")));
        return Met::Done { summary: format!("a success sends {what}"), steps: vec![format!("{name}_success")] };
    }
    handlers.exit = Some(step(&name));
    Met::Done { summary: format!("the end of the run, whatever it is, sends {what}"), steps: vec![name] }
}

/// Declares a parameter that must be given.
fn declare(workflow: &mut Workflow, name: &str, description: &str) {
    let param = partita_core::workflow::document::Param {
        kind: Some(partita_core::workflow::document::ParamType::String),
        description: Some(description.to_owned()),
        required: true,
        ..Default::default()
    };
    workflow.params.entry(name.to_owned()).or_insert(param);
}

fn retries(workflow: &mut Workflow, _: &Clause, facts: &Facts) -> Met {
    let max_attempts = facts.times().map_or(3, |times| times.saturating_add(1)).clamp(2, 100);
    let apart = super::limits::apart(&facts.text).and_then(|text| partita_core::time::parse_duration(&text).ok());
    let delay_ms = apart.unwrap_or(5_000);
    let retry = Retry {
        max_attempts,
        delay_ms,
        backoff: 2.0,
        max_delay_ms: Some(delay_ms.max(60_000)),
        jitter: 0.2,
        on: Vec::new(),
    };
    let mut changed = Vec::new();
    for step in &mut workflow.steps {
        let tries = step.retry.as_ref().map_or(1, |retry| retry.max_attempts);
        if tries < max_attempts && !matches!(step.action, Some(Action::Approval(_))) {
            step.retry = Some(retry.clone());
            changed.push(step.name.clone());
        }
    }
    if changed.is_empty() {
        return Met::Already { summary: "every step is tried again already".to_owned(), steps: Vec::new() };
    }
    let are = if changed.len() == 1 { "is" } else { "are" };
    Met::Done { summary: format!("{} {are} tried up to {max_attempts} times", listed(&changed)), steps: changed }
}

fn time_limit(workflow: &mut Workflow, clause: &Clause, facts: &Facts) -> Met {
    let said = facts.duration().and_then(|text| partita_core::time::parse_duration(&text).ok());
    if said == Some(0) {
        return Met::Not("a limit of 0 would end everything at once".to_owned());
    }
    let Some(limit) = said else {
        let mut changed = Vec::new();
        for step in workflow
            .steps
            .iter_mut()
            .filter(|step| step.timeout_ms.is_none() && !matches!(step.action, Some(Action::Approval(_))))
        {
            step.timeout_ms = Some(600_000);
            changed.push(step.name.clone());
        }
        if changed.is_empty() {
            return Met::Already { summary: "every step has a time limit already".to_owned(), steps: Vec::new() };
        }
        return Met::Done { summary: format!("{} have a limit of 10 minutes", listed(&changed)), steps: changed };
    };
    if clause.has(&["step", "steps", "each", "every"]) {
        let mut names = Vec::new();
        for step in &mut workflow.steps {
            step.timeout_ms = Some(limit);
            names.push(step.name.clone());
        }
        return Met::Done {
            summary: format!("each step has a limit of {}", partita_core::time::format_duration(limit)),
            steps: names,
        };
    }
    workflow.timeout_ms = Some(limit);
    Met::Done {
        summary: format!("the whole run has a limit of {}", partita_core::time::format_duration(limit)),
        steps: Vec::new(),
    }
}

pub(super) fn health_checks(workflow: &mut Workflow, _: &Clause, facts: &Facts) -> Met {
    let deploys: Vec<(String, String, String)> = workflow
        .steps
        .iter()
        .filter_map(|step| Some((step.name.clone(), deployment_of(step)?, namespace_of(step))))
        .collect();
    let there = |workflow: &Workflow, name: &str| workflow.steps.iter().any(|step| step.name == name);
    let present: Vec<String> =
        deploys.iter().map(|(step, ..)| format!("check_{step}")).filter(|name| there(workflow, name)).collect();
    if !deploys.is_empty() && present.len() == deploys.len() && facts.urls.is_empty() {
        return Met::Already { summary: format!("{} look after it already", listed(&present)), steps: present };
    }
    let mut added = Vec::new();
    for (step, target, namespace) in deploys {
        let name = format!("check_{step}");
        if !there(workflow, &name) {
            let command = format!("rollout status deployment/{target}{namespace} --timeout=120s");
            let check = kubectl_check(&name, &format!("Wait until {target} is ready"), command);
            insert_after(workflow, &step, check);
            added.push(name);
        }
    }
    let asks = |step: &Step, url: &str| matches!(&step.action, Some(Action::Http(http)) if http.url == url);
    if let Some(url) = facts.urls.first() {
        match workflow.steps.iter().find(|step| asks(step, url)) {
            Some(step) if added.is_empty() => {
                let steps = vec![step.name.clone()];
                return Met::Already { summary: format!("`{}` asks it already", step.name), steps };
            }
            Some(_) => {}
            None => added.push(ask_address(workflow, url)),
        }
    }
    let looks = |name: &String| name.starts_with("verify") || name.starts_with("check");
    let looking: Vec<String> = workflow.steps.iter().map(|step| step.name.clone()).filter(looks).collect();
    if added.is_empty() && !looking.is_empty() {
        return Met::Already { summary: format!("{} look after it already", listed(&looking)), steps: looking };
    }
    if added.is_empty() && changes_kubernetes(workflow) {
        let of_kubectl = |step: &&Step| command_of(step).is_some_and(|(tool, _)| tool == "kubectl");
        let namespace = workflow.steps.iter().find(of_kubectl).map(namespace_of).unwrap_or_default();
        let name = free_name(workflow, "check_pods");
        let command = format!("wait --for=condition=Ready pods --all --timeout=120s{namespace}");
        append(workflow, kubectl_check(&name, "Wait until all pods are ready", command));
        added.push(name);
    }
    if added.is_empty() {
        let reason = "nothing in the workflow has a health that the planner knows how to check; name an address: \
                      `check https://…/health`";
        return Met::Not(reason.to_owned());
    }
    Met::Done { summary: format!("{} wait until what was changed is healthy", listed(&added)), steps: added }
}

fn kubectl_check(name: &str, description: &str, command: String) -> Step {
    Step {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        action: Some(tool_action("kubectl", json!({"command": command}))),
        retry: Some(steady(2, 5_000)),
        timeout_ms: Some(300_000),
        ..Step::default()
    }
}

fn steady(max_attempts: u32, delay_ms: u64) -> Retry {
    Retry { max_attempts, delay_ms, backoff: 1.0, max_delay_ms: None, jitter: 0.0, on: Vec::new() }
}

/// Adds a step that asks an address; gives its name.
fn ask_address(workflow: &mut Workflow, url: &str) -> String {
    let name = free_name(workflow, "check_health");
    let http = Http { url: url.to_owned(), ..Http::default() };
    let step = Step {
        name: name.clone(),
        description: Some("Ask whether it answers".to_owned()),
        action: Some(Action::Http(Box::new(http))),
        retry: Some(steady(10, 3_000)),
        ..Step::default()
    };
    append(workflow, step);
    name
}

/// Whether something is changed in Kubernetes.
fn changes_kubernetes(workflow: &Workflow) -> bool {
    workflow
        .steps
        .iter()
        .any(|step| matches!(command_of(step), Some(("kubectl" | "helm", command)) if !command.starts_with("get")))
}
