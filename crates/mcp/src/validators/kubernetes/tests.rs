//! Each rule with something good and something bad.

use serde_json::{Value, json};

use super::*;

fn codes(findings: &[Diagnostic]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

fn of_text(text: &str) -> Vec<Diagnostic> {
    check(Subject::Text(text))
}

fn of_commands(steps: Value) -> Vec<Diagnostic> {
    check(Subject::Workflow(&json!({"name": "w", "steps": steps})))
}

const GOOD: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1.29.3
        ports: [{name: http, containerPort: 80}]
        resources:
          requests: {cpu: 100m, memory: 64Mi}
          limits: {memory: 128Mi}
        readinessProbe: {httpGet: {path: /, port: http}}
        livenessProbe: {httpGet: {path: /, port: 80}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules:
  - host: shop.example
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: tidy, namespace: shop}
spec:
  schedule: 0 3 * * *
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - name: tidy
            image: busybox:1.37
            resources: {requests: {cpu: 10m, memory: 8Mi}, limits: {memory: 16Mi}}
";

#[test]
fn good_manifests_have_no_finding() {
    assert_eq!(of_text(GOOD), []);
}

/// What is there, what takes its place, and the code that it must bring.
const FAULTS: &[(&str, &str, &str)] = &[
    ("apiVersion: apps/v1\n", "apiVersion: extensions/v1beta1\n", "k8s_api_removed"),
    ("apiVersion: policy/v1\n", "apiVersion: policy/v1beta1\n", "k8s_api_removed"),
    ("apiVersion: batch/v1\n", "apiVersion: batch/v1beta1\n", "k8s_api_removed"),
    ("apiVersion: apps/v1\n", "apiVersion: v1\n", "k8s_api_mismatch"),
    ("apiVersion: apps/v1\n", "", "k8s_no_api_version"),
    ("kind: Deployment\n", "", "k8s_no_kind"),
    (
        "metadata: {name: web, namespace: shop}\nspec:\n  replicas",
        "metadata: {namespace: shop}\nspec:\n  replicas",
        "k8s_no_name",
    ),
    (
        "metadata: {name: web, namespace: shop}\nspec:\n  replicas",
        "metadata: {name: Web_1, namespace: shop}\nspec:\n  replicas",
        "k8s_invalid_name",
    ),
    (
        "metadata: {name: web, namespace: shop}\nspec:\n  replicas",
        "metadata: {name: web}\nspec:\n  replicas",
        "k8s_no_namespace",
    ),
    (
        "metadata: {name: web, namespace: shop}\nspec:\n  replicas",
        "metadata: {name: web, namespace: default}\nspec:\n  replicas",
        "k8s_default_namespace",
    ),
    ("kind: Service\n", "kind: Namespace\n", "k8s_not_namespaced"),
    ("  selector: {matchLabels: {app: web}}\n  template", "  template", "k8s_no_selector"),
    ("labels: {app: web}", "labels: {app: wep}", "k8s_selector_mismatch"),
    ("replicas: 2", "replicas: -1", "k8s_invalid_replicas"),
    ("replicas: 2", "replicas: \"2\"", "k8s_invalid_replicas"),
    ("replicas: 2", "replicas: 0", "k8s_no_replicas"),
    ("replicas: 2", "replicas: 1", "k8s_single_replica"),
    ("replicas: 2", "replicas: 2\n  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}", "k8s_stuck_rollout"),
    ("replicas: 2", "replicas: 2\n  strategy: {rollingUpdate: {maxUnavailable: 100%}}", "k8s_rollout_outage"),
    ("schedule: 0 3 * * *", "schedule: at three", "k8s_invalid_schedule"),
    ("  ports: [{port: 80, targetPort: http}]\n", "", "k8s_service_no_ports"),
    ("port: 80, targetPort", "port: 800000, targetPort", "k8s_invalid_port"),
    (
        "[{port: 80, targetPort: http}]",
        "[{port: 80, targetPort: http}, {port: 81, targetPort: http}]",
        "k8s_port_without_name",
    ),
    (
        "  ports: [{port: 80, targetPort",
        "  type: LoadBalancer\n  ports: [{port: 80, targetPort",
        "k8s_open_load_balancer",
    ),
    (" pathType: Prefix,", "", "k8s_no_path_type"),
    (
        "backend: {service: {name: web, port: {number: 80}}}",
        "backend: {serviceName: web, servicePort: 80}",
        "k8s_old_backend",
    ),
    ("      - name: web\n        image: nginx:1.29.3", "      - image: nginx:1.29.3", "k8s_container_no_name"),
    ("        image: nginx:1.29.3\n", "", "k8s_no_image"),
    ("nginx:1.29.3", "nginx", "k8s_image_tag"),
    ("nginx:1.29.3", "registry:5000/nginx:latest", "k8s_image_tag"),
    ("cpu: 100m", "cpu: lots", "k8s_invalid_quantity"),
    ("memory: 64Mi", "memory: 640Mi", "k8s_request_over_limit"),
    ("          requests: {cpu: 100m, memory: 64Mi}\n", "", "k8s_no_requests"),
    ("          limits: {memory: 128Mi}\n", "", "k8s_no_limits"),
    ("        ports: [{name", "        securityContext: {privileged: true}\n        ports: [{name", "k8s_privileged"),
    (
        "    spec:\n      containers:\n      - name: web",
        "    spec:\n      hostNetwork: true\n      containers:\n      - name: web",
        "k8s_host_access",
    ),
    ("        readinessProbe: {httpGet: {path: /, port: http}}\n", "", "k8s_no_readiness_probe"),
    ("        livenessProbe: {httpGet: {path: /, port: 80}}\n", "", "k8s_no_liveness_probe"),
    ("readinessProbe: {httpGet: {path: /, port: http}}", "readinessProbe: {periodSeconds: 3}", "k8s_invalid_probe"),
    (
        "readinessProbe: {httpGet: {path: /, port: http}}",
        "readinessProbe: {httpGet: {path: /, port: web}}",
        "k8s_unknown_port",
    ),
    ("livenessProbe: {httpGet: {path: /, port: 80}}", "livenessProbe: {tcpSocket: {port: 81}}", "k8s_unknown_port"),
    ("          restartPolicy: Never\n", "", "k8s_restart_policy"),
    (
        "    spec:\n      containers:\n      - name: web",
        "    spec:\n      restartPolicy: Never\n      containers:\n      - name: web",
        "k8s_restart_policy",
    ),
    ("  selector: {app: web}\n  ports", "  selector: {app: shop}\n  ports", "k8s_service_no_pods"),
    ("targetPort: http}", "targetPort: grpc}", "k8s_service_port"),
    ("targetPort: http}", "targetPort: 8080}", "k8s_service_port"),
    ("name: web, port: {number: 80}", "name: wep, port: {number: 80}", "k8s_ingress_service"),
    ("minAvailable: 1", "minAvailable: 2", "k8s_budget_blocks"),
    ("kind: Service\nmetadata: {name: web", "kind: Deployment\nmetadata: {name: web", "k8s_duplicate_resource"),
    ("spec:\n  replicas: 2", "spec: {\n  replicas: 2", "k8s_yaml"),
];

/// Each change of the good manifests, and the code that it must bring.
#[test]
fn each_fault_in_a_manifest_is_found() {
    for (good, bad, code) in FAULTS {
        assert!(GOOD.contains(good), "{good:?} is not in the text");
        let found = of_text(&GOOD.replacen(good, bad, 1));
        let finding = found.iter().find(|finding| finding.code == *code);
        assert!(finding.is_some(), "{bad:?} gives {:?}, not {code}", codes(&found));
        assert!(finding.is_some_and(|finding| finding.help.is_some()), "{code} has no help");
    }
}

#[test]
fn scalers_are_held_to_their_bounds_and_targets() {
    let scaler = |spec: &str| {
        format!(
            "{GOOD}---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web, namespace: shop}}\nspec: {spec}\n"
        )
    };
    let target = "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}";
    let found = of_text(&scaler(&format!("{{{target}, minReplicas: 5, maxReplicas: 2}}")));
    assert_eq!(codes(&found), ["k8s_scaler_bounds", "k8s_scaler_replicas"]);
    let found = of_text(&scaler("{scaleTargetRef: {kind: Deployment, name: shop}, maxReplicas: 4}"));
    assert_eq!(codes(&found), ["k8s_scaler_target"]);
    let free = scaler(&format!("{{{target}, minReplicas: 2, maxReplicas: 4}}")).replace("  replicas: 2\n", "");
    assert_eq!(codes(&of_text(&free)), ["k8s_budget_blocks"]);
}

#[test]
fn findings_name_the_place_in_the_document_and_in_the_workflow() {
    let found = of_text(&GOOD.replace("nginx:1.29.3", "nginx"));
    assert_eq!(found[0].path, "/spec/template/spec/containers/0/image");
    let bad = GOOD.replace("nginx:1.29.3", "nginx");
    let workflow = json!({"name": "w", "files": {"web.yaml": bad}, "steps": [
        {"name": "write", "tool": "file", "parameters": {"operation": "write", "path": "x.yaml", "content": bad}},
        {"name": "apply", "command": format!("cat <<'EOF' | kubectl apply -f -\n{bad}\nEOF\nkubectl rollout status deploy/web -n shop --timeout=60s")},
        {"name": "object", "tool": "k8s/apply", "parameters": {"manifest": {"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "i", "namespace": "n"}}}},
    ]});
    let found = check(Subject::Workflow(&workflow));
    let at = |code: &str| found.iter().filter(|one| one.code == code).map(|one| one.path.as_str()).collect::<Vec<_>>();
    assert_eq!(at("k8s_image_tag"), ["/files/web.yaml", "/steps/0/parameters/content", "/steps/1/command"]);
    assert_eq!(at("k8s_api_removed"), ["/steps/2/parameters/manifest/apiVersion"]);
    assert!(found.iter().any(|one| one.message.starts_with("Deployment `web`: container `web`")));
}

#[test]
fn parameters_count_with_their_defaults_and_stay_open_without() {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: n}\nspec:\n  containers:\n  - name: a\n    image: app:${tag}\n    resources: {requests: {cpu: ${cpu}, memory: 1Mi}, limits: {memory: 2Mi}}\n";
    let of = |params: Value| {
        let workflow = json!({"name": "w", "params": params, "files": {"p.yaml": manifest}, "steps": []});
        codes(&check(Subject::Workflow(&workflow))).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(of(json!({"tag": {"required": true}})), Vec::<String>::new());
    assert_eq!(of(json!({"tag": "latest", "cpu": "100m"})), ["k8s_image_tag"]);
    assert_eq!(of(json!({"tag": {"default": "1.0"}, "cpu": "very"})), ["k8s_invalid_quantity"]);
}

#[test]
fn good_commands_have_no_finding() {
    let steps = json!([
        {"name": "image", "tool": "kubectl", "parameters": {"command": "set image deployment/web web=app:v2", "namespace": "shop"},
         "rollback": {"tool": "kubectl", "parameters": {"command": "rollout undo deployment/web", "namespace": "shop"}}},
        {"name": "wait", "tool": "kubectl", "parameters": {"command": "rollout status deployment/web --timeout=120s", "namespace": "shop"}},
        {"name": "chart", "command": "helm upgrade web ./chart --install --atomic --namespace shop"},
        {"name": "look", "command": "kubectl get pods -A"},
        {"name": "try", "command": "kubectl apply -f x.yaml --dry-run=server"},
    ]);
    let workflow = json!({"name": "w", "on_failure": "rollback", "steps": steps});
    assert_eq!(check(Subject::Workflow(&workflow)), []);
}

#[test]
fn each_fault_in_a_command_is_found() {
    let table = [
        ("kubectl delete namespace shop", "k8s_deletes_namespace"),
        ("kubectl delete ns/shop", "k8s_deletes_namespace"),
        ("kubectl delete pvc data -n shop", "k8s_deletes_data"),
        ("kubectl delete crd things.example", "k8s_deletes_definition"),
        ("kubectl delete pods --all -n shop", "k8s_deletes_all"),
        ("kubectl delete pod web-0 -n shop --force --grace-period=0", "k8s_forced"),
        ("helm uninstall web -n shop", "helm_uninstalls"),
        ("kubectl scale deploy/web --replicas=0 -n shop", "k8s_scales_to_zero"),
        ("kubectl drain node-1", "k8s_drain"),
        ("kubectl rollout restart deploy/web", "k8s_no_namespace"),
        ("helm upgrade web ./chart --wait", "k8s_no_namespace"),
        ("kubectl set image deploy/web web=app:latest -n shop", "k8s_image_tag"),
        ("helm upgrade web ./chart --wait -n shop --set image.tag=latest", "k8s_image_tag"),
        ("kubectl rollout status deploy/web -n shop", "k8s_wait_without_end"),
        ("kubectl set image deploy/web web=app:v2 -n shop", "k8s_no_rollout_status"),
        ("kubectl apply -f deploy.yaml -n shop", "k8s_no_rollout_status"),
        ("helm upgrade web ./chart -n shop", "helm_no_wait"),
        ("set -e\nif true; then sudo kubectl delete namespace shop; fi", "k8s_deletes_namespace"),
    ];
    for (command, code) in table {
        let found = of_commands(json!([{"name": "a", "command": command}]));
        let finding = found.iter().find(|finding| finding.code == code);
        assert!(finding.is_some(), "{command} gives {:?}, not {code}", codes(&found));
        assert_eq!(finding.map(|finding| finding.path.as_str()), Some("/steps/0/command"));
    }
    assert_eq!(codes(&of_commands(json!([{"name": "a", "command": "echo kubectl delete namespace shop"}]))), [""; 0]);
}

#[test]
fn a_rollback_must_undo_what_its_step_did() {
    let step = |undo: &str| {
        json!([
            {"name": "a", "tool": "kubectl", "parameters": {"command": "set image deploy web web=app:v2", "namespace": "shop"},
             "rollback": {"tool": "kubectl", "parameters": {"command": undo, "namespace": "shop"}}},
            {"name": "b", "tool": "kubectl", "parameters": {"command": "rollout status deploy/web --timeout=1m", "namespace": "shop"}},
        ])
    };
    assert_eq!(codes(&of_commands(step("rollout undo deployment/web"))), [""; 0]);
    assert_eq!(codes(&of_commands(step("rollout undo deployment/api"))), ["k8s_rollback_other"]);
    let workflow = json!({"name": "w", "on_failure": "rollback", "steps": [
        {"name": "a", "command": "kubectl set image deploy/web web=app:v2 -n shop"},
        {"name": "b", "command": "kubectl rollout status deploy/web -n shop --timeout=1m"},
    ]});
    assert_eq!(codes(&check(Subject::Workflow(&workflow))), ["k8s_no_rollback"]);
}

#[test]
fn a_command_and_its_manifest_agree_on_the_namespace() {
    let apply = |namespace: &str| {
        let command = format!(
            "kubectl apply -n {namespace} -f - <<EOF\n{GOOD}EOF\nkubectl rollout status deploy/web -n shop --timeout=1m\n"
        );
        of_commands(json!([{"name": "a", "command": command}]))
    };
    assert_eq!(codes(&apply("shop")), [""; 0]);
    assert!(codes(&apply("other")).iter().all(|code| *code == "k8s_namespace_conflict"));
    assert!(!apply("other").is_empty());
}

#[test]
fn rubbish_is_no_manifest_and_no_panic() {
    for text in [
        "",
        "---\n---\n",
        "a: b",
        "[1, 2]",
        "kind: [1]",
        "kind: Deployment\napiVersion: apps/v1\nspec: 3",
        "\u{0}",
        "kind: List\nitems: 4",
    ] {
        let _ = of_text(text);
    }
    let deep = format!("kind: {}1{}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(codes(&of_text(&deep)), ["k8s_yaml"]);
    let odd = json!({"name": 3, "steps": [3, {"parameters": [], "command": {"a": 1}}, null], "files": [], "params": "x", "handlers": {"exit": 3}});
    assert_eq!(check(Subject::Workflow(&odd)), []);
}
