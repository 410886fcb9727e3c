//! Streams: piece by piece, at the reader's pace, and gone when nobody reads.

use futures::StreamExt;
use partita_provider::Call;
use partita_provider::model::{ChatEvent, ChatRequest, Finish, ModelConfig, Vendor};

use crate::server::{Act, Server, chunk, stream, stream_head};
use crate::shapes::{Answer, VENDORS, events, finish};
use crate::talk::{gateway, model, question, talk};

#[tokio::test]
async fn text_and_thoughts_come_as_they_are_written() {
    for vendor in VENDORS {
        let answer = Answer {
            thoughts: vec!["Let me", " see."],
            finish: Some(finish(vendor, "stop")),
            ..Answer::text(&["Hel", "lo", "\n"])
        };
        let server = Server::start(vec![stream(&events(vendor, &answer))]).await;
        let talk = talk(vec![model("m", vendor, &server)], question(), Call::default()).await;
        assert_eq!(talk.pieces, ["(Let me)", "( see.)", "Hel", "lo", "\n"]);
        assert_eq!(talk.ended.unwrap().text, "Hello\n");
    }
}

#[tokio::test]
async fn the_first_piece_comes_before_the_last_is_written() {
    for vendor in VENDORS {
        let start = events(vendor, &Answer::text(&["Hel"]));
        let server = Server::start(vec![vec![stream_head(), chunk(start.as_bytes()), Act::Hang]]).await;
        let (gateway, _) = gateway(vec![model("m", vendor, &server)]);
        let mut chat = gateway.model("m").unwrap().chat(question(), &Call::default());
        assert_eq!(chat.next().await.unwrap().unwrap(), ChatEvent::Text("Hel".into()));
    }
}

#[tokio::test]
async fn dropping_a_chat_closes_its_connection_and_what_was_written_is_charged() {
    for vendor in VENDORS {
        let start = events(vendor, &Answer::text(&["Hello, world"]));
        let mut server = Server::start(vec![vec![stream_head(), chunk(start.as_bytes()), Act::Hang]]).await;
        let (gateway, _) = gateway(vec![model("m", vendor, &server)]);
        let call = Call::default();
        let mut chat = gateway.model("m").unwrap().chat(question(), &call);
        chat.next().await.unwrap().unwrap();
        assert_eq!(call.meter.used().calls, 0);
        drop(chat);
        server.client_has_gone().await;
        let used = call.meter.used();
        assert_eq!((used.calls, used.output_tokens), (1, 3));
        assert!(used.input_tokens > 0);
    }
}

#[tokio::test]
async fn dropping_a_chat_before_its_first_piece_closes_its_connection_too() {
    let mut server = Server::start(vec![vec![Act::Hang]]).await;
    let (gateway, _) = gateway(vec![model("m", Vendor::OpenAi, &server)]);
    let mut chat = gateway.model("m").unwrap().chat(question(), &Call::default());
    while server.requests().is_empty() {
        assert!(futures::poll!(chat.next()).is_pending());
        tokio::task::yield_now().await;
    }
    drop(chat);
    server.client_has_gone().await;
}

#[tokio::test]
async fn an_endless_stream_is_left_at_the_limit() {
    // Numbers, so that it does not go in circles.
    let text = (0..4_000).map(|number| format!("{number} ")).collect::<String>().leak();
    let event = events(Vendor::OpenAi, &Answer::text(&[text]));
    let Act::Send(bytes) = chunk(event.as_bytes()) else { unreachable!() };
    let mut server = Server::start(vec![vec![stream_head(), Act::Endless(bytes)]]).await;
    let talk = talk(vec![model("m", Vendor::OpenAi, &server)], question(), Call::default()).await;
    let error = talk.ended.unwrap_err().to_string();
    assert_eq!(error, "the model m answered with nothing usable: an answer of more than 8 MiB");
    server.client_has_gone().await;
}

#[tokio::test]
async fn an_answer_that_goes_in_circles_is_left_and_counts_as_cut_off() {
    for vendor in VENDORS {
        let circle = events(vendor, &Answer::text(&[r#"{"name": "again"}, "#]));
        let Act::Send(bytes) = chunk(circle.as_bytes()) else { unreachable!() };
        let mut server = Server::start(vec![vec![stream_head(), Act::Endless(bytes)]]).await;
        let talk = talk(vec![model("m", vendor, &server)], question(), Call::default()).await;
        let answer = talk.ended.unwrap();
        assert_eq!(answer.finish, Finish::Length);
        assert!(answer.usage_estimated && answer.text.len() < 100_000, "{}", answer.text.len());
        server.client_has_gone().await;
    }
}

#[tokio::test]
async fn nothing_is_sent_before_somebody_reads() {
    let server = Server::start(vec![]).await;
    let (gateway, _) = gateway(vec![model("m", Vendor::OpenAi, &server)]);
    let chat = gateway.model("m").unwrap().chat(ChatRequest::default(), &Call::default());
    tokio::task::yield_now().await;
    drop(chat);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_answer_whose_formal_end_is_missing_is_an_answer() {
    for vendor in VENDORS {
        let mut text = events(vendor, &Answer { finish: Some(finish(vendor, "stop")), ..Answer::text(&["Hello"]) });
        text = text.replace("data: [DONE]\n\n", "");
        if let Some(at) = text.find("event: message_stop") {
            text.truncate(at);
        }
        let server = Server::start(vec![vec![stream_head(), chunk(text.as_bytes()), Act::Hang]]).await;
        let config = ModelConfig { idle_ms: 200, ..model("m", vendor, &server) };
        assert_eq!(talk(vec![config], question(), Call::default()).await.ended.unwrap().text, "Hello");
    }
}

#[tokio::test]
async fn calls_without_an_id_get_one_that_is_new_in_the_chat() {
    use partita_provider::model::{Message, ToolCall};
    let vendor = Vendor::Gemini;
    let calls = vec![("look", vec!["{}"])];
    let answer = Answer { calls, finish: Some("STOP"), ..Answer::default() };
    let server = Server::start(vec![stream(&events(vendor, &answer))]).await;
    let mut request = question();
    let earlier = ToolCall {
        id: "partita_call_0".into(),
        name: "look".into(),
        arguments: serde_json::json!({}),
        signature: None,
    };
    request.messages.push(Message::Assistant { text: String::new(), calls: vec![earlier] });
    request.messages.push(Message::ToolResult {
        call_id: "partita_call_0".into(),
        name: "look".into(),
        content: "1".into(),
    });
    let answer = talk(vec![model("m", vendor, &server)], request, Call::default()).await.ended.unwrap();
    assert_eq!((answer.calls[0].id.as_str(), answer.calls[0].signature.as_deref()), ("partita_call_1", Some("sig")));
}
