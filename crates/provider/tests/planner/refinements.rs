//! What the planner does for requirements and earlier errors: each line of `testdata/refinements.txt` is
//! tried on the same workflow (`>` a requirement, `!` an error of an earlier run).

use expect_test::expect_file;
use partita_core::workflow::{Purpose, Workflow, diff};
use partita_provider::{DraftRequest, Planner, RefineRequest, Refined};
use serde_json::{Map, Value, json};

use crate::support::planned;

fn generated() -> Workflow {
    let context = json!({"services": ["api", "web", "worker"], "environment": "production"});
    let request = DraftRequest {
        task: "Deploy microservices".to_owned(),
        context: context.as_object().unwrap().clone(),
        ..DraftRequest::default()
    };
    Planner::new().draft(&request).unwrap().workflow
}

fn refined(workflow: &Workflow, requirements: &[&str], errors: &[&str]) -> Refined {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let request = RefineRequest {
        workflow: workflow.clone(),
        requirements: owned(requirements),
        previous_errors: owned(errors),
        ..RefineRequest::default()
    };
    let refinement = Planner::new().refine(&request).unwrap();
    let planned = planned(&refinement.workflow, &Map::new(), Purpose::Validate);
    assert!(planned.is_valid(), "{requirements:?} {errors:?}: {:#?}", planned.issues);
    assert_eq!(refinement.changes.len() + refinement.unmet.len(), requirements.len() + errors.len());
    refinement
}

fn told(line: &str) -> String {
    let (mark, text) = line.split_at(2);
    let try_on = |workflow: &Workflow| match mark {
        "> " => refined(workflow, &[text], &[]),
        _ => refined(workflow, &[], &[text]),
    };
    let before = generated();
    let first = try_on(&before);
    let mut lines = vec![line.to_owned()];
    lines.extend(first.changes.iter().map(|change| format!("  {} [{}]", change.summary, change.steps.join(" "))));
    lines.extend(first.unmet.iter().map(|unmet| format!("  unmet: {}", unmet.reason)));
    for change in diff(&before, &first.workflow) {
        lines.push(format!("    {}", change.summary.chars().take(160).collect::<String>()));
    }
    // A second time there is nothing left to do.
    let second = try_on(&first.workflow);
    let again = diff(&first.workflow, &second.workflow);
    if !again.is_empty() {
        lines.push(format!("  again: {} more changes", again.len()));
    }
    lines.join("\n") + "\n"
}

#[test]
fn requirements_and_errors_are_met_or_listed() {
    let text = include_str!("../../testdata/refinements.txt");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("> ") || line.starts_with("! ")).collect();
    assert!(lines.len() >= 35, "{}", lines.len());
    let found: Vec<String> = lines.into_iter().map(told).collect();
    expect_file!["../../testdata/refinements.txt"].assert_eq(&found.join("\n"));
}

#[test]
fn the_four_requirements_of_a_deployment_are_all_met_and_its_parameters_suffice() {
    let context = json!({"services": ["api", "web", "worker"], "environment": "production"});
    let request = DraftRequest {
        task: "Deploy microservices with monitoring and logging".to_owned(),
        context: context.as_object().unwrap().clone(),
        ..DraftRequest::default()
    };
    let workflow = Planner::new().draft(&request).unwrap().workflow;
    let requirements = [
        "Add Prometheus monitoring for all services",
        "Include ELK stack for centralized logging",
        "Add health checks and readiness probes",
        "Include rollback strategy for failed deployments",
    ];
    let refinement = refined(&workflow, &requirements, &[]);
    let met: Vec<&str> = refinement.changes.iter().map(|change| change.requirement.as_str()).collect();
    assert_eq!(met, requirements);
    assert!(refinement.changes.iter().all(|change| !change.steps.is_empty()), "{:#?}", refinement.changes);
    let parameters: Value = json!({"image_tag": "v2.1.0", "replicas": 3, "monitoring_enabled": true});
    let ready = planned(&refinement.workflow, parameters.as_object().unwrap(), Purpose::Execute);
    assert!(ready.is_valid(), "{:#?}", ready.issues);
}
