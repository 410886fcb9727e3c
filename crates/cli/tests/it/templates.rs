//! Every template runs, with real programs where they are there and with recording ones where not.

use serde_json::json;

use crate::bench::Bench;

/// Programs that stand in for those that need a cluster, a registry, a database or root.
const STAND_INS: [(&str, &str); 7] = [
    ("kubectl", "case \"$*\" in *jsonpath*) echo 2 ;; *) echo \"kubectl $*\" ;; esac"),
    ("helm", "case \"$1\" in list) ;; *) cat > /dev/null 2>&1 < /dev/null; echo \"helm $*\" ;; esac"),
    ("docker", "echo \"docker $*\""),
    ("systemctl", "case \"$*\" in *is-active*) echo active ;; *) echo \"systemctl $*\" ;; esac"),
    ("journalctl", "echo \"journalctl $*\""),
    (
        "pg_dump",
        "for word; do case \"$word\" in --file=*) echo dump > \"${word#--file=}\" ;; esac; last=\"$before\"; before=\"$word\"; [ \"$last\" = -f ] && echo dump > \"$word\"; [ \"$last\" = --file ] && echo dump > \"$word\"; done; true",
    ),
    ("pg_restore", "echo 'TABLE DATA public users postgres'"),
];

#[tokio::test(flavor = "multi_thread")]
async fn they_run_to_success() {
    let mut bench = Bench::new();
    for (program, text) in STAND_INS {
        bench.stand_in(program, text);
    }
    bench.stand_in(
        "openssl",
        "case \"$1\" in s_client) echo CERT ;; *) cat > /dev/null; echo 'notAfter=Jan  1 00:00:00 2099 GMT' ;; esac",
    );
    let path = |name: &str| bench.file(name).display().to_string();
    std::fs::create_dir_all(bench.file("source/sub")).unwrap();
    std::fs::write(bench.file("source/sub/a.txt"), "hello").unwrap();
    let server = bench.serve();
    let table = [
        ("host-health-report", json!({"threshold": 1, "report_path": path("report.txt")})),
        ("directory-backup", json!({"source": path("source"), "destination": path("backups"), "keep": 2})),
        ("postgres-backup", json!({"database": "shop", "destination": path("dumps")})),
        (
            "kubernetes-deploy",
            json!({"app": "web", "image": "registry.example.com/web:v2", "namespace": "shop", "replicas": 3}),
        ),
        ("docker-build-push", json!({"image": "registry.example.com/web:v2", "directory": path("source")})),
        ("disk-and-log-cleanup", json!({"directory": path("source"), "days": 30})),
        ("certificate-expiry", json!({"host": "example.com"})),
        ("http-uptime-check", json!({"url": format!("{}/health", server.url), "contains": "healthy"})),
        ("service-restart", json!({"service": "web"})),
        ("monitoring-stack", json!({})),
        ("central-logging", json!({})),
    ];
    for (id, parameters) in table {
        let (_, made) = server.post(&format!("/templates/{id}/instantiate"), &json!({"parameters": parameters})).await;
        assert_eq!(made["validation"]["valid"], true, "{id}: {made}");
        let (_, run) = server.post("/execute", &json!({"workflow": made["workflow"]})).await;
        assert_eq!(run["status"], "success", "{id}: {run:#}");
    }
    assert!(std::fs::read_to_string(bench.file("report.txt")).unwrap().contains("% used"));
    assert_eq!(std::fs::read_dir(bench.file("backups")).unwrap().count(), 1);
    let calls = bench.calls();
    for call in [
        "kubectl set image deployment/web",
        "docker push registry.example.com/web:v2",
        " restart web",
        "helm upgrade --install",
    ] {
        assert!(calls.contains(call), "{call}: {calls}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_does_not_come_up_is_taken_back() {
    let mut bench = Bench::new();
    bench.stand_in("kubectl", "case \"$*\" in *'rollout status'*) echo 'error: timed out' >&2; exit 1 ;; *jsonpath*) echo 2 ;; *) echo \"kubectl $*\" ;; esac");
    let server = bench.serve();
    let parameters = json!({"app": "web", "image": "web:v2", "namespace": "shop"});
    let (_, made) = server.post("/templates/kubernetes-deploy/instantiate", &json!({"parameters": parameters})).await;
    let (_, run) = server.post("/execute", &json!({"workflow": made["workflow"]})).await;
    assert_eq!(run["status"], "rolled_back", "{run:#}");
    assert!(bench.calls().contains("kubectl rollout undo deployment/web -n shop"), "{}", bench.calls());
}
