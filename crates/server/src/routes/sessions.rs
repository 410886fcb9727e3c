//! Sessions.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use partita_provider::{Progress, ProgressEvent};
use serde::Deserialize;
use serde_json::{Value, json};

use super::authoring::{self, Made, author};
use super::body::Document;
use super::caller::Caller;
use super::execution;
use crate::App;
use crate::app::execute::Envelope;
use crate::app::sessions::{self, Saying};
use crate::app::{AppError, Principal, act};
use crate::wire::request::{
    AuthoringOptions, ComposeRequest, ContinueSessionRequest, CreateSessionRequest, Mode, RunOptions,
};
use crate::wire::response;

type Answer = Result<Response, AppError>;

/// A turn as a request asks for it.
pub(super) struct Wanted {
    saying: Saying,
    mode: Mode,
    options: RunOptions,
    authoring: AuthoringOptions,
}

impl From<ComposeRequest> for Wanted {
    fn from(request: ComposeRequest) -> Self {
        let ComposeRequest { task, context, parameters, mode, provider, options, authoring, .. } = request;
        let author = author(provider, &authoring);
        let saying = Saying { message: task, requirements: Vec::new(), context, parameters, author };
        Self { saying, mode, options, authoring }
    }
}

impl From<ContinueSessionRequest> for Wanted {
    fn from(request: ContinueSessionRequest) -> Self {
        let ContinueSessionRequest {
            message,
            requirements,
            context,
            parameters,
            mode,
            provider,
            options,
            authoring,
            ..
        } = request;
        let author = author(provider, &authoring);
        Self { saying: Saying { message, requirements, context, parameters, author }, mode, options, authoring }
    }
}

pub(super) async fn create(State(app): State<Arc<App>>, caller: Caller, document: Document) -> Answer {
    let (CreateSessionRequest { context, preferences }, _) = CreateSessionRequest::read(document.value)?;
    let session = sessions::create(&app, &caller.principal, context, preferences).await?;
    Ok(Json(response::new_session(&session)).into_response())
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListQuery {
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller, Query(query): Query<ListQuery>) -> Answer {
    let page = sessions::list(&app, &caller.principal, query.limit, query.cursor.as_deref()).await?;
    let sessions: Vec<Value> = page.items.iter().map(response::session_in_list).collect();
    Ok(Json(json!({"sessions": sessions, "next_cursor": page.next_cursor})).into_response())
}

pub(super) async fn get(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Answer {
    let (session, turns) = sessions::get(&app, &caller.principal, &id).await?;
    Ok(Json(response::session(&session, &turns)).into_response())
}

pub(super) async fn delete(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Answer {
    sessions::delete(&app, &caller.principal, &id).await?;
    Ok(Json(json!({"session_id": id, "deleted": true})).into_response())
}

pub(super) async fn carry_on(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    document: Document,
) -> Answer {
    let envelope = execution::envelope(&caller, &headers, &format!("/sessions/{id}/continue"), &document.text)?;
    let (request, _) = ContinueSessionRequest::read(document.value)?;
    // What the session prefers counts when neither the body nor the headers say anything.
    let asked = match request.stream {
        None if super::stream::accepted(&headers).is_none() => {
            sessions::prefers_streaming(&app, &caller.principal, &id).await?
        }
        asked => asked,
    };
    let framing = authoring::framing(&headers, asked, request.framing);
    let (shared, principal) = (Arc::clone(&app), caller.principal.clone());
    let work = move |progress: Progress| async move {
        match authoring::repeated(&shared, &principal, &envelope, &progress).await? {
            Some(made) => Ok(made),
            None => turn(&shared, &principal, (id, request.into()), envelope, &progress).await,
        }
    };
    Ok(authoring::answer(app, caller, framing, "execution", work).await)
}

/// Takes a turn; in mode `act`, begins the run of the workflow as it is then.
pub(super) async fn turn(
    app: &Arc<App>,
    principal: &Principal,
    (id, wanted): (String, Wanted),
    envelope: Envelope,
    progress: &Progress,
) -> Made {
    let Wanted { saying, mode, options, authoring } = wanted;
    let parameters = saying.parameters.clone();
    let mut taken = sessions::take_turn(app, principal, &id, saying, progress).await?;
    let answer = response::turn(&taken, &authoring, (app.parts.now)());
    progress.tell(ProgressEvent::Text { content: authoring::said(&taken.composed) }).await;
    authoring::tell(progress, &answer).await;
    if mode == Mode::Plan {
        return Ok((answer, None));
    }
    let wishes = authoring::wishes(&parameters, &taken.session.context, &options);
    let allowed = (&wishes, options.allow.as_slice());
    let metadata = &taken.composed.metadata;
    let of = (&taken.composed.workflow, act::composed_by(metadata, metadata.usage));
    let run = act::begin_unseen(app, principal, of, allowed, envelope).await?;
    sessions::began(app, principal, &mut taken, run.as_str()).await?;
    Ok((answer, Some(run)))
}
