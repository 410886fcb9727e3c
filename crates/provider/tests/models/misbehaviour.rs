//! The table: what a caller gets for everything that a vendor can do wrong.

use std::fmt::Write as _;

use expect_test::expect_file;
use partita_provider::Call;
use partita_provider::model::{ModelConfig, Vendor};
use serde_json::{Value, json};

use crate::server::{Act, Reply, Server, chunk, json as json_reply, stream, stream_end, stream_head, whole};
use crate::shapes::{Answer, VENDORS, events, finish, label};
use crate::talk::{gateway, model, question, talk_to};

fn fine(vendor: Vendor) -> Answer {
    Answer { finish: Some(finish(vendor, "stop")), ..Answer::text(&["Hel", "lo"]) }
}

fn ended(vendor: Vendor, why: &str) -> Answer {
    Answer { finish: Some(finish(vendor, why)), ..Answer::text(&["Hel", "lo"]) }
}

/// An error in the words of a vendor.
fn error(vendor: Vendor, kind: &str, message: &str) -> Value {
    match vendor {
        Vendor::Anthropic => json!({ "type": "error", "error": { "type": kind, "message": message } }),
        Vendor::Gemini if kind == "overloaded_error" => {
            json!({ "error": { "code": 503, "message": message, "status": "UNAVAILABLE" } })
        }
        Vendor::Gemini => json!({ "error": { "code": 400, "message": message, "status": kind } }),
        _ => json!({ "error": { "message": message, "type": kind, "code": kind } }),
    }
}

/// The first bytes of a stream, and what follows them.
fn broken(vendor: Vendor, follows: Vec<Act>) -> Reply {
    let start = events(vendor, &Answer::text(&["Hel"]));
    let mut reply = vec![stream_head(), chunk(start.as_bytes())];
    reply.extend(follows);
    reply
}

fn cut_utf8(vendor: Vendor) -> Reply {
    let answer = Answer { finish: Some(finish(vendor, "stop")), ..Answer::text(&["Grüße 🎵"]) };
    let text = events(vendor, &answer);
    let mut reply = vec![stream_head()];
    reply.extend(text.as_bytes().chunks(1).map(chunk));
    reply.push(stream_end());
    reply
}

fn ten_megabytes(vendor: Vendor) -> Reply {
    let piece: &'static str = (0..12_000).map(|number| format!("{number} ")).collect::<String>().leak();
    let answer = Answer { finish: Some(finish(vendor, "stop")), ..Answer::text(&[piece; 160]) };
    stream(&events(vendor, &answer))
}

fn refusal(vendor: Vendor) -> Reply {
    match vendor {
        Vendor::Anthropic => stream(&events(vendor, &Answer { finish: Some("refusal"), ..Answer::default() })),
        Vendor::Gemini => stream(
            "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{\"promptTokenCount\":11}}\n\n",
        ),
        _ => stream(concat!(
            "data: {\"choices\":[{\"delta\":{\"refusal\":\"I can't help with that.\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":5}}\n\n",
            "data: [DONE]\n\n",
        )),
    }
}

/// A whole answer from a server that does not stream.
fn unstreamed(vendor: Vendor) -> Reply {
    let body = match vendor {
        Vendor::Anthropic => json!({ "type": "message", "content": [{ "type": "text", "text": "Hello" }],
            "stop_reason": "end_turn", "usage": { "input_tokens": 11, "output_tokens": 5 } }),
        Vendor::Gemini => {
            json!({ "candidates": [{ "content": { "parts": [{ "text": "Hello" }] }, "finishReason": "STOP" }],
            "usageMetadata": { "promptTokenCount": 11, "candidatesTokenCount": 5 } })
        }
        _ => json!({ "choices": [{ "message": { "content": "Hello" }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 11, "completion_tokens": 5 } }),
    };
    json_reply("200 OK", &[], &body)
}

type Case = (&'static str, fn(Vendor) -> Vec<Reply>);

const OVERLOADED: &str = "Overloaded, sk-very-secret";
const HTML: &str = "<!DOCTYPE html><html><body>Log in to the network</body></html>";

const CASES: &[Case] = &[
    ("all is well", |v| vec![stream(&events(v, &fine(v)))]),
    ("not streamed", |v| vec![unstreamed(v)]),
    ("no count of tokens", |v| vec![stream(&events(v, &Answer { uncounted: true, ..fine(v) }))]),
    ("characters cut in two", |v| vec![cut_utf8(v)]),
    ("thoughts first", |v| vec![stream(&events(v, &Answer { thoughts: vec!["Hm", "m"], ..fine(v) }))]),
    ("two calls, arguments in pieces", |v| {
        let calls = vec![("look", vec!["{\"na", "me\":", "\"a\"}"]), ("wait", vec![])];
        vec![stream(&events(v, &Answer { calls, finish: Some(finish(v, "tools")), ..Answer::default() }))]
    }),
    ("a call cut at the limit", |v| {
        let calls = vec![("look", vec!["{\"na"])];
        vec![stream(&events(v, &Answer { calls, finish: Some(finish(v, "length")), ..Answer::default() }))]
    }),
    ("cut at the limit of tokens", |v| vec![stream(&events(v, &ended(v, "length")))]),
    ("stopped by a filter", |v| vec![stream(&events(v, &ended(v, "filter")))]),
    ("refusal", |v| vec![refusal(v)]),
    ("empty answer, twice", |v| {
        let empty = stream(&events(v, &Answer { finish: Some(finish(v, "stop")), ..Answer::default() }));
        vec![empty.clone(), empty]
    }),
    ("empty answer, then fine", |v| {
        let empty = stream(&events(v, &Answer { finish: Some(finish(v, "stop")), ..Answer::default() }));
        vec![empty, stream(&events(v, &fine(v)))]
    }),
    ("401", |v| vec![json_reply("401 Unauthorized", &[], &error(v, "authentication_error", "bad key sk-very-secret"))]),
    ("403", |v| vec![json_reply("403 Forbidden", &[], &error(v, "permission_error", "not for you"))]),
    ("400", |v| vec![json_reply("400 Bad Request", &[], &error(v, "invalid", "unknown field sk-very-secret"))]),
    ("404", |v| vec![json_reply("404 Not Found", &[], &error(v, "not_found_error", "no such model"))]),
    ("context overflow", |v| {
        let message = "This model's maximum context length is 8192 tokens";
        vec![json_reply("400 Bad Request", &[], &error(v, "context_length_exceeded", message))]
    }),
    ("413", |_| vec![whole("413 Payload Too Large", &[], "too much")]),
    ("429, then fine", |v| {
        let limited =
            json_reply("429 Too Many Requests", &[("retry-after", "3")], &error(v, "rate_limit_error", "slow"));
        vec![limited, stream(&events(v, &fine(v)))]
    }),
    ("429 until a date, then fine", |v| {
        let date = [("retry-after", "Sun, 06 Nov 1994 08:49:42 GMT")];
        vec![json_reply("429 Too Many Requests", &date, &json!({})), stream(&events(v, &fine(v)))]
    }),
    ("429 for an hour", |v| {
        vec![json_reply("429 Too Many Requests", &[("retry-after", "3600")], &error(v, "rate_limit_error", "slow"))]
    }),
    ("500, then fine", |v| {
        vec![json_reply("500 Internal Server Error", &[], &json!({})), stream(&events(v, &fine(v)))]
    }),
    ("503, twice", |v| {
        let page = whole("503 Service Unavailable", &[("content-type", "text/html")], HTML);
        let _ = v;
        vec![page.clone(), page]
    }),
    ("overloaded before the first word, then fine", |v| {
        let data = error(v, "overloaded_error", OVERLOADED);
        let early = if v == Vendor::Anthropic {
            format!("event: error\ndata: {data}\n\n")
        } else {
            format!("data: {data}\n\n")
        };
        vec![stream(&early), stream(&events(v, &fine(v)))]
    }),
    ("overloaded in the middle", |v| {
        let data = error(v, "overloaded_error", OVERLOADED);
        let late = if v == Vendor::Anthropic {
            format!("event: error\ndata: {data}\n\n")
        } else {
            format!("data: {data}\n\n")
        };
        vec![broken(v, vec![chunk(late.as_bytes()), stream_end()])]
    }),
    ("connection closed at once, then fine", |v| vec![vec![], stream(&events(v, &fine(v)))]),
    ("connection cut before the first word, then fine", |v| vec![vec![stream_head()], stream(&events(v, &fine(v)))]),
    ("connection cut in the middle", |v| vec![broken(v, vec![])]),
    ("ends politely in the middle", |v| vec![broken(v, vec![stream_end()])]),
    ("silent from the start, twice", |_| vec![vec![Act::Hang], vec![Act::Hang]]),
    ("silent after the head, then fine", |v| vec![vec![stream_head(), Act::Hang], stream(&events(v, &fine(v)))]),
    ("silent in the middle", |v| vec![broken(v, vec![Act::Hang])]),
    ("an event that is no JSON", |_| vec![stream("data: {\"choices\": oops}\n\n")]),
    ("JSON of another protocol", |_| vec![stream("data: {\"hello\":1}\n\n")]),
    ("no events at all", |_| vec![stream(": nothing\n\n")]),
    ("bytes that are no text", |_| vec![vec![stream_head(), chunk(b"data: \xff\xfe\n\n"), stream_end()]]),
    ("an HTML page that says OK", |_| vec![whole("200 OK", &[("content-type", "text/html; charset=utf-8")], HTML)]),
    ("events under a wrong name", |v| vec![whole("200 OK", &[("content-type", "text/plain")], &events(v, &fine(v)))]),
    ("an error that says OK", |v| vec![json_reply("200 OK", &[], &error(v, "invalid_request_error", "no such thing"))]),
    ("a redirect", |_| vec![whole("307 Temporary Redirect", &[("location", "http://127.0.0.1:1/")], "")]),
    ("10 MB of text", |v| vec![ten_megabytes(v)]),
    ("an endless line", |_| vec![vec![stream_head(), Act::Endless(chunk_bytes())]]),
    ("an endless error", |_| {
        let head = "HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\n\r\n";
        vec![vec![Act::Send(head.as_bytes().to_vec()), Act::Endless(chunk_bytes())]]
    }),
    ("4 billion calls", |v| {
        let call = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":4000000000,\"function\":{\"name\":\"a\"}}]},\"finish_reason\":\"stop\"}]}\n\n";
        vec![stream(if v == Vendor::OpenAi { call } else { "data: {}\n\n" })]
    }),
];

fn chunk_bytes() -> Vec<u8> {
    let Act::Send(bytes) = chunk(&[b'x'; 65_536]) else { unreachable!() };
    bytes
}

#[tokio::test]
async fn for_everything_that_a_vendor_does_wrong_the_caller_gets_a_clear_answer() {
    let (mut servers, mut models) = (Vec::new(), Vec::new());
    for (name, replies) in CASES {
        for vendor in VENDORS {
            let server = Server::start(replies(vendor)).await;
            let label = format!("{name} ({})", label(vendor));
            models.push(ModelConfig { first_byte_ms: 400, idle_ms: 400, ..model(&label, vendor, &server) });
            servers.push(server);
        }
    }
    // One gateway for all: making its client is what takes time.
    let (gateway, waits) = gateway(models);
    let mut table = String::new();
    for ((name, vendor), server) in
        CASES.iter().flat_map(|(name, _)| VENDORS.map(|vendor| (name, vendor))).zip(&servers)
    {
        if vendor == VENDORS[0] {
            let _ = writeln!(table, "{name}");
        }
        let asked = format!("{name} ({})", label(vendor));
        let call = Call { retries_max: 1, ..Call::default() };
        let talk = talk_to(&*gateway.model(&asked).unwrap(), &waits, question(), call.clone()).await;
        let (used, requests) = (call.meter.used(), server.requests().len());
        let summary = talk.summary().replace(&format!("the model {asked}"), "it");
        let line = format!("  {:9} {summary}; {requests} sent", label(vendor));
        assert_eq!(used.calls, requests as u64, "{name}: {line}");
        assert!(!format!("{line} {:?}", talk.warnings).contains("sk-very-secret"), "{name}: {line}");
        let _ = writeln!(table, "{line}, {}+{} tokens charged", used.input_tokens, rough(used.output_tokens));
    }
    expect_file!["../../testdata/wire/misbehaviour.txt"].assert_eq(&table);
}

/// A count; one of an answer that was cut depends on how the network cut it into pieces.
fn rough(tokens: u64) -> String {
    if tokens < 100_000 { tokens.to_string() } else { format!("some {} million", (tokens + 500_000) / 1_000_000) }
}
