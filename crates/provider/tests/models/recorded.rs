//! Answers of a real llama.cpp server, recorded by `scripts/models.sh` and replayed byte by byte.

use std::fmt::Write as _;
use std::path::Path;

use expect_test::expect_file;
use partita_provider::Call;
use partita_provider::model::Vendor;

use crate::server::{Act, Reply, Server};
use crate::talk::{Talk, gateway, model, question, talk_to};

/// What was asked for when each was recorded.
const RECORDINGS: [&str; 7] = ["stream", "length", "schema", "bad-key", "overflow", "tool-call", "tool-result"];
/// How far apart the places are at which an answer is broken off; a prime, so that they fall everywhere
/// in lines and chunks.
const CUT_EVERY: usize = 397;

fn recording(name: &str) -> Vec<u8> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/wire/llama");
    std::fs::read(directory.join(format!("{name}.http"))).unwrap()
}

/// Asks a server once for each of its replies. One client serves all: making it is what takes time.
async fn replayed(replies: Vec<Reply>) -> Vec<Talk> {
    let count = replies.len();
    let server = Server::start(replies).await;
    let (gateway, waits) = gateway(vec![model("m", Vendor::OpenAiCompatible, &server)]);
    let model = gateway.model("m").unwrap();
    let mut talks = Vec::new();
    for _ in 0..count {
        talks.push(talk_to(&*model, &waits, question(), Call { retries_max: 0, ..Call::default() }).await);
    }
    talks
}

#[tokio::test]
async fn what_a_real_server_said_is_understood() {
    let replies = RECORDINGS.iter().map(|name| vec![Act::Send(recording(name))]).collect();
    let mut text = String::new();
    for (name, talk) in RECORDINGS.iter().zip(replayed(replies).await) {
        let _ = writeln!(text, "{name}: {} pieces, {}", talk.pieces.len(), talk.summary());
    }
    expect_file!["../../testdata/wire/llama/understood.txt"].assert_eq(&text);
}

#[tokio::test]
async fn where_the_network_cuts_a_real_answer_does_not_matter() {
    let names = ["length", "tool-call"];
    let cut = |bytes: &[u8], size: usize| bytes.chunks(size).map(|piece| Act::Send(piece.to_vec())).collect();
    let of = |name| [1, 7, 1000].map(|size| cut(&recording(name), size));
    let talks = replayed(names.into_iter().flat_map(of).collect()).await;
    for (name, talks) in names.into_iter().zip(talks.chunks(3)) {
        let told: Vec<_> = talks.iter().map(|talk| talk.ended.as_ref().unwrap()).collect();
        assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{name}");
    }
}

#[tokio::test]
async fn a_real_answer_that_breaks_off_anywhere_is_never_taken_for_whole() {
    let bytes = recording("schema");
    // The answer is at its end when the reason for that was said.
    let finished = bytes.windows(23).rposition(|window| window == b"\"finish_reason\":\"stop\",").unwrap();
    let cuts: Vec<usize> = (0..finished).step_by(CUT_EVERY).chain([finished]).collect();
    let replies = cuts.iter().map(|cut| vec![Act::Send(bytes[..*cut].to_vec())]).collect();
    for (cut, talk) in cuts.iter().zip(replayed(replies).await) {
        assert!(talk.ended.is_err(), "cut at {cut} of {}: {:?}", bytes.len(), talk.ended);
    }
}
