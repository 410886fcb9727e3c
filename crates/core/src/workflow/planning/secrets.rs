//! Secrets that stand in a document in plain text.

use std::sync::LazyLock;

use regex::RegexSet;
use serde_json::{Map, Value};

use super::findings::Findings;
use crate::tool::escape;
use crate::workflow::Workflow;
use crate::workflow::document::{Action, Step};

/// What secrets look like, wherever they stand, in the order of [`KINDS`].
static SHAPES: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
        r"\bgh[pousr]_[A-Za-z0-9]{36,}",
        r"\bxox[baprs]-[A-Za-z0-9-]{10,}",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
        r"\bAIza[0-9A-Za-z_-]{35}",
        r"\bsk-[A-Za-z0-9_-]{20,}",
        r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
        r"://[^/\s:@$]+:[^/\s:@$]{3,}@",
        r"hooks\.slack\.com/services/T[0-9A-Z]+/B[0-9A-Z]+/[A-Za-z0-9]{16,}",
        r"\bglpat-[A-Za-z0-9_-]{20,}",
    ])
    .ok()
});

const KINDS: [&str; 10] = [
    "a key of AWS",
    "a token of GitHub",
    "a token of Slack",
    "a private key",
    "a key of Google",
    "a key of a model",
    "a signed token",
    "a password in a URL",
    "an address of a Slack webhook",
    "a token of GitLab",
];

/// Warns about every secret in plain text.
pub(super) fn check(workflow: &Workflow, findings: &mut Findings<'_>) {
    for (name, param) in &workflow.params {
        if let Some(default) = param.default.as_ref().filter(|default| !default.is_null()) {
            let path = format!("/params/{}/default", escape(name));
            if param.secret && default.as_str().is_some_and(|text| !text.is_empty()) {
                warn("a default for a secret", &path, findings);
            } else {
                value(Some(name), default, &path, findings);
            }
        }
    }
    for (name, text) in &workflow.env {
        named(name, text, &format!("/env/{}", escape(name)), findings);
    }
    for (name, content) in &workflow.files {
        shaped(content, &format!("/files/{}", escape(name)), findings);
    }
    for (index, one) in workflow.steps.iter().enumerate() {
        step(one, &format!("/steps/{index}"), findings);
    }
    let handlers = &workflow.handlers;
    for (name, handler) in [
        ("success", &handlers.success),
        ("failure", &handlers.failure),
        ("cancel", &handlers.cancel),
        ("exit", &handlers.exit),
    ] {
        if let Some(handler) = handler {
            step(handler, &format!("/handlers/{name}"), findings);
        }
    }
}

fn step(step: &Step, path: &str, findings: &mut Findings<'_>) {
    for (name, text) in &step.env {
        named(name, text, &format!("{path}/env/{}", escape(name)), findings);
    }
    if let Some(one) = &step.action {
        action(one, path, findings);
    }
    if let Some(rollback) = &step.rollback {
        action(&rollback.action, &format!("{path}/rollback"), findings);
    }
}

fn action(action: &Action, path: &str, findings: &mut Findings<'_>) {
    match action {
        Action::Tool { parameters, .. } => object(parameters, &format!("{path}/parameters"), findings),
        Action::Command { command, .. } => shaped(command, &format!("{path}/command"), findings),
        Action::Script { script, .. } => shaped(script, &format!("{path}/script"), findings),
        Action::Http(http) => {
            shaped(&http.url, &format!("{path}/http/url"), findings);
            for (name, text) in http.headers.iter().chain(&http.query) {
                named(name, text, &format!("{path}/http/headers/{}", escape(name)), findings);
            }
            if let Some(body) = &http.body {
                value(None, body, &format!("{path}/http/body"), findings);
            }
        }
        _ => {}
    }
}

fn object(entries: &Map<String, Value>, path: &str, findings: &mut Findings<'_>) {
    for (key, one) in entries {
        value(Some(key), one, &format!("{path}/{}", escape(key)), findings);
    }
}

fn value(name: Option<&str>, value: &Value, path: &str, findings: &mut Findings<'_>) {
    match value {
        Value::String(text) => match name {
            Some(name) => named(name, text, path, findings),
            None => shaped(text, path, findings),
        },
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                self::value(None, item, &format!("{path}/{index}"), findings);
            }
        }
        Value::Object(entries) => object(entries, path, findings),
        _ => {}
    }
}

/// A literal text under a name that secrets have.
fn named(name: &str, text: &str, path: &str, findings: &mut Findings<'_>) {
    let name = name.to_lowercase().replace('-', "_");
    let is_secret_name = ["password", "passwd", "secret", "token", "api_key", "apikey", "access_key", "private_key"]
        .iter()
        .any(|word| name == *word || name.ends_with(&format!("_{word}")));
    let is_literal = !text.contains("${") && !text.contains("{{") && !text.contains("$(") && !text.starts_with('$');
    let is_authorization = name == "authorization" && text.contains(' ');
    if is_literal && (is_secret_name || is_authorization) && text.len() >= 4 {
        warn(&format!("a value for `{name}`"), path, findings);
    } else {
        shaped(text, path, findings);
    }
}

fn shaped(text: &str, path: &str, findings: &mut Findings<'_>) {
    // None of the shapes is shorter; most texts are.
    if text.len() < 10 {
        return;
    }
    let Some(shapes) = SHAPES.as_ref() else { return };
    if let Some(kind) = shapes.matches(text).iter().next() {
        warn(KINDS[kind], path, findings);
    }
}

fn warn(what: &str, path: &str, findings: &mut Findings<'_>) {
    let message = format!("{what} stands here in plain text");
    findings.warning(
        "secret_in_plain_text",
        path,
        message,
        "write `${secrets.NAME}`, and set it as `PARTITA_SECRET_NAME` on the server",
    );
}
