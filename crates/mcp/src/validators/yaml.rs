//! YAML of strangers: several documents in a text, within bounds.

use serde_json::Value;

/// Most documents of one text that are looked at.
const DOCUMENTS_MAX: usize = 200;
/// Largest text that is looked at.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Reads the documents of a text. Each is read by itself, so that one that is broken hides no other.
pub(super) fn documents(text: &str) -> Vec<Result<Value, String>> {
    if text.len() > TEXT_BYTES_MAX {
        return vec![Err(format!("the text is larger than {} MiB", TEXT_BYTES_MAX >> 20))];
    }
    let mut parts = vec![String::new()];
    for line in text.lines() {
        if line == "---" || line.starts_with("--- ") || line.trim_end() == "---" {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    let is_said = |part: &String| {
        part.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#') && line.trim() != "...")
    };
    parts.iter().filter(|part| is_said(part)).take(DOCUMENTS_MAX).map(|part| read(part)).collect()
}

fn read(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 64,
            flow_nesting_limit: 64,
            max_events: 400_000,
            max_nodes: 200_000,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Value>(text, options).map_err(|error| {
        let error = error.without_snippet();
        let place = error.location().map(|at| format!("line {}: ", at.line())).unwrap_or_default();
        let said = error.to_string();
        format!("{place}{}", said.lines().next().unwrap_or_default())
    })
}
