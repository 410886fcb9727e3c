//! One chat: whom to ask, how often, how long, and for how much.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::StreamExt as _;
use futures::stream::{BoxStream, poll_fn};
use reqwest::Client;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::clock::Clock;
use super::exchange::{Exchange, Item};
use super::failure::{Again, Failed};
use super::gateway::Target;
use super::limits;
use super::port::{ChatAnswer, ChatEvent, ChatRequest, Finish};
use super::spending::{Charge, Cost};
use super::wire::Prepared;
use crate::call::{Call, ProgressEvent};
use crate::provider::{DraftError, ModelFailure};
use crate::usage::Exhausted;

/// One chat with one model and those it falls back to.
pub(super) struct Conversation {
    pub(super) candidates: Vec<Arc<Target>>,
    pub(super) request: ChatRequest,
    pub(super) call: Call,
    pub(super) http: Client,
    pub(super) clock: Clock,
}

/// The events of a chat, which goes on while they are asked for: no task runs behind the stream's back,
/// so dropping it drops the request and its connection.
pub(super) fn driven(conversation: Conversation) -> BoxStream<'static, Item> {
    let (tx, mut rx) = mpsc::channel(1);
    let mut work = Some(conversation.hold(tx).boxed());
    poll_fn(move |context| {
        if let Some(running) = &mut work
            && running.as_mut().poll(context).is_ready()
        {
            work = None;
        }
        rx.poll_recv(context)
    })
    .boxed()
}

/// Why there is no answer.
enum Stopped {
    Exhausted(Exhausted),
    Failed(ModelFailure),
}

/// What happened in a chat so far.
#[derive(Default)]
struct Course {
    cost: Cost,
    /// Something was passed on to the reader: what comes later must go on from there.
    seen: bool,
}

impl Conversation {
    async fn hold(self, out: mpsc::Sender<Item>) {
        let last = match self.answer(&out).await {
            Ok(answer) => Ok(ChatEvent::End(answer)),
            Err(error) => Err(error),
        };
        let _ = out.send(last).await;
    }

    /// Asks one model after the other.
    async fn answer(&self, out: &mpsc::Sender<Item>) -> Result<ChatAnswer, DraftError> {
        let mut course = Course::default();
        let mut candidates = self.candidates.iter().peekable();
        while let Some(target) = candidates.next() {
            let failure = match self.ask(target, out, &mut course).await {
                Ok(answer) => return Ok(answer),
                Err(Stopped::Exhausted(exhausted)) => return Err(exhausted.into()),
                Err(Stopped::Failed(failure)) => failure,
            };
            let Some(next) = candidates.peek().filter(|_| !course.seen) else {
                return Err(DraftError::Model { model: target.name.clone(), failure });
            };
            let message = format!("the model {} {failure}; asking {} instead", target.name, next.name);
            self.warn("model_fallback", message).await;
        }
        Err(DraftError::Unavailable { message: "no model is configured".to_owned() })
    }

    /// Asks one model, again where that makes sense.
    async fn ask(&self, target: &Target, out: &mpsc::Sender<Item>, course: &mut Course) -> Result<ChatAnswer, Stopped> {
        let prepared = target.wire.prepare(target, &self.request).map_err(|failed| Stopped::Failed(failed.failure))?;
        let deadline = Instant::now() + Duration::from_millis(target.timeout_ms);
        let retries_max = self.call.retries_max.min(limits::RETRIES_MAX);
        let mut retries = 0;
        loop {
            self.call.meter.admit().map_err(Stopped::Exhausted)?;
            let mut charge = Charge::new(self.call.meter.clone(), target.price, &prepared.body);
            let exchange = Exchange { http: &self.http, clock: &self.clock, target, prepared: &prepared, out };
            let ended = timeout_at(deadline, exchange.run(&mut charge, &mut course.seen)).await;
            course.cost.add(charge.cost());
            let failed = match ended {
                Ok(Ok(())) => return Ok(self.conclude(target, &prepared, &mut charge, course.cost).await),
                Ok(Err(failed)) => failed,
                Err(_) => Failed::finally(ModelFailure::TimedOut { after_ms: target.timeout_ms }),
            };
            drop(charge);
            let wait = match failed.again {
                _ if course.seen || retries == retries_max => None,
                Again::No => None,
                Again::Yes => Some(self.backoff(retries)),
                Again::After(wait) => Some(wait),
            };
            let Some(wait) = wait.filter(|wait| Instant::now() + *wait < deadline) else {
                return Err(Stopped::Failed(failed.failure));
            };
            retries += 1;
            let message = format!(
                "the model {} {}; asking again in {:.1} s ({retries} of {retries_max})",
                target.name,
                failed.failure,
                wait.as_secs_f64()
            );
            self.warn("model_retry", message).await;
            (self.clock.sleep)(wait).await;
        }
    }

    async fn conclude(&self, target: &Target, prepared: &Prepared, charge: &mut Charge, cost: Cost) -> ChatAnswer {
        let gathering = &mut charge.gathering;
        let finish = gathering.finish.unwrap_or(Finish::Stop);
        // The cost is taken from what was gathered, so that stays until the charge is made.
        let mut text = gathering.text.clone();
        if finish == Finish::Declined && text.is_empty() {
            text.clone_from(&gathering.refusal);
            if text.is_empty() {
                "the model declined to answer".clone_into(&mut text);
            }
        }
        let calls = gathering.calls(prepared.calls);
        if cost.estimated {
            let message = format!("not every token was counted by {}; some are estimated", target.name);
            self.warn("usage_estimated", message).await;
        }
        ChatAnswer {
            text,
            calls,
            finish,
            usage: cost.usage,
            usage_estimated: cost.estimated,
            model: target.name.clone(),
        }
    }

    /// A wait that doubles with every retry, spread so that many callers don't come back at once.
    fn backoff(&self, retries: u32) -> Duration {
        let longest = limits::BACKOFF_FIRST.saturating_mul(1 << retries.min(16)).min(limits::BACKOFF_MAX);
        longest.mul_f64(0.5 + self.clock.fraction() / 2.0)
    }

    async fn warn(&self, code: &'static str, message: String) {
        self.call.progress.tell(ProgressEvent::Warning { code, message }).await;
    }
}
