//! Whether a `repeat` has another round.

use super::outcome;
use super::state::{Lane, Run};
use crate::plan::{PlannedRepeat, PlannedStep};
use crate::task::{Outcome, OutcomeResult};
use crate::workflow::{binding, expression};

/// What the conditions say after a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Round {
    Again,
    /// The repetition is over, and the last round decides.
    Over,
    /// It is over in another way than was asked for; the step fails with this text.
    Failed(String),
}

/// Looks at the conditions of a `repeat` after the last try of a round.
///
/// A round that failed ends the repetition, unless one of its conditions is about exit codes.
pub(super) fn round(run: &Run, planned: &PlannedStep, repeat: &PlannedRepeat, lane: &Lane) -> Round {
    let Some(own) = &lane.outcome else { return Round::Over };
    if lane.stopped.is_some() || !own.is_success() && !tolerates(repeat, own) {
        return Round::Over;
    }
    match wants_more(run, planned, repeat, own) {
        Err(error) => Round::Failed(error),
        Ok(false) => Round::Over,
        Ok(true) if lane.iteration + 1 < repeat.limit => Round::Again,
        Ok(true) if repeat.until.is_some() => {
            let condition = repeat.until.as_deref().unwrap_or_default();
            Round::Failed(format!("`{condition}` did not come true in {} rounds", repeat.limit))
        }
        Ok(true) => Round::Over,
    }
}

/// Whether a round that failed is what the conditions are about.
fn tolerates(repeat: &PlannedRepeat, own: &Outcome) -> bool {
    let by_itself = matches!(own.result, OutcomeResult::Failed { .. });
    let about_codes = |condition: &Option<String>| condition.as_deref().is_some_and(|text| text.contains("exit_code"));
    let listed = own.exit_code.is_some_and(|code| repeat.exit_codes.contains(&code));
    by_itself && (listed || about_codes(&repeat.while_) || about_codes(&repeat.until))
}

/// Whether all conditions that are set say "go on".
fn wants_more(run: &Run, planned: &PlannedStep, repeat: &PlannedRepeat, own: &Outcome) -> Result<bool, String> {
    let scope = run.scope(Some(planned), None, Some(own));
    if !repeat.exit_codes.is_empty() && !own.exit_code.is_some_and(|code| repeat.exit_codes.contains(&code)) {
        return Ok(false);
    }
    if let Some(condition) = &repeat.while_
        && !expression::holds(condition, &scope).map_err(|error| format!("its `while`: {error}"))?
    {
        return Ok(false);
    }
    if let Some(condition) = &repeat.until
        && expression::holds(condition, &scope).map_err(|error| format!("its `until`: {error}"))?
    {
        return Ok(false);
    }
    if let Some((value, expected)) = &repeat.until_match {
        let text = binding::text(value, &scope).map_err(|error| format!("its `condition`: {error}"))?;
        if outcome::meets(text.as_plain().unwrap_or_default().trim(), expected) {
            return Ok(false);
        }
    }
    Ok(true)
}
