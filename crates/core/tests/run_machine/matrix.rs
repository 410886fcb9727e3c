//! The machine at a glance: what each input leads to in each state.

use expect_test::expect;
use partita_core::plan::{Plan, PlannedStep};
use partita_core::run::{AttemptId, AttemptKind, Decision, Input};
use partita_core::task::Outcome;
use partita_core::time::Moment;
use partita_core::workflow::document::OnFailure;

use crate::plans::{approval, plan, retry, shared, step, undoable};
use crate::world::{World, failure};

fn states() -> Vec<(&'static str, World)> {
    let two = || vec![undoable("a", &[]), PlannedStep { retry: retry(2), ..step("b", &[0]) }];
    let fresh = || World::new(shared(plan(two())), None);
    let back = || World::new(shared(Plan { on_failure: OnFailure::Rollback, ..plan(two()) }), None);
    let end = |world: &mut World, outcome: Outcome| {
        let id = world.running.iter().next().copied().unwrap();
        world.finish(id, outcome, None);
    };
    let by = || "ann".to_owned();
    let mut retrying = fresh();
    end(&mut retrying, Outcome::success(""));
    end(&mut retrying, failure(1));
    let mut paused = fresh();
    paused.tell(Input::Pause { by: by() }, None);
    let mut cancelling = fresh();
    cancelling.tell(Input::Cancel { rollback: false, reason: None, by: by() }, None);
    let mut rolling = back();
    end(&mut rolling, Outcome::success(""));
    end(&mut rolling, failure(1));
    rolling.sleep();
    end(&mut rolling, failure(1));
    let mut handling = plan(vec![step("a", &[])]);
    handling.handlers.exit = Some(step("exit", &[]));
    let mut handling = World::new(shared(handling), None);
    end(&mut handling, Outcome::success(""));
    let mut ended = World::new(shared(plan(vec![step("a", &[])])), None);
    end(&mut ended, Outcome::success(""));
    vec![
        ("running", fresh()),
        ("retrying", retrying),
        ("asking", World::new(shared(plan(vec![approval("ask", &[], None), step("b", &[0])])), None)),
        ("paused", paused),
        ("cancelling", cancelling),
        ("rolling back", rolling),
        ("handler", handling),
        ("ended", ended),
    ]
}

fn inputs(world: &World) -> Vec<(&'static str, Input)> {
    let nobody = AttemptId { step: 0, kind: AttemptKind::Do, item: 0, iteration: 0, number: 9 };
    let current = world.run.in_flight().iter().next().copied().unwrap_or(nobody);
    let by = || "ann".to_owned();
    let approval = world.run.open_approvals().first().map(|open| open.approval.clone());
    let unknown = partita_core::ApprovalId::from_parts(1, 1);
    let approval = approval.unwrap_or(unknown);
    let decide = |decision| Input::Decide { approval: approval.clone(), decision, comment: None, by: by() };
    vec![
        ("tick", Input::Tick),
        ("success", Input::Finished(current, Outcome::success(""))),
        ("failure", Input::Finished(current, failure(1))),
        ("stale", Input::Finished(nobody, Outcome::success(""))),
        ("lost", Input::Lost(current)),
        ("cancel", Input::Cancel { rollback: false, reason: None, by: by() }),
        ("cancel and back", Input::Cancel { rollback: true, reason: None, by: by() }),
        ("pause", Input::Pause { by: by() }),
        ("resume", Input::Resume { by: by() }),
        ("approve", decide(Decision::Approve)),
        ("reject", decide(Decision::Reject)),
    ]
}

#[test]
fn every_input_in_every_state() {
    let mut table = String::new();
    for (state, world) in states() {
        table.push_str(&format!("{state} ({})\n", world.run.status()));
        for (name, input) in inputs(&world) {
            let mut run = world.run.clone();
            let records = run.advance(input, Moment { now: world.now, entropy: 1 });
            let kinds: Vec<String> = records.iter().map(kind).collect();
            let kinds = if kinds.is_empty() { "-".to_owned() } else { kinds.join(" ") };
            table.push_str(&format!("  {name:15} {kinds} => {}\n", run.status()));
        }
    }
    expect![[r#"
        running (running)
          tick            - => running
          success         attempt_finished step_finished attempt_started => running
          failure         attempt_finished step_finished step_finished finished => failed
          stale           - => running
          lost            attempt_finished step_finished step_finished finished => failed
          cancel          cancel_requested attempt_stopping step_finished => cancelling
          cancel and back cancel_requested attempt_stopping step_finished => cancelling
          pause           paused => paused
          resume          - => running
          approve         - => running
          reject          - => running
        retrying (waiting)
          tick            - => waiting
          success         - => waiting
          failure         - => waiting
          stale           - => waiting
          lost            - => waiting
          cancel          cancel_requested step_finished finished => cancelled
          cancel and back cancel_requested step_finished rollback_started attempt_started => rolling_back
          pause           paused => paused
          resume          - => waiting
          approve         - => waiting
          reject          - => waiting
        asking (waiting)
          tick            - => waiting
          success         - => waiting
          failure         - => waiting
          stale           - => waiting
          lost            - => waiting
          cancel          cancel_requested step_finished step_finished finished => cancelled
          cancel and back cancel_requested step_finished step_finished rollback_started rollback_finished finished => rolled_back
          pause           paused => paused
          resume          - => waiting
          approve         approval_resolved step_finished attempt_started => running
          reject          approval_resolved step_finished step_finished finished => failed
        paused (paused)
          tick            - => paused
          success         attempt_finished step_finished => paused
          failure         attempt_finished step_finished step_finished finished => failed
          stale           - => paused
          lost            attempt_finished step_finished step_finished finished => failed
          cancel          cancel_requested attempt_stopping step_finished => paused
          cancel and back cancel_requested attempt_stopping step_finished => paused
          pause           - => paused
          resume          resumed => running
          approve         - => paused
          reject          - => paused
        cancelling (cancelling)
          tick            - => cancelling
          success         attempt_finished step_finished finished => cancelled
          failure         attempt_finished step_finished finished => cancelled
          stale           - => cancelling
          lost            attempt_finished step_finished finished => cancelled
          cancel          - => cancelling
          cancel and back - => cancelling
          pause           - => cancelling
          resume          - => cancelling
          approve         - => cancelling
          reject          - => cancelling
        rolling back (rolling_back)
          tick            - => rolling_back
          success         attempt_finished undo_finished rollback_finished finished => rolled_back
          failure         attempt_finished undo_finished rollback_finished finished => rollback_failed
          stale           - => rolling_back
          lost            attempt_finished attempt_started => rolling_back
          cancel          cancel_requested attempt_stopping => rolling_back
          cancel and back cancel_requested attempt_stopping => rolling_back
          pause           paused => paused
          resume          - => rolling_back
          approve         - => rolling_back
          reject          - => rolling_back
        handler (running)
          tick            - => running
          success         attempt_finished finished => success
          failure         attempt_finished warning finished => success
          stale           - => running
          lost            attempt_finished warning finished => success
          cancel          cancel_requested attempt_stopping => running
          cancel and back cancel_requested attempt_stopping => running
          pause           paused => paused
          resume          - => running
          approve         - => running
          reject          - => running
        ended (success)
          tick            - => success
          success         - => success
          failure         - => success
          stale           - => success
          lost            - => success
          cancel          - => success
          cancel and back - => success
          pause           - => success
          resume          - => success
          approve         - => success
          reject          - => success
    "#]]
    .assert_eq(&table);
}

fn kind(record: &partita_core::run::Record) -> String {
    let json: serde_json::Value = serde_json::to_value(record).unwrap();
    json["type"].as_str().unwrap().to_owned()
}
