//! When nothing is left to do: rollback if asked for, then the handlers, then the last record.

use serde_json::{Map, Value};

use super::record::{AttemptId, AttemptKind, Record, StopReason};
use super::state::{LaneState, Run};
use super::status::Verdict;
use crate::plan::OutputSource;
use crate::task::{TextPiece, parse_output};
use crate::time::Moment;
use crate::workflow::{binding, expression};

const EXIT: u32 = 3;

impl Run {
    /// The next records once the way forward is over; none when something outside has to happen first.
    pub(super) fn next_ending(&mut self, moment: Moment) -> Vec<Record> {
        if self.wants_rollback() {
            let Some(rollback) = &self.rollback else {
                return if self.paused { Vec::new() } else { self.begin_rollback() };
            };
            if rollback.verdict.is_none() {
                return self.next_backward(rollback, moment).into_iter().collect();
            }
        }
        if let Some(waiting) = self.next_handler(moment) {
            return waiting.into_iter().collect();
        }
        self.finish(moment)
    }

    /// `None`: all handlers are through. `Some(None)`: one is on its way.
    fn next_handler(&self, moment: Moment) -> Option<Option<Record>> {
        if self.abandoned {
            let stop = |id: &AttemptId| Record::AttemptStopping { id: *id, reason: StopReason::Cancel };
            return (!self.in_flight.is_empty()).then(|| self.wanted.first().map(stop));
        }
        for number in [self.status_handler(), EXIT] {
            let (Some(handler), Some(lane)) = (self.handler(number), self.handlers.get(number as usize)) else {
                continue;
            };
            let id =
                AttemptId { step: number, kind: AttemptKind::Handler, item: 0, iteration: 0, number: lane.number + 1 };
            match lane.state {
                LaneState::Ended => {}
                LaneState::Running | LaneState::Asking => return Some(None),
                LaneState::Delayed(until) if until > moment.now || self.paused => return Some(None),
                LaneState::Idle if !self.handler_applies(handler) => {}
                LaneState::Idle if self.paused => return Some(None),
                LaneState::Delayed(_) | LaneState::Idle => return Some(Some(self.start(id))),
            }
        }
        None
    }

    /// Whether a handler's own `if` lets it run; one that can't be evaluated does.
    fn handler_applies(&self, handler: &crate::plan::PlannedStep) -> bool {
        let holds = |condition: &String| expression::holds(condition, &self.scope(Some(handler), None, None));
        handler.condition.as_ref().is_none_or(|condition| holds(condition).unwrap_or(true))
    }

    /// The handler for how the steps ended.
    fn status_handler(&self) -> u32 {
        match self.forward_verdict() {
            Verdict::Success => 0,
            Verdict::Cancelled => 2,
            _ => 1,
        }
    }

    /// How the way forward ended.
    fn forward_verdict(&self) -> Verdict {
        if self.cancel.is_some() {
            Verdict::Cancelled
        } else if self.timed_out {
            Verdict::TimedOut
        } else if self.failure.is_some() {
            Verdict::Failed
        } else {
            Verdict::Success
        }
    }

    /// How the run will end, once the way forward is over.
    pub(super) fn fate(&self) -> Verdict {
        let rollback = self.rollback.as_ref().and_then(|rollback| rollback.verdict);
        rollback.unwrap_or_else(|| self.forward_verdict())
    }

    /// Why the run does not succeed.
    pub(super) fn run_error(&self) -> Option<String> {
        match self.forward_verdict() {
            Verdict::Success => None,
            Verdict::Failed => {
                let step = self.failure?;
                let error = self.steps.get(step as usize)?.result.as_deref()?.error.as_deref().unwrap_or("it failed");
                Some(format!("step `{}`: {error}", self.plan.steps[step as usize].name))
            }
            _ => Some(self.stop_text()),
        }
    }

    fn finish(&self, moment: Moment) -> Vec<Record> {
        let verdict = self.fate();
        let mut records = Vec::new();
        let (outputs, errors) = self.final_outputs();
        if !errors.is_empty() && verdict == Verdict::Success {
            let message = format!("some outputs have no value: {}", errors.join("; "));
            records.push(Record::Warning { code: "output_without_value".to_owned(), message, step: None });
        }
        let duration_ms = moment.now.saturating_sub(self.started_at.unwrap_or(moment.now));
        records.push(Record::Finished { verdict, duration_ms, outputs, error: self.run_error() });
        records
    }

    /// The declared outputs; without any, what the steps captured under a name.
    fn final_outputs(&self) -> (Map<String, Value>, Vec<String>) {
        let (mut outputs, mut errors) = (Map::new(), Vec::new());
        for (name, source) in &self.plan.outputs {
            let scope = self.scope(None, None, None);
            let value = match source {
                OutputSource::Template(template) => {
                    binding::text(template, &scope).map(|text| plain(&text)).map_err(|error| error.to_string())
                }
                OutputSource::Expression(source) => {
                    expression::evaluate(source, &scope).map_err(|error| error.to_string())
                }
            };
            match value {
                Ok(value) => drop(outputs.insert(name.clone(), value)),
                Err(error) => errors.push(format!("{name}: {error}")),
            }
        }
        if self.plan.outputs.is_empty() {
            for (planned, state) in self.plan.steps.iter().zip(&self.steps) {
                let output = state.result.as_deref().and_then(|end| end.output.as_deref());
                if let (Some(name), Some(output)) = (&planned.output, output) {
                    outputs.insert(name.clone(), parse_output(output));
                }
            }
        }
        (outputs, errors)
    }
}

/// The value of an output; secrets stay what they are.
fn plain(text: &crate::task::Text) -> Value {
    let shown = text.pieces.iter().map(|piece| match piece {
        TextPiece::Plain(text) => text.as_str(),
        TextPiece::Secret(_) => "***",
    });
    parse_output(&shown.collect::<String>())
}
