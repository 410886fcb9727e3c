//! Our own server of both eras, over a pipe and over HTTP.

use std::time::{Duration, Instant};

use partita_core::Severity;
use partita_core::workflow::parse;
use partita_mcp::{CallError, CallFollow, Pool, ServerConfig, ValidatorError};
use serde_json::json;
use tokio::sync::mpsc;

use crate::support::{Http, call, dual_stdio, eventually, is_alive, pool, status, to};

/// Runs a test over both transports.
async fn over_both<F: Future<Output = ()>>(adjust: impl Fn(ServerConfig) -> ServerConfig, test: impl Fn(Pool) -> F) {
    let http = Http::dual().await;
    for config in [dual_stdio(), http.config("dual")] {
        let pool = pool(adjust(config)).await;
        test(pool.clone()).await;
        pool.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_keep_their_types_and_tell_two_kinds_of_failure() {
    over_both(std::convert::identity, |pool| async move {
        assert_eq!(status(&pool, "dual").protocol, "2026-07-28", "{:?}", status(&pool, "dual"));
        let given = json!({"count": 3, "names": ["a", "b"], "deep": {"x": [1, null, true]}});
        let result = call(&pool, "dual", "typed", given.clone()).await.unwrap();
        assert_eq!(result.structured, Some(given.clone()));
        // Text that says a value of the wanted type becomes one; what a step printed is always text.
        let text = json!({"count": "3", "names": "[\"a\", \"b\"]", "deep": "{\"x\": [1, null, true]}"});
        assert_eq!(call(&pool, "dual", "typed", text).await.unwrap().structured, Some(given));
        let failed = call(&pool, "dual", "boom", json!({})).await.unwrap();
        assert!(failed.is_error && failed.text.contains("the bad thing happened"), "{failed:?}");
        let refused = call(&pool, "dual", "typed", json!({"count": "many"})).await.unwrap_err();
        assert!(matches!(refused, CallError::Arguments { .. }), "{refused}");
        let absent = call(&pool, "dual", "nothing", json!({})).await.unwrap_err().to_string();
        assert!(absent.contains("it has: ") && absent.contains("typed"), "{absent}");
        let absent = call(&pool, "other", "nothing", json!({})).await.unwrap_err().to_string();
        assert_eq!(absent, "there is no MCP server `other`; there are: dual, partita");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_resets_the_silence_and_not_the_whole_time() {
    let bounds = |config| ServerConfig { timeout: Duration::from_secs(2), ..config };
    over_both(bounds, |pool| async move {
        let (tx, mut rx) = mpsc::channel(64);
        let follow = CallFollow { progress: Some(tx), ..CallFollow::default() };
        let result = pool.call(to("dual", "slow", json!({"steps": 6, "pause": 0.6})), &follow).await.unwrap();
        assert_eq!(result.text, "done");
        let mut told = Vec::new();
        while let Ok(progress) = rx.try_recv() {
            told.push((progress.progress, progress.total, progress.message));
        }
        assert_eq!(told.len(), 6, "{told:?}");
        assert_eq!(told[5], (6.0, Some(6.0), Some("step 6".to_owned())));
    })
    .await;
    let bounds =
        |config| ServerConfig { timeout: Duration::from_secs(2), total_timeout: Duration::from_secs(2), ..config };
    over_both(bounds, |pool| async move {
        let error = call(&pool, "dual", "slow", json!({"steps": 100, "pause": 0.3})).await.unwrap_err();
        assert!(matches!(error, CallError::TooLong { .. }), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_silent_too_long_or_stopped_is_taken_back() {
    let bounds = |config| ServerConfig { timeout: Duration::from_secs(1), ..config };
    over_both(bounds, |pool| async move {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("silent").display().to_string();
        let error = call(&pool, "dual", "hang", json!({"mark": mark})).await.unwrap_err();
        assert!(matches!(error, CallError::Silent { .. }), "{error}");
        eventually("the server is told", || dir.path().join("silent.stopped").exists()).await;
    })
    .await;
    over_both(std::convert::identity, |pool| async move {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("stop").display().to_string();
        let follow = CallFollow::default();
        let stop = follow.stop.clone();
        let began = dir.path().join("stop.began");
        let calling = pool.call(to("dual", "hang", json!({"mark": mark})), &follow);
        let stopping = async {
            eventually("the call begins", || began.exists()).await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(calling, stopping);
        assert_eq!(ended.unwrap_err(), CallError::Stopped);
        eventually("the server is told", || dir.path().join("stop.stopped").exists()).await;
        // A caller that just goes away counts as well.
        let mark = dir.path().join("gone").display().to_string();
        let began = dir.path().join("gone.began");
        {
            let follow = CallFollow::default();
            let calling = pool.call(to("dual", "hang", json!({"mark": mark})), &follow);
            tokio::select! {
                ended = calling => panic!("{ended:?}"),
                () = eventually("the call begins", || began.exists()) => {}
            }
        }
        eventually("the server is told", || dir.path().join("gone.stopped").exists()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_lists_are_followed_over_a_pipe() {
    follow_a_change(dual_stdio()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_lists_are_followed_over_http() {
    follow_a_change(Http::dual().await.config("dual")).await;
}

async fn follow_a_change(config: ServerConfig) {
    let pool = pool(config).await;
    let has = |name: &str| pool.tools().iter().any(|tool| tool.full_name() == name);
    assert!(has("dual/grow") && !has("dual/grown"));
    let before = pool.version();
    let told = call(&pool, "dual", "grow", json!({})).await.unwrap();
    assert!(!told.is_error, "{told:?}");
    eventually("the new tool", || has("dual/grown")).await;
    assert_ne!(pool.version(), before);
    assert_eq!(call(&pool, "dual", "grown", json!({})).await.unwrap().text, "grown");
    pool.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_is_told_at_once_and_started_again() {
    let pool = pool(dual_stdio()).await;
    let who = call(&pool, "dual", "process", json!({})).await.unwrap().structured.unwrap();
    let pid = who["pid"].as_u64().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("kill").display().to_string();
    let began = dir.path().join("kill.began");
    let follow = CallFollow::default();
    let calling = pool.call(to("dual", "hang", json!({"mark": mark})), &follow);
    let killing = async {
        eventually("the call begins", || began.exists()).await;
        kill(pid);
        Instant::now()
    };
    let (ended, killed_at) = tokio::join!(calling, killing);
    let error = ended.unwrap_err();
    assert!(matches!(error, CallError::Gone { .. }), "{error}");
    assert!(killed_at.elapsed() < Duration::from_secs(20), "told only after {:?}", killed_at.elapsed());
    // Its tools stay known, and the next call waits for the new process.
    assert!(pool.tools().iter().any(|tool| tool.full_name() == "dual/typed"));
    let who = call(&pool, "dual", "process", json!({})).await.unwrap().structured.unwrap();
    assert_ne!(who["pid"].as_u64(), Some(pid));
    pool.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_over_http_that_goes_away_is_told_and_found_again() {
    let mut http = Http::dual().await;
    let pool = pool(http.config("dual")).await;
    assert!(call(&pool, "dual", "slow", json!({"steps": 1, "pause": 0.0})).await.is_ok());
    http.child.kill().await.unwrap();
    let error = call(&pool, "dual", "slow", json!({"steps": 1, "pause": 0.0})).await.unwrap_err();
    assert!(matches!(error, CallError::Gone { .. } | CallError::Unavailable { .. }), "{error}");
    eventually("the pool notices", || status(&pool, "dual").state == "failed").await;
    let error = call(&pool, "dual", "slow", json!({"steps": 1, "pause": 0.0})).await.unwrap_err();
    assert!(matches!(error, CallError::Unavailable { .. }), "{error}");
    pool.shut_down().await;
}

#[expect(clippy::disallowed_methods, reason = "ends the process that the test is about")]
fn kill(pid: u64) {
    assert!(std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_gets_its_own_environment_and_ends_with_its_group() {
    let pool = pool(dual_stdio()).await;
    let who = call(&pool, "dual", "process", json!({})).await.unwrap().structured.unwrap();
    let names: Vec<&str> = who["env"].as_array().unwrap().iter().filter_map(serde_json::Value::as_str).collect();
    // Python adds its locale; nothing of ours, such as what cargo sets, is there.
    assert!(names.iter().all(|name| ["PATH", "LC_CTYPE"].contains(name)), "{names:?}");
    let (pid, child) = (who["pid"].as_u64().unwrap(), who["child"].as_u64().unwrap());
    assert!(is_alive(pid) && is_alive(child));
    pool.shut_down().await;
    assert!(!is_alive(pid));
    eventually("the end of the grandchild", || !is_alive(child)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_tool_can_be_a_validator() {
    let pool = pool(dual_stdio()).await;
    let text = "name: w\nfiles: {p.yaml: 'kind: Pod'}\nsteps: [{name: a, command: 'true'}]\n";
    let workflow = parse(text, None).workflow.unwrap();
    let follow = CallFollow::default();
    let found = pool.validate("dual/check_manifest", &workflow, &follow).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].code.as_str(), found[0].path.as_str()), ("no_labels", "/steps/0"));
    assert_eq!((found[0].severity, found[0].help.as_deref()), (Severity::Error, Some("add some")));
    // By its own name, when no other server has one.
    let said = pool.validate("check_text", &workflow, &follow).await.unwrap();
    assert_eq!(said[0].severity, Severity::Info);
    assert!(said[0].message.starts_with("dual/check_text: looked at "), "{said:?}");
    let stern = pool.validate("check_sternly", &workflow, &follow).await.unwrap();
    assert!(stern[0].is_error() && stern[0].message.contains("w is not good enough"), "{stern:?}");
    let none = pool.validate("dual/boom", &workflow, &follow).await.unwrap_err();
    assert!(matches!(none, ValidatorError::NoValidator { .. }), "{none}");
    let unknown = pool.validate("yaml-validator", &workflow, &follow).await.unwrap_err().to_string();
    assert!(unknown.contains("kubernetes-validator") && unknown.contains("dual/check_text"), "{unknown}");
    pool.shut_down().await;
}
