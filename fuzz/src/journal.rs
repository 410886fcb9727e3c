//! Journals, as a damaged disk could hold them.

use partita_core::run::{Input, Record, Run};
use partita_core::time::Moment;

/// Lines of a time and a record: a run that goes on, or a reason why they tell of none.
pub fn journal(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let line = |line: &str| {
        let (at, record) = line.split_once('\t')?;
        Some((at.parse().ok()?, Record::decode(record).ok()?))
    };
    let Some(records) = text.lines().map(line).collect::<Option<Vec<_>>>() else { return };
    let last = records.last().map_or(0, |(at, _)| *at);
    let Ok(mut run) = Run::replay(records.clone()) else { return };
    let view = run.view();
    assert_eq!(view, Run::replay(records).expect("the same records again").view());
    let written = run.advance(Input::Tick, Moment { now: last, entropy: 7 });
    assert!(run.records_applied() >= written.len() as u64);
    let _ = run.view();
}
