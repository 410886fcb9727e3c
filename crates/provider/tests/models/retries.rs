//! Trying again, and asking another model.

use std::time::Duration;

use expect_test::expect;
use partita_provider::model::{ModelConfig, Vendor};
use partita_provider::{Call, DraftError, ModelFailure};
use serde_json::json;

use crate::server::{Act, Reply, Server, chunk, json as json_reply, stream, stream_head};
use crate::shapes::{Answer, events, finish};
use crate::talk::{model, question, talk};

fn hello(vendor: Vendor) -> Reply {
    stream(&events(vendor, &Answer { finish: Some(finish(vendor, "stop")), ..Answer::text(&["Hello"]) }))
}

fn overloaded() -> Reply {
    json_reply("503 Service Unavailable", &[], &json!({ "error": { "message": "overloaded" } }))
}

#[tokio::test]
async fn waits_double_and_the_reader_is_told() {
    let server = Server::start(vec![overloaded(), overloaded(), overloaded(), hello(Vendor::OpenAi)]).await;
    let talk = talk(vec![model("m", Vendor::OpenAi, &server)], question(), Call::default()).await;
    assert_eq!(talk.ended.unwrap().text, "Hello");
    assert_eq!(talk.waits, [500, 1000, 2000].map(Duration::from_millis));
    expect![[r#"
        [
            (
                "model_retry",
                "the model m answered with status 503: overloaded; asking again in 0.5 s (1 of 3)",
            ),
            (
                "model_retry",
                "the model m answered with status 503: overloaded; asking again in 1.0 s (2 of 3)",
            ),
            (
                "model_retry",
                "the model m answered with status 503: overloaded; asking again in 2.0 s (3 of 3)",
            ),
        ]
    "#]]
    .assert_debug_eq(&talk.warnings);
}

#[tokio::test]
async fn there_are_as_many_retries_as_the_caller_wants() {
    let server = Server::start(vec![overloaded(), hello(Vendor::OpenAi)]).await;
    let call = Call { retries_max: 0, ..Call::default() };
    let talk = talk(vec![model("m", Vendor::OpenAi, &server)], question(), call).await;
    assert!(matches!(talk.ended, Err(DraftError::Model { failure: ModelFailure::Status { status: 503, .. }, .. })));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_wait_that_ends_after_the_time_limit_is_not_begun() {
    let limited = json_reply("429 Too Many Requests", &[("retry-after", "50")], &json!({}));
    let server = Server::start(vec![limited]).await;
    let config = ModelConfig { timeout_ms: 20_000, ..model("m", Vendor::OpenAi, &server) };
    let talk = talk(vec![config], question(), Call::default()).await;
    let retry_after = Some(Duration::from_secs(50));
    let Err(DraftError::Model { failure, .. }) = talk.ended else { panic!("it failed") };
    assert_eq!((failure, talk.waits), (ModelFailure::RateLimited { retry_after }, vec![]));
}

#[tokio::test]
async fn a_model_that_fails_for_good_is_replaced_and_the_answer_says_by_whom() {
    let refused = json_reply("401 Unauthorized", &[], &json!({}));
    let (first, second) = (Server::start(vec![refused]).await, Server::start(vec![overloaded(), overloaded()]).await);
    let third = Server::start(vec![hello(Vendor::Anthropic)]).await;
    let mut one = model("one", Vendor::OpenAi, &first);
    one.fallbacks = vec!["two".into(), "three".into()];
    let models = vec![one, model("two", Vendor::Gemini, &second), model("three", Vendor::Anthropic, &third)];
    let talk = talk(models, question(), Call { retries_max: 1, ..Call::default() }).await;
    let answer = talk.ended.unwrap();
    assert_eq!((answer.model.as_str(), answer.text.as_str(), answer.usage.calls), ("three", "Hello", 4));
    let told: Vec<&str> = talk.warnings.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(told, ["model_fallback", "model_retry", "model_fallback"]);
    let expected = "the model two answered with status 503: overloaded; asking three instead";
    assert_eq!(talk.warnings[2].1, expected);
}

#[tokio::test]
async fn who_has_seen_a_piece_gets_no_other_answer() {
    let start = events(Vendor::OpenAi, &Answer::text(&["Hel"]));
    let first = Server::start(vec![vec![stream_head(), chunk(start.as_bytes())], hello(Vendor::OpenAi)]).await;
    let second = Server::start(vec![hello(Vendor::OpenAi)]).await;
    let mut one = model("one", Vendor::OpenAi, &first);
    one.fallbacks = vec!["two".into()];
    let talk = talk(vec![one, model("two", Vendor::OpenAi, &second)], question(), Call::default()).await;
    assert!(matches!(talk.ended, Err(DraftError::Model { failure: ModelFailure::BrokenOff, .. })));
    assert_eq!((talk.pieces, first.requests().len(), second.requests().len()), (vec!["Hel".to_owned()], 1, 0));
}

#[tokio::test]
async fn the_whole_chat_has_a_time_limit() {
    // Comments keep the connection busy, so that no silence is long enough.
    let drip = Act::Endless(b"7\r\n: busy\n\r\n".to_vec());
    let server = Server::start(vec![vec![stream_head(), drip]]).await;
    let config = ModelConfig { timeout_ms: 150, ..model("m", Vendor::OpenAi, &server) };
    let talk = talk(vec![config], question(), Call::default()).await;
    let Err(DraftError::Model { failure, .. }) = talk.ended else { panic!("it failed") };
    // Whichever limit comes first: the endless answer is cut either way.
    let cut = matches!(failure, ModelFailure::TimedOut { after_ms: 150 } | ModelFailure::Unusable { .. });
    assert!(cut, "{failure}");
}

#[tokio::test]
async fn a_model_that_nobody_listens_for_is_unreachable() {
    let server = Server::start(vec![]).await;
    let mut config = model("m", Vendor::OpenAi, &server);
    // A port that was free a moment ago, and on which nobody listens now.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    config.url = Some(format!("http://127.0.0.1:{port}/v1"));
    let call = Call { retries_max: 1, ..Call::default() };
    let talk = talk(vec![config], question(), call.clone()).await;
    assert!(matches!(talk.ended, Err(DraftError::Model { failure: ModelFailure::Unreachable { .. }, .. })));
    assert_eq!((talk.waits.len(), call.meter.used().tokens(), call.meter.used().calls), (1, 0, 2));
}
