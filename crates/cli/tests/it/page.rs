//! The documented scenario from end to end: generate, refine, execute.

use serde_json::json;

use crate::bench::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn microservices_are_deployed_with_monitoring_and_logging() {
    let mut bench = Bench::new();
    bench.recording(&["kubectl", "helm"]);
    let server = bench.serve();
    let context = json!({"services": ["api", "web", "worker"], "environment": "production"});
    let task = json!({"task": "Deploy microservices with monitoring and logging", "context": context});
    let (status, generated) = server.post("/generate", &task).await;
    assert_eq!((status, &generated["validation"]["valid"]), (200, &json!(true)), "{generated}");
    assert_eq!(generated["metadata"]["model"], "builtin/planner");
    let requirements = [
        "Add Prometheus monitoring for all services",
        "Include ELK stack for centralized logging",
        "Add health checks and readiness probes",
        "Include rollback strategy for failed deployments",
    ];
    let (status, refined) =
        server.post("/refine", &json!({"workflow": generated["workflow"], "requirements": requirements})).await;
    assert_eq!((status, &refined["unmet_requirements"]), (200, &json!([])), "{refined}");
    let met: Vec<&str> =
        refined["changes"].as_array().unwrap().iter().filter_map(|change| change["requirement"].as_str()).collect();
    assert_eq!(met, requirements);
    let execute = json!({
        "workflow": refined["workflow"], "options": {"stream": true},
        "parameters": {"image_tag": "v2.1.0", "replicas": 3, "monitoring_enabled": true},
    });
    let (status, stream) = server.post("/execute", &execute).await;
    let stream = stream.as_str().unwrap_or_default();
    assert_eq!(status, 200, "{stream}");
    assert!(stream.contains("event: execution_complete") && stream.contains("\"status\":\"success\""), "{stream}");
    let calls = bench.calls();
    for call in [
        "kubectl get namespace production",
        "kubectl set image deployment/api api=api:v2.1.0 -n production",
        "kubectl scale deployment/web --replicas=3 -n production",
        "kubectl rollout status deployment/worker -n production",
        "helm upgrade --install elasticsearch elastic/elasticsearch",
        "kubectl annotate service/api prometheus.io/scrape=true",
    ] {
        assert!(calls.contains(call), "{call}: {calls}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_programs_the_failure_is_clear() {
    let bench = Bench::new();
    let server = bench.serve();
    let workflow = json!({"name": "x", "steps": [{"name": "look", "tool": "helm", "parameters": {"command": "list"}}]});
    let (_, run) = server.post("/execute", &json!({"workflow": workflow})).await;
    assert_eq!(run["status"], "failed", "{run}");
    let error = run["steps"][0]["error"].as_str().unwrap_or_default();
    assert!(error.contains("`helm` is not installed"), "{error}");
}
