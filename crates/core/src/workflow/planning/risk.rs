//! Telling from program text what it plainly destroys, and whether rollback covers the steps.

use std::sync::LazyLock;

use regex::Regex;

use super::findings::Findings;
use super::request::{PlanRequest, StepRisk};
use crate::workflow::Workflow;
use crate::workflow::document::{Action, Effects, OnFailure};

/// What plainly destroys something. Text without any of these is still able to do anything.
static DESTROYS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let patterns = [
        r"\brm\s+(-[a-zA-Z-]+\s+)*-[a-zA-Z]*[rRf]",
        r"\bmkfs(\.\w+)?\b",
        r"\bdd\s[^|;&]*\bof=/dev/",
        r"\bkubectl\s[^|;&]*\bdelete\b",
        r"\bterraform\s[^|;&]*\bdestroy\b",
        r"\bhelm\s[^|;&]*\b(uninstall|delete)\b",
        r"(?i)\bdrop\s+(table|database|schema)\b",
        r"(?i)\btruncate\s+table\b",
        r"\bgit\s+push\s[^|;&]*(--force|-f)\b",
        r"\baws\s+s3\s+(rm|rb)\b",
        r"\bdocker\s+(system|volume|image|container)\s+prune\b",
        r"\b(shutdown|reboot|halt|poweroff)\b",
        r"\bshred\b|\bwipefs\b",
    ];
    Regex::new(&patterns.join("|")).ok()
});

/// The first thing in a program text that destroys something.
pub(super) fn destroys(text: &str) -> Option<&str> {
    DESTROYS.as_ref()?.find(text).map(|found| found.as_str())
}

/// Warns about steps that change something and can't be taken back, and says how they usually are.
pub(super) fn check_rollback(
    workflow: &Workflow,
    risk: &[StepRisk],
    on_failure: OnFailure,
    request: &PlanRequest<'_>,
    findings: &mut Findings<'_>,
) -> Vec<String> {
    let mut suggestions = Vec::new();
    for (index, (step, risk)) in workflow.steps.iter().zip(risk).enumerate() {
        if step.rollback.is_some() || !matches!(risk.effects, Effects::Write | Effects::Destructive) {
            continue;
        }
        let hint = match &step.action {
            Some(Action::Tool { tool, .. }) => {
                request.catalogue.get(tool).and_then(|tool| tool.rollback_hint.as_deref())
            }
            _ => None,
        };
        if on_failure == OnFailure::Rollback {
            let what = if risk.effects == Effects::Write { "changes" } else { "destroys" };
            let message =
                format!("`{}` {what} something and has no `rollback`, so a failure can't take it back", step.name);
            let help = hint
                .map_or_else(|| "add a `rollback` to the step".to_owned(), |hint| format!("add a `rollback`: {hint}"));
            findings.warning("no_rollback", format!("/steps/{index}"), message, help);
        } else if let Some(hint) = hint
            && suggestions.len() < 10
        {
            suggestions.push(format!("`{}` can be taken back: {hint}", step.name));
        }
    }
    let has_rollback = workflow.steps.iter().any(|step| step.rollback.is_some());
    if on_failure == OnFailure::Rollback && !has_rollback && !workflow.steps.is_empty() {
        let message = "`on_failure` is `rollback`, but no step has a `rollback`";
        findings.warning("no_rollback", "/on_failure", message, "add a `rollback` to the steps that change something");
    }
    if on_failure != OnFailure::Rollback && has_rollback {
        suggestions.push("set `on_failure: rollback` to have a failure take back what succeeded".to_owned());
    }
    suggestions
}
