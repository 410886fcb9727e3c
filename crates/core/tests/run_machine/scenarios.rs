//! Runs told as stories: what happens outside, and what the journal says to it.

use expect_test::{Expect, expect};
use partita_core::event;
use partita_core::plan::{ItemSource, JsonTemplate, Plan, PlannedForeach, PlannedRepeat, PlannedStep};
use partita_core::run::record::{Entry, EntryBody};
use partita_core::run::{AttemptId, Decision, Input};
use partita_core::task::{Outcome, OutcomeResult};
use partita_core::workflow::document::{Effects, OnFailure};
use serde_json::json;

use crate::plans::{approval, plan, retry, shared, step, undoable};
use crate::world::{World, failure};

/// What happens outside, one word each: `a+` the attempt of `a` succeeds, `a-` it fails with 1, `a-3` with
/// 3, `a!` the server dies while it runs, `zzz` time passes to the next timer, `cancel`, `back` (cancel
/// with rollback), `pause`, `resume`, `yes`, `no`, `limit` the attempt of a stopped step ends.
fn check(plan: Plan, story: &str, expected: &Expect) {
    let mut world = World::new(shared(plan), None);
    for word in story.split_whitespace() {
        tell(&mut world, word);
        assert_eq!(world.violations, Vec::<String>::new(), "after {word}");
    }
    expected.assert_eq(&events(&world));
}

fn tell(world: &mut World, word: &str) {
    let by = || "ann".to_owned();
    match word {
        "zzz" => assert!(world.sleep(), "nothing to wait for"),
        "cancel" => world.tell(Input::Cancel { rollback: false, reason: Some("enough".to_owned()), by: by() }, None),
        "back" => world.tell(Input::Cancel { rollback: true, reason: None, by: by() }, None),
        "pause" => world.tell(Input::Pause { by: by() }, None),
        "resume" => world.tell(Input::Resume { by: by() }, None),
        "crash" => world.tell(Input::Tick, Some(0)),
        "yes" | "no" => {
            let approval = world.run.open_approvals()[0].approval.clone();
            let decision = if word == "yes" { Decision::Approve } else { Decision::Reject };
            world.tell(Input::Decide { approval, decision, comment: Some("as you like".to_owned()), by: by() }, None);
        }
        _ => {
            let at = word.rfind(['+', '-', '~']).unwrap_or_else(|| panic!("no such word: {word}"));
            let (name, how) = word.split_at(at);
            let id = running(world, name);
            let outcome = match how {
                "+" => Outcome::success(format!("{name} is done")),
                "-" => failure(1),
                "~" => Outcome::of(OutcomeResult::Stopped),
                code if code.starts_with('-') => failure(code[1..].parse().unwrap()),
                output => Outcome::success(&output[1..]),
            };
            world.finish(id, outcome, None);
        }
    }
}

fn running(world: &World, name: &str) -> AttemptId {
    let id = world.running.iter().copied().find(|id| world.run.step_of(*id).name == name);
    id.unwrap_or_else(|| panic!("`{name}` does not run; {:?} do", world.running))
}

/// What readers see, one line for each event.
fn events(world: &World) -> String {
    let mut lines = String::new();
    for (seq, (at, record)) in (1u64..).zip(&world.journal) {
        let entry = Entry { seq, at: *at, body: EntryBody::Record(record.clone()) };
        let Some(event) = event::project(&entry) else { continue };
        let shown = |(key, value): (&String, &serde_json::Value)| match (key.as_str(), value) {
            ("index" | "approval_id", _) => None,
            (_, serde_json::Value::String(text)) => Some(format!(" {key}={text}")),
            _ => Some(format!(" {key}={value}")),
        };
        let fields: String = event.data.iter().filter_map(shown).collect();
        lines.push_str(&format!("{at} {}{fields}\n", event.name));
    }
    lines
}

fn rolling(steps: Vec<PlannedStep>) -> Plan {
    Plan { on_failure: OnFailure::Rollback, ..plan(steps) }
}

#[test]
fn a_chain_goes_from_step_to_step() {
    check(
        plan(vec![step("a", &[]), step("b", &[0])]),
        "a+ b+",
        &expect![[r#"
        0 execution_start workflow=test steps=2 status=running
        0 step_start step=a
        0 step_complete step=a status=success duration=0.0 exit_code=0 output=a is done
        0 step_start step=b
        0 step_complete step=b status=success duration=0.0 exit_code=0 output=b is done
        0 execution_complete status=success duration=0.0 outputs={}
    "#]],
    );
}

#[test]
fn a_failure_stops_what_runs_and_skips_the_rest() {
    let steps = vec![step("a", &[]), step("b", &[]), step("c", &[1])];
    check(
        plan(steps),
        "a-3 b~",
        &expect![[r#"
        0 execution_start workflow=test steps=3 status=running
        0 step_start step=a
        0 step_start step=b
        0 step_complete step=a status=failed duration=0.0 exit_code=3 error=exit code 3
        0 step_complete step=c status=skipped duration=0.0 error=step `a` failed
        0 step_complete step=b status=cancelled duration=0.0 error=step `a` failed
        0 execution_complete status=failed duration=0.0 outputs={} error=step `a`: exit code 3
    "#]],
    );
}

#[test]
fn on_failure_continue_skips_only_what_needs_it() {
    let steps = vec![step("a", &[]), step("b", &[0]), step("c", &[])];
    check(
        Plan { on_failure: OnFailure::Continue, ..plan(steps) },
        "a- c+",
        &expect![[r#"
        0 execution_start workflow=test steps=3 status=running
        0 step_start step=a
        0 step_start step=c
        0 step_complete step=a status=failed duration=0.0 exit_code=1 error=exit code 1
        0 step_complete step=b status=skipped duration=0.0 error=it needs `a`, which failed
        0 step_complete step=c status=success duration=0.0 exit_code=0 output=c is done
        0 execution_complete status=failed duration=0.0 outputs={} error=step `a`: exit code 1
    "#]],
    );
}

#[test]
fn what_was_done_is_taken_back_in_reverse() {
    let steps = vec![undoable("a", &[]), undoable("b", &[0]), step("c", &[1])];
    check(
        rolling(steps),
        "a+ b+ c- b+ a+",
        &expect![[r#"
        0 execution_start workflow=test steps=3 status=running
        0 step_start step=a
        0 step_complete step=a status=success duration=0.0 exit_code=0 output=a is done
        0 step_start step=b
        0 step_complete step=b status=success duration=0.0 exit_code=0 output=b is done
        0 step_start step=c
        0 step_complete step=c status=failed duration=0.0 exit_code=1 error=exit code 1
        0 rollback_start steps=["b","a"] reason=step `c`: exit code 1
        0 rollback_step_start step=b
        0 rollback_step_complete step=b status=rolled_back duration=0.0
        0 rollback_step_start step=a
        0 rollback_step_complete step=a status=rolled_back duration=0.0
        0 rollback_complete status=rolled_back
        0 execution_complete status=rolled_back duration=0.0 outputs={} error=step `c`: exit code 1
    "#]],
    );
}

#[test]
fn what_can_not_be_taken_back_keeps_what_it_was_built_on() {
    let steps = vec![undoable("a", &[]), undoable("b", &[0]), undoable("other", &[]), step("c", &[1, 2])];
    check(
        rolling(steps),
        "a+ b+ other+ c- other+ b-",
        &expect![[r#"
        0 execution_start workflow=test steps=4 status=running
        0 step_start step=a
        0 step_start step=other
        0 step_complete step=a status=success duration=0.0 exit_code=0 output=a is done
        0 step_start step=b
        0 step_complete step=b status=success duration=0.0 exit_code=0 output=b is done
        0 step_complete step=other status=success duration=0.0 exit_code=0 output=other is done
        0 step_start step=c
        0 step_complete step=c status=failed duration=0.0 exit_code=1 error=exit code 1
        0 rollback_start steps=["other","b","a"] reason=step `c`: exit code 1
        0 rollback_step_start step=other
        0 rollback_step_complete step=other status=rolled_back duration=0.0
        0 rollback_step_start step=b
        0 rollback_step_complete step=b status=rollback_failed duration=0.0 error=exit code 1
        0 rollback_step_complete step=a status=rollback_failed duration=0.0 error=left as it is, because what was built on it could not be taken back
        0 rollback_complete status=rollback_failed
        0 execution_complete status=rollback_failed duration=0.0 outputs={} error=step `c`: exit code 1
    "#]],
    );
}

#[test]
fn a_rollback_names_what_it_leaves_changed() {
    check(
        rolling(vec![step("a", &[]), step("b", &[0])]),
        "a+ b-",
        &expect![[r#"
        0 execution_start workflow=test steps=2 status=running
        0 step_start step=a
        0 step_complete step=a status=success duration=0.0 exit_code=0 output=a is done
        0 step_start step=b
        0 step_complete step=b status=failed duration=0.0 exit_code=1 error=exit code 1
        0 warning code=not_taken_back message=these steps changed something and have no rollback: a
        0 rollback_start steps=[] reason=step `b`: exit code 1
        0 rollback_complete status=rolled_back
        0 execution_complete status=rolled_back duration=0.0 outputs={} error=step `b`: exit code 1
    "#]],
    );
}

#[test]
fn a_failed_try_is_tried_again_later_and_later() {
    let steps = vec![PlannedStep { retry: retry(3), ..step("a", &[]) }];
    check(
        plan(steps),
        "a- zzz a- zzz a+",
        &expect![[r#"
            0 execution_start workflow=test steps=1 status=running
            0 step_start step=a
            0 step_retry step=a attempt=1 error=exit code 1 exit_code=1 retry_at=1970-01-01T00:00:00.010Z
            10 step_retry step=a attempt=2 error=exit code 1 exit_code=1 retry_at=1970-01-01T00:00:00.030Z
            30 step_complete step=a status=success duration=0.03 exit_code=0 output=a is done
            30 execution_complete status=success duration=0.03 outputs={}
        "#]],
    );
}

#[test]
fn the_last_try_decides() {
    let steps = vec![PlannedStep { retry: retry(2), ..step("a", &[]) }];
    check(
        plan(steps),
        "a- zzz a-",
        &expect![[r#"
            0 execution_start workflow=test steps=1 status=running
            0 step_start step=a
            0 step_retry step=a attempt=1 error=exit code 1 exit_code=1 retry_at=1970-01-01T00:00:00.010Z
            10 step_complete step=a status=failed duration=0.01 exit_code=1 error=exit code 1 (attempt 2 of 2)
            10 execution_complete status=failed duration=0.01 outputs={} error=step `a`: exit code 1 (attempt 2 of 2)
        "#]],
    );
}

#[test]
fn a_lost_attempt_that_may_have_changed_something_is_not_repeated() {
    check(
        plan(vec![step("a", &[])]),
        "crash",
        &expect![[r#"
        0 execution_start workflow=test steps=1 status=running
        0 step_start step=a
        0 step_complete step=a status=failed duration=0.0 error=the server stopped while this attempt ran, and nobody knows how far it came; it is not tried again, because it may have changed something: give the step a `retry`, or `effects: read` when it changes nothing
        0 execution_complete status=failed duration=0.0 outputs={} error=step `a`: the server stopped while this attempt ran, and nobody knows how far it came; it is not tried again, because it may have changed something: give the step a `retry`, or `effects: read` when it changes nothing
    "#]],
    );
}

#[test]
fn a_lost_attempt_that_only_reads_is_repeated() {
    let steps = vec![PlannedStep { effects: Effects::Read, ..step("a", &[]) }];
    check(
        plan(steps),
        "crash a+",
        &expect![[r#"
            0 execution_start workflow=test steps=1 status=running
            0 step_start step=a
            0 step_retry step=a attempt=1 error=the server stopped while this attempt ran, and nobody knows how far it came retry_at=1970-01-01T00:00:00.000Z
            0 step_complete step=a status=success duration=0.0 exit_code=0 output=a is done
            0 execution_complete status=success duration=0.0 outputs={}
        "#]],
    );
}

#[test]
fn a_rollback_goes_on_after_a_crash() {
    let steps = vec![undoable("a", &[]), undoable("b", &[0]), step("c", &[1])];
    check(
        rolling(steps),
        "a+ b+ c- crash b+ crash a+",
        &expect![[r#"
            0 execution_start workflow=test steps=3 status=running
            0 step_start step=a
            0 step_complete step=a status=success duration=0.0 exit_code=0 output=a is done
            0 step_start step=b
            0 step_complete step=b status=success duration=0.0 exit_code=0 output=b is done
            0 step_start step=c
            0 step_complete step=c status=failed duration=0.0 exit_code=1 error=exit code 1
            0 rollback_start steps=["b","a"] reason=step `c`: exit code 1
            0 rollback_step_start step=b
            0 step_retry step=b attempt=1 error=the server stopped while this attempt ran, and nobody knows how far it came retry_at=1970-01-01T00:00:00.000Z
            0 rollback_step_complete step=b status=rolled_back duration=0.0
            0 rollback_step_start step=a
            0 step_retry step=a attempt=1 error=the server stopped while this attempt ran, and nobody knows how far it came retry_at=1970-01-01T00:00:00.000Z
            0 rollback_step_complete step=a status=rolled_back duration=0.0
            0 rollback_complete status=rolled_back
            0 execution_complete status=rolled_back duration=0.0 outputs={} error=step `c`: exit code 1
        "#]],
    );
}

#[test]
fn a_step_has_its_time() {
    let steps = vec![PlannedStep { timeout_ms: Some(1_000), ..step("a", &[]) }];
    check(
        plan(steps),
        "zzz a~",
        &expect![[r#"
            0 execution_start workflow=test steps=1 status=running
            0 step_start step=a
            1000 step_complete step=a status=timed_out duration=1.0 error=took longer than its limit of 1s
            1000 execution_complete status=failed duration=1.0 outputs={} error=step `a`: took longer than its limit of 1s
        "#]],
    );
}

#[test]
fn a_run_has_its_time() {
    let steps = vec![step("a", &[]), step("b", &[0])];
    check(
        Plan { timeout_ms: Some(5_000), ..plan(steps) },
        "zzz a~",
        &expect![[r#"
            0 execution_start workflow=test steps=2 status=running
            0 step_start step=a
            5000 warning code=run_timeout message=the run took longer than 5s
            5000 step_complete step=b status=skipped duration=0.0 error=the run took longer than its limit of 5s
            5000 step_complete step=a status=timed_out duration=5.0 error=the run took longer than its limit of 5s
            5000 execution_complete status=timed_out duration=5.0 outputs={} error=the run took longer than its limit of 5s
        "#]],
    );
}

#[test]
fn cancel_ends_what_runs() {
    check(
        plan(vec![undoable("a", &[]), step("b", &[0])]),
        "a+ cancel b~",
        &expect![[r#"
        0 execution_start workflow=test steps=2 status=running
        0 step_start step=a
        0 step_complete step=a status=success duration=0.0 exit_code=0 output=a is done
        0 step_start step=b
        0 execution_cancelling rollback=false reason=enough by=ann
        0 step_complete step=b status=cancelled duration=0.0 error=cancelled by ann: enough
        0 execution_complete status=cancelled duration=0.0 outputs={} error=cancelled by ann: enough
    "#]],
    );
}

#[test]
fn cancel_takes_back_only_when_asked_to() {
    check(
        plan(vec![undoable("a", &[]), step("b", &[0])]),
        "a+ back b~ a+",
        &expect![[r#"
        0 execution_start workflow=test steps=2 status=running
        0 step_start step=a
        0 step_complete step=a status=success duration=0.0 exit_code=0 output=a is done
        0 step_start step=b
        0 execution_cancelling rollback=true by=ann
        0 step_complete step=b status=cancelled duration=0.0 error=cancelled by ann
        0 rollback_start steps=["a"] reason=cancelled by ann
        0 rollback_step_start step=a
        0 rollback_step_complete step=a status=rolled_back duration=0.0
        0 rollback_complete status=rolled_back
        0 execution_complete status=rolled_back duration=0.0 outputs={} error=cancelled by ann
    "#]],
    );
}

#[test]
fn a_rollback_that_is_cancelled_ends_and_says_so() {
    let steps = vec![undoable("a", &[]), undoable("b", &[0]), step("c", &[1])];
    check(
        rolling(steps),
        "a+ b+ c- cancel b~",
        &expect![[r#"
        0 execution_start workflow=test steps=3 status=running
        0 step_start step=a
        0 step_complete step=a status=success duration=0.0 exit_code=0 output=a is done
        0 step_start step=b
        0 step_complete step=b status=success duration=0.0 exit_code=0 output=b is done
        0 step_start step=c
        0 step_complete step=c status=failed duration=0.0 exit_code=1 error=exit code 1
        0 rollback_start steps=["b","a"] reason=step `c`: exit code 1
        0 rollback_step_start step=b
        0 execution_cancelling rollback=false reason=enough by=ann
        0 rollback_step_complete step=b status=rollback_failed duration=0.0 error=the rollback was cancelled
        0 rollback_step_complete step=a status=rollback_failed duration=0.0 error=the rollback was cancelled
        0 rollback_complete status=rollback_failed
        0 execution_complete status=rollback_failed duration=0.0 outputs={} error=step `c`: exit code 1
    "#]],
    );
}

#[test]
fn pause_lets_what_runs_end_and_begins_nothing() {
    let steps = vec![step("a", &[]), step("b", &[0])];
    check(
        plan(steps),
        "pause a+ resume b+",
        &expect![[r#"
        0 execution_start workflow=test steps=2 status=running
        0 step_start step=a
        0 execution_paused by=ann
        0 step_complete step=a status=success duration=0.0 exit_code=0 output=a is done
        0 execution_resumed by=ann
        0 step_start step=b
        0 step_complete step=b status=success duration=0.0 exit_code=0 output=b is done
        0 execution_complete status=success duration=0.0 outputs={}
    "#]],
    );
}

#[test]
fn a_person_says_yes() {
    check(
        plan(vec![approval("ask", &[], None), step("b", &[0])]),
        "yes b+",
        &expect![[r#"
        0 execution_start workflow=test steps=2 status=running
        0 step_start step=ask
        0 approval_requested step=ask message=go on?
        0 approval_resolved step=ask decision=approved comment=as you like by=ann
        0 step_complete step=ask status=success duration=0.0 output=as you like
        0 step_start step=b
        0 step_complete step=b status=success duration=0.0 exit_code=0 output=b is done
        0 execution_complete status=success duration=0.0 outputs={}
    "#]],
    );
}

#[test]
fn a_person_says_no() {
    check(
        plan(vec![approval("ask", &[], None), step("b", &[0])]),
        "no",
        &expect![[r#"
        0 execution_start workflow=test steps=2 status=running
        0 step_start step=ask
        0 approval_requested step=ask message=go on?
        0 approval_resolved step=ask decision=rejected comment=as you like by=ann
        0 step_complete step=ask status=failed duration=0.0 error=rejected by ann: as you like
        0 step_complete step=b status=skipped duration=0.0 error=step `ask` failed
        0 execution_complete status=failed duration=0.0 outputs={} error=step `ask`: rejected by ann: as you like
    "#]],
    );
}

#[test]
fn nobody_says_anything() {
    check(
        plan(vec![approval("ask", &[], Some(60_000)), step("b", &[0])]),
        "zzz",
        &expect![[r#"
            0 execution_start workflow=test steps=2 status=running
            0 step_start step=ask
            0 approval_requested step=ask message=go on? expires_at=1970-01-01T00:01:00.000Z
            60000 step_complete step=ask status=timed_out duration=60.0 error=nobody answered within its limit of 1m
            60000 step_complete step=b status=skipped duration=0.0 error=step `ask` failed
            60000 execution_complete status=failed duration=60.0 outputs={} error=step `ask`: nobody answered within its limit of 1m
        "#]],
    );
}

#[test]
fn a_question_survives_a_crash() {
    check(
        plan(vec![approval("ask", &[], None)]),
        "crash yes",
        &expect![[r#"
        0 execution_start workflow=test steps=1 status=running
        0 step_start step=ask
        0 approval_requested step=ask message=go on?
        0 approval_resolved step=ask decision=approved comment=as you like by=ann
        0 step_complete step=ask status=success duration=0.0 output=as you like
        0 execution_complete status=success duration=0.0 outputs={}
    "#]],
    );
}

#[test]
fn every_item_has_its_attempts() {
    let items = ItemSource::List(vec![JsonTemplate::Literal(json!("x")), JsonTemplate::Literal(json!("y"))]);
    let foreach = Some(PlannedForeach { items, max_active: 1 });
    let steps = vec![PlannedStep { foreach, retry: retry(2), output: Some("LIST".to_owned()), ..step("a", &[]) }];
    check(
        plan(steps),
        "a+ a- zzz a+",
        &expect![[r#"
            0 execution_start workflow=test steps=1 status=running
            0 step_start step=a
            0 step_retry step=a attempt=1 error=exit code 1 exit_code=1 retry_at=1970-01-01T00:00:00.010Z
            10 step_complete step=a status=success duration=0.01 exit_code=0 output=["a is done","a is done"]
            10 execution_complete status=success duration=0.01 outputs={"LIST":["a is done","a is done"]}
        "#]],
    );
}

#[test]
fn the_work_is_repeated_until_the_code_says_so() {
    let repeat =
        PlannedRepeat { while_: None, until: None, exit_codes: vec![7], until_match: None, limit: 5, delay_ms: 500 };
    let steps = vec![PlannedStep { repeat: Some(repeat), ..step("a", &[]) }];
    check(
        plan(steps),
        "a-7 zzz a-7 zzz a+",
        &expect![[r#"
            0 execution_start workflow=test steps=1 status=running
            0 step_start step=a
            0 step_waiting step=a until=1970-01-01T00:00:00.500Z reason=round 2 of at most 5
            500 step_waiting step=a until=1970-01-01T00:00:01.000Z reason=round 3 of at most 5
            1000 step_complete step=a status=success duration=1.0 exit_code=0 output=a is done
            1000 execution_complete status=success duration=1.0 outputs={}
        "#]],
    );
}

#[test]
fn the_handlers_come_last() {
    let mut plan = rolling(vec![undoable("a", &[]), step("b", &[0])]);
    plan.handlers.failure = Some(step("tell", &[]));
    plan.handlers.exit = Some(step("tidy", &[]));
    check(
        plan,
        "a+ b- a+ tell- tidy+",
        &expect![[r#"
        0 execution_start workflow=test steps=2 status=running
        0 step_start step=a
        0 step_complete step=a status=success duration=0.0 exit_code=0 output=a is done
        0 step_start step=b
        0 step_complete step=b status=failed duration=0.0 exit_code=1 error=exit code 1
        0 rollback_start steps=["a"] reason=step `b`: exit code 1
        0 rollback_step_start step=a
        0 rollback_step_complete step=a status=rolled_back duration=0.0
        0 rollback_complete status=rolled_back
        0 warning code=handler_failed message=the handler `tell` failed: exit code 1
        0 execution_complete status=rolled_back duration=0.0 outputs={} error=step `b`: exit code 1
    "#]],
    );
}

#[test]
fn an_excused_failure_lets_the_run_go_on() {
    let mut excused = step("a", &[]);
    excused.continue_on.exit_code = vec![4];
    check(
        plan(vec![excused, step("b", &[0])]),
        "a-4 b+",
        &expect![[r#"
        0 execution_start workflow=test steps=2 status=running
        0 step_start step=a
        0 step_complete step=a status=failed duration=0.0 exit_code=4 error=exit code 4 excused=true
        0 step_start step=b
        0 step_complete step=b status=success duration=0.0 exit_code=0 output=b is done
        0 execution_complete status=success duration=0.0 outputs={}
    "#]],
    );
}
