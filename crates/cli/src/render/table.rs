//! Columns of text, as wide as they need to be.

use crate::output::{Output, Tone};

/// Prints rows under headings; nothing but a note when there are none.
pub(crate) fn print(output: &Output, headings: &[&str], rows: &[Vec<String>], empty: &str) {
    if rows.is_empty() {
        output.note(empty);
        return;
    }
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let format = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let headings: Vec<String> = headings.iter().map(|heading| heading.to_uppercase()).collect();
    output.line(&output.paint(Tone::Faint, &format(&headings)));
    for row in rows {
        output.line(&format(row));
    }
}
