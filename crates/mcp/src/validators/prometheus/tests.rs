//! Each rule with something good and something bad.

use serde_json::json;

use super::*;

fn codes(findings: &[Diagnostic]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

fn of(text: &str) -> Vec<Diagnostic> {
    check(Subject::Text(text))
}

/// Each change of something good, and the code that it must bring.
#[track_caller]
fn each_fault(text: &str, table: &[(&str, &str, &str)]) {
    assert_eq!(of(text), []);
    for (good, bad, code) in table {
        assert!(text.contains(good), "{good:?} is not in the text");
        let found = of(&text.replacen(good, bad, 1));
        let finding = found.iter().find(|finding| finding.code == *code);
        assert!(finding.is_some(), "{bad:?} gives {:?}, not {code}", codes(&found));
        assert!(finding.is_some_and(|finding| finding.help.is_some()), "{code} has no help");
    }
}

#[test]
fn rules() {
    let text = r#"groups:
- name: web
  interval: 30s
  rules:
  - record: job:errors:rate5m
    expr: sum by (job) (rate(http_errors_total{code=~"5.."}[5m]))
  - alert: TooManyErrors
    expr: job:errors:rate5m > 0.05
    for: 10m
    labels: {severity: critical}
    annotations: {summary: "{{ $labels.job }} fails"}
"#;
    each_fault(
        text,
        &[
            ("sum by (job) (rate", "sum by (job (rate", "prom_expression"),
            ("rate(http_errors_total{code=~\"5..\"}[5m])", "rate(http_errors_total[5 minutes])", "prom_expression"),
            ("rate(http_errors_total{code=~\"5..\"}[5m])", "rate(http_errors_total)", "prom_expression"),
            ("job:errors:rate5m > 0.05", "nofunction(x) >", "prom_expression"),
            ("    expr: job:errors:rate5m > 0.05\n", "", "prom_no_expression"),
            ("for: 10m", "for: 10 minutes", "prom_duration"),
            ("    for: 10m\n", "", "prom_no_for"),
            ("severity: critical", "team: web", "prom_no_severity"),
            ("    annotations: {summary: \"{{ $labels.job }} fails\"}\n", "", "prom_no_summary"),
            ("{severity: critical}", "{severity: critical, \"a-b\": c}", "prom_label_name"),
            ("record: job:errors:rate5m", "record: job-errors", "prom_metric_name"),
            ("record: job:errors:rate5m", "record: errors", "prom_record_name"),
            ("record: job:errors:rate5m\n", "record: job:errors:rate5m\n    for: 5m\n", "prom_record_key"),
            ("  - record: job:errors:rate5m\n", "  - alert: A\n    record: b:c\n", "prom_rule_kind"),
            ("  - record: job:errors:rate5m\n    expr", "  - expr", "prom_rule_kind"),
            ("- name: web\n", "- limit: 3\n", "prom_group_no_name"),
            ("interval: 30s", "interval: often", "prom_duration"),
            ("groups:\n- name: web", "groups:\n- name: web\n  rules: []\n- name: web", "prom_duplicate_group"),
            ("groups:\n- name: web", "groups:\n- name: other\n  rules: []\n- name: web", "prom_empty_group"),
            (
                "  - alert: TooManyErrors",
                "  - record: job:errors:rate5m\n    expr: vector(1)\n  - alert: TooManyErrors",
                "prom_duplicate_rule",
            ),
            ("groups:\n- name: web", "groups: {\n- name: web", "prom_yaml"),
        ],
    );
    assert_eq!(codes(&of("groups: {name: web}")), ["prom_groups"]);
    let operator = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: r}\nspec:\n  groups:\n  - name: g\n    rules: [{record: 'a:b', expr: 'sum('}]\n";
    let found = of(operator);
    assert_eq!((codes(&found), found[0].path.as_str()), (vec!["prom_expression"], "/spec/groups/0/rules/0/expr"));
}

#[test]
fn scrape_configurations() {
    let text = r"global: {scrape_interval: 15s, scrape_timeout: 10s, evaluation_interval: 15s}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ['alerts:9093']}]}]}
scrape_configs:
- job_name: node
  scrape_interval: 30s
  metrics_path: /metrics
  scheme: https
  static_configs: [{targets: ['a:9100', 'b:9100', '[::1]:9100']}]
  relabel_configs: [{source_labels: [a], regex: 'a.*', action: replace, target_label: b}]
- job_name: pods
  kubernetes_sd_configs: [{role: pod}]
";
    each_fault(
        text,
        &[
            ("scrape_interval: 15s", "scrape_interval: fifteen", "prom_duration"),
            ("scrape_timeout: 10s", "scrape_timeout: 20s", "prom_timeout_over_interval"),
            ("scrape_interval: 30s", "scrape_interval: 5s", "prom_timeout_over_interval"),
            ("scrape_interval: 30s", "scrape_interval: 100ms\n  scrape_timeout: 100ms", "prom_short_interval"),
            ("alerting: {alertmanagers: [{static_configs: [{targets: ['alerts:9093']}]}]}\n", "", "prom_no_alerting"),
            ("- job_name: node\n", "- honor_labels: true\n", "prom_no_job_name"),
            ("job_name: pods", "job_name: node", "prom_duplicate_job"),
            ("metrics_path: /metrics", "metrics_path: metrics", "prom_metrics_path"),
            ("scheme: https", "scheme: ftp", "prom_scheme"),
            ("'a:9100'", "'http://a:9100'", "prom_target"),
            ("'a:9100'", "'a:metrics'", "prom_target"),
            ("'a:9100'", "9100", "prom_target"),
            ("  kubernetes_sd_configs: [{role: pod}]\n", "", "prom_no_targets"),
            ("action: replace", "action: rename", "prom_relabel_action"),
            ("'a.*'", "'a(.*'", "prom_relabel_regex"),
            (", target_label: b", "", "prom_relabel_target"),
            ("action: replace", "action: hashmod", "prom_relabel_target"),
            ("  scheme: https\n", "  basic_auth: {username: a, password: hunter2}\n", "prom_plain_secret"),
            ("rule_files", "rules_files", "prom_unknown_key"),
            ("global: {", "global: [", "prom_yaml"),
        ],
    );
    assert_eq!(codes(&of("scrape_configs: {job_name: a}")), ["prom_scrape_configs"]);
}

#[test]
fn routes() {
    let text = "route: {receiver: team, repeat_interval: 4h, routes: [{receiver: pager, group_wait: 30s}]}\nreceivers: [{name: team}, {name: pager}]\n";
    each_fault(
        text,
        &[
            ("routes: [{receiver: pager", "routes: [{receiver: nobody", "prom_unknown_receiver"),
            ("repeat_interval: 4h", "repeat_interval: 4 hours", "prom_duration"),
            ("{receiver: team, ", "{", "prom_no_route"),
            ("route: {receiver", "routes: {receiver", "prom_no_route"),
            ("{name: pager}]", "{name: team}]", "prom_duplicate_receiver"),
            ("{name: pager}]", "{slack: {}}]", "prom_receiver_no_name"),
        ],
    );
}

#[test]
fn durations_are_those_of_prometheus() {
    for (text, wanted) in [
        ("1h30m", Some(5_400_000)),
        ("500ms", Some(500)),
        ("0", Some(0)),
        ("1y", Some(31_536_000_000)),
        ("5m1h", None),
        ("5", None),
        ("", None),
        ("m", None),
        ("1.5h", None),
        ("99999999999999999999y", None),
    ] {
        assert_eq!(expression::duration_ms(text), wanted, "{text}");
    }
}

#[test]
fn queries_of_steps_are_parsed_where_they_stand() {
    let workflow = |url: &str, query: Value| json!({"name": "w", "steps": [{"name": "ask", "http": {"url": url, "query": query}}, {"name": "tool", "tool": "prom/query", "parameters": {"promql": "up =="}}]});
    let paths =
        |workflow: Value| check(Subject::Workflow(&workflow)).into_iter().map(|one| one.path).collect::<Vec<_>>();
    let tool = "/steps/1/parameters/promql";
    assert_eq!(paths(workflow("http://p/api/v1/query?query=up%20%3D%3D%201", json!({}))), [tool]);
    assert_eq!(paths(workflow("http://p/api/v1/query?query=sum%28", json!({}))), ["/steps/0/http/url", tool]);
    assert_eq!(
        paths(workflow("http://p/api/v1/query", json!({"query": "rate(x)"}))),
        ["/steps/0/http/query/query", tool]
    );
    assert_eq!(paths(workflow("http://p/api/v1/query?query=${params.q}", json!({}))), [tool]);
    assert_eq!(paths(workflow("http://p/search?query=sum%28", json!({}))), [tool]);
}

#[test]
fn rubbish_is_no_panic() {
    for text in [
        "groups: [3]",
        "groups: [{rules: [3]}]",
        "scrape_configs: [3]",
        "receivers: 3",
        "route: 3\nreceivers: [3]",
        "global: 3\nscrape_configs: []",
    ] {
        let _ = of(text);
    }
    let deep = format!(
        "groups: [{{name: a, rules: [{{record: 'a:b', expr: '{}1{}'}}]}}]",
        "(".repeat(50_000),
        ")".repeat(50_000)
    );
    assert_eq!(codes(&of(&deep)), ["prom_expression"]);
}
