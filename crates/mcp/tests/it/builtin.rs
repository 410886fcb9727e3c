//! The server that Partita brings, as others see it.

use std::sync::Arc;

use partita_core::tool::Catalogue;
use partita_core::workflow::document::Effects;
use partita_core::workflow::parse;
use partita_mcp::{CallFollow, Pool, PoolOptions, ServerConfig, Tools, Transport};
use serde_json::json;

use crate::support::{call, pool, raw, status, stdio};

fn alone() -> Pool {
    Pool::start(PoolOptions::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn its_validators_are_known_at_once_and_speak_the_protocol() {
    let pool = alone();
    let names: Vec<String> = pool.tools().iter().map(|tool| tool.full_name()).collect();
    assert_eq!(names, ["partita/kubernetes-validator", "partita/prometheus-validator"]);
    assert!(pool.tools().iter().all(|tool| tool.effects == Effects::Read));
    let bad = json!({"document": "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a, namespace: b}\n"});
    let result = call(&pool, "partita", "kubernetes-validator", bad).await.unwrap();
    let report = result.structured.unwrap();
    assert_eq!((&report["valid"], &report["issues"][0]["code"]), (&json!(false), &json!("k8s_api_removed")));
    assert_eq!(status(&pool, "partita").protocol, "2026-07-28");
    let neither = call(&pool, "partita", "kubernetes-validator", json!({})).await.unwrap();
    assert!(neither.is_error && neither.text.contains("either `workflow`"), "{neither:?}");
    pool.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_validated_by_the_names_that_requests_use() {
    let pool = alone();
    let text = "name: w\nsteps:\n- {name: a, command: kubectl delete namespace shop}\n- name: b\n  tool: file\n  parameters:\n    operation: write\n    path: r.yml\n    content: |\n      groups: [{name: g, rules: [{record: 'a:b', expr: 'sum('}]}]\n";
    let workflow = parse(text, None).workflow.unwrap();
    for (name, code, path) in [
        ("kubernetes-validator", "k8s_deletes_namespace", "/steps/0/command"),
        ("partita/prometheus-validator", "prom_expression", "/steps/1/parameters/content"),
    ] {
        let found = pool.validate(name, &workflow, &CallFollow::default()).await.unwrap();
        assert_eq!((found[0].code.as_str(), found[0].path.as_str()), (code, path), "{found:?}");
        assert!(found[0].help.is_some());
    }
    pool.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_has_the_tools_of_servers_and_why_others_are_absent() {
    let fixed = Arc::new(Catalogue::builtin());
    let pool = pool(ServerConfig { effects: [("fine".to_owned(), Effects::Read)].into(), ..raw("hostile") }).await;
    let tools = Tools::new(Arc::clone(&fixed), Some(pool.clone()));
    let catalogue = tools.current();
    assert_eq!(catalogue.get("raw/fine").map(|tool| tool.effects), Some(Effects::Read));
    assert_eq!(catalogue.get("raw/loud").map(|tool| tool.effects), Some(Effects::Unknown));
    assert_eq!(catalogue.iter().count(), fixed.iter().count() + 4);
    assert!(Arc::ptr_eq(&catalogue, &tools.current()), "nothing changed, so nothing is made anew");
    pool.shut_down().await;
    let absent = crate::support::pool(stdio("gone", "/no/such/program", &[])).await;
    let catalogue = Tools::new(fixed, Some(absent.clone())).current();
    let (server, reason) = catalogue.absent_server_of("gone/tool").unwrap();
    assert!(server == "gone" && reason.contains("can't be started"), "{reason}");
    absent.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_configurations_are_refused() {
    let http = |name: &str| {
        let transport = Transport::Http { url: "http://127.0.0.1:9".to_owned(), headers: [].into(), bearer: None };
        ServerConfig::new(name, transport)
    };
    for servers in [
        vec![http("a/b")],
        vec![http("partita")],
        vec![http("a"), http("a")],
        (0..33).map(|at| http(&format!("s{at}"))).collect(),
    ] {
        assert!(Pool::start(PoolOptions { servers, ..PoolOptions::default() }).is_err());
    }
}
