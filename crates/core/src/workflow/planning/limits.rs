//! Whether tries, spans of time and counts make sense.

use super::findings::Findings;
use crate::Millis;
use crate::limits::{ATTEMPTS_MAX, ITEMS_MAX};
use crate::workflow::Workflow;
use crate::workflow::document::{Foreach, Items, Repeat, Retry, Step};

/// Longest delay between two tries: a day.
const DELAY_MS_MAX: Millis = 24 * 60 * 60 * 1_000;

pub(super) fn check_workflow(workflow: &Workflow, findings: &mut Findings<'_>) {
    check_timeout(workflow.timeout_ms, "/timeout", findings);
    if workflow.max_active_steps == Some(0) {
        findings.error(
            "invalid_limit",
            "/max_active_steps",
            "with `max_active_steps: 0` no step could ever run",
            "write at least 1",
        );
    }
    if let Some(budget) = &workflow.budget {
        let is_bad = |value: Option<f64>| value.is_some_and(|value| !value.is_finite() || value <= 0.0);
        for (key, is_bad) in [
            ("tokens", budget.tokens == Some(0)),
            ("seconds", is_bad(budget.seconds)),
            ("cost_usd", is_bad(budget.cost_usd)),
        ] {
            if is_bad {
                let message = format!("a budget of no {key} lets nothing run");
                findings.error(
                    "invalid_limit",
                    format!("/budget/{key}"),
                    message,
                    "write a number above 0, or leave it out",
                );
            }
        }
    }
}

pub(super) fn check_timeout(timeout_ms: Option<Millis>, path: &str, findings: &mut Findings<'_>) {
    if timeout_ms == Some(0) {
        findings.error(
            "invalid_limit",
            path,
            "a timeout of 0 ends everything at once",
            "write a longer one, or leave it out",
        );
    }
}

pub(super) fn check_retry(retry: &Retry, path: &str, findings: &mut Findings<'_>) {
    let mut wrong = |key: &str, message: String, help: &str| {
        findings.error("invalid_retry", format!("{path}/{key}"), message, help);
    };
    if retry.max_attempts == 0 {
        wrong(
            "max_attempts",
            "`max_attempts` counts the first try, so 0 would never run".to_owned(),
            "write 1 for no further try",
        );
    }
    if retry.max_attempts > ATTEMPTS_MAX {
        wrong(
            "max_attempts",
            format!("{} tries are more than {ATTEMPTS_MAX}", retry.max_attempts),
            "use fewer, with a longer delay",
        );
    }
    if !retry.backoff.is_finite() || !(1.0..=100.0).contains(&retry.backoff) {
        wrong(
            "backoff",
            format!("a backoff of {} is not between 1 and 100", retry.backoff),
            "write 1 for a constant delay, 2 to double it",
        );
    }
    if !(0.0..=1.0).contains(&retry.jitter) {
        wrong(
            "jitter",
            format!("a jitter of {} is not between 0 and 1", retry.jitter),
            "write the part of the delay that is random, as 0.1",
        );
    }
    if retry.delay_ms > DELAY_MS_MAX || retry.max_delay_ms.is_some_and(|delay_ms| delay_ms > DELAY_MS_MAX) {
        wrong("delay", "a delay between tries is longer than a day".to_owned(), "use a shorter one");
    }
    if retry.max_delay_ms.is_some_and(|max| max < retry.delay_ms) {
        findings.warning(
            "invalid_retry",
            format!("{path}/max_delay"),
            "`max_delay` is shorter than `delay`",
            "every delay will be `max_delay`",
        );
    }
}

pub(super) fn check_repeat(repeat: &Repeat, path: &str, findings: &mut Findings<'_>) {
    if repeat.limit == Some(0) {
        findings.error(
            "invalid_limit",
            format!("{path}/limit"),
            "with `limit: 0` the step would never run",
            "write at least 1",
        );
    }
    let has_condition = repeat.while_.is_some()
        || repeat.until.is_some()
        || repeat.until_match.is_some()
        || !repeat.exit_codes.is_empty();
    if !has_condition && repeat.limit.is_none() {
        let message = "nothing ends this repetition but the limit of 1000 times";
        findings.warning("endless_repeat", path, message, "add `until`, `while` or `limit`");
    }
}

pub(super) fn check_foreach(foreach: &Foreach, path: &str, findings: &mut Findings<'_>) {
    if foreach.max_active == Some(0) {
        findings.error(
            "invalid_limit",
            format!("{path}/max_active"),
            "with `max_active: 0` no item could ever run",
            "write at least 1",
        );
    }
    let Items::List(items) = &foreach.items else { return };
    if items.len() > ITEMS_MAX {
        let message = format!("{} items are more than {ITEMS_MAX}", items.len());
        findings.error("too_many_items", format!("{path}/items"), message, "split the list");
    }
    if items.is_empty() {
        findings.warning(
            "no_items",
            format!("{path}/items"),
            "the list is empty, so the step does nothing",
            "add an item",
        );
    }
}

pub(super) fn check_step(step: &Step, workflow: &Workflow, path: &str, findings: &mut Findings<'_>) {
    check_timeout(step.timeout_ms, &format!("{path}/timeout"), findings);
    if let Some(retry) = &step.retry {
        check_retry(retry, &format!("{path}/retry"), findings);
    }
    if let (Some(own), Some(whole)) = (step.timeout_ms, workflow.timeout_ms)
        && own > whole
    {
        let message = format!("`{}` may take longer than the whole workflow", step.name);
        findings.warning(
            "long_timeout",
            format!("{path}/timeout"),
            message,
            "shorten it, or lengthen the workflow's `timeout`",
        );
    }
    if let Some(repeat) = &step.repeat {
        check_repeat(repeat, &format!("{path}/repeat"), findings);
    }
    if let Some(foreach) = &step.foreach {
        check_foreach(foreach, &format!("{path}/foreach"), findings);
    }
    for (position, text) in step.continue_on.output.iter().enumerate() {
        check_pattern(text, &format!("{path}/continue_on/output/{position}"), findings);
    }
}

/// A text after `re:` must be a regular expression.
pub(super) fn check_pattern(text: &str, path: &str, findings: &mut Findings<'_>) {
    if let Some(pattern) = text.strip_prefix("re:")
        && regex::Regex::new(pattern).is_err()
    {
        findings.error(
            "invalid_pattern",
            path,
            format!("`{pattern}` is no regular expression"),
            "mend what stands after `re:`",
        );
    }
}
