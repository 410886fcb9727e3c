//! Journals as they were written, one record a line. They are never rewritten: a later version of the
//! record format gets samples of its own, beside these.

use expect_test::expect_file;
use partita_core::plan::{Plan, PlannedStep};
use partita_core::run::{Decision, Input, Record, Run, Verdict};
use partita_core::task::Outcome;
use partita_core::workflow::document::OnFailure;

use crate::plans::{approval, plan, retry, shared, step, undoable};
use crate::world::{World, failure};

fn written(world: &World) -> String {
    let line = |(at, record): &(u64, Record)| format!("{at}\t{}\n", record.encode().unwrap());
    world.journal.iter().map(line).collect()
}

fn replayed(text: &str) -> Run {
    let records = text.lines().map(|line| {
        let (at, record) = line.split_once('\t').unwrap();
        (at.parse().unwrap(), Record::decode(record).unwrap())
    });
    Run::replay(records.collect::<Vec<_>>()).unwrap()
}

fn end(world: &mut World, outcome: Outcome) {
    let id = world.running.iter().next().copied().unwrap();
    world.finish(id, outcome, None);
}

#[test]
fn a_run_that_asked_retried_and_succeeded() {
    let steps = vec![approval("ask", &[], Some(60_000)), PlannedStep { retry: retry(2), ..step("work", &[0]) }];
    let mut world = World::new(shared(plan(steps)), None);
    let approval = world.run.open_approvals()[0].approval.clone();
    let (decision, comment) = (Decision::Approve, Some("go".to_owned()));
    world.tell(Input::Decide { approval, decision, comment, by: "ann".to_owned() }, None);
    end(&mut world, failure(1));
    world.sleep();
    end(&mut world, Outcome::success("done"));
    expect_file!["../../testdata/journal/v1/success.tsv"].assert_eq(&written(&world));
    let run = replayed(include_str!("../../testdata/journal/v1/success.tsv"));
    assert_eq!((run.verdict(), run.view()), (Some(Verdict::Success), world.run.view()));
}

#[test]
fn a_run_that_was_rolled_back() {
    let steps = vec![undoable("make", &[]), step("break", &[0])];
    let mut world = World::new(shared(Plan { on_failure: OnFailure::Rollback, ..plan(steps) }), None);
    end(&mut world, Outcome::success("made"));
    end(&mut world, failure(2));
    world.tell(Input::Tick, Some(0));
    end(&mut world, Outcome::success("unmade"));
    expect_file!["../../testdata/journal/v1/rolled_back.tsv"].assert_eq(&written(&world));
    let run = replayed(include_str!("../../testdata/journal/v1/rolled_back.tsv"));
    assert_eq!((run.verdict(), run.view()), (Some(Verdict::RolledBack), world.run.view()));
}

#[test]
fn a_journal_of_a_newer_program_is_refused() {
    let error = Record::decode(r#"{"v":2,"type":"paused","by":"ann"}"#).unwrap_err().to_string();
    assert!(error.contains("version 2") && error.contains("newer"), "{error}");
}

#[test]
fn a_damaged_journal_is_refused_with_the_place() {
    let text = include_str!("../../testdata/journal/v1/success.tsv");
    let records = |lines: Vec<&str>| {
        let read = |line: &str| (0, Record::decode(line.split_once('\t').unwrap().1).unwrap());
        Run::replay(lines.into_iter().map(read).collect::<Vec<_>>())
    };
    let lines: Vec<&str> = text.lines().collect();
    let twice = [&lines[..3], &lines[2..3]].concat();
    assert_eq!(records(twice).unwrap_err().record_no, 4);
    assert_eq!(records(lines[1..].to_vec()).unwrap_err().record_no, 1);
    let after_the_end = [&lines[..], &lines[1..2]].concat();
    assert!(records(after_the_end).is_err());
}
