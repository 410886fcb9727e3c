//! What the end of an attempt means for its step: another try, a status, an excuse.

use super::dice::Dice;
use super::record::StopReason;
use super::status::StepStatus;
use crate::limits;
use crate::plan::PlannedStep;
use crate::task::{Outcome, OutcomeResult};
use crate::time::{Millis, format_duration};
use crate::workflow::document::{ContinueOn, Effects, Retry, RetryOn};

/// What an end is called, for people.
pub(super) fn describe(outcome: &Outcome, stopped: Option<StopReason>) -> String {
    if outcome.is_success() {
        return "success".to_owned();
    }
    match stopped {
        Some(StopReason::StepTimeout) => return "took longer than its time limit".to_owned(),
        Some(StopReason::RunTimeout) => return "ended by the time limit of the run".to_owned(),
        Some(StopReason::Cancel) => return "cancelled".to_owned(),
        Some(StopReason::Failure) => return "ended because another step failed".to_owned(),
        None => {}
    }
    match &outcome.result {
        OutcomeResult::Success => "success".to_owned(),
        OutcomeResult::Stopped => "stopped".to_owned(),
        OutcomeResult::Failed { error }
        | OutcomeResult::Signalled { error, .. }
        | OutcomeResult::NotStarted { error }
        | OutcomeResult::TimedOut { error }
        | OutcomeResult::Lost { error } => error.clone(),
    }
}

/// The status of a step whose last attempt ended like this, for good.
pub(super) fn status(outcome: &Outcome, stopped: Option<StopReason>) -> StepStatus {
    if outcome.is_success() {
        return StepStatus::Success;
    }
    match (stopped, &outcome.result) {
        (Some(StopReason::StepTimeout | StopReason::RunTimeout), _) | (None, OutcomeResult::TimedOut { .. }) => {
            StepStatus::TimedOut
        }
        (Some(StopReason::Cancel | StopReason::Failure), _) => StepStatus::Cancelled,
        _ => StepStatus::Failed,
    }
}

/// Whether `continue_on` excuses such an end.
pub(super) fn is_excused(continue_on: &ContinueOn, outcome: &Outcome) -> bool {
    if continue_on.failure {
        return true;
    }
    if outcome.exit_code.is_some_and(|code| continue_on.exit_code.contains(&code)) {
        return true;
    }
    let output = outcome.output.as_deref().unwrap_or_default();
    continue_on.output.iter().any(|pattern| matches(output, pattern))
}

/// Whether a text holds a pattern: a part of it, or a regular expression after `re:`.
fn matches(text: &str, pattern: &str) -> bool {
    match pattern.strip_prefix("re:") {
        Some(expression) => regex::Regex::new(expression).is_ok_and(|expression| expression.is_match(text)),
        None => text.contains(pattern),
    }
}

/// Whether a text equals what was expected, or matches it after `re:`.
pub(super) fn meets(text: &str, expected: &str) -> bool {
    match expected.strip_prefix("re:") {
        Some(expression) => regex::Regex::new(expression).is_ok_and(|expression| expression.is_match(text)),
        None => text == expected,
    }
}

/// What a retry is decided by.
pub(super) struct Try<'a> {
    pub(super) policy: &'a Retry,
    pub(super) effects: Effects,
    /// The number of the try that ended.
    pub(super) number: u32,
    pub(super) stopped: Option<StopReason>,
}

/// When to try again, if at all.
pub(super) fn retry_at(attempt: &Try<'_>, outcome: &Outcome, now: Millis, dice: &mut Dice) -> Option<Millis> {
    if outcome.is_success() || !matches!(attempt.stopped, None | Some(StopReason::StepTimeout)) {
        return None;
    }
    let policy = attempt.policy;
    let kind = match (&outcome.result, attempt.stopped) {
        (_, Some(_)) | (OutcomeResult::TimedOut { .. }, _) => RetryOn::Timeout,
        (OutcomeResult::Lost { .. }, _) => RetryOn::Lost,
        // Trying again would not make the program or the value appear.
        (OutcomeResult::NotStarted { .. }, _) => return None,
        _ => RetryOn::Failure,
    };
    let lost = kind == RetryOn::Lost;
    if lost && attempt.effects == Effects::Read && attempt.number < limits::LOST_ATTEMPTS_MAX {
        return Some(now);
    }
    let tries_left = attempt.number < policy.max_attempts;
    let wanted = policy.on.is_empty()
        || policy.on.contains(&kind)
        || outcome.exit_code.is_some_and(|code| policy.on.contains(&RetryOn::ExitCode(code)));
    (tries_left && wanted).then(|| now.saturating_add(delay(policy, attempt.number, dice)))
}

/// How long to wait after a number of tries, in milliseconds.
fn delay(policy: &Retry, tries: u32, dice: &mut Dice) -> Millis {
    let exponent = i32::try_from(tries.saturating_sub(1)).unwrap_or(i32::MAX);
    let longest = policy.max_delay_ms.unwrap_or(Millis::MAX / 4) as f64;
    let factor = if policy.backoff.is_finite() { policy.backoff.max(0.0).powi(exponent) } else { 1.0 };
    let full = (policy.delay_ms as f64 * factor).clamp(0.0, longest);
    let jitter = policy.jitter.clamp(0.0, 1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits, above")]
    let delay = full.mul_add(-jitter * dice.fraction(), full).round() as Millis;
    delay
}

/// Says why a lost attempt is not tried again.
pub(super) fn lost_for_good(step: &PlannedStep, outcome: &mut Outcome) {
    if let OutcomeResult::Lost { error } = &mut outcome.result {
        let tries = step.retry.max_attempts;
        *error = if tries > 1 {
            format!("{error}; all {tries} attempts are used up")
        } else {
            format!(
                "{error}; it is not tried again, because it may have changed something: give the step a `retry`, or \
                 `effects: read` when it changes nothing"
            )
        };
    }
}

/// What a person reads when a limit in time was passed.
pub(super) fn limit_text(limit_ms: Option<Millis>) -> String {
    limit_ms
        .map_or_else(|| "its time limit".to_owned(), |limit_ms| format!("its limit of {}", format_duration(limit_ms)))
}
