//! From a task to a draft.

use std::sync::LazyLock;

use partita_core::workflow::document::Action;
use partita_core::workflow::{Workflow, from_value};
use regex::Regex;
use serde_json::{Map, Value};

use super::Drafted;
use super::MODEL;
use super::delivery;
use super::facts::Facts;
use super::intents::{self, Asked, Intent};
use super::limits;
use super::modifiers::{self, Met};
use super::part::{Part, assemble};
use super::phrases::{self, pattern};
use super::pieces::{Piece, pieces};
use super::sentence::{self, Clause};
use super::spoken;
use super::wording;
use crate::provider::{DraftError, DraftRequest};
use crate::templates::Templates;

/// An intent that was found, and the clauses that belong to it.
struct Reading<'a> {
    intent: &'static Intent,
    clauses: Vec<&'a Clause>,
    items: &'a [String],
}

/// What a task was taken apart into.
#[derive(Default)]
struct Read<'a> {
    readings: Vec<Reading<'a>>,
    wishes: Vec<&'a Clause>,
    denied: Vec<&'a Clause>,
    /// What nothing was made of, as sentences.
    leftovers: Vec<String>,
}

/// Makes a draft.
pub(super) fn draft(request: &DraftRequest) -> Result<Drafted, DraftError> {
    let (task, name) = own_name(&spoken::quotes(&request.task));
    let task = wording::plain(&task);
    let (pieces, schedule) = pieces(&task);
    let mut context = request.context.clone();
    context.extend(request.parameters.clone());
    let Read { readings, wishes, denied, leftovers } = read(&pieces, &context);
    if readings.is_empty() {
        return Err(not_understood(&request.task));
    }
    let parts: Vec<Part> = side_by_side(
        &readings,
        readings.iter().map(|reading| build(reading, &context, &task, readings.len())).collect(),
    );
    let parts = in_the_clone(parts);
    let names: Vec<String> = parts.iter().map(|part| part.name.clone()).collect();
    let name = name.unwrap_or_else(|| name_of(&names));
    let (mut document, mut suggestions) = assemble(&name, &request.task, parts);
    if document["params"]["namespace"]["default"] != "default" {
        suggestions.retain(|text| text != delivery::NO_NAMESPACE);
    }
    if let Some((cron, said)) = schedule {
        suggestions.push(format!(
            "`{}` is kept as the schedule `{cron}`; this version does not start runs by itself.",
            said.join(" … ")
        ));
        document["schedule"] = cron.into();
    }
    users_of_secrets(&mut document);
    let Some(mut workflow) = from_value(&document).workflow else {
        return Err(DraftError::Unavailable {
            message: "the planner made a draft that it can't read itself".to_owned(),
        });
    };
    let mut notes: Vec<String> =
        readings.iter().map(|reading| format!("understood: {}", reading.intent.title)).collect();
    // A limit on a request is none on the run, which may try it again.
    let only_asks = workflow.steps.iter().all(|step| matches!(step.action, Some(Action::Http(_))));
    let limited: Vec<&Clause> = match readings.as_slice() {
        [_] if !only_asks => Vec::new(),
        several => several.iter().flat_map(|reading| reading.clauses.iter().copied()).collect(),
    };
    apply(&mut workflow, (&wishes, &denied, &limited), &context, (&mut suggestions, &mut notes));
    suggestions.extend(leftovers);
    if let Some(asked) = request.model.as_deref().filter(|model| *model != MODEL) {
        suggestions.push(format!("The model {asked} is not configured, so the built-in planner made this."));
        notes.push(format!("requested_model: {asked}"));
    }
    Ok(Drafted { workflow, suggestions, notes })
}

/// `name the workflow "nightly": …`: the rest of the task, and the name.
fn own_name(task: &str) -> (String, Option<String>) {
    let Some(found) = NAMED.captures(task) else { return (task.to_owned(), None) };
    let (Some(whole), Some(name)) = (found.get(0), found.get(1).or_else(|| found.get(2))) else {
        return (task.to_owned(), None);
    };
    let name = name.as_str().replace(char::is_control, " ").trim().to_owned();
    let rest = format!("{} {}", &task[..whole.start()], &task[whole.end()..]);
    (rest.trim().to_owned(), Some(name).filter(|name| !name.is_empty()))
}

static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)\b(?:name|call)\s+(?:the|this)\s+(?:workflow\s+|one\s+)?"([^"\n]{1,100})"\s*[:,.]?|\b(?:workflow|it)\s+(?:named|called)\s+"([^"\n]{1,100})"\s*[:,.]?"#,
    )
});

/// The parts of all readings in one list; those of one group are done side by side.
fn side_by_side(readings: &[Reading<'_>], built: Vec<Vec<Part>>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut before = None;
    for (reading, mut made) in readings.iter().zip(built) {
        let group = reading.clauses.first().and_then(|clause| clause.group);
        for (at, part) in made.iter_mut().enumerate() {
            part.together = group.is_some() && (at > 0 || group == before);
        }
        before = group;
        parts.extend(made);
    }
    parts
}

/// `rotate the secret and restart the deployments web and api`: who uses the secret is restarted by its rotation's side.
fn users_of_secrets(document: &mut Value) {
    let restarts =
        document["steps"].as_array().is_some_and(|steps| steps.iter().any(|step| step["name"] == "restart_deployment"));
    let lists = document["params"].get("deployments").is_some();
    if !(restarts && lists) {
        return;
    }
    let Some(steps) = document["steps"].as_array_mut() else { return };
    let Some(at) = steps.iter().position(|step| step["name"] == "rotate_secret") else { return };
    let left_out = ["restart_users", "wait_for_users"];
    let last = steps[at]["name"].clone();
    steps.retain(|step| !step["name"].as_str().is_some_and(|name| left_out.contains(&name)));
    for step in steps.iter_mut() {
        for need in step["depends"].as_array_mut().into_iter().flatten() {
            if need.as_str().is_some_and(|name| left_out.contains(&name)) {
                need.clone_from(&last);
            }
        }
    }
    if let Some(params) = document["params"].as_object_mut() {
        params.remove("deployments");
        params.remove("rollout_timeout");
    }
}

/// Commands that follow a clone, and name no directory, run in it.
fn in_the_clone(mut parts: Vec<Part>) -> Vec<Part> {
    for at in 1..parts.len() {
        if parts[at - 1].name == "clone" && parts[at].name == "commands" {
            let open = |step: &&mut Value| step.get("dir").is_none() && step["parameters"].get("directory").is_none();
            for step in parts[at].steps.iter_mut().filter(open) {
                step["dir"] = "${clone_to}".into();
            }
        }
    }
    parts
}

/// Finds out what each clause asks for.
fn read<'a>(pieces: &'a [Piece], context: &Map<String, Value>) -> Read<'a> {
    let mut read = Read::default();
    for Piece { clause, items } in pieces {
        let found = intents::of_clause(clause, &Facts::read(&clause.text, context));
        let is_wish = !modifiers::beside(clause, &found).is_empty() && !clause.denies;
        let unknown = unknown_verbs(clause, &found);
        match (found.as_slice(), read.readings.last_mut()) {
            // `warn if the disk is full` goes on with what was begun.
            ([one], Some(reading))
                if std::ptr::eq(*one, reading.intent)
                    && one.goes_on(clause)
                    && clause.on_failure == reading.clauses.iter().any(|clause| clause.on_failure)
                    && clause.only_on == reading.clauses.first().and_then(|clause| clause.only_on.clone())
                    && items.is_empty()
                    && reading.items.is_empty() =>
            {
                reading.clauses.push(clause)
            }
            // `commit the changes and push them`: what is pushed is what was spoken of.
            ([one], Some(reading)) if one.needs_an_object(clause) && reading.intent.absorbs(clause) => {
                reading.clauses.push(clause);
            }
            ([_, ..], _) => {
                let made = found.into_iter().map(|intent| Reading { intent, clauses: vec![clause], items });
                read.readings.extend(made);
            }
            ([], Some(reading)) if reading.intent.absorbs(clause) => reading.clauses.push(clause),
            ([], Some(reading)) if clause.denies => {
                reading.clauses.push(clause);
                if modifiers::of_clause(clause).is_empty() && !is_known_denial(clause) {
                    read.leftovers.push(not_placed(clause));
                }
            }
            ([], _) if is_wish => {}
            ([], _) => read.leftovers.push(not_placed(clause)),
        }
        let is_placed = read.readings.last().is_none_or(|reading| reading.intent.knows_conditions());
        if clause.has(&["if", "unless", "only when"]) && !is_wish && !is_placed && (!is_lost(&read, clause)) {
            read.leftovers
                .push(format!("The condition in `{}` was not understood; the step runs in any case.", clause.text));
        }
        for verb in unknown {
            read.leftovers
                .push(format!("`{verb}` in `{}` was not understood and is not part of the workflow.", clause.text));
        }
        if is_wish {
            read.wishes.push(clause);
        }
        if clause.denies {
            read.denied.push(clause);
        }
    }
    read
}

/// Whether it was said already that nothing was made of a clause.
fn is_lost(read: &Read<'_>, clause: &Clause) -> bool {
    read.leftovers.last().is_some_and(|text| *text == not_placed(clause))
}

fn not_placed(clause: &Clause) -> String {
    format!("`{}` was not understood and is not part of the workflow.", clause.text)
}

/// Verbs of a clause that what was found in it knows nothing of.
fn unknown_verbs(clause: &Clause, found: &[&'static Intent]) -> Vec<&'static str> {
    let general = [
        "ask",
        "check",
        "call",
        "collect",
        "configure",
        "create",
        "enable",
        "execute",
        "expect",
        "find",
        "get",
        "include",
        "install",
        "keep",
        "limit",
        "list",
        "look",
        "make sure",
        "measure",
        "monitor",
        "open",
        "pick",
        "print",
        "record",
        "report",
        "run",
        "save",
        "send",
        "set up",
        "show",
        "start",
        "tag",
        "take",
        "test",
        "update",
        "validate",
        "verify",
        "warn",
        "write",
    ];
    if found.is_empty() || clause.denies {
        return Vec::new();
    }
    let known =
        |verb: &str| general.contains(&verb) || modifiers::knows(verb) || found.iter().any(|intent| intent.knows(verb));
    sentence::VERBS.iter().copied().filter(|verb| clause.has(&[verb]) && !known(verb)).collect()
}

/// Denials that parts look for by themselves.
fn is_known_denial(clause: &Clause) -> bool {
    clause.has(&[
        "file", "report", "write", "writing", "warn", "warning", "alert", "push", "pushing", "prune", "pruning",
        "delete", "deleting", "remove", "removing", "restart", "save", "lint", "linting", "apply",
    ])
}

/// The parts that a reading becomes: one, or one for each of a list.
fn build(reading: &Reading<'_>, context: &Map<String, Value>, task: &str, readings: usize) -> Vec<Part> {
    let own: Vec<&str> = reading.clauses.iter().map(|clause| clause.text.as_str()).collect();
    // One intent alone may take its facts from anywhere in the task.
    let whole = readings == 1 && reading.items.is_empty();
    let text = if whole { task.to_owned() } else { own.join(", ") };
    let listed = phrases::list_after(&text, reading.intent.lists).filter(|_| !reading.intent.lists.is_empty());
    let texts: Vec<String> = match &listed {
        Some((items, range)) if reading.items.is_empty() => items
            .iter()
            .map(|item| format!("{}{}{}", &text[..range.start], quoted_if_spaced(item), &text[range.end..]))
            .collect(),
        _ => vec![text],
    };
    texts.iter().map(|text| build_one(reading, context, (text, task))).collect()
}

fn quoted_if_spaced(item: &str) -> String {
    if item.contains(' ') { format!("\"{item}\"") } else { item.to_owned() }
}

fn build_one(reading: &Reading<'_>, context: &Map<String, Value>, (text, task): (&str, &str)) -> Part {
    let mut facts = Facts::read(text, context);
    let refers = |words: &[&str]| reading.clauses.iter().any(|clause| clause.has(words));
    if facts.images.is_empty() && refers(&["it", "that", "them", "the image", "image"]) {
        // `build the image web:v1 and deploy it`
        facts.images = Facts::read(task, context).images;
    }
    let mut part = (reading.intent.build)(&Asked { clauses: reading.clauses.clone(), facts });
    if !reading.items.is_empty() {
        part.for_each(reading.items);
    }
    if refers(&["it", "them"]) && part.params.get("service").is_some_and(|param| param["required"] == true) {
        // `stop nginx, wait, and start it`
        let verbs = ["restart", "reload", "start", "stop", "enable", "disable"];
        part.set("service", Facts::read(task, context).object_of(&verbs));
    }
    refer_back(&mut part, task, &refers);
    limits::apply(&mut part, &reading.clauses);
    part.on_failure = reading.clauses.first().is_some_and(|clause| clause.on_failure);
    if let Some(environment) = reading.clauses.iter().find_map(|clause| clause.only_on.as_deref()) {
        let given = ["environment", "env"].iter().find_map(|name| context.get(*name)?.as_str().map(str::to_owned));
        limits::only_on(&mut part, environment, given);
    }
    part
}

/// `dump the database shop, then run the migrations in /srv/sql against it`: what a part needs and only the rest of the
/// task names.
fn refer_back(part: &mut Part, task: &str, refers: &dyn Fn(&[&str]) -> bool) {
    if !refers(&["it", "that", "there", "them", "the same"]) {
        return;
    }
    let is_open = |part: &Part, name: &str| part.params.get(name).is_some_and(|param| param["required"] == true);
    let whole = Facts::read(task, &Map::new());
    if is_open(part, "database") {
        part.set("database", whole.database());
    }
    if is_open(part, "directory") && refers(&["there", "it"]) {
        part.set("directory", whole.paths.into_iter().next());
    }
}

/// What a workflow of these parts is called.
fn name_of(names: &[String]) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for name in names {
        if !unique.contains(&name.as_str()) {
            unique.push(name);
        }
    }
    match unique.as_slice() {
        [one] => (*one).to_owned(),
        [first, rest @ ..] if rest.len() <= 2 => format!("{first}-with-{}", rest.join("-and-")),
        [first, ..] => format!("{first}-and-more"),
        [] => "workflow".to_owned(),
    }
}

/// Adds what can be asked of any workflow.
fn apply(
    workflow: &mut Workflow,
    (wishes, denied, limited): (&[&Clause], &[&Clause], &[&Clause]),
    context: &Map<String, Value>,
    (suggestions, notes): (&mut Vec<String>, &mut Vec<String>),
) {
    for clause in wishes {
        let facts = Facts::read(&clause.text, context);
        let asked = modifiers::of_clause(clause);
        let is_denied = |modifier: &&modifiers::Modifier| {
            denied.iter().any(|denial| modifiers::of_clause(denial).iter().any(|other| std::ptr::eq(*other, *modifier)))
        };
        // Warnings of a health report are steps already.
        let warns = clause.has(&["alert", "tell", "message"])
            && !clause.has(&["slack", "notify", "notification", "email", "mail", "webhook"])
            && facts.channels.is_empty()
            && workflow.steps.iter().any(|step| step.name.starts_with("warn"));
        // `verify the archive` is part of a backup.
        let checks_itself =
            clause.has(&["verify"]) && workflow.steps.iter().any(|step| step.name.starts_with("verify"));
        if warns || checks_itself || asked.iter().any(is_denied) {
            continue;
        }
        // Limits of a clause that is one of several things to do are limits of its own steps.
        let is_limited = limited.iter().any(|other| std::ptr::eq(*other, *clause));
        match modifiers::apply_but(workflow, clause, &facts, is_limited) {
            Some(Met::Done { summary, .. } | Met::Already { summary, .. }) => notes.push(summary),
            Some(Met::Not(reason)) => suggestions.push(format!("`{}`: {reason}.", clause.text)),
            None => {}
        }
    }
    for clause in denied.iter().filter(|clause| clause.has(&["rollback", "roll back"])) {
        workflow.on_failure = None;
        for step in &mut workflow.steps {
            step.rollback = None;
        }
        notes.push(format!("`{}`: nothing is taken back", clause.text));
    }
}

fn not_understood(task: &str) -> DraftError {
    let said: String = task.trim().chars().take(200).collect();
    let message = if said.is_empty() {
        "the task says nothing".to_owned()
    } else {
        format!("the planner did not understand `{said}`")
    };
    let words: Vec<&str> = intents::all().map(|intent| intent.title).collect();
    DraftError::NotUnderstood {
        message,
        help: format!("It can {}", words.join(", ")),
        suggestions: vec![
            nearest_templates(task),
            "Say what should happen in a few plain words: `Check disk space on this host and warn above 80 %`."
                .to_owned(),
            "Put commands in backticks: ``run `make test` in /srv/app``.".to_owned(),
            "`partita templates list` shows workflows to begin with.".to_owned(),
        ],
    }
}

/// The templates whose descriptions have most words in common with a task.
fn nearest_templates(task: &str) -> String {
    let words: Vec<String> = task
        .to_lowercase()
        .split(|it: char| !it.is_alphanumeric())
        .filter(|word| word.len() > 3)
        .map(str::to_owned)
        .collect();
    let templates = Templates::builtin();
    let near = |template: &crate::Template| {
        let text = format!("{} {} {}", template.id, template.description, template.tags.join(" ")).to_lowercase();
        words.iter().filter(|word| text.contains(word.as_str())).count()
    };
    let mut ranked: Vec<(usize, &str)> =
        templates.iter().map(|template| (near(template), template.id.as_str())).collect();
    ranked.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let listed: Vec<String> = ranked.iter().take(3).map(|(_, id)| format!("`{id}`")).collect();
    format!("Templates that may be near: {}.", listed.join(", "))
}
