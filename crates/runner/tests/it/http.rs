//! Requests against a little server of our own.

use partita_core::task::{HttpTask, OutcomeResult, Task, TaskAction, Text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::bench::{Bench, task};

/// Answers every request with the same bytes; gives its address and what was asked.
async fn server(answer: String) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (asked, requests) = tokio::sync::mpsc::unbounded_channel();
    let answer = answer.replace("SELF", &address);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 64 * 1024];
            let count = stream.read(&mut buffer).await.unwrap_or(0);
            let _ = asked.send(String::from_utf8_lossy(&buffer[..count]).into_owned());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, requests)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn get(url: &str, change: impl FnOnce(&mut HttpTask)) -> Task {
    let mut request = HttpTask {
        method: "GET".to_owned(),
        url: Text::plain(url),
        headers: Vec::new(),
        body: None,
        expect_status: Vec::new(),
        redirect_hosts: Vec::new(),
        timeout_ms: Some(5_000),
    };
    change(&mut request);
    task(TaskAction::Http(request))
}

#[tokio::test]
async fn an_answer_is_the_output_and_its_status_the_exit_code() {
    let bench = Bench::new();
    let (address, mut requests) = server(answer("200 OK", "", "{\"state\": \"green\"}")).await;
    let carried = bench
        .run(get(&format!("{address}/state?q=1"), |request| {
            request.method = "POST".to_owned();
            request.headers.push(("x-token".to_owned(), Text::plain("abc")));
            request.body = Some(Text::plain("hello"));
        }))
        .await;
    assert!(carried.outcome.is_success(), "{carried:?}");
    assert_eq!((carried.output(), carried.outcome.exit_code), ("{\"state\": \"green\"}", Some(200)));
    let asked = requests.recv().await.unwrap();
    assert!(asked.starts_with("POST /state?q=1 HTTP/1.1\r\n") && asked.contains("x-token: abc"), "{asked}");
}

#[tokio::test]
async fn a_status_that_was_not_expected_fails() {
    let bench = Bench::new();
    let (address, _requests) = server(answer("404 Not Found", "", "no")).await;
    let carried = bench.run(get(&address, |_| {})).await;
    let OutcomeResult::Failed { error } = &carried.outcome.result else { panic!("{carried:?}") };
    assert_eq!(
        (error.as_str(), carried.outcome.exit_code),
        ("the answer is 404 Not Found, expected any 2xx", Some(404))
    );
    let carried = bench.run(get(&address, |request| request.expect_status = vec![404])).await;
    assert!(carried.outcome.is_success(), "{carried:?}");
}

#[tokio::test]
async fn redirects_to_other_hosts_need_leave() {
    let bench = Bench::new();
    let (goal, _goal_requests) = server(answer("200 OK", "", "goal")).await;
    let port = goal.rsplit(':').next().unwrap().to_owned();
    let location = format!("location: http://localhost:{port}/\r\n");
    let (address, _requests) = server(answer("302 Found", &location, "")).await;
    let carried = bench.run(get(&address, |_| {})).await;
    assert!(format!("{:?}", carried.outcome.result).contains("redirect_hosts"), "{carried:?}");
    let carried = bench.run(get(&address, |request| request.redirect_hosts = vec!["localhost".to_owned()])).await;
    assert_eq!(carried.output(), "goal", "{carried:?}");
    let (circle, _requests) = server(answer("302 Found", "location: SELF/again\r\n", "")).await;
    let carried = bench.run(get(&circle, |_| {})).await;
    assert!(format!("{:?}", carried.outcome.result).contains("more than 5 redirects"), "{carried:?}");
}

#[tokio::test]
async fn addresses_that_hand_out_credentials_are_refused() {
    let bench = Bench::new();
    for url in ["http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://2852039166/"] {
        let carried = bench.run(get(url, |_| {})).await;
        assert!(format!("{:?}", carried.outcome.result).contains("metadata"), "{url}: {carried:?}");
    }
    let (address, _requests) = server(answer("302 Found", "location: http://169.254.169.254/\r\n", "")).await;
    let carried = bench.run(get(&address, |request| request.redirect_hosts = vec!["169.254.169.254".to_owned()])).await;
    assert!(format!("{:?}", carried.outcome.result).contains("metadata"), "{carried:?}");
    let carried = Bench::with(|options| options.block_private = true).run(get(&address, |_| {})).await;
    assert!(format!("{:?}", carried.outcome.result).contains("private address"), "{carried:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    let bench = Bench::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let carried = bench.run(get(&url, |request| request.timeout_ms = Some(100))).await;
    assert!(matches!(carried.outcome.result, OutcomeResult::TimedOut { .. }), "{carried:?}");
    let carried = bench.run(get("ftp://x/", |_| {})).await;
    assert!(matches!(carried.outcome.result, OutcomeResult::NotStarted { .. }), "{carried:?}");
}
