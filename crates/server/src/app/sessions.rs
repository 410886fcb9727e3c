//! Sessions: a workflow that is made in several turns. The first turn generates, later ones refine.
//!
//! A turn is stored before it is answered, as a document of its own; the session's own document follows.
//! A crash between the two is mended when the session is read again: the turn counts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use partita_core::Millis;
use partita_core::id::SessionId;
use partita_core::workflow::to_value;
use partita_provider::{Composed, Progress, Usage};
use partita_store::{DocumentKey, Page, Precondition};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::OwnedMutexGuard;

use super::author::{self, Author, Improvement, Wish};
use super::{App, AppError, Principal, Scope, WorkflowSource, planning};

const KIND: &str = "session";
/// How long a turn waits for the one before it to end.
const TURN_WAIT: Duration = Duration::from_secs(30);
/// Turns of one session; more than any conversation about one workflow has.
const TURNS_MAX: u32 = 1_000;
/// Largest context of a session, in bytes of JSON.
const CONTEXT_BYTES_MAX: usize = 1024 * 1024;
/// Expired sessions that are cleared away when a new one is made.
const SWEEP_MAX: usize = 100;

/// What a session prefers; what a request says wins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Preferences {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// Whether turns are answered with streams of events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) streaming: Option<bool>,
}

/// A session, without its turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    #[serde(skip)]
    pub(crate) id: String,
    pub(crate) created_at: Millis,
    pub(crate) expires_at: Millis,
    pub(crate) created_by: String,
    pub(crate) context: Map<String, Value>,
    pub(crate) preferences: Preferences,
    /// How many there were.
    pub(crate) turns: u32,
    /// The workflow as the latest turn left it.
    pub(crate) workflow: Option<Value>,
    /// What all turns spent on models.
    #[serde(default)]
    pub(crate) usage: Usage,
}

/// One turn: what was said, and what became of the workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Turn {
    /// From 1.
    pub(crate) turn: u32,
    pub(crate) at: Millis,
    pub(crate) message: String,
    /// What the request added to the session's context.
    pub(crate) context: Map<String, Value>,
    /// `generated` or `refined`.
    pub(crate) kind: String,
    pub(crate) workflow: Value,
    pub(crate) diff: Value,
    pub(crate) changes: Value,
    pub(crate) unmet_requirements: Value,
    pub(crate) validation: Value,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) usage: Usage,
    /// The run that the turn began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run_id: Option<String>,
}

/// What is said in a turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saying {
    pub(crate) message: String,
    /// Told one by one when there are several; the message itself when empty.
    pub(crate) requirements: Vec<String>,
    pub(crate) context: Map<String, Value>,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) author: Author,
}

/// A turn that was taken, and stored.
pub(crate) struct Taken {
    pub(crate) session: Session,
    pub(crate) turn: Turn,
    pub(crate) composed: Composed,
    /// Nobody else takes a turn until this is dropped.
    _alone: OwnedMutexGuard<()>,
}

/// Who takes a turn in which session.
#[derive(Default)]
pub(crate) struct Busy {
    sessions: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Busy {
    /// Waits until nobody else takes a turn in this session.
    async fn alone(&self, principal: &Principal, id: &str) -> Result<OwnedMutexGuard<()>, AppError> {
        let lock = {
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(sessions.entry(format!("{}/{id}", principal.tenant.as_str())).or_default())
        };
        let waited = tokio::time::timeout(TURN_WAIT, lock.lock_owned()).await;
        waited.map_err(|_| AppError::Refused(format!("another turn of the session `{id}` is still going on")))
    }
}

fn place(principal: &Principal, id: &str) -> DocumentKey {
    DocumentKey { tenant: principal.tenant.clone(), kind: KIND.to_owned(), id: id.to_owned() }
}

/// Turns of one session are documents of a kind of their own, so that they can be listed.
fn turn_kind(session: &str) -> String {
    format!("turn:{session}")
}

fn turn_place(principal: &Principal, session: &str, turn: u32) -> DocumentKey {
    DocumentKey { tenant: principal.tenant.clone(), kind: turn_kind(session), id: format!("{turn:06}") }
}

fn unknown(id: &str) -> AppError {
    AppError::not_found("session", id.chars().take(64).collect::<String>())
}

/// Begins a session.
pub(crate) async fn create(
    app: &App,
    principal: &Principal,
    context: Map<String, Value>,
    preferences: Preferences,
) -> Result<Session, AppError> {
    principal.need(Scope::Generate)?;
    check_context(&context)?;
    if let Some(name) = &preferences.provider
        && !app.parts.providers.iter().any(|provider| provider.name() == name)
    {
        let names: Vec<&str> = app.parts.providers.iter().map(|provider| provider.name()).collect();
        return Err(AppError::field("/preferences/provider", format!("expected one of {}", names.join(", "))));
    }
    sweep(app, principal).await?;
    let now = (app.parts.now)();
    let session = Session {
        id: app.new_id(SessionId::PREFIX),
        created_at: now,
        expires_at: expiry(app, now),
        created_by: principal.id.clone(),
        context,
        preferences,
        turns: 0,
        workflow: None,
        usage: Usage::default(),
    };
    let key = place(principal, &session.id);
    app.parts.documents.put(&key, json!(session), now, Precondition::Absent).await?;
    tracing::info!(session = session.id, by = principal.id, "a session was begun");
    Ok(session)
}

fn expiry(app: &App, now: Millis) -> Millis {
    let ttl = u64::try_from(app.parts.options.session_ttl.as_millis()).unwrap_or(u64::MAX);
    now.saturating_add(ttl)
}

fn check_context(context: &Map<String, Value>) -> Result<(), AppError> {
    if json!(context).to_string().len() > CONTEXT_BYTES_MAX {
        return Err(AppError::field("/context", format!("is larger than {CONTEXT_BYTES_MAX} bytes")));
    }
    Ok(())
}

/// Sessions of the caller's tenant, by id (which is by age).
pub(crate) async fn list(
    app: &App,
    principal: &Principal,
    limit: Option<usize>,
    cursor: Option<&str>,
) -> Result<Page<Session>, AppError> {
    principal.need(Scope::Read)?;
    let limit = limit.unwrap_or(50).clamp(1, 500);
    let page = app.parts.documents.list(&principal.tenant, KIND, limit, cursor).await?;
    let now = (app.parts.now)();
    let read = page.items.into_iter().filter_map(|document| read(&document.key.id, document.body));
    let items = read.filter(|session| session.expires_at > now).collect();
    Ok(Page { items, next_cursor: page.next_cursor })
}

/// A session and its turns.
pub(crate) async fn get(app: &App, principal: &Principal, id: &str) -> Result<(Session, Vec<Turn>), AppError> {
    principal.need(Scope::Read)?;
    let session = load(app, principal, id).await?;
    let (mut turns, mut cursor) = (Vec::new(), None);
    loop {
        let kind = turn_kind(&session.id);
        let page = app.parts.documents.list(&principal.tenant, &kind, 200, cursor.as_deref()).await?;
        turns.extend(page.items.into_iter().filter_map(|turn| serde_json::from_value(turn.body).ok()));
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok((session, turns)),
        }
    }
}

/// Whether turns of a session are to be answered with streams, when a request does not say.
pub(crate) async fn prefers_streaming(app: &App, principal: &Principal, id: &str) -> Result<Option<bool>, AppError> {
    principal.need(Scope::Generate)?;
    Ok(load(app, principal, id).await?.preferences.streaming)
}

/// Removes a session and everything that was said in it. Runs that it began are left alone.
pub(crate) async fn delete(app: &App, principal: &Principal, id: &str) -> Result<(), AppError> {
    principal.need(Scope::Generate)?;
    let session = load(app, principal, id).await?;
    let _alone = app.sessions.alone(principal, &session.id).await?;
    remove(app, principal, &session.id).await?;
    tracing::info!(session = session.id, by = principal.id, "a session was deleted");
    Ok(())
}

async fn remove(app: &App, principal: &Principal, id: &str) -> Result<(), AppError> {
    // The session goes first: turns without a session are never seen again, a session must not lose turns.
    app.parts.documents.delete(&place(principal, id)).await?;
    loop {
        let page = app.parts.documents.list(&principal.tenant, &turn_kind(id), 200, None).await?;
        for turn in &page.items {
            app.parts.documents.delete(&turn.key).await?;
        }
        if page.next_cursor.is_none() {
            return Ok(());
        }
    }
}

/// Clears away sessions that have expired.
async fn sweep(app: &App, principal: &Principal) -> Result<(), AppError> {
    let now = (app.parts.now)();
    let page = app.parts.documents.list(&principal.tenant, KIND, SWEEP_MAX, None).await?;
    for document in page.items {
        if document.body["expires_at"].as_u64().is_some_and(|expires_at| expires_at <= now) {
            remove(app, principal, &document.key.id).await?;
        }
    }
    Ok(())
}

fn read(id: &str, body: Value) -> Option<Session> {
    let session: Session = serde_json::from_value(body).ok()?;
    Some(Session { id: id.to_owned(), ..session })
}

/// A session that has not expired. Turns that were stored just before a crash are counted.
async fn load(app: &App, principal: &Principal, id: &str) -> Result<Session, AppError> {
    let id = id.parse::<SessionId>().map_err(|_| unknown(id))?;
    let document = app.parts.documents.get(&place(principal, id.as_str())).await?;
    let mut session = document.and_then(|stored| read(id.as_str(), stored.body)).ok_or_else(|| unknown(id.as_str()))?;
    if session.expires_at <= (app.parts.now)() {
        return Err(unknown(id.as_str()));
    }
    while let Some(stored) = app.parts.documents.get(&turn_place(principal, &session.id, session.turns + 1)).await? {
        let turn: Turn = serde_json::from_value(stored.body)
            .map_err(|error| AppError::Internal(format!("turn {} of {id}: {error}", session.turns + 1)))?;
        session.follow(&turn, expiry(app, turn.at));
    }
    Ok(session)
}

impl Session {
    /// Takes over what a turn changed.
    fn follow(&mut self, turn: &Turn, expires_at: Millis) {
        merge(&mut self.context, &turn.context);
        self.turns = turn.turn;
        self.workflow = Some(turn.workflow.clone());
        self.usage.add(turn.usage);
        self.expires_at = expires_at;
    }
}

/// Merges objects member by member; `null` takes a member away.
fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (name, value) in from {
        match (into.get_mut(name), value) {
            (_, Value::Null) => drop(into.shift_remove(name)),
            (Some(Value::Object(present)), Value::Object(more)) => merge(present, more),
            _ => drop(into.insert(name.clone(), value.clone())),
        }
    }
}

/// Takes a turn: makes or changes the session's workflow, and stores what became of it.
pub(crate) async fn take_turn(
    app: &Arc<App>,
    principal: &Principal,
    id: &str,
    saying: Saying,
    progress: &Progress,
) -> Result<Taken, AppError> {
    principal.need(Scope::Generate)?;
    check_context(&saying.context)?;
    let known = load(app, principal, id).await?;
    let alone = app.sessions.alone(principal, &known.id).await?;
    let session = load(app, principal, id).await?;
    if session.turns >= TURNS_MAX {
        return Err(AppError::Refused(format!("the session has {TURNS_MAX} turns already: begin another one")));
    }
    let (kind, composed) = compose(app, principal, &session, &saying, progress).await?;
    let turn = Turn {
        turn: session.turns + 1,
        at: (app.parts.now)(),
        message: saying.message,
        context: saying.context,
        kind: kind.to_owned(),
        workflow: to_value(&composed.workflow),
        diff: json!(composed.diff),
        changes: json!(composed.changes),
        unmet_requirements: json!(composed.unmet),
        validation: planning::validation(&composed.planned),
        provider: composed.metadata.provider.clone(),
        model: composed.metadata.model.clone(),
        usage: composed.metadata.usage,
        run_id: None,
    };
    let session = store(app, principal, session, &turn).await?;
    Ok(Taken { session, turn, composed, _alone: alone })
}

async fn store(app: &App, principal: &Principal, mut session: Session, turn: &Turn) -> Result<Session, AppError> {
    let documents = &app.parts.documents;
    let place_of_turn = turn_place(principal, &session.id, turn.turn);
    documents.put(&place_of_turn, json!(turn), turn.at, Precondition::Absent).await?;
    session.follow(turn, expiry(app, turn.at));
    documents.put(&place(principal, &session.id), json!(session), turn.at, Precondition::None).await?;
    Ok(session)
}

/// Keeps which run a turn began.
pub(crate) async fn began(app: &App, principal: &Principal, taken: &mut Taken, run_id: &str) -> Result<(), AppError> {
    taken.turn.run_id = Some(run_id.to_owned());
    let place = turn_place(principal, &taken.session.id, taken.turn.turn);
    app.parts.documents.put(&place, json!(taken.turn), taken.turn.at, Precondition::None).await?;
    Ok(())
}

async fn compose(
    app: &Arc<App>,
    principal: &Principal,
    session: &Session,
    saying: &Saying,
    progress: &Progress,
) -> Result<(&'static str, Composed), AppError> {
    let mut context = session.context.clone();
    merge(&mut context, &saying.context);
    let preferences = &session.preferences;
    let author = Author {
        provider: saying.author.provider.clone().or_else(|| preferences.provider.clone()),
        model: saying.author.model.clone().or_else(|| preferences.model.clone()),
        session_usage: Some(session.usage),
        ..saying.author.clone()
    };
    let Some(workflow) = &session.workflow else {
        let wish = Wish { task: saying.message.clone(), context, parameters: saying.parameters.clone(), author };
        return Ok(("generated", author::generate(app, principal, wish, progress).await?));
    };
    let requirements = match saying.requirements.as_slice() {
        [] => vec![saying.message.clone()],
        several => several.to_vec(),
    };
    let source = WorkflowSource::Value(workflow.clone());
    let improvement = Improvement { source, requirements, previous_errors: Vec::new(), context, author };
    // A provider that was only preferred may be one that does not refine.
    Ok(("refined", improve(app, principal, improvement, saying.author.provider.is_some(), progress).await?))
}

/// Refines; with a provider that can't, which nobody named in this request, another one does it.
async fn improve(
    app: &Arc<App>,
    principal: &Principal,
    mut improvement: Improvement,
    is_named: bool,
    progress: &Progress,
) -> Result<Composed, AppError> {
    let preferred = improvement.author.provider.as_deref();
    let provider = app.parts.providers.iter().find(|provider| Some(provider.name()) == preferred);
    if !is_named && provider.is_some_and(|provider| !provider.features().refinement) {
        improvement.author.provider = None;
        improvement.author.model = None;
    }
    author::improve(app, principal, improvement, progress).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_merged_deeply_and_null_takes_away() {
        let object = |value: Value| value.as_object().cloned().unwrap();
        let mut context = object(json!({"environment": "staging", "cluster": {"name": "one", "zone": "a"}, "old": 1}));
        merge(&mut context, &object(json!({"cluster": {"zone": "b"}, "services": ["api"], "old": null})));
        let expected = json!({"environment": "staging", "cluster": {"name": "one", "zone": "b"}, "services": ["api"]});
        assert_eq!(Value::Object(context), expected);
    }
}
