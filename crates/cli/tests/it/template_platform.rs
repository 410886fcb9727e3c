//! Templates about Kubernetes and containers run: they succeed, fail and are taken back.

use serde_json::{Value, json};

use crate::bench::Bench;

/// A cluster in which nothing called `broken` ever comes up.
const KUBECTL: &str = r#"case "$*" in
  *'rollout status'*broken*) echo 'error: timed out waiting for the condition' >&2; exit 1 ;;
  *'rollout history'*missing*) echo 'Error from server (NotFound)' >&2; exit 1 ;;
  *'get pods'*missing*) echo 'Error from server (Forbidden)' >&2; exit 1 ;;
  *nowhere*selector.slot*) echo red ;;
  *selector.slot*) echo blue ;;
  *'{.data.'*) printf 'b2xk' ;;
  *jsonpath*) echo 2 ;;
  *patch-file*) cat >> "$HOME/patches"; echo >> "$HOME/patches" ;;
  *) echo "kubectl $*" ;;
esac"#;

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.stand_in("kubectl", KUBECTL);
    bench.stand_in(
        "helm",
        "case \"$*\" in list*former*) echo former ;; list*) ;; upgrade*bad-chart*) echo 'Error: chart not found' >&2; exit 1 ;; *) echo \"helm $*\" ;; esac",
    );
    bench.stand_in(
        "docker",
        "case \"$*\" in *'image prune'*1h*) echo 'permission denied' >&2; exit 1 ;; *) echo \"docker $*\" ;; esac",
    );
    bench.stand_in("trivy", "case \"$*\" in *bad*) echo 'CVE-2026-1: CRITICAL'; exit 1 ;; *) echo clean ;; esac");
    bench
}

fn status(run: &Value) -> &str {
    run["status"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_come_up_or_are_taken_back() {
    let bench = bench();
    let server = bench.serve();
    let table = [
        (
            "blue-green-deploy",
            json!({"app": "web", "image": "web:v2"}),
            "success",
            "patch service web -n default --type=merge -p {\"spec\":{\"selector\":{\"slot\":\"green\"}}}",
        ),
        (
            "blue-green-deploy",
            json!({"app": "broken", "image": "web:v2"}),
            "rolled_back",
            "rollout undo deployment/broken-green -n default",
        ),
        ("blue-green-deploy", json!({"app": "nowhere", "image": "web:v2"}), "rolled_back", "get service nowhere"),
        (
            "canary-deploy",
            json!({"app": "api", "image": "api:v2", "observe": "10ms"}),
            "success",
            "set image deployment/api *=api:v2 -n default",
        ),
        (
            "canary-deploy",
            json!({"app": "broken", "image": "api:v2", "observe": "10ms"}),
            "rolled_back",
            "scale deployment/broken-canary --replicas=0 -n default",
        ),
        (
            "helm-release",
            json!({"release": "web", "chart": "./chart", "version": "1.2.3"}),
            "success",
            "upgrade --install web ./chart --version=1.2.3 -n default",
        ),
        (
            "helm-release",
            json!({"release": "former", "chart": "./bad-chart"}),
            "rolled_back",
            "helm rollback --namespace default --wait -- former",
        ),
        (
            "helm-release",
            json!({"release": "fresh", "chart": "./bad-chart"}),
            "rolled_back",
            "helm uninstall --namespace default --ignore-not-found --wait -- fresh",
        ),
        ("kubernetes-rollback", json!({"app": "web"}), "success", "rollout undo deployment/web -n default"),
        ("kubernetes-rollback", json!({"app": "broken"}), "rolled_back", "rollout status deployment/broken"),
        ("docker-cleanup", json!({"volumes": true}), "success", "volume prune --force"),
        ("docker-cleanup", json!({"older_than": "1h"}), "failed", "image prune --all --force --filter until=1h"),
        (
            "image-scan",
            json!({"image": "web:v2"}),
            "success",
            "trivy image --quiet --exit-code 1 --severity HIGH,CRITICAL --ignore-unfixed -- web:v2",
        ),
        ("image-scan", json!({"image": "web:bad"}), "failed", "-- web:bad"),
    ];
    for (id, parameters, expected, call) in table {
        let run = server.run_template(id, &parameters).await;
        assert_eq!(status(&run), expected, "{id} {parameters}: {run:#}");
        assert!(bench.calls().contains(call), "{id}: {call}\n{}", bench.calls());
    }
    // What never came up was never let at the traffic.
    assert!(!bench.calls().contains("patch service broken"), "{}", bench.calls());
    assert!(!bench.calls().contains("set image deployment/broken *"), "{}", bench.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn triage_writes_down_what_it_finds_and_says_what_it_may_not_see() {
    let bench = bench();
    let server = bench.serve();
    let report = bench.file("triage.md");
    let run = server
        .run_template("incident-triage", &json!({"app": "web", "namespace": "shop", "report_path": report}))
        .await;
    assert_eq!(status(&run), "success", "{run:#}");
    let text = std::fs::read_to_string(&report).unwrap();
    for said in [
        "# web in shop",
        "kubectl describe deployment/web -n shop",
        "kubectl get events -n shop",
        "--previous --tail=200",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    std::fs::remove_file(&report).unwrap();
    let run = server
        .run_template("incident-triage", &json!({"app": "web", "namespace": "missing", "report_path": report}))
        .await;
    assert_eq!(status(&run), "failed", "{run:#}");
    assert!(run.to_string().contains("Forbidden") && !report.exists(), "{run:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_gets_a_new_value_that_nobody_sees_and_its_old_one_when_that_fails() {
    let mut bench = bench();
    bench.stand_in_unless_there("openssl", "case \"$1\" in rand) echo bmV3LXZhbHVl ;; *) cat ;; esac");
    let server = bench.serve();
    let patches = || std::fs::read_to_string(bench.file("patches")).unwrap_or_default();
    let run = server.run_template("secret-rotation", &json!({"secret": "db", "deployments": ["web", "api"]})).await;
    assert_eq!(status(&run), "success", "{run:#}");
    let first = patches();
    let value = first.split("\"password\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(value.len() > 8 && !run.to_string().contains(value), "{first}");
    assert!(bench.calls().contains("rollout restart deployment/api -n default"), "{}", bench.calls());
    let run = server.run_template("secret-rotation", &json!({"secret": "db", "deployments": ["broken"]})).await;
    assert_eq!(status(&run), "rolled_back", "{run:#}");
    assert!(patches().trim_end().ends_with("{\"data\":{\"password\":\"b2xk\"}}"), "{}", patches());
    // The old value stays nowhere.
    for run in std::fs::read_dir(bench.file("data/runs")).unwrap() {
        assert!(!run.unwrap().path().join("former-value").exists());
    }
}
