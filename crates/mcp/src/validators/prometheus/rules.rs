//! Groups of alert and recording rules.

use std::collections::BTreeSet;

use serde_json::Value;

use super::expression;
use crate::validators::finding::Inside;
use crate::validators::texts::{escape, is_open};

const DURATION_HELP: &str = "write `30s`, `5m` or `1h30m`";

/// Checks the groups that stand at `place`.
pub(super) fn check(groups: &Value, place: &str, inside: &mut Inside<'_>) {
    let Some(groups) = groups.as_array() else {
        inside.error("prom_groups", place, "`groups` is no list", "write `groups: [{name: …, rules: […]}]`");
        return;
    };
    let mut names = BTreeSet::new();
    for (index, group) in groups.iter().enumerate() {
        let at = format!("{place}/{index}");
        let name = group["name"].as_str().unwrap_or_default();
        inside.what = if name.is_empty() { format!("group {}", index + 1) } else { format!("group `{name}`") };
        if name.is_empty() {
            inside.error("prom_group_no_name", &at, "it has no name", "add `name`");
        } else if !names.insert(name) {
            inside.error(
                "prom_duplicate_group",
                &format!("{at}/name"),
                "a group of this name is there already",
                "give it another name",
            );
        }
        duration(&group["interval"], "interval", &at, inside);
        let rules = group["rules"].as_array().map_or(&[][..], Vec::as_slice);
        if rules.is_empty() {
            inside.warning("prom_empty_group", &at, "it has no rules", "add `rules`, or remove the group");
        }
        let mut seen = BTreeSet::new();
        for (index, one) in rules.iter().enumerate() {
            let at = format!("{at}/rules/{index}");
            rule(one, index, &at, inside);
            let key = (
                one["alert"].to_string(),
                one["record"].to_string(),
                one["labels"].to_string(),
                one["expr"].to_string(),
            );
            let has_name = one.get("alert").is_some() || one.get("record").is_some();
            let same = (key.0, key.1, key.2);
            if has_name && !seen.insert(same) {
                inside.error(
                    "prom_duplicate_rule",
                    &at,
                    "a rule of this name with the same labels is there already",
                    "give it another name or another label",
                );
            }
        }
    }
    inside.what.clear();
}

fn rule(rule: &Value, index: usize, at: &str, inside: &mut Inside<'_>) {
    let (alert, record) = (rule["alert"].as_str(), rule["record"].as_str());
    inside.what = match (alert, record) {
        (Some(alert), None) => format!("alert `{alert}`"),
        (None, Some(record)) => format!("record `{record}`"),
        (both, _) => {
            inside.what = format!("rule {}", index + 1);
            let what =
                if both.is_some() { "it has both `alert` and `record`" } else { "it has neither `alert` nor `record`" };
            inside.error("prom_rule_kind", at, what, "give it exactly one of them");
            format!("rule {}", index + 1)
        }
    };
    match &rule["expr"] {
        Value::String(text) if is_open(text) => {}
        Value::String(text) => {
            if let Err(problem) = expression::check(text) {
                inside.error(
                    "prom_expression",
                    &format!("{at}/expr"),
                    &format!("`expr` is no PromQL: {problem}"),
                    expression::HELP,
                );
            }
        }
        Value::Number(_) => {}
        _ => inside.error("prom_no_expression", at, "it has no `expr`", "add the expression that it is about"),
    }
    for (name, _) in
        rule["labels"].as_object().into_iter().flatten().chain(rule["annotations"].as_object().into_iter().flatten())
    {
        if !expression::is_label(name) {
            inside.error(
                "prom_label_name",
                at,
                &format!("`{name}` can't be the name of a label"),
                "use letters, digits and `_`",
            );
        }
    }
    if alert.is_some() {
        alerting(rule, at, inside);
    } else if let Some(record) = record {
        recording(rule, record, at, inside);
    }
}

fn alerting(rule: &Value, at: &str, inside: &mut Inside<'_>) {
    duration(&rule["for"], "for", at, inside);
    duration(&rule["keep_firing_for"], "keep_firing_for", at, inside);
    if rule.get("for").is_none() {
        inside.warning("prom_no_for", at, "it has no `for`, so one bad sample fires it", "add `for: 5m`");
    }
    if rule.pointer("/labels/severity").is_none() {
        inside.warning(
            "prom_no_severity",
            at,
            "it has no label `severity`, by which alerts are routed",
            "add `labels: {severity: warning}`",
        );
    }
    let annotations = rule["annotations"].as_object();
    if !annotations.is_some_and(|all| {
        all.contains_key("summary") || all.contains_key("description") || all.contains_key("message")
    }) {
        inside.info("prom_no_summary", at, "it says nothing to the one it wakes", "add `annotations: {summary: …}`");
    }
    for (name, text) in annotations.into_iter().flatten() {
        if let Some(text) = text.as_str()
            && (text.matches("{{").count() != text.matches("}}").count())
        {
            let place = format!("{at}/annotations/{}", escape(name));
            inside.error(
                "prom_template",
                &place,
                &format!("the braces of `{name}` don't match"),
                "close every `{{` with `}}`",
            );
        }
    }
}

fn recording(rule: &Value, record: &str, at: &str, inside: &mut Inside<'_>) {
    if !expression::is_metric(record) {
        inside.error(
            "prom_metric_name",
            &format!("{at}/record"),
            "it can't be the name of a metric",
            "use letters, digits, `_` and `:`",
        );
    } else if !record.contains(':') {
        inside.info(
            "prom_record_name",
            &format!("{at}/record"),
            "its name doesn't show that it is recorded",
            "call it `level:metric:operation`",
        );
    }
    for key in ["for", "annotations", "keep_firing_for"] {
        if rule.get(key).is_some() {
            inside.error("prom_record_key", &format!("{at}/{key}"), &format!("`{key}` belongs to alerts"), "remove it");
        }
    }
}

/// Checks a duration that may be absent; gives it in milliseconds.
pub(super) fn duration(value: &Value, key: &str, at: &str, inside: &mut Inside<'_>) -> Option<u64> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) if is_open(text) => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let read = expression::duration_ms(&text);
    if read.is_none() {
        inside.error(
            "prom_duration",
            &format!("{at}/{key}"),
            &format!("`{key}: {text}` is no duration"),
            DURATION_HELP,
        );
    }
    read
}
