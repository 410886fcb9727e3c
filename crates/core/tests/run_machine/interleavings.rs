use expect_test::expect;

use crate::explore::{Scope, explore};
use crate::plans;

#[test]
fn nothing_that_must_not_happen_happens_in_any_order_with_a_crash_after_any_record() {
    let mut table = String::new();
    for (name, plan) in plans::corners() {
        let found = explore(&plans::shared(plan), Scope { crashes_max: 1, cancel: false, mutant: None });
        assert_eq!(found.violations, Vec::<String>::new(), "{name}");
        table.push_str(&format!("{name}: {} states, {:?}\n", found.states, found.verdicts));
    }
    expect![[r#"
        chain: 13 states, {Success, Failed}
        diamond: 62 states, {Success, Failed}
        diamond that goes on: 60 states, {Success, Failed}
        diamond that goes back: 348 states, {Success, RolledBack, RollbackFailed}
        one at a time: 25 states, {Success, Failed}
        retry: 32 states, {Success, Failed}
        time limits: 45 states, {Success, Failed, TimedOut}
        excused: 23 states, {Success, Failed}
        handlers: 52 states, {Success, Failed}
        approval: 19 states, {Success, Failed}
        retry and back: 40 states, {Success, RolledBack, RollbackFailed}
    "#]]
    .assert_eq(&table);
}

#[test]
fn a_person_may_cancel_at_any_moment() {
    let mut table = String::new();
    for (name, plan) in plans::corners() {
        let found = explore(&plans::shared(plan), Scope { crashes_max: 0, cancel: true, mutant: None });
        assert_eq!(found.violations, Vec::<String>::new(), "{name}");
        table.push_str(&format!("{name}: {} states, {:?}\n", found.states, found.verdicts));
    }
    expect![[r#"
        chain: 17 states, {Success, Failed, Cancelled, RolledBack}
        diamond: 87 states, {Success, Failed, Cancelled, RolledBack}
        diamond that goes on: 87 states, {Success, Failed, Cancelled, RolledBack}
        diamond that goes back: 281 states, {Success, Cancelled, RolledBack, RollbackFailed}
        one at a time: 33 states, {Success, Failed, Cancelled, RolledBack}
        retry: 36 states, {Success, Failed, Cancelled, RolledBack}
        time limits: 81 states, {Success, Failed, Cancelled, TimedOut, RolledBack}
        excused: 25 states, {Success, Failed, Cancelled, RolledBack}
        handlers: 37 states, {Success, Failed, Cancelled, RolledBack}
        approval: 22 states, {Success, Failed, Cancelled, RolledBack}
        retry and back: 44 states, {Success, Cancelled, RolledBack, RollbackFailed}
    "#]]
    .assert_eq(&table);
}
