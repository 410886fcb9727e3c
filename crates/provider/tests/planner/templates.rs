//! Every template that ships is sound, and its parameters are checked.

use crate::support::planned;
use expect_test::expect;
use partita_core::workflow::{Purpose, from_value, to_value};
use partita_provider::Templates;
use serde_json::{Map, Value, json};

fn values(pairs: Value) -> Map<String, Value> {
    pairs.as_object().cloned().unwrap_or_default()
}

/// What a person would have to say for each template.
fn needed(id: &str) -> Value {
    match id {
        "directory-backup" => json!({"source": "/etc/apt", "destination": "/tmp/backups"}),
        "postgres-backup" => json!({"database": "shop", "destination": "/tmp/dumps"}),
        "kubernetes-deploy" => json!({"app": "web", "image": "registry.example.com/web:v1"}),
        "docker-build-push" => json!({"image": "registry.example.com/web:v1", "directory": "/srv/web"}),
        "python-ci" => json!({"project": "/srv/project"}),
        "disk-and-log-cleanup" => json!({"directory": "/var/log/shop", "days": 30}),
        "certificate-expiry" => json!({"host": "example.com"}),
        "http-uptime-check" => json!({"url": "https://example.com/health"}),
        "service-restart" => json!({"service": "nginx"}),
        "mysql-backup" => json!({"database": "shop", "destination": "/tmp/dumps"}),
        "sqlite-backup" => json!({"database": "/srv/app/app.db", "destination": "/tmp/copies"}),
        "postgres-restore" => json!({"database": "shop", "file": "/tmp/dumps/shop.dump"}),
        "mysql-restore" => json!({"database": "shop", "file": "/tmp/dumps/shop.sql"}),
        "restore-drill" => json!({"database": "shop", "directory": "/tmp/dumps"}),
        "blue-green-deploy" | "canary-deploy" => json!({"app": "web", "image": "registry.example.com/web:v1"}),
        "helm-release" => json!({"release": "web", "chart": "./chart"}),
        "kubernetes-rollback" | "incident-triage" => json!({"app": "web"}),
        "terraform-apply" => json!({"directory": "/srv/infra"}),
        "image-scan" => json!({"image": "registry.example.com/web:v1"}),
        "node-ci" | "rust-ci" => json!({"project": "/srv/project"}),
        "git-release" => json!({"directory": "/srv/project", "version": "v1.2.3"}),
        "database-migration" => json!({"database": "shop", "directory": "/srv/migrations"}),
        "data-export" => json!({"database": "shop", "table": "orders", "file": "/tmp/orders.csv"}),
        "log-analysis" => json!({"file": "/var/log/app.log"}),
        "dns-check" => json!({"name": "example.com"}),
        "port-check" => json!({"host": "example.com", "port": 443}),
        "secret-rotation" => json!({"secret": "db"}),
        "user-offboarding" => json!({"user": "jdoe", "destination": "/tmp/homes"}),
        "notify-slack" => json!({"text": "hello"}),
        "notify-webhook" => json!({"url": "https://example.com/hook", "text": "hello"}),
        "notify-email" => json!({"to": "ops@example.com", "text": "hello"}),
        _ => json!({}),
    }
}

#[test]
fn every_template_is_a_plan_and_warns_of_nothing_but_what_cannot_be_taken_back() {
    let templates = Templates::builtin();
    let there: Vec<&str> = templates.iter().map(|template| template.id.as_str()).collect();
    assert_eq!(there.len(), 39, "{there:?}");
    let mut findings = Vec::new();
    for template in templates.iter() {
        assert!(!template.tags.is_empty() && !template.category.is_empty(), "{}", template.id);
        for (name, param) in &template.workflow.params {
            assert!(param.kind.is_some() && param.description.is_some(), "{}: {name}", template.id);
        }
        let bare = planned(&template.workflow, &Map::new(), Purpose::Validate);
        assert!(bare.is_valid(), "{}: {:#?}", template.id, bare.issues);
        let made = template.instantiate(&values(needed(&template.id)), Some("mine")).unwrap();
        let ready = planned(&made, &Map::new(), Purpose::Execute);
        assert!(ready.is_valid(), "{}: {:#?}", template.id, ready.issues);
        findings.extend(ready.issues.iter().map(|issue| format!("{}: {} {}", template.id, issue.code, issue.message)));
        assert_eq!(made.name, "mine");
        assert_eq!(from_value(&to_value(&made)).workflow.as_ref(), Some(&made), "{}", template.id);
    }
    expect![[r#"
        postgres-restore: no_rollback `save_before` changes something and has no `rollback`, so a failure can't take it back
        mysql-restore: no_rollback `save_before` changes something and has no `rollback`, so a failure can't take it back
        restore-drill: no_rollback `restore_copy` destroys something and has no `rollback`, so a failure can't take it back
        restore-drill: no_rollback `drop_copy` destroys something and has no `rollback`, so a failure can't take it back
        canary-deploy: no_rollback `retire_canary` changes something and has no `rollback`, so a failure can't take it back
        database-migration: no_rollback `dump_before` changes something and has no `rollback`, so a failure can't take it back
        user-offboarding: no_rollback `end_sessions` destroys something and has no `rollback`, so a failure can't take it back
        user-offboarding: no_rollback `archive_home` destroys something and has no `rollback`, so a failure can't take it back
        monitoring-stack: no_rollback `add_charts` changes something and has no `rollback`, so a failure can't take it back
        central-logging: no_rollback `add_charts` changes something and has no `rollback`, so a failure can't take it back"#]].assert_eq(&findings.join("\n"));
}

#[test]
fn what_a_template_needs_can_be_left_open_but_is_then_asked_for() {
    let templates = Templates::builtin();
    for template in templates.iter().filter(|template| needed(&template.id) != json!({})) {
        let made = template.instantiate(&Map::new(), None).unwrap();
        let codes: Vec<_> =
            planned(&made, &Map::new(), Purpose::Execute).issues.into_iter().map(|issue| issue.code).collect();
        assert!(!codes.is_empty(), "{} runs without what it needs", template.id);
    }
}

fn check_refused(id: &str, parameters: Value, expected: &[&str]) {
    let templates = Templates::builtin();
    let issues = templates.get(id).unwrap().instantiate(&values(parameters), None).unwrap_err();
    let found: Vec<String> = issues
        .iter()
        .map(|issue| {
            format!("{} {}: {} ({})", issue.code, issue.path, issue.message, issue.help.as_deref().unwrap_or(""))
        })
        .collect();
    assert_eq!(found, expected, "{id}");
}

#[test]
fn wrong_parameters_are_refused_all_at_once() {
    check_refused(
        "directory-backup",
        json!({"sorce": "/etc", "keep": "many"}),
        &[
            "unknown_parameter /parameters/sorce: the template `directory-backup` has no parameter `sorce` (did you mean `source`?)",
            "wrong_type /parameters/keep: expected integer, found \"many\" ()",
        ],
    );
    check_refused(
        "http-uptime-check",
        json!({"url": ["https://example.com"]}),
        &["wrong_type /parameters/url: expected string, found [\"https://example.com\"] ()"],
    );
    check_refused(
        "service-restart",
        json!({"x": 1}),
        &[
            "unknown_parameter /parameters/x: the template `service-restart` has no parameter `x` (the template has service, health_url)",
        ],
    );
}
