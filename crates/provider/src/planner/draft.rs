//! From a task to a draft.

use partita_core::workflow::{Workflow, from_value};

use super::MODEL;
use super::facts::Facts;
use super::intents::{self, Asked, INTENTS, Intent};
use super::modifiers::{self, Met};
use super::part::{Part, assemble};
use super::sentence::{self, Clause};
use crate::provider::{Draft, DraftError, DraftRequest};

/// An intent that was found, and the clauses that belong to it.
struct Reading<'a> {
    intent: &'static Intent,
    clauses: Vec<&'a Clause>,
}

/// Makes a draft.
pub(super) fn draft(request: &DraftRequest) -> Result<Draft, DraftError> {
    let clauses = sentence::clauses(&request.task);
    let mut context = request.context.clone();
    context.extend(request.parameters.clone());
    let mut readings: Vec<Reading<'_>> = Vec::new();
    let mut wishes: Vec<&Clause> = Vec::new();
    let mut leftovers: Vec<&Clause> = Vec::new();
    for clause in &clauses {
        let facts = Facts::read(&clause.text, &context);
        let found = intents::of_clause(clause, &facts);
        let current = readings.last_mut();
        let modifier = modifiers::of_clause(clause);
        match (found.is_empty(), current) {
            // `warn if the disk is full` goes on with what was begun.
            (false, Some(reading)) if found.len() == 1 && std::ptr::eq(found[0], reading.intent) => {
                reading.clauses.push(clause)
            }
            (false, _) => readings.extend(found.into_iter().map(|intent| Reading { intent, clauses: vec![clause] })),
            (true, Some(reading)) if reading.intent.absorbs(clause) => reading.clauses.push(clause),
            (true, Some(reading)) if clause.denies => {
                reading.clauses.push(clause);
                if modifier.is_none() {
                    leftovers.extend(denied_in_vain(reading.intent, clause));
                }
            }
            (true, _) if modifier.is_some() && !clause.denies => {}
            (true, _) => leftovers.push(clause),
        }
        if modifier.is_some() && !clause.denies {
            wishes.push(clause);
        }
    }
    if readings.is_empty() {
        return Err(not_understood(&clauses));
    }
    let denied: Vec<&Clause> = clauses.iter().filter(|clause| clause.denies).collect();
    let parts: Vec<Part> =
        readings.iter().map(|reading| build(reading, &context, &request.task, readings.len())).collect();
    let names: Vec<String> = parts.iter().map(|part| part.name.clone()).collect();
    let (document, mut suggestions) = assemble(&name_of(&names), &request.task, parts);
    let loaded = from_value(&document);
    let Some(mut workflow) = loaded.workflow else {
        return Err(DraftError::Unavailable {
            message: "the planner made a draft that it can't read itself".to_owned(),
        });
    };
    let mut notes: Vec<String> =
        readings.iter().map(|reading| format!("understood: {}", reading.intent.title)).collect();
    apply(&mut workflow, (&wishes, &denied), &context, (&mut suggestions, &mut notes));
    for clause in leftovers {
        suggestions.push(format!("`{}` was not understood and is not part of the workflow.", clause.text));
    }
    if let Some(asked) = request.model.as_deref().filter(|model| *model != MODEL) {
        suggestions.push(format!("The model {asked} is not configured, so the built-in planner made this."));
    }
    Ok(Draft { workflow, model: MODEL.to_owned(), suggestions, notes })
}

/// A denial that the intent before it knows nothing of.
fn denied_in_vain<'a>(intent: &Intent, clause: &'a Clause) -> Option<&'a Clause> {
    let known =
        ["file", "report", "write", "warn", "warning", "alert", "push", "prune", "delete", "remove", "restart", "save"];
    (!intent.absorbs(clause) && !clause.has(&known)).then_some(clause)
}

fn build(
    reading: &Reading<'_>,
    context: &serde_json::Map<String, serde_json::Value>,
    task: &str,
    readings: usize,
) -> Part {
    let own: Vec<&str> = reading.clauses.iter().map(|clause| clause.text.as_str()).collect();
    // One intent alone may take its facts from anywhere in the task.
    let text = if readings == 1 { task.to_owned() } else { own.join(", ") };
    let asked = Asked { clauses: reading.clauses.clone(), facts: Facts::read(&text, context) };
    (reading.intent.build)(&asked)
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
    (wishes, denied): (&[&Clause], &[&Clause]),
    context: &serde_json::Map<String, serde_json::Value>,
    (suggestions, notes): (&mut Vec<String>, &mut Vec<String>),
) {
    for clause in wishes {
        let Some(modifier) = modifiers::of_clause(clause) else { continue };
        let is_denied =
            denied.iter().any(|denial| modifiers::of_clause(denial).is_some_and(|other| std::ptr::eq(other, modifier)));
        // Warnings of a health report are steps already.
        let warns = clause.has(&["alert", "tell", "message"])
            && !clause.has(&["slack", "notify", "notification", "email", "mail", "webhook"])
            && Facts::read(&clause.text, context).channels.is_empty();
        // `verify the archive` is part of a backup.
        let checks_itself =
            clause.has(&["verify"]) && workflow.steps.iter().any(|step| step.name.starts_with("verify"));
        if is_denied || warns || checks_itself {
            continue;
        }
        match (modifier.apply)(workflow, clause, &Facts::read(&clause.text, context)) {
            Met::Done { summary, .. } | Met::Already { summary, .. } => notes.push(summary),
            Met::Not(reason) => suggestions.push(format!("`{}`: {reason}.", clause.text)),
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

fn not_understood(clauses: &[Clause]) -> DraftError {
    let said: Vec<&str> = clauses.iter().map(|clause| clause.text.as_str()).collect();
    let said: String = said.join("; ").chars().take(200).collect();
    let message = if said.is_empty() {
        "the task says nothing".to_owned()
    } else {
        format!("the planner did not understand `{said}`")
    };
    let words: Vec<&str> = INTENTS.iter().map(|intent| intent.title).collect();
    DraftError::NotUnderstood {
        message,
        help: format!("It can {}", words.join(", ")),
        suggestions: vec![
            "Say what should happen in a few plain words: `Check disk space on this host and warn above 80 %`."
                .to_owned(),
            "Put commands in backticks: ``run `make test` in /srv/app``.".to_owned(),
            "`partita templates list` shows workflows to begin with.".to_owned(),
        ],
    }
}
