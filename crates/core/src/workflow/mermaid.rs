//! The graph of a workflow as a Mermaid flowchart.

use std::collections::HashMap;

use super::Workflow;
use super::document::{Action, Kind, Step};

/// A `flowchart` with one node per step; names can't break out of their labels.
#[must_use]
pub fn to_mermaid(workflow: &Workflow) -> String {
    let mut chart = String::from("flowchart TD\n");
    let index_of: HashMap<&str, usize> =
        workflow.steps.iter().enumerate().map(|(index, step)| (step.name.as_str(), index)).collect();
    for (index, step) in workflow.steps.iter().enumerate() {
        let (open, close) = match &step.action {
            Some(Action::Approval(_)) => ("{{", "}}"),
            _ if step.condition.is_some() => ("([", "])"),
            _ => ("[", "]"),
        };
        chart.push_str(&format!("  s{index}{open}\"{}\"{close}\n", label(step)));
    }
    for (index, step) in workflow.steps.iter().enumerate() {
        match &step.depends {
            Some(depends) => {
                for need in depends.iter().filter_map(|name| index_of.get(name.as_str())) {
                    chart.push_str(&format!("  s{need} --> s{index}\n"));
                }
            }
            None if workflow.kind == Kind::Chain && index > 0 => {
                chart.push_str(&format!("  s{} --> s{index}\n", index - 1));
            }
            None => {}
        }
        if step.rollback.is_some() {
            chart.push_str(&format!("  s{index} -. rollback .-> r{index}[\"undo {}\"]\n", escaped(&step.name)));
        }
    }
    chart
}

fn label(step: &Step) -> String {
    let what = match &step.action {
        Some(Action::Tool { tool, .. }) => tool.as_str(),
        Some(Action::Http(_)) => "http",
        Some(Action::Approval(_)) => "approval",
        Some(Action::Container { .. }) => "container",
        _ => "",
    };
    let name = escaped(&step.name);
    if what.is_empty() { name } else { format!("{name}<br/><small>{}</small>", escaped(what)) }
}

/// Text that is nothing but text in a label.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '"' => "#quot;".to_owned(),
            '<' => "#lt;".to_owned(),
            '>' => "#gt;".to_owned(),
            '&' => "#amp;".to_owned(),
            '#' => "#35;".to_owned(),
            other if other.is_control() => " ".to_owned(),
            other => other.to_string(),
        })
        .collect()
}
