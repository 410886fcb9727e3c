//! Journals, as a damaged disk could hold them.

use partita_core::run::{Record, Run};

/// Lines of a time and a record: a run, always the same, or a reason why they tell of none.
pub fn journal(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let line = |line: &str| {
        let (at, record) = line.split_once('\t')?;
        Some((at.parse().ok()?, Record::decode(record).ok()?))
    };
    let Some(records) = text.lines().map(line).collect::<Option<Vec<_>>>() else { return };
    for (_, record) in &records {
        let text = record.encode().expect("a record can be written");
        assert_eq!(Record::decode(&text).expect("what was written can be read"), *record);
    }
    let Ok(run) = Run::replay(records.clone()) else { return };
    assert_eq!(run.view(), Run::replay(records).expect("the same records again").view());
}
