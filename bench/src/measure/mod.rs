//! The measurements. Each gives a row: what, the figure, and the bound it has to keep.

pub mod composing;
pub mod followers;
pub mod steps;
pub mod weight;
pub mod workflows;

use std::time::Duration;

/// One figure.
#[derive(Clone, Debug)]
pub struct Row {
    pub what: String,
    pub figure: f64,
    pub unit: &'static str,
    /// What the figure has to keep to.
    pub bound: Bound,
    /// How it was taken.
    pub note: String,
}

/// What a figure has to keep to.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
    None,
}

impl Row {
    /// Whether the figure keeps to its bound.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self.bound {
            Bound::AtMost(bound) => self.figure <= bound,
            Bound::AtLeast(bound) => self.figure >= bound,
            Bound::None => true,
        }
    }
}

/// The median of some durations, in milliseconds.
#[must_use]
pub fn median_ms(durations: &[Duration]) -> f64 {
    let mut sorted: Vec<Duration> = durations.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).map_or(0.0, |median| median.as_secs_f64() * 1_000.0)
}

/// Prints rows as a Markdown table.
pub fn print(rows: &[Row]) {
    let mut lines = vec!["| what | figure | bound | | how |".to_owned(), "|---|---:|---:|---|---|".to_owned()];
    for row in rows {
        let bound = match row.bound {
            Bound::AtMost(bound) => format!("<= {bound}"),
            Bound::AtLeast(bound) => format!(">= {bound}"),
            Bound::None => String::new(),
        };
        let verdict = if row.holds() { "ok" } else { "MISSED" };
        let figure = if row.figure >= 100.0 { format!("{:.0}", row.figure) } else { format!("{:.2}", row.figure) };
        lines.push(format!("| {} | {figure} {} | {bound} | {verdict} | {} |", row.what, row.unit, row.note));
    }
    let mut out = std::io::stdout().lock();
    // Nobody to tell when standard output is closed.
    let _ = std::io::Write::write_all(&mut out, (lines.join("\n") + "\n").as_bytes());
}
