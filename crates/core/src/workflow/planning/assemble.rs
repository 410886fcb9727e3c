//! The way from a workflow to a plan.

use indexmap::IndexMap;

use super::findings::Findings;
use super::graph::Graph;
use super::names::{self, Tables, Visible};
use super::parameters;
use super::references::{PartReader, Sink};
use super::request::{PlanRequest, Planned, StepRisk};
use super::steps::{self, Common};
use super::{limits, risk, secrets};
use crate::limits::{ACTIVE_STEPS_DEFAULT, OUTPUT_BYTES_MAX, OUTPUT_BYTES_UNUSED};
use crate::plan::{OutputSource, Plan, PlannedHandlers, PlannedPrecondition, PlannedStep};
use crate::tool::{Reader, escape};
use crate::workflow::document::Step;
use crate::workflow::reference::Template;
use crate::workflow::{Workflow, to_value};

/// Makes a plan, and collects every issue in one pass.
#[must_use]
pub fn plan(workflow: &Workflow, request: &PlanRequest<'_>) -> Planned {
    let mut findings = Findings::new(request.places);
    names::check(workflow, &mut findings);
    limits::check_workflow(workflow, &mut findings);
    let parameters = parameters::resolve(workflow, request, &mut findings);
    let tables = Tables::new(workflow, request.parameters, request.visible_env);
    let graph = Graph::new(&tables, &mut findings);
    let mut sink = Sink::new(findings, workflow.steps.len());
    let common = Common { tables: &tables, request, runner: common_runner(workflow, request, &mut sink) };

    let mut parts = Parts::default();
    parts.steps(&common, &graph, &mut sink);
    parts.handlers = handlers(&common, &mut parts.more_risk, &mut sink);
    let whole = Whole::read(&tables, &mut sink);
    sink.check_uses(&tables, &graph);
    secrets::check(workflow, &mut sink.findings);
    check_files(workflow, &mut sink);
    if workflow.schedule.is_some() {
        let help = "start the workflow from a timer of the system, or by the API";
        sink.findings.warning(
            "not_supported",
            "/schedule",
            "schedules are kept, but not carried out by this version",
            help,
        );
    }
    let on_failure = request.on_failure.or(workflow.on_failure).unwrap_or_default();
    let suggestions = risk::check_rollback(workflow, &parts.risk, on_failure, request, &mut sink.findings);

    let mut risk = parts.risk;
    risk.append(&mut parts.more_risk);
    let Sink { findings, captured, server_env, .. } = sink;
    if findings.has_error() {
        return Planned { plan: None, issues: findings.into_list(), suggestions, risk };
    }
    let mut steps = parts.steps;
    for (step, is_referred_to) in steps.iter_mut().zip(captured) {
        let is_captured = steps::is_captured(step, is_referred_to);
        step.output_bytes_max = if is_captured { OUTPUT_BYTES_MAX } else { OUTPUT_BYTES_UNUSED } as u64;
    }
    let mut env: IndexMap<String, Template> =
        server_env.into_iter().map(|(name, value)| (name, Template::text(value))).collect();
    env.extend(whole.env);
    let plan = Plan {
        name: workflow.name.clone(),
        document: to_value(workflow),
        parameters: parameters.values,
        secret_parameters: parameters.secret,
        env,
        preconditions: whole.preconditions,
        steps,
        handlers: parts.handlers,
        on_failure,
        max_active_steps: workflow.max_active_steps.unwrap_or(ACTIVE_STEPS_DEFAULT),
        timeout_ms: request.timeout_ms.or(workflow.timeout_ms),
        outputs: whole.outputs,
        budget: workflow.budget.clone(),
        files: workflow.files.clone(),
        runner: common.runner,
        context: request.context.clone(),
        composed: None,
    };
    Planned { plan: Some(plan), issues: findings.into_list(), suggestions, risk }
}

/// What comes of the steps.
#[derive(Default)]
struct Parts {
    steps: Vec<PlannedStep>,
    handlers: PlannedHandlers,
    risk: Vec<StepRisk>,
    /// Of rollbacks and handlers, shown after those of the steps.
    more_risk: Vec<StepRisk>,
}

impl Parts {
    fn steps<'a>(&mut self, common: &Common<'a>, graph: &Graph, sink: &mut Sink<'a>) {
        for ((index, step), needs) in (0_u32..).zip(&common.tables.workflow.steps).zip(&graph.needs) {
            let done = steps::planned(common, step, Some(index), &format!("/steps/{index}"), sink);
            self.steps.push(PlannedStep { needs: needs.clone(), ..done.step });
            self.risk.push(done.risk);
            self.more_risk.extend(done.rollback_risk);
        }
    }
}

fn handlers<'a>(common: &Common<'a>, risk: &mut Vec<StepRisk>, sink: &mut Sink<'a>) -> PlannedHandlers {
    let handlers = &common.tables.workflow.handlers;
    let mut one = |name: &str, step: &'a Option<Box<Step>>| -> Option<PlannedStep> {
        let step = step.as_deref()?;
        let path = format!("/handlers/{name}");
        let mut done = steps::planned(common, step, None, &path, sink);
        for (key, is_given) in [
            ("foreach", step.foreach.is_some()),
            ("rollback", step.rollback.is_some()),
            ("depends", step.depends.is_some()),
        ] {
            if is_given {
                let message = format!("`{key}` has no meaning for a handler");
                sink.findings.warning("unused_key", format!("{path}/{key}"), message, "remove it");
            }
        }
        let qualified = format!("handlers.{name}");
        if done.step.name.is_empty() {
            done.step.name.clone_from(&qualified);
        }
        risk.push(StepRisk { step: qualified, ..done.risk });
        Some(done.step)
    };
    PlannedHandlers {
        success: one("success", &handlers.success),
        failure: one("failure", &handlers.failure),
        cancel: one("cancel", &handlers.cancel),
        exit: one("exit", &handlers.exit),
    }
}

/// What belongs to the workflow as a whole.
struct Whole {
    env: IndexMap<String, Template>,
    preconditions: Vec<PlannedPrecondition>,
    outputs: IndexMap<String, OutputSource>,
}

impl Whole {
    fn read<'a>(tables: &'a Tables<'a>, sink: &mut Sink<'a>) -> Self {
        let workflow = tables.workflow;
        let names =
            Visible { tables, step: None, step_env: None, defined_env: None, has_item: false, sees_itself: false };
        let mut reader = PartReader { names, sink };
        let env = steps::environment(&workflow.env, "/env", &mut reader);
        let preconditions = steps::preconditions(&workflow.preconditions, "/preconditions", &mut reader);
        let early = env.iter().find(|(_, template)| template.references().any(|one| one.step().is_some()));
        if let Some((name, _)) = early {
            let help = "refer to the output where it is used, or put the variable into the `env` of a later step";
            let message = format!("`{name}` uses the result of a step, which is not there when the run begins");
            reader.sink.findings.error("output_not_upstream", format!("/env/{}", escape(name)), message, help);
        }
        let mut outputs = IndexMap::new();
        for (name, text) in &workflow.outputs {
            let path = format!("/outputs/{}", escape(name));
            let source = match text.trim_start().strip_prefix('=') {
                Some(source) => reader.expression(source, &path).map(OutputSource::Expression),
                None => Some(OutputSource::Template(reader.template(text, &path))),
            };
            outputs.extend(source.map(|source| (name.clone(), source)));
        }
        Self { env, preconditions, outputs }
    }
}

/// The runner of steps that name none: the caller's, the document's, `local`.
fn common_runner(workflow: &Workflow, request: &PlanRequest<'_>, sink: &mut Sink<'_>) -> String {
    let runner = request.runner.or(workflow.runner.as_deref()).unwrap_or("local");
    let path = if request.runner.is_some() { "" } else { "/runner" };
    steps::check_runner(runner, request, path, sink);
    steps::canonical_runner(runner).to_owned()
}

/// Files are written into the run's directory, so a name must not lead anywhere else.
fn check_files(workflow: &Workflow, sink: &mut Sink<'_>) {
    for name in workflow.files.keys() {
        let is_plain = !name.trim().is_empty()
            && name.chars().count() <= crate::limits::NAME_CHARS_MAX
            && !matches!(name.as_str(), "." | "..")
            && !name.contains(['/', '\\'])
            && !name.chars().any(char::is_control);
        if !is_plain {
            let message = format!("`{}` can't be the name of a file", crate::tool::shortened(name));
            sink.findings.error(
                "invalid_name",
                format!("/files/{}", escape(name)),
                message,
                "use a name without `/` and `..`",
            );
        }
    }
}
