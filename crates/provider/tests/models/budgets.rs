//! What chats cost, and when no further one is begun.

use partita_provider::model::{ModelConfig, Price, Vendor};
use partita_provider::{Account, Call, DraftError, Meter, SpendingLimit, Usage};
use serde_json::json;

use crate::server::{Server, json as json_reply, stream};
use crate::shapes::{Answer, VENDORS, events, finish};
use crate::talk::{gateway, hear, model, question, talk};

fn hello(vendor: Vendor) -> String {
    events(vendor, &Answer { finish: Some(finish(vendor, "stop")), ..Answer::text(&["Hello"]) })
}

#[tokio::test]
async fn tokens_and_dollars_are_charged_as_the_vendor_counts() {
    for vendor in VENDORS {
        let server = Server::start(vec![stream(&hello(vendor))]).await;
        let price = Some(Price { input: 2.0, output: 10.0 });
        let config = ModelConfig { price, ..model("m", vendor, &server) };
        let call = Call::default();
        let answer = talk(vec![config], question(), call.clone()).await.ended.unwrap();
        let expected = Usage { calls: 1, input_tokens: 11, output_tokens: 5, cost_usd: 72e-6 };
        assert_eq!((answer.usage, call.meter.used()), (expected, expected));
    }
}

#[tokio::test]
async fn a_spent_budget_stops_before_the_next_request() {
    let vendor = Vendor::OpenAi;
    let server = Server::start(vec![stream(&hello(vendor)), stream(&hello(vendor))]).await;
    let (gateway, _) = gateway(vec![model("m", vendor, &server)]);
    let limit = SpendingLimit { tokens: Some(10), cost_usd: None };
    let account = Account::new("the session", limit, Usage::default());
    let call = Call { meter: Meter::new(vec![account]), ..Call::default() };
    let model = gateway.model("m").unwrap();
    hear(&*model, question(), &call).await.1.unwrap();
    let error = hear(&*model, question(), &call).await.1.unwrap_err();
    assert!(matches!(&error, DraftError::Exhausted(_)), "{error}");
    assert_eq!(error.to_string(), "the budget of the session is spent: 16 of 10 tokens");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_budget_is_asked_before_every_retry_and_no_fallback_gets_around_it() {
    let vendor = Vendor::OpenAi;
    // An empty answer costs what it costs, and would be tried again.
    let empty = events(vendor, &Answer { finish: Some("stop"), ..Answer::default() });
    let server = Server::start(vec![stream(&empty), stream(&hello(vendor))]).await;
    let mut one = model("one", vendor, &server);
    one.fallbacks = vec!["two".into()];
    let limit = SpendingLimit { tokens: Some(10), cost_usd: None };
    let account = Account::new("the key", limit, Usage::default());
    let call = Call { meter: Meter::new(vec![account]), ..Call::default() };
    let talk = talk(vec![one, model("two", vendor, &server)], question(), call).await;
    assert!(matches!(talk.ended, Err(DraftError::Exhausted(_))));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_failed_before_an_answer_came_is_in_its_usage() {
    let vendor = Vendor::OpenAi;
    let replies = vec![json_reply("500 Internal Server Error", &[], &json!({})), stream(&hello(vendor))];
    let server = Server::start(replies).await;
    let answer = talk(vec![model("m", vendor, &server)], question(), Call::default()).await.ended.unwrap();
    assert_eq!((answer.usage.calls, answer.usage.tokens(), answer.usage_estimated), (2, 16, false));
}

#[tokio::test]
async fn who_does_not_count_is_estimated_and_that_is_said() {
    let vendor = Vendor::OpenAiCompatible;
    let answer = Answer { finish: Some("stop"), uncounted: true, ..Answer::text(&["Hello, world"]) };
    let server = Server::start(vec![stream(&events(vendor, &answer))]).await;
    let talk = talk(vec![model("m", vendor, &server)], question(), Call::default()).await;
    let answer = talk.ended.unwrap();
    assert_eq!((answer.usage_estimated, answer.usage.output_tokens), (true, 3));
    let expected = "not every token was counted by m; some are estimated";
    assert_eq!(talk.warnings, [("usage_estimated".to_owned(), expected.to_owned())]);
}
