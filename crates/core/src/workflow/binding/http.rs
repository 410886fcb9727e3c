//! Values in requests: percent-encoded in addresses, one line in headers, JSON in bodies.

use super::{BindError, Scope, json_text, push, text};
use crate::plan::{PlannedBody, PlannedHttp};
use crate::task::{HttpTask, Text, TextPiece};
use crate::workflow::reference::{Template, TemplatePiece};

/// Binds a request.
pub(super) fn bind(request: &PlannedHttp, scope: &Scope<'_>) -> Result<HttpTask, BindError> {
    let mut url = url(&request.url, scope)?;
    for (index, (name, value)) in request.query.iter().enumerate() {
        let has_query =
            index > 0 || url.pieces.iter().any(|piece| matches!(piece, TextPiece::Plain(text) if text.contains('?')));
        push(&mut url.pieces, if has_query { "&" } else { "?" });
        push(&mut url.pieces, &encode(name));
        push(&mut url.pieces, "=");
        for piece in text(value, scope)?.pieces {
            match piece {
                TextPiece::Plain(text) => push(&mut url.pieces, &encode(&text)),
                secret @ TextPiece::Secret(_) => url.pieces.push(secret),
            }
        }
    }
    let mut headers = Vec::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        let value = text(value, scope)?;
        let broken = |piece: &TextPiece| matches!(piece, TextPiece::Plain(text) if text.contains(['\r', '\n', '\0']));
        if value.pieces.iter().any(broken) {
            return Err(BindError::new(format!("the value of the header `{name}` holds a line break")));
        }
        headers.push((name.clone(), value));
    }
    let body = match &request.body {
        None => None,
        Some(PlannedBody::Text(template)) => Some(text(template, scope)?),
        Some(PlannedBody::Json(template)) => {
            let mut pieces = Vec::new();
            json_text(template, scope, &mut pieces)?;
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("content-type".to_owned(), Text::plain("application/json")));
            }
            Some(Text { pieces })
        }
    };
    Ok(HttpTask {
        method: request.method.clone(),
        url,
        headers,
        body,
        expect_status: request.expect_status.clone(),
        redirect_hosts: request.redirect_hosts.clone(),
        timeout_ms: request.timeout_ms,
    })
}

/// An address: a reference that it begins with is the whole base, every other value is percent-encoded.
fn url(template: &Template, scope: &Scope<'_>) -> Result<Text, BindError> {
    let mut pieces = Vec::new();
    for (index, piece) in template.pieces.iter().enumerate() {
        match piece {
            TemplatePiece::Text(text) => push(&mut pieces, text),
            TemplatePiece::Reference(_) => {
                let bound = text(&Template { pieces: vec![piece.clone()] }, scope)?;
                for piece in bound.pieces {
                    match piece {
                        TextPiece::Plain(text) if index == 0 => push(&mut pieces, text.trim()),
                        TextPiece::Plain(text) => push(&mut pieces, &encode(&text)),
                        secret @ TextPiece::Secret(_) => pieces.push(secret),
                    }
                }
            }
        }
    }
    Ok(Text { pieces })
}

/// Percent-encodes everything but what no part of an address gives a meaning to.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
