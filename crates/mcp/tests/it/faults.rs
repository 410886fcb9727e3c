//! Servers that do everything wrong.

use std::time::{Duration, Instant};

use partita_mcp::{CallError, ServerConfig, limits};
use serde_json::json;

use crate::support::{call, pool, raw, status, stdio};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_none_is_told_within_its_time() {
    for how in ["garbage", "mute"] {
        let config = ServerConfig { connect_timeout: Duration::from_secs(2), ..raw(how) };
        let pool = pool(config).await;
        let stands = status(&pool, "raw");
        assert_eq!(stands.state, "failed", "{how}: {stands:?}");
        assert!(stands.reason.unwrap().contains("no handshake within 2 s"));
        let began = Instant::now();
        let error = call(&pool, "raw", "fine", json!({})).await.unwrap_err();
        assert!(matches!(error, CallError::Unavailable { .. }), "{error}");
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        pool.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_at_once_says_why() {
    let exits = pool(raw("exit")).await;
    let reason = status(&exits, "raw").reason.unwrap();
    assert!(reason.contains("no licence for this machine"), "{reason}");
    exits.shut_down().await;
    let absent = pool(stdio("raw", "/no/such/program", &[])).await;
    let error = call(&absent, "raw", "fine", json!({})).await.unwrap_err().to_string();
    assert!(error.contains("`/no/such/program` can't be started"), "{error}");
    let error = absent.validator("raw/lint").unwrap_err().to_string();
    assert!(error.contains("the MCP server `raw` is not there") && error.contains("can't be started"), "{error}");
    absent.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_and_descriptions_stay_outside() {
    let pool = pool(raw("hostile")).await;
    let stands = status(&pool, "raw");
    assert_eq!((stands.state, stands.protocol.as_str()), ("connected", "2025-06-18"));
    assert_eq!(stands.tools, ["fine", "loud"]);
    assert_eq!(stands.left_out.len(), 5, "{:?}", stands.left_out);
    let loud = pool.tools().into_iter().find(|tool| tool.name == "loud").unwrap();
    assert!(loud.description.chars().count() <= limits::DESCRIPTION_CHARS_MAX + 1);
    assert!(!loud.description.contains(['\u{1b}', '\u{202e}']));
    let result = call(&pool, "raw", "fine", json!({})).await.unwrap();
    assert_eq!(result.text, "a[31mb\n[image image/png, 3 bytes]");
    pool.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_100_mib_closes_the_connection_and_not_the_program() {
    let pool = pool(raw("huge")).await;
    let error = call(&pool, "raw", "fine", json!({})).await.unwrap_err().to_string();
    assert!(error.contains("more than 16 MiB"), "{error}");
    assert!(resident_mib() < 300, "{} MiB are resident", resident_mib());
    pool.shut_down().await;
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_is_cut_and_an_endless_list_ends() {
    let large = pool(raw("large")).await;
    let result = call(&large, "raw", "fine", json!({})).await.unwrap();
    assert!(result.is_cut && result.text.len() == limits::RESULT_BYTES_MAX);
    large.shut_down().await;
    let endless = pool(raw("endless")).await;
    assert_eq!(status(&endless, "raw").tools.len(), limits::PAGES_MAX);
    endless.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_a_call_is_gone_and_one_that_asks_is_refused() {
    let dies = pool(raw("dies")).await;
    for _ in 0..2 {
        let error = call(&dies, "raw", "fine", json!({})).await.unwrap_err();
        assert!(matches!(error, CallError::Gone { .. }), "{error}");
    }
    dies.shut_down().await;
    let asks = pool(raw("asks")).await;
    assert_eq!(call(&asks, "raw", "fine", json!({})).await.unwrap().text, "refused with -32601");
    asks.shut_down().await;
}
