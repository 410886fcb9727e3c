//! Prometheus: scrape configurations, alert and recording rules, PromQL wherever it stands.

mod expression;
mod routing;
mod rules;
mod scrape;

use partita_core::Diagnostic;
use serde_json::Value;

use super::finding::{Findings, Inside};
use super::texts::{Texts, escape};
use crate::builtin::Subject;

/// Checks a workflow, or one text.
pub(crate) fn check(subject: Subject<'_>) -> Vec<Diagnostic> {
    let texts = match subject {
        Subject::Workflow(workflow) => Texts::of(workflow),
        Subject::Text(text) => Texts::of_text(text),
    };
    let mut findings = Findings::default();
    for document in &texts.documents {
        let mut inside = Inside { findings: &mut findings, document, what: String::new() };
        match &document.value {
            Err(problem) => {
                let message = format!("the configuration can't be read: {problem}");
                inside.error("prom_yaml", "", &message, "mend the YAML: Prometheus refuses a file that it can't read");
            }
            Ok(value) => one(value, &mut inside),
        }
    }
    if let Subject::Workflow(workflow) = subject {
        queries(workflow, &mut findings);
    }
    findings.into_list()
}

/// Tells by its keys what a document is.
fn one(value: &Value, inside: &mut Inside<'_>) {
    let is_ours = value.get("apiVersion").is_none();
    if value["kind"] == "PrometheusRule" {
        rules::check(&value["spec"]["groups"], "/spec/groups", inside);
    } else if is_ours && value.get("groups").is_some() {
        rules::check(&value["groups"], "/groups", inside);
    } else if is_ours
        && ["scrape_configs", "rule_files", "alerting", "scrape_config_files"]
            .iter()
            .any(|key| value.get(*key).is_some())
    {
        scrape::check(value, inside);
    } else if is_ours && value.get("receivers").is_some() {
        routing::check(value, inside);
    }
}

/// Queries that steps send: parameters of that name, and addresses of the query API.
fn queries(workflow: &Value, findings: &mut Findings) {
    for (index, step) in workflow["steps"].as_array().into_iter().flatten().enumerate() {
        let path = format!("/steps/{index}");
        for (key, value) in step["parameters"].as_object().into_iter().flatten() {
            if let Some(text) = value.as_str().filter(|_| key == "promql") {
                check_query(text, &format!("{path}/parameters/{}", escape(key)), findings);
            }
        }
        let urls = [("parameters/url", &step["parameters"]["url"]), ("http/url", &step["http"]["url"])];
        let queries = [
            ("parameters/query/query", &step["parameters"]["query"]["query"]),
            ("http/query/query", &step["http"]["query"]["query"]),
        ];
        let is_api = |url: &Value| url.as_str().is_some_and(|url| url.contains("/api/v1/query"));
        for ((place, url), (query_place, query)) in urls.into_iter().zip(queries) {
            if !is_api(url) {
                continue;
            }
            if let Some(query) = query.as_str() {
                check_query(query, &format!("{path}/{query_place}"), findings);
            }
            let inline = url
                .as_str()
                .and_then(|url| url.split_once("query="))
                .map(|(_, rest)| rest.split('&').next().unwrap_or(rest));
            if let Some(text) = inline.and_then(decoded) {
                check_query(&text, &format!("{path}/{place}"), findings);
            }
        }
    }
}

fn check_query(text: &str, path: &str, findings: &mut Findings) {
    if text.contains("${") || text.contains("{{") {
        return;
    }
    if let Err(problem) = expression::check(text) {
        findings.error("prom_query", path, format!("the query is no PromQL: {problem}"), expression::HELP);
    }
}

/// What percent-encoding stands for; `None`: it is none.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
