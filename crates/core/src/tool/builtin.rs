//! The tools that this program carries out by itself: requests, waiting, files.

use serde_json::Value;

use super::call::{Caller, fixed, not_a};
use super::definition::Tool;
use super::parameters::{escape, text_of};
use crate::plan::{FileOperation, PlannedAction, PlannedBody, PlannedHttp};
use crate::time::parse_duration;
use crate::workflow::document::{Effects, Http};
use crate::workflow::reference::{Template, TemplatePiece};
use crate::{Diagnostic, Millis};

use super::call::{Reader, json_template};

/// The effects of a request, by its method.
pub(crate) fn method_effects(method: &str) -> Effects {
    match method {
        "GET" | "HEAD" | "OPTIONS" => Effects::Read,
        "DELETE" => Effects::Destructive,
        "POST" | "PUT" | "PATCH" => Effects::Write,
        _ => Effects::Unknown,
    }
}

pub(super) fn effects(tool: &Tool, action: &PlannedAction, reasons: &mut Vec<String>) -> Effects {
    match action {
        PlannedAction::Http(http) => {
            fixed(tool, reasons, method_effects(&http.method), &format!("with {}", http.method))
        }
        PlannedAction::Wait { .. } => fixed(tool, reasons, Effects::Read, "only waits and"),
        PlannedAction::File { operation, .. } => {
            let effects = match operation {
                FileOperation::Read | FileOperation::Exists => Effects::Read,
                FileOperation::Delete => Effects::Destructive,
                _ => Effects::Write,
            };
            fixed(tool, reasons, effects, "with this operation")
        }
        _ => tool.effects,
    }
}

/// Reads a request.
pub(crate) fn request(http: &Http, path: &str, reader: &mut dyn Reader) -> Option<PlannedHttp> {
    let default_method = if http.body.is_some() { "POST" } else { "GET" };
    let method = http.method.as_deref().unwrap_or(default_method).to_uppercase();
    let mut failed = false;
    let mut fail = |reader: &mut dyn Reader, key: &str, message: String, help: &str| {
        failed = true;
        reader.report(Diagnostic::error("invalid_request", format!("{path}/{key}"), message).help(help));
    };
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        fail(
            reader,
            "method",
            format!("`{method}` is no HTTP method"),
            "use GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS",
        );
    }
    let url = http.url.trim();
    let scheme_is_fine =
        url.starts_with("http://") || url.starts_with("https://") || url.starts_with("${") || url.starts_with("{{");
    if url.is_empty() {
        fail(reader, "url", "the request has no URL".to_owned(), "add `url: https://…`");
    } else if !scheme_is_fine {
        fail(reader, "url", format!("`{url}` doesn't begin with `http://` or `https://`"), "write the whole URL");
    }
    for name in http.headers.keys() {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            fail(reader, "headers", format!("`{name}` is no name of a header"), "use letters, digits and `-`");
        }
    }
    for status in &http.expect_status {
        if !(100..600).contains(status) {
            fail(reader, "expect_status", format!("{status} is no HTTP status"), "use a number from 100 to 599");
        }
    }
    let mut pairs = |key: &str, entries: &indexmap::IndexMap<String, String>| -> Vec<(String, Template)> {
        let read = |(name, value): (&String, &String)| {
            (name.clone(), reader.template(value, &format!("{path}/{key}/{}", escape(name))))
        };
        entries.iter().map(read).collect()
    };
    let (headers, query) = (pairs("headers", &http.headers), pairs("query", &http.query));
    let body = http.body.as_ref().map(|body| match body {
        Value::String(text) => PlannedBody::Text(reader.template(text, &format!("{path}/body"))),
        other => PlannedBody::Json(json_template(other, &format!("{path}/body"), reader)),
    });
    let url = reader.url(url, &format!("{path}/url"));
    let (expect_status, redirect_hosts) = (http.expect_status.clone(), http.redirect_hosts.clone());
    let timeout_ms = http.timeout_ms;
    (!failed).then_some(PlannedHttp { method, url, headers, query, body, expect_status, redirect_hosts, timeout_ms })
}

pub(super) fn http(caller: &mut Caller<'_>) -> Option<PlannedAction> {
    let object = |name: &str| {
        let entries = caller.given(name).and_then(Value::as_object);
        entries.into_iter().flatten().map(|(key, value)| (key.clone(), text_of(value))).collect()
    };
    let list = |name: &str| {
        caller
            .given(name)
            .map_or_else(Vec::new, |value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]))
    };
    let status = |value: &Value| text_of(value).parse::<u16>().ok();
    let mut http = Http {
        url: caller.text("url").unwrap_or_default(),
        method: caller.text("method"),
        headers: object("headers"),
        query: object("query"),
        body: caller.given("body").or_else(|| caller.given("json")).cloned(),
        expect_status: list("expect_status").iter().filter_map(status).collect(),
        redirect_hosts: list("redirect_hosts").iter().map(text_of).collect(),
        timeout_ms: None,
    };
    let is_status_wrong = list("expect_status").len() != http.expect_status.len();
    if caller.given("timeout").is_some() {
        http.timeout_ms = duration(caller, "timeout");
    }
    if is_status_wrong {
        let path = caller.path_of("expect_status");
        caller.error(
            "parameter_value",
            path,
            "`expect_status` must be numbers".to_owned(),
            "write `200` or `[200, 204]`",
        );
    }
    request(&http, caller.path, caller.reader).map(PlannedAction::Http)
}

/// A duration that is written out.
fn duration(caller: &mut Caller<'_>, name: &str) -> Option<Millis> {
    let (text, path) = (caller.text(name)?, caller.path_of(name));
    match parse_duration(&text) {
        Ok(span_ms) => Some(span_ms),
        Err(error) => {
            caller.error(
                "invalid_duration",
                path,
                error.to_string(),
                "write a number of seconds, or `30s`, `5m`, `1h`",
            );
            None
        }
    }
}

pub(super) fn wait(caller: &mut Caller<'_>) -> Option<PlannedAction> {
    let name = if caller.given("duration").is_some() { "duration" } else { "seconds" };
    let template = caller.template(name)?;
    if !template.pieces.iter().any(|piece| matches!(piece, TemplatePiece::Reference(_))) {
        duration(caller, name)?;
    }
    Some(PlannedAction::Wait { duration: template })
}

pub(super) fn file(caller: &mut Caller<'_>) -> Option<PlannedAction> {
    let name = caller.text("operation")?;
    let operation = match name.as_str() {
        "read" => FileOperation::Read,
        "write" => FileOperation::Write,
        "append" => FileOperation::Append,
        "copy" => FileOperation::Copy,
        "move" => FileOperation::Move,
        "delete" => FileOperation::Delete,
        "mkdir" | "make_directory" => FileOperation::MakeDirectory,
        "exists" => FileOperation::Exists,
        other => {
            let path = caller.path_of("operation");
            let message = not_a("operation on files", &Value::String(other.to_owned()));
            caller.error("parameter_value", path, message, "it can't come from a reference: write it out");
            return None;
        }
    };
    let (needs_content, needs_to) = match operation {
        FileOperation::Write | FileOperation::Append => (true, false),
        FileOperation::Copy | FileOperation::Move => (false, true),
        _ => (false, false),
    };
    for (name, is_needed) in [("content", needs_content), ("to", needs_to)] {
        let path = caller.path.to_owned();
        match (is_needed, caller.given(name).is_some()) {
            (true, false) => {
                let message = format!("`file` with this operation needs `{name}`");
                caller.error("missing_parameter", path, message, &format!("add `{name}` to `parameters`"));
            }
            (false, true) => {
                let (path, message) = (caller.path_of(name), format!("`{name}` has no meaning with this operation"));
                caller.reader.report(Diagnostic::warning("unused_parameter", path, message));
            }
            _ => {}
        }
    }
    let path = caller.template("path")?;
    let content = if needs_content { caller.template("content") } else { None };
    let to = if needs_to { caller.template("to") } else { None };
    Some(PlannedAction::File { operation, path, content, to })
}
