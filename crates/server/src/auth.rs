//! From the head of a request to a principal.

use std::net::IpAddr;
use std::time::Instant;

use axum::http::{HeaderMap, header};

use crate::App;
use crate::app::{AppError, Principal, keys};

/// Finds out who calls.
///
/// A key comes as `Authorization: Bearer <key>`, `Authorization: UserKey <key>` or `UserKey: <key>`.
pub(crate) async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    address: Option<IpAddr>,
) -> Result<Principal, AppError> {
    let key = presented_key(headers)?;
    let digest = keys::digest(key);
    app.login_limit.admit(address, &digest, Instant::now())?;
    let found = keys::authenticate(app, key, &digest).await;
    if let Ok(_) | Err(AppError::Unauthenticated(_)) = &found {
        app.login_limit.note(address, &digest, found.is_ok(), Instant::now());
    }
    found
}

fn presented_key(headers: &HeaderMap) -> Result<&str, AppError> {
    let unreadable = AppError::Unauthenticated("the API key is not readable text");
    let key = if let Some(value) = headers.get(header::AUTHORIZATION) {
        let value = value.to_str().map_err(|_| unreadable)?.trim();
        let (scheme, key) = value.split_once(' ').unwrap_or((value, ""));
        if !["bearer", "userkey"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(AppError::Unauthenticated("the authorization has to be `Bearer <key>` or `UserKey <key>`"));
        }
        key
    } else if let Some(value) = headers.get("userkey") {
        value.to_str().map_err(|_| unreadable)?
    } else {
        ""
    };
    match key.trim() {
        "" => Err(AppError::Unauthenticated("there is no API key: send `Authorization: Bearer <key>`")),
        key => Ok(key),
    }
}
